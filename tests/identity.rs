//! What a run says is emitted once each, under the run's own name, however the server writes
//! it; and it goes nowhere else: not into logs, errors or the caller's own spans.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod fault_server;
mod shown_run;

use std::io::Write;
use std::sync::{Arc, Mutex};

use dinoai::time::{Clock, VirtualClock};
use dinoai::{
    Checkpoint, Client, Error, Event, Result, RunStatus, Session, SessionId, StepOptions,
    TriggerRun,
};
use fault_server::{FaultServer, Reply, SESSION, Seen, client};
use serde_json::{Value, json};
use shown_run::{
    DIGEST, READ, SEND, STEPS, TRIGGER, accepted, agent, all, client_by, end_of, fields, run,
    run_with, seconds, sent, shown, shows, texts, texts_of, user,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::Instrument;
use tracing::level_filters::LevelFilter;
use tracing::span::{Id, Record};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

fn session(client: &Client) -> Session {
    client.session(SESSION).unwrap()
}

fn children_of(items: &[Result<Event>]) -> Vec<&str> {
    let ids = items.iter().filter_map(|item| match item {
        Ok(Event::Child(id)) => Some(id.as_str()),
        _ => None,
    });
    ids.collect()
}

fn steps_of(items: &[Result<Event>]) -> Vec<i64> {
    let steps = items.iter().filter_map(|item| match item {
        Ok(Event::Step(step)) => Some(step.index),
        _ => None,
    });
    steps.collect()
}

// Messages that share a timestamp (D1, D13).

/// A question, and three messages of the agent's at the same moment.
fn three_at_once() -> Vec<Value> {
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

// Checkpoints elsewhere (D2).

/// What a program that has only doubles makes of a JSON text, given how it writes them.
fn through_doubles(json: &str, write: fn(f64) -> String) -> String {
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
fn as_javascript(number: f64) -> String {
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
fn eventful(seen: &Seen, is_answered: bool) -> Reply {
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

async fn events(session: &Session) -> Vec<Result<Event>> {
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
            let is_at_work = since_sent.is_some_and(|time| time < seconds(10));
            let status = if is_at_work { "RUNNING" } else { "COMPLETED" };
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
    assert_eq!(stored["version"], 1);
    serde_json::from_value::<Checkpoint>(stored.clone()).unwrap();
    let mut later = stored;
    later["version"] = json!(2);
    let error = serde_json::from_value::<Checkpoint>(later).unwrap_err();
    assert!(error.to_string().contains("version"), "{error}");
}

// The first follow-up on a session made from an id (D3).

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
            // The echo comes soon, and the status is stale for longer than a straggler's time.
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

// What servers write beyond the schema (D4, D5, D6, D10).

/// A run as the vendor's own clients accept it.
fn loose(seen: &Seen) -> Reply {
    run_with(seen, |id| {
        json!({
            "ok": true,
            "agentSessionId": id,
            "status": "completed",
            "messages": [
                { "ts": "1714142436.0012", "role": "USER", "content": "start" },
                { "ts": "1714142437", "role": "Assistant", "content": "the answer" },
            ],
            "childSessionIds": null,
            "workspaceUid": null,
            "steps": [{ "index": 0, "role": "AGENT", "content": "step" }],
            "startupSteps": null,
        })
    })
}

#[tokio::test]
async fn a_run_is_read_as_the_vendors_clients_read_it() {
    let (_server, client, _) = shown(|seen, _| loose(seen)).await;
    let run = client.get_run(SESSION).await.unwrap();
    assert_eq!(run.status, RunStatus::Completed);
    let timestamps: Vec<_> = run.messages.iter().map(|message| message.ts).collect();
    assert_eq!(timestamps, [1_714_142_436.001_2, 1_714_142_437.0]);
    assert!(run.messages[0].is_from_user() && !run.messages[1].is_from_user());
    assert_eq!(run.answer(), Some("the answer"));
    assert!(run.child_session_ids.is_empty());

    let steps = client.get_run_steps(SESSION, StepOptions::default());
    let steps = steps.await.unwrap().steps.unwrap();
    assert!(!steps[0].truncated);
}

#[tokio::test]
async fn null_for_the_messages_is_none_of_them() {
    let (_server, client, _) = shown(|seen, _| {
        run_with(seen, |id| {
            let mut run = fields(id, "QUEUED", &[]);
            run["messages"] = Value::Null;
            run
        })
    })
    .await;
    assert!(client.get_run(SESSION).await.unwrap().messages.is_empty());
}

#[tokio::test]
async fn a_status_in_lower_case_ends_every_wait() {
    let (_server, client, clock) = shown(|seen, _| loose(seen)).await;
    let session = session(&client);
    session.wait().await.unwrap();
    let items = all(session.watch().events()).await;
    assert_eq!(texts_of(&items), ["start", "the answer"]);
    assert!(end_of(&items).is_some(), "{items:#?}");
    assert!(session.tree().until_ended().await.unwrap().has_ended());
    assert_eq!(clock.now(), seconds(0));
    let ids = ["a", "b", "c"].map(|id| SessionId::new(id).unwrap());
    let mut results = client.wait_all(ids).unwrap().results();
    while let Some((_, result)) = results.next().await {
        assert_eq!(result.unwrap().status, RunStatus::Completed);
    }
}

/// A server that answers every request with these bytes as its body, and counts them.
async fn bytes_server(body: Vec<u8>) -> (String, Arc<Mutex<usize>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/graphql", listener.local_addr().unwrap());
    let answered = Arc::new(Mutex::new(0));
    let count = answered.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![];
            // One request a connection, whose body is the only one and ends with a brace.
            while !request.ends_with(b"}") && stream.read_buf(&mut request).await.unwrap() > 0 {}
            *count.lock().unwrap() += 1;
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\
                 Content-Length: {}\r\n\r\n",
                body.len()
            );
            let answer = [head.as_bytes(), &body].concat();
            stream.write_all(&answer).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (endpoint, answered)
}

async fn read_bytes(body: Vec<u8>) -> (Result<dinoai::Run>, usize) {
    let (endpoint, answered) = bytes_server(body).await;
    let (client, _) = client(&endpoint, |builder| builder.request_timeout(seconds(30)));
    let read = client.get_run(SESSION).await;
    let answered = *answered.lock().unwrap();
    (read, answered)
}

/// The text of an answer whose only message is `CONTENT`, at the time `TS`.
fn template() -> String {
    let run = fields(
        SESSION,
        "COMPLETED",
        &[json!({
            "ts": "TS", "role": "agent", "content": "CONTENT",
        })],
    );
    let answer = json!({ "data": { "dinoaiAgentRun": run } }).to_string();
    answer.replace("\"TS\"", "TS")
}

#[tokio::test]
async fn a_cut_utf_8_sequence_in_a_message_is_repaired() {
    let answer = template().replace("TS", "1.5");
    let (before, after) = answer.split_once("CONTENT").unwrap();
    let body = [before.as_bytes(), b"caf\xc3 au lait", after.as_bytes()].concat();
    let (read, answered) = read_bytes(body).await;
    assert_eq!(read.unwrap().answer(), Some("caf\u{FFFD} au lait"));
    assert_eq!(answered, 1);
}

#[tokio::test]
async fn a_byte_order_mark_before_an_answer_is_accepted() {
    let body = template().replace("TS", "1.5").replace("CONTENT", "Done.");
    let body = [b"\xef\xbb\xbf", body.as_bytes()].concat();
    let (read, answered) = read_bytes(body).await;
    assert_eq!(read.unwrap().answer(), Some("Done."));
    assert_eq!(answered, 1);
}

/// The numbers in a text.
fn numbers(text: &str) -> Vec<usize> {
    let parts = text.split(|character: char| !character.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}

#[tokio::test]
async fn an_answer_that_is_malformed_json_is_told_with_its_place_and_not_asked_for_again() {
    let answer = template().replace("CONTENT", "Done.");
    let place = answer.find("TS").unwrap();
    let not_a_number = answer.replace("TS", "NaN");
    let cut = answer[..place].to_owned();
    for body in [not_a_number, cut] {
        let (read, answered) = read_bytes(body.into_bytes()).await;
        let error = read.unwrap_err();
        assert!(matches!(error, Error::Decode { .. }), "{error:?}");
        let text = error.to_string();
        // Counted from zero or from one, from the word or from its end.
        let is_there = |number: usize| (place..=place + 3).contains(&number);
        assert!(numbers(&text).into_iter().any(is_there), "{place}: {text}");
        assert_eq!(answered, 1);
    }
}

fn no_run() -> Reply {
    Reply::data(&json!({ "dinoaiAgentRun": null }))
}

fn is_not_found(error: &Error) -> bool {
    format!("{error:?}").starts_with("NotFound")
}

#[tokio::test]
async fn a_run_that_the_api_does_not_know_is_not_found() {
    let (server, client, _) = shown(|_, _| no_run()).await;
    let session = session(&client);
    let steps = client.get_run_steps(SESSION, StepOptions::default());
    let mut errors = vec![
        client.get_run(SESSION).await.unwrap_err(),
        session.run().await.unwrap_err(),
        steps.await.unwrap_err(),
        session.wait().await.unwrap_err(),
        session.tree().await.unwrap_err(),
        session.send("And now?").await.unwrap_err(),
    ];
    errors.extend(
        all(session.watch().events())
            .await
            .pop()
            .and_then(Result::err),
    );
    assert_eq!(errors.len(), 7);
    for error in errors {
        assert!(is_not_found(&error), "{error:?}");
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
        assert!(error.to_string().contains(SESSION), "{error}");
        assert!(!error.may_have_started() && !error.is_retryable());
    }
    // Each is reported after its first answer, and nothing was sent to what is not there.
    assert!(server.arrived() <= 8, "{:?}", server.operations());
    assert_eq!(sent(&server, SEND), 0);
}

#[tokio::test]
async fn one_run_that_the_api_does_not_know_is_not_found_among_many() {
    let (_server, client, _) = shown(|seen, _| {
        run_with(seen, |id| match id {
            "b" => Value::Null,
            id => fields(id, "COMPLETED", &[]),
        })
    })
    .await;
    let ids = ["a", "b", "c"].map(|id| SessionId::new(id).unwrap());
    let mut results = client.wait_all(ids).unwrap().results();
    let mut count = 0;
    while let Some((id, result)) = results.next().await {
        count += 1;
        match id.as_str() {
            "b" => assert!(is_not_found(&result.unwrap_err())),
            id => assert_eq!(result.unwrap().session_id.as_str(), id),
        }
    }
    assert_eq!(count, 3);
}

/// Whether an error says that another run was answered than the one that was asked for.
fn is_about_another_run(error: &Error) -> bool {
    let text = error.to_string();
    matches!(error, Error::Decode { .. }) && text.contains("s1") && text.contains("other")
}

fn other_run() -> Reply {
    let run = fields("other", "COMPLETED", &[agent(1.0, "of another run")]);
    Reply::data(&json!({ "dinoaiAgentRun": run }))
}

#[tokio::test]
async fn a_run_of_another_name_than_asked_for_is_refused() {
    let (server, client, _) = shown(|_, _| other_run()).await;
    let error = client.get_run("s1").await.unwrap_err();
    assert!(is_about_another_run(&error), "{error}");
    assert_eq!(server.arrived(), 1);
    let session = client.session("s1").unwrap();
    for error in [
        session.run().await.unwrap_err(),
        session.wait().await.unwrap_err(),
        all(session.watch().events())
            .await
            .pop()
            .unwrap()
            .unwrap_err(),
        session.tree().await.unwrap_err(),
    ] {
        assert!(is_about_another_run(&error), "{error}");
        assert_eq!(error.session_id().unwrap().as_str(), "s1");
    }
}

#[tokio::test]
async fn a_follow_up_that_another_run_is_said_to_have_got_may_have_started() {
    let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
        SEND => Reply::data(&json!({ "sendDinoaiAgentMessage": {
            "ok": true, "agentSessionId": "other", "status": "queued",
        } })),
        _ => run(seen, "COMPLETED", &[]),
    })
    .await;
    let client = client_by(&server, &VirtualClock::new());
    let session = client.session("s1").unwrap();
    for error in [
        client.send_message("s1", "And now?").await.unwrap_err(),
        session.ask("And now?").await.unwrap_err(),
    ] {
        assert!(is_about_another_run(&error), "{error}");
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(error.session_id().unwrap().as_str(), "s1");
    }
    assert_eq!(sent(&server, SEND), 2);
}

// The caller's own spans (D7).

/// Notes what is recorded on spans after they were made.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<String>>>);

impl<S> tracing_subscriber::Layer<S> for Records
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let name = context.span(id).unwrap().name();
        self.0.lock().unwrap().push(format!("{name}: {values:?}"));
    }
}

/// A server of completed runs that names each request in its answer's headers.
async fn named_requests() -> FaultServer {
    FaultServer::scripted(|seen| {
        let reply = match seen.operation.as_str() {
            TRIGGER | SEND => accepted(seen),
            _ => run(seen, "COMPLETED", &[agent(1.0, "Done.")]),
        };
        match reply {
            Reply::Http(status, mut headers, body) => {
                headers.push(("X-Request-Id", "the-servers-own".to_owned()));
                Reply::Http(status, headers, body)
            }
            other => other,
        }
    })
    .await
}

#[tokio::test]
async fn the_callers_own_span_is_left_alone_where_ours_are_filtered_out() {
    let records = Records::default();
    let is_not_ours = |metadata: &tracing::Metadata<'_>| !metadata.target().starts_with("dinoai");
    let subscriber = tracing_subscriber::registry()
        .with(records.clone())
        .with(tracing_subscriber::filter::filter_fn(is_not_ours));
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = named_requests().await;
    let client = client_by(&server, &VirtualClock::new());
    let span = tracing::info_span!(
        "mine",
        request_id = "r-1",
        session_id = "mine",
        attempt = 7,
        http.status = 0,
        note = tracing::field::Empty,
    );
    span.record("note", "seen");
    async {
        client.get_run(SESSION).await.unwrap();
        let wait = client.trigger_run_and_wait(TriggerRun::agent("a"));
        wait.await.unwrap();
        let session = client.session(SESSION).unwrap();
        assert!(!all(session.watch().events()).await.is_empty());
        session.tree().await.unwrap();
        session.send("And now?").await.unwrap();
        let _ = session.wait().await;
    }
    .instrument(span)
    .await;
    let records = records.0.lock().unwrap();
    assert!(records[0].starts_with("mine: ") && records[0].contains("note"));
    assert_eq!(records.len(), 1, "for example: {}", records[1]);
}

// Texts of a run in logs and errors (D9).

/// What an agent said, that nobody else may see.
const SECRET: &str = "the margin is 4711 per cent";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Answers to a read that hold what the agent said, and cannot be used.
fn unusable_replies() -> Vec<Reply> {
    let good = json!({ "data": { "dinoaiAgentRun": fields(
        SESSION, "COMPLETED", &[agent(1.0, SECRET)],
    ) } });
    let with = |name: &str, value: Value| {
        let mut answer = good.clone();
        answer["data"]["dinoaiAgentRun"][name] = value;
        Reply::json(200, &answer)
    };
    let text = good.to_string();
    let cut = &text[..text.find(SECRET).unwrap() + SECRET.len()];
    let html = || vec![("Content-Type", "text/html".to_owned())];
    let said = json!({ "message": "upstream", "body": { "content": SECRET } });
    let mut replies = vec![
        // Broken off.
        Reply::Http(200, vec![], cut.to_owned()),
        Reply::Http(200, html(), cut.to_owned()),
        Reply::Http(502, vec![], cut.to_owned()),
        // Malformed.
        Reply::Http(200, vec![], text.replace("1.0", "NaN")),
        Reply::Http(200, vec![], text.replace("true", "yes")),
        // Not GraphQL.
        Reply::json(200, &json!([good])),
        Reply::json(200, &good["data"]),
        Reply::json(200, &json!(SECRET)),
        // Not what the schema says.
        with(
            "messages",
            json!([{ "ts": SECRET, "role": "agent", "content": "" }]),
        ),
        with(
            "messages",
            json!([{ "ts": 1.0, "role": "agent", "content": [SECRET] }]),
        ),
        with("messages", json!(SECRET)),
        with("childSessionIds", json!(SECRET)),
        with("ok", json!(SECRET)),
        with("ok", json!({ SECRET: SECRET })),
    ];
    for status in [400, 401, 403, 404, 409, 500, 502, 503] {
        replies.push(Reply::json(status, &said));
        replies.push(Reply::json(status, &json!([good])));
        replies.push(Reply::Http(status, html(), said.to_string()));
    }
    for status in [401, 403] {
        replies.push(Reply::json(status, &good));
    }
    replies
}

/// The errors of a client's reads, of which the whole read is answered so.
async fn errors_of(reply: &Reply, log: &Log) -> Vec<Error> {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let unusable = reply.clone();
    let (_server, client, _) = shown(move |seen, _| match seen.operation.as_str() {
        READ | STEPS => unusable.clone(),
        _ => run(seen, "COMPLETED", &[agent(1.0, SECRET)]),
    })
    .await;
    let session = session(&client);
    let steps = client.get_run_steps(SESSION, StepOptions::default());
    let minutes = seconds(200);
    let wait = session.wait().timeout(minutes).poll_interval(seconds(20));
    let watch = session.watch().timeout(minutes).poll_interval(seconds(20));
    let mut errors = vec![
        client.get_run(SESSION).await.unwrap_err(),
        wait.await.unwrap_err(),
        session.tree().await.unwrap_err(),
    ];
    errors.extend(steps.await.err());
    let watch = watch.steps(StepOptions::default());
    for item in all(watch.events()).await {
        match item {
            Ok(event) => assert!(!format!("{event:?}").contains(SECRET)),
            Err(error) => errors.push(error),
        }
    }
    errors
}

#[tokio::test]
async fn what_an_agent_said_is_quoted_by_no_error() {
    let mut quoting = vec![];
    for reply in unusable_replies() {
        let errors = errors_of(&reply, &Log::default()).await;
        let texts = errors.iter().map(ToString::to_string);
        quoting.extend(texts.filter(|text| text.contains(SECRET)));
    }
    let count = quoting.len();
    assert_eq!(count, 0, "for example: {}", quoting[0]);
}

#[tokio::test]
async fn what_an_agent_said_is_in_no_log() {
    let log = Log::default();
    for reply in unusable_replies() {
        errors_of(&reply, &log).await;
    }
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("dinoai.call") && log.contains("DEBUG"));
    let quoting: Vec<_> = log.lines().filter(|line| line.contains(SECRET)).collect();
    let count = quoting.len();
    assert_eq!(count, 0, "for example: {}", quoting[0]);
}
