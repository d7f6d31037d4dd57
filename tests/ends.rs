//! Every wait notices the end of what it waits for: at the deadline, after an outage, behind
//! steps that cannot be read, and with the end of one turn told apart from that of another.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod fault_server;
mod shown_run;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use dinoai::time::{Clock, Sleep, SystemClock, VirtualClock};
use dinoai::{
    Checkpoint, Client, Error, Event, OnTimeout, Result, Retry, RunStatus, Session, SessionId,
    StepOptions, TriggerRun,
};
use fault_server::{FaultServer, Reply, SESSION, Seen, client};
use futures_util::future::join_all;
use serde_json::{Value, json};
use shown_run::{
    DIGEST, READ, SEND, STATUS, STATUSES, STEPS, STOP, TRIGGER, accepted, agent, all, client_by,
    end_of, fields, id_of, run, run_with, seconds, sent, shown, shows, texts, texts_of, user,
};
use tokio::sync::Notify;

fn request() -> TriggerRun {
    TriggerRun::agent("data-quality-checker")
}

fn session(client: &Client) -> Session {
    client.session(SESSION).unwrap()
}

/// The conversation before the follow-up.
fn first_turn() -> Vec<Value> {
    vec![user(1.0, "start"), agent(2.0, "the first answer")]
}

/// The conversation once the follow-up is answered.
fn both_turns() -> Vec<Value> {
    let second = [user(100.0, "And now?"), agent(101.0, "the second answer")];
    [first_turn(), second.into()].concat()
}

/// The ways to wait for what comes of a follow-up.
const WAYS: [&str; 3] = ["ask", "wait", "watch"];

/// The agent's latest message at the end of a follow-up that is waited for in this way, with a
/// poll each six seconds.
async fn answer(way: &str, session: &Session, timeout: Duration) -> Result<Option<String>> {
    let interval = seconds(6);
    if way == "ask" {
        let ask = session.ask("And now?").timeout(timeout);
        let turn = ask.poll_interval(interval).await?;
        return Ok(turn.answer().map(str::to_owned));
    }
    session.send("And now?").await?;
    let run = match way {
        "wait" => {
            let wait = session.wait().timeout(timeout);
            wait.poll_interval(interval).await?
        }
        "watch" => {
            let watch = session.watch().timeout(timeout);
            let mut watch = watch.poll_interval(interval).events();
            loop {
                match watch.next().await.unwrap()? {
                    Event::Ended(run) => break run,
                    _ => continue,
                }
            }
        }
        "tree" => {
            let wait = session.tree().until_ended().timeout(timeout);
            let tree = wait.poll_interval(interval).await?;
            tree.runs().next().unwrap().clone()
        }
        other => panic!("{other}"),
    };
    Ok(run.answer().map(str::to_owned))
}

const HOUR: Duration = Duration::from_secs(3600);

/// Real time, faster: what takes a second by it takes ten milliseconds.
#[derive(Debug, Clone)]
struct FastClock {
    start: Instant,
}

impl FastClock {
    const SECOND: Duration = Duration::from_millis(10);

    fn new() -> Self {
        let start = Instant::now();
        Self { start }
    }
}

impl Clock for FastClock {
    fn now(&self) -> Duration {
        self.start.elapsed().div_f64(Self::SECOND.as_secs_f64())
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let real = duration
            .min(seconds(1_000_000))
            .mul_f64(Self::SECOND.as_secs_f64());
        Box::pin(async move { tokio::time::sleep(real).await })
    }
}

// The last look (C1).

/// A run that is at work for seven seconds by the clock, and ends so.
async fn ends_after_seven_seconds(status: &'static str) -> (FaultServer, Client, VirtualClock) {
    let clock = VirtualClock::new();
    let script_clock = clock.clone();
    let server = shows(&clock, move |seen, _| {
        let has_ended = script_clock.now() >= seconds(7);
        let status = if has_ended { status } else { "RUNNING" };
        run(seen, status, &first_turn())
    })
    .await;
    let client = client_by(&server, &clock);
    (server, client, clock)
}

#[tokio::test]
async fn a_run_that_completes_between_the_last_poll_and_the_deadline_is_completed() {
    let (server, client, clock) = ends_after_seven_seconds("COMPLETED").await;
    let wait = session(&client).wait().poll_interval(seconds(6));
    let run = wait.timeout(seconds(11)).await.unwrap();
    assert_eq!(run.answer(), Some("the first answer"));
    // Two polls, then the last look: the status, and the run since it has ended.
    assert_eq!(server.operations(), [STATUS, STATUS, STATUS, READ]);
    assert_eq!(clock.now(), seconds(11));
}

