//! `send_message` sends once, and `wait_run` waits for the answer to that message.

use dinoai_emulator::{Fault, Quirks};
use serde_json::{Value, json};

use super::{Assistant, Bench, KEY, SEND};

fn ended(bench: &Bench, assistant: &mut Assistant) -> String {
    let id = assistant.started(KEY);
    bench.end_stage();
    let waited = assistant.tool("wait_run", json!({ "session_id": id, "seconds": 5 }));
    assert_eq!(waited["answer"]["text"], "All well.");
    id
}

fn wait(assistant: &mut Assistant, id: &str) -> Value {
    assistant.tool("wait_run", json!({ "session_id": id, "seconds": 1 }))
}

#[test]
fn the_answer_is_that_to_the_message() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    let id = ended(&bench, &mut assistant);
    let sent = assistant.tool(
        "send_message",
        json!({ "session_id": id, "message": "And?" }),
    );
    assert_eq!(sent["accepted"], true);
    let waited = wait(&mut assistant, &id);
    assert_eq!(waited["ended"], false, "{waited}");
    bench.end_stage();
    let waited = wait(&mut assistant, &id);
    assert_eq!(
        (&waited["ended"], &waited["answer"]["text"]),
        (&json!(true), &json!("Also well."))
    );
    assert_eq!(waited["earlier_messages"], Value::Null, "{waited}");
    // Another time, the same: nothing is lost with a reply.
    assert_eq!(wait(&mut assistant, &id), waited);
    assert_eq!(bench.requests(SEND), 1);
}

#[test]
fn an_end_of_the_turn_before_is_not_taken_for_its_end() {
    let bench = Bench::with_quirks(Quirks::new().stale_reads(3));
    let mut assistant = bench.assistant();
    let id = ended(&bench, &mut assistant);
    let message = json!({ "session_id": id, "message": "And?" });
    assistant.tool("send_message", message);
    let waited = wait(&mut assistant, &id);
    assert_eq!(
        (&waited["status"], &waited["ended"]),
        (&json!("COMPLETED"), &json!(false))
    );
    let next = waited["next"].as_str().unwrap();
    assert!(next.contains("has not taken up the last message"), "{next}");
    while wait(&mut assistant, &id)["status"] == "COMPLETED" {}
    bench.end_stage();
    assert_eq!(wait(&mut assistant, &id)["answer"]["text"], "Also well.");
}

#[test]
fn an_unknown_outcome_is_said_and_the_message_is_not_sent_again() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    let id = ended(&bench, &mut assistant);
    let lost = Fault::reset().after_execution().on(SEND);
    bench.emulator.add_fault(lost).unwrap();
    let message = json!({ "session_id": id, "message": "And?" });
    let problem = assistant.problem("send_message", message);
    for words in [
        "outcome is unknown",
        "Do not send it again",
        "wait_run",
        "get_run",
    ] {
        assert!(problem.contains(words), "{problem}");
    }
    assert_eq!(wait(&mut assistant, &id)["ended"], false);
    bench.end_stage();
    assert_eq!(wait(&mut assistant, &id)["answer"]["text"], "Also well.");
    assert_eq!(bench.requests(SEND), 1);
}

#[test]
fn what_certainly_was_not_sent_is_said() {
    let bench = Bench::start();
    let mut assistant = bench.assistant();
    let id = ended(&bench, &mut assistant);
    let refused = Fault::graphql_error(400).code("GRAPHQL_VALIDATION_FAILED");
    bench.emulator.add_fault(refused.on(SEND)).unwrap();
    let message = json!({ "session_id": id, "message": "And?" });
    let problem = assistant.problem("send_message", message.clone());
    assert!(problem.contains("The message was not sent"), "{problem}");
    // The turn before counts again.
    assert_eq!(wait(&mut assistant, &id)["answer"]["text"], "All well.");
    let blank = json!({ "session_id": id, "message": " " });
    assert!(assistant.problem("send_message", blank).contains("blank"));
    assistant.tool("send_message", message);
    assert_eq!(bench.emulator.runs()[0].follow_ups.len(), 1);
}
