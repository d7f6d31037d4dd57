//! A checkpoint of a long conversation is small, and still nothing is lost or repeated.

use std::sync::{Arc, Mutex};

use dinoai::{Checkpoint, Client, Event, HistoryChange, Result, Session};
use serde_json::Value;

use crate::support::fault_server::FaultServer;
use crate::support::samples::session;
use crate::support::shown_run::{agent, all, end_of, run, shown, texts, texts_of, user};

const START: f64 = 1_714_142_436.001_2;

/// The messages with these numbers, some of the caller's among them.
fn said(numbers: impl IntoIterator<Item = usize>) -> Vec<Value> {
    let said = |number: usize| {
        let ts = START + number as f64;
        match number % 10 {
            0 => user(ts, &number.to_string()),
            _ => agent(ts, &number.to_string()),
        }
    };
    numbers.into_iter().map(said).collect()
}

/// What a run shows, to be changed by a test; and in addition once a follow-up was sent.
#[derive(Clone, Default)]
struct Shown {
    transcript: Arc<Mutex<Vec<Value>>>,
    answer: Vec<Value>,
}

impl Shown {
    /// A run that has ended, with this transcript.
    async fn serve(&self, transcript: Vec<Value>) -> (FaultServer, Client) {
        self.show(transcript);
        let it = self.clone();
        let (server, client, _) = shown(move |seen, since_sent| {
            let mut messages = it.transcript.lock().unwrap().clone();
            if since_sent.is_some() {
                messages.extend(it.answer.clone());
            }
            run(seen, "COMPLETED", &messages)
        })
        .await;
        (server, client)
    }

    fn show(&self, transcript: Vec<Value>) {
        *self.transcript.lock().unwrap() = transcript;
    }
}

fn stored(session: &Session) -> String {
    serde_json::to_string(&session.checkpoint()).unwrap()
}

fn resumed(client: &Client, session: &Session) -> Session {
    let checkpoint: Checkpoint = serde_json::from_str(&stored(session)).unwrap();
    client.resume(checkpoint)
}

fn changes_of(items: &[Result<Event>]) -> Vec<&HistoryChange> {
    let changes = items.iter().filter_map(|item| match item {
        Ok(Event::HistoryChanged(change)) => Some(change),
        _ => None,
    });
    changes.collect()
}

/// The size of a checkpoint of a run that has been watched.
async fn size_after(messages: usize) -> usize {
    let transcript = said(0..messages);
    let (_server, client, _) = shown(move |seen, _| run(seen, "COMPLETED", &transcript)).await;
    let session = session(&client);
    let mut events = session.watch().events();
    let mut emitted = 0;
    while let Some(event) = events.next().await {
        emitted += usize::from(matches!(event.unwrap(), Event::Message(_)));
    }
    assert_eq!(emitted, messages);
    let stored = stored(&session);
    println!(
        "a checkpoint of {messages} messages has {} bytes",
        stored.len()
    );
    stored.len()
}

/// As its documentation says.
#[tokio::test]
async fn a_checkpoint_of_100_000_messages_is_as_small_as_one_of_10_000() {
    let (of_10_000, of_100_000) = (size_after(10_000).await, size_after(100_000).await);
    assert!(of_100_000 <= 64_000, "{of_100_000}");
    assert!(
        of_100_000.abs_diff(of_10_000) <= 10,
        "{of_10_000} {of_100_000}"
    );
}

#[tokio::test]
async fn messages_that_are_late_by_more_than_a_checkpoint_knows_are_emitted_once() {
    let late = [0, 3, 40, 41, 42, 350, 500, 999];
    let shown = Shown::default();
    let (_server, client) = shown
        .serve(said((0..2_500).filter(|number| !late.contains(number))))
        .await;
    let mut session = session(&client);
    assert_eq!(texts_of(&all(session.watch().events()).await).len(), 2_492);

    let mut all_late = vec![];
    for count in [1, 1, 3, 0, 3] {
        all_late.extend(&late[all_late.len()..][..count]);
        let mut transcript =
            said((0..2_500).filter(|number| !late.contains(number) || all_late.contains(number)));
        transcript.rotate_left(700);
        transcript.reverse();
        shown.show(transcript);
        session = resumed(&client, &session);
        let items = all(session.watch().events()).await;
        let expected: Vec<_> = all_late[all_late.len() - count..]
            .iter()
            .map(|number| number.to_string())
            .collect();
        assert_eq!(texts_of(&items), expected);
        assert!(changes_of(&items).is_empty());
    }
}

#[tokio::test]
async fn nothing_of_a_compacted_conversation_is_repeated_and_an_event_says_so_once() {
    let shown = Shown::default();
    let (_server, client) = shown.serve(said(0..2_500)).await;
    let mut session = session(&client);
    all(session.watch().events()).await;

    shown.show(said((700..2_500).chain([2_500])));
    session = resumed(&client, &session);
    let items = all(session.watch().events()).await;
    assert_eq!(
        changes_of(&items),
        [&HistoryChange::new(START + 1_499.0, 1_500)]
    );
    assert_eq!(texts_of(&items), ["2500"]);
    assert!(
        matches!(items[0], Ok(Event::HistoryChanged(_))),
        "{:?}",
        items[0]
    );

    // Whatever comes or goes of the old ones then.
    for numbers in [200..2_501, 900..2_501, 0..2_501] {
        shown.show(said(numbers));
        session = resumed(&client, &session);
        let items = all(session.watch().events()).await;
        assert_eq!(items.len(), 1, "{items:#?}");
        assert!(end_of(&items).is_some());
    }
}

#[tokio::test]
async fn a_turn_of_a_long_conversation_has_its_own_messages_and_the_late_ones_alone() {
    let answer = vec![
        user(START + 5_000.0, "And now?"),
        agent(START + 5_001.0, "answer"),
    ];
    let shown = Shown {
        answer: answer.clone(),
        ..Shown::default()
    };
    let (_server, client) = shown
        .serve(said((0..2_500).filter(|number| *number != 77)))
        .await;
    // Takes the keys for known.
    let session = session(&client);
    let turn = session.ask("And now?").await.unwrap();
    assert_eq!(texts(&turn.messages), ["answer"]);
    let session = resumed(&client, &session);
    shown.show(said(0..2_500));
    assert_eq!(texts_of(&all(session.watch().events()).await), ["77"]);
}

#[tokio::test]
async fn what_an_ask_finds_compacted_the_next_watch_says() {
    let answer = vec![
        user(START + 5_000.0, "And now?"),
        agent(START + 5_001.0, "answer"),
    ];
    let shown = Shown {
        answer,
        ..Shown::default()
    };
    let (_server, client) = shown.serve(said(0..2_500)).await;
    let mut session = session(&client);
    all(session.watch().events()).await;
    shown.show(said(700..2_500));
    let turn = session.ask("And now?").await.unwrap();
    assert_eq!(texts(&turn.messages), ["answer"]);
    for changes in [1, 0] {
        session = resumed(&client, &session);
        let items = all(session.watch().events()).await;
        assert_eq!(changes_of(&items).len(), changes, "{items:#?}");
        assert!(texts_of(&items).is_empty());
    }
}
