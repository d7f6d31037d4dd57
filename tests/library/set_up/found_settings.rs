//! Endpoint and credentials are found in the environment and in the credentials file.

use httpmock::MockServer;

use crate::set_up::clients::{ENDPOINT, Home, KEY, SECRET, call, count, sent_from};

#[tokio::test]
async fn the_environments_prefixed_names_are_used() {
    let sent = sent_from(&["PARADIME_API_", "PARADIME_"], None).await;
    assert_eq!(sent, 1);
}

#[tokio::test]
async fn the_environments_names_without_prefix_are_used() {
    let sent = sent_from(&["API_", ""], None).await;
    assert_eq!(sent, 1);
}

#[tokio::test]
async fn a_complete_credentials_file_is_used() {
    let home = Home::new();
    let sent = sent_from(&["API_", ""], Some(&home)).await;
    assert_eq!(sent, 1);
}

#[tokio::test]
async fn the_environment_wins_over_the_credentials_file() {
    let server = MockServer::start_async().await;
    let requests = server
        .mock_async(|when, then| {
            when.header("x-api-key", "key-of-the-test")
                .header("x-api-secret", "secret-of-the-file");
            then.status(404);
        })
        .await;
    let home = Home::new().with_file(format!(
        "API_ENDPOINT={}\nAPI_KEY=key-of-the-file\nAPI_SECRET=secret-of-the-file\n",
        server.url("/graphql")
    ));
    let said = call("from_env_or_file", &[KEY, home.variable()]);
    assert_eq!(said, "HTTP 404");
    assert_eq!(requests.calls(), 1);
}

/// `API_ENDPOINT` is a name that any product may use.
#[tokio::test]
async fn the_files_secret_is_not_sent_to_an_endpoint_that_may_be_anothers() {
    let server = MockServer::start_async().await;
    let requests = count(&server).await;
    let home = Home::new().with_file(
        "API_ENDPOINT=https://api.example/graphql\nAPI_KEY=key-of-the-file\n\
         API_SECRET=secret-of-the-file\n",
    );
    let endpoint = server.url("/graphql");
    let said = home.refusal(&[("API_ENDPOINT", &endpoint)]);
    assert_eq!(requests.calls(), 0, "{said}");
    assert!(
        said.starts_with("endpoint (API_ENDPOINT in the environment)"),
        "{said}"
    );

    // The same endpoint under a name that is the vendor's alone, or with a secret beside it.
    let said = call(
        "from_env_or_file",
        &[("PARADIME_API_ENDPOINT", &endpoint), home.variable()],
    );
    assert_eq!((said.as_str(), requests.calls()), ("HTTP 404", 1));
    let said = call(
        "from_env_or_file",
        &[
            ("API_ENDPOINT", &endpoint),
            ("API_SECRET", "secret-of-the-environment"),
            home.variable(),
        ],
    );
    assert_eq!((said.as_str(), requests.calls()), ("HTTP 404", 2));
}

#[tokio::test]
async fn beside_an_endpoint_given_in_code_the_credentials_alone_are_looked_for() {
    let server = MockServer::start_async().await;
    let requests = server
        .mock_async(|when, then| {
            when.header("x-api-key", "key-of-the-file")
                .header("x-api-secret", "secret-of-the-file");
            then.status(404);
        })
        .await;
    let given = server.url("/graphql");
    let given = ("GIVEN", given.as_str());
    let home = Home::new().with_file("API_KEY=key-of-the-file\nAPI_SECRET=secret-of-the-file\n");
    // That of another product, say, which would be refused beside the file's secret.
    let other = ("API_ENDPOINT", "https://other.example/graphql");
    for variables in [
        vec![given, home.variable()],
        vec![given, home.variable(), other],
        vec![given, home.variable(), ENDPOINT],
    ] {
        assert_eq!(call("endpoint before", &variables), "HTTP 404");
    }
    assert_eq!(requests.calls(), 3);

    // An endpoint that comes later replaces what was found, but something had to be.
    let said = call("endpoint after", &[given, home.variable()]);
    assert!(said.starts_with("PARADIME_API_ENDPOINT"), "{said}");
    let variables = [given, home.variable(), ENDPOINT];
    assert_eq!(call("endpoint after", &variables), "HTTP 404");
    assert_eq!(requests.calls(), 4);
}

#[tokio::test]
async fn where_everything_is_given_in_code_nothing_is_looked_for() {
    let server = MockServer::start_async().await;
    let requests = server
        .mock_async(|when, then| {
            when.header("x-api-key", "key-in-code")
                .header("x-api-secret", "secret-in-code");
            then.status(404);
        })
        .await;
    let given = server.url("/graphql");
    let variables = [("GIVEN", given.as_str()), ENDPOINT, KEY, SECRET];
    assert_eq!(call("all given", &variables), "HTTP 404");
    assert_eq!(requests.calls(), 1);
}

#[test]
fn an_empty_variable_is_unset() {
    let unset = call("from_env", &[ENDPOINT, KEY]);
    let empty = call("from_env", &[ENDPOINT, KEY, ("PARADIME_API_SECRET", "")]);
    assert_eq!(empty, unset);
    assert!(empty.contains("PARADIME_API_SECRET"), "{empty}");
}

#[tokio::test]
async fn an_empty_variable_does_not_hide_the_other_name() {
    let server = MockServer::start_async().await;
    let requests = count(&server).await;
    let endpoint = server.url("/graphql");
    let variables = [
        ("PARADIME_API_ENDPOINT", ""),
        ("API_ENDPOINT", endpoint.as_str()),
        KEY,
        SECRET,
        ("PARADIME_WORKSPACE_UID", ""),
    ];
    assert_eq!(call("from_env", &variables), "HTTP 404");
    assert_eq!(requests.calls(), 1);
}
