//! What proves that a trigger or a follow-up was not carried out, what does not, and that no
//! session id which has reached this machine is ever lost.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod fault_server;

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::{Accepted, Client, ClientBuilder, Error, OnTimeout, Result, Retry, TriggerRun};
use fault_server::{FastClock, FaultServer, Reply, SESSION, SystemClock, VirtualClock, client};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// Markers that reached the server, and how often.
type Received = HashMap<String, usize>;

/// A server on a thread of its own that answers triggers well and records the marker of every
/// body, even of one that did not arrive whole.
struct Recorder {
    address: std::net::SocketAddr,
    thread: std::thread::JoinHandle<Received>,
    end: tokio::sync::oneshot::Sender<()>,
}

impl Recorder {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(Self::serve(listener, ended))
        });
        Self {
            address,
            thread,
            end,
        }
    }

    /// What has arrived. Every client has to be gone: their connections are read to their ends.
    fn received(self) -> Received {
        self.end.send(()).unwrap();
        // Connections are accepted in order, so that those before this one all have been.
        drop(std::net::TcpStream::connect(self.address).unwrap());
        self.thread.join().unwrap()
    }

    async fn serve(
        listener: std::net::TcpListener,
        mut ended: tokio::sync::oneshot::Receiver<()>,
    ) -> Received {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if ended.try_recv().is_ok() {
                break;
            }
            connections.spawn(Self::serve_one(stream));
        }
        let mut received = Received::new();
        while let Some(bodies) = connections.join_next().await {
            for body in bodies.unwrap() {
                let marker = body.split_once("marker-").map(|(_, rest)| rest);
                let marker = marker.and_then(|rest| rest.split_once('.'));
                let marker = marker.map_or(body.as_str(), |(marker, _)| marker);
                *received.entry(marker.to_owned()).or_default() += 1;
            }
        }
        received
    }

    /// Answers what comes over one connection, and gives back what came of each body.
    async fn serve_one(mut stream: tokio::net::TcpStream) -> Vec<String> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        let answer = fault_server::good_answer("TriggerDinoaiAgentRun", "").to_string();
        let answer = fault_server::http_response(200, &answer);
        let (mut bytes, mut bodies) = (vec![], vec![]);
        while let Ok(1..) = stream.read_buf(&mut bytes).await {
            if bytes.ends_with(b"}") {
                bodies.push(std::mem::take(&mut bytes));
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
        // What the last body lacked, if it lacked anything.
        bodies.push(bytes);
        let text = bodies.iter().map(|bytes| String::from_utf8_lossy(bytes));
        let bodies = text.filter_map(|text| Some(text.split_once("\r\n\r\n")?.1.to_owned()));
        bodies.filter(|body| !body.is_empty()).collect()
    }
}

/// How many triggers race with their own timeouts. More find rarer races:
/// `DINOAI_TEST_TRIGGERS=20000`.
fn triggers() -> usize {
    std::env::var("DINOAI_TEST_TRIGGERS").map_or(2_000, |count| count.parse().unwrap())
}

/// Sends triggers whose request timeouts lie around the moment at which their bodies leave; which
/// of them were not sent, and what reached the server.
fn race_with_timeouts(retry: &Retry) -> (Vec<String>, Received) {
    let recorder = Recorder::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    // A long head makes the moment longer between a connection's look at whether the request was
    // given up, and its taking the body.
    let headers: reqwest::header::HeaderMap = (0..500)
        .map(|number| {
            let name = format!("x-filler-{number}");
            let name = reqwest::header::HeaderName::try_from(name).unwrap();
            (name, reqwest::header::HeaderValue::from_static("filler"))
        })
        .collect();
    let clients: Vec<_> = (1..=17)
        .map(|tenths| {
            let headers = headers.clone();
            let endpoint = format!("http://{}/graphql", recorder.address);
            let (client, _) = client(&endpoint, |builder| {
                builder
                    .retry(retry.clone())
                    .request_timeout(Duration::from_micros(100 * tenths))
                    .http_client(move |http| http.default_headers(headers.clone()))
            });
            client
        })
        .collect();
    let not_sent = Arc::new(Mutex::new(vec![]));
    runtime.block_on(async {
        let mut under_way = tokio::task::JoinSet::new();
        for number in 0..triggers() {
            if under_way.len() >= 4 {
                under_way.join_next().await.unwrap().unwrap();
            }
            let client = clients[number % clients.len()].clone();
            let not_sent = not_sent.clone();
            under_way.spawn(async move {
                let request = TriggerRun::message(format!("marker-{number}."));
                if let Err(Error::NotSent { .. }) = client.trigger_run(request).await {
                    not_sent.lock().unwrap().push(number.to_string());
                }
            });
        }
        while let Some(done) = under_way.join_next().await {
            done.unwrap();
        }
    });
    drop((clients, runtime));
    let not_sent = std::mem::take(&mut *not_sent.lock().unwrap());
    (not_sent, recorder.received())
}

#[test]
fn a_trigger_that_counts_as_not_sent_has_not_reached_the_server() {
    let (not_sent, received) = race_with_timeouts(&Retry::none());
    let both: Vec<_> = not_sent
        .iter()
        .filter(|marker| received.contains_key(*marker))
        .collect();
    assert!(!received.is_empty());
    assert!(both.is_empty(), "not sent, and received: {both:?}");
}

#[test]
fn a_trigger_that_is_tried_again_has_not_reached_the_server_before() {
    let (_, received) = race_with_timeouts(&Retry::default());
    let twice: Vec<_> = received.iter().filter(|(_, times)| **times > 1).collect();
    assert!(!received.is_empty());
    assert!(twice.is_empty(), "received more than once: {twice:?}");
}

/// A trigger with and without options, and a follow-up: what must not be made twice.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Trigger,
    TriggerWithOptions,
    Send,
}

use Change::{Send, Trigger, TriggerWithOptions};

/// The name of the agent that the triggers ask for.
const AGENT: &str = "nope";
/// The session id in answers to triggers.
const ID: &str = "abc";

impl Change {
    const ALL: [Self; 3] = [Trigger, TriggerWithOptions, Send];

    /// The name of the mutation.
    fn field(self) -> &'static str {
        match self {
            Trigger | TriggerWithOptions => "triggerDinoaiAgentRun",
            Send => "sendDinoaiAgentMessage",
        }
    }

    /// The session id in a good answer.
    fn id(self) -> &'static str {
        if self == Send { SESSION } else { ID }
    }

    async fn make(self, client: &Client) -> Result<Accepted> {
        let request = TriggerRun::agent(AGENT).with_message("Look at stg_orders.");
        match self {
            Trigger => client.trigger_run(request).await,
            TriggerWithOptions => client.trigger_run(request.with_base_branch("main")).await,
            Send => client.send_message(SESSION, "go on").await,
        }
    }

    /// `data` with this value at the mutation's name.
    fn data(self, value: &Value) -> Value {
        json!({ "data": { self.field(): value } })
    }

    /// A good answer.
    fn accepted(self) -> Value {
        self.data(&json!({ "ok": true, "agentSessionId": self.id(), "status": "queued" }))
    }

    /// An error at the mutation's path.
    fn error(self, message: &str) -> Value {
        json!({ "message": message, "path": [self.field()] })
    }
}

/// A server, and a client that makes changes and is answered as each test says.
struct Bench {
    server: FaultServer,
    client: Client,
}

/// What came of a change.
struct Answered {
    change: Change,
    result: Result<Accepted>,
    /// How often it reached the server.
    sent: usize,
}

impl Bench {
    async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(set_up: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        let server = FaultServer::start([]).await;
        let (client, _) = client(&server.endpoint(), set_up);
        Self { server, client }
    }