#[tokio::test]
async fn a_run_that_fails_between_the_last_poll_and_the_deadline_has_failed() {
    let (_server, client, _) = ends_after_seven_seconds("FAILED").await;
    let wait = client.trigger_run_and_wait(request());
    let wait = wait.poll_interval(seconds(6)).timeout(seconds(11));
    let error = wait.await.unwrap_err();
    assert!(matches!(error, Error::RunFailed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_run_that_has_ended_by_the_deadline_is_not_stopped() {
    let (server, client, _) = ends_after_seven_seconds("COMPLETED").await;
    let wait = client
        .trigger_run_and_wait(request())
        .poll_interval(seconds(6))
        .timeout(seconds(11))
        .on_timeout(OnTimeout::Stop);
    let waited = wait.await;
    assert_eq!(sent(&server, STOP), 0, "{waited:?}");
    assert_eq!(waited.unwrap().status, RunStatus::Completed);
}

#[tokio::test]
async fn a_run_that_is_still_at_work_at_the_last_look_is_stopped() {
    let (server, client, _) = ends_after_seven_seconds("COMPLETED").await;
    let wait = session(&client)
        .wait()
        .poll_interval(seconds(4))
        .timeout(seconds(6))
        .on_timeout(OnTimeout::Stop);
    let error = wait.await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(server.operations(), [STATUS, STATUS, STATUS, STOP]);
}

#[tokio::test]
async fn a_watch_looks_once_more_at_its_deadline() {
    let (_server, client, _) = ends_after_seven_seconds("COMPLETED").await;
    let watch = session(&client).watch().poll_interval(seconds(6));
    let items = all(watch.timeout(seconds(11)).events()).await;
    let end = end_of(&items).unwrap_or_else(|| panic!("{items:#?}"));
    assert_eq!(end.status, RunStatus::Completed);
}

#[tokio::test]
async fn a_tree_is_looked_at_once_more_at_its_deadline() {
    let (_server, client, _) = ends_after_seven_seconds("COMPLETED").await;
    let wait = session(&client).tree().until_ended();
    let wait = wait.poll_interval(seconds(6)).timeout(seconds(11));
    let tree = wait.await.unwrap();
    assert!(tree.has_ended());
}

#[tokio::test]
async fn many_runs_are_looked_at_once_more_at_their_deadline() {
    let (_server, client, _) = ends_after_seven_seconds("COMPLETED").await;
    let ids = ["a", "b", "c"].map(|id| SessionId::new(id).unwrap());
    let mut results = client
        .wait_all(ids)
        .unwrap()
        .poll_interval(seconds(6))
        .timeout(seconds(11))
        .results();
    let mut completed = 0;
    while let Some((id, result)) = results.next().await {
        assert_eq!(result.unwrap().session_id, id);
        completed += 1;
    }
    assert_eq!(completed, 3);

    let (_server, client, _) = ends_after_seven_seconds("COMPLETED").await;
    let mut results = client
        .run_all([request()], 1)
        .poll_interval(seconds(6))
        .timeout(seconds(11))
        .results();
    let (_, result) = results.next().await.unwrap();
    assert_eq!(result.unwrap().status, RunStatus::Completed);
}

#[tokio::test]
async fn a_turn_that_is_answered_between_the_last_poll_and_the_deadline_has_its_answer() {
    for way in WAYS {
        let (_server, client, _) = shown(|seen, since_sent| match since_sent {
            // It never reads as at work: the answer itself is the only activity.
            Some(time) if time >= seconds(7) => run(seen, "COMPLETED", &both_turns()),
            _ => run(seen, "COMPLETED", &first_turn()),
        })
        .await;
        let session = session(&client);
        session.wait().await.unwrap();
        let answer = answer(way, &session, seconds(11)).await;
        assert_eq!(answer.unwrap().unwrap(), "the second answer", "{way}");
    }
}

// An outage after a follow-up (C2).

#[tokio::test]
async fn an_outage_after_a_follow_up_is_not_taken_for_silence() {
    let after_outage = seconds(130);
    for way in WAYS {
        let (_server, client, _) = shown(move |seen, since_sent| match since_sent {
            None => run(seen, "COMPLETED", &first_turn()),
            Some(time) if time < after_outage => Reply::html(502),
            Some(time) if time < after_outage + seconds(5) => run(seen, "RUNNING", &first_turn()),
            Some(_) => run(seen, "COMPLETED", &both_turns()),
        })
        .await;
        let session = session(&client);
        session.wait().await.unwrap();
        let answer = answer(way, &session, HOUR).await;
        assert_eq!(answer.unwrap().unwrap(), "the second answer", "{way}");
    }
}

#[tokio::test]
async fn a_status_that_is_stale_after_an_outage_has_its_grace_period_to_itself() {
    let after_outage = seconds(200);
    for way in WAYS {
        let (_server, client, _) = shown(move |seen, since_sent| match since_sent {
            None => run(seen, "COMPLETED", &first_turn()),
            Some(time) if time < after_outage => Reply::unavailable("1"),
            Some(time) if time < after_outage + seconds(60) => {
                run(seen, "COMPLETED", &first_turn())
            }
            Some(time) if time < after_outage + seconds(70) => run(seen, "RUNNING", &first_turn()),
            Some(_) => run(seen, "COMPLETED", &both_turns()),
        })
        .await;
        let session = session(&client);
        session.wait().await.unwrap();
        let answer = answer(way, &session, HOUR).await;
        assert_eq!(answer.unwrap().unwrap(), "the second answer", "{way}");
    }
}

/// A poll answered only after the deadline is the last look, whatever has succeeded before it.
#[tokio::test]
async fn a_poll_that_is_under_way_at_the_deadline_is_awaited_and_is_the_last_look() {
    for (way, polls_before) in [
        ("wait", 0),
        ("wait", 1),
        ("watch", 0),
        ("watch", 1),
        ("wait_all", 0),
        ("wait_all", 1),
    ] {
        let clock = VirtualClock::new();
        let (script_clock, mut polls) = (clock.clone(), 0);
        let server = shows(&clock, move |seen, _| {
            polls += usize::from([STATUS, DIGEST].contains(&seen.operation.as_str()));
            let reply = run(seen, "RUNNING", &[]);
            if polls <= polls_before {
                return reply;
            }
            // The deadline comes while it is answered, which takes longer than was left until then.
            script_clock.advance(seconds(1));
            Reply::Late(Duration::from_millis(80), Box::new(reply))
        })
        .await;
        let client = client_by(&server, &clock);
        clock.advance(seconds(1));
        let interval = seconds(1);
        let timeout = interval * polls_before as u32 + Duration::from_millis(20);
        let result = match way {
            "wait" => {
                let wait = session(&client).wait().timeout(timeout);
                wait.poll_interval(interval).await.map(drop)
            }
            "watch" => {
                let watch = session(&client).watch().timeout(timeout);
                let mut items = all(watch.poll_interval(interval).events()).await;
                items.pop().unwrap().map(drop)
            }
            _ => {
                let ids = [SessionId::new(SESSION).unwrap()];
                let all = client.wait_all(ids).unwrap().timeout(timeout);
                let mut all = all.poll_interval(interval).results();
                all.next().await.unwrap().1.map(drop)
            }
        };
        let case = format!("{way} after {polls_before}");
        let Err(Error::WaitTimeout(timeout)) = result else {
            panic!("{case}: {result:?}");
        };
        assert_eq!(timeout.last_status, Some(RunStatus::Running), "{case}");
        assert!(timeout.last_error.is_none(), "{case}: {timeout:?}");
        assert_eq!(timeout.polls as usize, polls_before + 1, "{case}");
        let operations = server.operations();
        let polls = operations.iter().filter(|name| *name != READ).count();
        assert_eq!(polls, polls_before + 1, "{case}: {operations:?}");
    }
}

// The caller's own limits hold for polls (C3).

#[tokio::test]
async fn a_read_that_takes_longer_than_two_minutes_is_awaited_in_a_wait_too() {
    let clock = VirtualClock::new();
    let script_clock = clock.clone();
    let server = shows(&clock, move |seen, _| {
        script_clock.advance(seconds(130));
        run(seen, "COMPLETED", &first_turn())
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(clock.clone())
            .request_timeout(seconds(300))
            .retry(Retry::default().with_call_timeout(seconds(600)))
    });
    client.get_run(SESSION).await.unwrap();
    let session = session(&client);
    session.wait().await.unwrap();
    assert!(end_of(&all(session.watch().events()).await).is_some());
    assert_eq!(sent(&server, READ), 3);
}

#[tokio::test]
async fn the_first_poll_is_not_tried_again_after_the_deadline() {
    for way in ["wait", "watch", "tree", "wait_all"] {
        let (server, client, clock) = shown(|_, _| Reply::unavailable("30")).await;
        let (session, timeout) = (session(&client), seconds(10));
        let error = match way {
            "wait" => session.wait().timeout(timeout).await.unwrap_err(),
            "watch" => {
                let items = all(session.watch().timeout(timeout).events()).await;
                items.into_iter().find_map(Result::err).unwrap()
            }
            "tree" => {
                let tree = session.tree().until_ended().timeout(timeout);
                tree.await.unwrap_err()
            }
            _ => {
                let ids = [session.id().clone()];
                let mut all = client.wait_all(ids).unwrap().timeout(timeout).results();
                all.next().await.unwrap().1.unwrap_err()
            }
        };
        let is_503 = matches!(error, Error::Http { status: 503, .. });
        assert!(is_503, "{way}: {error:?}");
        assert_eq!((server.arrived(), clock.now()), (1, seconds(0)), "{way}");
    }
}

#[tokio::test]
async fn a_poll_is_given_up_after_the_callers_own_call_timeout() {
    let mut polls = 0;
    let (server, _, _) = shown(move |seen, _| {
        polls += usize::from(seen.operation == STATUS);
        match (seen.operation.as_str(), polls) {
            (STATUS, 1) => run(seen, "RUNNING", &[]),
            (STATUS, 2) => Reply::Hang,
            _ => run(seen, "COMPLETED", &first_turn()),
        }
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(SystemClock::new())
            .request_timeout(seconds(60))
            .retry(Retry::default().with_call_timeout(Duration::from_millis(500)))
    });
    let session = session(&client);
    let wait = session.wait().poll_interval(Duration::from_millis(10));
    let waited = tokio::time::timeout(seconds(20), wait.into_future()).await;
    let waited = waited.unwrap_or_else(|_| panic!("the poll outlasts the call timeout"));
    let run = waited.unwrap();
    assert_eq!(run.status, RunStatus::Completed);
}

// Steps never end or delay a watch (C4, C5).

fn step(index: i64) -> Value {
    json!({
        "index": index,
        "role": "AGENT",
        "toolName": null,
        "toolInput": null,
        "content": format!("step {index}"),
        "truncated": false,
    })
}

/// A run of four digests whose last one is the end; `steps` answers what is asked of its steps,
/// given the number of digests so far.
async fn with_steps(
    mut steps: impl FnMut(&Seen, i64) -> Reply + Send + 'static,
) -> (FaultServer, Client, VirtualClock) {
    let mut looks = 0;
    shown(move |seen, _| {
        looks += i64::from(seen.operation == DIGEST);
        match seen.operation.as_str() {
            STEPS => steps(seen, looks),
            _ if looks < 2 => run(seen, "RUNNING", &[user(1.0, "start")]),
            _ if looks < 4 => run(seen, "RUNNING", &first_turn()),
            _ => run(seen, "COMPLETED", &first_turn()),
        }
    })
    .await
}

/// One step for each digest so far, but for those that the client has.
fn steps_so_far(seen: &Seen, looks: i64) -> Reply {
    run_with(seen, |id| {
        let mut run = fields(id, "RUNNING", &[]);
        let after = seen.variables["after"].as_i64().unwrap_or(-1);
        run["steps"] = (after + 1..looks).map(step).collect();
        run
    })
}

fn is_missing_steps(item: &Result<Event>) -> bool {
    let Ok(event) = item else { return false };
    format!("{event:?}").starts_with("StepsMissing")
}

/// What a watch with steps has to emit whatever becomes of the steps.
fn has_all_but_steps(items: &[Result<Event>]) {
    assert!(items.iter().all(Result::is_ok), "{items:#?}");
    assert_eq!(texts_of(items), ["start", "the first answer"]);
    let end = end_of(items).unwrap_or_else(|| panic!("{items:#?}"));
    assert_eq!(end.status, RunStatus::Completed);
}

#[tokio::test]
async fn steps_that_can_never_be_read_do_not_keep_a_watch_from_its_end() {
    for reply in [
        Reply::html(504),
        Reply::ResetAfter,
        Reply::json(
            200,
            &json!({ "data": { "dinoaiAgentRun": null }, "errors": [{
                "message": "HTTP 504 from the steps resolver.",
                "path": ["dinoaiAgentRun"],
            }] }),
        ),
    ] {
        let (_server, client, clock) = with_steps(move |_, _| reply.clone()).await;
        let watch = session(&client).watch().steps(StepOptions::default());
        let items = all(watch.poll_interval(seconds(1)).events()).await;
        has_all_but_steps(&items);
        let missing: Vec<_> = items.iter().filter(|item| is_missing_steps(item)).collect();
        assert_eq!(missing.len(), 1, "{items:#?}");
        assert!(is_missing_steps(&items[items.len() - 2]), "{items:#?}");
        // Three polls apart, and no more attempts at the end than any call has.
        assert!(clock.now() <= seconds(3 + 20), "{:?}", clock.now());
    }
}

#[tokio::test]
async fn the_event_about_missing_steps_says_why() {
    let (_server, client, _) = with_steps(|_, _| Reply::html(504)).await;
    let watch = session(&client)
        .watch()
        .steps(StepOptions::default())
        .events();
    let items = all(watch).await;
    let missing = items.iter().find(|item| is_missing_steps(item));
    let missing = format!("{:?}", missing.unwrap_or_else(|| panic!("{items:#?}")));
    assert!(missing.contains("504"), "{missing}");
}

#[tokio::test]
async fn a_failure_to_read_steps_is_tried_again_at_the_next_poll() {
    for reply in [
        Reply::json(
            200,
            &json!({ "data": { "dinoaiAgentRun": null }, "errors": [{
                "message": "The steps are being written.",
                "path": ["dinoaiAgentRun"],
            }] }),
        ),
        Reply::html(404),
        Reply::json(200, &json!({ "data": { "dinoaiAgentRun": null } })),
    ] {
        let (_server, client, _) = with_steps(move |seen, looks| match looks {
            2 => reply.clone(),
            _ => steps_so_far(seen, looks),
        })
        .await;
        let watch = session(&client)
            .watch()
            .steps(StepOptions::default())
            .events();
        let items = all(watch).await;
        has_all_but_steps(&items);
        assert!(!items.iter().any(is_missing_steps), "{items:#?}");
        let steps: Vec<_> = items
            .iter()
            .filter_map(|item| match item {
                Ok(Event::Step(step)) => Some(step.index),
                _ => None,
            })
            .collect();
        assert_eq!(steps, [0, 1, 2, 3]);
    }
}

#[tokio::test]
async fn the_last_steps_are_tried_as_often_as_any_call_before_they_are_missing() {
    let mut failures = 3;
    let (_server, client, _) = with_steps(move |seen, looks| {
        if looks == 4 && failures > 0 {
            failures -= 1;
            return Reply::html(503);
        }
        steps_so_far(seen, looks)
    })
    .await;
    let watch = session(&client)
        .watch()
        .steps(StepOptions::default())
        .events();
    let items = all(watch).await;
    has_all_but_steps(&items);
    assert!(!items.iter().any(is_missing_steps), "{items:#?}");
    let last = items.iter().rev().find_map(|item| match item {
        Ok(Event::Step(step)) => Some(step.index),
        _ => None,
    });
    assert_eq!(last, Some(3), "{items:#?}");
}

#[tokio::test]
async fn a_backend_that_knows_no_steps_is_reported_once_at_once_and_not_asked_again() {
    let unknown = json!({ "errors": [{
        "message": "Cannot query field 'steps' on type 'DinoAiAgentRun'.",
    }] });
    let (server, client, _) = with_steps(move |_, _| Reply::json(400, &unknown)).await;
    let watch = session(&client)
        .watch()
        .steps(StepOptions::default())
        .events();
    let items = all(watch).await;
    has_all_but_steps(&items);
    let missing = items.iter().position(is_missing_steps);
    let answer = items
        .iter()
        .position(|item| matches!(item, Ok(Event::Message(message)) if message.content != "start"));
    assert!(missing.is_some() && missing < answer, "{items:#?}");
    let count = items.iter().filter(|item| is_missing_steps(item)).count();
    assert_eq!((count, sent(&server, STEPS)), (1, 1));
}

#[tokio::test]
async fn the_messages_of_a_poll_do_not_wait_for_its_steps() {
    let (server, client, _) = with_steps(|_, _| Reply::Hang).await;
    let mut watch = session(&client)
        .watch()
        .steps(StepOptions::default())
        .events();
    let mut items = vec![];
    while texts_of(&items).is_empty() {
        items.push(watch.next().await.unwrap());
    }
    assert_eq!(texts_of(&items), ["start"]);
    assert_eq!(server.operations(), [DIGEST, READ]);
}

// Many runs (C6, C11).

fn messages(count: usize) -> Vec<TriggerRun> {
    (0..count)
        .map(|number| TriggerRun::message(format!("message-{number}")))
        .collect()
}

/// A trigger's answer, with an id made of its message.
fn started(seen: &Seen) -> Reply {
    let message = seen.variables["message"].as_str().unwrap();
    Reply::data(&json!({ "triggerDinoaiAgentRun": {
        "ok": true,
        "agentSessionId": message.replace("message", "run"),
        "status": "queued",
    } }))
}

#[tokio::test]
async fn none_of_many_instant_runs_comes_to_its_timeout_unseen() {
    let clock = VirtualClock::new();
    let script_clock = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == TRIGGER {
            script_clock.advance(Duration::from_millis(500));
            return started(seen);
        }
        run(seen, "COMPLETED", &first_turn())
    })
    .await;
    let client = client_by(&server, &clock);
    let mut results = client
        .run_all(messages(40), 40)
        .timeout(seconds(4))
        .results();
    let mut completed = 0;
    while let Some((place, result)) = results.next().await {
        let run = result.unwrap_or_else(|error| panic!("{place}: {error:?}"));
        assert_eq!(run.session_id.as_str(), format!("run-{place}"));
        completed += 1;
    }
    assert_eq!(completed, 40);
    assert_eq!(sent(&server, TRIGGER), 40);
    assert!(sent(&server, STATUS) + sent(&server, STATUSES) > 0);
}

#[tokio::test]
async fn a_run_is_reported_at_its_deadline_though_every_other_request_hangs() {
    let timeout = Duration::from_millis(1500);
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        TRIGGER if seen.variables["message"] == "message-0" => {
            Reply::Late(timeout.mul_f64(0.8), Box::new(started(seen)))
        }
        TRIGGER => Reply::Hang,
        _ => run(seen, "RUNNING", &[]),
    })
    .await;
    let client = client_by(&server, &SystemClock::new());
    let start = Instant::now();
    let mut results = client.run_all(messages(20), 20).timeout(timeout).results();
    let result = loop {
        let (place, result) = results.next().await.unwrap();
        if place == 0 {
            break result;
        }
    };
    let elapsed = start.elapsed();
    assert!(matches!(result, Err(Error::WaitTimeout(_))), "{result:?}");
    // The others, given up at their own deadlines, would come 0.8 times the timeout later.
    assert!(elapsed < timeout.mul_f64(1.5), "{elapsed:?}");
}

