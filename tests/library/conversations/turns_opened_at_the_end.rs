//! A turn that is opened while an end is read is stopped at the deadline if asked for.

use std::sync::Arc;

use dinoai::time::VirtualClock;
use dinoai::{Error, OnTimeout, Result};
use tokio::sync::Notify;

use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{READ, SEND, STOP, sent};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{accepted, all, client_by, run};
use crate::waiting::ways::first_turn;

/// What comes of a wait, which stops at its deadline what is still in progress, for a run that has ended
/// and cannot be read whole, where a follow-up is accepted before the second attempt to read it
/// fails, and nothing can be read from then on; and how often the run was stopped.
async fn follow_up_while_an_end_cannot_be_read(way: &str) -> (Result<()>, usize) {
    let is_accepted = Arc::new(Notify::new());
    let (held, mut reads, mut is_sent) = (is_accepted.clone(), 0, false);
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        SEND => {
            is_sent = true;
            accepted(seen)
        }
        STOP => accepted(seen),
        READ => {
            reads += 1;
            match reads {
                2 => Reply::When(held.clone(), Box::new(Reply::html(502))),
                _ => Reply::html(502),
            }
        }
        _ if is_sent => Reply::html(502),
        _ => run(seen, "COMPLETED", &first_turn()),
    })
    .await;
    let client = client_by(&server, &VirtualClock::new());
    let session = session(&client);
    let (timeout, interval, stop) = (seconds(60), seconds(6), OnTimeout::Stop);
    let waits = async {
        match way {
            "wait" => {
                let wait = session.wait().timeout(timeout).on_timeout(stop);
                wait.poll_interval(interval).await.map(drop)
            }
            "tree" => {
                let wait = session.tree().until_ended().timeout(timeout);
                let wait = wait.on_timeout(stop).poll_interval(interval);
                wait.await.map(drop)
            }
            _ => {
                let watch = session.watch().timeout(timeout).on_timeout(stop);
                let mut items = all(watch.poll_interval(interval).events()).await;
                items.pop().unwrap().map(drop)
            }
        }
    };
    let sends = async {
        // A look, and a read that failed.
        server.until_answered(2).await;
        session.send("And now?").await.unwrap();
        is_accepted.notify_one();
    };
    let (waited, ()) = tokio::join!(waits, sends);
    (waited, sent(&server, STOP))
}

#[tokio::test]
async fn a_turn_that_is_opened_while_a_run_that_has_ended_is_waited_for_is_stopped_at_the_deadline()
{
    for way in ["wait", "watch"] {
        let (waited, stops) = follow_up_while_an_end_cannot_be_read(way).await;
        let error = waited.unwrap_err();
        assert!(matches!(error, Error::WaitTimeout(_)), "{way}: {error:?}");
        assert_eq!(stops, 1, "{way}: {error}");
    }
}

#[tokio::test]
async fn a_turn_that_is_opened_while_a_tree_that_has_ended_is_read_is_stopped_at_the_deadline() {
    let (waited, stops) = follow_up_while_an_end_cannot_be_read("tree").await;
    let error = waited.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(stops, 1, "{error}");
}
