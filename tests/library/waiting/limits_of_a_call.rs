//! The caller's own call timeout and retries hold for the polls of a wait.

use std::time::Duration;

use dinoai::time::{Clock, SystemClock, VirtualClock};
use dinoai::{Error, Result, Retry, RunStatus};

use crate::support::fault_server::{Reply, SESSION, client};
use crate::support::operations::{READ, STATUS, sent};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{all, end_of, run, shown, shows};
use crate::waiting::ways::first_turn;

#[tokio::test]
async fn a_read_that_takes_longer_than_two_minutes_is_awaited_in_a_wait_too() {
    let clock = VirtualClock::new();
    let script_clock = clock.clone();
    let server = shows(&clock, move |seen, _| {
        script_clock.advance(seconds(130));
        run(seen, "COMPLETED", &first_turn())
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(clock.clone())
            .request_timeout(seconds(300))
            .retry(Retry::default().with_call_timeout(seconds(600)))
    });
    client.get_run(SESSION).await.unwrap();
    let session = session(&client);
    session.wait().await.unwrap();
    assert!(end_of(&all(session.watch().events()).await).is_some());
    assert_eq!(sent(&server, READ), 3);
}

#[tokio::test]
async fn the_first_poll_is_not_tried_again_after_the_deadline() {
    for way in ["wait", "watch", "tree", "wait_all"] {
        let (server, client, clock) = shown(|_, _| Reply::unavailable("30")).await;
        let (session, timeout) = (session(&client), seconds(10));
        let error = match way {
            "wait" => session.wait().timeout(timeout).await.unwrap_err(),
            "watch" => {
                let items = all(session.watch().timeout(timeout).events()).await;
                items.into_iter().find_map(Result::err).unwrap()
            }
            "tree" => {
                let tree = session.tree().until_ended().timeout(timeout);
                tree.await.unwrap_err()
            }
            _ => {
                let ids = [session.id().clone()];
                let mut all = client.wait_all(ids).unwrap().timeout(timeout).results();
                all.next().await.unwrap().1.unwrap_err()
            }
        };
        let is_503 = matches!(error, Error::Http { status: 503, .. });
        assert!(is_503, "{way}: {error:?}");
        assert_eq!((server.arrived(), clock.now()), (1, seconds(0)), "{way}");
    }
}

#[tokio::test]
async fn a_poll_is_given_up_after_the_callers_own_call_timeout() {
    let mut polls = 0;
    let (server, _, _) = shown(move |seen, _| {
        polls += usize::from(seen.operation == STATUS);
        match (seen.operation.as_str(), polls) {
            (STATUS, 1) => run(seen, "RUNNING", &[]),
            (STATUS, 2) => Reply::Hang,
            _ => run(seen, "COMPLETED", &first_turn()),
        }
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(SystemClock::new())
            .request_timeout(seconds(60))
            .retry(Retry::default().with_call_timeout(Duration::from_millis(500)))
    });
    let session = session(&client);
    let wait = session.wait().poll_interval(Duration::from_millis(10));
    let waited = tokio::time::timeout(seconds(20), wait.into_future()).await;
    let waited = waited.unwrap_or_else(|_| panic!("the poll outlasts the call timeout"));
    let run = waited.unwrap();
    assert_eq!(run.status, RunStatus::Completed);
}
