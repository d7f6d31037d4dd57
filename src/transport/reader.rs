//! [`Reader`]: what the response to a document becomes, one of this crate or one of the user's own.

use super::operation::{Operation, OperationInfo, Refusal};
use crate::error::{GraphQlError, PathSegment};
use crate::model::SessionId;

/// Makes of the data of a response, and of the errors beside it, what the caller gets.
pub(crate) struct Reader<T, Output> {
    pub(crate) info: OperationInfo,
    /// The agent that is asked for.
    pub(super) agent: Option<String>,
    /// What the fields at the root of a document of the user's own are called in the response.
    pub(super) roots: Vec<String>,
    pub(super) output: fn(T, Vec<GraphQlError>) -> Result<Output, Refusal>,
    /// The run that the response says it is about, if it has to be the one that was asked for.
    pub(super) session_id: fn(&Output) -> Option<&SessionId>,
}

impl<T, Output> Reader<T, Output> {
    /// Of a document of this crate.
    pub(crate) fn of<O: Operation<ResponseData = T, Output = Output>>(
        agent: Option<String>,
    ) -> Self {
        Self {
            info: O::INFO,
            agent,
            roots: vec![],
            // What stands beside the data can be missed.
            output: |data, _| O::output(data),
            session_id: O::session_id,
        }
    }

    /// Takes the data whole, and all errors beside it: of a document of which no more is known than what its
    /// root fields are called.
    pub(crate) fn whole(
        info: OperationInfo,
        roots: Vec<String>,
        output: fn(T, Vec<GraphQlError>) -> Result<Output, Refusal>,
    ) -> Self {
        Self {
            info: OperationInfo { root: None, ..info },
            agent: None,
            roots,
            output,
            session_id: |_| None,
        }
    }

    /// Whether errors are for the caller to judge, whatever they are about.
    pub(super) fn is_whole(&self) -> bool {
        self.info.root.is_none()
    }

    /// Whether the data counts although this error stands beside it.
    pub(super) fn can_be_missed(&self, error: &GraphQlError) -> bool {
        self.is_whole()
            || matches!(error.path.get(1), Some(PathSegment::Field(name))
                if self.info.may_miss.contains(&name.as_str()))
    }
}
