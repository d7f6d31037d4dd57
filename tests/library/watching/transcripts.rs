//! How often a watch reads the whole transcript: as seldom as it can without delaying anything.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Error, Event, Events, Result};
use serde_json::{Value, json};

use crate::support::fault_server::{FaultServer, Seen};
use crate::support::operations::{DIGEST, READ, sent};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{
    agent, all, client_by, end_of, fields, run, run_with, shown, shows, texts_of, user,
};

/// The messages that are there at a time, given when each comes.
fn by(time: Duration, messages: &[(u64, Value)]) -> Vec<Value> {
    let there = messages.iter().filter(|(at, _)| seconds(*at) <= time);
    there.map(|(_, message)| message.clone()).collect()
}

#[tokio::test]
async fn the_transcript_is_read_once_for_each_batch_of_messages_the_last_for_the_end_too() {
    let messages = [
        (0, user(1.0, "go")),
        (5, agent(2.0, "one")),
        (5, agent(3.0, "two")),
        (20, agent(4.0, "three")),
        (40, agent(5.0, "four")),
    ];
    let clock = VirtualClock::new();
    let time = clock.clone();
    let server = shows(&clock, move |seen, _| {
        let now = time.now();
        let status = if now < seconds(40) {
            "RUNNING"
        } else {
            "COMPLETED"
        };
        run(seen, status, &by(now, &messages))
    })
    .await;
    let watch = session(&client_by(&server, &clock)).watch();
    let items = all(watch.poll_interval(seconds(1)).events()).await;
    assert_eq!(texts_of(&items), ["go", "one", "two", "three", "four"]);
    assert!(end_of(&items).is_some(), "{items:#?}");
    assert_eq!((sent(&server, READ), sent(&server, DIGEST)), (4, 41));
}

/// The run has ended between a look and the read for its last messages.
#[tokio::test]
async fn a_transcript_that_was_read_after_the_end_is_not_read_again_for_it() {
    let mut looks = 0;
    let (server, client, clock) = shown(move |seen, _| {
        looks += usize::from(seen.operation == DIGEST);
        let is_running = seen.operation == DIGEST && looks < 5;
        let messages = [user(1.0, "go"), agent(2.0, "done")];
        let messages = if looks < 4 { &[] } else { &messages[..] };
        run(
            seen,
            if is_running { "RUNNING" } else { "COMPLETED" },
            messages,
        )
    })
    .await;
    let watch = session(&client).watch();
    let items = all(watch.poll_interval(seconds(1)).events()).await;
    assert_eq!(texts_of(&items), ["go", "done"]);
    assert_eq!(end_of(&items).unwrap().answer(), Some("done"));
    assert_eq!(sent(&server, READ), 1);
    assert_eq!(clock.now(), seconds(4));
}

/// What is read of it is not used where the run has gone on since.
#[tokio::test]
async fn a_transcript_that_was_read_after_an_end_is_read_again_where_it_has_grown() {
    let mut looks = 0;
    let (server, client, _) = shown(move |seen, _| {
        looks += usize::from(seen.operation == DIGEST);
        let is_running = seen.operation == DIGEST && looks < 5;
        let messages = [
            user(1.0, "go"),
            agent(2.0, "done"),
            user(3.0, "and more"),
            agent(4.0, "done again"),
        ];
        let count = if looks < 5 { 2 } else { 4 };
        run(
            seen,
            if is_running { "RUNNING" } else { "COMPLETED" },
            &messages[..count],
        )
    })
    .await;
    let watch = session(&client).watch();
    let items = all(watch.poll_interval(seconds(1)).events()).await;
    assert_eq!(texts_of(&items), ["go", "done", "and more", "done again"]);
    assert_eq!(end_of(&items).unwrap().messages.len(), 4);
    assert!(sent(&server, READ) <= 3);
}

const SIZE: usize = 50_000;

/// A run that writes 50 KB a second and starts a run every seven; and when its transcript was read.
async fn wordy(
    clock: &VirtualClock,
    end: Duration,
) -> (FaultServer, Arc<Mutex<Vec<(Duration, usize)>>>) {
    let reads = Arc::new(Mutex::new(vec![]));
    let (time, noted) = (clock.clone(), reads.clone());
    let server = shows(clock, move |seen: &Seen, _| {
        let now = time.now();
        let is_read = seen.operation == READ;
        let messages: Vec<_> = (1..=now.min(end).as_secs())
            .map(|second| match is_read {
                true => agent(second as f64, &format!("{second:0SIZE$}")),
                false => agent(second as f64, ""),
            })
            .collect();
        if is_read {
            noted.lock().unwrap().push((now, messages.len()));
        }
        run_with(seen, |id| {
            let status = if now < end { "RUNNING" } else { "COMPLETED" };
            let mut run = fields(id, status, &messages);
            let children = now.as_secs() / 7;
            run["childSessionIds"] = (0..children)
                .map(|child| json!(format!("c{child}")))
                .collect();
            run
        })
    })
    .await;
    (server, reads)
}

/// What is emitted, and when.
async fn timed(mut events: Events, clock: &VirtualClock) -> Vec<(Duration, Result<Event>)> {
    let mut items = vec![];
    while let Some(item) = events.next().await {
        items.push((clock.now(), item));
    }
    items
}

