//! A probe says whether the credentials may read, and what the server's clock says.

use std::time::{Duration, SystemTime};

use dinoai::{Access, Client, Credentials, Error};
use dinoai_emulator::{Backend, Capability, Emulator, Quirks};
use serde_json::json;

use super::{backend, probe};
use crate::support::emulated::client_with;
use crate::support::fault_server::{FaultServer, Reply};

#[tokio::test]
async fn a_key_that_may_read_is_found_by_reading_no_run() {
    for quirks in [
        Quirks::new(),
        Quirks::new().without_capability(Capability::Trigger),
    ] {
        let emulator = backend(Backend::Current, quirks).await;
        let features = probe(&emulator).await;
        assert!(matches!(features.read, Access::Granted), "{features:?}");
    }
    let quirks = Quirks::new().without_capability(Capability::Read);
    let emulator = backend(Backend::Current, quirks).await;
    let features = probe(&emulator).await;
    assert!(
        matches!(features.read, Access::Refused { .. }),
        "{features:?}"
    );
    assert!(features.trigger_run.is_supported());
}

#[tokio::test]
async fn wrong_credentials_are_refused_for_everything() {
    let emulator = Emulator::builder().start().await.unwrap();
    let client = client_with(&emulator, Credentials::key_and_secret("wrong", "wrong"));
    let features = client.probe().await.unwrap();
    assert!(
        matches!(features.read, Access::Refused { .. }),
        "{features:?}"
    );
    assert!(
        features
            .iter()
            .all(|feature| !feature.support.is_supported())
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_asked_nothing_more() {
    let credentials = Credentials::key_and_secret("key", "secret");
    let client = Client::new("http://127.0.0.1:9/graphql", credentials).unwrap();
    let retry = dinoai::Retry::none();
    let error = client.probe().retry(retry).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");

    // Without a workspace nothing is read, and the first document shows it.
    let credentials = Credentials::company_token_without_workspace("prdm_cmp_x");
    let client = Client::new("http://127.0.0.1:9/graphql", credentials).unwrap();
    let retry = dinoai::Retry::none();
    let error = client.probe().retry(retry).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");

    let server = FaultServer::scripted(|_| Reply::ResetAfter).await;
    let (client, _) = server.client();
    let error = client.probe().await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert!(
        server
            .operations()
            .iter()
            .all(|name| name == "DinoaiAgentRunStatus")
    );
}

#[tokio::test]
async fn each_answer_to_the_read_means_something_else() {
    let errors = |code: &str| {
        let error =
            json!({ "message": "no", "path": ["dinoaiAgentRun"], "extensions": { "code": code } });
        json!([error])
    };
    for (body, name) in [
        (
            json!({ "data": null, "errors": errors("NOT_FOUND") }),
            "Granted",
        ),
        (
            json!({ "data": null, "errors": [{ "message": "No such session" }] }),
            "NotChecked",
        ),
        (
            json!({ "data": null, "errors": errors("FORBIDDEN") }),
            "Refused",
        ),
        (
            json!({ "data": { "dinoaiAgentRun": null }, "errors": errors("FORBIDDEN") }),
            "Refused",
        ),
        (
            json!({ "data": null, "errors": errors("SERVICE_UNAVAILABLE") }),
            "NotChecked",
        ),
        (
            json!({ "errors": [{ "message": "Syntax Error: Unexpected <EOF>." }] }),
            "NotChecked",
        ),
    ] {
        let said = body.clone();
        let server = FaultServer::scripted(move |_| Reply::json(200, &said)).await;
        let (client, _) = server.client();
        let features = client.probe().await.unwrap();
        let read = format!("{:?}", features.read);
        assert!(read.starts_with(name), "{body}: {read}");
    }
}

#[tokio::test]
async fn the_servers_clock_is_that_of_its_first_response() {
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let server = FaultServer::scripted(move |_| {
        Reply::data(&json!({})).with_header("Date", httpdate::fmt_http_date(then))
    })
    .await;
    let (client, _) = server.client();
    assert_eq!(client.probe().await.unwrap().server_time, Some(then));
}
