//! The library's own documents, and the same ones as a user's, are sent as often, and a value, or what is no
//! answer, means the same of both. Null at the root, `ok: false` and errors beside data do not: of its own
//! documents the library knows what these say.

use dinoai::graphql::RetrySafety;
use dinoai::graphql_client::{self, GraphQLQuery};
use dinoai::{Client, Error, Result, RunStatus as DinoAiAgentRunStatus, TriggerRun};
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

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "graphql/trigger_dinoai_agent_run.graphql"
)]
struct TriggerDinoaiAgentRun;

/// What a program decides by: the variant, and what the error answers.
fn shape(error: &Error) -> String {
    let variant = format!("{error:?}");
    let (variant, _) = variant.split_once([' ', '{', '(']).unwrap();
    format!(
        "{variant}, may have started {}, about {:?}, retryable {}, after {:?}",
        error.may_have_started(),
        match error.may_have_started() {
            true => error.session_id(),
            // The library knows which run it reads.
            false => None,
        },
        error.is_retryable(),
        error.retry_after(),
    )
}

/// What comes of a call of the library where everything is answered with this, and how often it is sent. It is
/// the same of the call with the document as the user's own.
async fn said_to_both(
    reply: &Reply,
    ours: impl AsyncFn(Client) -> Result<String>,
    yours: impl AsyncFn(Client) -> Result<String>,
) -> (String, usize) {
    let server = async || {
        let reply = reply.clone();
        FaultServer::scripted(move |_| reply.clone()).await
    };
    let (our_server, your_server) = (server().await, server().await);
    let ours = ours(our_server.client().0).await;
    let yours = yours(your_server.client().0).await;
    let said = |result: Result<String>| result.unwrap_or_else(|error| shape(&error));
    let (ours, yours) = (said(ours), said(yours));
    let (sent, sent_by_you) = (our_server.arrived(), your_server.arrived());
    assert_eq!((&yours, sent_by_you), (&ours, sent), "{reply:?}");
    (ours, sent)
}

/// The same of a read, of a list and of a stop.
async fn said(reply: &Reply) -> [(String, usize); 3] {
    let run = said_to_both(
        reply,
        async |client| {
            let run = client.get_run(SESSION).await?;
            Ok(format!("{} {}", run.status, run.messages.len()))
        },
        async |client| {
            let id = SESSION.to_owned();
            let variables = dinoai_agent_run::Variables { id };
            let response = client.execute::<DinoaiAgentRun>(variables).await?;
            let run = response.data.dinoai_agent_run.unwrap();
            Ok(format!("{} {}", run.status, run.messages.len()))
        },
    );
    let list = said_to_both(
        reply,
        async |client| {
            let listed = client.list_workspaces().await?;
            Ok(format!("{} workspaces", listed.len()))
        },
        async |client| {
            let variables = list_workspaces::Variables {};
            let response = client.execute::<ListWorkspaces>(variables).await?;
            let listed = response.data.list_workspaces.unwrap();
            Ok(format!("{} workspaces", listed.workspaces.len()))
        },
    );
    let stop = said_to_both(
        reply,
        async |client| Ok(client.stop_run(SESSION).await?.status),
        async |client| {
            let agent_session_id = SESSION.to_owned();
            let variables = stop_dinoai_agent_run::Variables { agent_session_id };
            let safety = RetrySafety::Idempotent;
            let call = client.execute_mutation::<StopDinoaiAgentRun>(variables, safety);
            Ok(call.await?.data.stop_dinoai_agent_run.unwrap().status)
        },
    );
    [run.await, list.await, stop.await]
}

fn data() -> Value {
    json!({
        "dinoaiAgentRun": {
            "ok": true, "status": "completed", "agentSessionId": SESSION, "workspaceUid": "w",
            "messages": [{ "ts": "1.5", "role": "user", "content": "x" }], "childSessionIds": null,
        },
        "listWorkspaces": { "workspaces": [{ "uid": "w", "name": "x" }] },
        "stopDinoaiAgentRun": { "ok": true, "status": "stopped" },
        "triggerDinoaiAgentRun": { "ok": true, "status": null, "agentSessionId": SESSION },
    })
}