#[tokio::test]
async fn a_run_that_has_ended_is_read_at_its_deadline_though_every_other_read_hangs() {
    // As many as are read at a time.
    const HANGING: usize = 8;
    let timeout = Duration::from_millis(1200);
    let mut reads = 0;
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        TRIGGER => started(seen),
        READ => {
            reads += 1;
            match reads > HANGING {
                true => run(seen, "COMPLETED", &first_turn()),
                false => Reply::Hang,
            }
        }
        _ => run(seen, "COMPLETED", &first_turn()),
    })
    .await;
    let client = client_by(&server, &SystemClock::new());
    let start = Instant::now();
    let mut results = client
        .run_all(messages(HANGING + 1), HANGING + 1)
        .poll_interval(Duration::from_millis(200))
        .timeout(timeout)
        .results();
    let (place, result) = results.next().await.unwrap();
    let elapsed = start.elapsed();
    assert_eq!(result.unwrap().session_id.as_str(), format!("run-{place}"));
    // The others are given up five seconds after the deadline.
    assert!(elapsed < timeout + seconds(3), "{elapsed:?}");
    assert_eq!(sent(&server, READ), HANGING + 1);
}

// Trees (C7, C12).

#[tokio::test]
async fn a_tree_of_a_session_with_an_open_turn_waits_for_that_turn() {
    let (_server, client, _) = shown(|seen, since_sent| match since_sent {
        Some(time) if time >= seconds(30) => run(seen, "COMPLETED", &both_turns()),
        Some(time) if time >= seconds(5) => run(seen, "RUNNING", &first_turn()),
        _ => run(seen, "COMPLETED", &first_turn()),
    })
    .await;
    let session = session(&client);
    let answer = answer("tree", &session, HOUR).await.unwrap();
    assert_eq!(answer.unwrap(), "the second answer");
    // And the turn has ended for whatever comes next.
    session.wait().timeout(seconds(1)).await.unwrap();
}

