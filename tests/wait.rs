//! What a wait asks for, bears and tells.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod fault_server;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::time::Clock;
use dinoai::{Error, Run, RunStatus, Schedule, TriggerRun, Wait};
use fault_server::{FaultServer, Reply, SESSION, client};
use serde_json::json;

const STATUS: &str = "DinoaiAgentRunStatus";
const READ: &str = "DinoaiAgentRun";
const TRIGGER: &str = "TriggerDinoaiAgentRun";

fn request() -> TriggerRun {
    TriggerRun::agent("data-quality-checker")
}

/// A plan: the trigger succeeds, then these replies.
fn after_trigger(replies: impl IntoIterator<Item = Reply>) -> Vec<Reply> {
    [Reply::Good].into_iter().chain(replies).collect()
}

#[tokio::test]
async fn a_wait_of_n_polls_makes_n_and_one_requests_over_one_connection() {
    let going = [
        Reply::Status("QUEUED"),
        Reply::Status("RUNNING"),
        Reply::Status("RUNNING"),
    ];
    let server = FaultServer::start(after_trigger(going)).await;
    let (client, _) = server.client();
    let run = client.trigger_run_and_wait(request()).await.unwrap();
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(run.answer(), Some("All good."));
    assert_eq!(
        server.operations(),
        [TRIGGER, STATUS, STATUS, STATUS, STATUS, READ]
    );
    let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [1, 2, 2, 2, 2, 2]);
}

#[tokio::test]
async fn the_first_poll_comes_at_once() {
    let server = FaultServer::start([]).await;
    let (client, clock) = server.client();
    client.session(SESSION).unwrap().wait().await.unwrap();
    assert!(clock.sleeps().is_empty());
}

#[tokio::test]
async fn every_end_but_completed_is_run_failed_and_carries_the_whole_run() {
    for (word, status) in [
        ("FAILED", RunStatus::Failed),
        ("EXPIRED", RunStatus::Expired),
        ("STOPPED", RunStatus::Stopped),
    ] {
        let end = Reply::Status(word);
        let server = FaultServer::start(after_trigger([end.clone(), end])).await;
        let (client, _) = server.client();
        let error = client.trigger_run_and_wait(request()).await.unwrap_err();
        let Error::RunFailed { run, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!((&run.status, run.answer()), (&status, Some("All good.")));
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(
            error.to_string(),
            format!("run {SESSION} ended {word}; its last message: All good.")
        );
    }
}

/// One of each kind of temporary failure.
fn ten_temporary_failures() -> Vec<Reply> {
    vec![
        Reply::ResetBefore,
        Reply::ResetAfter,
        Reply::CutBody,
        Reply::Hang,
        Reply::too_many_requests("3"),
        Reply::html(500),
        Reply::html(502),
        Reply::unavailable("2"),
        Reply::html(504),
        Reply::html(200),
    ]
}

#[tokio::test]
async fn after_a_trigger_ten_failed_polls_of_every_temporary_kind_do_not_end_a_wait() {
    let server = FaultServer::start(after_trigger(ten_temporary_failures())).await;
    let (client, _) = server.client();
    client.trigger_run_and_wait(request()).await.unwrap();
    // Each failed poll was tried once: the loop is the retry.
    assert_eq!(server.arrived(), 1 + 10 + 2);
}

#[tokio::test]
async fn a_poll_that_has_succeeded_once_proves_host_and_id_as_a_trigger_does() {
    let plan = [vec![Reply::Status("RUNNING")], ten_temporary_failures()].concat();
    let server = FaultServer::start(plan).await;
    let (client, _) = server.client();
    client.session(SESSION).unwrap().wait().await.unwrap();
    assert_eq!(server.arrived(), 1 + 10 + 2);
}

#[tokio::test]
async fn a_session_that_was_started_here_is_waited_for_as_after_a_trigger() {
    let server = FaultServer::start(after_trigger(ten_temporary_failures())).await;
    let (client, _) = server.client();
    let session = client.start(request()).await.unwrap();
    session.wait().await.unwrap();
    assert_eq!(server.arrived(), 1 + 10 + 2);

    let server = FaultServer::start(after_trigger([Reply::Http(401, vec![], String::new())])).await;
    let (client, _) = server.client();
    let session = client.start(request()).await.unwrap();
    let error = session.wait().await.unwrap_err();
    // The wait has started nothing; that the run exists is what the id says.
    assert!(!error.may_have_started(), "{error:?}");
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
}

#[tokio::test]
async fn a_temporary_failure_of_the_first_poll_is_tried_four_times_and_then_told() {
    let server = FaultServer::start(vec![Reply::html(503); 10]).await;
    let (client, _) = server.client();
    let error = client.session(SESSION).unwrap().wait().await.unwrap_err();
    assert!(
        matches!(error, Error::Http { status: 503, .. }),
        "{error:?}"
    );
    assert_eq!(server.arrived(), 4);
}

fn no_such_run() -> Reply {
    let error = json!({ "message": "No such run.", "path": ["dinoaiAgentRun"] });
    Reply::json(
        200,
        &json!({ "data": { "dinoaiAgentRun": null }, "errors": [error] }),
    )
}

fn null_run() -> Reply {
    Reply::json(200, &json!({ "data": { "dinoaiAgentRun": null } }))
}

fn not_ok() -> Reply {
    Reply::json(
        200,
        &json!({ "data": { "dinoaiAgentRun": { "ok": false, "status": "QUEUED" } } }),
    )
}

#[tokio::test]
async fn a_wrong_session_id_is_told_at_the_first_poll() {
    for reply in [no_such_run(), null_run(), not_ok(), Reply::html(404)] {
        let server = FaultServer::start([reply]).await;
        let (client, clock) = server.client();
        let error = client.session("wrong").unwrap().wait().await.unwrap_err();
        assert_eq!(error.session_id().unwrap().as_str(), "wrong");
        assert_eq!(server.arrived(), 1);
        assert!(clock.sleeps().is_empty() && !error.may_have_started());
    }
}

#[tokio::test]
async fn a_wrong_host_is_told_at_the_first_poll() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let (client, clock) = client(&format!("http://{address}/graphql"), |builder| builder);
    let error = client.session(SESSION).unwrap().wait().await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    assert_eq!(clock.sleeps().len(), 3);
}

