//! What a tool replies: a result, as data and as text, or a [`Problem`] that an assistant can act on.

use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;

use crate::sanitize::{for_terminal, json};

/// Why a tool did not do what it was called for, and what to do next.
#[derive(Debug)]
pub(super) struct Problem(String);

impl Problem {
    pub(super) fn new(text: impl AsRef<str>) -> Self {
        Self(for_terminal(text.as_ref()).into_owned())
    }
}

/// What a tool replies.
pub(super) type Reply = Result<CallToolResult, Problem>;

/// A result: structured, and the same as a text of JSON for clients that know no structured results.
pub(super) fn result(value: &impl Serialize) -> Reply {
    let text = json::line(value);
    let data = serde_json::to_value(value);
    match (text, data) {
        (Ok(text), Ok(data)) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
            result.structured_content = Some(data);
            Ok(result)
        }
        (Err(error), _) | (_, Err(error)) => Err(Problem::new(format!(
            "the result cannot be written as JSON: {error}"
        ))),
    }
}

/// A reply as the protocol has it.
pub(super) fn as_result(reply: Reply) -> CallToolResult {
    reply.unwrap_or_else(|Problem(text)| CallToolResult::error(vec![ContentBlock::text(text)]))
}
