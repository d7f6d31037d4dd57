//! What an emulator tells about the HTTP requests that it received.

use std::time::Duration;

use serde::Serialize;

use crate::seconds;

/// One HTTP request that the emulator received.
///
/// ```
/// use std::time::Duration;
/// use dinoai_emulator::Emulator;
///
/// # fn main() -> Result<(), dinoai_emulator::Error> {
/// let emulator = Emulator::builder().start_blocking()?;
/// // Point a client at it, and then see that it never came back within a second:
/// for pair in emulator.requests().windows(2) {
///     let pause = pair[0].answered.map(|answered| pair[1].received - answered);
///     assert!(pause >= Some(Duration::from_secs(1)));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// Which request this is, from 1 for the first since the start, since the record was emptied
    /// or since the reset. The first of a record has a higher one if requests before it were
    /// [dropped](crate::Emulator::dropped_requests).
    pub number: u64,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query string.
    pub path: String,
    /// The headers, names in lower case; the order is kept among headers of one name only. Values
    /// of headers that carry credentials are `***`; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The number of the TCP connection that the request came over: 1 for the first that the
    /// emulator accepted.
    pub connection: u64,
    /// The operation's name: the request's `operationName`, else the name of the document's only
    /// operation.
    pub operation_name: Option<String>,
    /// The GraphQL document. Empty where the request held none that could be read.
    pub query: String,
    /// The variables as they were sent; null where there were none.
    pub variables: serde_json::Value,
    /// The HTTP status answered; 0 until the answer is made, and for good if the client went
    /// away before, or if its connection was reset.
    pub status: u16,
    /// The session ids of the runs that the request triggered, in order. Not those of their
    /// children.
    pub started: Vec<String>,
    /// Whether a field of the API was resolved. False for a document that was refused, for one
    /// whose fields are all skipped, and for introspection alone.
    pub executed: bool,
    /// When the request's head came in, on the emulator's clock: see
    /// [`Emulator::elapsed`](crate::Emulator::elapsed). In JSON `received_seconds`.
    #[serde(rename = "received_seconds", serialize_with = "seconds::of")]
    pub received: Duration,
    /// When the answer was ready to leave, on the same clock; none where it never was: because
    /// the client went away before, or because the connection was reset. In JSON
    /// `answered_seconds`.
    #[serde(rename = "answered_seconds", serialize_with = "seconds::of_option")]
    pub answered: Option<Duration>,
    /// The name of the [`Fault`](crate::Fault) that happened to the request, as in its JSON.
    pub fault: Option<String>,
}

impl Request {
    /// The value of the first header with this name, whatever its case. `***` for a credential.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}