    /// Makes a change that is answered with `reply`, and well should it be sent again.
    async fn answer(&self, change: Change, reply: Reply) -> Answered {
        let before = self.server.arrived();
        self.server.answer_next([reply]);
        let result = change.make(&self.client).await;
        let sent = self.server.arrived() - before;
        Answered {
            change,
            result,
            sent,
        }
    }
}

impl Answered {
    fn is_sent_once_and(&self, is_right: impl FnOnce(&Error) -> bool) -> bool {
        self.sent == 1 && self.result.as_ref().is_err_and(is_right)
    }

    /// Whether it counts as not carried out, for good.
    fn is_not_started(&self) -> bool {
        self.is_sent_once_and(|error| !error.may_have_started() && !error.is_retryable())
    }

    /// Whether it may have been carried out, and nobody is invited to send it again.
    fn may_have_started(&self) -> bool {
        self.is_sent_once_and(|error| error.may_have_started() && !error.is_retryable())
    }

    fn is_outcome_unknown(&self) -> bool {
        self.may_have_started() && matches!(self.result, Err(Error::OutcomeUnknown { .. }))
    }

    fn is_accepted(&self) -> bool {
        let id = self.change.id();
        let is_right = |accepted: &Accepted| accepted.session_id.as_str() == id;
        self.sent == 1 && self.result.as_ref().is_ok_and(is_right)
    }

    /// Whether the id in the answer reached the caller, in a value or in an error.
    fn has_kept_the_id(&self) -> bool {
        let id = self.change.id();
        let has_it = |error: &Error| error.session_id().is_some_and(|told| told.as_str() == id);
        self.is_accepted() || self.may_have_started() && self.result.as_ref().is_err_and(has_it)
    }

    fn error(&self) -> String {
        self.result
            .as_ref()
            .map_or_else(ToString::to_string, |_| String::new())
    }
}

/// What went wrong in a table of cases, all of it.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn unless(&mut self, is_right: bool, case: impl std::fmt::Display, answered: &Answered) {
        if is_right {
            return;
        }
        let result = match &answered.result {
            Ok(accepted) => format!("accepted as {}", accepted.session_id),
            Err(error) => {
                let variant = format!("{error:?}");
                let variant = variant.split([' ', '(']).next().unwrap_or_default();
                let started = error.may_have_started();
                format!("{variant}, may have started: {started}: {error}")
            }
        };
        let Answered { change, sent, .. } = answered;
        let wrong = format!("{change:?}, {case}: sent {sent} times, {result}");
        self.0.push(wrong);
    }
}

impl Drop for Wrong {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let (count, first) = (self.0.len(), self.0.iter().take(12).collect::<Vec<_>>());
            assert!(count == 0, "{count} wrong, the first of them: {first:#?}");
        }
    }
}

/// Statuses that prove nothing, whatever comes with them: the server, or one before it, gave up
/// on a request that it may have handed on.
const GAVE_UP: [u16; 11] = [408, 409, 425, 499, 500, 501, 502, 503, 504, 507, 524];

/// An error as a gateway writes it: with a code, without a path.
fn with_code(code: &str) -> Value {
    json!({ "message": "It was not to be.", "extensions": { "code": code } })
}

