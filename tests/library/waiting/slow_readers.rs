//! A stream that is read slowly still has its last look.

use std::sync::Arc;

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Event, OnTimeout, SessionId};
use tokio::sync::Notify;

use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{READ, STATUS, STOP, sent};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{client_by, fields, id_of, run, run_with, shows};
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
