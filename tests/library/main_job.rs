//! A run is started, awaited and read whole: real HTTP, real GraphQL execution, an independent
//! reading of the API.

use dinoai::{Credentials, Error, RunStatus, TriggerRun};
use dinoai_emulator::{Backend, Child, Emulator, Scenario, Stage};

use crate::support::emulated::{client_of, client_with};

#[tokio::test]
async fn a_run_is_started_once_waited_for_and_read_whole() {
    let emulator = Emulator::start().await.unwrap();
    let request = TriggerRun::agent("data-quality-checker")
        .with_message("Focus on stg_orders")
        .with_slack("C0123456789", "1714142436.001200");
    let run = client_of(&emulator)
        .trigger_run_and_wait(request)
        .await
        .unwrap();

    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(run.messages[0].content, "Focus on stg_orders");
    assert!(run.messages[0].is_from_user() && run.answer().is_some());
    assert_eq!(run.workspace_uid, emulator.workspace_uid());
    let runs = emulator.runs();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].session_id, run.session_id.as_str());
    assert_eq!(runs[0].agent.as_deref(), Some("data-quality-checker"));
    let slack = runs[0].slack.as_ref().unwrap();
    assert_eq!(
        (slack.channel.as_str(), slack.thread_ts.as_str()),
        ("C0123456789", "1714142436.001200")
    );
    let operations: Vec<_> = emulator
        .requests()
        .into_iter()
        .filter_map(|request| request.operation_name)
        .collect();
    assert_eq!(
        operations,
        [
            "TriggerDinoaiAgentRun",
            "DinoaiAgentRunStatus",
            "DinoaiAgentRunStatus",
            "DinoaiAgentRunStatus",
            "DinoaiAgentRun",
        ]
    );
}

