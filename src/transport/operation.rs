//! [`Operation`]: what the transport has to know of a document, without knowing what it is about.

use serde_json::Value;

use super::request_body::Document;
use crate::error::{FailedCall, GraphQlError, Purpose};
use crate::model::SessionId;

/// A document, and what its response becomes.
pub(crate) trait Operation: Document {
    const INFO: OperationInfo;
    /// What the rest of the crate gets.
    type Output;

    /// What the data says, or why it says nothing.
    fn output(data: Self::ResponseData) -> Result<Self::Output, Refusal>;

    /// The name of the agent that is asked for.
    fn agent(_: &Self::Variables) -> Option<&str> {
        None
    }

    /// The run that the response says it is about, if it has to be the one that was asked for.
    fn session_id(_: &Self::Output) -> Option<&SessionId> {
        None
    }
}

/// What has to be known of an operation to send it and to read its response.
#[derive(Clone, Copy)]
pub(crate) struct OperationInfo {
    pub(crate) name: &'static str,
    /// What it is for, as errors say it.
    pub(crate) purpose: Purpose,
    /// The root field; `None` in a document of the user's own, whose data is a value if it is an
    /// object.
    pub(crate) root: Option<&'static str>,
    /// The root field of a mutation that a probe has skipped: there must be no value at it.
    pub(crate) skipped_root: Option<&'static str>,
    /// The field of the root that says what a response is about.
    pub(crate) id_field: &'static str,
    pub(crate) safety: Safety,
    /// Whether it is about a workspace's runs. Credentials that leave the workspace open are not
    /// enough for it then.
    pub(crate) needs_workspace: bool,
    /// The fields of the root that may be null beside an error while the rest still counts.
    pub(crate) may_miss: &'static [&'static str],
    /// Puts right what the schema does not allow and can be understood all the same.
    pub(crate) relax: fn(&mut Value),
    /// Finds the session ids in a body, whatever else that is: cut, not GraphQL, an error.
    pub(crate) find_ids: fn(&[u8]) -> Vec<SessionId>,
    /// Whether an error at the root of one that starts something is the API's own refusal. Beside
    /// it stands the name of the agent that was sent.
    pub(crate) is_refusal: fn(&GraphQlError, Option<&str>) -> bool,
}

impl OperationInfo {
    /// A first attempt, of which nothing is known yet.
    pub(crate) fn call(&self) -> FailedCall {
        FailedCall::new(self.name, self.purpose)
    }
}

/// Whether a request is sent again whose body left and whose response was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Safety {
    /// A read: it is sent again, over kept connections.
    Read,
    /// A change that can be made twice without harm: it is sent again.
    Idempotent,
    /// A change that would be made twice: it is never sent again.
    Never,
}

/// Data that says nothing.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// The root field is null, and no error says why.
    Nothing,
    /// `ok: false`, and the status beside it.
    NotAccepted(String),
    /// A value that cannot be, and where.
    Invalid {
        path: &'static str,
        problem: &'static str,
    },
}
