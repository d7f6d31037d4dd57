//! A wait for a run that has shown no new step or message for too long ends as at the timeout, and only
//! then: what cannot be read is no silence.

use std::time::Duration;

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Client, Error, OnTimeout, PollOptions, Result, Run};
use serde_json::{Value, json};

use super::ways::{HOUR, first_turn};
use crate::support::fault_server::{FaultServer, Reply, Seen};
use crate::support::operations::{DIGEST, SEND, STATUS, STEPS, STOP, sent};
use crate::support::samples::{request, seconds, session};
use crate::support::shown_run::{agent, all, client_by, fields, id_of, run, run_with, shows, user};

const LIMIT: Duration = Duration::from_secs(600);
/// A quarter of the limit, and two polls.
const LATE: Duration = Duration::from_secs(170);

const WAYS: [&str; 3] = ["wait", "watch", "trigger and wait"];

async fn waited(way: &str, client: &Client, on_timeout: OnTimeout) -> Result<Run> {
    let session = session(client);
    match way {
        "wait" => session.wait().stall(LIMIT).on_timeout(on_timeout).await,
        "watch" => {
            let watch = session.watch().stall(LIMIT).on_timeout(on_timeout);
            all(watch.events())
                .await
                .pop()
                .unwrap()
                .map(|event| match event {
                    dinoai::Event::Ended(run) => run,
                    other => panic!("{other:?}"),
                })
        }
        _ => {
            let wait = client.trigger_run_and_wait(request());
            wait.stall(LIMIT).on_timeout(on_timeout).await
        }
    }
}

/// For how long a wait has seen nothing new.
#[track_caller]
fn stalled<T: std::fmt::Debug>(result: Result<T>) -> (Error, Duration) {
    let error = result.unwrap_err();
    match &error {
        Error::WaitTimeout(timeout) => (error.clone(), timeout.stalled.unwrap()),
        other => panic!("{other:?}"),
    }
}

/// A run that works until then, and shows what `show` makes of its fields.
async fn working(
    clock: &VirtualClock,
    until: Duration,
    mut show: impl FnMut(Duration, &mut Value) + Send + 'static,
) -> FaultServer {
    let script = clock.clone();
    shows(clock, move |seen, _| {
        let now = script.now();
        let status = if now < until { "RUNNING" } else { "COMPLETED" };
        run_with(seen, |id| {
            let mut fields = fields(id, status, &first_turn());
            show(now, &mut fields);
            fields
        })
    })
    .await
}

fn step(index: u64) -> Value {
    json!({ "index": index, "role": "TOOL", "toolName": null, "toolInput": null, "content": null, "truncated": false })
}

#[tokio::test]
async fn a_run_that_shows_nothing_new_for_too_long_ends_the_wait_as_the_timeout_does() {
    for way in WAYS {
        for on_timeout in [OnTimeout::Leave, OnTimeout::Stop] {
            let clock = VirtualClock::new();
            let server = working(&clock, HOUR, |now, run| {
                if now < seconds(300) {
                    run["messages"].as_array_mut().unwrap().pop();
                }
            })
            .await;
            let client = client_by(&server, &clock);
            let (error, lasted) = stalled(waited(way, &client, on_timeout).await);
            assert!((LIMIT..LIMIT + LATE).contains(&lasted), "{way}: {lasted:?}");
            let ended = seconds(300) + LIMIT..seconds(300) + LIMIT + LATE;
            assert!(ended.contains(&clock.now()), "{way}: {:?}", clock.now());
            let stops = usize::from(on_timeout == OnTimeout::Stop);
            assert_eq!(sent(&server, STOP), stops, "{way}");
            assert_eq!(error.may_have_started(), way == "trigger and wait");
            let text = error.to_string();
            let is = if stops == 1 { "was" } else { "is" };
            assert!(
                text.contains(&format!("{is} still RUNNING after ")),
                "{text}"
            );
            assert!(
                text.contains(", without a new step or message for 6"),
                "{text}"
            );
            // Two requests each quarter.
            let looks = sent(&server, STEPS);
            assert!((5..=9).contains(&looks), "{way}: {looks}");
        }
    }
}

