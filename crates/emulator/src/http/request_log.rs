//! The requests that an emulator received: each as it is reported ([`Request`]), and the latest ones
//! ([`RequestLog`]).

use std::collections::VecDeque;
use std::mem::size_of;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::parameters::Parameters;
use crate::clock::Seconds;
use crate::credentials;

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
    /// Which request this is, from 1 for the first since the start, since the log was emptied
    /// or since the reset. The first of a log has a higher one if requests before it were
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
    /// The GraphQL document. Empty if the request held none that could be read.
    pub query: String,
    /// The variables as they were sent; null if there were none.
    pub variables: serde_json::Value,
    /// The HTTP status of the response; 0 until that is made, and for good if the client went
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
    /// When the response was ready to leave, on the same clock; none if it never was: because
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

/// How many requests the log keeps.
const MOST_REQUESTS: usize = 10_000;

/// How much memory they take: 32 MiB.
const MOST_BYTES: usize = 32 << 20;

/// What a text takes beside its bytes: its place, and what the allocator adds.
const TEXT_OVERHEAD: usize = size_of::<String>() + 16;

/// How much of the past the log keeps.
pub(crate) struct RequestLogLimits {
    requests: usize,
    bytes: usize,
}

impl Default for RequestLogLimits {
    fn default() -> Self {
        Self {
            requests: MOST_REQUESTS,
            bytes: MOST_BYTES,
        }
    }
}

impl RequestLogLimits {
    /// So many requests, of whatever size.
    pub(crate) fn of(requests: usize) -> Self {
        Self {
            requests,
            bytes: usize::MAX,
        }
    }
}

/// The latest requests. A request is entered when its head has come in, and completed when its
/// response is made, so that the order is that of arrival.
pub(crate) struct RequestLog {
    limits: RequestLogLimits,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: VecDeque<Entry>,
    /// The place of the first entry: how many entries have left, since the emulator started.
    first: u64,
    /// The place of the first request since the log was emptied.
    begin: u64,
    bytes: usize,
}

/// A request that is kept.
pub(crate) struct Entry {
    /// Without its headers, its document and its variables.
    request: Request,
    /// Those of a request shortly before, if that had the same: most requests are polls.
    headers: Arc<Vec<(String, String)>>,
    document: Arc<str>,
    /// Their JSON. As values they can take a hundred times as much.
    variables: Arc<str>,
    bytes: usize,
}

impl Entry {
    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// As if it shared nothing: what it shares may be its own in the end.
    fn weigh(&self) -> usize {
        let request = &self.request;
        let text = |text: &str| text.len() + TEXT_OVERHEAD;
        let headers = self.headers.iter();
        let headers: usize = headers.map(|(name, value)| text(name) + text(value)).sum();
        let started: usize = request.started.iter().map(|id| text(id)).sum();
        size_of::<Self>()
            + text(&request.method)
            + text(&request.path)
            + headers
            + request.operation_name.as_deref().map_or(0, text)
            + text(&self.document)
            + text(&self.variables)
            + started
            + request.fault.as_deref().map_or(0, text)
    }

    fn request(&self) -> Request {
        let mut request = self.without_variables();
        // They were read once.
        request.variables = serde_json::from_str(&self.variables).unwrap_or_default();
        request
    }

    fn without_variables(&self) -> Request {
        Request {
            headers: self.headers.to_vec(),
            query: self.document.as_ref().to_owned(),
            ..self.request.clone()
        }
    }
}

impl Serialize for Entry {
    /// As [`Request`], without its variables as values.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let variables: Option<&RawValue> = serde_json::from_str(&self.variables).ok();
        self.without_variables()
            .serialize_with(&variables, serializer)
    }
}

impl RequestLog {
    pub(crate) fn new(limits: RequestLogLimits) -> Self {
        Self {
            limits,
            kept: Mutex::default(),
        }
    }

    /// Enters a request whose head came in now, and returns its place.
    pub(crate) fn open(&self, parts: &Parts, connection: u64, now: Duration) -> u64 {
        let mut kept = self.kept();
        let place = kept.first + kept.entries.len() as u64;
        let request = Request {
            number: place - kept.begin + 1,
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            headers: Vec::new(),
            connection,
            operation_name: None,
            query: String::new(),
            variables: Value::Null,
            status: 0,
            started: Vec::new(),
            executed: false,
            received: now,
            answered: None,
            fault: None,
        };
        let headers = masked(&parts.headers);
        let alike = kept.latest().find(|it| *it.headers == headers);
        let headers = alike.map_or_else(|| Arc::new(headers), |it| Arc::clone(&it.headers));
        kept.entries.push_back(Entry {
            request,
            headers,
            document: "".into(),
            variables: "null".into(),
            bytes: 0,
        });
        kept.change(place, &self.limits, |_| {});
        place
    }

