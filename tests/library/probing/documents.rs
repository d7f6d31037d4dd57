//! A probe says of each document whether the backend supports it, and what it does not know.

use dinoai::{Error, SCHEMA, Support};
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
async fn what_the_credentials_may_not_do_is_not_checked() {
    let quirks = Quirks::new().without_capability(Capability::Trigger);
    let emulator = backend(Backend::Current, quirks).await;
    let features = probe(&emulator).await;
    for feature in features.iter() {
        let is_right = match feature.name {
            "trigger_run" | "trigger_options" | "send_message" | "stop_run" => matches!(
                feature.support,
                Support::NotChecked {
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
async fn a_mutation_is_probed_once_and_what_is_lost_is_not_checked() {
    let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
        "DinoaiAgentRunStatus" => Reply::data(&json!({})),
        _ => Reply::html(502),
    })
    .await;
    let (client, _) = server.client();
    let features = client.probe().await.unwrap();
    assert!(features.status.is_supported());
    let triggers = server.operations();
    let triggers = triggers
        .iter()
        .filter(|name| *name == "TriggerDinoaiAgentRun");
    assert_eq!(triggers.count(), 1);
    let Support::NotChecked { error, .. } = &features.trigger_run else {
        panic!("{:?}", features.trigger_run)
    };
    assert!(!error.may_have_started(), "{error:?}");
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

#[tokio::test]
async fn a_server_that_executes_what_should_be_skipped_gets_no_further_mutation() {
    let started = json!({ "ok": true, "agentSessionId": "abc123", "status": "queued" });
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        "TriggerDinoaiAgentRun" => Reply::data(&json!({ "triggerDinoaiAgentRun": started })),
        _ => Reply::data(&json!({})),
    })
    .await;
    let (client, _) = server.client();
    let error = client.probe().await.unwrap_err();
    assert!(error.may_have_started(), "{error:?}");
    assert_eq!(error.session_id().unwrap().as_str(), "abc123");
    assert_eq!(
        server.operations(),
        ["DinoaiAgentRunStatus", "TriggerDinoaiAgentRun"]
    );

    // A refusal is no execution.
    let refused = json!({ "ok": false, "agentSessionId": "", "status": "REJECTED" });
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        "TriggerDinoaiAgentRun" => Reply::data(&json!({ "triggerDinoaiAgentRun": refused })),
        _ => Reply::data(&json!({})),
    })
    .await;
    let (client, _) = server.client();
    assert!(client.probe().await.unwrap().trigger_run.is_supported());
}
