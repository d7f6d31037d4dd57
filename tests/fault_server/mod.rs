//! A server on a raw socket that fails in every way a network can, and counts what reached it.
//!
//! Each whole request is answered with the next [`Reply`] of its plan; when the plan is used up,
//! as its script says; without one, with a good answer to the operation.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses a part of it"
)]

use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

// Taken from here by the tests, so that the library's path stands in one place.
pub(crate) use dinoai::time::{Clock, Sleep, SystemClock, VirtualClock};
use dinoai::{Client, ClientBuilder, Credentials};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub(crate) const SESSION: &str = "xwzdneft6emspe0f";
/// Part of the endpoint's path, and of both credentials: it must not show up anywhere.
pub(crate) const CANARY: &str = "canary-in-a-coal-mine";

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

/// A request that reached the server whole.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The number of the connection that it came over.
    pub(crate) connection: usize,
    pub(crate) operation: String,
    pub(crate) variables: Value,
    pub(crate) head: String,
}

pub(crate) struct FaultServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    plan: Vec<Reply>,
    script: Option<Script>,
    seen: Vec<Seen>,
    resets: usize,
    connections: usize,
    under_way: usize,
    most_under_way: usize,
    answered: usize,
    /// Wakes those who wait for `answered`.
    has_answered: Arc<Notify>,
}

/// What is answered to a request.
type Script = Box<dyn FnMut(&Seen) -> Reply + Send>;

impl FaultServer {
    /// A server that answers with `plan`, one reply a request, and well from then on.
    pub(crate) async fn start(plan: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, plan)
    }

    /// A server that answers each request as `script` says. It is asked in the order in which the
    /// requests arrive, so it can keep what it has to know of those before.
    pub(crate) async fn scripted(script: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let server = Self::start([]).await;
        server.state.lock().unwrap().script = Some(Box::new(script));
        server
    }

    pub(crate) fn on(listener: TcpListener, plan: impl IntoIterator<Item = Reply>) -> Self {
        let mut plan: Vec<_> = plan.into_iter().collect();
        plan.reverse();
        let state = Arc::new(Mutex::new(State {
            plan,
            ..State::default()
        }));
        Self {
            address: listener.local_addr().unwrap(),
            accepting: tokio::spawn(accept(listener, state.clone())),
            state,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}/api/v1/{CANARY}/graphql", self.address)
    }

    pub(crate) fn client(&self) -> (Client, VirtualClock) {
        client(&self.endpoint(), |builder| builder)
    }

    /// The requests that arrived whole, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.operation).collect()
    }

    /// Requests that arrived, whole or reset half-way.
    pub(crate) fn arrived(&self) -> usize {
        let state = self.state.lock().unwrap();
        state.seen.len() + state.resets
    }

    /// Answers the next requests with `plan`, one reply a request, before anything else.
    pub(crate) fn answer_next(&self, plan: impl IntoIterator<Item = Reply>) {
        let mut plan: Vec<_> = plan.into_iter().collect();
        plan.reverse();
        self.state.lock().unwrap().plan = plan;
    }

    /// Ends once so many replies have been written to their sockets.
    pub(crate) async fn until_answered(&self, count: usize) {
        let has_answered = self.state.lock().unwrap().has_answered.clone();
        loop {
            let notified = has_answered.notified();
            if self.state.lock().unwrap().answered >= count {
                return;
            }
            notified.await;
        }
    }

    /// How many requests there were at most that had arrived whole and were not answered yet.
    pub(crate) fn most_under_way(&self) -> usize {
        self.state.lock().unwrap().most_under_way
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A client whose pauses take no time, and that gives up on a silent server soon.
pub(crate) fn client(
    endpoint: &str,
    set_up: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> (Client, VirtualClock) {
    let clock = VirtualClock::new();
    let builder = Client::builder()
        .endpoint(endpoint)
        .credentials(Credentials::key_and_secret(CANARY, CANARY))
        .request_timeout(Duration::from_millis(300))
        .connect_timeout(Duration::from_millis(100))
        .clock(clock.clone());
    (set_up(builder).build().unwrap(), clock)
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let number = {
            let mut state = state.lock().unwrap();
            state.connections += 1;
            state.connections
        };
        let state = state.clone();
        tokio::spawn(async move {
            let _ = serve(stream, number, state).await;
        });
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    state: Arc<Mutex<State>>,
) -> std::io::Result<()> {
    let mut buffer = vec![];
    loop {
        let Some(head_length) = read_head(&mut stream, &mut buffer).await? else {
            return Ok(());
        };
        let planned = state.lock().unwrap().plan.pop();
        if matches!(planned, Some(Reply::ResetBefore)) {
            state.lock().unwrap().resets += 1;
            return reset(stream);
        }
        let head = String::from_utf8_lossy(&buffer[..head_length]).into_owned();
        let length: usize = head
            .lines()
            .find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length:")
                    .map(str::to_owned)
            })
            .and_then(|value| value.trim().parse().ok())
            .unwrap_or(0);
        while buffer.len() < head_length + length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let body: Value = serde_json::from_slice(&buffer[head_length..head_length + length])?;
        buffer.drain(..head_length + length);
        let operation = body["operationName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let seen = Seen {
            connection,
            operation: operation.clone(),
            variables: body["variables"].clone(),
            head,
        };
        let reply = {
            let mut state = state.lock().unwrap();
            state.under_way += 1;
            state.most_under_way = state.most_under_way.max(state.under_way);
            let scripted = || state.script.as_mut().map(|script| script(&seen));
            let reply = planned.or_else(scripted).unwrap_or(Reply::Good);
            state.seen.push(seen);
            reply
        };
        let under_way = UnderWay(state.clone());
        let reply = match reply {
            Reply::Late(time, reply) => {
                tokio::time::sleep(time).await;
                *reply
            }
            Reply::When(released, reply) => {
                released.notified().await;
                *reply
            }
            reply => reply,
        };
        drop(under_way);

        let good = good_answer(&operation, "COMPLETED").to_string();
        match reply {
            Reply::ResetBefore | Reply::ResetAfter => return reset(stream),
            Reply::Hang | Reply::Late(..) | Reply::When(..) => std::future::pending().await,
            Reply::Raw(bytes) => return stream.write_all(&bytes).await,
            Reply::RawThenHang(bytes) => {
                stream.write_all(&bytes).await?;
                std::future::pending().await
            }
            Reply::CutBody => {
                let whole = response(200, &[], &good);
                stream
                    .write_all(&whole.as_bytes()[..whole.len() - 10])
                    .await?;
                return Ok(());
            }
            Reply::GoodThenClose => {
                stream
                    .write_all(response(200, &[], &good).as_bytes())
                    .await?;
                return Ok(());
            }
            Reply::Good => {
                stream
                    .write_all(response(200, &[], &good).as_bytes())
                    .await?
            }
            Reply::Status(status) => {
                let body = good_answer(&operation, status).to_string();
                stream
                    .write_all(response(200, &[], &body).as_bytes())
                    .await?;
            }
            Reply::Http(status, headers, body) => {
                stream
                    .write_all(response(status, &headers, &body).as_bytes())
                    .await?;
            }
        }
        let mut state = state.lock().unwrap();
        state.answered += 1;
        state.has_answered.notify_waiters();
    }
}