    /// Enters what the request at a place asks.
    pub(crate) fn record_parameters(&self, place: u64, parameters: &Parameters) {
        let mut kept = self.kept();
        let query = &*parameters.query;
        let alike = kept.latest().find(|it| *it.document == *query);
        let document = alike.map_or_else(|| query.into(), |it| Arc::clone(&it.document));
        kept.change(place, &self.limits, |entry| {
            entry.request.operation_name = parameters.operation_name.clone();
            entry.document = document;
            entry.variables = Arc::clone(&parameters.variables);
        });
    }

    /// Completes the request at a place, if it is still there.
    pub(crate) fn complete(&self, place: u64, complete: impl FnOnce(&mut Request)) {
        let change = |entry: &mut Entry| complete(&mut entry.request);
        self.kept().change(place, &self.limits, change);
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        let kept = self.kept();
        kept.entries.iter().map(Entry::request).collect()
    }

    /// The places that are in use.
    pub(crate) fn places(&self) -> Range<u64> {
        let kept = self.kept();
        kept.first..kept.first + kept.entries.len() as u64
    }

    /// Looks at the first request at one of these places, if there is one still. The places are
    /// those behind it then, if it was taken.
    pub(crate) fn next<T>(
        &self,
        places: &mut Range<u64>,
        look: impl FnOnce(&Entry) -> (T, bool),
    ) -> Option<T> {
        let kept = self.kept();
        places.start = places.start.max(kept.first);
        let place = usize::try_from(places.start - kept.first).ok()?;
        let entry = kept.entries.get(place).filter(|_| !places.is_empty())?;
        let (seen, is_taken) = look(entry);
        places.start += u64::from(is_taken);
        Some(seen)
    }

    /// How many requests were entered and have left for later ones.
    pub(crate) fn dropped(&self) -> u64 {
        let kept = self.kept();
        kept.first - kept.begin
    }

    /// Empties the log. What is in flight is not in it any more either.
    pub(crate) fn clear(&self) {
        let mut kept = self.kept();
        kept.first += kept.entries.len() as u64;
        kept.begin = kept.first;
        kept.bytes = 0;
        kept.entries = VecDeque::new();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The latest requests, among which one that is alike is looked for.
    fn latest(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev().take(8)
    }

    /// Changes the entry at a place, if it is still there, and counts what it takes then.
    fn change(&mut self, place: u64, limits: &RequestLogLimits, change: impl FnOnce(&mut Entry)) {
        let place = place.checked_sub(self.first);
        let place = place.and_then(|place| usize::try_from(place).ok());
        let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) else {
            return;
        };
        let before = entry.bytes;
        change(entry);
        entry.bytes = entry.weigh();
        self.bytes = self.bytes - before + entry.bytes;
        self.trim(limits);
    }

    /// Drops the oldest requests until the others are within the limits. The latest one stays.
    fn trim(&mut self, limits: &RequestLogLimits) {
        while self.entries.len() > 1
            && (self.entries.len() > limits.requests || self.bytes > limits.bytes)
        {
            if let Some(oldest) = self.entries.pop_front() {
                self.bytes -= oldest.bytes;
                self.first += 1;
            }
        }
    }
}

