//! What cannot be right is refused by name before anything is sent.

use std::fs;
use std::time::Duration;

use dinoai::{Client, Credentials, Error, Schedule, TriggerRun};
use httpmock::MockServer;

use crate::set_up::clients::{ENDPOINT, Home, KEY, SECRET, call, client, count, credentials};

#[tokio::test]
async fn bad_requests_are_refused_by_name_before_anything_is_sent() {
    let server = MockServer::start_async().await;
    let requests = count(&server).await;
    let client = client(&server).build().unwrap();

    for (case, error) in bad_requests(&client).await {
        assert!(
            matches!(error, Error::InvalidRequest { .. }),
            "{case}: {error:?}"
        );
        assert!(!error.is_retryable() && !error.may_have_started(), "{case}");
    }
    for (case, request) in bad_triggers() {
        let refusal = client
            .trigger_run(request.clone())
            .await
            .unwrap_err()
            .to_string();
        let start = client.start(request.clone()).await.unwrap_err();
        assert_eq!(start.to_string(), refusal, "{case}");
        let wait = client.trigger_run_and_wait(request).await.unwrap_err();
        assert_eq!(wait.to_string(), refusal, "{case}");
    }
    assert_eq!(requests.calls(), 0);

    client.get_run("session").await.unwrap_err();
    assert_eq!(requests.calls(), 1, "a good request is counted");
}

#[test]
fn bad_settings_are_refused_when_the_client_is_built() {
    for (case, error) in bad_settings() {
        assert!(
            matches!(error, Error::InvalidConfig { .. }),
            "{case}: {error:?}"
        );
        assert!(!error.is_retryable() && !error.may_have_started(), "{case}");
    }
}

#[test]
fn refusals_show_no_credential_and_no_path() {
    for (case, error) in bad_settings() {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("canary"), "{case}: {shown}");
    }
    for (case, text) in bad_environments() {
        assert!(!text.contains("canary"), "{case}: {text}");
    }
}

/// All of them in one list, to be read as their readers read them.
#[tokio::test]
async fn refusals_say_what_is_wrong_and_what_to_do() {
    let server = MockServer::start_async().await;
    let client = client(&server).build().unwrap();
    let mut list = vec!["Requests".to_owned()];
    for (case, error) in bad_requests(&client).await {
        list.push(format!("{case}\n    {error}"));
    }
    list.push("\nThe client's builder".to_owned());
    for (case, error) in bad_settings() {
        list.push(format!("{case}\n    {error}"));
    }
    list.push("\nThe environment and the credentials file".to_owned());
    for (case, text) in bad_environments() {
        list.push(format!("{case}\n    {text}"));
    }
    insta::assert_snapshot!(list.join("\n"));
}

/// Triggers that cannot be right.
fn bad_triggers() -> Vec<(&'static str, TriggerRun)> {
    let good = || TriggerRun::agent("agent");
    vec![
        ("a blank agent", TriggerRun::agent(" ")),
        (
            "an empty agent beside a message",
            TriggerRun::agent("").with_message("message"),
        ),
        ("a blank message", TriggerRun::message("\n\t ")),
        ("an empty message beside an agent", good().with_message("")),
        (
            "a blank Slack channel",
            good().with_slack(" ", "1714142436.001200"),
        ),
        (
            "an empty Slack thread",
            good().with_slack("C0123456789", ""),
        ),
        ("a blank base branch", good().with_base_branch(" ")),
        ("an empty model family", good().with_model_family("")),
    ]
}

/// Requests that cannot be right, each with its refusal.
async fn bad_requests(client: &Client) -> Vec<(&'static str, Error)> {
    let mut refusals = vec![];
    for (case, request) in bad_triggers() {
        refusals.push((case, client.trigger_run(request).await.unwrap_err()));
    }
    let good = || TriggerRun::agent("agent");
    let waits = [
        (
            "a timeout of zero",
            client.trigger_run_and_wait(good()).timeout(Duration::ZERO),
        ),
        (
            "a poll interval of zero",
            client
                .trigger_run_and_wait(good())
                .poll_interval(Duration::ZERO),
        ),
        (
            "a schedule of zero, for a session",
            client
                .session("session")
                .unwrap()
                .wait()
                .schedule(Schedule::every(Duration::ZERO)),
        ),
    ];
    for (case, wait) in waits {
        refusals.push((case, wait.await.unwrap_err()));
    }

    for (case, refusal) in [
        (
            "a blank follow-up",
            client.send_message("session", " ").await.map(drop),
        ),
        (
            "a follow-up to a blank session id",
            client.send_message("", "text").await.map(drop),
        ),
        (
            "a read of a blank session id",
            client.get_run(" ").await.map(drop),
        ),
        (
            "a stop of a blank session id",
            client.stop_run("\n").await.map(drop),
        ),
        ("a session with a blank id", client.session("").map(drop)),
    ] {
        refusals.push((case, refusal.unwrap_err()));
    }
    refusals
}

