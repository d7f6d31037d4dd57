//! A run is stopped once: at the timeout of a wait if asked for, or by a guard.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use dinoai::error::WaitTimeout;
use dinoai::time::Clock;
use dinoai::{Client, Error, OnTimeout, Result, RunStatus, StopOnDrop};
use dinoai_emulator::{Backend, Emulator, Scenario, Stage};
use serde_json::json;

use crate::support::emulated::client_of;
use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::operations::{STOP, sent};
use crate::support::samples::request;

/// A server whose runs go on, and that answers to a stop with these replies, and well then.
async fn endless(stops: impl IntoIterator<Item = Reply>) -> FaultServer {
    let stops: Vec<_> = stops.into_iter().collect();
    let mut stops = stops.into_iter();
    FaultServer::scripted(move |seen| match seen.operation.as_str() {
        STOP => stops.next().unwrap_or(Reply::Good),
        "TriggerDinoaiAgentRun" | "SendDinoaiAgentMessage" => Reply::Good,
        _ => Reply::Status("RUNNING"),
    })
    .await
}

fn timeout_of<T: std::fmt::Debug>(result: Result<T>) -> Box<WaitTimeout> {
    match result.unwrap_err() {
        Error::WaitTimeout(timeout) => timeout,
        error => panic!("{error:?}"),
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_run_is_stopped_once_after_the_timeout_and_the_error_says_what_came_of_it() {
    let server = endless([]).await;
    let (client, clock) = server.client();
    let session = client.session(SESSION).unwrap();
    let stop = OnTimeout::Stop;
    let new = client.trigger_run_and_wait(request()).timeout(MINUTE);
    let old = session.wait().timeout(MINUTE).on_timeout(stop);
    let mut watch = session.watch().timeout(MINUTE).on_timeout(stop).events();
    for (number, timeout) in [
        timeout_of(new.on_timeout(stop).await),
        timeout_of(old.await),
        loop {
            let event = watch.next().await.unwrap();
            if event.is_err() {
                break timeout_of(event);
            }
        },
    ]
    .into_iter()
    .enumerate()
    {
        assert!(
            matches!(&timeout.stopped, Some(Ok(word)) if word == "STOPPED"),
            "{number}"
        );
        assert_eq!(
            (timeout.elapsed, timeout.session_id.as_str()),
            (MINUTE, SESSION)
        );
        assert_eq!(timeout.last_status, Some(RunStatus::Running));
    }
    assert_eq!(sent(&server, STOP), 3);
    assert_eq!(server.operations().last().unwrap(), STOP);
    for seen in server.seen().iter().filter(|seen| seen.operation == STOP) {
        assert_eq!(seen.variables, json!({ "agentSessionId": SESSION }));
    }
    drop(clock);
}

#[tokio::test]
async fn a_run_is_left_as_it_is_by_default_and_one_that_ends_in_time_in_any_case() {
    let server = endless([]).await;
    let (client, _) = server.client();
    let timeout = timeout_of(client.trigger_run_and_wait(request()).timeout(MINUTE).await);
    assert!(timeout.stopped.is_none());
    assert_eq!(sent(&server, STOP), 0);

    let server = FaultServer::start([Reply::Good, Reply::Status("RUNNING")]).await;
    let (client, _) = server.client();
    let wait = client.trigger_run_and_wait(request());
    wait.on_timeout(OnTimeout::Stop).await.unwrap();
    assert_eq!(sent(&server, STOP), 0);
}

#[tokio::test]
async fn a_run_that_reads_as_ended_is_not_stopped_although_its_whole_read_lags_behind() {
    let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
        "DinoaiAgentRun" => Reply::Status("RUNNING"),
        _ => Reply::Status("COMPLETED"),
    })
    .await;
    let (client, _) = server.client();
    let session = client.session(SESSION).unwrap();
    let stop = OnTimeout::Stop;
    let wait = session.wait().timeout(MINUTE).on_timeout(stop);
    let mut watch = session.watch().timeout(MINUTE).on_timeout(stop).events();
    let tree = session.tree().until_ended().timeout(MINUTE);
    for timeout in [
        timeout_of(wait.await),
        loop {
            let event = watch.next().await.unwrap();
            if event.is_err() {
                break timeout_of(event);
            }
        },
        timeout_of(tree.on_timeout(stop).await),
    ] {
        assert!(timeout.stopped.is_none(), "{timeout:?}");
    }
    assert_eq!(sent(&server, STOP), 0);
}

