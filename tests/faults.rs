//! What a client does when the network, or the server, fails: on raw sockets, counting what
//! reached the server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod fault_server;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use dinoai::time::{Clock, Sleep, VirtualClock};
use dinoai::{Client, Credentials, Error, Result, Retry, TriggerRun};
use fault_server::{CANARY, FaultServer, Reply, SESSION, client};
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};

/// Every way to lose an answer after the body has left.
fn lost_answers() -> Vec<(&'static str, Reply)> {
    vec![
        ("reset before execution", Reply::ResetBefore),
        ("reset after execution", Reply::ResetAfter),
        ("cut body", Reply::CutBody),
        ("hang past the timeout", Reply::Hang),
        ("500", Reply::html(500)),
        ("502", Reply::html(502)),
        ("503", Reply::html(503)),
        ("503 with Retry-After", Reply::unavailable("1")),
        ("504", Reply::html(504)),
        ("HTML with 200", Reply::html(200)),
        ("empty 200", Reply::Http(200, vec![], String::new())),
        (
            "JSON that is no envelope",
            Reply::json(200, &json!({ "detail": "hello" })),
        ),
    ]
}

/// All changes that must not be made twice.
const CHANGES: [&str; 2] = ["trigger", "send"];

async fn change(client: &Client, which: &str) -> Result<()> {
    match which {
        "trigger" => client.trigger_run(TriggerRun::agent("a")).await.map(drop),
        _ => client.send_message(SESSION, "go on").await.map(drop),
    }
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_not_sent_again_and_its_outcome_is_unknown() {
    let null = ("null data", Reply::json(200, &json!({ "data": null })));
    let null_root =
        json!({ "data": { "triggerDinoaiAgentRun": null, "sendDinoaiAgentMessage": null } });
    let null_root = ("null root", Reply::json(200, &null_root));
    for (fault, reply) in lost_answers().into_iter().chain([null, null_root]) {
        for which in CHANGES {
            let server = FaultServer::start([reply.clone()]).await;
            let (client, clock) = server.client();
            let error = change(&client, which).await.unwrap_err();
            assert!(
                matches!(error, Error::OutcomeUnknown { .. }),
                "{which}, {fault}: {error:?}"
            );
            assert!(
                error.may_have_started() && !error.is_retryable(),
                "{which}, {fault}"
            );
            assert_eq!(server.arrived(), 1, "{which}, {fault}");
            assert!(clock.sleeps().is_empty(), "{which}, {fault}");
        }
    }
}

#[tokio::test]
async fn a_read_and_a_stop_get_through_the_same_faults_within_their_attempts() {
    for (fault, reply) in lost_answers() {
        let server = FaultServer::start(vec![reply.clone(); 3]).await;
        let (client, clock) = server.client();
        let run = client.get_run(SESSION).await;
        assert!(run.is_ok(), "{fault}: {run:?}");
        assert_eq!((server.arrived(), clock.sleeps().len()), (4, 3), "{fault}");

        let server = FaultServer::start(vec![reply; 3]).await;
        let (client, _) = server.client();
        let stopped = client.stop_run(SESSION).await;
        assert!(stopped.is_ok(), "{fault}: {stopped:?}");
        assert_eq!(server.arrived(), 4, "{fault}");
    }
}

#[tokio::test]
async fn a_read_that_never_gets_through_says_what_the_last_attempt_met() {
    let mut told = String::new();
    for (fault, reply) in lost_answers() {
        let server = FaultServer::start(vec![reply; 4]).await;
        let (client, _) = server.client();
        let error = client.get_run(SESSION).await.unwrap_err();
        assert_eq!(server.arrived(), 4, "{fault}");
        assert!(
            error.is_retryable() && !error.may_have_started(),
            "{fault}: {error:?}"
        );
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
        told.push_str(&format!("{fault}: {error}\n"));
    }
    insta::assert_snapshot!(without_error_numbers(&told));
}

#[tokio::test]
async fn what_a_lost_trigger_says() {
    let mut told = String::new();
    for (fault, reply) in lost_answers() {
        let server = FaultServer::start([reply]).await;
        let (client, _) = server.client();
        let error = client
            .trigger_run(TriggerRun::agent("a"))
            .await
            .unwrap_err();
        told.push_str(&format!("{fault}: {error}\n"));
    }
    insta::assert_snapshot!(without_error_numbers(&told));
}

/// The numbers of errors differ between systems.
fn without_error_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once(')').unwrap().1);
    }
    kept
}

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