/// Counts a request as under way until it is dropped.
struct UnderWay(Arc<Mutex<State>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().unwrap().under_way -= 1;
    }
}

async fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Option<usize>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            return Ok(Some(end + 4));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Closes the connection with a reset instead of an orderly end.
fn reset(stream: TcpStream) -> std::io::Result<()> {
    stream.set_zero_linger()?;
    drop(stream);
    Ok(())
}

fn response(status: u16, headers: &[(&'static str, String)], body: &str) -> String {
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

/// Reads one request from a blocking socket: its head and body. `None` at the connection's end.
pub(crate) fn read_request(stream: &mut std::net::TcpStream) -> Option<(String, String)> {
    let mut bytes = vec![];
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .map_or(0, |length| length.trim().parse().unwrap());
            if body.len() >= length {
                return Some((head, body.to_owned()));
            }
        }
        match stream.read(&mut chunk) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
            _ => return None,
        }
    }
}

/// A whole response for a blocking socket.
pub(crate) fn http_response(status: u16, body: &str) -> String {
    let json = [("Content-Type", "application/json".to_owned())];
    response(status, &json, body)
}

/// Real time, faster: what takes a second by it takes this long.
///
/// For what runs at the same time as its requests, where a [`VirtualClock`] would run ahead of
/// the sockets.
#[derive(Debug, Clone)]
pub(crate) struct FastClock {
    start: Instant,
    second: Duration,
}

impl FastClock {
    pub(crate) fn with_second(second: Duration) -> Self {
        let start = Instant::now();
        Self { start, second }
    }
}

impl Clock for FastClock {
    fn now(&self) -> Duration {
        self.start.elapsed().div_f64(self.second.as_secs_f64())
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let real = duration
            .min(Duration::from_secs(1_000_000))
            .mul_f64(self.second.as_secs_f64());
        Box::pin(async move { tokio::time::sleep(real).await })
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
