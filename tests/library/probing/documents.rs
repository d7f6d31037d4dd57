//! A probe says of each document whether the backend supports it, and what it does not know.

use dinoai::{DOCUMENTS, Error, SCHEMA, Support};
use dinoai_emulator::{Backend, Capability, Quirks, RefusalStatus};
use serde_json::json;

use super::{backend, differing, probe};
use crate::support::fault_server::{FaultServer, Reply};

const ALL: [&str; 9] = [
    "trigger_run",
    "trigger_options",
    "send_message",
    "get_run",
    "status",
    "digest",
    "steps",
    "stop_run",
    "list_workspaces",
];

#[tokio::test]
async fn a_backend_of_today_supports_everything() {
    let emulator = backend(Backend::Current, Quirks::new()).await;
    let features = probe(&emulator).await;
    assert_eq!(differing(&features), Vec::<String>::new());
    let names: Vec<_> = features.iter().map(|feature| feature.name).collect();
    assert_eq!(names, ALL);
    // What is ahead of a feature's name is what it sends.
    let sent = emulator.requests();
    let sent: Vec<_> = sent
        .iter()
        .skip(1)
        .map(|it| it.operation_name.clone().unwrap())
        .collect();
    let operations: Vec<_> = features.iter().map(|feature| feature.operation).collect();
    assert_eq!(sent, operations);
    // Each document of the crate is one of them.
    let is_probed = |text: &str| {
        let named = |operation: &&str| text.contains(&format!(" {operation}("));
        operations
            .iter()
            .any(|it| named(it) || text.contains(&format!("query {it} {{")))
    };
    assert_eq!(operations.len(), DOCUMENTS.len());
    for (name, text) in DOCUMENTS {
        assert!(is_probed(text), "{name}");
    }
}

#[tokio::test]
async fn one_of_the_pages_alone_lacks_what_is_not_on_them_by_name() {
    for status in [
        RefusalStatus::ByMediaType,
        RefusalStatus::Ok,
        RefusalStatus::BadRequest,
        RefusalStatus::UnprocessableContent,
    ] {
        let quirks = Quirks::new().refusal_status(status).without_introspection();
        let emulator = backend(Backend::PagesOnly, quirks).await;
        assert_eq!(
            differing(&probe(&emulator).await),
            [
                "trigger_options not supported: baseBranch, modelFamily, warning",
                "steps not supported: steps, startupSteps",
                "stop_run not supported: stopDinoaiAgentRun",
                "list_workspaces not supported: listWorkspaces",
            ],
            "{status:?}"
        );
    }
}

/// The shipped schema with one change.
fn changed(from: &str, to: &str) -> Backend {
    assert_eq!(SCHEMA.matches(from).count(), 1, "{from}");
    Backend::sdl(SCHEMA.replace(from, to))
}

#[tokio::test]
async fn a_schema_that_has_moved_breaks_what_it_breaks() {
    let emulator = backend(
        changed("  channel: String!", "  channel: String!\n  team: String!"),
        Quirks::new(),
    )
    .await;
    let differing = differing(&probe(&emulator).await);
    let names: Vec<_> = differing
        .iter()
        .map(|it| it.split(':').next().unwrap())
        .collect();
    assert_eq!(names, ["trigger_run broken", "trigger_options broken"]);
    assert!(
        differing.iter().all(|it| it.contains("team")),
        "{differing:?}"
    );
}

#[tokio::test]
async fn what_the_credentials_may_not_do_is_refused() {
    let quirks = Quirks::new().without_capability(Capability::Trigger);
    let emulator = backend(Backend::Current, quirks).await;
    let features = probe(&emulator).await;
    for feature in features.iter() {
        let is_right = match feature.name {
            "trigger_run" | "trigger_options" | "send_message" | "stop_run" => matches!(
                feature.support,
                Support::Refused {
                    error: Error::Unauthorized { .. },
                    ..
                }
            ),
            _ => feature.support.is_supported(),
        };
        assert!(is_right, "{feature:?}");
    }
}

