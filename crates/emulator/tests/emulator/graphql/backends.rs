//! A backend knows what its schema declares, and refuses everything else.

use dinoai_emulator::{Backend, Emulator, Error};
use serde_json::{Value, json};

use crate::caller::{RUN, Response, SEND, STEPS, STOP, TRIGGER, call, post, response_to, trigger};

async fn pages() -> Emulator {
    Emulator::builder()
        .backend(Backend::PagesOnly)
        .start()
        .await
        .unwrap()
}

fn assert_refused(response: &Response, messages: &[&str]) {
    assert_eq!(response.status, 200);
    assert_eq!(response.messages(), messages);
    assert!(response.body.get("data").is_none(), "{}", response.text);
}

#[tokio::test]
async fn a_backend_of_the_pages_knows_the_pages() {
    let emulator = pages().await;
    let slack = json!({ "channel": "C0123456789", "threadTs": "1714142436.001200" });
    let response = call(&emulator, TRIGGER, json!({ "agent": "a", "slack": slack })).await;
    let id = response.root()["agentSessionId"].clone();
    let response = call(&emulator, SEND, json!({ "id": id, "message": "x" })).await;
    assert_eq!(response.root()["ok"], true);
    let response = call(&emulator, RUN, json!({ "id": id })).await;
    assert_eq!(response.root()["ok"], true);
    assert_eq!(response.messages(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_backend_of_the_pages_refuses_the_newer_parts_in_the_references_words() {
    let emulator = pages().await;
    let id = trigger(&emulator, "a").await;
    assert_refused(
        &call(&emulator, STEPS, json!({ "id": id })).await,
        &[
            "Cannot query field \"steps\" on type \"DinoAiAgentRun\".",
            "Cannot query field \"startupSteps\" on type \"DinoAiAgentRun\".",
        ],
    );
    assert_refused(
        &call(&emulator, STOP, json!({ "id": id })).await,
        &["Cannot query field \"stopDinoaiAgentRun\" on type \"Mutation\"."],
    );
    let with_options = "mutation ($branch: String, $family: String) {
        triggerDinoaiAgentRun(message: \"x\", baseBranch: $branch, modelFamily: $family) {
            ok warning
        }
    }";
    assert_refused(
        &call(&emulator, with_options, json!({})).await,
        &[
            "Unknown argument \"baseBranch\" on field \"Mutation.triggerDinoaiAgentRun\".",
            "Unknown argument \"modelFamily\" on field \"Mutation.triggerDinoaiAgentRun\".",
            "Cannot query field \"warning\" on type \"TriggerDinoAiAgentRun\".",
        ],
    );
    assert_eq!(emulator.runs().len(), 1);
    assert!(
        emulator.requests()[1..]
            .iter()
            .all(|request| !request.executed)
    );
}

#[tokio::test]
async fn a_fragment_on_an_unknown_type_is_named_beside_the_field() {
    let emulator = pages().await;
    let query = "query ($id: String!, $after: Int) {
        dinoaiAgentRun(agentSessionId: $id) { steps(after: $after) { ...Step } }
    }
    fragment Step on DinoAiAgentStep { index }";
    assert_refused(
        &call(&emulator, query, json!({ "id": "x" })).await,
        &[
            "Cannot query field \"steps\" on type \"DinoAiAgentRun\".",
            "Unknown type \"DinoAiAgentStep\".",
        ],
    );
}

#[tokio::test]
async fn refusals_have_the_references_words() {
    let emulator = Emulator::start().await.unwrap();
    for (query, variables, message) in [
        (
            "query ($id: String) { dinoaiAgentRun(agentSessionId: $id) { ok } }",
            json!({ "id": "x" }),
            "Variable \"$id\" of type \"String\" used in position expecting type \"String!\".",
        ),
        (
            RUN,
            json!({}),
            "Variable \"$id\" of required type \"String!\" was not provided.",
        ),
        (
            RUN,
            json!({ "id": null }),
            "Variable \"$id\" of non-null type \"String!\" must not be null.",
        ),
        (
            "{ dinoaiAgentRun { ok } }",
            json!({}),
            "Field \"dinoaiAgentRun\" argument \"agentSessionId\" of type \"String!\" is required, but it was not provided.",
        ),
        (
            "query ($unused: Int) { __typename }",
            json!({}),
            "Variable \"$unused\" is never used.",
        ),
        ("", json!({}), "Syntax Error: Unexpected <EOF>."),
        (
            "subscription { x }",
            json!({}),
            "Schema is not configured to execute subscription operation.",
        ),
        (
            "query A { __typename } query B { __typename }",
            json!({}),
            "Must provide operation name if query contains multiple operations.",
        ),
    ] {
        assert_refused(&call(&emulator, query, variables).await, &[message]);
    }
    let request = json!({ "query": "query A { __typename }", "operationName": "B" });
    assert_refused(
        &response_to(post(&emulator).json(&request)).await,
        &["Unknown operation named \"B\"."],
    );
    assert!(crate::caller::none_was_executed(&emulator));
}

#[tokio::test]
async fn an_error_has_its_location() {
    let emulator = Emulator::start().await.unwrap();
    let response = call(&emulator, "{\n  nonsense\n}", json!({})).await;
    assert_eq!(
        response.body["errors"],
        json!([{
            "message": "Cannot query field \"nonsense\" on type \"Query\".",
            "locations": [{ "line": 2, "column": 3 }],
        }])
    );
}

#[tokio::test]
async fn variables_of_the_wrong_type_are_refused_before_execution() {
    let emulator = Emulator::start().await.unwrap();
    for (query, variables) in [
        (RUN, json!({ "id": 5 })),
        (TRIGGER, json!({ "message": "x", "slack": "C0123456789" })),
        (
            TRIGGER,
            json!({ "message": "x", "slack": { "channel": "C0123456789" } }),
        ),
        (
            TRIGGER,
            json!({ "message": "x", "slack": { "channel": "C", "threadTs": "1", "x": 1 } }),
        ),
        (STEPS, json!({ "id": "x", "after": 1.5 })),
    ] {
        let response = call(&emulator, query, variables).await;
        assert_eq!(response.messages().len(), 1, "{}", response.text);
        assert!(response.body.get("data").is_none(), "{}", response.text);
    }
    assert!(emulator.runs().is_empty());
    assert!(crate::caller::none_was_executed(&emulator));
}

#[tokio::test]
async fn skipped_fields_are_validated_and_execute_nothing() {
    let emulator = Emulator::start().await.unwrap();
    let probe = "mutation ($no: Boolean!) {
        triggerDinoaiAgentRun(message: \"x\") @skip(if: true) { ok }
        again: triggerDinoaiAgentRun(message: \"x\") @include(if: $no) { ok }
    }";
    let response = call(&emulator, probe, json!({ "no": false })).await;
    assert_eq!(response.text, r#"{"data":{}}"#);
    assert!(emulator.runs().is_empty());
    assert!(!emulator.requests()[0].executed);

    let emulator = pages().await;
    let probe = "mutation { stopDinoaiAgentRun(agentSessionId: \"x\") @skip(if: true) { ok } }";
    assert_refused(
        &call(&emulator, probe, json!({})).await,
        &["Cannot query field \"stopDinoaiAgentRun\" on type \"Mutation\"."],
    );
}

#[tokio::test]
async fn introspection_distinguishes_the_backends() {
    let query = "query Look { __schema { mutationType { fields { name } } queryType { name } } }";
    for (backend, mutations) in [(Backend::Current, 3), (Backend::PagesOnly, 2)] {
        let emulator = Emulator::builder().backend(backend).start().await.unwrap();
        let response = call(&emulator, query, json!({})).await;
        let fields = &response.root()["mutationType"]["fields"];
        assert_eq!(fields.as_array().unwrap().len(), mutations);
        assert_eq!(response.root()["queryType"]["name"], "Query");
        let request = &emulator.requests()[0];
        assert_eq!(request.operation_name.as_deref(), Some("Look"));
        assert!(!request.executed);
    }
}

#[tokio::test]
async fn introspection_that_nests_too_deep_is_refused() {
    let emulator = Emulator::start().await.unwrap();
    let mut query = "name".to_owned();
    for _ in 0..10 {
        query = format!("fields {{ type {{ {query} }} }}");
    }
    let response = call(
        &emulator,
        &format!("{{ __schema {{ types {{ {query} }} }} }}"),
        json!({}),
    )
    .await;
    assert_eq!(response.messages().len(), 1, "{}", response.text);
    assert!(response.body.get("data").is_none());
}

#[tokio::test]
async fn a_backend_can_be_an_sdl_of_ones_own() {
    let sdl = "
        schema { query: Reads mutation: Writes }
        type Reads { dinoaiAgentRun(agentSessionId: String!): Session }
        type Writes { triggerDinoaiAgentRun(message: String): Started! renamed: Int }
        type Started { ok: Boolean! agentSessionId: String! }
        type Session { status: State! cost: Float owner: String! messages: [Said!] }
        type Said { role: String! }
        enum State { QUEUED }";
    let emulator = Emulator::builder()
        .backend(Backend::sdl(sdl))
        .start()
        .await
        .unwrap();
    let query = "mutation { triggerDinoaiAgentRun(message: \"x\") { agentSessionId } }";
    let id = call(&emulator, query, json!({})).await.root()["agentSessionId"].clone();
    let query = "query ($id: String!) {
        dinoaiAgentRun(agentSessionId: $id) { __typename status cost messages { __typename role } }
    }";
    call(&emulator, query, json!({ "id": id })).await;
    let response = call(&emulator, query, json!({ "id": id })).await;
    assert_eq!(
        response.root(),
        &json!({
            "__typename": "Session", "status": "RUNNING", "cost": null,
            "messages": [{ "__typename": "Said", "role": "user" }],
        })
    );
    let query = "query ($id: String!) { dinoaiAgentRun(agentSessionId: $id) { owner } }";
    let response = call(&emulator, query, json!({ "id": id })).await;
    assert_eq!(response.root(), &Value::Null);
    assert_eq!(
        response.body["errors"][0]["path"],
        json!(["dinoaiAgentRun", "owner"])
    );
    let response = call(&emulator, "mutation { renamed }", json!({})).await;
    assert_eq!(response.body, json!({ "data": { "renamed": null } }));
}

#[tokio::test]
async fn an_sdl_that_is_no_schema_is_an_error_at_the_start() {
    for sdl in [
        "",
        "type Query {",
        "type Query { a: Missing }",
        "{ a }",
        "type A { b: Int }",
    ] {
        let started = Emulator::builder().backend(Backend::sdl(sdl)).start().await;
        assert!(matches!(started, Err(Error::Sdl(_))), "{sdl}");
    }
}
