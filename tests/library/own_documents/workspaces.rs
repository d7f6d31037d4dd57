//! A client for another workspace names it in every request, and shares everything else.

use dinoai::{Error, TriggerRun};
use serde_json::json;

use super::{LastWords, of_run};
use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::memory_journal::MemoryJournal;
use crate::support::operations::STATUSES;
use crate::support::shown_run::{run, shown};

const HEADER: &str = "x-paradime-workspace";

fn workspaces(server: &FaultServer) -> Vec<Option<String>> {
    let seen = server.seen();
    let named = |seen: &crate::support::fault_server::Seen| seen.header(HEADER);
    seen.iter().map(named).collect()
}

#[tokio::test]
async fn every_request_names_the_workspace_of_its_client() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let finance = client.with_workspace("finance").unwrap();
    let marketing = finance.with_workspace("marketing").unwrap();
    server.answer_next([Reply::data(&json!({ "dinoaiAgentRun": null }))]);
    finance.execute::<LastWords>(of_run(SESSION)).await.unwrap();
    finance.get_run(SESSION).await.unwrap();
    marketing.trigger_run(TriggerRun::agent("a")).await.unwrap();
    client.get_run(SESSION).await.unwrap();
    let some = |uid: &str| Some(uid.to_owned());
    assert_eq!(
        workspaces(&server),
        [some("finance"), some("finance"), some("marketing"), None]
    );
}

#[tokio::test]
async fn waits_in_two_workspaces_share_no_request() {
    const OTHER: &str = "b2v9q1m4k7c3x8za";
    let (server, client, _clock) = shown(|seen, _| run(seen, "COMPLETED", &[])).await;
    let other = client.with_workspace("finance").unwrap();
    let many = client.wait_all([SESSION, "a0a0a0a0a0a0a0a0"]).unwrap();
    let mut many = many.results();
    let alone = other.session(OTHER).unwrap().wait();
    let (ended, ()) = tokio::join!(alone.into_future(), async {
        while let Some((_, ended)) = many.next().await {
            ended.unwrap();
        }
    });
    ended.unwrap();
    for seen in server.seen() {
        let ids = seen.variables.to_string();
        assert_eq!(seen.header(HEADER).is_some(), ids.contains(OTHER), "{ids}");
    }
    // Those of one workspace do.
    assert!(server.operations().contains(&STATUSES.to_owned()));
}

#[tokio::test]
async fn a_key_belongs_to_one_workspace() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let request = || TriggerRun::agent("a");
    client.start_once("key", request(), &journal).await.unwrap();
    let other = client.with_workspace("finance").unwrap();
    let error = other
        .start_once("key", request(), &journal)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("key"), "{error}");
    assert_eq!(server.arrived(), 1, "{error}");
}

#[tokio::test]
async fn they_are_closed_together() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let other = client.with_workspace("finance").unwrap();
    client.close();
    let error = other.trigger_run(TriggerRun::agent("a")).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    assert_eq!(server.arrived(), 0);
}

#[tokio::test]
async fn a_uid_that_no_header_can_carry_is_refused_by_name() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    for uid in ["", " ", "a\nb"] {
        let error = client.with_workspace(uid).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::InvalidConfig { .. }), "{error:?}");
        assert!(text.starts_with("workspace uid "), "{text}");
    }
}