#[tokio::test]
async fn every_end_comes_with_the_whole_run() {
    for (scenario, status) in [
        (Scenario::failed(), RunStatus::Failed),
        (Scenario::expired(), RunStatus::Expired),
        (Scenario::stopped(), RunStatus::Stopped),
    ] {
        let emulator = Emulator::builder()
            .default_scenario(scenario)
            .start()
            .await
            .unwrap();
        let error = client_of(&emulator)
            .trigger_run_and_wait(TriggerRun::message("hello"))
            .await
            .unwrap_err();
        let Error::RunFailed { run, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(run.status, status);
        assert_eq!(run.messages[0].content, "hello");
    }
}

#[tokio::test]
async fn a_follow_up_goes_to_the_same_run_and_a_stop_ends_it() {
    let emulator = Emulator::start().await.unwrap();
    let client = client_of(&emulator);
    let session = client.start(TriggerRun::agent("a")).await.unwrap();
    session.wait().await.unwrap();
    let accepted = client.send_message(session.id(), "go on").await.unwrap();
    assert_eq!(
        (&accepted.session_id, accepted.status.as_str()),
        (session.id(), "queued")
    );
    assert_eq!(emulator.runs()[0].follow_ups, ["go on"]);

    let stopped = session.stop().await.unwrap();
    assert_eq!(&stopped.session_id, session.id());
    assert_eq!(stopped.status, "stopped");
    assert_eq!(session.run().await.unwrap().status, RunStatus::Stopped);
}

#[tokio::test]
async fn children_are_runs_that_can_be_read() {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING"))
        .child(Child::from(Scenario::completed()))
        .child(Child::from(Scenario::failed()))
        .stage(Stage::new("COMPLETED"));
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .start()
        .await
        .unwrap();
    let client = client_of(&emulator);
    let run = client
        .trigger_run_and_wait(TriggerRun::agent("a"))
        .await
        .unwrap();
    assert_eq!(run.child_session_ids.len(), 2);
    for id in &run.child_session_ids {
        assert_eq!(&client.get_run(id).await.unwrap().session_id, id);
    }
}

#[tokio::test]
async fn each_kind_of_credentials_is_let_in_and_wrong_ones_are_unauthorized() {
    let emulator = Emulator::start().await.unwrap();
    let uid = emulator.workspace_uid();
    for credentials in [
        Credentials::key_and_secret(emulator.key(), emulator.secret()),
        Credentials::workspace_token(emulator.workspace_token()),
        Credentials::company_token(emulator.company_token(), uid),
    ] {
        let client = client_with(&emulator, credentials);
        client.trigger_run(TriggerRun::agent("a")).await.unwrap();
    }
    for credentials in [
        Credentials::key_and_secret(emulator.key(), "wrong"),
        Credentials::workspace_token("prdm_wsp_wrong"),
        Credentials::company_token(emulator.company_token(), "elsewhere"),
    ] {
        let client = client_with(&emulator, credentials);
        let error = client
            .trigger_run(TriggerRun::agent("a"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Unauthorized { status: 401, .. }),
            "{error:?}"
        );
    }
    assert_eq!(emulator.runs().len(), 3);
}

#[tokio::test]
async fn a_company_token_alone_finds_the_workspace_that_a_run_is_started_in() {
    let builder = Emulator::builder().workspace("finance", "Finance");
    let emulator = builder.start().await.unwrap();
    let credentials = Credentials::company_token_without_workspace(emulator.company_token());
    let client = client_with(&emulator, credentials.clone());
    let workspaces = client.list_workspaces().await.unwrap();
    let finance = workspaces.iter().find(|it| it.name == "Finance").unwrap();
    let client = client_with(&emulator, credentials.with_workspace_uid(&finance.uid));
    let run = client
        .trigger_run_and_wait(TriggerRun::agent("a"))
        .await
        .unwrap();
    assert_eq!(run.workspace_uid, "finance");
}

#[tokio::test]
async fn workspaces_are_unsupported_by_name_where_the_backend_knows_only_the_pages() {
    let builder = Emulator::builder().backend(Backend::PagesOnly);
    let emulator = builder.start().await.unwrap();
    let error = client_of(&emulator).list_workspaces().await.unwrap_err();
    let Error::Unsupported { feature, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(feature, "listing workspaces");
}

#[tokio::test]
async fn a_backend_that_knows_only_the_pages_serves_every_call_that_uses_only_the_pages() {
    let emulator = Emulator::builder()
        .backend(Backend::PagesOnly)
        .start()
        .await
        .unwrap();
    let client = client_of(&emulator);
    let request = TriggerRun::agent("a")
        .with_message("m")
        .with_slack("C1", "1.2");
    let run = client.trigger_run_and_wait(request).await.unwrap();
    client.send_message(&run.session_id, "go on").await.unwrap();
    client.get_run(&run.session_id).await.unwrap();
    assert_eq!(emulator.runs().len(), 1);
}

#[tokio::test]
async fn a_call_that_needs_more_than_the_pages_is_unsupported_by_name_and_starts_nothing() {
    let emulator = Emulator::builder()
        .backend(Backend::PagesOnly)
        .start()
        .await
        .unwrap();
    let client = client_of(&emulator);
    let request = || TriggerRun::agent("a");
    let mut texts = vec![];
    for request in [
        request().with_base_branch("main"),
        request().with_model_family("fast"),
        request().with_base_branch("main").with_model_family("fast"),
    ] {
        let error = client.trigger_run(request).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
        assert!(!error.may_have_started() && !error.is_retryable());
        texts.push(error.to_string());
    }
    assert_eq!(emulator.runs().len(), 0);
    texts.push(client.stop_run("s").await.unwrap_err().to_string());
    insta::assert_snapshot!(texts.join("\n"));
}

#[tokio::test]
async fn a_warning_reaches_the_caller() {
    let emulator = Emulator::start().await.unwrap();
    let client = client_of(&emulator);
    let request = TriggerRun::agent("a").with_model_family("no-such-family");
    let session = client.start(request.clone()).await.unwrap();
    let warning = session.warning().unwrap();
    assert!(warning.contains("no-such-family"), "{warning}");
    assert_eq!(
        client
            .trigger_run(request)
            .await
            .unwrap()
            .warning
            .as_deref(),
        Some(warning)
    );
}

#[tokio::test]
async fn an_unknown_session_is_an_error_with_its_id() {
    let emulator = Emulator::start().await.unwrap();
    let client = client_of(&emulator);
    for error in [
        client.get_run("unknown").await.unwrap_err(),
        client.send_message("unknown", "m").await.unwrap_err(),
        client.stop_run("unknown").await.unwrap_err(),
        client.session("unknown").unwrap().wait().await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::GraphQl { .. }), "{error:?}");
        assert_eq!(error.session_id().unwrap().as_str(), "unknown");
    }
}
