//! A company token works in the workspace that it is given, from wherever; without one it lists the
//! workspaces, and sends nothing about a run.

use dinoai::graphql_client::{self, GraphQLQuery};
use dinoai::{Client, Credentials, Error, StepOptions, TriggerRun};
use httpmock::MockServer;
use serde_json::json;

use crate::set_up::clients::{Home, call, count};
use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::memory_journal::MemoryJournal;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "graphql/schema.graphql",
    query_path = "graphql/list_workspaces.graphql"
)]
struct ListWorkspaces;

const TOKEN: &str = "prdm_cmp_of-the-test";

async fn server_with_workspaces() -> FaultServer {
    FaultServer::scripted(|seen| match seen.operation.as_str() {
        "ListWorkspaces" => Reply::data(&json!({ "listWorkspaces": { "workspaces": [
            { "uid": "w1", "name": "Analytics" },
        ]}})),
        _ => Reply::Good,
    })
    .await
}

#[tokio::test]
async fn without_a_workspace_they_are_listed_and_no_call_about_a_run_is_sent() {
    let server = server_with_workspaces().await;
    let credentials = Credentials::company_token_without_workspace(TOKEN);
    let client = Client::new(server.endpoint(), credentials).unwrap();
    let session = client.session(SESSION).unwrap();
    let request = || TriggerRun::agent("a");
    let journal = MemoryJournal::default();
    let mut both = client
        .wait_all([SESSION, "b2v9q1m4k7c3x8za"])
        .unwrap()
        .results();
    let refusals: Vec<Option<Error>> = vec![
        client.trigger_run(request()).await.err(),
        client
            .trigger_run(request().with_base_branch("main"))
            .await
            .err(),
        client.trigger_run_and_wait(request()).await.err(),
        client.send_message(SESSION, "m").await.err(),
        client.get_run(SESSION).await.err(),
        session.status().await.err(),
        client
            .get_run_steps(SESSION, StepOptions::default())
            .await
            .err(),
        client.stop_run(SESSION).await.err(),
        session.wait().await.err(),
        session.ask("m").await.err(),
        session.watch().events().next().await.and_then(Result::err),
        session.tree().await.err(),
        both.next().await.and_then(|(_, run)| run.err()),
        both.next().await.and_then(|(_, run)| run.err()),
        client
            .run_all([request()], 1)
            .results()
            .next()
            .await
            .and_then(|(_, run)| run.err()),
        client.start_once("key", request(), &journal).await.err(),
        client.run_once("other", request(), &journal).await.err(),
    ];
    for (place, refusal) in refusals.iter().enumerate() {
        let refusal = refusal
            .as_ref()
            .unwrap_or_else(|| panic!("call {place} was not refused"));
        let Error::InvalidConfig {
            setting, problem, ..
        } = refusal
        else {
            panic!("call {place}: {refusal:?}");
        };
        assert_eq!(setting, "workspace uid", "call {place}");
        assert!(
            problem.starts_with("is missing: nothing was sent"),
            "{problem}"
        );
        assert!(!refusal.may_have_started(), "call {place}");
        assert!(!refusal.is_retryable(), "call {place}");
    }
    assert_eq!(server.arrived(), 0);
    assert_eq!(
        journal.asked(),
        (0, 0),
        "no key was bound to an account that is none"
    );

    let listed = client.list_workspaces().await.unwrap();
    assert_eq!((&*listed[0].uid, &*listed[0].name), ("w1", "Analytics"));
    assert_eq!(server.operations(), ["ListWorkspaces"]);
    assert!(
        !server.seen()[0]
            .head
            .to_lowercase()
            .contains("x-paradime-workspace")
    );
}

#[tokio::test]
async fn with_a_workspace_such_a_client_is_whole() {
    let server = server_with_workspaces().await;
    let credentials = Credentials::company_token_without_workspace(TOKEN);
    let client = Client::new(server.endpoint(), credentials).unwrap();
    let whole = client.with_workspace("w1").unwrap();
    whole.get_run(SESSION).await.unwrap();
    assert!(
        server.seen()[0]
            .head
            .to_lowercase()
            .contains("x-paradime-workspace: w1\r\n")
    );
    assert!(
        client.get_run(SESSION).await.is_err(),
        "the first one stays as it is"
    );
    assert_eq!(server.arrived(), 1);
}

