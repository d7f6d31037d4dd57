//! What must hold for the response to a document of the user's own.

use serde_json::{Map, Value};

use super::errors::{
    is_proven_where_nothing_started, is_retryable_by_the_table, keeps_the_id, shows_no_secret,
};
use super::given::{Given, TRANSPORT};
use super::proofs::{Said, Sent};
use crate::error::{Error, FailedCall, GraphQlError, Purpose};
use crate::model::SessionId;
use crate::operations::documents::TriggerDinoaiAgentRun;
use crate::operations::{relax_own_mutation, relax_own_query};
use crate::transport::{Operation, OperationInfo, Reader, Response, ResponseContext, Safety};

const ROOT: &str = "triggerDinoaiAgentRun";

type Whole = (Map<String, Value>, Vec<GraphQlError>);
type Read = fn(
    &Response,
    &Reader<Map<String, Value>, Whole>,
    &FailedCall,
    &ResponseContext,
) -> Result<Whole, Error>;

/// Checks the response to a query, or to a mutation that starts something.
pub(super) fn own(given: &Given, safety: Safety) {
    let (purpose, relax): (_, fn(&mut Value)) = match safety {
        Safety::Read => (Purpose::Query, relax_own_query),
        Safety::Idempotent => (Purpose::IdempotentMutation, relax_own_mutation),
        Safety::Never => (Purpose::Mutation, relax_own_mutation),
    };
    let info = OperationInfo {
        purpose,
        safety,
        relax,
        is_refusal: |_, _| false,
        ..TriggerDinoaiAgentRun::INFO
    };
    let reader = Reader::whole(info, vec![ROOT.to_owned()], |data, errors| {
        Ok((data, errors))
    });
    let answer = |read: Read| {
        let (response, call) = given.arrive(None, &reader.info)?;
        read(&response, &reader, &call, TRANSPORT.context())
    };
    let read = answer(Response::read);
    for again in [Response::read as Read, Response::examined] {
        assert_eq!(format!("{read:?}"), format!("{:?}", answer(again)));
    }
    let Err(error) = read else {
        return;
    };
    shows_no_secret(&error);
    let (body, _) = given.unpacked();
    let said = Said::of(&body);
    match safety {
        Safety::Read => assert_eq!(error.session_id(), None),
        Safety::Idempotent | Safety::Never => {
            keeps_the_id(&said, None, error.session_id().map(SessionId::as_str));
        }
    }
    match safety {
        Safety::Read | Safety::Idempotent => {
            assert!(!error.may_have_started(), "{error:?}");
            is_retryable_by_the_table(given, &error);
        }
        Safety::Never => {
            let sent = Sent {
                root: ROOT,
                agent: None,
                starts_a_run: true,
            };
            is_proven_where_nothing_started(given, &said, &sent, &error);
        }
    }
}