#[tokio::test]
async fn errors_of_the_api_are_tolerated_for_two_minutes_and_a_success_starts_anew() {
    let half_a_minute = Duration::from_secs(30);
    for reply in [no_such_run(), null_run(), not_ok(), Reply::html(404)] {
        let four = vec![reply.clone(); 4];
        let plan = [four.clone(), vec![Reply::Status("RUNNING")], four].concat();
        let server = FaultServer::start(after_trigger(plan)).await;
        let (client, _) = server.client();
        let wait = client.trigger_run_and_wait(request());
        wait.poll_interval(half_a_minute).await.unwrap();
        assert_eq!(server.arrived(), 1 + 4 + 1 + 4 + 2);

        let server = FaultServer::start(after_trigger(vec![reply; 20])).await;
        let (client, clock) = server.client();
        let wait = client.trigger_run_and_wait(request());
        let error = wait.poll_interval(half_a_minute).await.unwrap_err();
        assert_eq!(server.arrived(), 1 + 5, "{error:?}");
        assert_eq!(clock.now(), Duration::from_secs(120));
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    }
}

#[tokio::test]
async fn an_invalid_document_ends_a_wait_at_once() {
    let validation =
        json!([{ "message": "bad", "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" } }]);
    let unknown = json!([{ "message": "Cannot query field \"ok\" on type \"DinoAiAgentRun\"." }]);
    for reply in [
        Reply::json(200, &json!({ "errors": validation })),
        Reply::json(400, &json!({ "errors": unknown })),
    ] {
        let server = FaultServer::start(after_trigger([Reply::Status("RUNNING"), reply])).await;
        let (client, _) = server.client();
        let error = client.trigger_run_and_wait(request()).await.unwrap_err();
        assert_eq!(server.arrived(), 3, "{error:?}");
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    }
}

#[tokio::test]
async fn refused_credentials_end_a_wait_at_once_unless_a_read_has_succeeded_before() {
    for status in [401, 403] {
        let refused = Reply::Http(status, vec![], String::new());
        let server = FaultServer::start(after_trigger([refused.clone()])).await;
        let (client, _) = server.client();
        let error = client.trigger_run_and_wait(request()).await.unwrap_err();
        assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
        assert_eq!(server.arrived(), 2);
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);

        let plan = after_trigger([Reply::Status("RUNNING"), refused.clone(), refused]);
        let server = FaultServer::start(plan).await;
        let (client, _) = server.client();
        client.trigger_run_and_wait(request()).await.unwrap();
        assert_eq!(server.arrived(), 1 + 3 + 2);
    }
}