#[tokio::test]
async fn whatever_is_new_keeps_the_wait_going() {
    type Show = fn(u64, &mut Value);
    let news: [(&str, Show); 5] = [
        ("messages", |number, run| {
            let messages = run["messages"].as_array_mut().unwrap();
            messages.extend((0..number).map(|number| agent(10.0 + number as f64, "Looking.")));
        }),
        ("steps", |number, run| {
            run["steps"] = (0..number).map(step).collect()
        }),
        ("children", |number, run| {
            run["childSessionIds"] = (0..number)
                .map(|number| format!("child-{number}"))
                .collect();
        }),
        ("start-up steps", |number, run| {
            run["startupSteps"] = json!([{ "label": "Clone", "done": number % 2 == 0 }]);
        }),
        ("statuses", |number, run| {
            if run["status"] == "RUNNING" && number % 2 == 0 {
                run["status"] = "QUEUED".into();
            }
        }),
    ];
    for (what, show) in news {
        for way in WAYS {
            let clock = VirtualClock::new();
            // Something new each 430 s.
            let until = seconds(3500);
            let server = working(&clock, until, move |now, run| {
                show(now.as_secs() / 430, run)
            })
            .await;
            let client = client_by(&server, &clock);
            let run = waited(way, &client, OnTimeout::Stop).await;
            assert!(run.is_ok(), "{what}, {way}: {run:?}");
            assert_eq!(sent(&server, STOP), 0, "{what}, {way}");
        }
    }
}

#[tokio::test]
async fn the_same_messages_in_another_order_or_twice_are_nothing_new() {
    let clock = VirtualClock::new();
    let mut looks = 0;
    let server = working(&clock, HOUR, move |_, run| {
        looks += 1;
        let messages = run["messages"].as_array_mut().unwrap();
        if looks % 3 == 0 {
            messages.reverse();
        } else if looks % 3 == 1 {
            messages.extend(messages.clone());
        }
    })
    .await;
    let client = client_by(&server, &clock);
    let (_, lasted) = stalled(waited("wait", &client, OnTimeout::Leave).await);
    assert!(clock.now() < LIMIT + LATE && lasted >= LIMIT);
}

#[tokio::test]
async fn what_cannot_be_read_is_no_silence() {
    type Fault = fn(&Seen) -> Option<Reply>;
    let unreadable: [(&str, Fault); 3] = [
        ("steps that fail", |seen| {
            (seen.operation == STEPS).then(|| Reply::html(502))
        }),
        ("steps that are null", |seen| {
            (seen.operation == STEPS).then(|| {
                run_with(seen, |id| {
                    let mut run = fields(id, "RUNNING", &[]);
                    run["steps"] = Value::Null;
                    run
                })
            })
        }),
        ("all looks", |seen| {
            [STEPS, DIGEST]
                .contains(&seen.operation.as_str())
                .then(|| Reply::html(503))
        }),
    ];
    for (what, fault) in unreadable {
        let clock = VirtualClock::new();
        let script = clock.clone();
        let server = FaultServer::scripted(move |seen| {
            let fails = (seconds(60)..seconds(2000)).contains(&script.now());
            let failed = if fails { fault(seen) } else { None };
            failed.unwrap_or_else(|| run(seen, "RUNNING", &first_turn()))
        })
        .await;
        let client = client_by(&server, &clock);
        let (error, lasted) = stalled(waited("wait", &client, OnTimeout::Leave).await);
        assert!(!error.to_string().contains("failed"), "{error}");
        // The look after it shows what the one before had shown.
        let ended = seconds(2000)..seconds(2000) + LATE;
        assert!(ended.contains(&clock.now()), "{what}: {:?}", clock.now());
        assert!(lasted > seconds(1900), "{what}: {lasted:?}");
    }
}

