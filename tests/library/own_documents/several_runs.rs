//! A mutation of the user's own may start several runs: none of their ids is lost.

use dinoai::graphql::RetrySafety;
use dinoai::graphql_client::{self, GraphQLQuery};
use dinoai::{Error, SessionId};
use serde_json::json;

use crate::support::fault_server::{FaultServer, Reply};

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "tests/library/own_documents/start_two.graphql",
    response_derives = "Debug"
)]
struct StartTwo;

/// The error of a response that cannot be read, or was cut.
async fn error(reply: Reply) -> Error {
    let server = FaultServer::scripted(move |_| reply.clone()).await;
    let (client, _) = server.client();
    let variables = start_two::Variables;
    let call = client.execute_mutation::<StartTwo>(variables, RetrySafety::Never);
    let error = call.await.unwrap_err();
    assert_eq!(server.arrived(), 1, "{error:?}");
    error
}

/// Both ids, the first as that of the error, and in what it says.
fn names_both(error: &Error) {
    let first = SessionId::new("first-run").unwrap();
    let second = SessionId::new("second-run").unwrap();
    assert!(error.may_have_started(), "{error:?}");
    assert_eq!(error.session_id(), Some(&first), "{error:?}");
    let (Error::Decode { call, .. } | Error::OutcomeUnknown { call, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(call.further_ids, [second], "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("first-run") && text.contains("second-run"),
        "{text}"
    );
}

#[tokio::test]
async fn an_error_names_every_run_of_a_mutation_that_starts_several() {
    let started = |id: &str| json!({ "ok": true, "agentSessionId": id, "status": "queued" });
    // The second cannot be read.
    let mut unreadable =
        json!({ "data": { "first": started("first-run"), "second": started("second-run") } });
    unreadable["data"]["second"]["ok"] = json!([]);
    let error_of = error(Reply::json(200, &unreadable)).await;
    assert!(matches!(error_of, Error::Decode { .. }), "{error_of:?}");
    names_both(&error_of);

    // A proxy's page around both; the first twice.
    let page = format!("oops: {unreadable} {unreadable}");
    let error_of = error(Reply::text(502, "text/html", page)).await;
    assert!(
        matches!(error_of, Error::OutcomeUnknown { .. }),
        "{error_of:?}"
    );
    names_both(&error_of);

    // A response that breaks off.
    let whole = unreadable.to_string();
    names_both(&error(Reply::cut(200, whole.trim_end_matches('}'))).await);
}
