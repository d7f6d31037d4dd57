//! Random histories of a run: whatever the order in which a server shows what happened, everything is
//! emitted once, and no turn ends with the answer of the one before.

use std::collections::BTreeSet;

use dinoai::{Event, Turn};
use proptest::prelude::*;

use crate::conversations::random_world::{
    Message, bits, chapter, elsewhere, play, run, without_expired_before_the_last,
};
use crate::support::fault_server::SESSION;

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_conversation_emits_every_answer_once_and_none_too_early(
        chapters in prop::collection::vec(chapter(), 2..5).prop_map(without_expired_before_the_last),
        disorder in any::<usize>(),
        moves in any::<bool>(),
    ) {
        run(async {
            let mut chapters = chapters;
            let first = chapters.remove(0);
            let ends: Vec<_> = chapters.iter().map(|chapter| chapter.end.clone()).collect();
            let play = play(first, chapters, disorder).await;
            let mut session = play.client.session(SESSION).unwrap();
            let _ = session.wait().await;
            let known = play.world.lock().unwrap().timestamps(|_| true);

            let mut handed_out = vec![];
            for (number, end) in ends.iter().enumerate() {
                let turn: Turn = session.ask(format!("follow-up {number}")).await.unwrap();
                let world = play.world.lock().unwrap();
                assert_eq!(turn.status.as_str(), end, "turn {number} ended too early");
                assert!(world.to_come.is_empty(), "turn {number} ended before its end");
                assert!(turn.messages.iter().all(|message| !message.is_from_user()));
                assert!(turn.messages.is_sorted_by(|a, b| a.ts < b.ts));
                handed_out.extend(turn.messages.iter().map(|message| bits(message.ts)));
                let all = world.timestamps(|message| message.role != "user");
                let once: BTreeSet<_> = handed_out.iter().copied().collect();
                assert_eq!(once.len(), handed_out.len(), "something twice");
                assert_eq!(once, all.difference(&known).copied().collect(), "something lost");
                drop(world);
                if moves {
                    session = elsewhere(&play.client, &session);
                }
            }
            let sent = play.world.lock().unwrap().sent.clone();
            let wanted: Vec<_> = (0..ends.len()).map(|number| format!("follow-up {number}")).collect();
            assert_eq!(sent, wanted);
        });
    }

    #[test]
    fn a_watch_emits_everything_once_wherever_it_is_dropped_and_taken_up_again(
        chapters in prop::collection::vec(chapter(), 1..4).prop_map(without_expired_before_the_last),
        disorder in any::<usize>(),
        patience in 1..9_usize,
    ) {
        run(async {
            let mut chapters = chapters;
            let first = chapters.remove(0);
            let mut ends = vec![first.end.clone()];
            ends.extend(chapters.iter().map(|chapter| chapter.end.clone()));
            let play = play(first, chapters, disorder).await;
            let mut session = play.client.session(SESSION).unwrap();
            let mut messages = vec![];
            let mut children = vec![];
            for (number, end) in ends.iter().enumerate() {
                if number > 0 {
                    session.send(format!("follow-up {number}")).await.unwrap();
                }
                let mut watch = session.watch().events();
                let mut read = 0;
                let ended = loop {
                    if read == patience {
                        drop(watch);
                        session = elsewhere(&play.client, &session);
                        watch = session.watch().events();
                        read = 0;
                    }
                    read += 1;
                    match watch.next().await.unwrap().unwrap() {
                        Event::Message(message) => messages.push(bits(message.ts)),
                        Event::Child(id) => children.push(id),
                        Event::Ended(run) => break run,
                        Event::Status(_) => {}
                        other => panic!("{other:?}"),
                    }
                };
                assert_eq!(ended.status.as_str(), end, "watch {number} ended too early");
                assert!(watch.next().await.is_none());
                let world = play.world.lock().unwrap();
                assert!(world.to_come.is_empty(), "watch {number} ended before its end");
                let once: BTreeSet<_> = messages.iter().copied().collect();
                assert_eq!(once.len(), messages.len(), "a message twice");
                assert_eq!(once, world.timestamps(|_| true), "a message lost");
                let once: BTreeSet<_> = children.iter().collect();
                assert_eq!((once.len(), children.len()), (world.children, world.children));
            }
        });
    }
}

/// More than a checkpoint knows one by one.
const PAST: u32 = 1_100;

/// A message of a time long before the rest.
fn past(ts: f64) -> Message {
    Message {
        ts: 1_714_000_000.0 + ts,
        role: "agent",
        content: "long ago".into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_long_conversation_emits_everything_once_also_what_is_late_by_more_than_is_remembered(
        chapters in prop::collection::vec(chapter(), 2..4).prop_map(without_expired_before_the_last),
        disorder in any::<usize>(),
        patience in 1..5_usize,
        late in prop::collection::btree_set(0..PAST, 1..9),
    ) {
        run(async {
            let mut chapters = chapters;
            let first = chapters.remove(0);
            let play = play(first, chapters.clone(), disorder).await;
            play.world.lock().unwrap().messages.extend((0..PAST).map(|ts| past(f64::from(ts))));
            let mut session = play.client.session(SESSION).unwrap();
            let mut messages = vec![];
            for number in 0..=chapters.len() {
                let mut watch = session.watch().events();
                let mut read = 0;
                // At first all of the past is read.
                let patience = if number == 0 { usize::MAX } else { patience };
                loop {
                    if read == patience {
                        drop(watch);
                        session = elsewhere(&play.client, &session);
                        watch = session.watch().events();
                        read = 0;
                    }
                    read += 1;
                    match watch.next().await.unwrap().unwrap() {
                        Event::Message(message) => messages.push(bits(message.ts)),
                        Event::Ended(_) => break,
                        Event::Status(_) | Event::Child(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
                {
                    let mut world = play.world.lock().unwrap();
                    let once: BTreeSet<_> = messages.iter().copied().collect();
                    assert_eq!(once.len(), messages.len(), "a message twice");
                    assert_eq!(once, world.timestamps(|_| true), "a message lost");
                    if number == 0 {
                        let late = late.iter().map(|ts| past(f64::from(*ts) + 0.5));
                        world.held_back.extend(late);
                    }
                }
                if number < chapters.len() {
                    session.send(format!("follow-up {number}")).await.unwrap();
                }
            }
        });
    }
}
