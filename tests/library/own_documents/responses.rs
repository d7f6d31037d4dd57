//! What a query of the user's own is answered with: data that is an object, with the errors beside it,
//! or an error.

use dinoai::{Error, Result};
use serde_json::{Value, json};

use super::{LastWords, of_run};
use crate::own_documents::last_words;
use crate::support::fault_server::{FaultServer, Reply, SESSION, client};
use dinoai::graphql::Response;

type Answer = Result<Response<last_words::ResponseData>>;

async fn answered(reply: Reply) -> (Answer, usize) {
    let server = FaultServer::scripted(move |_| reply.clone()).await;
    let (client, _) = server.client();
    let answer = client.execute::<LastWords>(of_run(SESSION)).await;
    (answer, server.arrived())
}

/// The answer to what is sent once.
async fn read(status: u16, body: Value) -> Answer {
    let (answer, sent) = answered(Reply::json(status, &body)).await;
    assert_eq!(sent, 1, "{answer:?}");
    answer
}

fn run(ts: Value) -> Value {
    json!({ "messages": [{ "ts": ts }], "workspace": "w" })
}

#[tokio::test]
async fn data_that_is_an_object_is_returned_with_the_errors_beside_it() {
    let error = json!({ "message": "It broke.", "path": ["dinoaiAgentRun"] });
    for status in [200, 201, 294, 400, 503] {
        let whole = json!({ "data": { "dinoaiAgentRun": run(json!(1.5)) } });
        let response = read(status, whole).await.unwrap();
        let run = response.data.dinoai_agent_run.unwrap();
        assert_eq!((run.messages[0].ts, run.workspace.as_str()), (1.5, "w"));
        assert!(response.errors.is_empty());

        let part = json!({ "data": { "dinoaiAgentRun": null }, "errors": [error, error] });
        let response = read(status, part).await.unwrap();
        assert!(response.data.dinoai_agent_run.is_none());
        assert_eq!(response.errors.len(), 2);
        assert_eq!(response.errors[0].message, "It broke.");
    }
    // No error says why: it is for the program to judge.
    let null = json!({ "data": { "dinoaiAgentRun": null } });
    assert!(read(200, null).await.unwrap().errors.is_empty());
}

#[tokio::test]
async fn no_data_is_an_error() {
    let error = json!([{ "message": "No such thing." }]);
    for (body, is_right) in [
        (
            json!({ "data": null, "errors": error }),
            (|error| matches!(error, Error::GraphQl { .. })) as fn(&Error) -> bool,
        ),
        (json!({ "errors": error }), |error| {
            matches!(error, Error::GraphQl { .. })
        }),
        (json!({ "data": null }), |error| {
            matches!(error, Error::Decode { .. })
        }),
        (json!({ "data": [run(json!(1))] }), |error| {
            matches!(error, Error::Decode { .. })
        }),
        (json!({ "data": 7, "errors": error }), |error| {
            matches!(error, Error::GraphQl { .. })
        }),
        (json!({ "data": 7 }), |error| {
            matches!(error, Error::Decode { .. })
        }),
        (
            json!({ "errors": [{ "message": "Cannot query field \"messages\" on type \"Run\"." }] }),
            |error| {
                let advice = "does not know messages; check the document";
                matches!(error, Error::Unsupported { .. }) && error.to_string().contains(advice)
            },
        ),
    ] {
        let error = read(200, body.clone()).await.unwrap_err();
        let text = error.to_string();
        assert!(is_right(&error), "{body}: {error:?}");
        assert!(text.starts_with("the query LastWords "), "{text}");
        assert!(!error.may_have_started());
    }
}

#[tokio::test]
async fn a_response_that_is_not_what_the_types_say_is_named_by_its_place() {
    let body = json!({ "data": { "dinoaiAgentRun": run(json!(["canary"])) } });
    let error = read(200, body).await.unwrap_err();
    let Error::Decode { path, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(path, "data.dinoaiAgentRun.messages[0].ts");
    assert!(!error.to_string().contains("canary"));
}

#[tokio::test]
async fn a_run_is_read_as_leniently_as_by_the_library() {
    let body = json!({ "data": { "dinoaiAgentRun": run(json!("1714142436.0012")) } });
    let run = read(200, body)
        .await
        .unwrap()
        .data
        .dinoai_agent_run
        .unwrap();
    assert_eq!(run.messages[0].ts, 1_714_142_436.001_2);
    let body = json!({ "data": { "dinoaiAgentRun": { "messages": null, "workspace": "w" } } });
    let run = read(200, body)
        .await
        .unwrap()
        .data
        .dinoai_agent_run
        .unwrap();
    assert!(run.messages.is_empty());
}

#[tokio::test]
async fn refused_credentials_and_pages_of_proxies_are_what_they_are_for_every_call() {
    let (answer, sent) = answered(Reply::json(401, &json!({ "detail": "no" }))).await;
    assert!(
        matches!(answer, Err(Error::Unauthorized { .. })),
        "{answer:?}"
    );
    assert_eq!(sent, 1);
    let (answer, sent) = answered(Reply::html(404)).await;
    assert!(matches!(answer, Err(Error::Http { .. })), "{answer:?}");
    assert_eq!(sent, 1);
}

#[tokio::test]
async fn a_response_has_the_limit_of_every_call() {
    let long =
        json!({ "data": { "dinoaiAgentRun": { "messages": [], "workspace": "w".repeat(8192) } } });
    let server = FaultServer::scripted(move |_| Reply::json(200, &long)).await;
    let (client, _) = client(&server.endpoint(), |builder| builder.response_limit(4096));
    let error = client
        .execute::<LastWords>(of_run(SESSION))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::ResponseTooLarge { limit: 4096, .. }),
        "{error:?}"
    );
}
