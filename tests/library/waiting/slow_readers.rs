//! A stream that is read slowly still has its last look.

use std::pin::Pin;
use std::sync::Arc;

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Error, Event, OnTimeout, Result, SessionId};
use serde_json::json;
use tokio::sync::Notify;

use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{DIGEST, READ, STATUS, STATUSES, STOP, sent};
use crate::support::poll_once::poll_once;
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{all, client_by, fields, id_of, run, run_with, shows};
use crate::waiting::ways::first_turn;

#[tokio::test]
async fn a_watch_that_is_read_slowly_still_looks_once_more_before_it_gives_up_and_stops() {
    let clock = VirtualClock::new();
    let script = clock.clone();
    let server = shows(&clock, move |seen, _| {
        let messages = first_turn();
        match script.now() < seconds(45) {
            true => run(seen, "RUNNING", &messages[..1]),
            false => run(seen, "COMPLETED", &messages),
        }
    })
    .await;
    let session = session(&client_by(&server, &clock));
    let mut watch = session
        .watch()
        .poll_interval(seconds(30))
        .timeout(seconds(60))
        .on_timeout(OnTimeout::Stop)
        .events();
    let mut last = None;
    while let Some(item) = watch.next().await {
        if let Ok(Event::Message(_)) = &item
            && clock.now() < seconds(60)
        {
            // The caller takes its time, past the deadline.
            clock.advance(seconds(61));
        }
        last = Some(item);
    }
    assert!(matches!(last, Some(Ok(Event::Ended(_)))), "{last:?}");
    assert_eq!(sent(&server, STOP), 0);
}

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

/// A run that is in progress at its deadline, and has ended a second later, as has each of its children.
async fn ends_just_after_its_deadline(
    clock: &VirtualClock,
    children: &'static [&str],
) -> FaultServer {
    let time = clock.clone();
    FaultServer::scripted(move |seen| {
        let status = match time.now() <= seconds(60) {
            true => "RUNNING",
            false => "COMPLETED",
        };
        run_with(seen, |id| {
            let mut run = fields(id, status, &[]);
            if !children.contains(&id) {
                run["childSessionIds"] = json!(children);
            }
            run
        })
    })
    .await
}

