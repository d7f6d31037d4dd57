//! [`OwnDocument`]: a document of the user's own, once it is known which kind of operation it is.

use graphql_client::GraphQLQuery;
use graphql_parser::query::{Definition, Document, OperationDefinition, parse_query};

use crate::error::{Error, Purpose, excerpt};
use crate::operations::{find_id, relax_changes, relax_reads};
use crate::transport::{OperationInfo, Safety, after_variables, request_body};

/// Whether a mutation may be sent again that may have been carried out.
///
/// Nobody but its author knows: see [`Client::execute_mutation`](crate::Client::execute_mutation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetrySafety {
    /// Made twice it does no harm: it is sent again like a query.
    Idempotent,
    /// Made twice it acts twice: it is sent again only if nothing was carried out for certain.
    Never,
}

/// A request with a document of the user's own.
pub(crate) struct OwnDocument {
    pub(super) info: OperationInfo,
    pub(super) body: Vec<u8>,
}

impl OwnDocument {
    pub(crate) fn query<Q: GraphQLQuery>(variables: Q::Variables) -> Result<Self, Error> {
        Self::new::<Q>(variables, None)
    }

    pub(crate) fn mutation<Q: GraphQLQuery>(
        variables: Q::Variables,
        safety: RetrySafety,
    ) -> Result<Self, Error> {
        Self::new::<Q>(variables, Some(safety))
    }

    /// `safety`: what the caller says of a mutation; `None` of a query.
    fn new<Q: GraphQLQuery>(
        variables: Q::Variables,
        safety: Option<RetrySafety>,
    ) -> Result<Self, Error> {
        let request = Q::build_query(variables);
        let name = request.operation_name;
        check(request.query, name, safety)?;
        let (purpose, safety, relax): (_, _, fn(&mut _)) = match safety {
            None => (Purpose::Query, Safety::Read, relax_reads),
            Some(RetrySafety::Idempotent) => (
                Purpose::IdempotentMutation,
                Safety::Idempotent,
                relax_changes,
            ),
            Some(RetrySafety::Never) => (Purpose::Mutation, Safety::Never, relax_changes),
        };
        Ok(Self {
            info: OperationInfo {
                name,
                purpose,
                root: None,
                id_field: "agentSessionId",
                safety,
                // What it is about, the backend alone knows.
                needs_workspace: false,
                may_miss: &[],
                relax,
                find_id,
                // The API's words are about documents of this crate.
                is_refusal: |_, _| false,
            },
            body: request_body(&request.variables, &after_variables(request.query, name))?,
        })
    }
}

/// Refuses a document unless the operation of this name is what the caller takes it for.
fn check(document: &str, name: &str, safety: Option<RetrySafety>) -> Result<(), Error> {
    let refused = |problem| {
        Err(Error::InvalidRequest {
            field: "document",
            problem,
        })
    };
    let parsed = match parse_query::<&str>(document) {
        Ok(parsed) => parsed,
        Err(error) => {
            let text = error.to_string();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            return refused(format!("of {name} cannot be parsed: {}", excerpt(&text)));
        }
    };
    match (operation(&parsed, name), safety) {
        (Some(Kind::Query), None) | (Some(Kind::Mutation), Some(_)) => Ok(()),
        (Some(Kind::Mutation), None) => refused(format!(
            "holds the mutation {name}: send it with execute_mutation, which asks whether it may be sent twice"
        )),
        (Some(Kind::Query), Some(_)) => {
            refused(format!("holds the query {name}: send it with execute"))
        }
        (Some(Kind::Subscription), _) => refused(format!(
            "holds the subscription {name}: send a query or a mutation"
        )),
        (None, _) => refused(format!(
            "holds no operation named {name}: name the struct that derives it after an operation"
        )),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Query,
    Mutation,
    Subscription,
}

/// Which kind of operation a name stands for. `QueryBody.query` is the whole file, whatever comes
/// first in it.
fn operation<'a>(document: &Document<'a, &'a str>, name: &str) -> Option<Kind> {
    document.definitions.iter().find_map(|definition| {
        let Definition::Operation(operation) = definition else {
            return None;
        };
        let (kind, known) = match operation {
            OperationDefinition::Query(query) => (Kind::Query, query.name),
            OperationDefinition::Mutation(mutation) => (Kind::Mutation, mutation.name),
            OperationDefinition::Subscription(it) => (Kind::Subscription, it.name),
            OperationDefinition::SelectionSet(_) => return None,
        };
        (known == Some(name)).then_some(kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::documents::*;
    use crate::transport::Operation;

    /// Whether a document of this crate is what the transport takes it for.
    fn agrees<O: Operation>(document: &str) {
        let parsed = parse_query::<&str>(document).unwrap();
        let kind = match O::INFO.safety {
            Safety::Read => Kind::Query,
            Safety::Idempotent | Safety::Never => Kind::Mutation,
        };
        assert_eq!(operation(&parsed, O::INFO.name), Some(kind), "{document}");
    }

    #[test]
    fn the_documents_of_this_crate_are_what_the_transport_takes_them_for() {
        agrees::<TriggerDinoaiAgentRun>(trigger_dinoai_agent_run::QUERY);
        agrees::<TriggerDinoaiAgentRunWithOptions>(trigger_dinoai_agent_run_with_options::QUERY);
        agrees::<SendDinoaiAgentMessage>(send_dinoai_agent_message::QUERY);
        agrees::<StopDinoaiAgentRun>(stop_dinoai_agent_run::QUERY);
        agrees::<DinoaiAgentRun>(dinoai_agent_run::QUERY);
        agrees::<DinoaiAgentRunStatus>(dinoai_agent_run_status::QUERY);
        agrees::<DinoaiAgentRunDigest>(dinoai_agent_run_digest::QUERY);
        agrees::<DinoaiAgentRunSteps>(dinoai_agent_run_steps::QUERY);
    }
}