#[tokio::test]
async fn of_a_backend_without_steps_messages_count_alone() {
    let clock = VirtualClock::new();
    let script = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == STEPS {
            let message = "Cannot query field \"steps\" on type \"DinoaiAgentRun\".";
            let code = json!({ "code": "GRAPHQL_VALIDATION_FAILED" });
            return Reply::errors(400, &json!([{ "message": message, "extensions": code }]));
        }
        let mut messages = first_turn();
        if script.now() > seconds(500) {
            messages.push(agent(500.0, "Looking."));
        }
        run(seen, "RUNNING", &messages)
    })
    .await;
    let client = client_by(&server, &clock);
    stalled(waited("wait", &client, OnTimeout::Leave).await);
    let ended = seconds(500) + LIMIT..seconds(500) + LIMIT + LATE;
    assert!(ended.contains(&clock.now()), "{:?}", clock.now());
    assert_eq!(sent(&server, STEPS), 1);
}

#[tokio::test]
async fn a_run_that_ends_in_the_look_is_not_stopped() {
    let clock = VirtualClock::new();
    let script = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        // The status is behind.
        let has_ended = script.now() > seconds(500) && seen.operation == DIGEST;
        let status = if has_ended || script.now() > seconds(2000) {
            "COMPLETED"
        } else {
            "RUNNING"
        };
        run(seen, status, &first_turn())
    })
    .await;
    let client = client_by(&server, &clock);
    waited("wait", &client, OnTimeout::Stop).await.unwrap();
    assert_eq!(sent(&server, STOP), 0);
}

#[tokio::test]
async fn a_turn_stalls_as_a_run_does_and_an_idle_run_does_not() {
    let clock = VirtualClock::new();
    let server = shows(&clock, |seen, since_sent| match since_sent {
        None => run(seen, "COMPLETED", &first_turn()),
        Some(_) => {
            let messages = [first_turn(), vec![user(100.0, "And now?")]].concat();
            run(seen, "RUNNING", &messages)
        }
    })
    .await;
    let client = client_by(&server, &clock);
    let session = session(&client);
    let ask = session
        .ask("And now?")
        .stall(LIMIT)
        .on_timeout(OnTimeout::Stop);
    let (error, _) = stalled(ask.await);
    assert!(error.may_have_started());
    assert!(clock.now() < LIMIT + LATE, "{:?}", clock.now());
    assert_eq!((sent(&server, SEND), sent(&server, STOP)), (1, 1));

    // Before it is sent nothing is stopped.
    let ask = session
        .ask("And now?")
        .stall(LIMIT)
        .on_timeout(OnTimeout::Stop);
    let (error, _) = stalled(ask.await);
    assert!(
        !error.may_have_started() && error.to_string().contains("was not sent"),
        "{error}"
    );
    assert_eq!((sent(&server, SEND), sent(&server, STOP)), (1, 1));
}

#[tokio::test]
async fn the_timeout_comes_first_if_it_is_shorter_and_zero_is_refused() {
    let clock = VirtualClock::new();
    let server = working(&clock, HOUR, |_, _| {}).await;
    let client = client_by(&server, &clock);
    let session = session(&client);
    let wait = session.wait().stall(LIMIT);
    let options = PollOptions::default().with_timeout(seconds(60));
    match wait.poll_options(options).await.unwrap_err() {
        Error::WaitTimeout(timeout) => assert_eq!(timeout.stalled, None),
        other => panic!("{other:?}"),
    }
    assert_eq!(clock.now(), seconds(60));
    // Options that are set later take nothing away.
    let options = PollOptions::default();
    stalled(session.wait().stall(LIMIT).poll_options(options).await);
    let before = server.arrived();
    let error = session.wait().stall(Duration::ZERO).await.unwrap_err();
    assert!(error.to_string().starts_with("stall "), "{error}");
    assert_eq!(server.arrived(), before);
    // Nothing is looked at by a wait that asks for nothing of it.
    let looks = sent(&server, STEPS);
    session.wait().timeout(seconds(30)).await.unwrap_err();
    assert_eq!(sent(&server, STEPS), looks);
    assert_eq!(id_of(&server.seen()[0]), session.id().as_str());
}