fn masked(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = if credentials::is_credential(name.as_str()) {
                "***".into()
            } else {
                String::from_utf8_lossy(value.as_bytes())
            };
            (name.as_str().to_owned(), value.into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::http::Request as HttpRequest;
    use serde_json::json;

    use super::*;

    fn bytes(log: &RequestLog) -> usize {
        log.kept().bytes
    }

    fn posted() -> Parts {
        let request = HttpRequest::post("/").body(()).unwrap();
        request.into_parts().0
    }

    fn counted(log: &RequestLog) -> usize {
        log.kept().entries.iter().map(Entry::weigh).sum()
    }

    #[test]
    fn the_latest_are_kept_whatever_has_come_in() {
        let log = RequestLog::new(RequestLogLimits::default());
        let (parts, ()) = HttpRequest::new(()).into_parts();
        for number in 0..100_000 {
            let place = log.open(&parts, number, Duration::ZERO);
            log.complete(place, |request| request.status = 200);
        }
        let kept = log.all();
        assert_eq!((kept.len(), log.dropped()), (10_000, 90_000));
        assert_eq!((kept[0].number, kept[0].connection), (90_001, 90_000));
        assert!(kept.iter().all(|request| request.status == 200));
        assert_eq!(bytes(&log), counted(&log));
    }

    #[test]
    fn requests_that_are_alike_share_their_headers_and_their_document() {
        let log = RequestLog::new(RequestLogLimits::default());
        let posted = |length: usize| {
            let request = HttpRequest::post("/api/v1/demo-company/graphql")
                .header("host", "127.0.0.1:4000")
                .header(
                    "accept",
                    "application/graphql-response+json, application/json",
                )
                .header("accept-encoding", "gzip")
                .header("content-type", "application/json")
                .header("content-length", length)
                .header("user-agent", "dinoai/0.1.0")
                .header("x-api-key", "key")
                .header("x-api-secret", "secret");
            request.body(()).unwrap().into_parts().0
        };
        // A trigger now and then, and polls.
        let documents = [
            format!("mutation Start($m: String) {{ {} }}", "start ".repeat(60)),
            format!("query Poll($id: String!) {{ {} }}", "read ".repeat(60)),
        ];
        let heap = allocation_counter::measure(|| {
            for number in 0..1_000 {
                let query = &documents[usize::from(number % 10 != 0)];
                let variables = json!({ "id": format!("{number:016}") });
                let body = json!({ "query": query, "variables": variables }).to_string();
                let parts = posted(body.len());
                let parameters = Parameters::read(&parts, body.as_bytes()).unwrap();
                let place = log.open(&parts, 1, Duration::ZERO);
                log.record_parameters(place, &parameters);
                log.complete(place, |request| request.status = 200);
            }
        });
        let kept = log.all();
        assert_eq!(kept.len(), 1_000);
        assert_eq!(kept[10].query, documents[0]);
        assert_eq!(
            (&*kept[11].query, kept[11].headers.len()),
            (&*documents[1], 8)
        );
        assert_eq!(
            kept[999].header("content-length"),
            kept[11].header("content-length")
        );
        assert_ne!(kept[10].headers, kept[11].headers);
        let each = heap.bytes_current / 1_000;
        assert!(each < 600, "{each} bytes a request");
    }

    #[test]
    fn what_is_large_leaves_earlier() {
        let log = RequestLog::new(RequestLogLimits::default());
        let (parts, ()) = HttpRequest::new(()).into_parts();
        // A text of 128 KB, and a tree of eighty times as much.
        let variables = json!({ "v": vec![json!({ "a": 1 }); 16_000] });
        let body = json!({ "query": "{ __typename }", "variables": variables }).to_string();
        let parameters = Parameters::read(&posted(), body.as_bytes()).unwrap();
        for _ in 0..500 {
            let place = log.open(&parts, 1, Duration::ZERO);
            log.record_parameters(place, &parameters);
            assert!(bytes(&log) <= MOST_BYTES);
        }
        assert_eq!(bytes(&log), counted(&log));
        let (latest, kept) = {
            let kept = log.kept();
            (
                kept.entries[kept.entries.len() - 1].request(),
                kept.entries.len(),
            )
        };
        assert_eq!(kept, MOST_BYTES / (bytes(&log) / kept));
        assert!(kept > 250, "{kept}");
        assert_eq!(kept as u64 + log.dropped(), 500);
        assert_eq!((latest.number, latest.variables), (500, variables));
    }

    #[test]
    fn a_request_that_has_left_is_not_completed() {
        let log = RequestLog::new(RequestLogLimits::of(1));
        let (parts, ()) = HttpRequest::new(()).into_parts();
        let dropped = log.open(&parts, 1, Duration::ZERO);
        log.open(&parts, 2, Duration::ZERO);
        log.complete(dropped, |request| request.status = 200);
        assert_eq!(log.all()[0].status, 0);
        let cleared = log.open(&parts, 3, Duration::ZERO);
        log.clear();
        log.open(&parts, 4, Duration::ZERO);
        log.complete(cleared, |request| request.status = 200);
        let kept = log.all();
        assert_eq!((kept[0].number, kept[0].status), (1, 0));
        assert_eq!(log.dropped(), 0);
    }
}
