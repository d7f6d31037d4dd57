//! A trigger that has left is cut by its own request timeout alone, not by a wait or a call.

use std::time::Duration;

use dinoai::time::{SystemClock, VirtualClock};
use dinoai::{Client, Error, OnTimeout, Retry};

use crate::starting::change::{Bench, Change, Wrong};
use crate::support::fault_server::{FaultServer, Reply, SESSION, client};
use crate::support::samples::request;

/// A server whose answer to a trigger takes three seconds by the clock of the client that comes
/// with it.
async fn slow_to_trigger(status: &'static str) -> (FaultServer, Client) {
    let clock = VirtualClock::new();
    let time = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == "TriggerDinoaiAgentRun" {
            time.advance(Duration::from_secs(3));
        }
        Reply::Status(status)
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| builder.clock(clock));
    (server, client)
}

#[tokio::test]
async fn a_run_whose_trigger_outlasts_the_wait_is_looked_at_once_and_reported_with_its_id() {
    let (server, client) = slow_to_trigger("RUNNING").await;
    let wait = client.trigger_run_and_wait(request());
    let error = wait.timeout(Duration::from_secs(2)).await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    assert!(error.may_have_started() && !error.is_retryable());
    let operations = server.operations();
    assert_eq!(
        operations,
        ["TriggerDinoaiAgentRun", "DinoaiAgentRunStatus"]
    );
}

#[tokio::test]
async fn a_run_that_has_ended_by_the_last_look_is_returned_although_the_time_is_over() {
    let (server, client) = slow_to_trigger("COMPLETED").await;
    let wait = client
        .trigger_run_and_wait(request())
        .on_timeout(OnTimeout::Stop);
    let run = wait.timeout(Duration::from_secs(2)).await.unwrap();
    assert_eq!(run.session_id.as_str(), SESSION);
    let operations = server.operations();
    assert_eq!(
        operations,
        [
            "TriggerDinoaiAgentRun",
            "DinoaiAgentRunStatus",
            "DinoaiAgentRun"
        ]
    );
}

#[tokio::test]
async fn a_run_whose_trigger_outlasts_the_wait_is_stopped_after_a_look_where_that_is_asked_for() {
    let (server, client) = slow_to_trigger("RUNNING").await;
    let wait = client
        .trigger_run_and_wait(request())
        .on_timeout(OnTimeout::Stop);
    let error = wait.timeout(Duration::from_secs(2)).await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(
        server.operations(),
        [
            "TriggerDinoaiAgentRun",
            "DinoaiAgentRunStatus",
            "StopDinoaiAgentRun"
        ]
    );
}

/// The same in real time, since the timeout of a wait must not cut the socket either.
#[tokio::test]
async fn a_trigger_that_has_left_is_not_cut_by_the_timeout_of_its_wait() {
    let late = Reply::Late(Duration::from_millis(400), Box::new(Reply::Good));
    let server = FaultServer::start([late, Reply::Status("RUNNING")]).await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .request_timeout(Duration::from_secs(10))
            .clock(SystemClock::new())
    });
    let wait = client.trigger_run_and_wait(request());
    let error = wait.timeout(Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    let operations = server.operations();
    assert_eq!(
        operations,
        ["TriggerDinoaiAgentRun", "DinoaiAgentRunStatus"]
    );
}

/// Nor must the timeout of the call: it says when the last attempt may begin.
#[tokio::test]
async fn a_change_that_has_left_is_not_cut_by_the_timeout_of_its_call() {
    let bench = Bench::with(|builder| {
        builder
            .request_timeout(Duration::from_secs(10))
            .retry(Retry::default().with_call_timeout(Duration::from_millis(150)))
            .clock(SystemClock::new())
    })
    .await;
    let mut wrong = Wrong::default();
    for change in Change::ALL {
        let answer = Reply::json(200, &change.accepted());
        let late = Reply::Late(Duration::from_millis(400), Box::new(answer));
        let answered = bench.answer(change, late).await;
        wrong.unless(answered.is_accepted(), "answered late", &answered);
    }
}

#[tokio::test]
async fn a_trigger_is_still_cut_by_its_own_request_timeout() {
    let server = FaultServer::start([Reply::Hang]).await;
    let (client, _) = server.client();
    let wait = client.trigger_run_and_wait(request());
    let error = wait.timeout(Duration::from_secs(3600)).await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    assert_eq!(server.arrived(), 1);
}
