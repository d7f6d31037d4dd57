//! A key starts one run, whoever asks for it and however often.

use std::sync::Arc;

use dinoai::journal::{FileJournal, Restart, State};
use dinoai::{Client, Credentials, Error, RunStatus, StartedOnce, TriggerRun};
use tokio::sync::Notify;

use super::{KEY, triggers};
use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::memory_journal::MemoryJournal;
use crate::support::samples::{request, seconds};

/// A server whose run has this status.
async fn whose_run_is(status: &'static str) -> FaultServer {
    FaultServer::scripted(move |seen| match seen.operation.starts_with("Trigger") {
        true => Reply::Good,
        false => Reply::Status(status),
    })
    .await
}

#[tokio::test]
async fn a_second_call_attaches_to_the_run_of_the_first() {
    let server = whose_run_is("RUNNING").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let first = client.start_once(KEY, request(), &journal).await.unwrap();
    let StartedOnce::Started(session) = &first else {
        panic!("{first:?}");
    };
    assert_eq!(session.id().as_str(), SESSION);
    let second = client.start_once(KEY, request(), &journal).await.unwrap();
    let StartedOnce::Attached(session) = &second else {
        panic!("{second:?}");
    };
    assert_eq!(session.id().as_str(), SESSION);
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn a_claim_is_one_store_and_so_is_the_id() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    client.start_once(KEY, request(), &journal).await.unwrap();
    assert_eq!(journal.asked(), (0, 2));
}

#[tokio::test]
async fn a_run_that_has_ended_is_returned_and_its_end_recorded() {
    let server = whose_run_is("COMPLETED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    client.start_once(KEY, request(), &journal).await.unwrap();
    for _ in 0..2 {
        let again = client.start_once(KEY, request(), &journal).await.unwrap();
        let StartedOnce::Ended(run) = again else {
            panic!("{again:?}");
        };
        assert_eq!(run.answer(), Some("All good."));
        let state = journal.state(KEY);
        let is_ended = |state: &State| matches!(state, State::Ended { status, .. } if *status == RunStatus::Completed);
        assert!(state.as_ref().is_some_and(is_ended), "{state:?}");
    }
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn a_run_that_cannot_be_read_is_attached_to_and_not_started_again() {
    for status in [404, 503] {
        let server =
            FaultServer::scripted(move |seen| match seen.operation.starts_with("Trigger") {
                true => Reply::Good,
                false => Reply::html(status),
            })
            .await;
        let (client, _) = server.client();
        let journal = MemoryJournal::default();
        client.start_once(KEY, request(), &journal).await.unwrap();
        let again = client.start_once(KEY, request(), &journal);
        let again = again.restart(Restart::Failed).await.unwrap();
        assert!(matches!(again, StartedOnce::Attached(_)), "{again:?}");
        assert_eq!(triggers(&server), 1);
    }
}

#[tokio::test]
async fn a_failed_run_is_started_again_only_if_that_is_asked_for() {
    for (status, is_failed) in [
        ("COMPLETED", false),
        ("FAILED", true),
        ("EXPIRED", true),
        ("STOPPED", true),
        ("RUNNING", false),
    ] {
        let server = whose_run_is(status).await;
        let (client, _) = server.client();
        let journal = MemoryJournal::default();
        client.start_once(KEY, request(), &journal).await.unwrap();
        let never = client.start_once(KEY, request(), &journal).await.unwrap();
        assert!(!matches!(never, StartedOnce::Started(_)), "{never:?}");
        assert_eq!(triggers(&server), 1, "{status}");

        let failed = client.start_once(KEY, request(), &journal);
        let failed = failed.restart(Restart::Failed).await.unwrap();
        assert_eq!(triggers(&server), 1 + usize::from(is_failed), "{status}");
        let StartedOnce::Restarted { before, .. } = &failed else {
            assert!(!is_failed, "{failed:?}");
            continue;
        };
        assert_eq!(
            (before.session_id.as_str(), before.status.as_str()),
            (SESSION, status)
        );
    }
}

#[tokio::test]
async fn the_run_before_a_restart_is_kept() {
    let mut started = 0;
    let server = FaultServer::scripted(move |seen| match seen.operation.starts_with("Trigger") {
        true => {
            started += 1;
            let id = format!("run-{started}");
            Reply::data(&serde_json::json!({ "triggerDinoaiAgentRun": {
                "ok": true, "agentSessionId": id, "status": "queued",
            } }))
        }
        false => Reply::Status("FAILED"),
    })
    .await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    client.start_once(KEY, request(), &journal).await.unwrap();
    for before in ["run-1", "run-2"] {
        let again = client.start_once(KEY, request(), &journal);
        let again = again.restart(Restart::Failed).await.unwrap();
        let StartedOnce::Restarted { before: was, .. } = &again else {
            panic!("{again:?}");
        };
        assert_eq!(was.session_id.as_str(), before);
    }
    let entry = journal.entry(KEY).unwrap();
    let others: Vec<_> = entry.other_runs.iter().map(|id| id.as_str()).collect();
    assert_eq!(others, ["run-1", "run-2"]);
    assert_eq!(entry.session_id().map(|id| id.as_str()), Some("run-3"));
}

#[tokio::test]
async fn a_key_belongs_to_its_request_and_its_account() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let request = || TriggerRun::agent("checker").with_message("Focus on stg_orders");
    client.start_once(KEY, request(), &journal).await.unwrap();
    let before = server.arrived();
    for (other, what) in [
        (
            TriggerRun::agent("reviewer").with_message("Focus on stg_orders"),
            "the agent",
        ),
        (
            TriggerRun::agent("checker").with_message("Focus on stg_order5"),
            "the message",
        ),
        (TriggerRun::agent("checker"), "the message"),
        (request().with_base_branch("main"), "the base branch"),
        (request().with_model_family("fast"), "the model family"),
        (request().with_slack("C1", "1.2"), "the Slack target"),
    ] {
        let refused = client.start_once(KEY, other, &journal).await.unwrap_err();
        let text = refused.to_string();
        assert!(
            matches!(refused, Error::InvalidRequest { field: "key", .. }),
            "{text}"
        );
        assert!(text.contains(KEY) && text.contains(what), "{text}");
        assert!(!text.contains("stg_order"), "{text}");
    }
    let workspace = Credentials::key_and_secret("k", "s").with_workspace_uid("other");
    let elsewhere = Client::new(server.endpoint(), workspace).unwrap();
    let refused = elsewhere.start_once(KEY, request(), &journal).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("another account"), "{text}");
    assert_eq!(server.arrived(), before);

    // The credentials may change: they are rotated.
    let rotated = Credentials::key_and_secret("k2", "s2");
    let rotated = Client::new(server.endpoint(), rotated).unwrap();
    rotated.start_once(KEY, request(), &journal).await.unwrap();
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn a_key_that_has_started_nothing_takes_another_request() {
    let server = FaultServer::start([Reply::html(404)]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    let misspelt = TriggerRun::agent("chekcer");
    client
        .start_once(KEY, misspelt, &journal)
        .await
        .unwrap_err();
    let state = journal.state(KEY);
    assert!(matches!(state, Some(State::Free { .. })), "{state:?}");
    let started = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(started, StartedOnce::Started(_)), "{started:?}");
}

#[tokio::test]
async fn a_bad_key_is_refused_before_anything_is_asked() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    for key in ["", " \t", "a\nb", "a\u{0}", &"k".repeat(513)] {
        let refused = client.start_once(key, request(), &journal).await;
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, Error::InvalidRequest { field: "key", .. }),
            "{refused}"
        );
    }
    let blank = client
        .start_once(KEY, TriggerRun::agent(" "), &journal)
        .await;
    assert!(matches!(
        blank,
        Err(Error::InvalidRequest { field: "agent", .. })
    ));
    let zero = client
        .start_once(KEY, request(), &journal)
        .timeout(seconds(0));
    assert!(matches!(
        zero.await,
        Err(Error::InvalidRequest {
            field: "timeout",
            ..
        })
    ));
    assert_eq!((journal.asked(), server.arrived()), ((0, 0), 0));
    let longest = client
        .start_once("k".repeat(512), request(), &journal)
        .await;
    longest.unwrap();
}