#[tokio::test]
async fn what_only_a_document_can_be_refused_for_breaks_it_and_nothing_else() {
    let refused = json!([{ "message": "At least one of agent or message must be provided." }]);
    for status in [200, 400, 422] {
        let said = refused.clone();
        let server = FaultServer::scripted(move |_| {
            Reply::json(status, &json!({ "data": null, "errors": said }))
        })
        .await;
        let (client, _) = server.client();
        let features = client.probe().await.unwrap();
        for feature in features.iter() {
            let is_open = matches!(feature.support, Support::NotChecked { .. });
            assert!(is_open, "{status}: {feature:?}");
        }
    }
}

/// What the backend says where it answers this operation with these errors, and skips everything else.
async fn said_of(operation: &'static str, messages: &[&str]) -> Vec<String> {
    let errors: Vec<_> = messages
        .iter()
        .map(|message| json!({ "message": message }))
        .collect();
    let refused = Reply::errors(400, &json!(errors));
    let server = FaultServer::scripted(move |seen| {
        match seen.operation == operation && seen.query.contains("@skip") {
            true => refused.clone(),
            false => Reply::data(&json!({})),
        }
    })
    .await;
    differing(&server.client().0.probe().await.unwrap())
}

#[tokio::test]
async fn what_the_vendors_page_has_is_no_feature_that_an_older_backend_lacks() {
    for (from, to, broken) in [
        (
            "  workspaceUid: String!",
            "  workspaceUuid: String!",
            &["get_run broken"][..],
        ),
        (
            "`assistant`).\"\n  role: String!",
            "`assistant`).\"\n  author: String!",
            &["get_run broken", "digest broken"],
        ),
    ] {
        let emulator = backend(changed(from, to), Quirks::new()).await;
        let said = differing(&probe(&emulator).await);
        let words = said.iter().map(|it| it.split(':').next().unwrap());
        assert_eq!(words.collect::<Vec<_>>(), broken, "{said:?}");
    }
    // Of a document beyond the page, what it has of the page.
    let status = "Cannot query field 'status' on type 'DinoAiAgentRun'.";
    let steps = "Cannot query field 'steps' on type 'DinoAiAgentRun'.";
    let broken = said_of("DinoaiAgentRunSteps", &[status, steps]).await;
    assert!(broken[0].starts_with("steps broken: "), "{broken:?}");
    assert!(broken[0].contains("'status'"), "{broken:?}");
    let agent = "Unknown argument \"agent\" on field \"Mutation.triggerDinoaiAgentRun\".";
    let broken = said_of("TriggerDinoaiAgentRunWithOptions", &[agent]).await;
    assert!(
        broken[0].starts_with("trigger_options broken: "),
        "{broken:?}"
    );
}

#[tokio::test]
async fn an_unknown_name_beside_another_fault_of_the_document_breaks_it() {
    let steps = "Cannot query field \"steps\" on type \"DinoAiAgentRun\".";
    for other in [
        "Field \"dinoaiAgentRun\" argument \"workspace\" of type \"String!\" is required, but it was not provided.",
        "Unknown type \"DinoAiAgentRun\".",
        "Unknown type \"DinoAiAgentRun\". Did you mean \"AgentRun\"?",
        "Unknown argument \"if\" on directive \"@skip\".",
        "Something else.",
    ] {
        let said = said_of("DinoaiAgentRunSteps", &[steps, other]).await;
        let said: Vec<_> = said
            .iter()
            .map(|it| it.split(':').next().unwrap())
            .collect();
        assert_eq!(said, ["steps broken"], "{other}");
    }
    // An older backend does not know the types of the feature either.
    let types = [
        steps,
        "Unknown type \"DinoAiAgentStep\". Did you mean \"DinoAiAgentRun\"?",
        "Cannot query field 'startupSteps' on type 'DinoAiAgentRun'.",
        "Unknown type 'DinoAiAgentStartupStep'.",
    ];
    assert_eq!(
        said_of("DinoaiAgentRunSteps", &types).await,
        ["steps not supported: steps, startupSteps"]
    );
}