#[tokio::test]
async fn a_look_at_the_deadline_does_not_delay_it() {
    for slow in [seconds(4), seconds(30)] {
        let clock = VirtualClock::new();
        let script = clock.clone();
        let server = FaultServer::scripted(move |seen| {
            if [STEPS, DIGEST].contains(&seen.operation.as_str()) && script.now() > seconds(100) {
                script.advance(slow);
            }
            run(seen, "RUNNING", &first_turn())
        })
        .await;
        let client = client_by(&server, &clock);
        let wait = session(&client).wait().timeout(LIMIT).stall(LIMIT);
        let error = wait.poll_interval(seconds(10)).await.unwrap_err();
        assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
        // The last look itself.
        assert!(
            clock.now() <= LIMIT + slow + seconds(5),
            "{:?}",
            clock.now()
        );
    }
}

#[tokio::test]
async fn a_run_that_works_while_it_is_looked_at_does_not_stall() {
    let clock = VirtualClock::new();
    let script = clock.clone();
    let mut steps = 1;
    let server = FaultServer::scripted(move |seen| {
        let now = script.now();
        if now > seconds(100) {
            return run(seen, "COMPLETED", &first_turn());
        }
        if seen.operation == STEPS {
            let shown = (0..steps).map(step).collect::<Value>();
            // A step is made while this one is on its way.
            steps = now.as_secs() + 2;
            script.advance(seconds(4));
            return run_with(seen, |id| {
                let mut run = fields(id, "RUNNING", &first_turn());
                run["steps"] = shown.clone();
                run
            });
        }
        run(seen, "RUNNING", &first_turn())
    })
    .await;
    let client = client_by(&server, &clock);
    let wait = session(&client)
        .wait()
        .stall(seconds(10))
        .on_timeout(OnTimeout::Stop);
    wait.poll_interval(seconds(1)).await.unwrap();
    assert_eq!(sent(&server, STOP), 0);
}

#[tokio::test]
async fn looks_obey_the_delay_that_the_server_asks_for() {
    let clock = VirtualClock::new();
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        STEPS => Reply::too_many_requests("60"),
        _ => run(seen, "RUNNING", &first_turn()),
    })
    .await;
    let client = client_by(&server, &clock);
    let wait = session(&client)
        .wait()
        .timeout(seconds(600))
        .stall(seconds(40));
    wait.poll_interval(seconds(2)).await.unwrap_err();
    assert!(
        (9..=11).contains(&sent(&server, STEPS)),
        "{}",
        sent(&server, STEPS)
    );
}

#[tokio::test]
async fn looks_do_not_hasten_the_polls_of_a_turn_that_does_not_begin() {
    let polls = async |stall: Option<Duration>| {
        let clock = VirtualClock::new();
        let server = shows(&clock, move |seen, _| run(seen, "COMPLETED", &first_turn())).await;
        let client = client_by(&server, &clock);
        let mut ask = session(&client).ask("And now?").poll_interval(seconds(2));
        if let Some(stall) = stall {
            ask = ask.stall(stall);
        }
        let error = ask.await.unwrap_err();
        assert!(matches!(error, Error::TurnNotStarted { .. }), "{error:?}");
        // A look reads the steps and the digest.
        sent(&server, STATUS) + sent(&server, DIGEST) - sent(&server, STEPS)
    };
    let without = polls(None).await;
    let with = polls(Some(seconds(1))).await;
    assert!(without > 20, "{without}");
    assert!(with <= without + 2, "{with} instead of {without}");
}
