//! A watch that starts its run, or sends a follow-up: one timeout and one set of rules for all of it.

use std::time::Duration;

use dinoai::time::SystemClock;
use dinoai::{Error, Event, Events, OnTimeout, Result, RunStatus, StepOptions, TriggerRun};
use dinoai_emulator::{Emulator, Scenario, Stage, Step};
use serde_json::json;

use crate::support::emulated::client_of;
use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::operations::{DIGEST, SEND, TRIGGER};
use crate::support::samples::request;
use crate::support::shown_run::{all, client_by};

async fn good(watch: &mut Events) -> Vec<Event> {
    all(watch).await.into_iter().map(Result::unwrap).collect()
}

/// The one error, which is the last item.
async fn failure(watch: &mut Events) -> Error {
    let mut events = all(watch).await;
    events.pop().unwrap().unwrap_err()
}

#[tokio::test]
async fn the_session_id_comes_first_and_then_the_whole_run() {
    let emulator = Emulator::builder().start().await.unwrap();
    let client = client_of(&emulator);
    let mut watch = client.trigger_run_and_watch(request()).events();
    assert!(watch.session().is_none());
    let events = good(&mut watch).await;
    let Event::Started(accepted) = &events[0] else {
        panic!("{events:?}");
    };
    let runs = emulator.runs();
    assert_eq!(accepted.session_id.as_str(), runs[0].session_id);
    assert_eq!(runs.len(), 1);
    let same = client.session(&accepted.session_id).unwrap();
    assert!(matches!(events.last(), Some(Event::Ended(_))));
    let messages = |events: &[Event]| -> Vec<String> {
        let texts = events.iter().filter_map(|event| match event {
            Event::Message(message) => Some(message.content.clone()),
            _ => None,
        });
        texts.collect()
    };
    assert_eq!(
        messages(&events),
        messages(&good(&mut same.watch().events()).await)
    );

    // The session has emitted them all, so the next turn's are new.
    let session = watch.session().unwrap();
    assert_eq!(session.id(), &accepted.session_id);
    let mut turn = session.send_and_watch("And now?").events();
    let events = good(&mut turn).await;
    assert!(matches!(&events[0], Event::Sent(accepted) if &accepted.session_id == session.id()));
    let texts = messages(&events);
    assert_eq!(texts[0], "And now?");
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(turn.session().is_some());
}

#[tokio::test]
async fn the_first_event_is_written_as_it_is_read() {
    let emulator = Emulator::builder().start().await.unwrap();
    let client = client_of(&emulator);
    let mut watch = client.trigger_run_and_watch(request()).events();
    let event = watch.next().await.unwrap().unwrap();
    let written = serde_json::to_value(&event).unwrap();
    let id = watch.session().unwrap().id().to_string();
    assert_eq!(
        written,
        json!({ "event": "started", "data": { "agentSessionId": id, "status": "queued" } })
    );
    assert_eq!(serde_json::from_value::<Event>(written).unwrap(), event);
}

#[tokio::test]
async fn what_cannot_be_right_is_refused_before_any_request() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let session = client.session(SESSION).unwrap();
    let too_long = StepOptions::default().with_max_chars(u32::MAX);
    for mut watch in [
        client
            .trigger_run_and_watch(request())
            .timeout(Duration::ZERO)
            .events(),
        client
            .trigger_run_and_watch(request())
            .poll_interval(Duration::ZERO)
            .events(),
        client
            .trigger_run_and_watch(request())
            .steps(too_long)
            .events(),
        client
            .trigger_run_and_watch(TriggerRun::message(" "))
            .events(),
        session.send_and_watch(" ").events(),
        session.send_and_watch("m").timeout(Duration::ZERO).events(),
    ] {
        let error = failure(&mut watch).await;
        assert!(matches!(error, Error::InvalidRequest { .. }), "{error}");
        assert!(watch.next().await.is_none());
    }
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn a_trigger_counts_for_the_timeout_and_its_response_is_awaited_all_the_same() {
    let late = |reply| Reply::Late(Duration::from_millis(300), Box::new(reply));
    for is_follow_up in [false, true] {
        let mut polls = 0;
        let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
            TRIGGER | SEND => late(Reply::Good),
            DIGEST if is_follow_up && polls == 0 => {
                polls += 1;
                Reply::Good
            }
            "StopDinoaiAgentRun" => Reply::Good,
            _ => Reply::Status("RUNNING"),
        })
        .await;
        let client = client_by(&server, &SystemClock::new());
        let watch = match is_follow_up {
            true => client.session(SESSION).unwrap().send_and_watch("m"),
            false => client.trigger_run_and_watch(request()),
        };
        let mut watch = watch
            .timeout(Duration::from_millis(150))
            .on_timeout(OnTimeout::Stop)
            .events();
        let events = all(&mut watch).await;
        let Some(Err(Error::WaitTimeout(timeout))) = events.last() else {
            panic!("{events:?}");
        };
        assert_eq!(timeout.session_id.as_str(), SESSION);
        assert_eq!(timeout.polls, 1);
        assert!(timeout.elapsed >= Duration::from_millis(300));
        assert!(matches!(timeout.stopped, Some(Ok(_))), "{timeout:?}");
        assert!(Error::WaitTimeout(timeout.clone()).may_have_started());
        let opening = match is_follow_up {
            true => &[DIGEST, "DinoaiAgentRunSteps", SEND][..],
            false => &[TRIGGER],
        };
        let look = &[DIGEST, "StopDinoaiAgentRun"];
        let mut operations = server.operations();
        // Texts are read only if there are new ones.
        operations.retain(|operation| operation != "DinoaiAgentRun");
        assert_eq!(operations, [opening, look].concat());
    }
}

