//! The command waits as the library does: the same server gives both the same end.

use std::time::Duration;

use dinoai::{Client, Credentials, Error, OnTimeout, TriggerRun};
use dinoai_emulator::{Builder, Emulator, Fault, Scenario, Stage};
use serde_json::Value;

use crate::support::program::{dinoai, run};

/// How a run is waited for.
#[derive(Clone, Copy)]
struct Options {
    timeout: Duration,
    poll_interval: Duration,
    stops: bool,
}

const PATIENT: Options = Options {
    timeout: Duration::from_secs(60),
    poll_interval: Duration::from_millis(5),
    stops: false,
};

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
struct End {
    /// `completed`, or the kind of the failure.
    kind: String,
    /// The run that the end names.
    session_id: Option<String>,
    /// How the run stands afterwards.
    status: String,
    triggers: usize,
    stops: usize,
}

impl End {
    fn of(emulator: &Emulator, kind: &str, session_id: Option<String>) -> Self {
        let runs = emulator.runs();
        assert_eq!(session_id.as_ref(), Some(&runs[0].session_id));
        Self {
            kind: kind.to_owned(),
            session_id: session_id.map(|_| "the run".to_owned()),
            status: runs[0].status.clone(),
            triggers: count(emulator, "TriggerDinoaiAgentRun"),
            stops: count(emulator, "StopDinoaiAgentRun"),
        }
    }
}

fn count(emulator: &Emulator, operation: &str) -> usize {
    let requests = emulator.requests().into_iter();
    requests
        .filter(|request| request.operation_name.as_deref() == Some(operation))
        .count()
}

fn by_library(emulator: &Emulator, options: Options) -> End {
    let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
    let client = Client::new(emulator.endpoint(), credentials).unwrap();
    let wait = client
        .trigger_run_and_wait(TriggerRun::agent("agent"))
        .timeout(options.timeout)
        .poll_interval(options.poll_interval)
        .on_timeout(match options.stops {
            true => OnTimeout::Stop,
            false => OnTimeout::Leave,
        });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (kind, id) = match runtime.block_on(wait.into_future()) {
        Ok(run) => ("completed", Some(run.session_id)),
        Err(error) => {
            let kind = match &error {
                Error::WaitTimeout(_) => "wait_timeout",
                _ => "another",
            };
            (kind, error.session_id().cloned())
        }
    };
    End::of(emulator, kind, id.map(|id| id.to_string()))
}

fn by_command(emulator: &Emulator, options: Options, exit: i32) -> End {
    let [timeout, interval] = [options.timeout, options.poll_interval]
        .map(|duration| format!("{}ms", duration.as_millis()));
    let on_timeout = match options.stops {
        true => "stop",
        false => "leave",
    };
    let arguments = [
        "run",
        "agent",
        "-q",
        "--output",
        "json",
        "--timeout",
        &timeout,
        "--poll-interval",
        &interval,
        "--on-timeout",
        on_timeout,
    ];
    let done = run(dinoai(emulator), &arguments);
    assert_eq!(done.code(), exit, "{}", done.stderr);
    let text = match exit {
        0 => &done.stdout,
        _ => &done.stderr,
    };
    let said: Value = serde_json::from_str(text).unwrap();
    let kind = said["kind"].as_str().unwrap_or("completed");
    let id = said["agentSessionId"].as_str().map(str::to_owned);
    End::of(emulator, kind, id)
}

/// Both come to this end: the exit status of the command, the kind, how the run stands, and how
/// often it was stopped. Gives the number of polls that either has made.
fn assert_agreement(
    emulator: impl Fn() -> Builder,
    options: Options,
    (exit, kind, status, stops): (i32, &str, &str, usize),
) -> [usize; 2] {
    let [library, command] = [(); 2].map(|()| emulator().start_blocking().unwrap());
    let expected = End {
        kind: kind.to_owned(),
        session_id: Some("the run".to_owned()),
        status: status.to_owned(),
        triggers: 1,
        stops,
    };
    assert_eq!(by_library(&library, options), expected);
    assert_eq!(by_command(&command, options, exit), expected);
    [
        count(&library, "DinoaiAgentRunStatus"),
        count(&command, "DinoaiAgentRunStatus"),
    ]
}

const COMPLETED: (i32, &str, &str, usize) = (0, "completed", "COMPLETED", 0);

fn endless() -> Scenario {
    Scenario::new().stage(Stage::new("RUNNING").reads(u64::MAX))
}

#[test]
fn both_go_on_while_the_api_is_unavailable_and_says_so_in_graphql() {
    let unavailable = || Fault::graphql_error(503).message("Try again later");
    let emulator = || {
        Emulator::builder()
            .fault(Fault::pass())
            .fault(unavailable().retry_after("0").times(40))
    };
    assert_agreement(emulator, PATIENT, COMPLETED);
}

#[test]
fn both_go_on_after_credentials_were_refused_for_a_while() {
    let emulator = || {
        Emulator::builder()
            .default_scenario(
                Scenario::new()
                    .stage(Stage::new("RUNNING").reads(30))
                    .stage(Stage::new("COMPLETED")),
            )
            .fault(Fault::pass().times(2))
            .fault(Fault::status(403))
            .fault(Fault::status(401).times(10))
    };
    assert_agreement(emulator, PATIENT, COMPLETED);
}

#[test]
fn both_look_once_more_at_the_deadline_and_stop_nothing_that_has_ended() {
    let emulator = || {
        Emulator::builder().default_scenario(
            Scenario::new()
                .stage(Stage::new("RUNNING").lasts(Duration::from_millis(700)))
                .stage(Stage::new("COMPLETED")),
        )
    };
    let options = Options {
        timeout: Duration::from_millis(1100),
        poll_interval: Duration::from_millis(600),
        stops: true,
    };
    assert_agreement(emulator, options, COMPLETED);
}

#[test]
fn both_stop_a_run_that_could_never_be_read() {
    let reads = [
        "DinoaiAgentRun",
        "DinoaiAgentRunDigest",
        "DinoaiAgentRunStatus",
    ];
    let emulator = || {
        let builder = Emulator::builder().default_scenario(endless());
        reads.into_iter().fold(builder, |builder, name| {
            builder.fault(Fault::bad_gateway().on(name).always())
        })
    };
    let options = Options {
        timeout: Duration::from_millis(600),
        ..PATIENT
    };
    let (left, stopped) = (
        (4, "wait_timeout", "RUNNING", 0),
        (4, "wait_timeout", "STOPPED", 1),
    );
    assert_agreement(emulator, options, left);
    let stops = true;
    assert_agreement(emulator, Options { stops, ..options }, stopped);
}

#[test]
fn both_await_a_trigger_that_takes_longer_than_the_timeout_and_look_once() {
    let emulator = || {
        let late = Fault::delay(Duration::from_millis(600)).after_execution();
        Emulator::builder().default_scenario(endless()).fault(late)
    };
    let options = Options {
        timeout: Duration::from_millis(300),
        ..PATIENT
    };
    let (left, stopped) = (
        (4, "wait_timeout", "RUNNING", 0),
        (4, "wait_timeout", "STOPPED", 1),
    );
    // The timeout has passed by then, so there is one look, and no more.
    assert_eq!(assert_agreement(emulator, options, left), [1, 1]);
    let stops = true;
    let options = Options { stops, ..options };
    assert_eq!(assert_agreement(emulator, options, stopped), [1, 1]);
}