/// Polls a wait until its last look is on its way, and leaves it for so many seconds then.
async fn left_at_its_last_look<T>(
    wait: &mut (impl Future<Output = T> + Unpin),
    server: &FaultServer,
    clock: &VirtualClock,
    left_for: u64,
) {
    let polls = || {
        let looks = [STATUS, STATUSES, DIGEST].map(|operation| sent(server, operation));
        looks.into_iter().sum::<usize>()
    };
    let mut before = 0;
    while clock.now() < seconds(60) || polls() == before {
        if clock.now() < seconds(60) {
            before = polls();
        }
        poll_once(wait).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(clock.now(), seconds(60));
    server.until_answered(server.arrived()).await;
    // The last look is noted by the task that polls for all.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    clock.advance(seconds(left_for));
}

#[tokio::test]
async fn many_runs_whose_last_look_is_noticed_late_are_looked_at_once_more_and_not_stopped() {
    let clock = VirtualClock::new();
    let server = ends_just_after_its_deadline(&clock, &[]).await;
    let wait = client_by(&server, &clock).wait_all(["a"]).unwrap();
    let wait = wait.poll_interval(seconds(100)).timeout(seconds(60));
    let mut results = wait.on_timeout(OnTimeout::Stop).results();
    let mut next = Box::pin(results.next());
    left_at_its_last_look(&mut next, &server, &clock, 10).await;
    let (_, result) = next.await.unwrap();
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(sent(&server, STOP), 0);
}

#[tokio::test]
async fn a_read_that_has_failed_before_the_deadline_and_is_noticed_after_it_is_made_once_more() {
    let clock = VirtualClock::new();
    let mut reads = 0;
    let server = FaultServer::scripted(move |seen| {
        reads += usize::from(seen.operation == READ);
        match (seen.operation.as_str(), reads) {
            (READ, 1) => Reply::html(503),
            _ => run_with(seen, |id| fields(id, "COMPLETED", &[])),
        }
    })
    .await;
    let wait = client_by(&server, &clock).wait_all(["a"]).unwrap();
    let mut results = wait.timeout(seconds(60)).results();
    let mut next = Box::pin(results.next());
    while sent(&server, READ) == 0 {
        poll_once(&mut next).await;
        tokio::task::yield_now().await;
    }
    server.until_answered(server.arrived()).await;
    // The response is noted by the task that reads.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    clock.advance(seconds(100));
    let (_, result) = next.await.unwrap();
    assert!(result.is_ok(), "{result:?}");
}

#[tokio::test]
async fn a_wait_among_others_whose_last_look_is_noticed_late_looks_once_more_and_stops_nothing() {
    let clock = VirtualClock::new();
    let server = ends_just_after_its_deadline(&clock, &[]).await;
    let client = client_by(&server, &clock);
    // It takes part, and is not read.
    let mut other = client.wait_all(["b"]).unwrap().results();
    let mut other = Box::pin(other.next());
    poll_once(&mut other).await;
    let wait = client.waits().wait("a").unwrap();
    let wait = wait.poll_interval(seconds(100)).timeout(seconds(60));
    let mut wait = Box::pin(wait.on_timeout(OnTimeout::Stop).into_future());
    left_at_its_last_look(&mut wait, &server, &clock, 10).await;
    let result = wait.await;
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(sent(&server, STOP), 0);
}

/// Nobody but the wait knows when the response to its own request came: at its end at the latest.
#[tokio::test]
async fn a_wait_alone_whose_last_look_is_noticed_late_looks_once_more_and_stops_nothing() {
    for (way, children) in [
        ("wait", &[] as &[&str]),
        ("watch", &[]),
        ("tree", &[]),
        ("tree", &["child"]),
    ] {
        let clock = VirtualClock::new();
        let server = ends_just_after_its_deadline(&clock, children).await;
        let session = session(&client_by(&server, &clock));
        let (interval, timeout) = (seconds(100), seconds(60));
        let mut wait: Pin<Box<dyn Future<Output = Result<()>>>> = match way {
            "wait" => {
                let wait = session.wait().poll_interval(interval).timeout(timeout);
                let wait = wait.on_timeout(OnTimeout::Stop);
                Box::pin(async { wait.await.map(drop) })
            }
            "watch" => {
                let watch = session.watch().poll_interval(interval).timeout(timeout);
                let watch = watch.on_timeout(OnTimeout::Stop).events();
                Box::pin(async { all(watch).await.pop().unwrap().map(drop) })
            }
            _ => {
                let wait = session.tree().until_ended().poll_interval(interval);
                let wait = wait.timeout(timeout).on_timeout(OnTimeout::Stop);
                Box::pin(async { wait.await.map(drop) })
            }
        };
        left_at_its_last_look(&mut wait, &server, &clock, 11).await;
        let result = wait.await;
        assert!(result.is_ok(), "{way} {children:?}: {result:?}");
        assert_eq!(sent(&server, STOP), 0, "{way}");
    }
}

/// One that takes all of its time, and is not noticed late then, was the last.
#[tokio::test]
async fn a_wait_alone_whose_last_look_takes_long_ends_with_it() {
    let clock = VirtualClock::new();
    let time = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        if time.now() >= seconds(60) {
            time.advance(seconds(9));
            return Reply::html(503);
        }
        run_with(seen, |id| fields(id, "RUNNING", &[]))
    })
    .await;
    let session = session(&client_by(&server, &clock));
    let wait = session.wait().poll_interval(seconds(100));
    let error = wait.timeout(seconds(60)).await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(server.arrived(), 2);
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

/// What takes long is the wait's own read, whose time is bounded: no reason to look once more.
#[tokio::test]
async fn a_last_look_whose_run_takes_long_to_read_was_the_last() {
    let clock = VirtualClock::new();
    let time = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == READ {
            time.advance(seconds(6));
            return Reply::html(503);
        }
        let has_ended = time.now() >= seconds(60);
        run_with(seen, |id| match id {
            "a" if has_ended => fields(id, "COMPLETED", &[]),
            _ => fields(id, "RUNNING", &[]),
        })
    })
    .await;
    let client = client_by(&server, &clock);
    let mut other = client.wait_all(["b"]).unwrap().results();
    let mut other = Box::pin(other.next());
    poll_once(&mut other).await;
    let wait = client.waits().wait("a").unwrap();
    let wait = wait.poll_interval(seconds(100)).timeout(seconds(60));
    let error = wait.await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(sent(&server, READ), 1);
}