/// Settings that cannot be right, each with its refusal.
fn bad_settings() -> Vec<(&'static str, Error)> {
    let good = || {
        Client::builder()
            .endpoint("https://api.example/canary/graphql")
            .credentials(credentials())
    };
    let at = |endpoint: &str| good().endpoint(endpoint);
    let by = |credentials: Credentials| good().credentials(credentials);
    [
        ("no endpoint", Client::builder().credentials(credentials())),
        (
            "no credentials",
            Client::builder().endpoint("https://api.example/canary"),
        ),
        ("a blank endpoint", at(" ")),
        (
            "an endpoint without a scheme",
            at("api.example/canary/graphql"),
        ),
        (
            "an endpoint with another scheme",
            at("ftp://api.example/canary/graphql"),
        ),
        ("an endpoint without a host", at("https://")),
        (
            "an endpoint with a bad port",
            at("https://api.example:99999/canary"),
        ),
        (
            "an endpoint with user info",
            at("https://canary:canary@api.example/graphql"),
        ),
        (
            "plain http to another machine",
            at("http://api.example/canary/graphql"),
        ),
        (
            "plain http to a name below localhost",
            at("http://api.localhost/canary/graphql"),
        ),
        (
            "a blank key",
            by(Credentials::key_and_secret(" ", "canary")),
        ),
        (
            "a blank secret",
            by(Credentials::key_and_secret("canary", "")),
        ),
        (
            "a key with a line break",
            by(Credentials::key_and_secret("canary\n", "canary")),
        ),
        (
            "a workspace token as a secret",
            by(Credentials::key_and_secret("canary", "prdm_wsp_canary")),
        ),
        (
            "a workspace token of another kind",
            by(Credentials::workspace_token("canary")),
        ),
        (
            "a company token of another kind",
            by(Credentials::company_token("canary", "uid")),
        ),
        (
            "a company token with a blank workspace",
            by(Credentials::company_token("prdm_cmp_canary", " ")),
        ),
        (
            "a request timeout of zero",
            good().request_timeout(Duration::ZERO),
        ),
        (
            "a connect timeout of zero",
            good().connect_timeout(Duration::ZERO),
        ),
        (
            "a user agent suffix with a line break",
            good().user_agent_suffix("a\nb"),
        ),
    ]
    .into_iter()
    .map(|(case, builder)| (case, builder.build().map(drop).unwrap_err()))
    .collect()
}

/// Environments and credentials files that are not enough, each with its refusal.
fn bad_environments() -> Vec<(&'static str, String)> {
    let from_env = |variables: &[(&str, &str)]| call("from_env", variables);
    let company_token = ("PARADIME_API_SECRET", "prdm_cmp_canary");
    let nothing = Home::new();
    let malformed = Home::new().with_file("API_KEY=canary\n\ncanary without a name\n");
    let binary = Home::new().with_file(b"API_KEY=canary\xff\n");
    let unreadable = Home::new();
    fs::create_dir(unreadable.folder.path().join(".paradime/credentials")).unwrap();
    let incomplete = Home::new().with_file("API_ENDPOINT=https://api.example/canary\n");
    let half_a_key = Home::new().with_file("API_KEY=canary\n");
    let whole_file = Home::new()
        .with_file("API_ENDPOINT=https://api.example/canary\nAPI_KEY=canary\nAPI_SECRET=canary\n");
    vec![
        ("an empty environment", from_env(&[])),
        ("an endpoint alone", from_env(&[ENDPOINT])),
        ("no endpoint", from_env(&[KEY, SECRET])),
        ("no secret", from_env(&[ENDPOINT, KEY])),
        ("a secret without a key", from_env(&[ENDPOINT, SECRET])),
        (
            "a company token without a workspace",
            from_env(&[ENDPOINT, company_token]),
        ),
        (
            "a blank key",
            from_env(&[ENDPOINT, ("PARADIME_API_KEY", " "), SECRET]),
        ),
        (
            "an endpoint without a scheme",
            from_env(&[("API_ENDPOINT", "api.example/canary"), KEY, SECRET]),
        ),
        ("no file and an empty environment", nothing.refusal(&[])),
        (
            "no file and no secret in the environment",
            nothing.refusal(&[ENDPOINT, KEY]),
        ),
        ("a malformed file", malformed.refusal(&[])),
        ("a file that is no text", binary.refusal(&[])),
        ("a file that cannot be read", unreadable.refusal(&[])),
        ("an incomplete file", incomplete.refusal(&[])),
        (
            "a file that lacks what the environment lacks",
            half_a_key.refusal(&[ENDPOINT]),
        ),
        (
            "an endpoint that may be another product's, beside the file's secret",
            whole_file.refusal(&[("API_ENDPOINT", "https://other.example/canary")]),
        ),
    ]
}
