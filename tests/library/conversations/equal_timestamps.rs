//! Messages with equal timestamps are each emitted once.

use serde_json::Value;

use crate::conversations::checkpoints_through_doubles::{as_javascript, through_doubles};
use crate::support::operations::DIGEST;
use crate::support::samples::session;
use crate::support::shown_run::{agent, all, end_of, run, shown, texts, texts_of, user};

/// A question, and three messages of the agent's at the same moment.
pub(crate) fn three_at_once() -> Vec<Value> {
    vec![
        user(10.0, "And now?"),
        agent(11.0, "one"),
        agent(11.0, "two"),
        agent(11.0, "three: the result"),
    ]
}

#[tokio::test]
async fn messages_of_one_moment_are_all_emitted_by_a_watch_in_their_order() {
    let (_server, client, _) = shown(|seen, _| run(seen, "COMPLETED", &three_at_once())).await;
    let session = session(&client);
    let items = all(session.watch().events()).await;
    assert_eq!(
        texts_of(&items),
        ["And now?", "one", "two", "three: the result"]
    );
    // And not once more.
    assert!(texts_of(&all(session.watch().events()).await).is_empty());
}

#[tokio::test]
async fn messages_of_one_poll_come_in_the_order_of_their_timestamps_and_of_the_transcript() {
    let transcript = [
        user(10.0, "And now?"),
        agent(10.0, "at the same moment"),
        agent(12.0, "later"),
        agent(11.0, "earlier"),
    ];
    let (_server, client, _) = shown(move |seen, _| run(seen, "COMPLETED", &transcript)).await;
    let items = all(session(&client).watch().events()).await;
    assert_eq!(
        texts_of(&items),
        ["And now?", "at the same moment", "earlier", "later"]
    );
}

#[tokio::test]
async fn messages_of_one_moment_are_all_part_of_the_turn() {
    let (_server, client, _) = shown(|seen, since_sent| match since_sent {
        None => run(seen, "COMPLETED", &[]),
        Some(_) => run(seen, "COMPLETED", &three_at_once()),
    })
    .await;
    let turn = session(&client).ask("And now?").await.unwrap();
    assert_eq!(texts(&turn.messages), ["one", "two", "three: the result"]);
    assert_eq!(turn.answer(), Some("three: the result"));
}

#[tokio::test]
async fn messages_of_one_moment_are_known_again_after_a_checkpoint() {
    let (_server, client, _) = shown(|seen, since_sent| match since_sent {
        None => run(seen, "COMPLETED", &three_at_once()),
        Some(_) => {
            let more = [
                user(20.0, "And then?"),
                agent(21.0, "four"),
                agent(21.0, "five"),
            ];
            run(seen, "COMPLETED", &[three_at_once(), more.into()].concat())
        }
    })
    .await;
    let before = session(&client);
    let items = all(before.watch().events()).await;
    assert_eq!(texts_of(&items).len(), 4);
    let stored = serde_json::to_string(&before.checkpoint()).unwrap();
    let stored = through_doubles(&stored, as_javascript);
    let after = client.resume(serde_json::from_str(&stored).unwrap());
    assert!(texts_of(&all(after.watch().events()).await).is_empty());
    let turn = after.ask("And then?").await.unwrap();
    assert_eq!(texts(&turn.messages), ["four", "five"]);
}

#[tokio::test]
async fn a_transcript_that_is_listed_whole_twice_counts_once() {
    let (_server, client, _) = shown(|seen, _| {
        run(
            seen,
            "COMPLETED",
            &[three_at_once(), three_at_once()].concat(),
        )
    })
    .await;
    let session = session(&client);
    let items = all(session.watch().events()).await;
    assert_eq!(
        texts_of(&items),
        ["And now?", "one", "two", "three: the result"]
    );
    assert!(texts_of(&all(session.watch().events()).await).is_empty());
}

/// What a watch emits of a run whose transcript is another one at each digest.
async fn texts_over(transcripts: Vec<Vec<Value>>) -> Vec<String> {
    let mut looks = 0;
    let (_server, client, _) = shown(move |seen, _| {
        looks += usize::from(seen.operation == DIGEST);
        let now = looks.saturating_sub(1).min(transcripts.len());
        match transcripts.get(now) {
            Some(transcript) => run(seen, "RUNNING", transcript),
            None => run(seen, "COMPLETED", transcripts.last().unwrap()),
        }
    })
    .await;
    let items = all(session(&client).watch().events()).await;
    assert!(end_of(&items).is_some(), "{items:#?}");
    texts_of(&items).into_iter().map(str::to_owned).collect()
}

fn at_eleven(texts: &[&str]) -> Vec<Value> {
    let answers = texts.iter().map(|text| agent(11.0, text));
    [user(10.0, "And now?")]
        .into_iter()
        .chain(answers)
        .collect()
}

#[tokio::test]
async fn a_message_that_shows_up_before_another_of_its_moment_is_not_taken_for_it() {
    let texts = texts_over(vec![at_eleven(&["two"]), at_eleven(&["one", "two"])]).await;
    assert_eq!(texts, ["And now?", "two", "one"]);
}

#[tokio::test]
async fn a_message_whose_neighbour_of_the_same_moment_is_gone_is_not_emitted_again() {
    let texts = texts_over(vec![at_eleven(&["one", "two"]), at_eleven(&["two"])]).await;
    assert_eq!(texts, ["And now?", "one", "two"]);
}

#[tokio::test]
async fn the_same_text_said_again_at_the_same_moment_is_emitted_again() {
    let texts = texts_over(vec![at_eleven(&["Done."]), at_eleven(&["Done.", "Done."])]).await;
    assert_eq!(texts, ["And now?", "Done.", "Done."]);
}
