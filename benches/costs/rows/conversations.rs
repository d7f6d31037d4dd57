//! What a checkpoint takes to store, and how often a watch reads the transcript.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dinoai::Event;
use dinoai::time::{Clock, VirtualClock};

use crate::server::Server;
use crate::server::script::{Script, Shown, ends_at};
use crate::setting::{client, markdown, runtime};
use crate::table::{Row, bytes, counted};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = checkpoints();
    rows.push(watch(
        1_000,
        Duration::from_secs(10),
        Duration::from_secs(600),
    ));
    rows.push(watch(
        100_000,
        Duration::from_secs(3),
        Duration::from_secs(180),
    ));
    rows
}

fn checkpoints() -> Vec<Row> {
    const BOUND: u64 = 64_000;
    [1_000, 10_000, 100_000]
        .into_iter()
        .map(|messages| {
            let size = stored_after(messages);
            Row::new(format!(
                "a stored checkpoint after {} messages",
                counted(messages as u64)
            ))
            .ours(bytes(size))
            .goal(format!("{} at any length", bytes(BOUND)), size <= BOUND)
            .count()
        })
        .collect()
}

/// The size of the checkpoint of a session that has emitted so many messages.
fn stored_after(messages: usize) -> u64 {
    let server = Server::start(Script::new("Done.", move |_, look| {
        ends_at(look, 1, messages)
    }));
    let client = client(&server.endpoint(), VirtualClock::new());
    let session = client.session("run-1").expect("an id");
    let mut emitted = 0;
    runtime().block_on(async {
        let mut events = session.watch().events();
        while let Some(event) = events.next().await {
            emitted += usize::from(matches!(event.expect("it can be read"), Event::Message(_)));
        }
    });
    assert_eq!(emitted, messages, "every message is emitted");
    let stored = serde_json::to_string(&session.checkpoint()).expect("it is JSON");
    stored.len() as u64
}

/// A watch of a run that says something at this interval until it ends.
fn watch(size: usize, interval: Duration, length: Duration) -> Row {
    const LARGE: usize = 1_000_000;
    let clock = VirtualClock::new();
    // How many messages the latest look has shown, and how many looks have shown new ones; and of
    // these, how many while the transcript was small.
    let (shown, news, small) = <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let (now, counted_news, counted_small) = (clock.clone(), news.clone(), small.clone());
    let server = Server::start(Script::new(markdown(size), move |_, _| {
        let elapsed = now.now().min(length);
        let messages = elapsed.div_duration_f64(interval) as usize + 1;
        if shown.swap(messages, Ordering::Relaxed) != messages {
            counted_news.fetch_add(1, Ordering::Relaxed);
            if messages * size < LARGE {
                counted_small.fetch_add(1, Ordering::Relaxed);
            }
        }
        Shown {
            status: if elapsed < length {
                "RUNNING"
            } else {
                "COMPLETED"
            },
            messages,
            children: vec![],
        }
    }));
    let client = client(&server.endpoint(), clock);
    let session = client.session("run-1").expect("an id");
    runtime().block_on(async {
        let mut events = session.watch().events();
        while let Some(event) = events.next().await {
            event.expect("it can be read");
        }
    });
    let read = server.take_counts().of("DinoaiAgentRun");
    let (news, small) = (news.load(Ordering::Relaxed), small.load(Ordering::Relaxed));
    let total = (length.div_duration_f64(interval) as usize + 1) * size;
    // One per 10 s once it is large, and one at the end.
    let goal = match total <= LARGE {
        true => news,
        false => {
            let grows_large = interval * u32::try_from(LARGE / size).unwrap_or(u32::MAX);
            let while_large = length.saturating_sub(grows_large).as_secs() / 10;
            small + 1 + usize::try_from(while_large).unwrap_or(usize::MAX)
        }
    };
    Row::new(format!(
        "`watch` of a run that grows to {} in {} s: transcripts read",
        bytes(total as u64),
        length.as_secs()
    ))
    .ours(format!("{} ({})", counted(read.requests), bytes(read.sent)))
    .peer(format!("{news} looks that showed something new"))
    .goal(format!("{goal}"), read.requests <= goal as u64)
    .count()
}
