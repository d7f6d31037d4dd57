//! [`Probe`]: a document as it is sent to see what the backend makes of it.

use serde_json::Value;

use super::skipped::skipped;
use crate::error::{Error, Purpose, Result};
use crate::transport::{Operation, OperationInfo, Safety};

/// A document, and variables that have to be refused should it be executed.
pub(super) struct Probe {
    pub(super) info: OperationInfo,
    /// The document as it is sent.
    pub(super) document: String,
    pub(super) variables: Value,
}

impl Probe {
    /// Validated by the server, and not executed.
    pub(super) fn skipping<O: Operation>(document: &str, variables: Value) -> Result<Self> {
        let document = skipped(document).ok_or_else(|| Error::InvalidRequest {
            field: "document",
            problem: format!("of {} cannot be parsed", O::INFO.name),
        })?;
        let probe = match O::INFO.safety {
            Safety::Read => Self::of(Purpose::Query, O::INFO, document, variables),
            Safety::Idempotent | Safety::Never => {
                // Should it be executed all the same, it is so once, and no id is lost.
                let info = OperationInfo {
                    safety: Safety::Never,
                    skipped_root: O::INFO.root,
                    ..O::INFO
                };
                Self::of(Purpose::IdempotentMutation, info, document, variables)
            }
        };
        Ok(probe)
    }

    /// A read that is carried out.
    pub(super) fn reading<O: Operation>(document: &str, variables: Value) -> Self {
        Self::of(O::INFO.purpose, O::INFO, document.to_owned(), variables)
    }

    fn of(purpose: Purpose, info: OperationInfo, document: String, variables: Value) -> Self {
        let info = OperationInfo {
            purpose,
            root: None,
            needs_workspace: false,
            relax: |_| {},
            ..info
        };
        Self {
            info,
            document,
            variables,
        }
    }
}
