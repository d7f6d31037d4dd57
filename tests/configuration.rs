//! What cannot be right is refused by name before anything is sent, and what is found in the
//! environment or in the credentials file is used.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use dinoai::{Client, ClientBuilder, Credentials, Error, Retry, Schedule, TriggerRun};
use httpmock::{Mock, MockServer};
use tempfile::TempDir;

/// The variables of a complete environment, apart from the endpoint.
const KEY: (&str, &str) = ("PARADIME_API_KEY", "key-of-the-test");
const SECRET: (&str, &str) = ("PARADIME_API_SECRET", "secret-of-the-test");
const ENDPOINT: (&str, &str) = ("PARADIME_API_ENDPOINT", "https://api.example/graphql");

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

#[tokio::test]
async fn each_kind_of_token_is_recognised_by_its_prefix() {
    for (secret, uid) in [
        ("prdm_wsp_of-the-test", None),
        ("prdm_cmp_of-the-test", Some("workspace-of-the-test")),
    ] {
        let server = MockServer::start_async().await;
        let requests = server
            .mock_async(|when, then| {
                let when = when
                    .header("authorization", format!("Bearer {secret}"))
                    .header_missing("x-api-key")
                    .header_missing("x-api-secret");
                match uid {
                    Some(uid) => when.header("x-paradime-workspace", uid),
                    None => when.header_missing("x-paradime-workspace"),
                };
                then.status(404);
            })
            .await;
        let endpoint = server.url("/graphql");
        let mut variables = vec![
            ("PARADIME_API_ENDPOINT", endpoint.as_str()),
            ("PARADIME_API_SECRET", secret),
        ];
        variables.extend(uid.map(|uid| ("PARADIME_WORKSPACE_UID", uid)));
        assert_eq!(call("from_env", &variables), "HTTP 404");
        assert_eq!(requests.calls(), 1);
    }
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

/// A resolver for which every name is another machine.
struct Elsewhere;

impl reqwest::dns::Resolve for Elsewhere {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let address = SocketAddr::from(([127, 0, 0, 99], 0));
        let addresses: reqwest::dns::Addrs = Box::new(std::iter::once(address));
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_a_resolver_says() {
    let server = MockServer::start_async().await;
    let requests = count(&server).await;
    let elsewhere = SocketAddr::from(([127, 0, 0, 99], 0));
    for name in ["localhost", "localhost."] {
        let endpoint = format!("http://{name}:{}/graphql", server.port());
        let builder = || client(&server).endpoint(&endpoint).retry(Retry::none());
        for builder in [
            builder().http_client(|http| http.dns_resolver(Elsewhere)),
            builder().http_client(move |http| http.resolve(name, elsewhere)),
        ] {
            let error = builder.build().unwrap().get_run("session").await;
            let error = error.unwrap_err();
            assert!(
                matches!(error, Error::Http { status: 404, .. }),
                "{error:?}"
            );
        }
    }
    assert_eq!(requests.calls(), 4);
}

/// Not a test of its own: what the tests above run in a process with an environment of its own,
/// since this process's cannot be changed while tests run side by side.
#[tokio::test]
#[ignore = "run by the other tests, in a process of its own"]
async fn in_an_environment_of_its_own() {
    let client = match env::var("CALL").as_deref() {
        Ok("from_env") => Client::from_env(),
        Ok("from_env_or_file") => Client::from_env_or_file(),
        Ok("endpoint before") => given().from_env_or_file().and_then(ClientBuilder::build),
        Ok("endpoint after") => Client::builder()
            .from_env_or_file()
            .and_then(|builder| builder.endpoint(env::var("GIVEN").unwrap()).build()),
        Ok("all given") => given()
            .credentials(Credentials::key_and_secret("key-in-code", "secret-in-code"))
            .from_env_or_file()
            .and_then(ClientBuilder::build),
        _ => return,
    };
    let said = match client {
        Ok(client) => match client.get_run("session").await {
            Err(Error::Http { status, .. }) => format!("HTTP {status}"),
            other => format!("{other:?}"),
        },
        Err(error) => error.to_string(),
    };
    println!("<said>{said}</said>");
}

fn given() -> ClientBuilder {
    Client::builder().endpoint(env::var("GIVEN").unwrap())
}

/// Makes a client in a process with these variables alone, and calls the API with it: the
/// refusal, or the API's HTTP status.
fn call(constructor: &str, variables: &[(&str, &str)]) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "--ignored",
            "--nocapture",
            "in_an_environment_of_its_own",
        ])
        .env_clear()
        .env("CALL", constructor)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let said = output
        .split_once("<said>")
        .and_then(|(_, rest)| rest.split_once("</said>"));
    match said {
        Some((said, _)) => said.to_owned(),
        None => panic!("the process said nothing: {output}"),
    }
}

/// How many requests with the right headers come from a client whose variables have these
/// prefixes, in its environment or in the credentials file of a home.
async fn sent_from(prefixes: &[&str; 2], home: Option<&Home>) -> usize {
    let server = MockServer::start_async().await;
    let requests = server
        .mock_async(|when, then| {
            when.path("/api/v1/company-of-the-test/graphql")
                .header("x-api-key", "key-of-the-test")
                .header("x-api-secret", "secret-of-the-test")
                .header("x-paradime-workspace", "workspace-of-the-test");
            then.status(404);
        })
        .await;
    let [api, other] = prefixes;
    let variables = [
        (
            format!("{api}ENDPOINT"),
            server.url("/api/v1/company-of-the-test/graphql"),
        ),
        (format!("{api}KEY"), "key-of-the-test".to_owned()),
        (format!("{api}SECRET"), "secret-of-the-test".to_owned()),
        (
            format!("{other}WORKSPACE_UID"),
            "workspace-of-the-test".to_owned(),
        ),
    ];
    let said = match home {
        Some(home) => {
            let lines = variables.map(|(name, value)| format!("{name}={value}\n"));
            home.write(lines.concat());
            call("from_env_or_file", &[home.variable()])
        }
        None => {
            let variables: Vec<_> = variables
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            call("from_env", &variables)
        }
    };
    assert_eq!(said, "HTTP 404");
    requests.calls()
}

/// A home folder of its own.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join(".paradime")).unwrap();
        Self { folder }
    }

    fn with_file(self, text: impl AsRef<[u8]>) -> Self {
        self.write(text);
        self
    }

    fn write(&self, text: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(".paradime/credentials"), text).unwrap();
    }

    fn variable(&self) -> (&'static str, &str) {
        ("HOME", self.folder.path().to_str().unwrap())
    }

    /// What `from_env_or_file` says in this home, without the folder's own name.
    fn refusal(&self, variables: &[(&str, &str)]) -> String {
        let variables = [variables, &[self.variable()]].concat();
        call("from_env_or_file", &variables).replace(self.variable().1, "~")
    }
}

fn client(server: &MockServer) -> ClientBuilder {
    Client::builder()
        .endpoint(server.url("/graphql"))
        .credentials(credentials())
}

fn credentials() -> Credentials {
    Credentials::key_and_secret("canary-key", "canary-secret")
}

/// Answers and counts every request.
async fn count(server: &MockServer) -> Mock<'_> {
    server
        .mock_async(|when, then| {
            when.any_request();
            then.status(404);
        })
        .await
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
