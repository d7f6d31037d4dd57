//! A null where none may be fails what the reference implementation fails, in its words: where a
//! variable has a default value and is given null all the same, below the root.

use dinoai_emulator::{Backend, Emulator, Quirks};
use serde_json::{Value, json};

use crate::caller::{call, trigger};

const CONDITION: &str = "Argument \"if\" of non-null type \"Boolean!\" must not be null.";

/// A query of a run, with `$no`, which is null, in its second line: the data, and the path of what
/// is wrong.
async fn read(emulator: &Emulator, selections: &str) -> (Value, Value) {
    let id = trigger(emulator, "a").await;
    let (selections, fragment) = selections.split_once(';').unwrap_or((selections, ""));
    let line = format!("dinoaiAgentRun(agentSessionId: $id) {{ {selections} }} }} {fragment}");
    let query = format!("query ($id: String!, $no: Boolean = false) {{\n{line}");
    let mut response = call(emulator, &query, json!({ "id": id, "no": null })).await;
    let mut errors = response.body["errors"].take();
    if !errors.is_null() {
        let column = line.find("$no").unwrap() + 1;
        let expected = json!([{
            "message": CONDITION,
            "locations": [{ "line": 2, "column": column }],
            "path": errors[0]["path"],
        }]);
        assert_eq!(errors, expected, "{query}");
    }
    let path = errors.pointer_mut("/0/path").map(Value::take);
    (response.body["data"].take(), path.unwrap_or_default())
}

#[tokio::test]
async fn a_condition_that_is_null_fails_the_object_that_it_is_in() {
    let emulator = Emulator::start().await.unwrap();
    let none = json!({ "dinoaiAgentRun": null });
    let root = json!(["dinoaiAgentRun"]);
    for (selections, path) in [
        ("ok @skip(if: $no)", &root),
        ("ok status @include(if: $no)", &root),
        ("ok ... @include(if: $no) { status }", &root),
        ("ok ... { status @include(if: $no) }", &root),
        ("ok ... on DinoAiAgentRun { status @skip(if: $no) }", &root),
        (
            "ok ...F @skip(if: $no); fragment F on DinoAiAgentRun { status }",
            &root,
        ),
        (
            "ok ...F; fragment F on DinoAiAgentRun { status @skip(if: $no) }",
            &root,
        ),
        (
            "messages { role @skip(if: $no) }",
            &json!(["dinoaiAgentRun", "messages", 0]),
        ),
        ("status @include(if: true) ok @skip(if: $no)", &root),
    ] {
        let (data, found) = read(&emulator, selections).await;
        assert_eq!(data, none, "{selections}");
        assert_eq!(found, *path, "{selections}");
    }
}

#[tokio::test]
async fn a_condition_that_is_null_is_not_looked_at_where_something_else_decides() {
    let emulator = Emulator::start().await.unwrap();
    for selections in [
        "ok status @skip(if: true) @include(if: $no)",
        "ok ... @skip(if: true) { status @include(if: $no) }",
        "ok ... @include(if: false) { status @skip(if: $no) }",
        "...F ...F @include(if: $no); fragment F on DinoAiAgentRun { ok }",
        "ok steps { index @skip(if: $no) }",
    ] {
        let (data, path) = read(&emulator, selections).await;
        assert_eq!(data["dinoaiAgentRun"]["ok"], true, "{selections}");
        assert_eq!(path, Value::Null, "{selections}");
    }
}

#[tokio::test]
async fn what_is_beside_a_condition_that_is_null_is_not_executed() {
    let quirks = Quirks::new().unreadable_steps();
    let emulator = Emulator::builder().quirks(quirks).start().await.unwrap();
    for selections in [
        "steps { index } ... { ok @skip(if: $no) }",
        "steps { index } ...F; fragment F on DinoAiAgentRun { ok @skip(if: $no) }",
    ] {
        let (data, path) = read(&emulator, selections).await;
        assert_eq!(data, json!({ "dinoaiAgentRun": null }));
        assert_eq!(path, json!(["dinoaiAgentRun"]));
    }
}

