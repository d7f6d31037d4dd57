//! Blocking calls give what awaiting gives, wherever they are made.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod fault_server;

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use dinoai::blocking::{Block, Iterate};
use dinoai::{Client, Error, OnTimeout, Retry, Run, SessionId, TriggerRun};
use fault_server::{FaultServer, Reply, SESSION, Seen, client};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// Runs that complete at the second poll, answer each follow-up with a message, and of which
/// the first has a child.
fn api() -> impl FnMut(&Seen) -> Reply + Send {
    let (mut started, mut follow_ups, mut polls) = (0, 0, 0);
    move |seen| {
        let accepted = |id: &str| json!({ "ok": true, "agentSessionId": id, "status": "queued" });
        let status = |polls| if polls < 2 { "RUNNING" } else { "COMPLETED" };
        let variables = seen.variables.as_object().unwrap();
        let id = || variables["id"].as_str().unwrap().to_owned();
        Reply::data(&match seen.operation.as_str() {
            "TriggerDinoaiAgentRun" => {
                started += 1;
                json!({ "triggerDinoaiAgentRun": accepted(&format!("started-{started}")) })
            }
            "SendDinoaiAgentMessage" => {
                follow_ups += 1;
                json!({ "sendDinoaiAgentMessage": accepted(SESSION) })
            }
            "DinoaiAgentRunStatuses" => {
                polls += 1;
                let run = json!({ "ok": true, "status": status(polls) });
                let runs = (0..variables.len()).map(|place| (format!("run{place}"), run.clone()));
                Value::Object(runs.collect())
            }
            "DinoaiAgentRunStatus" => {
                polls += 1;
                json!({ "dinoaiAgentRun": { "ok": true, "status": status(polls) } })
            }
            _ => {
                let message = |ts: usize, role: &str| {
                    let content = format!("message {ts}");
                    json!({ "ts": ts, "role": role, "content": content })
                };
                let conversation = (1..=follow_ups).flat_map(|number| {
                    [
                        message(2 * number, "user"),
                        message(2 * number + 1, "agent"),
                    ]
                });
                let messages: Vec<_> = [message(1, "agent")]
                    .into_iter()
                    .chain(conversation)
                    .collect();
                let children: &[&str] = if id() == SESSION { &["child"] } else { &[] };
                json!({ "dinoaiAgentRun": {
                    "ok": true,
                    "agentSessionId": id(),
                    "status": "COMPLETED",
                    "messages": messages,
                    "childSessionIds": children,
                    "workspaceUid": "w1",
                } })
            }
        })
    }
}

fn request() -> TriggerRun {
    TriggerRun::agent("data-quality-checker")
}

fn ids() -> Vec<SessionId> {
    ["a", "b", "c"].map(|id| SessionId::new(id).unwrap()).into()
}

const SECOND: Duration = Duration::from_secs(1);

/// Results of a fleet by their ids: they come in the order of the answers.
fn in_order(mut results: Vec<(SessionId, dinoai::Result<Run>)>) -> impl Debug {
    results.sort_by(|(one, _), (other, _)| one.cmp(other));
    results
}

fn told(value: impl Debug) -> String {
    format!("{value:?}")
}

/// What every kind of call gives, awaited.
async fn awaited(client: Client) -> Vec<String> {
    let session = client.session(SESSION).unwrap();
    let mut told_by = vec![
        told(client.get_run(SESSION).await),
        told(client.trigger_run_and_wait(request()).await),
        told(session.ask("And now?").await),
        told(session.send("And then?").await),
        told(session.wait().await),
        told(session.tree().await),
        told(session.tree().until_ended().poll_interval(SECOND).await),
    ];
    let session = client.session(SESSION).unwrap();
    told_by.push(told(session.watch().events().collect::<Vec<_>>().await));
    let results: Vec<_> = client.wait_all(ids()).unwrap().results().collect().await;
    told_by.push(told(in_order(results)));
    let requests = [request(), request()];
    told_by.push(told(
        client
            .run_all(requests, 1)
            .results()
            .collect::<Vec<_>>()
            .await,
    ));
    told_by.push(told(client.get_run(" ").await));
    told_by
}