#[tokio::test]
async fn a_document_of_the_users_own_is_sent_without_a_workspace() {
    let server = server_with_workspaces().await;
    let credentials = Credentials::company_token_without_workspace(TOKEN);
    let client = Client::new(server.endpoint(), credentials).unwrap();
    let response = client
        .execute::<ListWorkspaces>(list_workspaces::Variables {})
        .await;
    let listed = response.unwrap().data.list_workspaces.unwrap();
    assert_eq!(listed.workspaces[0].uid, "w1");
}

#[tokio::test]
async fn a_workspace_of_the_builders_replaces_that_of_the_credentials() {
    let server = server_with_workspaces().await;
    for credentials in [
        Credentials::company_token_without_workspace(TOKEN),
        Credentials::company_token(TOKEN, "another"),
        Credentials::key_and_secret("key", "secret"),
    ] {
        let builder = Client::builder().endpoint(server.endpoint());
        let client = builder
            .credentials(credentials)
            .workspace("w1")
            .build()
            .unwrap();
        client.get_run(SESSION).await.unwrap();
        let head = server.seen().pop().unwrap().head.to_lowercase();
        assert!(head.contains("x-paradime-workspace: w1\r\n"), "{head}");
        assert_eq!(head.matches("x-paradime-workspace").count(), 1, "{head}");
    }
}

#[tokio::test]
async fn a_builder_without_a_workspace_takes_that_of_the_credentials_away() {
    let server = server_with_workspaces().await;
    for credentials in [
        Credentials::company_token(TOKEN, "w1"),
        Credentials::key_and_secret("key", "secret").with_workspace_uid("w1"),
    ] {
        let builder = Client::builder().endpoint(server.endpoint());
        let client = builder
            .credentials(credentials)
            .without_workspace()
            .build()
            .unwrap();
        client.list_workspaces().await.unwrap();
        let head = server.seen().pop().unwrap().head.to_lowercase();
        assert!(!head.contains("x-paradime-workspace"), "{head}");
    }
}

#[test]
fn a_blank_workspace_of_the_builders_is_refused_by_name() {
    let builder = Client::builder()
        .endpoint("https://host/graphql")
        .workspace(" ");
    let credentials = Credentials::company_token_without_workspace(TOKEN);
    let refusal = builder.credentials(credentials).build().unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "workspace uid is blank: it needs a value"
    );
}

#[tokio::test]
async fn a_workspace_in_code_beats_the_environment_and_is_not_missing_in_it() {
    let home = Home::new().with_file(format!("API_SECRET={TOKEN}\n"));
    let elsewhere =
        Home::new().with_file(format!("API_SECRET={TOKEN}\nWORKSPACE_UID=in-the-file\n"));
    for (home, variables) in [
        (&home, &[][..]),
        (&home, &[("PARADIME_WORKSPACE_UID", "in-the-environment")]),
        (&elsewhere, &[]),
    ] {
        let server = MockServer::start_async().await;
        let requests = server
            .mock_async(|when, then| {
                when.header("x-paradime-workspace", "workspace-in-code");
                then.status(404);
            })
            .await;
        let endpoint = server.url("/graphql");
        let endpoint = ("PARADIME_API_ENDPOINT", endpoint.as_str());
        let variables = [variables, &[endpoint, home.variable()]].concat();
        assert_eq!(call("workspace given", &variables), "HTTP 404");
        assert_eq!(requests.calls(), 1);
    }
}

#[tokio::test]
async fn where_no_workspace_is_needed_a_company_token_is_enough_and_the_rest_is_still_missing() {
    let home = Home::new().with_file(format!("API_SECRET={TOKEN}\n"));
    let server = MockServer::start_async().await;
    let requests = count(&server).await;
    let endpoint = server.url("/graphql");
    let endpoint = ("PARADIME_API_ENDPOINT", endpoint.as_str());
    let said = call("no workspace needed", &[endpoint, home.variable()]);
    assert!(said.contains("workspace uid"), "{said}");
    assert_eq!(requests.calls(), 0);

    // One that is set is not used: it may be the wrong one.
    let uid = ("WORKSPACE_UID", "w1");
    let said = call("no workspace needed", &[endpoint, uid, home.variable()]);
    assert!(said.contains("workspace uid"), "{said}");
    assert_eq!(requests.calls(), 0);

    let said = call("no workspace needed", &[home.variable()]);
    assert!(said.starts_with("PARADIME_API_ENDPOINT ("), "{said}");
    let said = call("from_env_or_file", &[endpoint, home.variable()]);
    assert!(said.starts_with("PARADIME_WORKSPACE_UID ("), "{said}");
}

