//! A checkpoint that a program with doubles has stored continues where it stood.

use dinoai::time::Clock;
use dinoai::{Checkpoint, Error, Event, Result, Session, StepOptions};
use serde_json::{Value, json};

use crate::conversations::equal_timestamps::three_at_once;
use crate::conversations::items::{children_of, steps_of};
use crate::support::fault_server::{Reply, SESSION, Seen};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{agent, all, end_of, fields, run, run_with, shown, texts_of, user};

/// What a program that has only doubles makes of a JSON text, given how it writes them.
pub(crate) fn through_doubles(json: &str, write: fn(f64) -> String) -> String {
    fn written(value: &Value, write: fn(f64) -> String) -> String {
        match value {
            Value::Number(number) => write(number.as_f64().unwrap()),
            Value::Array(values) => {
                let values: Vec<_> = values.iter().map(|value| written(value, write)).collect();
                format!("[{}]", values.join(","))
            }
            Value::Object(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(name, value)| format!("{}:{}", json!(name), written(value, write)))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }
            other => other.to_string(),
        }
    }
    written(&serde_json::from_str(json).unwrap(), write)
}

/// The shortest digits that give the same double, as JavaScript.
pub(crate) fn as_javascript(number: f64) -> String {
    number.to_string()
}

/// Seventeen digits, as jq 1.6.
fn as_jq(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e17 {
        format!("{number:.0}")
    } else {
        format!("{number:.16e}")
    }
}

#[test]
fn the_reader_of_doubles_is_one() {
    let json = r#"{"a":[4743218473212345678,1714142436.0012,5,-1,null,"9007199254740993"]}"#;
    assert_eq!(
        through_doubles(json, as_javascript),
        r#"{"a":[4743218473212345000,1714142436.0012,5,-1,null,"9007199254740993"]}"#
    );
    assert_eq!(
        through_doubles(json, as_jq),
        r#"{"a":[4.7432184732123453e18,1.7141424360012000e9,5,-1,null,"9007199254740993"]}"#
    );
}

/// A run with something of everything, at microseconds, that goes on after a follow-up.
pub(crate) fn eventful(seen: &Seen, is_answered: bool) -> Reply {
    run_with(seen, |id| {
        let mut messages = vec![
            user(1_714_142_436.001_2, "start"),
            agent(1_714_142_437.001_3, "one"),
            agent(1_714_142_437.001_4, "two"),
            agent(1_714_142_438.123_456, "three"),
        ];
        if is_answered {
            messages.push(user(1_714_142_438.123_457, "And now?"));
            messages.push(agent(1_714_142_438.123_458, "four"));
        }
        let mut run = fields(id, "COMPLETED", &messages);
        let after = seen.variables["after"].as_i64().unwrap_or(-1);
        run["steps"] = (after + 1..if is_answered { 4 } else { 2 })
            .map(|index| json!({ "index": index, "role": "AGENT", "truncated": false }))
            .collect();
        run["startupSteps"] = json!([{ "label": "clone", "done": true }]);
        run["childSessionIds"] = match is_answered {
            true => json!(["child-1", "child-2"]),
            false => json!(["child-1"]),
        };
        run
    })
}

pub(crate) async fn events(session: &Session) -> Vec<Result<Event>> {
    all(session.watch().steps(StepOptions::default()).events()).await
}

#[tokio::test]
async fn a_checkpoint_that_a_program_with_doubles_has_stored_goes_on_where_it_stood() {
    for write in [as_javascript, as_jq] {
        let (_server, client, _) =
            shown(|seen, since_sent| eventful(seen, since_sent.is_some())).await;
        let elsewhere = |session: &Session| {
            let stored = serde_json::to_string(&session.checkpoint()).unwrap();
            let stored = through_doubles(&stored, write);
            let checkpoint = serde_json::from_str::<Checkpoint>(&stored);
            client.resume(checkpoint.unwrap_or_else(|error| panic!("{error}: {stored}")))
        };
        let session = session(&client);
        let items = events(&session).await;
        assert_eq!(texts_of(&items), ["start", "one", "two", "three"]);

        // Nothing is repeated: the end alone is left.
        let session = elsewhere(&session);
        let items = events(&session).await;
        assert_eq!(items.len(), 1, "{items:#?}");
        assert!(end_of(&items).is_some());

        // Nor in the next turn, nor lost.
        session.send("And now?").await.unwrap();
        let session = elsewhere(&session);
        let items = events(&session).await;
        assert_eq!(texts_of(&items), ["And now?", "four"]);
        assert_eq!(children_of(&items), ["child-2"]);
        assert_eq!(steps_of(&items), [2, 3]);
        assert!(end_of(&items).is_some(), "{items:#?}");
    }
}