/// The same, blocking.
fn blocked(client: Client) -> Vec<String> {
    let session = client.session(SESSION).unwrap();
    let mut told_by = vec![
        told(client.get_run(SESSION).block()),
        told(client.trigger_run_and_wait(request()).block()),
        told(session.ask("And now?").block()),
        told(session.send("And then?").block()),
        told(session.wait().block()),
        told(session.tree().block()),
        told(session.tree().until_ended().poll_interval(SECOND).block()),
    ];
    let session = client.session(SESSION).unwrap();
    told_by.push(told(session.watch().events().iterate().collect::<Vec<_>>()));
    let results: Vec<_> = client
        .wait_all(ids())
        .unwrap()
        .results()
        .iterate()
        .collect();
    told_by.push(told(in_order(results)));
    let requests = [request(), request()];
    told_by.push(told(
        client
            .run_all(requests, 1)
            .results()
            .iterate()
            .collect::<Vec<_>>(),
    ));
    told_by.push(told(client.get_run(" ").block()));
    told_by
}

/// Runs `work` on a thread of its own, and gives up where it never ends.
fn within_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = sender.send(work());
    });
    match receiver.recv_timeout(Duration::from_secs(20)) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => panic!("no answer"),
        },
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
    }
}

/// A server, with the runtime that it lives in.
fn server(script: impl FnMut(&Seen) -> Reply + Send + 'static) -> (Runtime, FaultServer) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(FaultServer::scripted(script));
    (runtime, server)
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// What is told, and what the server saw, when every kind of call is made by `calls`.
fn outcome(
    calls: impl FnOnce(Client) -> Vec<String> + Send + 'static,
) -> (Vec<String>, Vec<String>) {
    let (_runtime, server) = server(api());
    let (client, _) = server.client();
    let told = within_time(move || calls(client));
    (told, server.operations())
}

fn assert_as_awaited(calls: impl FnOnce(Client) -> Vec<String> + Send + 'static) {
    let (told, operations) = outcome(calls);
    let (expected, expected_operations) = expected();
    for (told, expected) in told.iter().zip(&expected) {
        assert_eq!(told, expected);
    }
    assert_eq!(told.len(), expected.len());
    assert_eq!(operations, expected_operations);
}

fn expected() -> (Vec<String>, Vec<String>) {
    let expected = outcome(|client| current_thread().block_on(awaited(client)));
    let ok = expected.0.iter().filter(|told| !told.contains("Err("));
    assert_eq!((ok.count(), expected.0.len()), (10, 11), "{expected:#?}");
    expected
}

#[test]
fn a_plain_thread_gets_what_awaiting_gives_over_the_same_requests() {
    assert_as_awaited(blocked);
}

#[test]
fn so_does_the_main_task_of_a_multi_thread_runtime() {
    let inside = |client| Runtime::new().unwrap().block_on(async { blocked(client) });
    assert_as_awaited(inside);
}

#[test]
fn so_does_a_task_on_the_only_worker_of_a_multi_thread_runtime() {
    let inside = |client| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let task = runtime.spawn(async { blocked(client) });
        runtime.block_on(task).unwrap()
    };
    assert_as_awaited(inside);
}

#[test]
fn so_does_a_current_thread_runtime() {
    let inside = |client| current_thread().block_on(async { blocked(client) });
    assert_as_awaited(inside);
}

#[test]
fn so_does_a_thread_for_blocking_work() {
    let inside = |client| {
        current_thread().block_on(async {
            let work = tokio::task::spawn_blocking(|| blocked(client));
            work.await.unwrap()
        })
    };
    assert_as_awaited(inside);
}

/// A client that gives up at once where a connection does not work.
fn impatient(server: &FaultServer) -> Client {
    client(&server.endpoint(), |builder| builder.retry(Retry::none())).0
}

#[test]
fn a_connection_that_a_blocking_call_has_opened_serves_a_runtime_as_well() {
    let (_runtime, server) = server(api());
    let client = impatient(&server);
    within_time(move || {
        client.get_run(SESSION).block().unwrap();
        let runtime = current_thread();
        runtime
            .block_on(client.get_run(SESSION).into_future())
            .unwrap();
        drop(runtime);
        client.get_run(SESSION).block().unwrap();
    });
    assert_eq!(server.arrived(), 3);
}

#[test]
fn many_threads_block_at_once() {
    let (_runtime, server) = server(api());
    let (client, _) = server.client();
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || client.get_run(SESSION).block().unwrap())
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap().session_id.as_str(), SESSION);
    }
    assert_eq!(server.arrived(), 16);
}

