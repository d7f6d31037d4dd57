//! What a document of the user's own is answered with is the server's: no value is made up, and no error
//! beside the data is lost.

use dinoai::graphql::RetrySafety;
use dinoai::graphql_client::{self, GraphQLQuery};
use dinoai::{Error, SessionId};
use serde_json::{Value, json};

use super::{Start, start};
use crate::support::fault_server::{FaultServer, Reply, SESSION};

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "examples/graphql/workspace_of_run.graphql",
    response_derives = "Debug"
)]
struct WorkspaceOfRun;

/// What a query is answered with, and how often it is sent.
async fn read(status: u16, body: Value) -> (Result<String, Error>, usize) {
    let server = FaultServer::scripted(move |_| Reply::json(status, &body)).await;
    let (client, _) = server.client();
    let variables = workspace_of_run::Variables {
        id: SESSION.to_owned(),
    };
    let answer = client.execute::<WorkspaceOfRun>(variables).await;
    let workspace = answer.map(|it| it.data.dinoai_agent_run.unwrap().workspace_uid);
    (workspace, server.arrived())
}

/// What a trigger is answered with; it is sent once.
async fn triggered(body: Value) -> Result<String, Error> {
    let server = FaultServer::scripted(move |_| Reply::json(200, &body)).await;
    let (client, _) = server.client();
    let variables = start::Variables {
        agent: "a".to_owned(),
    };
    let call = client.execute_mutation::<Start>(variables, RetrySafety::Never);
    let started = call.await.map(|response| format!("{:?}", response.data));
    assert_eq!(server.arrived(), 1, "{started:?}");
    started
}

fn failed(code: &str) -> Value {
    let path = ["dinoaiAgentRun", "workspaceUid"];
    json!([{ "message": "It broke.", "path": path, "extensions": { "code": code } }])
}

#[tokio::test]
async fn null_for_what_is_never_null_is_an_error_with_those_of_the_server() {
    let data = json!({ "dinoaiAgentRun": { "workspaceUid": null } });
    let (answer, sent) = read(200, json!({ "data": data, "errors": failed("OTHER") })).await;
    let Err(Error::GraphQl {
        errors,
        data: kept,
        executed: true,
        ..
    }) = answer
    else {
        panic!("{answer:?}")
    };
    assert_eq!(
        (&*errors[0].message, kept, sent),
        ("It broke.", Some(data), 1)
    );

    // One that says it is for now is sent again.
    let data = json!({ "dinoaiAgentRun": { "workspaceUid": null } });
    let body = json!({ "data": data, "errors": failed("SERVICE_UNAVAILABLE") });
    let (answer, sent) = read(200, body).await;
    assert!(answer.is_err() && sent > 1, "{answer:?}, {sent}");

    // Without an error the types say what is wrong.
    let (answer, _) = read(200, json!({ "data": { "dinoaiAgentRun": {} } })).await;
    assert!(matches!(answer, Err(Error::Decode { .. })), "{answer:?}");
}

#[tokio::test]
async fn what_a_mutation_did_not_say_is_not_taken_for_a_refusal() {
    let root = |ok: Value, id: Value, status: Value| {
        json!({ "data": { "triggerDinoaiAgentRun":
            { "ok": ok, "agentSessionId": id, "status": status } } })
    };
    for (answer, is_read_alone) in [
        (root(json!(null), json!("abc"), json!("queued")), false),
        (root(json!("no"), json!("abc"), json!("queued")), false),
        (root(json!(true), json!("abc"), json!({ "code": 1 })), false),
        // As the vendor's own clients read it.
        (root(json!(true), json!("abc"), json!(null)), true),
        (root(json!(false), json!(null), json!("queued")), true),
    ] {
        for errors in [None, Some(failed("OTHER"))] {
            let mut body = answer.clone();
            if let Some(errors) = errors {
                body["errors"] = errors;
            } else if is_read_alone {
                triggered(body).await.unwrap();
                continue;
            }
            let error = triggered(body.clone()).await.unwrap_err();
            let id = body["data"]["triggerDinoaiAgentRun"]["agentSessionId"].as_str();
            let id = id.map(|id| SessionId::new(id).unwrap());
            assert!(error.may_have_started(), "{body}: {error:?}");
            assert_eq!(error.session_id(), id.as_ref(), "{body}: {error:?}");
            let said = error.to_string().contains("It broke.");
            assert_eq!(said, body["errors"].is_array(), "{body}: {error}");
        }
    }
}
