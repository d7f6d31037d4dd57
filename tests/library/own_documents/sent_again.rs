//! A query of the user's own is sent again like a read; a mutation as its caller says.

use dinoai::graphql::RetrySafety;
use dinoai::graphql_client::{self, GraphQLQuery};
use dinoai::{Error, Obstacle};
use serde_json::json;

use super::{LastWords, of_run};
use crate::support::fault_server::{FaultServer, Reply, SESSION};

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "tests/library/own_documents/halt.graphql",
    response_derives = "Debug"
)]
struct Halt;

fn halted() -> Reply {
    Reply::data(&json!({ "stopDinoaiAgentRun": { "status": "stopped" } }))
}

fn found() -> Reply {
    let run = json!({ "messages": [], "workspace": "w" });
    Reply::data(&json!({ "dinoaiAgentRun": run }))
}

fn of(id: &str) -> halt::Variables {
    halt::Variables { id: id.to_owned() }
}

/// What comes after the body has left, and is worth another attempt of a read.
fn lost() -> [Reply; 5] {
    [
        Reply::ResetAfter,
        Reply::CutBody,
        Reply::unavailable("0"),
        Reply::html(502),
        Reply::html(408),
    ]
}

#[tokio::test]
async fn a_query_is_sent_again() {
    for reply in lost().into_iter().chain([Reply::too_many_requests("1")]) {
        let server = FaultServer::start([reply.clone(), found()]).await;
        let (client, _) = server.client();
        let response = client.execute::<LastWords>(of_run(SESSION)).await.unwrap();
        let run = response.data.dinoai_agent_run.unwrap();
        assert_eq!(
            (run.workspace.as_str(), server.arrived()),
            ("w", 2),
            "{reply:?}"
        );
    }
}

#[tokio::test]
async fn an_idempotent_mutation_is_sent_again() {
    for reply in lost().into_iter().chain([Reply::too_many_requests("1")]) {
        let server = FaultServer::start([reply.clone(), halted()]).await;
        let (client, _) = server.client();
        let call = client.execute_mutation::<Halt>(of(SESSION), RetrySafety::Idempotent);
        let halted = call.await.unwrap().data.stop_dinoai_agent_run.unwrap();
        assert_eq!(
            (halted.status.as_str(), server.arrived()),
            ("stopped", 2),
            "{reply:?}"
        );
    }
}

#[tokio::test]
async fn an_idempotent_mutation_that_fails_names_the_run_of_its_response() {
    let named = json!({ "stopDinoaiAgentRun": { "status": [], "agentSessionId": "of-it" } });
    let cut = r#"{"data":{"stopDinoaiAgentRun":{"agentSessionId":"of-it","st"#;
    for reply in [Reply::data(&named), Reply::cut(200, cut)] {
        let server = FaultServer::scripted({
            let reply = reply.clone();
            move |_| reply.clone()
        })
        .await;
        let (client, _) = server.client();
        let call = client.execute_mutation::<Halt>(of(SESSION), RetrySafety::Idempotent);
        let error = call.await.unwrap_err();
        let id = error.session_id().map(ToString::to_string);
        assert_eq!(id.as_deref(), Some("of-it"), "{reply:?}: {error:?}");
    }
}

#[tokio::test]
async fn any_other_mutation_is_not_and_its_outcome_is_unknown() {
    for reply in lost() {
        let server = FaultServer::start([reply.clone(), halted()]).await;
        let (client, _) = server.client();
        let call = client.execute_mutation::<Halt>(of(SESSION), RetrySafety::Never);
        let error = call.await.unwrap_err();
        assert!(
            matches!(error, Error::OutcomeUnknown { .. }),
            "{reply:?}: {error:?}"
        );
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(server.arrived(), 1);
        let text = error.to_string();
        assert!(
            text.starts_with("the mutation Halt was sent but its outcome is unknown"),
            "{text}"
        );
    }
    let server = FaultServer::start([Reply::too_many_requests("1"), halted()]).await;
    let (client, _) = server.client();
    client
        .execute_mutation::<Halt>(of(SESSION), RetrySafety::Never)
        .await
        .unwrap();
    assert_eq!(server.arrived(), 2);
}