#[test]
fn a_panic_of_the_callers_callback_reaches_the_caller_and_harms_no_later_call() {
    let (_runtime, server) = server(api());
    let (client, _) = server.client();
    let first = client.clone();
    let panic = within_time(move || {
        let wait = first.trigger_run_and_wait(request());
        let wait = wait.on_started(|id| panic!("no place for {id}"));
        catch_unwind(AssertUnwindSafe(|| wait.block())).unwrap_err()
    });
    let text = panic.downcast_ref::<String>().unwrap();
    assert_eq!(text, "no place for started-1");

    let fleet = client.clone();
    let panic = within_time(move || {
        let fleet = fleet.run_all([request()], 1);
        let mut fleet = fleet
            .on_started(|_, id| panic!("no place for {id}"))
            .results()
            .iterate();
        let panic = catch_unwind(AssertUnwindSafe(|| fleet.next())).unwrap_err();
        // The run that was started is not passed over in silence.
        let (place, result) = fleet.next().unwrap();
        assert!(place == 0 && result.unwrap_err().may_have_started());
        assert!(fleet.next().is_none());
        panic
    });
    let text = panic.downcast_ref::<String>().unwrap();
    assert_eq!(text, "no place for started-2");
    client.get_run(SESSION).block().unwrap();
}

#[test]
fn errors_are_those_of_awaiting() {
    let (_runtime, server) = server(|seen| match seen.operation.as_str() {
        "TriggerDinoaiAgentRun" => Reply::Good,
        "StopDinoaiAgentRun" => Reply::html(404),
        _ => Reply::Status("FAILED"),
    });
    let (client, clock) = server.client();
    within_time(move || {
        let error = client.trigger_run_and_wait(request()).block().unwrap_err();
        let Error::RunFailed { run, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(run.answer(), Some("All good."));
        let wait = client.trigger_run_and_wait(request());
        let error = wait.timeout(Duration::ZERO).block().unwrap_err();
        assert!(matches!(
            error,
            Error::InvalidRequest {
                field: "timeout",
                ..
            }
        ));
        let results: Vec<_> = client
            .wait_all(ids())
            .unwrap()
            .results()
            .iterate()
            .collect();
        assert_eq!(results.len(), ids().len());
        assert!(
            results
                .iter()
                .all(|(_, result)| matches!(result, Err(Error::NotFound { .. })))
        );
    });
    drop(clock);

    let (_runtime, server) = self::server(|seen| match seen.operation.as_str() {
        "StopDinoaiAgentRun" => Reply::html(404),
        _ => Reply::Status("RUNNING"),
    });
    let (client, _) = server.client();
    let error = within_time(move || {
        let session = client.session(SESSION).unwrap();
        let wait = session.wait().timeout(Duration::from_secs(9));
        wait.on_timeout(OnTimeout::Stop).block().unwrap_err()
    });
    let Error::WaitTimeout(timeout) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(timeout.stopped, Some(Err(_))), "{timeout:?}");
}

#[test]
fn an_iterator_that_has_ended_says_so_as_often_as_it_is_asked() {
    let (_runtime, server) = server(api());
    let (client, _) = server.client();
    within_time(move || {
        let mut results = client.wait_all(ids()).unwrap().results().iterate();
        assert_eq!(results.by_ref().count(), 3);
        assert!(results.next().is_none() && results.next().is_none());
        let mut events = client.session(SESSION).unwrap().watch().events().iterate();
        assert!(events.by_ref().count() > 2);
        assert!(events.next().is_none() && events.next().is_none());
    });
}

#[test]
fn an_iterator_can_be_left_half_way() {
    let (_runtime, server) = server(api());
    let (client, _) = server.client();
    within_time(move || {
        let session = client.session(SESSION).unwrap();
        let first: Vec<_> = session.watch().events().iterate().take(2).collect();
        let rest: Vec<_> = session.watch().events().iterate().collect();
        let whole = client.session(SESSION).unwrap();
        let whole: Vec<_> = whole.watch().events().iterate().collect();
        assert_eq!(
            told(first.into_iter().chain(rest).collect::<Vec<_>>()),
            told(whole)
        );
    });
}
/// A call that keeps its connection, then a blocking one that could use it again.
async fn awaits_then_blocks(client: Client) -> usize {
    client.get_run(SESSION).await.unwrap();
    client.get_run(SESSION).block().unwrap();
    client.get_run(SESSION).block().unwrap();
    client.get_run(SESSION).await.unwrap();
    4
}