#[tokio::test]
async fn of_two_at_once_one_starts_and_the_other_waits_for_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.jsonl");
    let released = Arc::new(Notify::new());
    let server = FaultServer::start([Reply::When(released.clone(), Box::new(Reply::Good))]).await;
    let client = Client::builder()
        .endpoint(server.endpoint())
        .credentials(Credentials::key_and_secret("key", "secret"))
        .build()
        .unwrap();
    // As two processes have it.
    let journals = [
        FileJournal::open(&path).unwrap(),
        FileJournal::open(&path).unwrap(),
    ];
    let calls = journals.map(|journal| {
        let call = client.start_once(KEY, request(), &journal);
        tokio::spawn(call.into_future())
    });
    while server.arrived() == 0 {
        tokio::task::yield_now().await;
    }
    released.notify_one();
    let mut found = vec![];
    for call in calls {
        found.push(call.await.unwrap().unwrap());
    }
    let started = |found: &&StartedOnce| matches!(found, StartedOnce::Started(_));
    assert_eq!(found.iter().filter(started).count(), 1, "{found:?}");
    let ids: Vec<_> = found
        .iter()
        .map(|found| found.session_id().unwrap().as_str())
        .collect();
    assert_eq!(ids, [SESSION, SESSION]);
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn a_restart_that_starts_nothing_leaves_the_failed_run_to_the_next_call() {
    let server = whose_run_is("FAILED").await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    client.start_once(KEY, request(), &journal).await.unwrap();
    let restart = || {
        client
            .start_once(KEY, request(), &journal)
            .restart(Restart::Failed)
    };
    server.answer_next([Reply::Status("FAILED"), Reply::html(404)]);
    restart().await.unwrap_err();
    let state = journal.state(KEY);
    let is_failed = |state: &State| matches!(state, State::Ended { status, .. } if *status == RunStatus::Failed);
    assert!(state.as_ref().is_some_and(is_failed), "{state:?}");
    assert!(journal.entry(KEY).unwrap().other_runs.is_empty());
    let before = triggers(&server);
    let never = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(never, StartedOnce::Ended(_)), "{never:?}");
    assert_eq!(triggers(&server), before);
    let again = restart().await.unwrap();
    assert!(matches!(again, StartedOnce::Restarted { .. }), "{again:?}");
}
