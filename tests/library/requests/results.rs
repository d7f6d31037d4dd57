//! What a response becomes for the caller.

use dinoai::{Error, RunStatus, TriggerRun};

use crate::requests::api::{Api, answer};

#[tokio::test]
async fn an_accepted_trigger_becomes_an_accepted() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let accepted = client.trigger_run(TriggerRun::agent("a")).await.unwrap();
    assert_eq!(accepted.session_id.as_str(), "xwzdneft6emspe0f");
    assert_eq!(accepted.status, "queued");
    assert_eq!(accepted.warning, None);

    let with_options = TriggerRun::agent("a").with_model_family("no-such-family");
    let accepted = client.trigger_run(with_options.clone()).await.unwrap();
    assert_eq!(accepted.session_id.as_str(), "xwzdneft6emspe0f");
    assert_eq!(accepted.status, "queued");
    assert_eq!(accepted.warning.as_deref(), Some("The default was taken."));

    let session = client.start(with_options).await.unwrap();
    assert_eq!(session.id().as_str(), "xwzdneft6emspe0f");
    assert_eq!(session.warning(), Some("The default was taken."));
}

#[tokio::test]
async fn an_accepted_follow_up_becomes_an_accepted() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let accepted = client
        .send_message("xwzdneft6emspe0f", "Go on.")
        .await
        .unwrap();
    assert_eq!(accepted.session_id.as_str(), "xwzdneft6emspe0f");
    assert_eq!(accepted.status, "queued");
    assert_eq!(accepted.warning, None);
}

#[tokio::test]
async fn a_stop_becomes_an_accepted_with_the_apis_word() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let stopped = client.stop_run("xwzdneft6emspe0f").await.unwrap();
    assert_eq!(stopped.session_id.as_str(), "xwzdneft6emspe0f");
    assert_eq!(stopped.status, "STOPPED");
    assert_eq!(stopped.warning, None);
}

#[tokio::test]
async fn a_run_is_read_with_all_its_fields_in_the_apis_order() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let run = client.get_run("xwzdneft6emspe0f").await.unwrap();
    assert_eq!(run.session_id.as_str(), "xwzdneft6emspe0f");
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(run.workspace_uid, "w1");
    let children: Vec<_> = run.child_session_ids.iter().map(|id| id.as_str()).collect();
    assert_eq!(children, ["child2", "child1"]);
    let messages: Vec<_> = run
        .messages
        .iter()
        .map(|message| (message.ts, message.role.as_str(), message.content.as_str()))
        .collect();
    assert_eq!(
        messages,
        [
            (1714142437.25, "assistant", "All **good**."),
            (1714142436.0012, "user", "Focus on stg_orders"),
        ]
    );

    let mut stored = answer("DinoaiAgentRun")["data"]["dinoaiAgentRun"].clone();
    stored.as_object_mut().unwrap().remove("ok");
    assert_eq!(serde_json::to_value(&run).unwrap(), stored);
}

#[tokio::test]
async fn ok_false_is_not_accepted_whatever_was_asked() {
    let api = Api::start().await;
    api.deny();
    let client = api.client().build().unwrap();
    let id = "xwzdneft6emspe0f";
    let plain = TriggerRun::agent("a");
    let with_options = plain.clone().with_base_branch("b");
    for refused in [
        client.trigger_run(plain).await.unwrap_err(),
        client.trigger_run(with_options).await.unwrap_err(),
        client.send_message(id, "Go on.").await.unwrap_err(),
        client.get_run(id).await.unwrap_err(),
        client.stop_run(id).await.unwrap_err(),
        client.session(id).unwrap().wait().await.unwrap_err(),
    ] {
        assert!(matches!(refused, Error::NotAccepted { .. }), "{refused:?}");
        assert!(!refused.is_retryable());
        // A session id beside it leaves open what came of a trigger or a follow-up.
        let named = ["Trigger", "Send"].map(|name| format!("{refused:?}").contains(name));
        assert_eq!(
            refused.may_have_started(),
            named.contains(&true),
            "{refused:?}"
        );
    }
    assert_eq!(api.requests().len(), 6);
}
