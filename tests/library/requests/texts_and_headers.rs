//! Texts arrive as they were given, and every request has its headers.

use std::io::Write;

use dinoai::{Client, Credentials, TriggerRun};
use flate2::Compression;
use flate2::write::GzEncoder;
use httpmock::MockServer;
use serde_json::json;

use crate::requests::api::{Api, PATH, answer, body, header, headers, key_and_secret};

#[tokio::test]
async fn texts_arrive_as_they_were_given() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let text =
        "  a \"quoted\" \\ backslash,\r\n\ta tab, \u{0}, \u{7f}, \u{2028}, ü, 漢字, 🦕 $agent  ";
    let request = TriggerRun::agent(text)
        .with_message(text)
        .with_slack(text, text)
        .with_base_branch(text)
        .with_model_family(text);
    client.trigger_run(request).await.unwrap();
    assert_eq!(
        body(&api.only_request())["variables"],
        json!({
            "agent": text,
            "message": text,
            "slack": { "channel": text, "threadTs": text },
            "baseBranch": text,
            "modelFamily": text,
        })
    );
}

#[tokio::test]
async fn each_kind_of_credentials_has_its_headers() {
    let mut sent = vec![];
    for (kind, credentials) in [
        ("key and secret", key_and_secret()),
        (
            "key and secret, with a workspace",
            key_and_secret().with_workspace_uid("workspace-of-the-test"),
        ),
        (
            "workspace token",
            Credentials::workspace_token("prdm_wsp_token-of-the-test"),
        ),
        (
            "workspace token, with a workspace",
            Credentials::workspace_token("prdm_wsp_token-of-the-test")
                .with_workspace_uid("workspace-of-the-test"),
        ),
        (
            "company token",
            Credentials::company_token("prdm_cmp_token-of-the-test", "workspace-of-the-test"),
        ),
    ] {
        let api = Api::start().await;
        let client = api.client().credentials(credentials).build().unwrap();
        client.get_run("xwzdneft6emspe0f").await.unwrap();
        sent.push(format!("{kind}\n{}", headers(&api.only_request())));
    }
    insta::assert_snapshot!(sent.join("\n"));
}

#[tokio::test]
async fn every_operation_sends_the_same_headers() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let id = "xwzdneft6emspe0f";
    client.get_run(id).await.unwrap();
    client.stop_run(id).await.unwrap();
    client.send_message(id, "Go on.").await.unwrap();
    client
        .trigger_run_and_wait(TriggerRun::agent("a").with_base_branch("b"))
        .await
        .unwrap();
    let requests = api.requests();
    assert_eq!(requests.len(), 6);
    for request in &requests {
        assert_eq!(headers(request), headers(&requests[0]));
    }
}

#[tokio::test]
async fn graphql_over_http_is_asked_for() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client.get_run("xwzdneft6emspe0f").await.unwrap();
    assert_eq!(
        header(&api.only_request(), "accept"),
        "application/graphql-response+json, application/json;q=0.9"
    );
}

#[tokio::test]
async fn a_user_agent_suffix_follows_the_librarys_name() {
    let api = Api::start().await;
    let client = api
        .client()
        .user_agent_suffix("nightly-checks/1.4")
        .build()
        .unwrap();
    client.get_run("xwzdneft6emspe0f").await.unwrap();
    let expected = concat!("dinoai/", env!("CARGO_PKG_VERSION"), " nightly-checks/1.4");
    assert_eq!(header(&api.only_request(), "user-agent"), expected);
}

#[tokio::test]
async fn a_compressed_answer_is_read() {
    let mut gzip = GzEncoder::new(vec![], Compression::default());
    gzip.write_all(answer("DinoaiAgentRun").to_string().as_bytes())
        .unwrap();
    let compressed = gzip.finish().unwrap();
    let server = MockServer::start_async().await;
    let mock = server
        .mock_async(|when, then| {
            when.header("accept-encoding", "gzip");
            then.status(200)
                .header("content-type", "application/json")
                .header("content-encoding", "gzip")
                .body(&compressed[..]);
        })
        .await;
    let client = Client::new(server.url(PATH), key_and_secret()).unwrap();
    let run = client.get_run("xwzdneft6emspe0f").await.unwrap();
    assert_eq!(run.answer(), Some("All **good**."));
    assert_eq!(mock.calls(), 1);
}