#[tokio::test]
async fn a_closed_client_sends_what_does_no_harm_alone() {
    let server = FaultServer::start([found(), halted()]).await;
    let (client, _) = server.client();
    client.close();
    client.execute::<LastWords>(of_run(SESSION)).await.unwrap();
    client
        .execute_mutation::<Halt>(of(SESSION), RetrySafety::Idempotent)
        .await
        .unwrap();
    let call = client.execute_mutation::<Halt>(of(SESSION), RetrySafety::Never);
    let error = call.await.unwrap_err();
    let is_right = matches!(
        error,
        Error::NotSent {
            obstacle: Obstacle::Closed,
            ..
        }
    );
    assert!(is_right && !error.may_have_started(), "{error:?}");
    assert_eq!(server.arrived(), 2);
}

#[tokio::test]
async fn a_value_of_any_kind_beside_429_is_not_sent_again() {
    let text =
        |body: &str| Reply::text(429, "application/json", body).with_header("Retry-After", "1");
    for reply in [
        text(r#"{"data":[{"stopDinoaiAgentRun":{"ok":true}}]}"#),
        text(r#"{"data":"{\"stopDinoaiAgentRun\":1}"}"#),
        text(r#"{"result":{"stopDinoaiAgentRun":{"ok":true}}}"#),
        text(r#"{"result":{"stopDinoaiAgentRun" : true}}"#),
        text(r#"{"result":{"stopDinoaiAgentR\u0075n":true}}"#),
        text(r#"{"result":{"stopDinoaiAgentRun":tr"#),
        text(r#""stopDinoaiAgentRun":{"ok":true"#),
        // Beside the parts of a GraphQL response.
        text(r#"{"data":null,"stopDinoaiAgentRun":{"ok":true}}"#),
        text(r#"{"errors":[],"stopDinoaiAgentRun":{"ok":true}}"#),
        text(
            r#"{"errors":[{"message":"a"}],"extensions":{"a":[{"stopDinoaiAgentRun":{"ok":true}}]}}"#,
        ),
        text(r#"{"errors":[{"message":"a","extensions":{"stopDinoaiAgentRun":{"ok":true}}}]}"#),
    ] {
        let server = FaultServer::start([reply.clone(), halted()]).await;
        let (client, _) = server.client();
        let call = client.execute_mutation::<Halt>(of(SESSION), RetrySafety::Never);
        let error = call.await.unwrap_err();
        assert!(error.may_have_started(), "{reply:?}: {error:?}");
        assert_eq!(server.arrived(), 1, "{reply:?}");
    }
    for body in [
        r#"{"stopDinoaiAgentRun":null}"#,
        r#"{"data":{"stopDinoaiAgentRun":null}}"#,
        r#"{"data":{"stopDinoaiAgentRun":null},"errors":[{"message":"slow down"}]}"#,
        "slow down",
        r#"slow down: "stopDinoaiAgentRun": 5"#,
        "{}",
        r#"{"errors":[{"message":"a"}],"extensions":{"cost":{"stopDinoaiAgentRun":5}}}"#,
        r#"{"errors":[{"message":"a","extensions":{"stopDinoaiAgentRun":5}}]}"#,
    ] {
        let server = FaultServer::start([text(body), halted()]).await;
        let (client, _) = server.client();
        let call = client.execute_mutation::<Halt>(of(SESSION), RetrySafety::Never);
        call.await.unwrap();
        assert_eq!(server.arrived(), 2, "{body}");
    }
}

#[tokio::test]
async fn data_without_a_value_beside_refused_credentials_is_no_response() {
    for status in [401, 403] {
        let error = json!([{ "message": "no", "extensions": { "code": "FORBIDDEN" } }]);
        let body = json!({ "data": { "stopDinoaiAgentRun": null }, "errors": error });
        for safety in [RetrySafety::Idempotent, RetrySafety::Never] {
            let server = FaultServer::start([Reply::json(status, &body)]).await;
            let (client, _) = server.client();
            let error = client.execute_mutation::<Halt>(of(SESSION), safety).await;
            let error = error.unwrap_err();
            assert!(
                matches!(error, Error::Unauthorized { .. }),
                "{status}: {error:?}"
            );
            assert!(!error.may_have_started(), "{error:?}");
        }
        // Its place says that it was executed.
        let error = json!([{ "message": "no", "path": ["stopDinoaiAgentRun"] }]);
        let body = json!({ "data": { "stopDinoaiAgentRun": null }, "errors": error });
        let server = FaultServer::start([Reply::json(status, &body)]).await;
        let (client, _) = server.client();
        let call = client.execute_mutation::<Halt>(of(SESSION), RetrySafety::Never);
        let error = call.await.unwrap_err();
        assert!(error.may_have_started(), "{error:?}");
    }
}
