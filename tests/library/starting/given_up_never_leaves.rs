//! A trigger that is given up before it left never leaves, whichever document makes it: timeouts race against its
//! body.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::graphql::RetrySafety;
use dinoai::{Error, Retry, TriggerRun};

use crate::own_documents::{Start, start};
use crate::support::fault_server;
use crate::support::fault_server::client;

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
                let marker = format!("marker-{number}.");
                let started = match number % 2 {
                    0 => client
                        .trigger_run(TriggerRun::message(marker))
                        .await
                        .map(drop),
                    _ => {
                        let variables = start::Variables { agent: marker };
                        let call = client.execute_mutation::<Start>(variables, RetrySafety::Never);
                        call.await.map(drop)
                    }
                };
                if let Err(Error::NotSent { .. }) = started {
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