#[tokio::test]
async fn what_may_be_sent_again_is_so_as_often_and_comes_to_the_same() {
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
        let said = said(&reply).await;
        for ((said, sent), (expected, times)) in said.iter().zip(expected) {
            assert!(
                said.starts_with(expected),
                "{said} is not {expected}: {reply:?}"
            );
            assert_eq!(*sent, times, "{said}");
        }
    }
}

#[tokio::test]
async fn what_starts_a_run_does_so_once_and_comes_to_the_same() {
    let error =
        |message: &str, code: &str| json!({ "message": message, "extensions": { "code": code } });
    let whole = json!({ "data": data() });
    let begun = format!(r#"{{"data":{{"triggerDinoaiAgentRun":{{"agentSessionId":"{SESSION}""#);
    let (unknown, refused) = ("may have started true", "may have started false");
    for (reply, variant, started, times) in [
        (Reply::json(200, &whole), SESSION, "", 1),
        (Reply::json(429, &whole), SESSION, "", 1),
        (Reply::json(503, &whole), SESSION, "", 1),
        (
            Reply::json(200, &json!({ "data": [data()] })),
            "OutcomeUnknown",
            unknown,
            1,
        ),
        (
            Reply::json(200, &json!({ "data": null })),
            "OutcomeUnknown",
            unknown,
            1,
        ),
        (
            Reply::json(
                200,
                &json!({ "data": { "triggerDinoaiAgentRun": { "ok": true } } }),
            ),
            "Decode",
            unknown,
            1,
        ),
        (Reply::cut(200, &begun), "OutcomeUnknown", unknown, 1),
        (
            Reply::text(400, "text/plain", begun),
            "OutcomeUnknown",
            unknown,
            1,
        ),
        (
            Reply::errors(200, &json!([error("m", "INTERNAL_SERVER_ERROR")])),
            "OutcomeUnknown",
            unknown,
            1,
        ),
        (
            Reply::errors(400, &json!([error("m", "THROTTLED")])),
            "OutcomeUnknown",
            unknown,
            1,
        ),
        (
            Reply::errors(400, &json!([error("m", "UNAUTHENTICATED")])),
            "Unauthorized",
            refused,
            1,
        ),
        (
            Reply::errors(
                400,
                &json!([error(
                    "Unknown argument \"x\" on field \"Y.z\".",
                    "GRAPHQL_VALIDATION_FAILED"
                )]),
            ),
            "Unsupported",
            refused,
            1,
        ),
        (Reply::too_many_requests("1"), "RateLimited", refused, 4),
        (Reply::html(404), "Http", refused, 1),
        (Reply::html(200), "OutcomeUnknown", unknown, 1),
        (Reply::html(502), "OutcomeUnknown", unknown, 1),
        (Reply::CutBody, "OutcomeUnknown", unknown, 1),
        (Reply::ResetAfter, "OutcomeUnknown", unknown, 1),
    ] {
        let ours = async |client: Client| {
            let accepted = client.trigger_run(TriggerRun::message("m")).await?;
            Ok(accepted.session_id.to_string())
        };
        let yours = async |client: Client| {
            let variables = trigger_dinoai_agent_run::Variables {
                agent: None,
                message: Some("m".to_owned()),
                slack: None,
            };
            let call =
                client.execute_mutation::<TriggerDinoaiAgentRun>(variables, RetrySafety::Never);
            Ok(call
                .await?
                .data
                .trigger_dinoai_agent_run
                .unwrap()
                .agent_session_id)
        };
        let (said, sent) = said_to_both(&reply, ours, yours).await;
        assert!(
            said.starts_with(variant),
            "{said} is not {variant}: {reply:?}"
        );
        assert!(said.contains(started), "{said} is not {started}: {reply:?}");
        assert_eq!(sent, times, "{said}");
    }
}