#[tokio::test]
async fn a_large_tree_that_has_ended_is_read_though_one_read_in_a_hundred_fails() {
    const RUNS: usize = 300;
    let children: Vec<_> = (1..RUNS).map(|number| format!("child-{number}")).collect();
    let mut arrived = 0;
    let (server, client, clock) = shown(move |seen, _| {
        arrived += 1;
        if arrived % 100 == 0 {
            return Reply::html(502);
        }
        run_with(seen, |id| {
            let mut run = fields(id, "COMPLETED", &first_turn());
            if id == "root" {
                run["childSessionIds"] = json!(children);
            }
            run
        })
    })
    .await;
    let root = client.session("root").unwrap();
    let wait = root.tree().until_ended().poll_interval(seconds(5));
    let tree = wait.timeout(seconds(120)).await.unwrap();
    assert!(tree.has_ended());
    assert_eq!((tree.runs().count(), tree.failures().count()), (RUNS, 0));
    assert!(clock.now() <= seconds(60), "{:?}", clock.now());
    let requests = server.arrived();
    assert!(requests <= 8 * RUNS, "{requests} requests");
}

// Asking a run at work (C8, C9).

#[tokio::test]
async fn an_ask_of_a_run_at_work_waits_until_it_is_at_rest() {
    let clock = VirtualClock::new();
    let script_clock = clock.clone();
    let server = shows(&clock, move |seen, since_sent| match since_sent {
        None if script_clock.now() < seconds(30) => run(seen, "RUNNING", &first_turn()[..1]),
        None => run(seen, "COMPLETED", &first_turn()),
        Some(time) if time < seconds(20) => run(seen, "RUNNING", &first_turn()),
        Some(_) => run(seen, "COMPLETED", &both_turns()),
    })
    .await;
    let client = client_by(&server, &clock);
    let session = client.start(request()).await.unwrap();
    let turn = session.ask("And now?").await.unwrap();
    assert_eq!(texts(&turn.messages), ["the second answer"]);
    assert!(clock.now() >= seconds(30 + 20), "{:?}", clock.now());
    assert_eq!(sent(&server, SEND), 1);
}

#[tokio::test]
async fn an_ask_of_a_run_that_does_not_come_to_rest_sends_nothing_and_stops_nothing() {
    let (server, client, clock) = shown(|seen, _| run(seen, "RUNNING", &first_turn())).await;
    let session = client.start(request()).await.unwrap();
    let ask = session.ask("And now?").on_timeout(OnTimeout::Stop);
    let error = ask.timeout(seconds(60)).await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!((sent(&server, SEND), sent(&server, STOP)), (0, 0));
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    assert!(!error.may_have_started(), "{error:?}");
    assert_eq!(clock.now(), seconds(60));
}

#[tokio::test]
async fn two_asks_at_once_on_one_session_each_get_their_own_answer() {
    let clock = FastClock::new();
    let mut conversation = first_turn();
    let (mut at_work_until, mut question) = (Duration::ZERO, None::<String>);
    let script_clock = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        let now = script_clock.now();
        let ts = 10.0 + conversation.len() as f64;
        if now >= at_work_until
            && let Some(question) = question.take()
        {
            conversation.push(agent(ts, &format!("the answer to {question}")));
        }
        if seen.operation == SEND {
            let message = seen.variables["message"].as_str().unwrap();
            let ts = 10.0 + conversation.len() as f64;
            conversation.push(user(ts, message));
            question = Some(match question.take() {
                Some(before) => format!("{before} and {message}"),
                None => message.to_owned(),
            });
            at_work_until = now + seconds(5);
            return accepted(seen);
        }
        let is_at_work = now < at_work_until;
        run(
            seen,
            if is_at_work { "RUNNING" } else { "COMPLETED" },
            &conversation,
        )
    })
    .await;
    let client = client_by(&server, &clock);
    let session = session(&client);
    session.wait().await.unwrap();
    let asks = async {
        tokio::join!(
            session.ask("one").poll_interval(seconds(1)).into_future(),
            session.ask("two").poll_interval(seconds(1)).into_future(),
        )
    };
    let (one, two) = asks.await;
    assert_eq!(texts(&one.unwrap().messages), ["the answer to one"]);
    assert_eq!(texts(&two.unwrap().messages), ["the answer to two"]);
    let seen = server.seen();
    let sends = seen.iter().filter(|seen| seen.operation == SEND);
    let sent: Vec<_> = sends.map(|seen| &seen.variables["message"]).collect();
    assert_eq!(sent, ["one", "two"]);
}

#[tokio::test]
async fn an_ask_whose_time_is_over_while_another_is_at_work_says_that_it_was_not_sent() {
    let (server, client, _) = shown(|seen, since_sent| match since_sent {
        None => run(seen, "COMPLETED", &first_turn()),
        Some(_) => run(seen, "RUNNING", &first_turn()),
    })
    .await;
    let session = session(&client);
    let one = session.ask("one").timeout(seconds(120));
    let two = session.ask("two").timeout(seconds(60));
    let (one, two) = tokio::join!(one.into_future(), two.into_future());
    assert!(matches!(one, Err(Error::WaitTimeout(_))), "{one:?}");
    let error = two.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert!(!error.may_have_started(), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("was not sent"), "{text}");
    assert!(!text.contains("could not be read"), "{text}");
    let seen = server.seen();
    let sends = seen.iter().filter(|seen| seen.operation == SEND);
    let sent: Vec<_> = sends.map(|seen| &seen.variables["message"]).collect();
    assert_eq!(sent, ["one"]);
}