#[tokio::test]
async fn too_many_requests_is_waited_out_for_every_call() {
    for which in CHANGES {
        let server = FaultServer::start([Reply::too_many_requests("7")]).await;
        let (client, clock) = server.client();
        change(&client, which).await.unwrap();
        assert_eq!(server.arrived(), 2);
        assert!(clock.now() >= Duration::from_secs(7), "{:?}", clock.now());
    }
    let server = FaultServer::start([Reply::too_many_requests("7")]).await;
    let (client, clock) = server.client();
    client.get_run(SESSION).await.unwrap();
    assert!(clock.now() >= Duration::from_secs(7), "{:?}", clock.now());
}

#[tokio::test]
async fn a_delay_can_be_a_date_and_one_longer_than_a_minute_is_returned() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(40));
    let server = FaultServer::start([Reply::too_many_requests(&date)]).await;
    let (client, clock) = server.client();
    client.get_run(SESSION).await.unwrap();
    assert!(clock.now() >= Duration::from_secs(30), "{:?}", clock.now());

    for seconds in ["61", "18446744073709551615"] {
        let server = FaultServer::start([Reply::too_many_requests(seconds)]).await;
        let (client, clock) = server.client();
        let error = client
            .trigger_run(TriggerRun::agent("a"))
            .await
            .unwrap_err();
        let delay = Duration::from_secs(seconds.parse().unwrap());
        assert!(matches!(error, Error::RateLimited { .. }), "{error:?}");
        assert_eq!(error.retry_after(), Some(delay));
        assert!(error.is_retryable() && !error.may_have_started());
        assert!(clock.sleeps().is_empty());
    }
}

#[tokio::test]
async fn a_call_ends_within_its_two_minutes() {
    let server = FaultServer::start(vec![Reply::unavailable("59"); 10]).await;
    let (client, clock) = client(&server.endpoint(), |builder| {
        builder.retry(Retry::default().with_attempts(10))
    });
    let error = client.get_run(SESSION).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(59)));
    assert_eq!(server.arrived(), 3);
    assert!(clock.now() < Duration::from_secs(120));
}

#[tokio::test]
async fn pauses_are_random_and_double_up_to_eight_seconds() {
    let server = FaultServer::start(vec![Reply::html(503); 7]).await;
    let (client, clock) = client(&server.endpoint(), |builder| {
        builder.retry(Retry::default().with_attempts(8))
    });
    client.get_run(SESSION).await.unwrap();
    let pauses: Vec<f64> = clock.sleeps().iter().map(Duration::as_secs_f64).collect();
    let longest = [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0];
    assert_eq!(pauses.len(), longest.len());
    let parts: Vec<f64> = pauses
        .iter()
        .zip(longest)
        .map(|(pause, longest)| pause / longest)
        .collect();
    assert!(
        parts.iter().all(|part| (0.0..1.0).contains(part)),
        "{pauses:?}"
    );
    let differ = parts
        .windows(2)
        .any(|pair| (pair[0] - pair[1]).abs() > 1e-6);
    assert!(differ, "{pauses:?}");
}

#[tokio::test]
async fn a_dead_server_is_not_hammered_and_successes_earn_further_attempts() {
    let plan = [
        vec![Reply::html(503); 200],
        vec![Reply::Good; 5],
        vec![Reply::html(503); 10],
    ];
    let server = FaultServer::start(plan.concat()).await;
    let (client, _) = server.client();
    for _ in 0..100 {
        // Clones share the budget.
        client.clone().get_run(SESSION).await.unwrap_err();
    }
    // 500 tokens are 100 further attempts; without tokens each call is tried once.
    assert_eq!(server.arrived(), 200);

    for _ in 0..5 {
        client.get_run(SESSION).await.unwrap();
    }
    client.get_run(SESSION).await.unwrap_err();
    assert_eq!(server.arrived(), 200 + 5 + 2);
    client.get_run(SESSION).await.unwrap_err();
    assert_eq!(server.arrived(), 200 + 5 + 2 + 1);
}

