//! A stream of many runs that is read slowly, or polled late: each run still has its last look, and none is
//! stopped that has ended meanwhile.

use std::sync::{Arc, Mutex};

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Error, OnTimeout, SessionId};
use tokio::sync::Notify;

use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{READ, STATUS, STOP, sent};
use crate::support::samples::{ids, seconds};
use crate::support::shown_run::{accepted, client_by, fields, id_of, run_with};
use crate::waiting::slow_readers::{
    ends_just_after_its_deadline, left_at_its_last_look, left_while_its_run_is_read,
};

#[tokio::test]
async fn a_stream_of_many_runs_that_is_read_slowly_looks_once_more_before_it_gives_one_up() {
    let clock = VirtualClock::new();
    let (b_is_asked, b_is_late) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (script, asked, late) = (clock.clone(), b_is_asked.clone(), b_is_late.clone());
    let mut polls_of_b = 0;
    let server = FaultServer::scripted(move |seen| {
        let reply = run_with(seen, |id| match id {
            "b" if script.now() < seconds(60) => fields(id, "RUNNING", &[]),
            _ => fields(id, "COMPLETED", &[]),
        });
        match (seen.operation.as_str(), id_of(seen)) {
            // The second poll of b comes while a is read, and is answered after that.
            (READ, "a") => {
                script.advance(seconds(2));
                Reply::When(asked.clone(), Box::new(reply))
            }
            (STATUS, "b") => {
                polls_of_b += 1;
                asked.notify_one();
                match polls_of_b {
                    1 => Reply::When(late.clone(), Box::new(reply)),
                    _ => reply,
                }
            }
            _ => reply,
        }
    })
    .await;
    let client = client_by(&server, &clock);
    let ids = ["a", "b"].map(|id| SessionId::new(id).unwrap());
    let mut runs = client.wait_all(ids).unwrap().timeout(seconds(60)).results();
    let (first, result) = runs.next().await.unwrap();
    assert!(first.as_str() == "a" && result.is_ok());
    b_is_late.notify_one();
    server.until_answered(3).await;
    clock.advance(seconds(60));
    let (second, result) = runs.next().await.unwrap();
    assert_eq!(second.as_str(), "b");
    assert!(result.is_ok(), "{result:?}");
}

#[tokio::test]
async fn many_runs_whose_last_look_is_noticed_late_are_looked_at_once_more_and_not_stopped() {
    let clock = VirtualClock::new();
    let server = ends_just_after_its_deadline(&clock, &[]).await;
    let wait = client_by(&server, &clock).wait_all(["a"]).unwrap();
    let wait = wait.poll_interval(seconds(100)).timeout(seconds(60));
    let mut results = wait.on_timeout(OnTimeout::Stop).results();
    let mut next = Box::pin(results.next());
    left_at_its_last_look(&mut next, &server, &clock).await;
    let (_, result) = next.await.unwrap();
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(sent(&server, STOP), 0);
}

#[tokio::test]
async fn a_read_that_has_failed_before_the_deadline_and_is_noticed_after_it_is_made_once_more() {
    let result = left_while_its_run_is_read(|client| {
        let wait = client.wait_all(["a"]).unwrap();
        let mut results = wait.timeout(seconds(60)).results();
        Box::pin(async move { results.next().await.unwrap().1 })
    });
    result.await.unwrap();
}

/// By a clock that stands still between two results.
#[tokio::test]
async fn a_stream_that_is_read_again_after_its_deadline_looks_once() {
    let clock = VirtualClock::new();
    let server = FaultServer::scripted(|seen| {
        run_with(seen, |id| match id {
            "a" => fields(id, "COMPLETED", &[]),
            _ => fields(id, "RUNNING", &[]),
        })
    })
    .await;
    let client = client_by(&server, &clock);
    let wait = client.wait_all(["a", "b"]).unwrap().timeout(seconds(60));
    let mut results = wait.results();
    let (first, _) = results.next().await.unwrap();
    assert_eq!(first.as_str(), "a");
    clock.advance(seconds(100));
    let before = server.arrived();
    let (_, result) = results.next().await.unwrap();
    assert!(matches!(result, Err(Error::WaitTimeout(_))), "{result:?}");
    let looks = server.arrived() - before;
    assert!(looks <= 2, "{looks} looks");
}

/// More runs than are stopped at a time.
#[tokio::test]
async fn a_run_whose_stop_has_waited_for_others_is_looked_at_once_more_before() {
    let clock = VirtualClock::new();
    let time = clock.clone();
    let late_stops = Arc::new(Mutex::new(0));
    let count = late_stops.clone();
    let server = FaultServer::scripted(move |seen| {
        let has_ended = time.now() > seconds(60);
        if seen.operation == STOP {
            *count.lock().unwrap() += usize::from(has_ended);
            return accepted(seen);
        }
        let status = if has_ended { "COMPLETED" } else { "RUNNING" };
        run_with(seen, |id| fields(id, status, &[]))
    })
    .await;
    let client = client_by(&server, &clock);
    let wait = client.wait_all(ids(50)).unwrap().timeout(seconds(60));
    let wait = wait.poll_interval(seconds(100));
    let mut results = wait.on_timeout(OnTimeout::Stop).results();
    let (_, first) = results.next().await.unwrap();
    assert!(matches!(first, Err(Error::WaitTimeout(_))), "{first:?}");
    // A stop is sent by a task of its own.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let stopped = sent(&server, STOP);
    server.until_answered(server.arrived()).await;
    clock.advance(seconds(1000));
    let mut completed = 0;
    while let Some((_, result)) = results.next().await {
        completed += usize::from(result.is_ok());
    }
    assert_eq!(*late_stops.lock().unwrap(), 0);
    assert_eq!(completed, 50 - stopped);
}

/// There is always a result to be returned first.
#[tokio::test]
async fn a_run_is_stopped_however_slowly_the_results_of_others_are_read() {
    let clock = VirtualClock::new();
    let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
        STOP => accepted(seen),
        _ => run_with(seen, |id| match id {
            "run-0" => fields(id, "RUNNING", &[]),
            _ => fields(id, "COMPLETED", &[]),
        }),
    })
    .await;
    let wait = client_by(&server, &clock).wait_all(ids(60)).unwrap();
    let wait = wait.timeout(seconds(60)).on_timeout(OnTimeout::Stop);
    let mut results = wait.results();
    let mut read = 0;
    while results.next().await.is_some() && sent(&server, STOP) == 0 {
        read += 1;
        // Meanwhile what is in flight is answered.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        clock.advance(seconds(15));
    }
    assert_eq!(sent(&server, STOP), 1);
    assert!(read <= 20, "after {read} results");
}