// More than one runtime (C10).

fn single_threaded() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A client that is not tried again, on a server that another thread serves.
fn served_elsewhere() -> (tokio::runtime::Runtime, FaultServer, Client) {
    let serving = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = serving.block_on(FaultServer::start([]));
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(SystemClock::new())
            .connect_timeout(seconds(3))
            .request_timeout(seconds(3))
            .retry(Retry::none())
    });
    (serving, server, client)
}

/// Leaves an idle connection behind.
fn read_in(runtime: &tokio::runtime::Runtime, client: &Client) -> Result<()> {
    runtime.block_on(async {
        for _ in 0..3 {
            client.get_run(SESSION).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    })
}

#[test]
fn reads_in_one_runtime_do_not_wait_for_another_that_is_not_driven() {
    let (_serving, _server, client) = served_elsewhere();
    let first = single_threaded();
    read_in(&first, &client).unwrap();
    let (report, reported) = mpsc::channel();
    let second = client.clone();
    let thread = thread::spawn(move || {
        let runtime = single_threaded();
        for _ in 0..3 {
            report.send(read_in(&runtime, &second)).unwrap();
        }
    });
    thread.join().unwrap();
    for read in reported {
        read.unwrap();
    }
    read_in(&first, &client).unwrap();
}

#[test]
fn reads_do_not_wait_for_any_of_many_runtimes_that_are_not_driven() {
    let (_serving, _server, client) = served_elsewhere();
    let runtimes: Vec<_> = (0..12).map(|_| single_threaded()).collect();
    for runtime in runtimes.iter().chain(&runtimes) {
        read_in(runtime, &client).unwrap();
    }
}

#[test]
fn reads_work_in_more_runtimes_than_are_kept_and_each_of_them_keeps_its_connection() {
    const RUNTIMES: usize = 12;
    let (_serving, server, client) = served_elsewhere();
    for _ in 0..RUNTIMES {
        // Gone before the next one.
        read_in(&single_threaded(), &client).unwrap();
    }
    let seen = server.seen();
    assert_eq!(seen.len(), 3 * RUNTIMES);
    let connections: HashSet<_> = seen.iter().map(|seen| seen.connection).collect();
    // One each, but for a connection that was not idle again in time.
    let connections = connections.len();
    assert!(connections < 2 * RUNTIMES, "{connections} connections");
}

// A follow-up of unknown outcome, or none at all (C13, C14).

#[tokio::test]
async fn a_follow_up_of_unknown_outcome_is_not_said_to_have_been_accepted() {
    let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
        SEND => Reply::html(502),
        _ => run(seen, "COMPLETED", &first_turn()),
    })
    .await;
    for way in ["wait", "watch"] {
        let clock = VirtualClock::new();
        let client = client_by(&server, &clock);
        let session = session(&client);
        session.wait().await.unwrap();
        let error = session.send("And now?").await.unwrap_err();
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");

        let error = match way {
            "wait" => session.wait().await.unwrap_err(),
            _ => match all(session.watch().events()).await.pop() {
                Some(Err(error)) => error,
                other => panic!("{other:?}"),
            },
        };
        assert!(matches!(error, Error::TurnNotStarted { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("unknown"), "{text}");
        assert!(!text.contains("was accepted"), "{text}");
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);

        // It is said once; the run is as it was.
        let before = clock.now();
        let run = session.wait().await.unwrap();
        assert_eq!(run.answer(), Some("the first answer"));
        assert_eq!(clock.now(), before);
    }
}

#[tokio::test]
async fn a_follow_up_that_is_accepted_while_it_is_waited_for_is_said_to_have_been_accepted() {
    for way in ["wait", "watch", "tree"] {
        let (has_left, has_looked, is_accepted) = (Arc::default(), Arc::default(), Arc::default());
        let [left, looked, go_on]: [Arc<Notify>; 3] =
            [&has_left, &has_looked, &is_accepted].map(Arc::clone);
        let mut looks = None;
        let server = FaultServer::scripted(move |seen| match (seen.operation.as_str(), looks) {
            (SEND, _) => {
                looks = Some(0);
                left.notify_one();
                Reply::When(looked.clone(), Box::new(accepted(seen)))
            }
            (DIGEST, Some(before)) => {
                looks = Some(before + 1);
                let reply = run(seen, "COMPLETED", &first_turn());
                if before != 1 {
                    return reply;
                }
                // The look before this one was made while the message was on its way.
                looked.notify_one();
                Reply::When(go_on.clone(), Box::new(reply))
            }
            _ => run(seen, "COMPLETED", &first_turn()),
        })
        .await;
        let client = client_by(&server, &VirtualClock::new());
        let session = session(&client);
        let sends = async {
            let sent = session.send("And now?").await;
            is_accepted.notify_one();
            sent
        };
        let waits = async {
            has_left.notified().await;
            match way {
                "wait" => session.wait().await.map(drop),
                "watch" => all(session.watch().events()).await.pop().unwrap().map(drop),
                _ => session.tree().until_ended().await.map(drop),
            }
        };
        let (sent, waited) = tokio::join!(sends, waits);
        sent.unwrap();
        let error = waited.unwrap_err();
        assert!(
            matches!(error, Error::TurnNotStarted { .. }),
            "{way}: {error:?}"
        );
        assert!(error.to_string().contains("was accepted"), "{way}: {error}");
    }
}

#[tokio::test]
async fn a_follow_up_of_unknown_outcome_that_was_carried_out_gives_its_answer() {
    let clock = VirtualClock::new();
    let script_clock = clock.clone();
    let mut sent_at = None;
    let server = FaultServer::scripted(move |seen| {
        let now = script_clock.now();
        match (seen.operation.as_str(), sent_at) {
            (SEND, _) => {
                sent_at = Some(now);
                Reply::ResetAfter
            }
            (_, Some(sent_at)) if now >= sent_at + seconds(40) => {
                run(seen, "COMPLETED", &both_turns())
            }
            _ => run(seen, "COMPLETED", &first_turn()),
        }
    })
    .await;
    let client = client_by(&server, &clock);
    let session = session(&client);
    let error = session.ask("And now?").await.unwrap_err();
    assert!(error.may_have_started(), "{error:?}");
    let run = session.wait().await.unwrap();
    assert_eq!(run.answer(), Some("the second answer"));
}

/// Of two that wait for a turn one sees it at work, and gives up: the other need not see it too.
#[tokio::test]
async fn activity_that_one_wait_has_seen_counts_for_every_wait_of_the_session() {
    for way in ["wait", "watch", "tree"] {
        let (has_looked, has_ended) = (Arc::<Notify>::default(), Arc::<Notify>::default());
        let (looked, ended) = (has_looked.clone(), has_ended.clone());
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let mut looks = None;
        let server = FaultServer::scripted(move |seen| {
            let at_rest = run(seen, "COMPLETED", &first_turn());
            match (seen.operation.as_str(), &mut looks) {
                (SEND, _) => {
                    looks = Some(0);
                    accepted(seen)
                }
                (DIGEST | STATUS, Some(looks)) => {
                    *looks += 1;
                    match looks {
                        1 => at_rest,
                        // The first one looks again, while the second one waits.
                        2 => {
                            looked.notify_one();
                            Reply::When(ended.clone(), Box::new(at_rest))
                        }
                        _ if over.load(Ordering::Relaxed) => at_rest,
                        _ => run(seen, "RUNNING", &first_turn()),
                    }
                }
                _ => at_rest,
            }
        })
        .await;
        let client = client_by(&server, &VirtualClock::new());
        let session = session(&client);
        session.wait().await.unwrap();
        session.send("And now?").await.unwrap();
        let first = async {
            match way {
                "wait" => session.wait().await.map(drop),
                "watch" => all(session.watch().events()).await.pop().unwrap().map(drop),
                _ => session.tree().until_ended().await.map(drop),
            }
        };
        let second = async {
            has_looked.notified().await;
            let waited = session.wait().timeout(seconds(5)).await;
            is_over.store(true, Ordering::Relaxed);
            has_ended.notify_one();
            waited
        };
        let (first, second) = tokio::join!(first, second);
        let is_timeout = matches!(second, Err(Error::WaitTimeout(_)));
        assert!(is_timeout, "{way}: {second:?}");
        assert!(first.is_ok(), "{way}: {first:?}");
    }
}

