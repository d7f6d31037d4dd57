//! A stream whose `next` is dropped at any await loses no item and repeats none.

use std::collections::BTreeSet;
use std::task::Poll;

use dinoai::{Result, Session, StepOptions};

use crate::dropping::api::{ENOUGH, api, changes, requests};
use crate::dropping::changes::Items;
use crate::support::fault_server::FaultServer;
use crate::support::samples::{ids, session};

fn watched(session: &Session) -> Items {
    use futures_util::StreamExt;
    let steps = StepOptions::default();
    let events = session.watch().steps(steps).events();
    Box::pin(events.map(|event| format!("{:?}", event.unwrap())))
}

async fn collected(mut items: Items) -> Vec<String> {
    use futures_util::StreamExt;
    let mut all = vec![];
    while let Some(item) = items.next().await {
        all.push(item);
    }
    all
}

/// The next item, unless it takes more than so many polls: then what asked for it is dropped.
async fn next_within(items: &mut Items, polls: usize) -> Option<Option<String>> {
    let mut left = polls;
    std::future::poll_fn(|context| {
        left -= 1;
        match items.as_mut().poll_next(context) {
            Poll::Ready(item) => Poll::Ready(Some(item)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn a_next_that_is_dropped_at_any_await_loses_no_event_and_repeats_none() {
    let server = FaultServer::scripted(api()).await;
    let (client, _) = server.client();
    let expected = collected(watched(&session(&client))).await;
    assert!(expected.len() > 6, "{expected:?}");
    for polls in 1..40 {
        let server = FaultServer::scripted(api()).await;
        let (client, _) = server.client();
        let mut events = watched(&session(&client));
        let mut all = vec![];
        loop {
            match next_within(&mut events, polls).await {
                Some(Some(event)) => all.push(event),
                Some(None) => break,
                None => tokio::task::yield_now().await,
            }
        }
        assert_eq!(all, expected, "dropped after {polls} polls each");
    }
}

#[tokio::test]
async fn a_watch_dropped_at_any_await_is_gone_on_with_where_it_stopped() {
    let server = FaultServer::scripted(api()).await;
    let (client, _) = server.client();
    let expected = collected(watched(&session(&client))).await;
    for polls in 1..ENOUGH {
        let server = FaultServer::scripted(api()).await;
        let (client, _) = server.client();
        let first = session(&client);
        let mut events = watched(&first);
        let (mut all, mut left, mut has_finished) = (vec![], polls, false);
        std::future::poll_fn(|context| {
            while left > 0 {
                left -= 1;
                match events.as_mut().poll_next(context) {
                    Poll::Ready(Some(event)) => {
                        has_finished = event.starts_with("Ended");
                        all.push(event);
                    }
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => {
                        return if left == 0 {
                            Poll::Ready(())
                        } else {
                            Poll::Pending
                        };
                    }
                }
            }
            Poll::Ready(())
        })
        .await;
        drop(events);
        if has_finished {
            assert!(polls > 10, "it was dropped at {polls} awaits only");
            return;
        }
        let again = client.resume(first.checkpoint());
        all.extend(collected(watched(&again)).await);
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "after {polls} polls: {all:#?}");
        // A status that has passed by the time of the next look was seen by nobody.
        let lasts = |event: &&String| !event.starts_with("Status");
        let expected: BTreeSet<_> = expected.iter().filter(lasts).collect();
        let emitted: BTreeSet<_> = distinct.into_iter().filter(lasts).collect();
        assert_eq!(emitted, expected, "after {polls} polls");
    }
    panic!("it never finished");
}

#[tokio::test]
async fn a_result_of_many_runs_that_is_dropped_at_any_await_comes_later_and_once() {
    use futures_util::StreamExt;
    for polls in 1..12 {
        let server = FaultServer::scripted(api()).await;
        let (client, _) = server.client();
        let shown = |place: String, result: Result<dinoai::Run>| {
            result.unwrap();
            place
        };
        let waited: Items = Box::pin(
            client
                .wait_all(ids(60))
                .unwrap()
                .results()
                .map(move |(id, result)| shown(id.to_string(), result)),
        );
        let run: Items = Box::pin(
            client
                .run_all(requests(6), 3)
                .results()
                .map(move |(place, result)| shown(place.to_string(), result)),
        );
        for (mut results, count) in [(waited, 60), (run, 6)] {
            let mut places = vec![];
            loop {
                match next_within(&mut results, polls).await {
                    Some(Some(place)) => places.push(place),
                    Some(None) => break,
                    None => tokio::task::yield_now().await,
                }
            }
            let distinct: BTreeSet<_> = places.iter().collect();
            assert_eq!((distinct.len(), places.len()), (count, count));
        }
        assert!(changes(&server).values().all(|times| *times == 1));
        assert_eq!(changes(&server).len(), 6);
    }
}