#[tokio::test]
async fn many_runs_are_stopped_at_their_timeouts_where_that_is_asked_for() {
    for on_timeout in [OnTimeout::Leave, OnTimeout::Stop] {
        let server = endless([]).await;
        let (client, clock) = server.client();
        let runs = client.run_all([request(), request()], 2).timeout(MINUTE);
        let mut results = runs.on_timeout(on_timeout).results();
        let mut timeouts = vec![];
        while let Some((_, result)) = results.next().await {
            timeouts.push(timeout_of(result));
        }
        assert_eq!(clock.now(), MINUTE);
        assert_eq!(timeouts.len(), 2);
        let stopped: Vec<_> = timeouts.iter().map(|timeout| &timeout.stopped).collect();
        match on_timeout {
            OnTimeout::Stop => {
                assert_eq!(sent(&server, STOP), 2);
                assert!(stopped.iter().all(|stopped| matches!(stopped, Some(Ok(_)))));
            }
            _ => {
                assert_eq!(sent(&server, STOP), 0);
                assert!(stopped.iter().all(|stopped| stopped.is_none()));
            }
        }

        let wait = client.wait_all([SESSION]).unwrap().timeout(MINUTE);
        let mut results = wait.on_timeout(on_timeout).results();
        let timeout = timeout_of(results.next().await.unwrap().1);
        assert_eq!(timeout.stopped.is_some(), on_timeout == OnTimeout::Stop);
    }
}

#[tokio::test]
async fn of_many_runs_one_that_reads_as_ended_is_not_stopped() {
    let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
        STOP => Reply::Good,
        // Its whole read fails until the deadline.
        "DinoaiAgentRun" => Reply::html(503),
        _ => Reply::Status("COMPLETED"),
    })
    .await;
    let (client, _) = server.client();
    let wait = client.wait_all([SESSION]).unwrap().timeout(MINUTE);
    let mut results = wait.on_timeout(OnTimeout::Stop).results();
    let timeout = timeout_of(results.next().await.unwrap().1);
    assert!(timeout.stopped.is_none() && sent(&server, STOP) == 0);
}

#[tokio::test]
async fn a_run_that_was_not_started_is_not_stopped() {
    let server = FaultServer::start(vec![Reply::ResetAfter; 1]).await;
    let (client, _) = server.client();
    let wait = client.trigger_run_and_wait(request());
    let error = wait.on_timeout(OnTimeout::Stop).await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }));
    assert_eq!(server.arrived(), 1);
}

#[tokio::test]
async fn a_stop_that_fails_temporarily_is_sent_again() {
    let server = endless([Reply::html(503), Reply::ResetAfter]).await;
    let (client, _) = server.client();
    let wait = client.trigger_run_and_wait(request()).timeout(MINUTE);
    let timeout = timeout_of(wait.on_timeout(OnTimeout::Stop).await);
    assert!(matches!(timeout.stopped, Some(Ok(_))), "{timeout:?}");
    assert_eq!(sent(&server, STOP), 3);
}

#[tokio::test]
async fn why_a_run_could_not_be_stopped_is_reported_beside_the_timeout() {
    let refused = json!({ "data": { "stopDinoaiAgentRun": { "ok": false, "status": "RUNNING" } } });
    let mut texts = vec![];
    for reply in [
        Reply::json(200, &refused),
        Reply::Http(403, vec![], String::new()),
        Reply::html(404),
    ] {
        let server = endless([reply]).await;
        let (client, _) = server.client();
        let wait = client
            .trigger_run_and_wait(request())
            .poll_interval(MINUTE / 6);
        let wait = wait.timeout(MINUTE).on_timeout(OnTimeout::Stop);
        let timeout = timeout_of(wait.await);
        let Some(Err(error)) = &timeout.stopped else {
            panic!("{timeout:?}");
        };
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
        assert_eq!(sent(&server, STOP), 1);
        texts.push(timeout.to_string());
    }
    insta::assert_snapshot!(texts.join("\n"));
}

async fn emulator(backend: Backend) -> (Emulator, Client) {
    let scenario = Scenario::new().stage(Stage::new("RUNNING"));
    let emulator = Emulator::builder()
        .backend(backend)
        .default_scenario(scenario)
        .start()
        .await
        .unwrap();
    let client = client_of(&emulator);
    (emulator, client)
}