#[tokio::test]
async fn a_turn_that_has_not_started_is_reported_once_and_closed() {
    for way in WAYS {
        let (_server, client, clock) = shown(|seen, _| run(seen, "COMPLETED", &first_turn())).await;
        let session = session(&client);
        session.wait().await.unwrap();
        let error = answer(way, &session, HOUR).await.unwrap_err();
        assert!(matches!(error, Error::TurnNotStarted { .. }), "{error:?}");
        let text = error.to_string();
        assert!(!text.contains("unknown"), "{text}");

        let before = clock.now();
        let waited = session.wait().await;
        let run = waited.unwrap_or_else(|error| panic!("after {way}: {error}"));
        assert_eq!(run.answer(), Some("the first answer"));
        assert_eq!(clock.now(), before);
    }
}

/// Resolves every name as this machine; or, once it hangs, not before it fails.
#[derive(Clone, Default)]
struct Names {
    hang: Arc<AtomicBool>,
    asked: Arc<Notify>,
    fails: Arc<tokio::sync::watch::Sender<bool>>,
}

impl Names {
    /// From now on no name is resolved.
    fn hang(&self) {
        self.hang.store(true, Ordering::SeqCst);
    }

    /// The names that hang can not be resolved, nor any other.
    fn fail(&self) {
        self.fails.send_replace(true);
    }

    /// A client of the server that looks its name up here, and does not try again.
    fn client(&self, server: &FaultServer, clock: impl Clock) -> Client {
        let endpoint = server.endpoint().replace("127.0.0.1", "api.test");
        let resolver = self.clone();
        let (client, _) = client(&endpoint, |builder| {
            builder
                .clock(clock)
                .retry(Retry::none())
                .allow_plain_http()
                .request_timeout(seconds(30))
                .connect_timeout(seconds(30))
                .http_client(move |http| http.no_proxy().dns_resolver(Arc::new(resolver.clone())))
        });
        client
    }
}

impl reqwest::dns::Resolve for Names {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        if self.hang.load(Ordering::SeqCst) {
            self.asked.notify_one();
            let mut fails = self.fails.subscribe();
            return Box::pin(async move {
                let _ = fails.wait_for(|fails| *fails).await;
                Err(std::io::Error::other("nothing here").into())
            });
        }
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let addresses: reqwest::dns::Addrs = Box::new(std::iter::once(here));
        Box::pin(async { Ok(addresses) })
    }
}

#[tokio::test]
async fn a_follow_up_that_is_dropped_while_it_connects_was_never_sent() {
    for way in ["ask", "send"] {
        let (server, _, clock) = shown(|seen, since_sent| match since_sent {
            None => run(seen, "COMPLETED", &first_turn()),
            Some(time) if time < seconds(3) => run(seen, "RUNNING", &first_turn()),
            Some(_) => run(seen, "COMPLETED", &both_turns()),
        })
        .await;
        let names = Names::default();
        let client = names.client(&server, clock.clone());
        let session = session(&client);
        session.wait().await.unwrap();

        names.hang();
        let follow_up = async {
            match way {
                "ask" => session.ask("And now?").await.map(drop),
                _ => session.send("And now?").await.map(drop),
            }
        };
        tokio::select! {
            done = follow_up => panic!("{done:?}"),
            () = names.asked.notified() => {}
        }
        names.hang.store(false, Ordering::SeqCst);
        assert_eq!(sent(&server, SEND), 0);

        let before = clock.now();
        let waited = session.wait().await;
        let run = waited.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(run.answer(), Some("the first answer"));
        assert_eq!((clock.now(), sent(&server, SEND)), (before, 0));

        // The next one is not taken for it.
        let turn = session.ask("And now?").await.unwrap();
        assert_eq!(turn.answer(), Some("the second answer"));
        assert_eq!(sent(&server, SEND), 1);
    }
}

#[tokio::test]
async fn a_wait_that_began_while_a_follow_up_connected_returns_the_run_once_that_has_failed() {
    for way in ["wait", "watch", "tree"] {
        let (server, _, _) = shown(|seen, _| run(seen, "COMPLETED", &first_turn())).await;
        let names = Names::default();
        let client = names.client(&server, SystemClock::new());
        let session = session(&client);
        session.wait().await.unwrap();

        names.hang();
        let (timeout, interval) = (seconds(4), Duration::from_millis(20));
        let waited = async {
            names.asked.notified().await;
            let looks = server.seen().len();
            let waits = async {
                match way {
                    "wait" => {
                        let wait = session.wait().timeout(timeout);
                        wait.poll_interval(interval).await.map(drop)
                    }
                    "tree" => {
                        let wait = session.tree().until_ended().timeout(timeout);
                        wait.poll_interval(interval).await.map(drop)
                    }
                    _ => {
                        let watch = session.watch().timeout(timeout);
                        let mut items = all(watch.poll_interval(interval).events()).await;
                        items.pop().unwrap().map(drop)
                    }
                }
            };
            // It has looked while the turn was open.
            let fails = async {
                server.until_answered(looks + 1).await;
                names.fail();
            };
            tokio::join!(waits, fails).0
        };
        let (send, waited) = tokio::join!(session.send("And now?"), waited);
        let error = send.unwrap_err();
        assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
        assert!(waited.is_ok(), "{way}: {waited:?}");
        assert!(!session.checkpoint().has_open_turn(), "{way}");
        assert_eq!(sent(&server, SEND), 0);
    }
}

/// The ways in which two follow-ups that connect at the same time are not sent.
const UNSENT: [&str; 3] = ["both fail", "the first is dropped", "the second is dropped"];

/// A session two of whose follow-ups were not sent in this way, and its checkpoint before.
async fn unsent(way: &str) -> (FaultServer, Session, Checkpoint) {
    let (server, _, clock) = shown(|seen, _| run(seen, "COMPLETED", &first_turn())).await;
    let names = Names::default();
    let client = names.client(&server, clock);
    let session = session(&client);
    // For the reads of both there is a connection.
    let (one, two) = tokio::join!(session.run(), session.run());
    assert!(one.is_ok() && two.is_ok());
    let before = session.checkpoint();
    names.hang();
    let (mut one, mut two) = (
        session.send("one").into_future(),
        session.send("two").into_future(),
    );
    let connect = async {
        // Two runs, and the look and the steps of the one that is first.
        server.until_answered(4).await;
        // Were the second one not to wait for the first, it would have looked and connected by the
        // time that several reads one after the other have been answered.
        for _ in 0..5 {
            session.run().await.unwrap();
        }
    };
    tokio::select! {
        done = &mut one => panic!("{done:?}"),
        done = &mut two => panic!("{done:?}"),
        () = connect => {}
    }
    let mut left = vec![];
    match way {
        "both fail" => left.extend([one, two]),
        "the first is dropped" => {
            drop(one);
            left.push(two);
        }
        _ => {
            drop(two);
            left.push(one);
        }
    }
    names.fail();
    for failed in join_all(left).await {
        let error = failed.unwrap_err();
        assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    }
    assert_eq!(sent(&server, SEND), 0);
    (server, session, before)
}