#[tokio::test]
async fn a_client_error_is_final_for_every_call() {
    for status in [301, 302, 307, 308, 400, 404, 405, 410, 413, 422] {
        let reply = Reply::Http(
            status,
            vec![("Location", "http://127.0.0.1:9/".into())],
            "no".into(),
        );
        let server = FaultServer::start([reply.clone()]).await;
        let (client, _) = server.client();
        let error = client.get_run(SESSION).await.unwrap_err();
        assert!(
            matches!(error, Error::Http { status: told, .. } if told == status),
            "{error:?}"
        );
        for which in CHANGES {
            let server = FaultServer::start([reply.clone()]).await;
            let (client, _) = server.client();
            let error = change(&client, which).await.unwrap_err();
            assert!(matches!(error, Error::Http { .. }), "{error:?}");
            assert!(!error.may_have_started() && !error.is_retryable());
            assert_eq!(server.arrived(), 1);
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = FaultServer::start([]).await;
    for status in [301, 302, 303, 307, 308] {
        let location = vec![("Location", target.endpoint())];
        let server = FaultServer::start([Reply::Http(status, location, String::new())]).await;
        let (client, _) = server.client();
        let error = client.get_run(SESSION).await.unwrap_err();
        assert!(!error.to_string().contains(CANARY), "{error}");
        assert_eq!((server.arrived(), target.arrived()), (1, 0));
    }
}

/// What GraphQL errors mean, for a trigger, a read and a stop, at several HTTP statuses.
#[tokio::test]
async fn what_graphql_errors_mean() {
    let root = json!({ "ok": true, "agentSessionId": "started0started0", "status": "queued" });
    let at_root = json!([{ "message": "it broke", "path": ["triggerDinoaiAgentRun"] }]);
    let unknown_argument = json!([
        { "message": "Unknown argument \"baseBranch\" on field \"Mutation.triggerDinoaiAgentRun\".",
          "locations": [{ "line": 3, "column": 5 }] },
        { "message": "Cannot query field 'warning' on type 'TriggerDinoAiAgentRun'." },
    ]);
    let bodies = [
        (
            "validation",
            json!({ "errors": [{ "message": "Variable \"$id\" is never used.", "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" } }] }),
        ),
        (
            "validation, null data",
            json!({ "data": null, "errors": [{ "message": "Syntax Error" }] }),
        ),
        ("unknown argument", json!({ "errors": unknown_argument })),
        (
            "execution, null data",
            json!({ "data": null, "errors": at_root }),
        ),
        (
            "execution, null root",
            json!({ "data": { "triggerDinoaiAgentRun": null }, "errors": at_root }),
        ),
        (
            "execution, partial data",
            json!({ "data": { "triggerDinoaiAgentRun": root }, "errors": [{ "message": "late" }] }),
        ),
        (
            "errors in odd shapes",
            json!({ "errors": ["plain", 7, { "path": [1, {}] }, { "message": "well-formed" }] }),
        ),
        (
            "errors are not a list",
            json!({ "errors": { "message": "alone" } }),
        ),
        (
            "no errors after all",
            json!({ "data": { "triggerDinoaiAgentRun": root }, "errors": [] }),
        ),
        (
            "not accepted",
            json!({ "data": {
            "triggerDinoaiAgentRun": { "ok": false, "agentSessionId": "", "status": "rejected" },
            "stopDinoaiAgentRun": { "ok": false, "status": "rejected" },
        } }),
        ),
        (
            "blank session id",
            json!({ "data": { "triggerDinoaiAgentRun": { "ok": true, "agentSessionId": " ", "status": "queued" } } }),
        ),
        (
            "wrong type",
            json!({ "data": { "triggerDinoaiAgentRun": { "ok": "yes" }, "stopDinoaiAgentRun": { "ok": 1 } } }),
        ),
    ];
    let mut told = String::new();
    for (name, body) in bodies {
        let mut at_statuses = vec![];
        for status in [200, 294, 400, 422, 500] {
            let mut lines = String::new();
            for which in ["trigger", "stop"] {
                let server = FaultServer::start([Reply::json(status, &body)]).await;
                let (client, _) = server.client();
                let outcome = match which {
                    "trigger" => {
                        let request = TriggerRun::agent("a").with_base_branch("main");
                        client.trigger_run(request).await
                    }
                    _ => client.stop_run(SESSION).await,
                };
                // A stop is sent again after any 5xx.
                let most = if which == "stop" && status == 500 {
                    2
                } else {
                    1
                };
                assert!((1..=most).contains(&server.arrived()), "{name} at {status}");
                let outcome = describe(&outcome).replace(&format!("HTTP {status}"), "HTTP STATUS");
                lines.push_str(&format!("  {which}: {outcome}\n"));
            }
            at_statuses.push(lines);
        }
        // At a 5xx nothing that the errors say is proof.
        let at_500 = at_statuses.pop().unwrap();
        at_statuses.dedup();
        assert_eq!(
            at_statuses.len(),
            1,
            "{name} depends on the status: {at_statuses:#?}"
        );
        told.push_str(&format!("{name}\n{}", at_statuses[0]));
        if at_500 != at_statuses[0] {
            told.push_str(&format!("{name}, at 500\n{at_500}"));
        }
    }
    insta::assert_snapshot!(told);
}

fn describe<T: std::fmt::Debug>(outcome: &Result<T>) -> String {
    let error = match outcome {
        Ok(_) => return "Ok".to_owned(),
        Err(error) => error,
    };
    let debug = format!("{error:?}");
    let variant = debug.split([' ', '(']).next().unwrap_or_default();
    let started = if error.may_have_started() {
        ", may have started"
    } else {
        ""
    };
    let retryable = if error.is_retryable() {
        ", retryable"
    } else {
        ""
    };
    let session = error
        .session_id()
        .map(|id| format!(", session {id}"))
        .unwrap_or_default();
    format!("{variant}{started}{retryable}{session}\n    {error}")
}

#[tokio::test]
async fn partial_data_and_every_detail_of_the_errors_are_kept() {
    let body = json!({
        "data": { "dinoaiAgentRun": { "ok": true, "status": null } },
        "errors": [{
            "message": "no status",
            "path": ["dinoaiAgentRun", "messages", 3, "ts"],
            "locations": [{ "line": 5, "column": 9 }],
            "extensions": { "code": "INTERNAL", "nested": { "a": [1] } },
        }],
    });
    let server = FaultServer::start([Reply::json(200, &body)]).await;
    let (client, _) = server.client();
    let error = client.get_run(SESSION).await.unwrap_err();
    let Error::GraphQl {
        errors,
        data,
        executed,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert!(executed);
    assert_eq!(data.as_ref(), Some(&body["data"]));
    assert_eq!(serde_json::to_value(errors).unwrap(), body["errors"]);
}

#[tokio::test]
async fn the_servers_request_id_and_reason_are_kept() {
    let headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("X-Request-Id", "req-1".to_owned()),
    ];
    for status in [401, 403] {
        let reply = Reply::Http(status, headers.clone(), "Key is expired".into());
        let server = FaultServer::start([reply]).await;
        let (client, _) = server.client();
        let error = client.get_run(SESSION).await.unwrap_err();
        assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
        assert_eq!(error.request_id(), Some("req-1"));
        let text = error.to_string();
        for part in [
            "dinoai:agent:trigger",
            "dinoai:agent:read",
            "Key is expired",
            "req-1",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[tokio::test]
async fn a_future_of_a_change_dropped_at_any_await_sends_nothing_twice() {
    for polls in 1..200 {
        let server = FaultServer::start([Reply::too_many_requests("1")]).await;
        let (client, _) = server.client();
        let mut call = Box::pin(client.trigger_run(TriggerRun::agent("a")).into_future());
        let finished = poll_at_most(polls, call.as_mut()).await;
        drop(call);
        // One turned away, one carried out, at the very most.
        assert!(server.arrived() <= 2, "after {polls} polls");
        if finished {
            return;
        }
    }
    panic!("never finished");
}

/// Polls a future as often as it wakes up, `times` at most; whether it has finished.
async fn poll_at_most<F: Future>(times: usize, mut future: Pin<&mut F>) -> bool {
    let mut polls = 0;
    std::future::poll_fn(|context| {
        if polls == times {
            return std::task::Poll::Ready(false);
        }
        polls += 1;
        match future.as_mut().poll(context) {
            std::task::Poll::Ready(_) => std::task::Poll::Ready(true),
            std::task::Poll::Pending if polls == times => std::task::Poll::Ready(false),
            std::task::Poll::Pending => std::task::Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn a_client_with_every_kind_of_credentials_reaches_the_server() {
    let server = FaultServer::start([]).await;
    for credentials in [
        Credentials::key_and_secret("key", "secret"),
        Credentials::workspace_token("prdm_wsp_token"),
        Credentials::company_token("prdm_cmp_token", "w1"),
    ] {
        let client = Client::new(server.endpoint(), credentials).unwrap();
        client.get_run(SESSION).await.unwrap();
    }
}
