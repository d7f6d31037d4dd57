//! What the tests here share: clients with settings from code, or in a process with an environment
//! of its own.

use std::process::Command;
use std::{env, fs};

use dinoai::{Client, ClientBuilder, Credentials, Error};
use httpmock::{Mock, MockServer};
use tempfile::TempDir;

/// The variables of a complete environment, apart from the endpoint.
pub(crate) const KEY: (&str, &str) = ("PARADIME_API_KEY", "key-of-the-test");

pub(crate) const SECRET: (&str, &str) = ("PARADIME_API_SECRET", "secret-of-the-test");

pub(crate) const ENDPOINT: (&str, &str) = ("PARADIME_API_ENDPOINT", "https://api.example/graphql");

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
        Ok("workspace given") => Client::builder()
            .workspace("workspace-in-code")
            .from_env_or_file()
            .and_then(ClientBuilder::build),
        Ok("another workspace") => {
            Client::from_env_or_file().and_then(|client| client.with_workspace("another"))
        }
        Ok("no workspace needed") => Client::builder()
            .without_workspace()
            .from_env_or_file()
            .and_then(ClientBuilder::build),
        Ok("all given") => given()
            .credentials(Credentials::key_and_secret("key-in-code", "secret-in-code"))
            .from_env_or_file()
            .and_then(ClientBuilder::build),
        _ => return,
    };
    let said = match client {
        Ok(client) => match client.get_run("session").await {
            Err(Error::Http { status, .. }) => format!("HTTP {status}"),
            Err(error @ Error::Unauthorized { .. }) => {
                format!("{error}; {}", client.sources().unwrap_or("no sources"))
            }
            other => format!("{other:?}"),
        },
        Err(error) => error.to_string(),
    };
    println!("<said>{said}</said>");
}

pub(crate) fn given() -> ClientBuilder {
    Client::builder().endpoint(env::var("GIVEN").unwrap())
}

/// Makes a client in a process with these variables alone, and calls the API with it: the
/// refusal, or the API's HTTP status.
pub(crate) fn call(constructor: &str, variables: &[(&str, &str)]) -> String {
    let (_, module) = module_path!().split_once("::").unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "--ignored",
            "--nocapture",
            &format!("{module}::in_an_environment_of_its_own"),
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
pub(crate) async fn sent_from(prefixes: &[&str; 2], home: Option<&Home>) -> usize {
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
pub(crate) struct Home {
    pub(crate) folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join(".paradime")).unwrap();
        Self { folder }
    }

    pub(crate) fn with_file(self, text: impl AsRef<[u8]>) -> Self {
        self.write(text);
        self
    }

    pub(crate) fn write(&self, text: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(".paradime/credentials"), text).unwrap();
    }

    pub(crate) fn variable(&self) -> (&'static str, &str) {
        ("HOME", self.folder.path().to_str().unwrap())
    }

    /// What `from_env_or_file` says in this home, without the folder's own name.
    pub(crate) fn refusal(&self, variables: &[(&str, &str)]) -> String {
        let variables = [variables, &[self.variable()]].concat();
        call("from_env_or_file", &variables).replace(self.variable().1, "~")
    }
}

pub(crate) fn client(server: &MockServer) -> ClientBuilder {
    Client::builder()
        .endpoint(server.url("/graphql"))
        .credentials(credentials())
}

pub(crate) fn credentials() -> Credentials {
    Credentials::key_and_secret("canary-key", "canary-secret")
}

/// Answers and counts every request.
pub(crate) async fn count(server: &MockServer) -> Mock<'_> {
    server
        .mock_async(|when, then| {
            when.any_request();
            then.status(404);
        })
        .await
}
