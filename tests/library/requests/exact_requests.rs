//! What each call sends, to the letter.

use dinoai::{RunStatus, StepOptions, TriggerRun};
use serde_json::{Value, json};

use crate::requests::api::{Api, body, shown, trigger};

#[tokio::test]
async fn a_trigger_of_an_agent() {
    insta::assert_snapshot!(trigger(TriggerRun::agent("data-quality-checker")).await);
}

#[tokio::test]
async fn a_trigger_of_an_agent_with_a_message() {
    let request = TriggerRun::agent("data-quality-checker").with_message("Focus on stg_orders");
    insta::assert_snapshot!(trigger(request).await);
}

#[tokio::test]
async fn a_trigger_by_a_message_alone() {
    insta::assert_snapshot!(trigger(TriggerRun::message("Which tests fail?")).await);
}

#[tokio::test]
async fn a_trigger_that_reports_to_slack() {
    let request = TriggerRun::agent("data-quality-checker")
        .with_message("Focus on stg_orders")
        .with_slack("C0123456789", "1714142436.001200");
    insta::assert_snapshot!(trigger(request).await);
}

#[tokio::test]
async fn a_trigger_on_a_base_branch() {
    let request = TriggerRun::agent("data-quality-checker").with_base_branch("release/1.4");
    insta::assert_snapshot!(trigger(request).await);
}

#[tokio::test]
async fn a_trigger_on_a_model_family() {
    let request = TriggerRun::agent("data-quality-checker").with_model_family("family-1");
    insta::assert_snapshot!(trigger(request).await);
}

#[tokio::test]
async fn a_trigger_with_everything() {
    let request = TriggerRun::agent("data-quality-checker")
        .with_message("Focus on stg_orders")
        .with_slack("C0123456789", "1714142436.001200")
        .with_base_branch("release/1.4")
        .with_model_family("family-1");
    insta::assert_snapshot!(trigger(request).await);
}

#[tokio::test]
async fn a_follow_up_message() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client
        .send_message("xwzdneft6emspe0f", "Now also check stg_customers.")
        .await
        .unwrap();
    insta::assert_snapshot!(shown(&api.only_request()));
}

#[tokio::test]
async fn a_read_of_a_run() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client.get_run("xwzdneft6emspe0f").await.unwrap();
    insta::assert_snapshot!(shown(&api.only_request()));
}

#[tokio::test]
async fn a_stop_of_a_run() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client.stop_run("xwzdneft6emspe0f").await.unwrap();
    insta::assert_snapshot!(shown(&api.only_request()));
}

#[tokio::test]
async fn a_list_of_workspaces() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let listed = client.list_workspaces().await.unwrap();
    let named: Vec<_> = listed.iter().map(|it| (&*it.uid, &*it.name)).collect();
    assert_eq!(named, [("w1", "Analytics"), ("w2", "Finance")]);
    insta::assert_snapshot!(shown(&api.only_request()));
}

#[tokio::test]
async fn a_poll_of_a_wait() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client
        .session("xwzdneft6emspe0f")
        .unwrap()
        .wait()
        .await
        .unwrap();
    insta::assert_snapshot!(shown(&api.requests()[0]));
}

#[tokio::test]
async fn a_read_of_steps() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let options = StepOptions::default()
        .with_after(7)
        .with_tool_io()
        .with_max_chars(300);
    let read = client.get_run_steps("xwzdneft6emspe0f", options).await;
    assert_eq!(read.unwrap().steps, Some(vec![]));
    insta::assert_snapshot!(shown(&api.only_request()));
}

#[tokio::test]
async fn a_read_of_all_steps_sends_the_id_alone() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client
        .get_run_steps("xwzdneft6emspe0f", StepOptions::default())
        .await
        .unwrap();
    let variables = &body(&api.only_request())["variables"];
    assert_eq!(*variables, json!({ "id": "xwzdneft6emspe0f" }));
}

#[tokio::test]
async fn a_poll_of_a_watch() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let session = client.session("xwzdneft6emspe0f").unwrap();
    session.watch().events().next().await.unwrap().unwrap();
    insta::assert_snapshot!(shown(&api.requests()[0]));
}

#[tokio::test]
async fn a_status_is_read_as_a_wait_polls_it() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let session = client.session("xwzdneft6emspe0f").unwrap();
    let status = session.status().await.unwrap();
    let first = shown(&api.only_request());
    session.wait().await.unwrap();
    assert_eq!(shown(&api.requests()[1]), first);
    assert!(status.is_terminal(), "{status}");
}

#[tokio::test]
async fn a_poll_of_many_runs() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let ids = ["xwzdneft6emspe0f", "b2v9q1m4k7c3x8za"];
    client
        .wait_all(ids)
        .unwrap()
        .results()
        .next()
        .await
        .unwrap()
        .1
        .unwrap();
    insta::assert_snapshot!(shown(&api.requests()[0]));
}

#[tokio::test]
async fn a_wait_triggers_once_polls_the_status_and_reads_the_run_once() {
    let api = Api::start().await;
    api.answer_in_turn("DinoaiAgentRunStatus", ["QUEUED", "RUNNING", "COMPLETED"]);
    let client = api.client().build().unwrap();
    let run = client
        .trigger_run_and_wait(TriggerRun::agent("data-quality-checker"))
        .await
        .unwrap();
    assert_eq!(run.status, RunStatus::Completed);

    let sent: Vec<Value> = api
        .requests()
        .iter()
        .map(|request| body(request)["operationName"].clone())
        .collect();
    assert_eq!(
        sent,
        [
            "TriggerDinoaiAgentRun",
            "DinoaiAgentRunStatus",
            "DinoaiAgentRunStatus",
            "DinoaiAgentRunStatus",
            "DinoaiAgentRun",
        ]
    );
    for poll in &api.requests()[1..] {
        assert_eq!(body(poll)["variables"], json!({ "id": "xwzdneft6emspe0f" }));
    }
}

#[tokio::test]
async fn a_trigger_that_sets_only_agent_and_message_sends_only_those_and_the_pages_document() {
    let api = Api::start().await;
    let request = TriggerRun::agent("data-quality-checker").with_message("Focus on stg_orders");
    let client = api.client().build().unwrap();
    client.trigger_run(request).await.unwrap();
    assert_eq!(
        body(&api.only_request()),
        json!({
            "operationName": "TriggerDinoaiAgentRun",
            "query": include_str!("../../../graphql/trigger_dinoai_agent_run.graphql"),
            "variables": { "agent": "data-quality-checker", "message": "Focus on stg_orders" },
        })
    );
}
