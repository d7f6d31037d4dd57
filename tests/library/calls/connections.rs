//! Connections: what is sent again, what is kept, and what a server's farewell does.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::time::{Clock, Sleep, VirtualClock};
use dinoai::{Error, Retry, TriggerRun};
use tokio::net::{TcpListener, TcpSocket};

use crate::starting::lost_responses::{CHANGES, change, without_error_numbers};
use crate::support::fault_server;
use crate::support::fault_server::{CANARY, FaultServer, Reply, SESSION, client};
use crate::support::operations::READ;
use crate::support::samples::seconds;

/// Opens its port at the first pause, and not before.
#[derive(Debug)]
struct OpensWhenWaitedFor {
    clock: VirtualClock,
    socket: Mutex<Option<TcpSocket>>,
    server: Arc<Mutex<Option<FaultServerSlot>>>,
}

struct FaultServerSlot(FaultServer);

impl std::fmt::Debug for FaultServerSlot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("FaultServer")
    }
}

impl Clock for OpensWhenWaitedFor {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        if let Some(socket) = self.socket.lock().unwrap().take() {
            let server = FaultServer::on(socket.listen(16).unwrap(), []);
            *self.server.lock().unwrap() = Some(FaultServerSlot(server));
        }
        self.clock.sleep(duration)
    }
}

#[tokio::test]
async fn a_change_that_was_refused_a_connection_is_sent_again_and_carried_out_once() {
    for which in CHANGES {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let server = Arc::new(Mutex::new(None));
        let clock = OpensWhenWaitedFor {
            clock: VirtualClock::new(),
            socket: Mutex::new(Some(socket)),
            server: server.clone(),
        };
        let (client, _) = client(&format!("http://{address}/graphql"), |builder| {
            builder.clock(clock)
        });
        change(&client, which).await.unwrap();
        let server = server.lock().unwrap().take().unwrap().0;
        assert_eq!(server.arrived(), 1);
    }
}

/// A port that takes the connection request and never answers it: its queue is full.
async fn silent_port() -> (TcpListener, Vec<tokio::task::JoinHandle<()>>, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let fillers = (0..4)
        .map(|_| {
            tokio::spawn(async move {
                let _stream = tokio::net::TcpStream::connect(address).await;
                std::future::pending().await
            })
        })
        .collect();
    tokio::time::timeout(Duration::from_millis(100), std::future::pending::<()>())
        .await
        .unwrap_err();
    (listener, fillers, address.to_string())
}

#[tokio::test]
async fn a_connection_that_is_never_made_ends_with_the_connect_timeout_and_is_tried_again() {
    let (_listener, fillers, address) = silent_port().await;
    // No answer to the connection request, and a listener that never says a word of TLS.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for endpoint in [
        format!("http://{address}/graphql"),
        format!("https://{}/graphql", mute.local_addr().unwrap()),
    ] {
        for which in CHANGES {
            let (client, clock) = client(&endpoint, |builder| {
                builder
                    .retry(Retry::default().with_attempts(2))
                    .request_timeout(Duration::from_secs(60))
            });
            let error = change(&client, which).await.unwrap_err();
            assert!(
                matches!(&error, Error::NotSent { call, .. } if call.attempts == 2),
                "{error:?}"
            );
            assert!(error.is_retryable() && !error.may_have_started());
            assert_eq!(clock.sleeps().len(), 1);
        }
    }
    for filler in fillers {
        filler.abort();
    }
}

#[tokio::test]
async fn a_total_timeout_while_connecting_is_not_sent_either() {
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}/graphql", mute.local_addr().unwrap());
    let (client, _) = client(&endpoint, |builder| {
        builder
            .retry(Retry::none())
            .connect_timeout(Duration::from_secs(60))
            .request_timeout(Duration::from_millis(100))
    });
    let error = client
        .trigger_run(TriggerRun::agent("a"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
}

#[tokio::test]
async fn what_a_refused_connection_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/{CANARY}", listener.local_addr().unwrap());
    drop(listener);
    let (client, clock) = client(&endpoint, |builder| builder);
    let error = client
        .trigger_run(TriggerRun::agent("a"))
        .await
        .unwrap_err();
    assert!(error.is_retryable() && !error.may_have_started());
    assert_eq!(clock.sleeps().len(), 3);
    insta::assert_snapshot!(without_error_numbers(&error.to_string()));
}

#[tokio::test]
async fn a_kept_connection_that_the_server_has_closed_harms_neither_reads_nor_changes() {
    let server = FaultServer::start(vec![Reply::GoodThenClose; 40]).await;
    let (client, _) = server.client();
    for _ in 0..10 {
        client.get_run(SESSION).await.unwrap();
        client.trigger_run(TriggerRun::agent("a")).await.unwrap();
    }
    let operations = server.operations();
    let triggers = operations
        .iter()
        .filter(|name| *name == "TriggerDinoaiAgentRun");
    assert_eq!(triggers.count(), 10);
}

#[tokio::test]
async fn reads_share_a_connection_and_each_change_has_its_own() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    for _ in 0..3 {
        client.get_run(SESSION).await.unwrap();
    }
    for which in CHANGES {
        change(&client, which).await.unwrap();
        client.stop_run(SESSION).await.unwrap();
    }
    client.get_run(SESSION).await.unwrap();
    let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [1, 1, 1, 2, 3, 4, 5, 1]);
}

/// A server on a thread that answers each read; a first connection gets one answer, and an
/// unasked 408 as soon as the test says so.
fn saying_farewell() -> (
    String,
    std::sync::mpsc::Sender<()>,
    std::sync::mpsc::Receiver<()>,
    Arc<AtomicUsize>,
) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/graphql", listener.local_addr().unwrap());
    let (say, told_to_say) = std::sync::mpsc::channel();
    let (has_said, said) = std::sync::mpsc::channel();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    std::thread::spawn(move || {
        let answer = fault_server::good_answer(READ, "COMPLETED").to_string();
        let answer = fault_server::http_response(200, &answer);
        let mut first = Some((told_to_say, has_said));
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::Relaxed);
            fault_server::read_request(&mut stream).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            let Some((told_to_say, has_said)) = first.take() else {
                continue;
            };
            told_to_say.recv().unwrap();
            let farewell = "HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\n\
                            Connection: close\r\n\r\n";
            stream.write_all(farewell.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            has_said.send(()).unwrap();
            // Read on, so that no reset takes the farewell away.
            std::thread::spawn(move || while let Ok(1..) = stream.read(&mut [0; 1024]) {});
        }
    });
    (endpoint, say, said, connections)
}

#[tokio::test]
async fn a_farewell_that_lies_in_the_socket_is_no_answer_to_the_next_read() {
    let (endpoint, say, said, connections) = saying_farewell();
    let (client, _) = client(&endpoint, |builder| builder.request_timeout(seconds(10)));
    client.get_run(SESSION).await.unwrap();
    // The connection goes back to the pool; then the server takes its leave while this runtime stands
    // still, so that nobody notices before the next read is sent.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    say.send(()).unwrap();
    said.recv().unwrap();
    client.get_run(SESSION).await.unwrap();
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}
