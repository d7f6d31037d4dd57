//! What a wait returns at its deadline, and which timeouts are refused.

use std::time::Duration;

use dinoai::time::Clock;
use dinoai::{Error, RunStatus, Schedule};

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::operations::TRIGGER;
use crate::support::samples::request;
use crate::waiting::requests_of_a_wait::after_trigger;

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
async fn a_timeout_says_why_the_last_poll_failed() {
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
    let said = format!("run {SESSION} was RUNNING when it was last read; gave up after 5.0s and ");
    assert!(text.starts_with(&said), "{text}");
    assert!(text.contains("; the last poll failed: "), "{text}");
    assert!(text.contains("HTTP 502"), "{text}");
}

#[tokio::test]
async fn a_run_whose_transcript_cannot_be_read_is_not_called_still_in_progress() {
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
        assert!(matches!(&error, Error::InvalidRequest { field: named, .. } if *named == field));
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
