//! What an emulator reports of the HTTP requests that it received.

use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::clock::Seconds;

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
#[derive(Debug, Clone, PartialEq)]
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
    pub received: Duration,
    /// When the answer was ready to leave, on the same clock; none where it never was: because
    /// the client went away before, or because the connection was reset. In JSON
    /// `answered_seconds`.
    pub answered: Option<Duration>,
    /// The name of the [`Fault`](crate::Fault) that happened to the request, as in its JSON.
    pub fault: Option<String>,
}

impl Request {
    /// The value of the first header with this name, whatever its case. `***` for a credential.
    ///
    /// ```
    /// use dinoai_emulator::Emulator;
    ///
    /// # fn main() -> Result<(), dinoai_emulator::Error> {
    /// let emulator = Emulator::builder().start_blocking()?;
    /// // Let a client work here.
    /// for request in emulator.requests() {
    ///     println!("{:?}", request.header("User-Agent"));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Serialises the request with these variables in place of its own.
    pub(crate) fn serialize_with<S: Serializer>(
        &self,
        variables: &impl Serialize,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Request", 14)?;
        fields.serialize_field("number", &self.number)?;
        fields.serialize_field("method", &self.method)?;
        fields.serialize_field("path", &self.path)?;
        fields.serialize_field("headers", &self.headers)?;
        fields.serialize_field("connection", &self.connection)?;
        fields.serialize_field("operation_name", &self.operation_name)?;
        fields.serialize_field("query", &self.query)?;
        fields.serialize_field("variables", variables)?;
        fields.serialize_field("status", &self.status)?;
        fields.serialize_field("started", &self.started)?;
        fields.serialize_field("executed", &self.executed)?;
        fields.serialize_field("received_seconds", &Seconds(self.received))?;
        fields.serialize_field("answered_seconds", &self.answered.map(Seconds))?;
        fields.serialize_field("fault", &self.fault)?;
        fields.end()
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_with(&self.variables, serializer)
    }
}