fn numbers_of(items: &[(Duration, Result<Event>)]) -> Vec<u64> {
    let texts = items.iter().filter_map(|(_, item)| match item {
        Ok(Event::Message(message)) => Some(&message.content),
        _ => None,
    });
    texts.map(|text| text.parse().unwrap()).collect()
}

fn assert_seldom(reads: &[(Duration, usize)]) {
    let large = reads.windows(2).filter(|pair| pair[0].1 * SIZE > 1_000_000);
    let pauses: Vec<_> = large.map(|pair| pair[1].0 - pair[0].0).collect();
    // All but the last one, which is for the end.
    let (_, pauses) = pauses.split_last().unwrap();
    assert!(!pauses.is_empty());
    assert!(
        pauses.iter().all(|pause| *pause >= seconds(10)),
        "{reads:?}"
    );
}

#[tokio::test]
async fn a_large_transcript_is_read_every_ten_seconds_and_at_once_at_the_end() {
    let clock = VirtualClock::new();
    let (server, reads) = wordy(&clock, seconds(66)).await;
    let watch = session(&client_by(&server, &clock)).watch();
    let items = timed(watch.poll_interval(seconds(1)).events(), &clock).await;
    assert_eq!(numbers_of(&items), (1..=66).collect::<Vec<_>>());
    let (ended_at, last) = items.last().unwrap();
    assert!(matches!(last, Ok(Event::Ended(_))), "{last:?}");
    assert_eq!(*ended_at, seconds(66));
    let reads = reads.lock().unwrap().clone();
    assert_eq!(reads.last().unwrap().0, seconds(66));
    assert_seldom(&reads);
    // Up to a megabyte at each poll, then at 31, 41, 51, 61 and the end.
    assert_eq!(reads.len(), 21 + 5);
    // What the look itself shows is not delayed.
    let children = items
        .iter()
        .filter(|(_, item)| matches!(item, Ok(Event::Child(_))));
    let times: Vec<_> = children.map(|(at, _)| at.as_secs()).collect();
    assert_eq!(times, (1..=9).map(|child| child * 7).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_last_look_emits_what_is_new_in_a_large_transcript() {
    let clock = VirtualClock::new();
    let (server, reads) = wordy(&clock, seconds(1000)).await;
    let watch = session(&client_by(&server, &clock)).watch();
    let watch = watch.poll_interval(seconds(1)).timeout(seconds(66));
    let items = timed(watch.events(), &clock).await;
    assert_eq!(numbers_of(&items), (1..=66).collect::<Vec<_>>());
    let (_, last) = items.last().unwrap();
    assert!(matches!(last, Err(Error::WaitTimeout(_))), "{last:?}");
    assert_seldom(&reads.lock().unwrap());
}

#[tokio::test]
async fn a_look_that_always_lists_more_than_the_transcript_is_not_followed_by_a_read_each_time() {
    let mut looks = 0;
    let (server, client, _) = shown(move |seen, _| {
        let is_look = seen.operation == DIGEST;
        looks += usize::from(is_look);
        let mut messages = vec![user(1.0, "go"), agent(2.0, "one")];
        if is_look {
            messages.push(agent(3.0, "never seen"));
        }
        let status = if looks < 500 { "RUNNING" } else { "COMPLETED" };
        run(seen, status, &messages)
    })
    .await;
    let watch = session(&client).watch();
    let items = all(watch.poll_interval(seconds(1)).events()).await;
    assert_eq!(texts_of(&items), ["go", "one"]);
    assert_eq!(sent(&server, DIGEST), 500);
    // At twice as many looks each time.
    let reads = sent(&server, READ);
    assert!(reads <= 12, "{reads}");
}

#[tokio::test]
async fn a_transcript_that_is_always_listed_twice_is_read_once_and_for_the_end() {
    let mut looks = 0;
    let (server, client, _) = shown(move |seen, _| {
        looks += usize::from(seen.operation == DIGEST);
        let messages = [user(1.0, "go"), agent(2.0, "one")];
        let status = if looks < 100 { "RUNNING" } else { "COMPLETED" };
        run(seen, status, &[messages.clone(), messages].concat())
    })
    .await;
    let watch = session(&client).watch();
    let items = all(watch.poll_interval(seconds(1)).events()).await;
    assert_eq!(texts_of(&items), ["go", "one"]);
    assert_eq!((sent(&server, READ), sent(&server, DIGEST)), (2, 100));
}

#[tokio::test]
async fn a_conversation_that_is_compacted_is_read_once_for_it() {
    let mut looks = 0;
    let (server, client, _) = shown(move |seen, _| {
        looks += usize::from(seen.operation == DIGEST);
        let all: Vec<_> = (0..1_100).map(|ts| agent(f64::from(ts), "said")).collect();
        let status = if looks < 40 { "RUNNING" } else { "COMPLETED" };
        run(seen, status, if looks < 20 { &all } else { &all[50..] })
    })
    .await;
    let session = session(&client);
    let items = all(session.watch().poll_interval(seconds(1)).events()).await;
    assert_eq!(texts_of(&items).len(), 1_100);
    let changes = items
        .iter()
        .filter(|item| matches!(item, Ok(Event::HistoryChanged(_))));
    assert_eq!(changes.count(), 1);
    // At first, once for the change, and for the end.
    assert_eq!(sent(&server, READ), 3);
    assert_eq!(all_again(&session).await, 1);
}

/// How many events another watch of the session has.
async fn all_again(session: &dinoai::Session) -> usize {
    all(session.watch().events()).await.len()
}