#[tokio::test]
async fn an_unknown_status_keeps_a_wait_going_until_its_timeout() {
    let server = FaultServer::start(after_trigger(vec![Reply::Status("PAUSED"); 200])).await;
    let (client, clock) = server.client();
    let error = client
        .trigger_run_and_wait(request())
        .timeout(Duration::from_secs(600))
        .await
        .unwrap_err();
    let Error::WaitTimeout(timeout) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(
        timeout.last_status,
        Some(RunStatus::from("PAUSED".to_owned()))
    );
    assert_eq!(timeout.elapsed, Duration::from_secs(600));
    assert_eq!(timeout.polls as usize, server.arrived() - 1);
    assert_eq!(clock.now(), Duration::from_secs(600));
    assert!(error.may_have_started() && !error.is_retryable());
}

#[tokio::test]
async fn a_wait_that_timed_out_goes_on_from_the_errors_session_id() {
    let server = FaultServer::start(after_trigger(vec![Reply::Status("RUNNING"); 4])).await;
    let (client, _) = server.client();
    let error = client
        .trigger_run_and_wait(request())
        .poll_interval(Duration::from_secs(10))
        .timeout(Duration::from_secs(25))
        .await
        .unwrap_err();
    insta::assert_snapshot!(error);
    let session = client.session(error.session_id().unwrap()).unwrap();
    assert_eq!(session.wait().await.unwrap().status, RunStatus::Completed);
    let triggers = server
        .operations()
        .into_iter()
        .filter(|name| name == TRIGGER);
    assert_eq!(triggers.count(), 1);
}

#[tokio::test]
async fn a_timeout_tells_why_the_last_poll_failed() {
    let replies = [vec![Reply::Status("RUNNING")], vec![Reply::html(502); 20]].concat();
    let server = FaultServer::start(after_trigger(replies)).await;
    let (client, _) = server.client();
    let error = client
        .trigger_run_and_wait(request())
        .timeout(Duration::from_secs(5))
        .await
        .unwrap_err();
    let Error::WaitTimeout(timeout) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(timeout.last_status, Some(RunStatus::Running));
    assert!(matches!(
        timeout.last_error.as_deref(),
        Some(Error::Http { status: 502, .. })
    ));
    let text = error.to_string();
    let said = format!("run {SESSION}, last seen RUNNING, was not seen to end after 5.0s and ");
    assert!(text.starts_with(&said), "{text}");
    assert!(text.contains("; the last poll failed: "), "{text}");
    assert!(text.contains("HTTP 502"), "{text}");
}

#[tokio::test]
async fn a_run_whose_transcript_cannot_be_read_is_not_called_still_going() {
    // Odd replies are to status polls, even ones to reads of the run.
    let pair = [Reply::Status("FAILED"), Reply::html(500)];
    let server = FaultServer::start(pair.iter().cycle().take(40).cloned()).await;
    let (client, _) = server.client();
    let error = client
        .session(SESSION)
        .unwrap()
        .wait()
        .timeout(Duration::from_secs(6))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("ended FAILED"), "{error}");
}

#[tokio::test]
async fn a_run_that_woke_between_the_poll_and_the_read_is_waited_for_on() {
    let replies = [
        Reply::Status("COMPLETED"),
        Reply::Status("RUNNING"),
        Reply::Status("RUNNING"),
    ];
    let server = FaultServer::start(replies).await;
    let (client, _) = server.client();
    let run = client.session(SESSION).unwrap().wait().await.unwrap();
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(server.operations(), [STATUS, READ, STATUS, STATUS, READ]);
}

#[tokio::test]
async fn the_session_id_is_handed_out_after_the_trigger_and_before_the_first_poll() {
    let server = Arc::new(FaultServer::start([]).await);
    let (client, _) = server.client();
    let handed_out = Arc::new(Mutex::new(None));
    let (record, seen_by) = (handed_out.clone(), server.clone());
    client
        .trigger_run_and_wait(request())
        .on_started(move |id| {
            *record.lock().unwrap() = Some((id.to_string(), seen_by.operations()));
        })
        .await
        .unwrap();
    let handed_out = handed_out.lock().unwrap().take();
    assert_eq!(
        handed_out,
        Some((SESSION.to_owned(), vec![TRIGGER.to_owned()]))
    );
}