#[test]
fn a_company_token_without_a_workspace_is_not_saved() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("credentials");
    let credentials = Credentials::company_token_without_workspace(TOKEN);
    let refusal = credentials.save("https://host/graphql", &path).unwrap_err();
    assert!(
        refusal.to_string().starts_with("workspace uid is missing"),
        "{refusal}"
    );
    assert!(!path.exists());
}

#[tokio::test]
async fn a_client_for_another_workspace_does_not_say_that_a_file_names_it() {
    let server = MockServer::start_async().await;
    let refuse = |when: httpmock::When, then: httpmock::Then| {
        when.any_request();
        then.status(401);
    };
    server.mock_async(refuse).await;
    let endpoint = server.url("/graphql");
    let home = Home::new().with_file(format!(
        "API_ENDPOINT={endpoint}\nAPI_SECRET={TOKEN}\nWORKSPACE_UID=one\n"
    ));
    let said = |constructor| call(constructor, &[home.variable()]);
    let of_the_file = said("from_env_or_file");
    assert_eq!(
        of_the_file.matches("WORKSPACE_UID").count(),
        2,
        "{of_the_file}"
    );
    let of_another = said("another workspace");
    assert!(!of_another.contains("WORKSPACE_UID"), "{of_another}");
    let rest = "endpoint and secret from API_ENDPOINT and API_SECRET in ";
    assert_eq!(of_another.matches(rest).count(), 2, "{of_another}");
}

#[tokio::test]
async fn a_workspace_with_white_space_at_an_end_is_refused_by_name_wherever_it_is_from() {
    const REFUSAL: &str = "begins or ends with white space: leave that out";
    let server = FaultServer::start([]).await;
    let new = |credentials| Client::new(server.endpoint(), credentials);
    let by_builder = |uid| {
        let builder = Client::builder().endpoint(server.endpoint());
        let credentials = Credentials::company_token_without_workspace(TOKEN);
        builder.credentials(credentials).workspace(uid).build()
    };
    let client = new(Credentials::key_and_secret("key", "secret")).unwrap();
    for uid in [" two", "two ", "\ttwo\t", "\u{a0}two"] {
        for refused in [
            new(Credentials::company_token(TOKEN, uid)),
            new(Credentials::key_and_secret("key", "secret").with_workspace_uid(uid)),
            by_builder(uid),
            client.with_workspace(uid),
        ] {
            let refusal = refused.unwrap_err();
            assert!(matches!(refusal, Error::InvalidConfig { .. }), "{uid:?}");
            let text = refusal.to_string();
            assert_eq!(text, format!("workspace uid {REFUSAL}"), "{uid:?}");
        }
    }
    assert!(client.with_workspace("two and a half").is_ok());

    let mock = MockServer::start_async().await;
    let requests = mock
        .mock_async(|when, then| {
            when.header("x-paradime-workspace", "two");
            then.status(404);
        })
        .await;
    let endpoint = mock.url("/graphql");
    let home = |line: &str| {
        let account = format!("API_ENDPOINT={endpoint}\nAPI_SECRET={TOKEN}\n");
        Home::new().with_file(account + line)
    };
    let in_the_environment = ("PARADIME_WORKSPACE_UID", "two ");
    assert_eq!(
        home("").refusal(&[in_the_environment]),
        format!("workspace uid (PARADIME_WORKSPACE_UID in the environment) {REFUSAL}")
    );
    assert_eq!(
        home("WORKSPACE_UID=' two'\n").refusal(&[]),
        format!("workspace uid (WORKSPACE_UID in ~/.paradime/credentials) {REFUSAL}")
    );
    assert_eq!((server.arrived(), requests.calls()), (0, 0));

    // Outside quotes it is no part of a value in the file.
    let said = home("WORKSPACE_UID=  two  \n").refusal(&[]);
    assert_eq!((&*said, requests.calls()), ("HTTP 404", 1));
}
