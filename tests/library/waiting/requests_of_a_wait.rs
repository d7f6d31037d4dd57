//! A wait makes few requests, at an interval that adapts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::{Error, RunStatus};

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::operations::{READ, STATUS, TRIGGER};
use crate::support::samples::request;

/// A plan: the trigger succeeds, then these replies.
pub(crate) fn after_trigger(replies: impl IntoIterator<Item = Reply>) -> Vec<Reply> {
    [Reply::Good].into_iter().chain(replies).collect()
}

#[tokio::test]
async fn a_wait_of_n_polls_makes_n_and_one_requests_over_one_connection() {
    let going = [
        Reply::Status("QUEUED"),
        Reply::Status("RUNNING"),
        Reply::Status("RUNNING"),
    ];
    let server = FaultServer::start(after_trigger(going)).await;
    let (client, _) = server.client();
    let run = client.trigger_run_and_wait(request()).await.unwrap();
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(run.answer(), Some("All good."));
    assert_eq!(
        server.operations(),
        [TRIGGER, STATUS, STATUS, STATUS, STATUS, READ]
    );
    let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [1, 2, 2, 2, 2, 2]);
}

#[tokio::test]
async fn the_first_poll_comes_at_once() {
    let server = FaultServer::start([]).await;
    let (client, clock) = server.client();
    client.session(SESSION).unwrap().wait().await.unwrap();
    assert!(clock.sleeps().is_empty());
}

#[tokio::test]
async fn every_end_but_completed_is_run_failed_and_carries_the_whole_run() {
    for (word, status) in [
        ("FAILED", RunStatus::Failed),
        ("EXPIRED", RunStatus::Expired),
        ("STOPPED", RunStatus::Stopped),
    ] {
        let end = Reply::Status(word);
        let server = FaultServer::start(after_trigger([end.clone(), end])).await;
        let (client, _) = server.client();
        let error = client.trigger_run_and_wait(request()).await.unwrap_err();
        let Error::RunFailed { run, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!((&run.status, run.answer()), (&status, Some("All good.")));
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(
            error.to_string(),
            format!("run {SESSION} ended {word}; its last message: All good.")
        );
    }
}

#[tokio::test]
async fn a_run_that_woke_between_the_poll_and_the_read_is_waited_for_on() {
    let replies = [
        Reply::Status("COMPLETED"),
        Reply::Status("RUNNING"),
        Reply::Status("RUNNING"),
    ];
    let server = FaultServer::start(replies).await;
    let (client, _) = server.client();
    let run = client.session(SESSION).unwrap().wait().await.unwrap();
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(server.operations(), [STATUS, READ, STATUS, STATUS, READ]);
}

#[tokio::test]
async fn the_session_id_is_passed_on_after_the_trigger_and_before_the_first_poll() {
    let server = Arc::new(FaultServer::start([]).await);
    let (client, _) = server.client();
    let handed_out = Arc::new(Mutex::new(None));
    let (record, seen_by) = (handed_out.clone(), server.clone());
    client
        .trigger_run_and_wait(request())
        .on_started(move |id| {
            *record.lock().unwrap() = Some((id.to_string(), seen_by.operations()));
        })
        .await
        .unwrap();
    let handed_out = handed_out.lock().unwrap().take();
    assert_eq!(
        handed_out,
        Some((SESSION.to_owned(), vec![TRIGGER.to_owned()]))
    );
}

#[tokio::test]
async fn a_fixed_interval_is_kept_and_a_delay_that_the_server_asks_for_is_honoured() {
    let replies = [
        Reply::Status("RUNNING"),
        Reply::too_many_requests("33"),
        Reply::too_many_requests("3"),
        Reply::unavailable("44"),
    ];
    let server = FaultServer::start(after_trigger(replies)).await;
    let (client, clock) = server.client();
    client
        .trigger_run_and_wait(request())
        .poll_interval(Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(clock.sleeps(), [10, 33, 10, 44].map(Duration::from_secs));
}

#[tokio::test]
async fn an_hour_by_default_takes_about_as_many_polls_as_every_ten_seconds() {
    let server = FaultServer::start(after_trigger(vec![Reply::Status("RUNNING"); 1000])).await;
    let (client, clock) = server.client();
    let error = client.trigger_run_and_wait(request()).await.unwrap_err();
    let Error::WaitTimeout(timeout) = error else {
        panic!("{error:?}");
    };
    assert_eq!(timeout.elapsed, Duration::from_secs(3600));
    assert!((360..=420).contains(&timeout.polls), "{}", timeout.polls);
    let sleeps = clock.sleeps();
    let last = sleeps.len() - 1; // cut by the timeout
    assert!(
        sleeps[..last]
            .iter()
            .all(|pause| *pause >= Duration::from_millis(900))
    );
    assert!(sleeps.iter().all(|pause| *pause <= Duration::from_secs(11)));
}
