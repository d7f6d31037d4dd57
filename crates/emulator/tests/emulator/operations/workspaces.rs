//! Workspaces are listed, also with a company token alone; a run belongs to the one that it was
//! started in.

use dinoai_emulator::{Backend, Child, Emulator, Scenario, Stage};
use serde_json::{Value, json};

use crate::caller::{
    RUN, Response, TRIGGER, WORKSPACES, bare, call, none_was_executed, post, response_to,
};

async fn with_two_workspaces() -> Emulator {
    let builder = Emulator::builder().workspace("finance", "Finance");
    builder.start().await.unwrap()
}

async fn by_company_token(emulator: &Emulator, body: Value) -> Response {
    let token = format!("Bearer {}", emulator.company_token());
    response_to(bare(emulator).header("Authorization", token).json(&body)).await
}

/// The workspace of a run that is started with this header.
async fn started_in(emulator: &Emulator, workspace: &str) -> String {
    let body = json!({ "query": TRIGGER, "variables": { "agent": "a" } });
    let request = post(emulator).header("X-Paradime-Workspace", workspace);
    let started = response_to(request.json(&body)).await;
    let id = &started.root()["agentSessionId"];
    let run = call(emulator, RUN, json!({ "id": id })).await;
    let uid = run.root()["workspaceUid"].as_str().unwrap().to_owned();
    assert_eq!(emulator.runs().last().unwrap().workspace_uid, uid);
    uid
}

#[tokio::test]
async fn all_workspaces_are_listed_with_their_names() {
    let emulator = with_two_workspaces().await;
    let expected = json!({ "workspaces": [
        { "uid": emulator.workspace_uid(), "name": "Demo workspace" },
        { "uid": "finance", "name": "Finance" },
    ]});
    let listed = call(&emulator, WORKSPACES, json!({})).await;
    assert_eq!(listed.root(), &expected);
    let listed = by_company_token(&emulator, json!({ "query": WORKSPACES })).await;
    assert_eq!((listed.status, listed.root()), (200, &expected));
    assert!(emulator.requests()[1].executed);
}

#[tokio::test]
async fn a_workspace_that_is_known_gets_another_name() {
    let builder = Emulator::builder().workspace("demo-workspace", "Analytics");
    let emulator = builder.start().await.unwrap();
    let listed = call(&emulator, WORKSPACES, json!({})).await;
    let expected = json!({ "workspaces": [{ "uid": "demo-workspace", "name": "Analytics" }]});
    assert_eq!(listed.root(), &expected);
}

#[tokio::test]
async fn a_company_token_that_names_no_workspace_lists_them_and_nothing_else() {
    let emulator = with_two_workspaces().await;
    for query in [
        TRIGGER,
        RUN,
        "{ __schema { queryType { name } } }",
        "query ($id: String = \"x\") { listWorkspaces { workspaces { uid } } dinoaiAgentRun(agentSessionId: $id) { ok } }",
        "{ listWorkspaces { workspaces { uid } } ... @skip(if: true) { dinoaiAgentRun(agentSessionId: \"x\") { ok } } }",
    ] {
        let body = json!({ "query": query, "variables": { "agent": "a", "id": "x" } });
        let refused = by_company_token(&emulator, body).await;
        assert_eq!(refused.status, 401, "{query}: {}", refused.text);
        assert_eq!(refused.body, json!({ "detail": "Unauthorized" }));
    }
    assert!(none_was_executed(&emulator));
    assert!(emulator.runs().is_empty());
}

#[tokio::test]
async fn a_company_token_works_in_each_workspace_and_in_no_other() {
    let emulator = with_two_workspaces().await;
    let token = format!("Bearer {}", emulator.company_token());
    for (workspace, status) in [
        ("finance", 200),
        ("demo-workspace", 200),
        ("elsewhere", 401),
    ] {
        let request = bare(&emulator)
            .header("Authorization", &token)
            .header("X-Paradime-Workspace", workspace);
        let body = json!({ "query": TRIGGER, "variables": { "agent": "a" } });
        let response = response_to(request.json(&body)).await;
        assert_eq!(response.status, status, "{workspace}");
    }
    let runs = emulator.runs();
    let workspaces: Vec<_> = runs.iter().map(|run| run.workspace_uid.as_str()).collect();
    assert_eq!(workspaces, ["finance", "demo-workspace"]);
}

#[tokio::test]
async fn a_run_belongs_to_the_workspace_that_it_was_started_in() {
    let emulator = with_two_workspaces().await;
    assert_eq!(started_in(&emulator, "finance").await, "finance");
    assert_eq!(started_in(&emulator, "unknown").await, "demo-workspace");
}

#[tokio::test]
async fn a_child_belongs_to_the_workspace_of_its_parent() {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING"))
        .child(Child::from(Scenario::completed()));
    let builder = Emulator::builder().workspace("finance", "Finance");
    let emulator = builder.default_scenario(scenario).start().await.unwrap();
    started_in(&emulator, "finance").await;
    let runs = emulator.runs();
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run.workspace_uid == "finance"));
}

#[tokio::test]
async fn a_backend_of_the_pages_knows_no_workspaces() {
    let builder = Emulator::builder().backend(Backend::PagesOnly);
    let emulator = builder.start().await.unwrap();
    let refused = call(&emulator, WORKSPACES, json!({})).await;
    let expected = "Cannot query field \"listWorkspaces\" on type \"Query\".";
    assert_eq!(refused.messages(), [expected]);
}