#[tokio::test]
async fn two_follow_ups_at_once_that_are_not_sent_leave_the_session_as_it_was() {
    for way in UNSENT {
        let (_server, session, before) = unsent(way).await;
        assert_eq!(session.checkpoint(), before, "{way}");
        let run = session.wait().await.unwrap();
        assert_eq!(run.answer(), Some("the first answer"), "{way}");
    }
}

/// A clock that stands still, and says so when someone waits for it.
#[derive(Debug, Clone, Default)]
struct StandingClock {
    asked: Arc<Notify>,
}

impl Clock for StandingClock {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> Sleep {
        self.asked.notify_one();
        Box::pin(std::future::pending())
    }

    fn alarm(&self, _: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_follow_up_that_is_dropped_before_it_is_sent_again_leaves_no_open_turn() {
    for way in ["ask", "send"] {
        let clock = StandingClock::default();
        let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
            SEND => Reply::too_many_requests("30"),
            _ => run(seen, "COMPLETED", &first_turn()),
        })
        .await;
        let client = client_by(&server, &clock);
        let session = session(&client);
        let follow_up = async {
            match way {
                "ask" => session.ask("And now?").await.map(drop),
                _ => session.send("And now?").await.map(drop),
            }
        };
        tokio::select! {
            done = follow_up => panic!("{done:?}"),
            () = clock.asked.notified() => {}
        }
        assert_eq!(sent(&server, SEND), 1);
        let after = session.checkpoint();
        assert!(!after.has_open_turn(), "{way}: {after:?}");
    }
}

/// The steps are read before the first follow-up, if that can be done soon.
#[tokio::test]
async fn steps_that_hang_do_not_keep_a_follow_up_from_being_sent() {
    let (server, _, _) = shown(
        |seen, since_sent| match (seen.operation.as_str(), since_sent) {
            (STEPS, _) => Reply::Hang,
            (_, None) => run(seen, "COMPLETED", &first_turn()),
            _ => run(seen, "COMPLETED", &both_turns()),
        },
    )
    .await;
    let client = client_by(&server, &SystemClock::new());
    let session = session(&client);
    let turn = session.ask("And now?").timeout(seconds(4)).await;
    assert_eq!(turn.unwrap().answer(), Some("the second answer"));
    assert_eq!((sent(&server, STEPS), sent(&server, SEND)), (1, 1));
}

/// What comes of a wait, which stops at its deadline what is still going, for a run that has ended
/// and cannot be read whole, where a follow-up is accepted before the second attempt to read it
/// fails, and nothing can be read from then on; and how often the run was stopped.
async fn follow_up_while_an_end_cannot_be_read(way: &str) -> (Result<()>, usize) {
    let is_accepted = Arc::new(Notify::new());
    let (held, mut reads, mut is_sent) = (is_accepted.clone(), 0, false);
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        SEND => {
            is_sent = true;
            accepted(seen)
        }
        STOP => accepted(seen),
        READ => {
            reads += 1;
            match reads {
                2 => Reply::When(held.clone(), Box::new(Reply::html(502))),
                _ => Reply::html(502),
            }
        }
        _ if is_sent => Reply::html(502),
        _ => run(seen, "COMPLETED", &first_turn()),
    })
    .await;
    let client = client_by(&server, &VirtualClock::new());
    let session = session(&client);
    let (timeout, interval, stop) = (seconds(60), seconds(6), OnTimeout::Stop);
    let waits = async {
        match way {
            "wait" => {
                let wait = session.wait().timeout(timeout).on_timeout(stop);
                wait.poll_interval(interval).await.map(drop)
            }
            "tree" => {
                let wait = session.tree().until_ended().timeout(timeout);
                let wait = wait.on_timeout(stop).poll_interval(interval);
                wait.await.map(drop)
            }
            _ => {
                let watch = session.watch().timeout(timeout).on_timeout(stop);
                let mut items = all(watch.poll_interval(interval).events()).await;
                items.pop().unwrap().map(drop)
            }
        }
    };
    let sends = async {
        // A look, and a read that failed.
        server.until_answered(2).await;
        session.send("And now?").await.unwrap();
        is_accepted.notify_one();
    };
    let (waited, ()) = tokio::join!(waits, sends);
    (waited, sent(&server, STOP))
}

#[tokio::test]
async fn a_turn_that_is_opened_while_a_run_that_has_ended_is_waited_for_is_stopped_at_the_deadline()
{
    for way in ["wait", "watch"] {
        let (waited, stops) = follow_up_while_an_end_cannot_be_read(way).await;
        let error = waited.unwrap_err();
        assert!(matches!(error, Error::WaitTimeout(_)), "{way}: {error:?}");
        assert_eq!(stops, 1, "{way}: {error}");
    }
}

#[tokio::test]
async fn a_turn_that_is_opened_while_a_tree_that_has_ended_is_read_is_stopped_at_the_deadline() {
    let (waited, stops) = follow_up_while_an_end_cannot_be_read("tree").await;
    let error = waited.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(stops, 1, "{error}");
}

// What belongs to a turn (C15 to C17).

#[tokio::test]
async fn an_answer_that_is_older_than_the_echo_ends_the_turn_after_half_a_minute() {
    for way in WAYS {
        let (_server, client, clock) = shown(|seen, since_sent| {
            let mut messages = first_turn();
            if since_sent.is_some() {
                // The clock of the agent's pod is behind.
                messages.push(user(102.0, "And now?"));
                messages.push(agent(100.5, "the second answer"));
            }
            run(seen, "COMPLETED", &messages)
        })
        .await;
        let session = session(&client);
        session.wait().await.unwrap();
        let before = clock.now();
        let answer = answer(way, &session, HOUR).await;
        let answer = answer.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(answer.unwrap(), "the second answer", "{way}");
        let waited = clock.now() - before;
        assert!(waited <= seconds(30 + 6), "{way}: {waited:?}");
    }
}

#[tokio::test]
async fn a_straggler_of_the_turn_before_does_not_end_a_turn() {
    for way in WAYS {
        let (_server, client, _) = shown(|seen, since_sent| {
            let time = since_sent.unwrap_or_default();
            let mut messages = first_turn();
            if since_sent.is_some() {
                messages.push(agent(3.0, "a straggler"));
            }
            // The echo is shown late, and the status is that of the turn before.
            if time >= seconds(12) {
                messages.push(user(100.0, "And now?"));
            }
            if time >= seconds(40) {
                messages.push(agent(101.0, "the second answer"));
            }
            let is_at_work = (seconds(25)..seconds(40)).contains(&time);
            run(
                seen,
                if is_at_work { "RUNNING" } else { "COMPLETED" },
                &messages,
            )
        })
        .await;
        let session = session(&client);
        session.wait().await.unwrap();
        let answer = answer(way, &session, HOUR).await.unwrap();
        assert_eq!(answer.unwrap(), "the second answer", "{way}");
    }
}

#[tokio::test]
async fn a_timeout_before_the_turn_has_started_says_so() {
    for way in WAYS {
        let (_server, client, _) = shown(|seen, _| run(seen, "COMPLETED", &first_turn())).await;
        let session = session(&client);
        session.wait().await.unwrap();
        let error = answer(way, &session, seconds(60)).await.unwrap_err();
        assert!(matches!(error, Error::WaitTimeout(_)), "{way}: {error:?}");
        let text = error.to_string();
        assert!(text.contains("has not started"), "{way}: {text}");
        assert!(!text.contains("could not be read"), "{way}: {text}");
    }
}