#[tokio::test]
async fn no_attempt_of_the_trigger_begins_after_the_deadline() {
    let server = FaultServer::start([Reply::too_many_requests("2"), Reply::Good]).await;
    let client = client_by(&server, &SystemClock::new());
    let mut watch = client
        .trigger_run_and_watch(request())
        .timeout(Duration::from_secs(1))
        .events();
    let error = failure(&mut watch).await;
    assert!(matches!(error, Error::RateLimited { .. }), "{error}");
    assert_eq!(server.operations(), [TRIGGER]);
}

#[tokio::test]
async fn failing_polls_are_tolerated_since_the_run_is_known_to_exist() {
    let refused = json!([{ "message": "Not now", "path": ["dinoaiAgentRun"] }]);
    let server = FaultServer::start([
        Reply::Good,
        Reply::errors(200, &refused),
        Reply::html(502),
        Reply::html(403),
    ])
    .await;
    let (client, _) = server.client();
    let mut watch = client.trigger_run_and_watch(request()).events();
    let error = failure(&mut watch).await;
    // A key that may trigger and not read is said at once; everything before was tolerated.
    assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
    assert!(error.may_have_started());
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn one_that_is_dropped_before_it_is_read_starts_nothing() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    drop(client.trigger_run_and_watch(request()).events());
    drop(
        client
            .session(SESSION)
            .unwrap()
            .send_and_watch("m")
            .events(),
    );
    assert_eq!(server.arrived(), 0);
}

#[tokio::test]
async fn steps_of_earlier_turns_are_not_emitted_again() {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").reads(2))
        .step(Step::tool("run_sql_query"))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "Done.");
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .start()
        .await
        .unwrap();
    let client = client_of(&emulator);
    let run = client.trigger_run_and_wait(request()).await.unwrap();
    // As another process would: the session has emitted nothing yet.
    let session = client.session(&run.session_id).unwrap();
    let mut turn = session
        .send_and_watch("And now?")
        .steps(StepOptions::default())
        .events();
    let events = good(&mut turn).await;
    let before = client
        .get_run_steps(&run.session_id, StepOptions::default())
        .await
        .unwrap();
    let all_steps = before.steps.unwrap().len();
    let emitted = events
        .iter()
        .filter(|event| matches!(event, Event::Step(_)))
        .count();
    assert_eq!((all_steps, emitted), (1, 0), "{events:?}");
}

#[tokio::test]
async fn a_follow_up_emits_a_status_that_was_the_same_before_once() {
    let running = || Stage::new("RUNNING");
    let scenario = Scenario::new()
        .stage(running().reads(u64::MAX))
        .follow_up([running().reads(3), Stage::new("COMPLETED")]);
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .start()
        .await
        .unwrap();
    let client = client_of(&emulator);
    let mut first = client.trigger_run_and_watch(request()).events();
    while first.next().await.unwrap().unwrap() != Event::Status(RunStatus::Running) {}
    let session = first.session().unwrap();
    let events = good(&mut session.send_and_watch("And now?").events()).await;
    let statuses: Vec<_> = events
        .into_iter()
        .filter_map(|event| match event {
            Event::Status(status) => Some(status),
            _ => None,
        })
        .collect();
    assert_eq!(statuses, [RunStatus::Running, RunStatus::Completed]);
}