#[tokio::test]
async fn a_gateways_timeout_written_in_graphql_leaves_the_outcome_unknown() {
    let error = json!({
        "message": "The gateway gave up waiting",
        "extensions": { "code": "REQUEST_TIMEOUT" },
    });
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for status in [500, 502, 503, 504] {
        for change in Change::ALL {
            let answered = bench
                .answer(change, Reply::errors(status, &json!([error])))
                .await;
            let is_told = answered.error().contains("The gateway gave up waiting");
            wrong.unless(
                answered.is_outcome_unknown() && is_told,
                format_args!("{status}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn a_gateways_code_beside_null_data_leaves_the_outcome_unknown() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for path in [json!([]), Value::Null] {
        let body = json!({ "data": null, "errors": [{
            "message": "The upstream took too long",
            "path": path,
            "extensions": { "code": "GATEWAY_TIMEOUT" },
        }] });
        for change in Change::ALL {
            let answered = bench.answer(change, Reply::json(200, &body)).await;
            let is_told = answered.error().contains("The upstream took too long");
            wrong.unless(
                answered.is_outcome_unknown() && is_told,
                format_args!("{path}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn an_error_at_the_mutations_path_without_data_may_have_started_a_run() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        let error = change.error("The pod did not come up in time");
        let answered = bench
            .answer(change, Reply::errors(200, &json!([error])))
            .await;
        let is_told = answered.error().contains("The pod did not come up in time");
        wrong.unless(answered.may_have_started() && is_told, "no data", &answered);
    }
}

#[tokio::test]
async fn a_request_timeout_status_leaves_the_outcome_unknown_whatever_its_body() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for reply in [
        Reply::Http(408, vec![], String::new()),
        Reply::html(408),
        Reply::text(408, "text/plain", "Request Time-out"),
        Reply::json(408, &json!({ "detail": "slow" })),
        Reply::json(408, &json!({ "data": null })),
        Reply::errors(408, &json!([{ "message": "slow" }])),
        Reply::errors(408, &json!([with_code("GRAPHQL_VALIDATION_FAILED")])),
        Reply::errors(408, &json!([with_code("UNAUTHENTICATED")])),
    ] {
        for change in Change::ALL {
            let answered = bench.answer(change, reply.clone()).await;
            wrong.unless(
                answered.is_outcome_unknown(),
                format_args!("{reply:?}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn an_accepted_run_counts_although_its_status_is_null() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        let id = change.id();
        for value in [
            json!({ "ok": true, "agentSessionId": id, "status": null }),
            json!({ "ok": true, "agentSessionId": id }),
            json!({ "ok": true, "agentSessionId": id, "status": 7 }),
        ] {
            let answered = bench
                .answer(change, Reply::json(200, &change.data(&value)))
                .await;
            wrong.unless(answered.is_accepted(), format_args!("{value}"), &answered);
        }
    }
}

#[tokio::test]
async fn an_accepted_run_counts_whatever_the_status_beside_it() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for status in [201, 400, 404, 408, 409, 422, 499, 500, 502, 503, 504] {
        for change in [Trigger, TriggerWithOptions] {
            let answered = bench
                .answer(change, Reply::json(status, &change.accepted()))
                .await;
            wrong.unless(answered.is_accepted(), format_args!("{status}"), &answered);
        }
        let answered = bench
            .answer(Send, Reply::json(status, &Send.accepted()))
            .await;
        let is_right = answered.is_accepted() || answered.may_have_started();
        wrong.unless(is_right, format_args!("{status}"), &answered);
    }
}

#[tokio::test]
async fn the_id_counts_beside_a_status_that_refuses() {
    let mut wrong = Wrong::default();
    for status in [401, 403, 429] {
        for change in Change::ALL {
            let bench = Bench::start().await;
            let reply = Reply::json(status, &change.accepted()).with_header("Retry-After", "1");
            let answered = bench.answer(change, reply).await;
            let is_right = match change {
                Trigger | TriggerWithOptions => answered.is_accepted(),
                Send => answered.is_accepted() || answered.may_have_started(),
            };
            wrong.unless(is_right, format_args!("{status}"), &answered);
        }
    }
}

#[tokio::test]
async fn too_many_requests_beside_a_value_or_a_path_is_never_sent_again() {
    let mut wrong = Wrong::default();
    for change in Change::ALL {
        let late = change.error("Slow down.");
        for body in [
            change.data(&json!({ "ok": true })),
            change.data(&json!({ "ok": true, "status": "queued" })),
            json!({ "data": null, "errors": [late] }),
            json!({ "errors": [late] }),
        ] {
            let bench = Bench::start().await;
            let reply = Reply::json(429, &body).with_header("Retry-After", "1");
            let answered = bench.answer(change, reply).await;
            wrong.unless(
                answered.may_have_started(),
                format_args!("{body}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn too_many_requests_without_a_value_a_path_and_an_id_is_sent_again() {
    let limited = json!([with_code("RATE_LIMITED")]);
    for reply in [
        Reply::too_many_requests("1"),
        Reply::html(429).with_header("Retry-After", "1"),
        Reply::errors(429, &limited).with_header("Retry-After", "1"),
        Reply::json(429, &json!({ "data": null, "errors": limited })),
    ] {
        for change in Change::ALL {
            let bench = Bench::start().await;
            bench.server.answer_next(vec![reply.clone(); 4]);
            let error = change.make(&bench.client).await.unwrap_err();
            assert!(matches!(error, Error::RateLimited { .. }), "{error:?}");
            assert!(
                error.is_retryable() && !error.may_have_started(),
                "{error:?}"
            );
            assert_eq!(bench.server.arrived(), 4);
        }
    }
}

#[tokio::test]
async fn a_rate_limit_code_is_no_reason_to_send_a_change_again() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for code in ["RATE_LIMITED", "THROTTLED"] {
        for change in Change::ALL {
            let mut at_path = change.error("Slow down.");
            at_path["extensions"] = json!({ "code": code });
            for body in [
                json!({ "data": { change.field(): null }, "errors": [at_path] }),
                json!({ "data": null, "errors": [at_path] }),
                json!({ "errors": [at_path] }),
            ] {
                let reply = Reply::json(200, &body).with_header("Retry-After", "1");
                let answered = bench.answer(change, reply).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{body}"),
                    &answered,
                );
            }
            for status in [200, 400, 503] {
                let reply = Reply::errors(status, &json!([with_code(code)]));
                let reply = reply.with_header("Retry-After", "1");
                let answered = bench.answer(change, reply.clone()).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{reply:?}"),
                    &answered,
                );
            }
        }
    }
}

/// Bodies that are no GraphQL envelope.
fn no_envelopes() -> Vec<(&'static str, String)> {
    vec![
        ("text/plain", String::new()),
        ("text/html", "<h1>No.</h1>".to_owned()),
        ("text/plain", "no".to_owned()),
        ("application/json", json!({ "detail": "no" }).to_string()),
        ("application/json", json!([{ "message": "no" }]).to_string()),
        ("application/json", json!("no").to_string()),
    ]
}

#[tokio::test]
async fn a_refusing_status_without_graphql_is_proof() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for status in [
        301, 302, 307, 308, 400, 401, 403, 404, 405, 406, 410, 411, 413, 414, 415, 421, 422, 426,
        431,
    ] {
        for (content_type, body) in no_envelopes() {
            let reply = Reply::text(status, content_type, body);
            for change in Change::ALL {
                let answered = bench.answer(change, reply.clone()).await;
                let is_right = match status {
                    401 | 403 => matches!(answered.result, Err(Error::Unauthorized { .. })),
                    _ => matches!(answered.result, Err(Error::Http { .. })),
                };
                wrong.unless(
                    answered.is_not_started() && is_right,
                    format_args!("{reply:?}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn any_other_status_without_graphql_proves_nothing() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for status in [
        200, 201, 202, 203, 206, 226, 299, 300, 303, 305, 399, 402, 407, 408, 409, 412, 416, 417,
        418, 420, 423, 424, 425, 428, 444, 451, 460, 499, 500, 501, 502, 503, 504, 505, 507, 508,
        511, 520, 522, 524, 599,
    ] {
        for (content_type, body) in no_envelopes() {
            let reply = Reply::text(status, content_type, body);
            for change in Change::ALL {
                let answered = bench.answer(change, reply.clone()).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{reply:?}"),
                    &answered,
                );
            }
        }
    }
    for status in [204, 205, 304] {
        let reply = Reply::Http(status, vec![], String::new());
        for change in Change::ALL {
            let answered = bench.answer(change, reply.clone()).await;
            wrong.unless(
                answered.is_outcome_unknown(),
                format_args!("{reply:?}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn a_refusing_status_whose_body_is_cut_or_too_large_proves_nothing() {
    let bench = Bench::with(|builder| builder.response_limit(4096)).await;
    let mut wrong = Wrong::default();
    for status in [400, 401, 403, 404, 413, 429] {
        for reply in [
            Reply::cut(status, "<h1>No"),
            Reply::cut(status, r#"{"errors":[{"message":"N"#),
            Reply::text(status, "text/html", "no ".repeat(4096)),
        ] {
            for change in Change::ALL {
                let answered = bench.answer(change, reply.clone()).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{status}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn refused_credentials_count_as_proof_in_graphql_too_where_nothing_was_begun() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    let message = json!([{ "message": "Key is expired" }]);
    for status in [401, 403] {
        for change in Change::ALL {
            for body in [
                json!({ "errors": message }),
                json!({ "data": null, "errors": message }),
                json!({ "errors": [with_code("UNAUTHENTICATED")] }),
            ] {
                let answered = bench.answer(change, Reply::json(status, &body)).await;
                let is_right = matches!(answered.result, Err(Error::Unauthorized { .. }));
                wrong.unless(
                    answered.is_not_started() && is_right,
                    format_args!("{body}"),
                    &answered,
                );
            }
            let late = change.error("The run may not post to Slack.");
            for body in [
                json!({ "errors": [late] }),
                json!({ "data": { change.field(): null }, "errors": [late] }),
                change.data(&json!({ "ok": true, "status": "queued" })),
            ] {
                let answered = bench.answer(change, Reply::json(status, &body)).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{body}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn graphql_at_any_other_refusing_status_proves_nothing_by_the_status() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for status in [301, 307, 400, 404, 405, 413, 422, 431] {
        for body in [
            json!({ "errors": [{ "message": "It broke." }] }),
            json!({ "errors": [with_code("INTERNAL_SERVER_ERROR")] }),
            json!({ "errors": [with_code("NOT_FOUND")] }),
            json!({ "data": null }),
            json!({ "errors": [] }),
            json!({ "errors": null }),
        ] {
            for change in Change::ALL {
                let answered = bench.answer(change, Reply::json(status, &body)).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{status}, {body}"),
                    &answered,
                );
            }
        }
    }
}

/// The codes that a server gives before it executes anything.
const BEFORE_EXECUTION: [&str; 3] = [
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "OPERATION_RESOLUTION_FAILURE",
];

#[tokio::test]
async fn a_code_about_the_document_is_proof() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for code in BEFORE_EXECUTION {
        for status in [200, 400, 404, 422] {
            for body in [
                json!({ "errors": [with_code(code)] }),
                json!({ "data": null, "errors": [with_code(code)] }),
                json!({ "errors": [with_code(code), with_code("GRAPHQL_VALIDATION_FAILED")] }),
            ] {
                for change in Change::ALL {
                    let answered = bench.answer(change, Reply::json(status, &body)).await;
                    wrong.unless(
                        answered.is_not_started(),
                        format_args!("{status}, {body}"),
                        &answered,
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_code_about_the_document_proves_nothing_where_something_was_begun() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for code in BEFORE_EXECUTION {
        let errors = json!([with_code(code)]);
        for change in Change::ALL {
            for status in GAVE_UP {
                let answered = bench.answer(change, Reply::errors(status, &errors)).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{code}, {status}"),
                    &answered,
                );
            }
            let mut at_path = with_code(code);
            at_path["path"] = json!([change.field()]);
            for body in [
                json!({ "errors": [at_path] }),
                json!({ "data": null, "errors": [at_path] }),
                json!({ "errors": [with_code(code), { "message": "It broke." }] }),
                json!({ "errors": [with_code(code), at_path] }),
                json!({ "data": { change.field(): { "ok": true } }, "errors": errors }),
            ] {
                let answered = bench.answer(change, Reply::json(200, &body)).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{body}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn a_code_about_the_request_is_proof_only_where_data_is_absent() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for code in ["BAD_USER_INPUT", "UNAUTHENTICATED", "FORBIDDEN"] {
        let errors = json!([with_code(code)]);
        for change in Change::ALL {
            for status in [200, 400, 422] {
                let answered = bench.answer(change, Reply::errors(status, &errors)).await;
                let is_right = code != "UNAUTHENTICATED"
                    || matches!(answered.result, Err(Error::Unauthorized { .. }));
                let is_right = is_right && answered.is_not_started();
                wrong.unless(is_right, format_args!("{code}, {status}"), &answered);

                let body = json!({ "data": null, "errors": errors });
                let answered = bench.answer(change, Reply::json(status, &body)).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{status}, {body}"),
                    &answered,
                );
            }
            for status in GAVE_UP {
                let answered = bench.answer(change, Reply::errors(status, &errors)).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{code}, {status}"),
                    &answered,
                );
            }
            let body = json!({ "errors": [with_code(code), { "message": "It broke." }] });
            let answered = bench.answer(change, Reply::json(200, &body)).await;
            wrong.unless(
                answered.is_outcome_unknown(),
                format_args!("{body}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn any_other_code_without_a_path_proves_nothing() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for code in [
        "GATEWAY_TIMEOUT",
        "REQUEST_TIMEOUT",
        "SERVICE_UNAVAILABLE",
        "SUBREQUEST_HTTP_ERROR",
        "INTERNAL_SERVER_ERROR",
        "NOT_FOUND",
        "AGENT_NOT_FOUND",
        "DOWNSTREAM_SERVICE_ERROR",
        "PERSISTED_QUERY_NOT_FOUND",
        "graphql_validation_failed",
        "GRAPHQL_VALIDATION_FAILED_LATE",
        "",
    ] {
        for change in Change::ALL {
            for status in [200, 400, 502] {
                let errors = json!([with_code(code)]);
                let answered = bench.answer(change, Reply::errors(status, &errors)).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{code}, {status}"),
                    &answered,
                );
            }
        }
    }
    for error in [
        json!({ "message": "It broke.", "code": "GRAPHQL_VALIDATION_FAILED" }),
        json!({ "message": "GRAPHQL_VALIDATION_FAILED" }),
        json!({ "message": "It broke.", "extensions": { "code": ["BAD_USER_INPUT"] } }),
        json!({ "message": "It broke.", "extensions": "BAD_USER_INPUT" }),
        json!("GRAPHQL_PARSE_FAILED"),
        Value::Null,
        json!({}),
    ] {
        for change in Change::ALL {
            let answered = bench
                .answer(change, Reply::errors(200, &json!([error])))
                .await;
            wrong.unless(
                answered.is_outcome_unknown(),
                format_args!("{error}"),
                &answered,
            );
        }
    }
}

/// What graphql-js says of a document or of its variables before it executes anything;
/// graphql-core says the same in single quotes.
const ABOUT_THE_DOCUMENT: [&str; 28] = [
    r#"Syntax Error: Expected Name, found ")"."#,
    r#"Syntax Error: Expected Name, found <EOF>."#,
    r#"Syntax Error: Unexpected Name "mutatio"."#,
    r#"Syntax Error: Unterminated string."#,
    r#"Cannot query field "warning" on type "TriggerDinoAiAgentRun"."#,
    r#"Cannot query field "statu" on type "TriggerDinoAiAgentRun". Did you mean "status"?"#,
    r#"Cannot query field "statu" on type "Run". Did you mean "status" or "state"?"#,
    r#"Unknown argument "baseBranch" on field "Mutation.triggerDinoaiAgentRun"."#,
    r#"Unknown argument "agen" on field "Mutation.triggerDinoaiAgentRun". Did you mean "agent"?"#,
    r#"Unknown argument "unless" on directive "@skip"."#,
    r#"Unknown type "DinoAiAgentSlackInput"."#,
    r#"Unknown fragment "TriggeredRun"."#,
    r#"Unknown directive "@defer"."#,
    r#"Unknown operation named "TriggerDinoaiAgentRun"."#,
    r#"Must provide an operation."#,
    r#"Must provide operation name if query contains multiple operations."#,
    r#"Schema is not configured for mutations."#,
    r#"Schema is not configured to execute mutation operation."#,
    r#"Variable "$agent" is not defined by operation "TriggerDinoaiAgentRun"."#,
    r#"Variable "$slack" is never used in operation "TriggerDinoaiAgentRun"."#,
    r#"Variable "$slack" of type "SlackInput" used in position expecting type "SlackInput!"."#,
    r#"Variable "$slack" cannot be non-input type "DinoAiAgentRun"."#,
    r#"Variable "$message" of required type "String!" was not provided."#,
    r#"Variable "$message" of non-null type "String!" must not be null."#,
    r#"Variable "$message" got invalid value 7; String cannot represent a non string value: 7"#,
    r#"Field "triggerDinoaiAgentRun" argument "agent" of type "String!" is required, but it was not provided."#,
    r#"Field "status" must not have a selection since type "String!" has no subfields."#,
    r#"Fragment "TriggeredRun" cannot be spread here as objects of type "A" can never be of type "B"."#,
];

#[tokio::test]
async fn a_message_about_the_document_is_proof_in_either_kind_of_quotes() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for message in ABOUT_THE_DOCUMENT {
        for message in [message.to_owned(), message.replace('"', "'")] {
            let error = json!({ "message": message, "locations": [{ "line": 1, "column": 2 }] });
            for (status, body) in [
                (200, json!({ "errors": [error] })),
                (400, json!({ "errors": [error] })),
                (422, json!({ "data": null, "errors": [error] })),
            ] {
                for change in Change::ALL {
                    let answered = bench.answer(change, Reply::json(status, &body)).await;
                    let is_unknown_name = message.starts_with("Cannot query field")
                        || message.starts_with("Unknown argument");
                    let is_right = is_unknown_name
                        == matches!(answered.result, Err(Error::Unsupported { .. }));
                    let is_right = is_right && answered.is_not_started();
                    wrong.unless(is_right, format_args!("{status}, {message}"), &answered);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_message_about_the_document_proves_nothing_where_something_was_begun() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for message in ABOUT_THE_DOCUMENT {
        let error = json!({ "message": message });
        for change in Change::ALL {
            for status in GAVE_UP {
                let reply = Reply::errors(status, &json!([error]));
                let answered = bench.answer(change, reply).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{message}, {status}"),
                    &answered,
                );
            }
            let value = json!({ "ok": true, "status": "queued" });
            for body in [
                json!({ "errors": [change.error(message)] }),
                json!({ "data": { change.field(): null }, "errors": [change.error(message)] }),
                json!({ "data": { change.field(): value }, "errors": [error] }),
                json!({ "errors": [error, { "message": "It broke." }] }),
            ] {
                let answered = bench.answer(change, Reply::json(200, &body)).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{body}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn a_message_that_only_resembles_one_about_the_document_proves_nothing() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for message in [
        r#"Upstream: Cannot query field "warning" on type "TriggerDinoAiAgentRun"."#,
        r#"Cannot query field "warning" on type "Run". The run has been started without it."#,
        r#"Cannot query field "warning"#,
        r#"Cannot query field warning on type Run."#,
        r#"Cannot query field "the database" on type "read replica"."#,
        r#"Unknown argument "baseBranch" on field "x" was ignored."#,
        r#"Unknown argument "baseBranch"; the run "xwz" goes on."#,
        r#"Unknown type "a" while the run "b"."#,
        r#"Unknown fragment of the agent's file."#,
        r#"Unknown error."#,
        r#"Variable "$agent" took too long."#,
        r#"Variable "$agent" got lost on the way"#,
        r#"Field "status" could not be read in time."#,
        r#"Syntax Error in the agent's file"#,
        r#"The agent's file has a Syntax Error: Expected Name, found ")"."#,
        r#"Must provide an operation. The run was started."#,
        r#"String cannot represent value: { run }"#,
        "",
    ] {
        for change in Change::ALL {
            let errors = json!([{ "message": message }]);
            for status in [200, 400] {
                let answered = bench.answer(change, Reply::errors(status, &errors)).await;
                wrong.unless(
                    answered.is_outcome_unknown(),
                    format_args!("{message}, {status}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn not_ok_without_a_session_id_is_proof() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        for value in [
            json!({ "ok": false, "agentSessionId": "", "status": "rejected" }),
            json!({ "ok": false, "agentSessionId": null, "status": "rejected" }),
            json!({ "ok": false, "agentSessionId": " ", "status": "rejected" }),
            json!({ "ok": false, "status": "rejected" }),
            json!({ "ok": false, "agentSessionId": "", "status": null }),
        ] {
            let answered = bench
                .answer(change, Reply::json(200, &change.data(&value)))
                .await;
            let is_right = matches!(answered.result, Err(Error::NotAccepted { .. }));
            wrong.unless(
                answered.is_not_started() && is_right,
                format_args!("{value}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn not_ok_beside_a_session_id_proves_nothing_and_keeps_the_id() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in [Trigger, TriggerWithOptions] {
        let value = json!({ "ok": false, "agentSessionId": ID, "status": "FAILED" });
        for status in [200, 400, 401, 403, 429, 503] {
            let reply = Reply::json(status, &change.data(&value));
            let answered = bench.answer(change, reply).await;
            wrong.unless(
                answered.has_kept_the_id(),
                format_args!("{status}, {value}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn a_value_that_says_neither_yes_nor_no_proves_nothing() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        for value in [
            json!({}),
            json!({ "ok": null }),
            json!({ "ok": "no" }),
            json!({ "ok": 0 }),
            json!({ "status": "rejected" }),
            json!({ "ok": true, "agentSessionId": "", "status": "queued" }),
            json!({ "ok": true, "agentSessionId": 7, "status": "queued" }),
            json!("rejected"),
            json!(false),
            json!([]),
            json!(null),
        ] {
            if change == Send && value["ok"] == json!(true) {
                // Which run was meant is known, and `ok` is all that counts.
                continue;
            }
            let answered = bench
                .answer(change, Reply::json(200, &change.data(&value)))
                .await;
            wrong.unless(
                answered.may_have_started(),
                format_args!("{value}"),
                &answered,
            );
        }
    }
}

/// What the API says of an agent that it does not know, `NAME` being the one that was asked for.
const NO_SUCH_AGENT: [&str; 16] = [
    "No agent named NAME was found",
    "No agent named 'NAME' was found",
    "No agent named \"NAME\" was found",
    "No agent named NAME was found.",
    "No agent NAME was found",
    "No agent 'NAME' was found",
    "No DinoAI agent named NAME was found",
    "No DinoAI agent \"NAME\" was found",
    "Agent NAME was not found",
    "Agent 'NAME' was not found",
    "Agent NAME not found",
    "Agent \"NAME\" not found.",
    "Agent NAME does not exist",
    "Agent 'NAME' does not exist.",
    "Agent named NAME does not exist",
    "Agent named \"NAME\" was not found",
];

#[tokio::test]
async fn an_agent_that_the_api_does_not_know_is_proof() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for message in NO_SUCH_AGENT {
        let message = message.replace("NAME", AGENT);
        for change in [Trigger, TriggerWithOptions] {
            let mut error = change.error(&message);
            for code in [None, Some("INTERNAL_SERVER_ERROR")] {
                if let Some(code) = code {
                    error["extensions"] = json!({ "code": code });
                }
                for (status, body) in [
                    (
                        200,
                        json!({ "data": { change.field(): null }, "errors": [error] }),
                    ),
                    (200, json!({ "data": null, "errors": [error] })),
                    (200, json!({ "errors": [error] })),
                    (404, json!({ "data": null, "errors": [error] })),
                ] {
                    let answered = bench.answer(change, Reply::json(status, &body)).await;
                    let is_told = answered.error().contains(AGENT);
                    wrong.unless(
                        answered.is_not_started() && is_told,
                        format_args!("{body}"),
                        &answered,
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_by_code_at_the_mutations_path_is_proof() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for code in ["BAD_USER_INPUT", "NOT_FOUND", "AGENT_NOT_FOUND"] {
        for change in Change::ALL {
            let mut error = change.error("It was not to be.");
            error["extensions"] = json!({ "code": code });
            for (status, body) in [
                (
                    200,
                    json!({ "data": { change.field(): null }, "errors": [error] }),
                ),
                (200, json!({ "data": null, "errors": [error] })),
                (400, json!({ "errors": [error] })),
                (422, json!({ "data": null, "errors": [error] })),
            ] {
                let answered = bench.answer(change, Reply::json(status, &body)).await;
                wrong.unless(
                    answered.is_not_started(),
                    format_args!("{status}, {body}"),
                    &answered,
                );
            }
            for status in [301, 500, 502, 503, 504] {
                let body = json!({ "data": null, "errors": [error] });
                let answered = bench.answer(change, Reply::json(status, &body)).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{status}, {body}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn what_only_resembles_a_refusal_at_the_mutations_path_proves_nothing() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        for message in [
            "No agent named other was found",
            "No agent named nope-2 was found",
            "No agent named nope2 was found",
            "No agent named my-nope was found",
            "No agent named 'nope-2' was found",
            "No agent was found",
            "No agent named  was found",
            "No agent named nope answered in time",
            "No agent pod for nope was found",
            "No agent is free: nope was found, but waits",
            "The run has started, but: No agent named nope was found",
            "Timeout. Agent nope does not exist",
            "Agent nope was found, but its pod did not come up in time",
            "Agent nope is not found on the branch, so the default branch is used",
            "Agents: nope not found",
            "nope was not found",
            "not found",
        ] {
            let error = change.error(message);
            let body = json!({ "data": { change.field(): null }, "errors": [error] });
            let answered = bench.answer(change, Reply::json(200, &body)).await;
            wrong.unless(
                answered.may_have_started(),
                format_args!("{message}"),
                &answered,
            );
        }
        for code in [
            "INTERNAL_SERVER_ERROR",
            "GATEWAY_TIMEOUT",
            "FORBIDDEN",
            "UNAUTHENTICATED",
            "SLACK_CHANNEL_NOT_FOUND",
            "bad_user_input",
        ] {
            let mut error = change.error("It was not to be.");
            error["extensions"] = json!({ "code": code });
            let body = json!({ "data": { change.field(): null }, "errors": [error] });
            let answered = bench.answer(change, Reply::json(200, &body)).await;
            wrong.unless(
                answered.may_have_started(),
                format_args!("{code}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn a_refusal_proves_nothing_unless_it_is_alone_and_at_the_mutation_itself() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in [Trigger, TriggerWithOptions] {
        let name = change.field();
        let refusal = |path: Value| {
            json!({
                "message": "No agent named nope was found",
                "path": path,
                "extensions": { "code": "NOT_FOUND" },
            })
        };
        let here = refusal(json!([name]));
        let value = json!({ "ok": true, "status": "queued" });
        for errors in [
            json!([here, here]),
            json!([here, { "message": "It broke." }]),
            json!([{ "message": "It broke." }, here]),
            json!([refusal(json!([name, "warning"]))]),
            json!([refusal(json!([name, "agentSessionId"]))]),
            json!([refusal(json!([name, 0]))]),
            json!([refusal(json!(["sendDinoaiAgentMessage"]))]),
            json!([refusal(json!([]))]),
            json!([refusal(Value::Null)]),
            json!([refusal(json!(name))]),
        ] {
            let body = json!({ "data": null, "errors": errors });
            let answered = bench.answer(change, Reply::json(200, &body)).await;
            wrong.unless(
                answered.may_have_started(),
                format_args!("{body}"),
                &answered,
            );
        }
        let body = json!({ "data": { name: value }, "errors": [here] });
        let answered = bench.answer(change, Reply::json(200, &body)).await;
        wrong.unless(
            answered.may_have_started(),
            format_args!("{body}"),
            &answered,
        );
    }
}

#[tokio::test]
async fn a_refusal_at_a_path_that_cannot_be_read_whole_proves_nothing() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        let name = change.field();
        for path in [
            json!([name, null]),
            json!([name, -1]),
            json!([name, 1.5]),
            json!([name, {}]),
            json!([name, []]),
            json!([name, true]),
            json!([null, name]),
            json!([{}, name]),
        ] {
            let errors = json!([{
                "message": "No agent named nope was found",
                "path": path,
                "extensions": { "code": "NOT_FOUND" },
            }]);
            for body in [
                json!({ "data": null, "errors": errors }),
                json!({ "data": { name: null }, "errors": errors }),
                json!({ "errors": errors }),
            ] {
                let answered = bench.answer(change, Reply::json(200, &body)).await;
                wrong.unless(
                    answered.may_have_started(),
                    format_args!("{body}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn a_request_without_an_agent_is_not_refused_for_its_agents_name() {
    for message in [
        "No agent named nope was found",
        "No agent named  was found",
        "No agent  was found",
        "No agent named '' was found",
        "No agent named None was found",
    ] {
        let body = json!({ "data": null, "errors": [Trigger.error(message)] });
        let server = FaultServer::start([Reply::json(200, &body)]).await;
        let (client, _) = server.client();
        let request = TriggerRun::message("Which tests fail?");
        let error = client.trigger_run(request).await.unwrap_err();
        assert!(error.may_have_started(), "{message}: {error:?}");
        assert_eq!(server.arrived(), 1);
    }
}

/// Answers that hold the id of a run and are no good otherwise, each with a name.
fn ids_in_bad_answers(change: Change) -> Vec<(&'static str, Reply)> {
    let accepted = change.accepted().to_string();
    let root = |value: &str| format!(r#"{{"data":{{"{}":{value}}}}}"#, change.field());
    let padding = "x".repeat(8192);
    let in_extensions = json!({ "message": "late", "extensions": { "agentSessionId": ID } });
    let value = json!({ "ok": true, "agentSessionId": ID, "status": "queued" });
    let late = json!([{ "message": "late" }]);
    let utf8 = [accepted.as_bytes(), b"\xff"].concat();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        utf8.len()
    );
    let json_text = |body: String| Reply::text(200, "application/json", body);
    vec![
        (
            "cut after it",
            Reply::cut(
                200,
                root(r#"{"ok":true,"agentSessionId":"abc","sta"#).trim_end_matches('}'),
            ),
        ),
        (
            "whole, but the connection ends early",
            Reply::cut(200, &accepted),
        ),
        ("whole, then silence", Reply::cut_then_hang(200, &accepted)),
        ("cut at 503", Reply::cut(503, &accepted)),
        ("cut at 429", Reply::cut(429, &accepted)),
        (
            "too large after it",
            json_text(format!("{accepted}{}", " ".repeat(8192))),
        ),
        (
            "too large in it",
            json_text(root(&format!(
                r#"{{"ok":true,"agentSessionId":"abc","status":"{padding}"}}"#
            ))),
        ),
        (
            "JSON that breaks off",
            json_text(accepted[..accepted.len() - 2].to_owned()),
        ),
        (
            "JSON with something behind it",
            json_text(format!("{accepted}<!-- proxy -->")),
        ),
        (
            "a byte-order mark before it",
            json_text(format!("\u{feff}{accepted}")),
        ),
        (
            "a byte that is no UTF-8",
            Reply::Raw([head.as_bytes(), &utf8].concat()),
        ),
        (
            "in a page",
            Reply::text(200, "text/html", format!("<pre>{accepted}</pre>")),
        ),
        ("in a list", json_text(format!("[{accepted}]"))),
        (
            "ok of another type",
            Reply::json(
                200,
                &change.data(&json!({
                    "ok": "yes", "agentSessionId": ID, "status": "queued",
                })),
            ),
        ),
        (
            "without ok",
            Reply::json(200, &change.data(&json!({ "agentSessionId": ID }))),
        ),
        (
            "not ok",
            Reply::json(
                200,
                &change.data(&json!({
                    "ok": false, "agentSessionId": ID, "status": "FAILED",
                })),
            ),
        ),
        (
            "with an error beside it",
            Reply::json(
                200,
                &json!({
                    "data": { change.field(): value }, "errors": late,
                }),
            ),
        ),
        (
            "with an error at its path",
            Reply::json(
                200,
                &json!({
                    "data": { change.field(): value }, "errors": [change.error("late")],
                }),
            ),
        ),
        (
            "in the errors, data null",
            Reply::json(
                200,
                &json!({
                    "data": null, "errors": [in_extensions],
                }),
            ),
        ),
        (
            "in the errors, data absent",
            Reply::errors(200, &json!([in_extensions])),
        ),
        (
            "in the errors at 504",
            Reply::errors(504, &json!([in_extensions])),
        ),
        (
            "in the errors, with a code that is proof alone",
            Reply::errors(
                200,
                &json!([{
                    "message": "late",
                    "extensions": { "code": "BAD_USER_INPUT", "agentSessionId": ID },
                }]),
            ),
        ),
        (
            "in the errors at 429",
            Reply::errors(429, &json!([in_extensions])),
        ),
        ("in no envelope at 404", Reply::json(404, &value)),
        (
            "in no envelope at 401",
            Reply::json(401, &json!({ "run": value })),
        ),
        ("in no envelope at 200", Reply::json(200, &value)),
    ]
}

#[tokio::test]
async fn an_id_in_any_answer_to_a_trigger_reaches_the_caller_and_nothing_is_sent_again() {
    let mut wrong = Wrong::default();
    for change in [Trigger, TriggerWithOptions] {
        for (name, reply) in ids_in_bad_answers(change) {
            let bench = Bench::with(|builder| builder.response_limit(4096)).await;
            let answered = bench.answer(change, reply).await;
            wrong.unless(
                answered.has_kept_the_id(),
                format_args!("{name}"),
                &answered,
            );
        }
    }
}

/// A response whose body is packed with gzip under this name; `missing` bytes of its end have not
/// been sent.
fn packed(encoding: &str, body: &Value, missing: usize) -> Vec<u8> {
    use flate2::{Compression, write::GzEncoder};

    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(body.to_string().as_bytes()).unwrap();
    let body = encoder.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {encoding}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body[..body.len() - missing]].concat()
}

/// The names under which servers send gzip.
const GZIP: [&str; 5] = ["gzip", "GZIP", "x-gzip", "X-GZIP", "Gzip"];

#[tokio::test]
async fn a_packed_response_is_read_whatever_its_packing_is_called() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        for encoding in GZIP {
            let reply = Reply::Raw(packed(encoding, &change.accepted(), 0));
            let answered = bench.answer(change, reply).await;
            wrong.unless(answered.is_accepted(), encoding, &answered);
        }
    }
}

#[tokio::test]
async fn a_response_with_obsolete_headers_is_read_since_it_holds_the_id() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for header in ["X-Folded: one\r\n two", "X-Spaced : one", "not a header"] {
        for change in Change::ALL {
            let body = change.accepted().to_string();
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\n{header}\r\nContent-Length: {length}\r\n\r\n");
            let reply = Reply::Raw([head.as_bytes(), body.as_bytes()].concat());
            let answered = bench.answer(change, reply).await;
            wrong.unless(answered.is_accepted(), header, &answered);
        }
    }
}

#[tokio::test]
async fn the_id_in_a_packed_response_that_breaks_off_reaches_the_caller() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in [Trigger, TriggerWithOptions] {
        for encoding in GZIP {
            // Of the checksum and the length at the end.
            for missing in [1, 8] {
                let bytes = packed(encoding, &change.accepted(), missing);
                let answered = bench.answer(change, Reply::Raw(bytes)).await;
                let is_right = answered.is_outcome_unknown() && answered.has_kept_the_id();
                let case = format!("{encoding}, {missing} bytes missing");
                wrong.unless(is_right, case, &answered);
            }
        }
    }
    for encoding in GZIP {
        let bytes = packed(encoding, &Trigger.accepted(), 8);
        let answered = bench.answer(Trigger, Reply::RawThenHang(bytes)).await;
        let is_right = answered.is_outcome_unknown() && answered.has_kept_the_id();
        wrong.unless(is_right, format_args!("{encoding}, silent"), &answered);
    }
}

#[tokio::test]
async fn half_an_id_is_none() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in [Trigger, TriggerWithOptions] {
        for start in [
            r#"{"ok":true,"agentSessionId":"ab"#,
            r#"{"ok":true,"agentSessionId":"#,
            r#"{"ok":true,"agentSessionId":"abc\"#,
        ] {
            let body = format!(r#"{{"data":{{"{}":{start}"#, change.field());
            let answered = bench.answer(change, Reply::cut(200, &body)).await;
            let has_none = answered
                .result
                .as_ref()
                .is_err_and(|error| error.session_id().is_none());
            wrong.unless(
                answered.is_outcome_unknown() && has_none,
                format_args!("{start}"),
                &answered,
            );
        }
    }
}

#[tokio::test]
async fn a_follow_up_whose_answer_held_a_value_is_never_sent_again() {
    let mut wrong = Wrong::default();
    let value = json!({ "ok": true, "agentSessionId": SESSION, "status": "queued" });
    for status in [200, 400, 401, 403, 429, 503] {
        for body in [
            Send.data(&value),
            Send.data(&json!({ "ok": true })),
            Send.data(&json!({ "ok": true, "agentSessionId": SESSION, "status": null })),
            json!({ "data": { Send.field(): value }, "errors": [{ "message": "late" }] }),
            json!({ "data": { Send.field(): value }, "errors": [with_code("RATE_LIMITED")] }),
        ] {
            let bench = Bench::start().await;
            let answered = bench.answer(Send, Reply::json(status, &body)).await;
            let is_right = answered.is_accepted() || answered.may_have_started();
            wrong.unless(is_right, format_args!("{status}, {body}"), &answered);
        }
    }
}

#[tokio::test]
async fn a_follow_up_that_was_attached_to_another_run_is_not_called_accepted() {
    let value = json!({ "ok": true, "agentSessionId": "another", "status": "queued" });
    let bench = Bench::start().await;
    let answered = bench
        .answer(Send, Reply::json(200, &Send.data(&value)))
        .await;
    assert!(answered.may_have_started(), "{:?}", answered.result);
    let error = answered.error();
    assert!(
        error.contains("another") && error.contains(SESSION),
        "{error}"
    );
}

#[tokio::test]
async fn a_page_that_echoes_the_request_holds_no_id() {
    let query = "mutation X { x { ok agentSessionId status } }";
    let message = r#"{"agentSessionId":"fake"}"#;
    let request = json!({
        "query": query,
        "variables": { "agentSessionId": SESSION, "agent": AGENT, "message": message },
    });
    let mut without_id = request.clone();
    without_id["variables"]["agentSessionId"] = Value::Null;
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        let echo = if change == Send {
            &request
        } else {
            &without_id
        };
        for reply in [
            Reply::json(400, echo),
            Reply::text(404, "text/html", format!("<pre>{echo}</pre>")),
        ] {
            let answered = bench.answer(change, reply.clone()).await;
            wrong.unless(
                answered.is_not_started(),
                format_args!("{reply:?}"),
                &answered,
            );
        }
    }
}

/// Bodies of every kind, each with whether it holds an id, or a value at the mutation's name.
fn bodies(change: Change) -> Vec<(&'static str, String, bool)> {
    let json = "application/json";
    let name = change.field();
    let errors = |errors: Value| json!({ "errors": errors }).to_string();
    let with_null = |errors: Value| json!({ "data": null, "errors": errors }).to_string();
    let refusal = change.error("No agent named nope was found");
    let mut bodies: Vec<_> = no_envelopes()
        .into_iter()
        .map(|(content_type, body)| (content_type, body, false))
        .collect();
    bodies.extend([
        (json, change.accepted().to_string(), true),
        ("text/html", change.accepted().to_string(), true),
        (json, change.data(&json!({ "ok": true })).to_string(), true),
        (json, change.data(&json!({ "ok": "yes" })).to_string(), true),
        (json, change.data(&json!("queued")).to_string(), true),
        (json, change.data(&Value::Null).to_string(), false),
        (json, json!({ "data": null }).to_string(), false),
        (json, json!({ "data": {} }).to_string(), false),
        (
            json,
            json!({ "data": null, "errors": null }).to_string(),
            false,
        ),
        (json, errors(json!([])), false),
        (json, errors(json!("broken")), false),
        (json, errors(json!([{ "message": "It broke." }])), false),
        (json, errors(json!([with_code("RATE_LIMITED")])), false),
        (json, errors(json!([with_code("UNAUTHENTICATED")])), false),
        (
            json,
            errors(json!([with_code("SERVICE_UNAVAILABLE")])),
            false,
        ),
        (
            json,
            errors(json!([with_code("GRAPHQL_VALIDATION_FAILED")])),
            false,
        ),
        (
            json,
            with_null(json!([with_code("GATEWAY_TIMEOUT")])),
            false,
        ),
        (
            json,
            with_null(json!([{ "message": "Cannot query field \"a\" on type \"B\"." }])),
            false,
        ),
        (
            json,
            json!({ "data": { name: { "ok": true } }, "errors": [refusal] }).to_string(),
            true,
        ),
        (json, r#"{"data":{"#.to_owned(), false),
        ("text/plain", "\u{feff}".to_owned(), false),
    ]);
    bodies
}

#[tokio::test]
async fn a_change_that_was_answered_at_all_has_reached_the_server_once() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        for (content_type, body, holds_something) in bodies(change) {
            for status in [
                200, 201, 202, 206, 294, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410,
                411, 412, 413, 414, 415, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 499,
                500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 522, 524, 599,
            ] {
                if status == 429 && !holds_something {
                    continue;
                }
                let reply = Reply::text(status, content_type, body.clone());
                let reply = reply.with_header("Retry-After", "0");
                let answered = bench.answer(change, reply).await;
                let is_safe = match &answered.result {
                    Ok(accepted) => accepted.session_id.as_str() == change.id(),
                    // What comes from a server that gave up proves nothing.
                    Err(error) if status >= 500 || GAVE_UP.contains(&status) => {
                        error.may_have_started()
                    }
                    Err(error) => !(error.is_retryable() && error.may_have_started()),
                };
                wrong.unless(
                    answered.sent == 1 && is_safe,
                    format_args!("{status}, {body}"),
                    &answered,
                );
            }
        }
    }
}

#[tokio::test]
async fn a_change_whose_answer_breaks_off_has_reached_the_server_once() {
    let (bench, mut wrong) = (Bench::start().await, Wrong::default());
    for change in Change::ALL {
        for reply in [
            Reply::ResetAfter,
            Reply::Raw(vec![]),
            Reply::Raw(b"HTTP/1.1 429 Too Many Requ".to_vec()),
            Reply::Raw(b"HTTP/1.1 429 Too Many Requests\r\n".to_vec()),
            Reply::Raw(b"nonsense\r\n\r\n".to_vec()),
            Reply::cut(429, ""),
            Reply::cut(400, ""),
            Reply::cut(200, ""),
            Reply::RawThenHang(b"HTTP/1.1 429 Too Many Requests\r\n".to_vec()),
            Reply::cut_then_hang(429, "{"),
        ] {
            let answered = bench.answer(change, reply.clone()).await;
            wrong.unless(
                answered.is_outcome_unknown(),
                format_args!("{reply:?}"),
                &answered,
            );
        }
    }
}

/// A request timeout that a test can sleep through.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(300);

#[test]
fn an_answer_that_has_arrived_counts_although_the_executor_was_blocked_past_the_timeout() {
    for change in Change::ALL {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/graphql", listener.local_addr().unwrap());
        let (has_asked, asked) = tokio::sync::oneshot::channel();
        let (has_answered, answered) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            fault_server::read_request(&mut stream).unwrap();
            has_asked.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(100));
            let answer = fault_server::http_response(200, &change.accepted().to_string());
            stream.write_all(answer.as_bytes()).unwrap();
            has_answered.send(()).unwrap();
            stream
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let result = runtime.block_on(async {
            let (client, _) = client(&endpoint, |builder| {
                builder
                    .request_timeout(REQUEST_TIMEOUT)
                    .retry(Retry::none())
            });
            let block = async {
                asked.await.unwrap();
                answered.recv().unwrap();
                std::thread::sleep(2 * REQUEST_TIMEOUT);
            };
            tokio::join!(change.make(&client), block).0
        });
        drop(server.join().unwrap());
        assert_eq!(result.unwrap().session_id.as_str(), change.id());
    }
}

#[tokio::test]
async fn a_slow_consumer_of_run_all_loses_no_id() {
    let release = Arc::new(Notify::new());
    let held = release.clone();
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        "TriggerDinoaiAgentRun" => {
            let id = seen.variables["message"].as_str().unwrap();
            let value = json!({ "ok": true, "agentSessionId": id, "status": "queued" });
            let answer = Reply::json(200, &Trigger.data(&value));
            match id {
                "run-b" => Reply::When(held.clone(), Box::new(answer)),
                _ => answer,
            }
        }
        "DinoaiAgentRun" => {
            let mut answer = fault_server::good_answer("DinoaiAgentRun", "COMPLETED");
            answer["data"]["dinoaiAgentRun"]["agentSessionId"] = seen.variables["id"].clone();
            Reply::json(200, &answer)
        }
        "DinoaiAgentRunStatuses" => {
            let places = 0..seen.variables.as_object().unwrap().len();
            let data: serde_json::Map<_, _> = places
                .map(|place| {
                    let value = json!({ "ok": true, "status": "COMPLETED" });
                    (format!("run{place}"), value)
                })
                .collect();
            Reply::data(&json!(data))
        }
        _ => Reply::Good,
    })
    .await;
    let request_timeout = Duration::from_secs(1);
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .request_timeout(request_timeout)
            .clock(FastClock::with_second(Duration::from_millis(20)))
    });
    let requests = ["run-a", "run-b", "run-c"].map(TriggerRun::message);
    let started = Arc::new(Mutex::new(vec![]));
    let record = started.clone();
    let mut runs = client
        .run_all(requests, 2)
        .on_started(move |place, id| {
            record.lock().unwrap().push((place, id.to_string()));
        })
        .results();
    let mut results = vec![];
    while let Some((place, result)) = runs.next().await {
        if results.is_empty() {
            // The answer for b comes while the first result is worked on, which takes longer
            // than a request may.
            let answered = server.seen().len();
            release.notify_one();
            server.until_answered(answered).await;
            tokio::time::sleep(request_timeout + Duration::from_millis(200)).await;
        }
        results.push((place, result.map(|run| run.session_id.to_string())));
    }
    results.sort_by_key(|(place, _)| *place);
    let results: Vec<_> = results
        .into_iter()
        .map(|(_, result)| result.unwrap())
        .collect();
    assert_eq!(results, ["run-a", "run-b", "run-c"]);
    let mut started = started.lock().unwrap().clone();
    started.sort();
    let ids: Vec<_> = started.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(ids, ["run-a", "run-b", "run-c"]);
}

fn request() -> TriggerRun {
    TriggerRun::agent("data-quality-checker")
}

/// A server whose answer to a trigger takes three seconds by the clock of the client that comes
/// with it.
async fn slow_to_trigger(status: &'static str) -> (FaultServer, Client) {
    let clock = VirtualClock::new();
    let time = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == "TriggerDinoaiAgentRun" {
            time.advance(Duration::from_secs(3));
        }
        Reply::Status(status)
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| builder.clock(clock));
    (server, client)
}

#[tokio::test]
async fn a_run_whose_trigger_outlasts_the_wait_is_looked_at_once_and_reported_with_its_id() {
    let (server, client) = slow_to_trigger("RUNNING").await;
    let wait = client.trigger_run_and_wait(request());
    let error = wait.timeout(Duration::from_secs(2)).await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    assert!(error.may_have_started() && !error.is_retryable());
    let operations = server.operations();
    assert_eq!(
        operations,
        ["TriggerDinoaiAgentRun", "DinoaiAgentRunStatus"]
    );
}

#[tokio::test]
async fn a_run_that_has_ended_by_the_last_look_is_returned_although_the_time_is_over() {
    let (server, client) = slow_to_trigger("COMPLETED").await;
    let wait = client
        .trigger_run_and_wait(request())
        .on_timeout(OnTimeout::Stop);
    let run = wait.timeout(Duration::from_secs(2)).await.unwrap();
    assert_eq!(run.session_id.as_str(), SESSION);
    let operations = server.operations();
    assert_eq!(
        operations,
        [
            "TriggerDinoaiAgentRun",
            "DinoaiAgentRunStatus",
            "DinoaiAgentRun"
        ]
    );
}

#[tokio::test]
async fn a_run_whose_trigger_outlasts_the_wait_is_stopped_after_a_look_where_that_is_asked_for() {
    let (server, client) = slow_to_trigger("RUNNING").await;
    let wait = client
        .trigger_run_and_wait(request())
        .on_timeout(OnTimeout::Stop);
    let error = wait.timeout(Duration::from_secs(2)).await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(
        server.operations(),
        [
            "TriggerDinoaiAgentRun",
            "DinoaiAgentRunStatus",
            "StopDinoaiAgentRun"
        ]
    );
}

/// The same in real time, since the timeout of a wait must not cut the socket either.
#[tokio::test]
async fn a_trigger_that_has_left_is_not_cut_by_the_timeout_of_its_wait() {
    let late = Reply::Late(Duration::from_millis(400), Box::new(Reply::Good));
    let server = FaultServer::start([late, Reply::Status("RUNNING")]).await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .request_timeout(Duration::from_secs(10))
            .clock(SystemClock::new())
    });
    let wait = client.trigger_run_and_wait(request());
    let error = wait.timeout(Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    let operations = server.operations();
    assert_eq!(
        operations,
        ["TriggerDinoaiAgentRun", "DinoaiAgentRunStatus"]
    );
}

/// Nor must the timeout of the call: it says when the last attempt may begin.
#[tokio::test]
async fn a_change_that_has_left_is_not_cut_by_the_timeout_of_its_call() {
    let bench = Bench::with(|builder| {
        builder
            .request_timeout(Duration::from_secs(10))
            .retry(Retry::default().with_call_timeout(Duration::from_millis(150)))
            .clock(SystemClock::new())
    })
    .await;
    let mut wrong = Wrong::default();
    for change in Change::ALL {
        let answer = Reply::json(200, &change.accepted());
        let late = Reply::Late(Duration::from_millis(400), Box::new(answer));
        let answered = bench.answer(change, late).await;
        wrong.unless(answered.is_accepted(), "answered late", &answered);
    }
}

#[tokio::test]
async fn a_trigger_is_still_cut_by_its_own_request_timeout() {
    let server = FaultServer::start([Reply::Hang]).await;
    let (client, _) = server.client();
    let wait = client.trigger_run_and_wait(request());
    let error = wait.timeout(Duration::from_secs(3600)).await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    assert_eq!(server.arrived(), 1);
}
