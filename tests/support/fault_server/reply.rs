//! What a server answers: a good response, or one of the ways to fail.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::SESSION;

#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A whole response: status, headers, body.
    Http(u16, Vec<(&'static str, String)>, String),
    /// The connection is reset before the body has been read.
    ResetBefore,
    /// The request is carried out, then the connection is reset.
    ResetAfter,
    /// The request is carried out, then all but the end of the answer is sent.
    CutBody,
    /// The request is carried out, and no answer ever comes.
    Hang,
    /// A good answer; then the connection is closed without a word about it.
    GoodThenClose,
    /// A good answer.
    Good,
    /// A good answer to a poll or a read, with this status of the run.
    Status(&'static str),
    /// A reply that comes this much later.
    Late(Duration, Box<Reply>),
    /// A reply that is held back until it is released.
    When(Arc<Notify>, Box<Reply>),
    /// The request is carried out, then these bytes are sent and the connection ends.
    Raw(Vec<u8>),
    /// The request is carried out, then these bytes are sent and nothing follows.
    RawThenHang(Vec<u8>),
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Self::Http(status, headers, body.to_string())
    }

    /// A good GraphQL answer with this data.
    pub(crate) fn data(data: &Value) -> Self {
        Self::json(200, &json!({ "data": data }))
    }

    pub(crate) fn html(status: u16) -> Self {
        let headers = vec![("Content-Type", "text/html".to_owned())];
        Self::Http(status, headers, "<h1>Bad gateway</h1>".to_owned())
    }

    pub(crate) fn too_many_requests(retry_after: &str) -> Self {
        Self::Http(
            429,
            vec![("Retry-After", retry_after.to_owned())],
            String::new(),
        )
    }

    /// A whole response with this content type and body.
    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        let headers = vec![("Content-Type", content_type.to_owned())];
        Self::Http(status, headers, body.into())
    }

    /// A GraphQL response with these errors and without `data`.
    pub(crate) fn errors(status: u16, errors: &Value) -> Self {
        Self::json(status, &json!({ "errors": errors }))
    }

    /// The same response with one more header.
    pub(crate) fn with_header(self, name: &'static str, value: impl Into<String>) -> Self {
        let Self::Http(status, mut headers, body) = self else {
            unreachable!("{self:?} has no headers of its own");
        };
        headers.push((name, value.into()));
        Self::Http(status, headers, body)
    }

    /// A response that ends before its body does: it has sent `body`, and its `Content-Length`
    /// promises more.
    pub(crate) fn cut(status: u16, body: &str) -> Self {
        Self::Raw(cut_response(status, body))
    }

    /// As [`Reply::cut`], but the connection stays open and silent.
    pub(crate) fn cut_then_hang(status: u16, body: &str) -> Self {
        Self::RawThenHang(cut_response(status, body))
    }

    pub(crate) fn unavailable(retry_after: &str) -> Self {
        Self::Http(
            503,
            vec![("Retry-After", retry_after.to_owned())],
            String::new(),
        )
    }
}

/// What a healthy API answers, the run having `status`.
pub(crate) fn good_answer(operation: &str, status: &str) -> Value {
    let accepted = json!({ "ok": true, "agentSessionId": SESSION, "status": "queued" });
    let data = match operation {
        "TriggerDinoaiAgentRun" | "TriggerDinoaiAgentRunWithOptions" => {
            json!({ "triggerDinoaiAgentRun": accepted })
        }
        "SendDinoaiAgentMessage" => json!({ "sendDinoaiAgentMessage": accepted }),
        "StopDinoaiAgentRun" => {
            json!({ "stopDinoaiAgentRun": { "ok": true, "status": "STOPPED" } })
        }
        "DinoaiAgentRunStatus" => json!({ "dinoaiAgentRun": { "ok": true, "status": status } }),
        _ => json!({ "dinoaiAgentRun": {
            "ok": true,
            "agentSessionId": SESSION,
            "status": status,
            "messages": [{ "ts": 1.5, "role": "assistant", "content": "All good." }],
            "childSessionIds": [],
            "workspaceUid": "w1",
        } }),
    };
    json!({ "data": data })
}

pub(super) fn response(status: u16, headers: &[(&'static str, String)], body: &str) -> String {
    let mut head = format!(
        "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{head}\r\n{body}")
}

fn cut_response(status: u16, body: &str) -> Vec<u8> {
    let promised = body.len() + 1000;
    format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\n\
         Content-Length: {promised}\r\n\r\n{body}"
    )
    .into_bytes()
}