/// Without an echo nobody can tell an answer from a straggler yet.
#[tokio::test]
async fn a_turn_whose_answer_may_be_there_at_the_deadline_is_not_stopped() {
    for way in ["ask", "wait", "watch", "tree"] {
        let (server, client, _) = shown(|seen, since_sent| {
            let mut messages = first_turn();
            if since_sent.is_some_and(|time| time >= seconds(8)) {
                messages.push(agent(101.0, "the second answer"));
            }
            run(seen, "COMPLETED", &messages)
        })
        .await;
        let session = session(&client);
        let (timeout, interval) = (seconds(20), seconds(6));
        let stop = OnTimeout::Stop;
        let result = if way == "ask" {
            let ask = session.ask("And now?").timeout(timeout);
            ask.poll_interval(interval).on_timeout(stop).await.map(drop)
        } else {
            session.send("And now?").await.unwrap();
            match way {
                "wait" => {
                    let wait = session.wait().timeout(timeout);
                    wait.poll_interval(interval)
                        .on_timeout(stop)
                        .await
                        .map(drop)
                }
                "tree" => {
                    let wait = session.tree().until_ended().timeout(timeout);
                    wait.poll_interval(interval)
                        .on_timeout(stop)
                        .await
                        .map(drop)
                }
                _ => {
                    let watch = session.watch().timeout(timeout);
                    let watch = watch.poll_interval(interval).on_timeout(stop);
                    all(watch.events()).await.pop().unwrap().map(drop)
                }
            }
        };
        let error = result.unwrap_err();
        assert!(matches!(error, Error::WaitTimeout(_)), "{way}: {error:?}");
        assert_eq!(sent(&server, STOP), 0, "{way}: {error}");
    }
}

/// Timestamps in whole seconds.
#[tokio::test]
async fn an_answer_in_the_same_second_as_the_echo_ends_the_turn_at_once() {
    for way in ["ask", "wait", "watch", "tree"] {
        let (_server, client, clock) = shown(|seen, since_sent| {
            let mut messages = first_turn();
            if since_sent.is_some() {
                messages.push(user(100.0, "And now?"));
                messages.push(agent(100.0, "the second answer"));
            }
            run(seen, "COMPLETED", &messages)
        })
        .await;
        let session = session(&client);
        session.wait().await.unwrap();
        let before = clock.now();
        let answer = answer(way, &session, HOUR).await.unwrap();
        assert_eq!(answer.unwrap(), "the second answer", "{way}");
        assert_eq!(clock.now(), before, "{way}");
    }
}

#[tokio::test]
async fn a_turn_that_has_not_started_by_the_timeout_is_stopped_where_that_was_asked_for() {
    // The status of the turn before is not the end of this one.
    let (server, client, _) = shown(|seen, _| run(seen, "COMPLETED", &first_turn())).await;
    let session = session(&client);
    session.wait().await.unwrap();
    let ask = session.ask("And now?").timeout(seconds(60));
    let error = ask.on_timeout(OnTimeout::Stop).await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(sent(&server, STOP), 1);
}

#[tokio::test]
async fn a_watch_that_is_read_slowly_still_looks_once_more_before_it_gives_up_and_stops() {
    let clock = VirtualClock::new();
    let script = clock.clone();
    let server = shows(&clock, move |seen, _| {
        let messages = first_turn();
        match script.now() < seconds(45) {
            true => run(seen, "RUNNING", &messages[..1]),
            false => run(seen, "COMPLETED", &messages),
        }
    })
    .await;
    let session = session(&client_by(&server, &clock));
    let mut watch = session
        .watch()
        .poll_interval(seconds(30))
        .timeout(seconds(60))
        .on_timeout(OnTimeout::Stop)
        .events();
    let mut last = None;
    while let Some(item) = watch.next().await {
        if let Ok(Event::Message(_)) = &item
            && clock.now() < seconds(60)
        {
            // The caller takes its time, past the deadline.
            clock.advance(seconds(61));
        }
        last = Some(item);
    }
    assert!(matches!(last, Some(Ok(Event::Ended(_)))), "{last:?}");
    assert_eq!(sent(&server, STOP), 0);
}

#[tokio::test]
async fn a_stream_of_many_runs_that_is_read_slowly_looks_once_more_before_it_gives_one_up() {
    let clock = VirtualClock::new();
    let (b_is_asked, b_is_late) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (script, asked, late) = (clock.clone(), b_is_asked.clone(), b_is_late.clone());
    let mut polls_of_b = 0;
    let server = FaultServer::scripted(move |seen| {
        let reply = run_with(seen, |id| match id {
            "b" if script.now() < seconds(60) => fields(id, "RUNNING", &[]),
            _ => fields(id, "COMPLETED", &[]),
        });
        match (seen.operation.as_str(), id_of(seen)) {
            // The second poll of b comes while a is read, and is answered after that.
            (READ, "a") => {
                script.advance(seconds(2));
                Reply::When(asked.clone(), Box::new(reply))
            }
            (STATUS, "b") => {
                polls_of_b += 1;
                asked.notify_one();
                match polls_of_b {
                    1 => Reply::When(late.clone(), Box::new(reply)),
                    _ => reply,
                }
            }
            _ => reply,
        }
    })
    .await;
    let client = client_by(&server, &clock);
    let ids = ["a", "b"].map(|id| SessionId::new(id).unwrap());
    let mut runs = client.wait_all(ids).unwrap().timeout(seconds(60)).results();
    let (first, result) = runs.next().await.unwrap();
    assert!(first.as_str() == "a" && result.is_ok());
    b_is_late.notify_one();
    server.until_answered(3).await;
    clock.advance(seconds(60));
    let (second, result) = runs.next().await.unwrap();
    assert_eq!(second.as_str(), "b");
    assert!(result.is_ok(), "{result:?}");
}

#[tokio::test]
async fn an_ask_that_meets_a_follow_up_on_its_way_waits_for_the_turn_of_that() {
    let clock = FastClock::new();
    let mut conversation = first_turn();
    let (mut at_work_until, mut questions) = (Duration::ZERO, vec![]);
    let script = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        let now = script.now();
        let mut say = |is_user: bool, text: &str| {
            let ts = 10.0 + conversation.len() as f64;
            let message = if is_user {
                user(ts, text)
            } else {
                agent(ts, text)
            };
            conversation.push(message);
        };
        if now >= at_work_until && !questions.is_empty() {
            say(false, &format!("the answer to {}", questions.join(" and ")));
            questions.clear();
        }
        if seen.operation == SEND {
            let message = seen.variables["message"].as_str().unwrap().to_owned();
            say(true, &message);
            questions.push(message);
            at_work_until = now + seconds(5);
            return accepted(seen);
        }
        let status = if now < at_work_until {
            "RUNNING"
        } else {
            "COMPLETED"
        };
        run(seen, status, &conversation)
    })
    .await;
    let session = session(&client_by(&server, &clock));
    let both = async {
        let ask = session.ask("two").poll_interval(seconds(1));
        tokio::join!(session.send("one"), ask.into_future())
    };
    let (send, ask) = both.await;
    send.unwrap();
    assert_eq!(ask.unwrap().answer(), Some("the answer to two"));
}

#[tokio::test]
async fn a_follow_up_that_is_not_sent_takes_nothing_from_a_later_watch() {
    let (server, _, clock) = shown(|seen, _| run(seen, "COMPLETED", &first_turn())).await;
    let names = Names::default();
    let session = session(&names.client(&server, clock));
    session.run().await.unwrap();
    let mut first = session.watch().events();
    names.hang();
    let mut send = session.send("And now?").into_future();
    tokio::select! {
        done = &mut send => panic!("{done:?}"),
        () = names.asked.notified() => {}
    }
    // Something is emitted while the follow-up connects.
    let before = first.next().await.unwrap();
    assert!(before.is_ok(), "{before:?}");
    drop(first);
    names.fail();
    assert!(matches!(send.await, Err(Error::NotSent { .. })));

    let items = all(session.watch().events()).await;
    let mut texts = texts_of(std::slice::from_ref(&before));
    texts.extend(texts_of(&items));
    let all_texts: Vec<_> = first_turn()
        .iter()
        .map(|it| it["content"].clone())
        .collect();
    assert_eq!(json!(texts), json!(all_texts));
    assert!(end_of(&items).is_some());
}
