//! `run_once` waits for the run of its key, whichever call has started it, and records how it ended.

use std::sync::{Arc, Mutex};

use dinoai::journal::{Restart, State};
use dinoai::{Error, Event, RunStatus, StartedOnce};

use super::{KEY, triggers};
use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::memory_journal::{MemoryJournal, Store};
use crate::support::samples::{request, seconds};

fn ended(status: &'static str) -> impl Fn(&State) -> bool {
    move |state| matches!(state, State::Ended { status: its, .. } if its.as_str() == status)
}

/// A server whose run is in progress at the first polls.
async fn slow_run(polls: usize, status: &'static str) -> FaultServer {
    let mut left = polls;
    FaultServer::scripted(move |seen| {
        if seen.operation.starts_with("Trigger") {
            return Reply::Good;
        }
        left = left.saturating_sub(1);
        Reply::Status(if left > 0 { "RUNNING" } else { status })
    })
    .await
}

#[tokio::test]
async fn it_starts_once_and_waits_each_time() {
    let server = slow_run(3, "COMPLETED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let run = client.run_once(KEY, request(), &journal).await.unwrap();
    assert_eq!(run.answer(), Some("All good."));
    assert!(journal.state(KEY).as_ref().is_some_and(ended("COMPLETED")));
    let before = server.operations().len();
    let run = client.run_once(KEY, request(), &journal).await.unwrap();
    assert_eq!(run.session_id.as_str(), SESSION);
    let after = server.operations().split_off(before);
    assert_eq!(after, ["DinoaiAgentRunStatus", "DinoaiAgentRun"]);
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn it_waits_for_a_run_that_another_call_has_started() {
    let server = slow_run(5, "COMPLETED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    client.start_once(KEY, request(), &journal).await.unwrap();
    let found = Arc::new(Mutex::new(None));
    let note = found.clone();
    let once = client
        .run_once(KEY, request(), &journal)
        .on_found(move |it| {
            let is_attached = matches!(it, StartedOnce::Attached(_));
            *note.lock().unwrap() = Some(is_attached);
        });
    let run = once.await.unwrap();
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(*found.lock().unwrap(), Some(true));
    assert!(journal.state(KEY).as_ref().is_some_and(ended("COMPLETED")));
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn a_run_that_fails_is_an_error_of_the_call_that_started_it_and_a_result_for_the_next() {
    let server = slow_run(3, "FAILED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let error = client.run_once(KEY, request(), &journal).await.unwrap_err();
    assert!(matches!(error, Error::RunFailed { .. }) && error.may_have_started());
    assert!(journal.state(KEY).as_ref().is_some_and(ended("FAILED")));
    let error = client.run_once(KEY, request(), &journal).await.unwrap_err();
    assert!(matches!(error, Error::RunFailed { .. }) && !error.may_have_started());
    assert_eq!(triggers(&server), 1);
    let again = client
        .run_once(KEY, request(), &journal)
        .restart(Restart::Failed);
    again.await.unwrap_err();
    assert_eq!(triggers(&server), 2);
}

#[tokio::test]
async fn at_its_timeout_the_run_goes_on_and_the_next_call_waits_for_it() {
    let server = slow_run(20, "COMPLETED").await;
    let (client, clock) = server.client();
    let journal = MemoryJournal::default();
    let start = dinoai::time::Clock::now(&clock);
    let once = client
        .run_once(KEY, request(), &journal)
        .timeout(seconds(10));
    let error = once.await.unwrap_err();
    assert!(
        matches!(error, Error::WaitTimeout(_)) && error.may_have_started(),
        "{error}"
    );
    let waited = dinoai::time::Clock::now(&clock) - start;
    assert!((seconds(10)..seconds(11)).contains(&waited), "{waited:?}");
    let state = journal.state(KEY);
    assert!(matches!(state, Some(State::Started { .. })), "{state:?}");
    client.run_once(KEY, request(), &journal).await.unwrap();
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn the_end_is_recorded_by_a_journal_that_had_not_taken_the_id() {
    let server = slow_run(3, "COMPLETED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    journal.plan([Store::Well, Store::Fails, Store::Fails, Store::Fails]);
    client.run_once(KEY, request(), &journal).await.unwrap();
    journal.until(KEY, ended("COMPLETED")).await;
    let entry = journal.entry(KEY).unwrap();
    assert!(entry.other_runs.is_empty(), "{entry:?}");
}

#[tokio::test]
async fn a_timeout_of_zero_is_refused_before_the_key_is_claimed() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let refused = client
        .run_once(KEY, request(), &journal)
        .timeout(seconds(0));
    assert!(matches!(
        refused.await,
        Err(Error::InvalidRequest {
            field: "timeout",
            ..
        })
    ));
    assert_eq!((journal.asked(), server.arrived()), ((0, 0), 0));
}

/// The events of a watch, in words.
async fn watched(watch: dinoai::Watch) -> Vec<String> {
    let mut events = watch.events();
    let mut all = vec![];
    while let Some(event) = events.next().await {
        all.push(match event {
            Ok(Event::Started(accepted)) => format!("started {}", accepted.session_id),
            Ok(Event::Attached(id)) => format!("attached {id}"),
            Ok(Event::Restarted(run)) => format!("restarted {} {}", run.session_id, run.status),
            Ok(Event::Ended(run)) => format!("ended {}", run.status),
            Ok(Event::Message(message)) => message.content,
            Ok(Event::Status(status)) => status.to_string(),
            Ok(other) => format!("{other:?}"),
            Err(error) => format!("{error}"),
        });
    }
    all
}

#[tokio::test]
async fn a_watch_starts_once_and_shows_all_of_the_run_each_time() {
    let server = slow_run(3, "FAILED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let started = watched(client.start_once(KEY, request(), &journal).watch()).await;
    let rest = ["RUNNING", "All good.", "FAILED", "ended FAILED"];
    assert_eq!(started[0], format!("started {SESSION}"));
    assert_eq!(started[1..], rest);
    assert!(journal.state(KEY).as_ref().is_some_and(ended("FAILED")));

    let attached = watched(client.start_once(KEY, request(), &journal).watch()).await;
    assert_eq!(attached[0], format!("attached {SESSION}"));
    assert_eq!(attached[1..], rest[1..]);
    assert_eq!(triggers(&server), 1);

    let again = client
        .start_once(KEY, request(), &journal)
        .restart(Restart::Failed);
    let restarted = watched(again.watch()).await;
    let first = [
        format!("restarted {SESSION} FAILED"),
        format!("started {SESSION}"),
    ];
    assert_eq!(restarted[..2], first);
    assert_eq!(triggers(&server), 2);
}

#[tokio::test]
async fn a_watch_of_a_key_of_which_nobody_knows_ends_with_that() {
    let server = FaultServer::start([Reply::ResetAfter]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let first = watched(client.start_once(KEY, request(), &journal).watch()).await;
    let second = watched(client.start_once(KEY, request(), &journal).watch()).await;
    assert!(
        first.len() == 1 && first[0].contains("outcome is unknown"),
        "{first:?}"
    );
    let says = "key \"nightly/2026-11-25\" may have started a run at ";
    assert!(
        second.len() == 1 && second[0].starts_with(says),
        "{second:?}"
    );
    assert_eq!(triggers(&server), 1);
}
