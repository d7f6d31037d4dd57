//! The first follow-up of a session made from an id emits nothing that came before it.

use dinoai::time::{Clock, VirtualClock};
use serde_json::json;

use crate::conversations::checkpoints_through_doubles::{eventful, events};
use crate::conversations::items::{children_of, steps_of};
use crate::support::fault_server::Reply;
use crate::support::operations::{SEND, STEPS, sent};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{
    agent, all, client_by, end_of, run, shown, shows, texts, texts_of, user,
};

#[tokio::test]
async fn a_watch_after_the_first_follow_up_emits_nothing_of_the_turns_before() {
    let (_server, client, _) = shown(|seen, since_sent| eventful(seen, since_sent.is_some())).await;
    let session = session(&client);
    session.send("And now?").await.unwrap();
    let items = events(&session).await;
    assert_eq!(texts_of(&items), ["And now?", "four"]);
    assert_eq!(children_of(&items), ["child-2"]);
    assert_eq!(steps_of(&items), [2, 3]);
    assert!(end_of(&items).is_some(), "{items:#?}");
}

#[tokio::test]
async fn a_watch_after_the_first_ask_emits_nothing_that_came_before_it() {
    let (_server, client, _) = shown(|seen, since_sent| eventful(seen, since_sent.is_some())).await;
    let session = session(&client);
    let turn = session.ask("And now?").await.unwrap();
    assert_eq!(texts(&turn.messages), ["four"]);
    let items = events(&session).await;
    assert!(!children_of(&items).contains(&"child-1"), "{items:#?}");
    assert!(steps_of(&items).iter().all(|step| *step > 1), "{items:#?}");
    assert!(end_of(&items).is_some(), "{items:#?}");
}

/// A transcript that is nothing but messages of one moment is not one message listed twice.
#[tokio::test]
async fn the_first_follow_up_to_a_run_of_messages_of_one_moment_gives_its_own_answer_alone() {
    for way in ["ask", "send"] {
        let clock = VirtualClock::new();
        let server = shows(&clock, |seen, since_sent| {
            let mut messages = vec![agent(11.0, "one"), agent(11.0, "two")];
            let since_sent = since_sent.unwrap_or_default();
            // The echo comes soon, and the status is stale for longer than a late message's time.
            if since_sent >= seconds(5) {
                messages.push(user(20.0, "And now?"));
            }
            if since_sent >= seconds(60) {
                messages.push(agent(21.0, "three"));
            }
            run(seen, "COMPLETED", &messages)
        })
        .await;
        let client = client_by(&server, &clock);
        let session = session(&client);
        let new: Vec<String> = match way {
            "ask" => {
                let turn = session.ask("And now?").poll_interval(seconds(5)).await;
                let texts = turn.unwrap().messages.into_iter();
                texts.map(|message| message.content).collect()
            }
            _ => {
                session.send("And now?").await.unwrap();
                let items = all(session.watch().poll_interval(seconds(5)).events()).await;
                assert!(end_of(&items).is_some(), "{items:#?}");
                let texts = texts_of(&items).into_iter();
                texts
                    .filter(|text| *text != "And now?")
                    .map(str::to_owned)
                    .collect()
            }
        };
        assert_eq!(new, ["three"], "{way}");
        assert!(clock.now() >= seconds(60), "{way}: {:?}", clock.now());
    }
}

#[tokio::test]
async fn a_follow_up_is_sent_though_the_steps_before_it_cannot_be_read() {
    let unknown = json!({ "errors": [{
        "message": "Cannot query field 'steps' on type 'DinoAiAgentRun'.",
    }] });
    for reply in [Reply::html(504), Reply::json(400, &unknown)] {
        let (server, client, _) = shown(move |seen, since_sent| match seen.operation.as_str() {
            STEPS => reply.clone(),
            _ => eventful(seen, since_sent.is_some()),
        })
        .await;
        let session = session(&client);
        session.send("And now?").await.unwrap();
        let items = all(session.watch().events()).await;
        assert_eq!(texts_of(&items), ["And now?", "four"]);
        assert_eq!(children_of(&items), ["child-2"]);
        assert_eq!(sent(&server, SEND), 1);
    }
}
