//! A run is read as leniently as the vendor's clients read it.

use std::sync::{Arc, Mutex};

use dinoai::time::Clock;
use dinoai::{Error, Result, RunStatus, SessionId, StepOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::fault_server::{Reply, SESSION, Seen, client};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{all, end_of, fields, run_with, shown, texts_of};

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
async fn an_answer_that_is_malformed_json_is_reported_with_its_place_and_not_asked_for_again() {
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