#[tokio::test]
async fn a_mutation_whose_response_fails_by_a_condition_has_been_carried_out() {
    let emulator = Emulator::start().await.unwrap();
    let query = "mutation ($no: Boolean = false) {
        a: triggerDinoaiAgentRun(message: \"a\") { ok @skip(if: $no) }
        b: triggerDinoaiAgentRun(message: \"b\") { ok }
    }";
    let response = call(&emulator, query, json!({ "no": null })).await;
    assert_eq!(response.messages(), [CONDITION]);
    assert_eq!(
        response.body["data"],
        json!({ "a": null, "b": { "ok": true } })
    );
    assert_eq!(emulator.runs().len(), 2);
}

#[tokio::test]
async fn an_argument_that_is_null_fails_its_field_in_the_references_words() {
    let emulator = Emulator::start().await.unwrap();
    let send = "Argument \"agentSessionId\" of non-null type \"String!\" must not be null.";
    let slack = "Argument \"slack\" has invalid value {channel: $no, threadTs: \"1\"}.";
    for (document, message, path) in [
        (
            "mutation ($no: String = \"x\") { sendDinoaiAgentMessage(agentSessionId: $no, message: \"m\") { ok } }",
            send,
            "sendDinoaiAgentMessage",
        ),
        (
            "mutation ($no: String = \"x\") { a: triggerDinoaiAgentRun(message: \"m\", slack: { threadTs: \"1\", channel: $no }) { ok } }",
            "Argument \"slack\" has invalid value {threadTs: \"1\", channel: $no}.",
            "a",
        ),
        (
            "mutation ($no: String = \"x\") { ... { triggerDinoaiAgentRun(message: \"m\", slack: { channel: $no, threadTs: \"1\" }) { ok } } }",
            slack,
            "triggerDinoaiAgentRun",
        ),
        (
            "query ($no: String = \"Query\") { __type(name: $no) { name } }",
            "Argument \"name\" of non-null type \"String!\" must not be null.",
            "__type",
        ),
    ] {
        let response = call(&emulator, document, json!({ "no": null })).await;
        assert_eq!(response.messages(), [message]);
        assert_eq!(response.body["errors"][0]["path"], json!([path]));
        assert_eq!(response.body["data"], json!({ path: null }));
        let column = document.rfind("$no").unwrap() + 1;
        let place = match message.contains("invalid") {
            true => document.rfind("slack: ").unwrap() + 8,
            false => column,
        };
        let place = json!({ "line": 1, "column": place });
        assert_eq!(
            response.body["errors"][0]["locations"][0], place,
            "{document}"
        );
        assert!(emulator.runs().is_empty());
    }
}

#[tokio::test]
async fn a_field_of_an_object_whose_variable_has_no_value_has_its_default() {
    let sdl = "type Query { a: Int }
        type Mutation { triggerDinoaiAgentRun(message: String, slack: Slack): Started }
        input Slack { channel: String = \"C\", threadTs: String = \"1\" }
        type Started { ok: Boolean }";
    let emulator = Emulator::builder().backend(Backend::sdl(sdl));
    let emulator = emulator.start().await.unwrap();
    let query = "mutation ($c: String) {
        triggerDinoaiAgentRun(message: \"m\", slack: { channel: $c }) { ok }
    }";
    call(&emulator, query, json!({})).await;
    let slack = emulator.runs()[0].slack.clone().unwrap();
    assert_eq!((&*slack.channel, &*slack.thread_ts), ("C", "1"));
}

#[tokio::test]
async fn a_scalar_of_the_users_own_may_have_variables_anywhere_within_it() {
    let sdl = "scalar Any type Query { a(any: Any, number: Float): Int }
        type Mutation { triggerDinoaiAgentRun(message: String, slack: Any): Started }
        type Started { ok: Boolean }";
    let emulator = Emulator::builder().backend(Backend::sdl(sdl));
    let emulator = emulator.start().await.unwrap();
    let query = "mutation ($c: Any, $no: Any, $more: Any) {
        triggerDinoaiAgentRun(message: \"m\", slack: {
            channel: $c, threadTs: \"1\", no: $no, more: [$more, $no, { deep: $more }, 1e400]
        }) { ok }
    }";
    let more = json!({ "1 is no name": [1, 1.5, -1e21, "x", true, null] });
    let response = call(&emulator, query, json!({ "c": "C", "more": more })).await;
    assert_eq!(response.messages(), Vec::<&str>::new());
    let slack = emulator.runs()[0].slack.clone().unwrap();
    assert_eq!((&*slack.channel, &*slack.thread_ts), ("C", "1"));
    // Too large for any number that JSON has, but a number.
    let response = call(&emulator, "{ a(any: 1e400, number: -1e400) }", json!({})).await;
    assert_eq!(response.body, json!({ "data": { "a": null } }));
}
