//! The library's own documents, and the same ones as a user's, are one to the transport: whatever comes
//! back, they are sent as often, and what it means is the same.

use dinoai::graphql::RetrySafety;
use dinoai::graphql_client::{self, GraphQLQuery};
use dinoai::{Error, RunStatus as DinoAiAgentRunStatus};
use serde_json::{Value, json};

use crate::support::fault_server::{FaultServer, Reply, SESSION};

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "graphql/dinoai_agent_run.graphql",
    extern_enums("DinoAiAgentRunStatus")
)]
struct DinoaiAgentRun;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "graphql/list_workspaces.graphql"
)]
struct ListWorkspaces;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "graphql/stop_dinoai_agent_run.graphql"
)]
struct StopDinoaiAgentRun;

/// What a program decides by: the variant, and what the error answers.
fn shape(error: &Error) -> String {
    let variant = format!("{error:?}");
    let (variant, _) = variant.split_once([' ', '{', '(']).unwrap();
    format!(
        "{variant}, retryable {}, may have started {}, after {:?}",
        error.is_retryable(),
        error.may_have_started(),
        error.retry_after(),
    )
}

/// What comes of both, each with a server of its own, and how often each was sent.
async fn compare(reply: &Reply) -> [(String, usize); 3] {
    let server = async || {
        let reply = reply.clone();
        FaultServer::scripted(move |_| reply.clone()).await
    };
    let said = |result: Result<String, Error>| result.unwrap_or_else(|error| shape(&error));
    let (ours, yours) = (server().await, server().await);
    let ((our_client, _), (your_client, _)) = (ours.client(), yours.client());

    let run = our_client.get_run(SESSION).await;
    let run = said(run.map(|run| format!("{} {}", run.status, run.messages.len())));
    let run = (run, ours.arrived());
    let variables = dinoai_agent_run::Variables {
        id: SESSION.to_owned(),
    };
    let own_run = your_client.execute::<DinoaiAgentRun>(variables).await;
    let own_run = own_run.map(|response| response.data.dinoai_agent_run.unwrap());
    let own_run = said(own_run.map(|run| format!("{} {}", run.status, run.messages.len())));
    assert_eq!((own_run, yours.arrived()), run, "{reply:?}");

    let (ours, yours) = (server().await, server().await);
    let ((our_client, _), (your_client, _)) = (ours.client(), yours.client());
    let listed = our_client.list_workspaces().await;
    let listed = said(listed.map(|all| format!("{} workspaces", all.len())));
    let listed = (listed, ours.arrived());
    let own_listed = your_client
        .execute::<ListWorkspaces>(list_workspaces::Variables {})
        .await;
    let own_listed = own_listed.map(|response| response.data.list_workspaces.unwrap().workspaces);
    let own_listed = said(own_listed.map(|all| format!("{} workspaces", all.len())));
    assert_eq!((own_listed, yours.arrived()), listed, "{reply:?}");

    let (ours, yours) = (server().await, server().await);
    let ((our_client, _), (your_client, _)) = (ours.client(), yours.client());
    let stopped = our_client.stop_run(SESSION).await;
    let stopped = (said(stopped.map(|it| it.status)), ours.arrived());
    let variables = stop_dinoai_agent_run::Variables {
        agent_session_id: SESSION.to_owned(),
    };
    let own_stopped = your_client
        .execute_mutation::<StopDinoaiAgentRun>(variables, RetrySafety::Idempotent)
        .await;
    let own_stopped = own_stopped.map(|it| it.data.stop_dinoai_agent_run.unwrap().status);
    assert_eq!((said(own_stopped), yours.arrived()), stopped, "{reply:?}");

    [run, listed, stopped]
}

fn data() -> Value {
    json!({
        "dinoaiAgentRun": {
            "ok": true, "status": "completed", "agentSessionId": SESSION, "workspaceUid": "w",
            "messages": [{ "ts": "1.5", "role": "user", "content": "x" }], "childSessionIds": null,
        },
        "listWorkspaces": { "workspaces": [{ "uid": "w", "name": "x" }] },
        "stopDinoaiAgentRun": { "ok": true, "status": "stopped" },
    })
}

#[tokio::test]
async fn whatever_comes_back_means_the_same() {
    let error =
        |message: &str, code: &str| json!({ "message": message, "extensions": { "code": code } });
    let whole = json!({ "data": data() }).to_string();
    for (reply, expected) in [
        (
            Reply::data(&data()),
            [("COMPLETED 1", 1), ("1 workspaces", 1), ("stopped", 1)],
        ),
        // Strict or not, whatever the status.
        (
            Reply::json(503, &json!({ "data": data() })),
            [("COMPLETED 1", 1), ("1 workspaces", 1), ("stopped", 1)],
        ),
        (
            Reply::text(200, "text/plain", format!("\u{feff}{whole}")),
            [("COMPLETED 1", 1), ("1 workspaces", 1), ("stopped", 1)],
        ),
        (
            Reply::json(200, &json!({ "data": [data()] })),
            [("Decode", 1); 3],
        ),
        (
            Reply::data(
                &json!({ "dinoaiAgentRun": [], "listWorkspaces": {}, "stopDinoaiAgentRun": 7 }),
            ),
            [("Decode", 1); 3],
        ),
        (
            Reply::json(200, &json!({ "data": null })),
            [("Decode", 1); 3],
        ),
        (
            Reply::text(200, "application/json", format!("{whole}}}")),
            [("Decode", 1); 3],
        ),
        (
            Reply::text(200, "application/json", r#"{"data":{},"data":null}"#),
            [("Decode", 1); 3],
        ),
        (
            Reply::errors(200, &json!([error("m", "INTERNAL_SERVER_ERROR")])),
            [("GraphQl", 4); 3],
        ),
        (
            Reply::errors(200, &json!([error("m", "OTHER")])),
            [("GraphQl", 1); 3],
        ),
        (
            Reply::errors(400, &json!([error("m", "UNAUTHENTICATED")])),
            [("Unauthorized", 1); 3],
        ),
        (
            Reply::errors(400, &json!([error("m", "THROTTLED")])),
            [("RateLimited", 4); 3],
        ),
        (
            Reply::errors(
                400,
                &json!([error(
                    "Cannot query field \"x\" on type \"Y\".",
                    "GRAPHQL_VALIDATION_FAILED"
                )]),
            ),
            [("Unsupported", 1); 3],
        ),
        (Reply::too_many_requests("1"), [("RateLimited", 4); 3]),
        (Reply::too_many_requests("900"), [("RateLimited", 1); 3]),
        (
            Reply::json(401, &json!({ "data": data() })),
            [("Unauthorized", 1); 3],
        ),
        (Reply::unavailable("0"), [("Http", 4); 3]),
        (Reply::html(200), [("Http", 4); 3]),
        (Reply::html(404), [("Http", 1); 3]),
        (Reply::CutBody, [("Transport", 4); 3]),
        (Reply::ResetAfter, [("Transport", 4); 3]),
    ] {
        let said = compare(&reply).await;
        for ((said, sent), (expected, times)) in said.iter().zip(expected) {
            assert!(
                said.starts_with(expected),
                "{said} is not {expected}: {reply:?}"
            );
            assert_eq!(*sent, times, "{said}");
        }
    }
}