#[tokio::test]
async fn a_fixed_interval_is_kept_and_a_delay_that_the_server_asks_for_is_honoured() {
    let replies = [
        Reply::Status("RUNNING"),
        Reply::too_many_requests("33"),
        Reply::too_many_requests("3"),
        Reply::unavailable("44"),
    ];
    let server = FaultServer::start(after_trigger(replies)).await;
    let (client, clock) = server.client();
    client
        .trigger_run_and_wait(request())
        .poll_interval(Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(clock.sleeps(), [10, 33, 10, 44].map(Duration::from_secs));
}

#[tokio::test]
async fn an_hour_by_default_takes_about_as_many_polls_as_every_ten_seconds() {
    let server = FaultServer::start(after_trigger(vec![Reply::Status("RUNNING"); 1000])).await;
    let (client, clock) = server.client();
    let error = client.trigger_run_and_wait(request()).await.unwrap_err();
    let Error::WaitTimeout(timeout) = error else {
        panic!("{error:?}");
    };
    assert_eq!(timeout.elapsed, Duration::from_secs(3600));
    assert!((360..=420).contains(&timeout.polls), "{}", timeout.polls);
    let sleeps = clock.sleeps();
    let last = sleeps.len() - 1; // cut by the timeout
    assert!(
        sleeps[..last]
            .iter()
            .all(|pause| *pause >= Duration::from_millis(900))
    );
    assert!(sleeps.iter().all(|pause| *pause <= Duration::from_secs(11)));
}

#[tokio::test]
async fn a_trigger_inside_a_wait_is_never_sent_again_either() {
    let server = FaultServer::start([Reply::ResetAfter]).await;
    let (client, _) = server.client();
    let error = client.trigger_run_and_wait(request()).await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    assert_eq!(server.operations(), [TRIGGER]);
}

#[tokio::test]
async fn a_trigger_ends_within_its_waits_timeout() {
    let server = FaultServer::start(vec![Reply::too_many_requests("20"); 10]).await;
    let (client, clock) = server.client();
    let error = client
        .trigger_run_and_wait(request())
        .timeout(Duration::from_secs(30))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::RateLimited { .. }), "{error:?}");
    assert_eq!(
        (server.arrived(), clock.now()),
        (2, Duration::from_secs(20))
    );
}

#[tokio::test]
async fn a_wait_that_could_never_end_is_refused_before_any_request() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    for (wait, field) in [
        (
            client
                .trigger_run_and_wait(request())
                .timeout(Duration::ZERO),
            "timeout",
        ),
        (
            client
                .trigger_run_and_wait(request())
                .poll_interval(Duration::ZERO),
            "poll interval",
        ),
        (
            client
                .session(SESSION)
                .unwrap()
                .wait()
                .schedule(Schedule::every(Duration::ZERO)),
            "poll interval",
        ),
    ] {
        let error = wait.await.unwrap_err();
        assert!(matches!(&error, Error::InvalidRequest { field: told, .. } if *told == field));
        assert!(!error.may_have_started());
    }
    assert_eq!(server.arrived(), 0);
}

#[tokio::test]
async fn a_wait_without_end_of_time_can_be_asked_for() {
    let server = FaultServer::start(after_trigger([Reply::Status("RUNNING")])).await;
    let (client, _) = server.client();
    client
        .trigger_run_and_wait(request())
        .timeout(Duration::MAX)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_wait_can_be_spawned_and_nothing_is_sent_before_it_is_awaited() {
    fn is_sendable<T: Send + 'static>(_: &T) {}
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let wait: Wait = client.trigger_run_and_wait(request());
    is_sendable(&wait);
    drop(wait);
    assert_eq!(server.arrived(), 0);
    let run: Run = tokio::spawn(client.trigger_run_and_wait(request()).into_future())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(run.session_id.as_str(), SESSION);
}

#[tokio::test]
async fn a_wait_dropped_at_any_await_has_sent_nothing_twice() {
    let mut finished = false;
    for polls in 1..400 {
        let going = vec![Reply::Status("RUNNING"); 3];
        let server = FaultServer::start(after_trigger(going)).await;
        let (client, _) = server.client();
        let mut wait = client.trigger_run_and_wait(request()).into_future();
        let mut left = polls;
        finished = std::future::poll_fn(|context| {
            left -= 1;
            match wait.as_mut().poll(context) {
                std::task::Poll::Ready(_) => std::task::Poll::Ready(true),
                std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(false),
                std::task::Poll::Pending => std::task::Poll::Pending,
            }
        })
        .await;
        drop(wait);
        let operations = server.operations();
        assert!(operations.iter().filter(|name| *name == TRIGGER).count() <= 1);
        assert!(operations.iter().filter(|name| *name == READ).count() <= 1);
        assert!(operations.len() <= 6, "{operations:?}");
        if finished {
            break;
        }
    }
    assert!(finished);
}