#[tokio::test]
async fn an_open_turn_is_still_open_after_a_program_with_doubles() {
    for write in [as_javascript, as_jq] {
        let (_server, client, _) = shown(|seen, since_sent| {
            let is_answered = since_sent.is_some_and(|time| time >= seconds(20));
            eventful(seen, is_answered)
        })
        .await;
        let before = session(&client);
        let items = events(&before).await;
        assert_eq!(texts_of(&items).len(), 4, "{items:#?}");
        before.send("And now?").await.unwrap();
        let stored = serde_json::to_string(&before.checkpoint()).unwrap();
        let stored = through_doubles(&stored, write);
        let after = client.resume(serde_json::from_str(&stored).unwrap());
        assert_eq!(after.wait().await.unwrap().answer(), Some("four"));
    }
}

/// What a turn began with is known to the microsecond, here and after a checkpoint.
#[tokio::test]
async fn messages_a_few_microseconds_before_a_follow_up_are_no_answer_to_it() {
    let before = [
        user(1_714_142_438.123_41, "start"),
        agent(1_714_142_438.123_42, "the first answer"),
    ];
    let after = [
        user(1_714_142_438.123_43, "And now?"),
        agent(1_714_142_438.123_44, "the second answer"),
    ];
    for is_resumed in [false, true] {
        let (before, both) = (before.clone(), [before.clone(), after.clone()].concat());
        let (_server, client, clock) = shown(move |seen, since_sent| {
            let is_answered = since_sent.is_some_and(|time| time >= seconds(20));
            run(seen, "COMPLETED", if is_answered { &both } else { &before })
        })
        .await;
        let mut session = session(&client);
        session.send("And now?").await.unwrap();
        if is_resumed {
            let stored = serde_json::to_string(&session.checkpoint()).unwrap();
            session = client.resume(serde_json::from_str(&stored).unwrap());
        }
        let run = session.wait().poll_interval(seconds(5)).await.unwrap();
        assert_eq!(run.answer(), Some("the second answer"), "{is_resumed}");
        assert_eq!(clock.now(), seconds(20), "{is_resumed}");
    }
}

/// Activity that was seen once may not be seen again.
#[tokio::test]
async fn a_turn_that_has_shown_activity_before_a_checkpoint_ends_with_the_next_terminal_status() {
    for way in ["wait", "watch"] {
        let (_server, client, clock) = shown(|seen, since_sent| {
            let is_in_progress = since_sent.is_some_and(|time| time < seconds(10));
            let status = if is_in_progress {
                "RUNNING"
            } else {
                "COMPLETED"
            };
            run(seen, status, &three_at_once())
        })
        .await;
        let before = session(&client);
        before.send("And now?").await.unwrap();
        let timeout = seconds(5);
        if way == "wait" {
            let error = before.wait().timeout(timeout).await.unwrap_err();
            assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
        } else {
            assert!(end_of(&all(before.watch().timeout(timeout).events()).await).is_none());
        }
        let stored = serde_json::to_string(&before.checkpoint()).unwrap();
        clock.advance(seconds(10));
        let after = client.resume(serde_json::from_str(&stored).unwrap());
        let resumed_at = clock.now();
        let run = after.wait().await;
        assert!(run.is_ok(), "{way}: {run:?}");
        assert_eq!(clock.now(), resumed_at, "{way}");
    }
}

#[tokio::test]
async fn a_checkpoint_of_an_unknown_version_is_refused() {
    let (_server, client, _) = shown(|seen, _| eventful(seen, false)).await;
    let session = session(&client);
    assert!(end_of(&events(&session).await).is_some());
    let stored = serde_json::to_value(session.checkpoint()).unwrap();
    assert_eq!(stored["agentSessionId"], SESSION);
    assert_eq!(stored["version"], 2);
    serde_json::from_value::<Checkpoint>(stored.clone()).unwrap();
    let mut later = stored;
    later["version"] = json!(3);
    let error = serde_json::from_value::<Checkpoint>(later).unwrap_err();
    assert!(error.to_string().contains("version"), "{error}");
}
