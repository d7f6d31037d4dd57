//! A server on a raw socket that fails in every way a network can, and counts what reached it.
//!
//! Each whole request is answered with the next [`Reply`] of its plan; when the plan is used up,
//! as its script says; without one, with a good answer to the operation.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::time::VirtualClock;
use dinoai::{Client, ClientBuilder, Credentials};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use self::reply::response;

mod blocking_socket;
mod fast_clock;
mod reply;

#[allow(unused_imports, reason = "each test binary uses a part of it")]
pub(crate) use self::{
    blocking_socket::{http_response, read_request},
    fast_clock::FastClock,
    reply::{Reply, good_answer},
};

pub(crate) const SESSION: &str = "xwzdneft6emspe0f";
/// Part of the endpoint's path, and of both credentials: it must not show up anywhere.
pub(crate) const CANARY: &str = "canary-in-a-coal-mine";

/// A request that reached the server whole.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The number of the connection that it came over.
    pub(crate) connection: usize,
    pub(crate) operation: String,
    pub(crate) variables: Value,
    /// The document, as it was sent.
    pub(crate) query: String,
    pub(crate) head: String,
}

impl Seen {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            let is_it = known.eq_ignore_ascii_case(name);
            is_it.then(|| value.trim().to_owned())
        })
    }
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
            query: body["query"].as_str().unwrap_or_default().to_owned(),
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

/// Counts a request as in flight until it is dropped.
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
