//! Blocking calls return what awaiting returns, over the same requests, from any thread.

use std::time::Duration;

use dinoai::blocking::{Block, Iterate};
use dinoai::{Error, OnTimeout};
use tokio::runtime::{Builder, Runtime};

use crate::api::{
    api, assert_as_awaited, blocked, current_thread, debug, ids, server, within_time,
};
use crate::support::fault_server::{Reply, SESSION};
use crate::support::samples::request;

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
            debug(first.into_iter().chain(rest).collect::<Vec<_>>()),
            debug(whole)
        );
    });
}
