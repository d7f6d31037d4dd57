//! A wait or a watch that is read slowly, or polled late, still has its last look.

use std::pin::Pin;
use std::time::Duration;

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Client, Error, Event, Events, OnTimeout, Result};
use serde_json::json;

use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{DIGEST, READ, STATUS, STATUSES, STOP, sent};
use crate::support::poll_once::poll_once;
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{all, client_by, fields, run, run_with, shows};
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

/// A watch of a run that says something at the deadline, and ends a second later.
async fn watch_of_news_at_the_deadline(clock: &VirtualClock) -> (FaultServer, Events) {
    let time = clock.clone();
    let server = shows(clock, move |seen, _| {
        let messages = first_turn();
        match time.now().as_secs() {
            0..60 => run(seen, "RUNNING", &[]),
            60 => run(seen, "RUNNING", &messages[..1]),
            _ => run(seen, "COMPLETED", &messages),
        }
    })
    .await;
    let watch = session(&client_by(&server, clock)).watch();
    let watch = watch.poll_interval(seconds(100)).timeout(seconds(60));
    (server, watch.on_timeout(OnTimeout::Stop).events())
}

#[tokio::test]
async fn a_watch_whose_reader_takes_long_over_the_last_look_looks_once_more_and_stops_nothing() {
    let clock = VirtualClock::new();
    let (server, mut watch) = watch_of_news_at_the_deadline(&clock).await;
    let mut last = None;
    while let Some(item) = watch.next().await {
        if let Ok(Event::Message(_)) = &item
            && clock.now() == seconds(60)
        {
            clock.advance(seconds(1000));
        }
        last = Some(item);
    }
    assert!(matches!(last, Some(Ok(Event::Ended(_)))), "{last:?}");
    assert_eq!(sent(&server, STOP), 0);
}

#[tokio::test]
async fn a_watch_that_notices_the_last_transcript_late_looks_once_more_and_stops_nothing() {
    let clock = VirtualClock::new();
    let (server, mut watch) = watch_of_news_at_the_deadline(&clock).await;
    assert!(matches!(watch.next().await, Some(Ok(Event::Status(_)))));
    let mut rest = Box::pin(all(watch));
    while sent(&server, READ) == 0 {
        poll_once(&mut rest).await;
        tokio::task::yield_now().await;
    }
    server.until_answered(server.arrived()).await;
    clock.advance(seconds(1000));
    let items = rest.await;
    let last = items.last();
    assert!(matches!(last, Some(Ok(Event::Ended(_)))), "{last:?}");
    assert_eq!(sent(&server, STOP), 0);
}

/// A run that has ended, and can be read whole at the second try.
async fn is_read_at_the_second_try() -> FaultServer {
    let mut reads = 0;
    FaultServer::scripted(move |seen| {
        reads += usize::from(seen.operation == READ);
        match (seen.operation.as_str(), reads) {
            (READ, 1) => Reply::html(503),
            _ => run_with(seen, |id| fields(id, "COMPLETED", &[])),
        }
    })
    .await
}

/// Goes on with what reads a run only long after the deadline, when the read has failed.
pub(crate) async fn left_while_its_run_is_read<T>(
    mut of: impl FnMut(Client) -> Pin<Box<dyn Future<Output = T>>>,
) -> T {
    let clock = VirtualClock::new();
    let server = is_read_at_the_second_try().await;
    let mut wait = of(client_by(&server, &clock));
    while sent(&server, READ) == 0 {
        poll_once(&mut wait).await;
        tokio::task::yield_now().await;
    }
    server.until_answered(server.arrived()).await;
    // The response is noted by the task that reads.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    clock.advance(seconds(1000));
    wait.await
}

#[tokio::test]
async fn a_wait_that_notices_long_after_its_deadline_that_a_read_has_failed_reads_once_more() {
    let run = left_while_its_run_is_read(|client| {
        let wait = session(&client).wait().timeout(seconds(60));
        wait.into_future()
    });
    run.await.unwrap();
    let tree = left_while_its_run_is_read(|client| {
        let wait = session(&client).tree().until_ended();
        wait.timeout(seconds(60)).into_future()
    });
    assert!(tree.await.unwrap().has_ended());
}

/// Runs of which `a` has ended by then; each read of it fails after so many seconds.
async fn ends_and_cannot_be_read(clock: &VirtualClock, end: u64, takes: u64) -> FaultServer {
    let time = clock.clone();
    FaultServer::scripted(move |seen| {
        if seen.operation == READ {
            time.advance(seconds(takes));
            return Reply::html(503);
        }
        let has_ended = time.now() >= seconds(end);
        run_with(seen, |id| match id {
            "a" if has_ended => fields(id, "COMPLETED", &[]),
            _ => fields(id, "RUNNING", &[]),
        })
    })
    .await
}

/// A read that is in flight at the deadline is the last look, also where the status came before that.
#[tokio::test]
async fn a_read_that_ends_after_the_deadline_was_the_last_look() {
    for is_alone in [true, false] {
        let clock = VirtualClock::new();
        // As one that hangs until it is given up.
        let server = ends_and_cannot_be_read(&clock, 59, 5).await;
        let client = client_by(&server, &clock);
        let mut other = client.wait_all(["b"]).unwrap().results();
        let mut other = (!is_alone).then(|| Box::pin(other.next()));
        if let Some(other) = &mut other {
            poll_once(other).await;
        }
        let wait = client.waits().wait("a").unwrap().timeout(seconds(60));
        let wait = wait.poll_interval(Duration::from_millis(59_500));
        let error = wait.await.unwrap_err();
        assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
        assert_eq!(sent(&server, READ), 1, "alone: {is_alone}");
    }
}

/// A run that is in progress at its deadline, and has ended a second later, as has each of its children.
pub(crate) async fn ends_just_after_its_deadline(
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

/// Polls a wait until its last look is on its way, and leaves it for 20 seconds then.
pub(crate) async fn left_at_its_last_look<T>(
    wait: &mut (impl Future<Output = T> + Unpin),
    server: &FaultServer,
    clock: &VirtualClock,
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
    clock.advance(seconds(20));
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
    left_at_its_last_look(&mut wait, &server, &clock).await;
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
        left_at_its_last_look(&mut wait, &server, &clock).await;
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

/// What takes long is the wait's own read, whose time is bounded: no reason to look once more.
#[tokio::test]
async fn a_last_look_whose_run_takes_long_to_read_was_the_last() {
    let clock = VirtualClock::new();
    let server = ends_and_cannot_be_read(&clock, 60, 6).await;
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