#[tokio::test]
async fn a_backend_that_cannot_stop_runs_is_reported_as_such() {
    let (emulator, client) = emulator(Backend::PagesOnly).await;
    let wait = client.trigger_run_and_wait(request()).timeout(MINUTE);
    let timeout = timeout_of(wait.on_timeout(OnTimeout::Stop).await);
    let Some(Err(error)) = &timeout.stopped else {
        panic!("{timeout:?}");
    };
    assert!(matches!(**error, Error::Unsupported { .. }), "{error:?}");
    assert_eq!(emulator.runs()[0].status, "RUNNING");
}

#[tokio::test]
async fn a_run_on_the_emulator_has_stopped_after_the_timeout() {
    let (emulator, client) = emulator(Backend::Current).await;
    let wait = client.trigger_run_and_wait(request()).timeout(MINUTE);
    let timeout = timeout_of(wait.on_timeout(OnTimeout::Stop).await);
    assert!(matches!(timeout.stopped, Some(Ok(_))), "{timeout:?}");
    assert_eq!(emulator.runs()[0].status, "STOPPED");
}

/// Whether the server is asked to stop a run within the time that a request takes at most.
async fn is_asked_to_stop(server: &FaultServer) -> bool {
    let start = Instant::now();
    while sent(server, STOP) == 0 {
        if start.elapsed() > Duration::from_millis(300) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

#[tokio::test]
async fn a_guard_stops_its_run_when_it_is_dropped() {
    let server = endless([]).await;
    let (client, _) = server.client();
    let session = client.session(SESSION).unwrap();
    let guard = session.stop_on_drop();
    session.run().await.unwrap();
    assert_eq!(sent(&server, STOP), 0);
    drop(guard);
    assert!(is_asked_to_stop(&server).await);
    let stop = server.seen().pop().unwrap();
    assert_eq!(stop.variables, json!({ "agentSessionId": SESSION }));
}

#[tokio::test]
async fn a_guard_stops_its_run_when_its_scope_ends_in_a_panic_or_is_cancelled() {
    let server = endless([]).await;
    let (client, _) = server.client();
    let session = client.session(SESSION).unwrap();
    let guard = session.stop_on_drop();
    let task = tokio::spawn(async move {
        let _guard = guard;
        panic!("for a test");
    });
    assert!(task.await.unwrap_err().is_panic());
    assert!(is_asked_to_stop(&server).await);

    let server = endless([]).await;
    let (client, _) = server.client();
    let guard = client.session(SESSION).unwrap().stop_on_drop();
    let task = tokio::spawn(async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    });
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(is_asked_to_stop(&server).await);
}

#[tokio::test]
async fn a_guard_that_is_disarmed_lets_its_run_go_on() {
    let server = endless([]).await;
    let (client, _) = server.client();
    client.session(SESSION).unwrap().stop_on_drop().disarm();
    assert!(!is_asked_to_stop(&server).await);
    assert_eq!(server.arrived(), 0);
}

// With the feature it stops its run all the same: see `blocking.rs`.
#[cfg(not(feature = "blocking"))]
#[test]
fn a_guard_dropped_outside_a_runtime_does_nothing_and_does_not_panic() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(endless([]));
    let (client, _) = server.client();
    drop(client.session(SESSION).unwrap().stop_on_drop());
    assert!(!runtime.block_on(is_asked_to_stop(&server)));
}

/// Says whether its guard panics as it is dropped: a runtime would keep that to itself.
struct Watched(Option<StopOnDrop>, mpsc::Sender<bool>);

impl Drop for Watched {
    fn drop(&mut self) {
        let guard = self.0.take();
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(guard)));
        self.1.send(dropped.is_err()).unwrap();
    }
}

#[test]
fn a_guard_dropped_with_its_runtime_does_not_panic() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(endless([]));
    let (client, _) = server.client();
    let (says, panicked) = mpsc::channel();
    let guard = client.session(SESSION).unwrap().stop_on_drop();
    let guard = Watched(Some(guard), says);
    runtime.spawn(async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    });
    drop(runtime);
    assert_eq!(panicked.recv(), Ok(false));
}

#[tokio::test]
async fn what_comes_of_a_guards_stop_harms_nobody() {
    let server = endless(vec![Reply::html(404)]).await;
    let (client, _) = server.client();
    drop(client.session(SESSION).unwrap().stop_on_drop());
    assert!(is_asked_to_stop(&server).await);
    client.get_run(SESSION).await.unwrap();
}