#[test]
fn a_connection_that_a_current_thread_runtime_has_opened_does_not_hang_a_blocking_call() {
    let (_runtime, server) = server(api());
    let client = impatient(&server);
    let calls = within_time(|| current_thread().block_on(awaits_then_blocks(client)));
    assert_eq!(server.arrived(), calls);
}

#[test]
fn a_connection_that_the_only_worker_has_opened_does_not_hang_a_blocking_call() {
    let (_runtime, server) = server(api());
    let client = impatient(&server);
    let calls = within_time(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let task = runtime.spawn(awaits_then_blocks(client));
        runtime.block_on(task).unwrap()
    });
    assert_eq!(server.arrived(), calls);
}

#[test]
fn a_blocking_call_inside_a_callback_of_another_does_not_hang() {
    let (_runtime, server) = server(api());
    let (client, _) = server.client();
    let run = within_time(move || {
        let inner = client.clone();
        client
            .trigger_run_and_wait(request())
            .on_started(move |id| drop(inner.get_run(id).block().unwrap()))
            .block()
    });
    assert_eq!(run.unwrap().session_id.as_str(), "started-1");
}

/// Runs that can be stopped, after this time.
fn stoppable(late: Duration) -> impl FnMut(&Seen) -> Reply + Send {
    move |seen| match seen.operation.as_str() {
        "StopDinoaiAgentRun" => Reply::Late(late, Box::new(Reply::Good)),
        _ => Reply::Status("RUNNING"),
    }
}

fn stops(server: &FaultServer) -> usize {
    let operations = server.operations();
    let stops = operations
        .iter()
        .filter(|name| *name == "StopDinoaiAgentRun");
    stops.count()
}

#[test]
fn a_guard_dropped_outside_a_runtime_has_stopped_its_run_when_the_drop_returns() {
    const LATE: Duration = Duration::from_millis(100);
    let (_runtime, server) = server(stoppable(LATE));
    let (client, _) = server.client();
    let took = within_time(move || {
        let guard = client.session(SESSION).unwrap().stop_on_drop();
        let start = Instant::now();
        drop(guard);
        start.elapsed()
    });
    assert_eq!(stops(&server), 1);
    assert!(took >= LATE, "{took:?}");
}

#[test]
fn a_guard_dropped_outside_a_runtime_by_a_panic_stops_its_run() {
    let (_runtime, server) = server(stoppable(Duration::ZERO));
    let (client, _) = server.client();
    let panic = within_time(move || {
        catch_unwind(AssertUnwindSafe(|| {
            let _guard = client.session(SESSION).unwrap().stop_on_drop();
            panic!("for a test");
        }))
        .unwrap_err()
    });
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"for a test"));
    assert_eq!(stops(&server), 1);
}

#[test]
fn a_guard_dropped_outside_a_runtime_returns_where_its_run_cannot_be_stopped() {
    let (_runtime, server) = server(|_| Reply::html(404));
    let (client, _) = server.client();
    let session = client.session(SESSION).unwrap();
    within_time(move || drop(session.stop_on_drop()));
    assert_eq!(stops(&server), 1);
    client.session(SESSION).unwrap().stop_on_drop().disarm();
    assert_eq!(stops(&server), 1);
}

#[test]
fn a_guard_dropped_inside_a_runtime_does_not_hold_it_up() {
    let (_runtime, server) = server(stoppable(Duration::from_secs(5)));
    let (client, _) = server.client();
    let took = within_time(move || {
        current_thread().block_on(async {
            let guard = client.session(SESSION).unwrap().stop_on_drop();
            let start = Instant::now();
            drop(guard);
            start.elapsed()
        })
    });
    assert!(took < SECOND, "{took:?}");
}

#[test]
fn callbacks_of_many_runs_that_block_do_not_hang() {
    let (_runtime, server) = server(api());
    let (client, _) = server.client();
    let results = within_time(move || {
        let inner = client.clone();
        let runs = client.run_all((0..5).map(|_| request()), 5);
        let runs = runs.on_started(move |_, _| drop(inner.get_run(SESSION).block().unwrap()));
        runs.results().iterate().count()
    });
    assert_eq!(results, 5);
}
