//! A command that ends before its run does has written as JSON what its JSON lines say.

use std::process::Child;
use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage, Step};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::schema_covers_all_json::assert_is;
use crate::support::program::{Done, dinoai, run};
use crate::support::runs::wait_until;

const FAST: [&str; 2] = ["--poll-interval", "20ms"];
/// Of a command that is to read all before its timeout, each with a longer one.
const ATTEMPTS: u32 = 4;

/// Its runs say something, and go on for ever.
fn endless() -> Emulator {
    let scenario = Scenario::new()
        .startup_step("Start a pod", true)
        .stage(
            Stage::new("RUNNING")
                .reads(u64::MAX)
                .step(Step::tool("read_file"))
                .message("assistant", "At work.")
                .child("helper"),
        )
        .follow_up([Stage::new("RUNNING")
            .reads(u64::MAX)
            .message("assistant", "At it.")]);
    Emulator::builder()
        .default_scenario(scenario)
        .start_blocking()
        .unwrap()
}

/// The document that the lines of JSON make together.
fn together(lines: &str) -> Value {
    let mut document = json!({
        "messages": [], "childSessionIds": [], "steps": [], "startupSteps": [],
    });
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let data = line["data"].clone();
        let mut push = |field: &str| document[field].as_array_mut().unwrap().push(data.clone());
        match line["event"].as_str().unwrap() {
            "started" | "sent" => {}
            "status" => document["status"] = data,
            "startup" => push("startupSteps"),
            "step" => push("steps"),
            "message" => push("messages"),
            "child" => push("childSessionIds"),
            other => assert_eq!(other, "an event before the end"),
        }
    }
    document
}

/// What differs from run to run.
fn without_names(mut document: Value) -> Value {
    let id = document.as_object_mut().unwrap().remove("agentSessionId");
    document["childSessionIds"] = json!(document["childSessionIds"].as_array().unwrap().len());
    for message in document["messages"].as_array_mut().unwrap() {
        message.as_object_mut().unwrap().remove("ts");
    }
    assert!(id.is_none_or(|id| id.is_string()), "{document}");
    document
}

/// Whether a command has read all that is new, and had the time to show it: since then, and after
/// so many requests, two more polls have begun.
fn has_read_all(emulator: &Emulator, before: usize) -> bool {
    let requests = emulator.requests();
    let mut names = requests[before..]
        .iter()
        .filter_map(|request| request.operation_name.as_deref());
    ["", "Steps", "Digest", "Digest"].iter().all(|read| {
        let read = format!("DinoaiAgentRun{read}");
        names.any(|name| name == read)
    })
}

/// Starts the command, and waits until it has read all that is new.
fn started(emulator: &Emulator, arguments: &[&str]) -> Child {
    let before = emulator.requests().len();
    let child = dinoai(emulator).args(arguments).spawn().unwrap();
    wait_until("all of it has been read", || has_read_all(emulator, before));
    child
}

/// What the command writes in each format, ended in the same way by `end`. That is called with the
/// number of the attempt, from 0, and gives nothing if it came to its end too early. `status`:
/// what the command says of a run that was stopped.
fn assert_same(
    command: &str,
    exit: i32,
    status: Option<&str>,
    end: impl Fn(&Emulator, &[&str], u32) -> Option<Done>,
) {
    let attempt = |format: &str, attempt: u32| {
        let emulator = endless();
        let id = match command {
            "run" => "agent".to_owned(),
            _ => {
                let done = run(dinoai(&emulator), &["run", "agent", "--detach"]);
                done.stdout.trim().to_owned()
            }
        };
        let message = match command {
            "send" => &["-m", "and?"][..],
            _ => &[],
        };
        let arguments = [
            &[command, &id, "--steps", "--output", format][..],
            message,
            &FAST,
        ];
        end(&emulator, &arguments.concat(), attempt)
    };
    let [json, jsonl] = ["json", "jsonl"].map(|format| {
        let done = (0..ATTEMPTS).find_map(|number| attempt(format, number));
        let done = done.unwrap();
        assert_eq!(done.code(), exit, "{}", done.stderr);
        assert_is(&format!("{command}.{format}"), &done.stdout);
        done.stdout
    });
    let document: Value = serde_json::from_str(&json).unwrap();
    assert!(document["agentSessionId"].is_string(), "{document}");
    assert!(!document["messages"].as_array().unwrap().is_empty());
    if let Some(status) = status {
        assert_eq!(document["status"], status, "{command}");
    }
    assert_eq!(without_names(document), without_names(together(&jsonl)));
}

#[test]
fn at_its_timeout() {
    for command in ["run", "watch", "send"] {
        for (what, status) in [("leave", None), ("stop", Some("STOPPED"))] {
            assert_same(command, 4, status, |emulator, arguments, attempt| {
                let before = emulator.requests().len();
                let timeout = format!("{}ms", 500 * 4_u32.pow(attempt));
                let timeout = ["--timeout", &timeout, "--on-timeout", what];
                let done = run(dinoai(emulator), &[arguments, &timeout].concat());
                has_read_all(emulator, before).then_some(done)
            });
        }
    }
}

#[test]
fn a_status_that_was_the_same_before_a_follow_up_is_shown_all_the_same() {
    let send = |format| {
        let running = || Stage::new("RUNNING").reads(u64::MAX);
        let emulator = Emulator::builder()
            .default_scenario(Scenario::new().stage(running()).follow_up([running()]))
            .start_blocking()
            .unwrap();
        let done = run(dinoai(&emulator), &["run", "agent", "--detach"]);
        let id = done.stdout.trim();
        run(dinoai(&emulator), &["watch", id, "--timeout", "100ms"]);
        assert_eq!(emulator.runs()[0].status, "RUNNING");
        let send = ["send", id, "-m", "and?", "--timeout", "500ms"];
        let done = run(
            dinoai(&emulator),
            &[&send[..], &["--output", format], &FAST].concat(),
        );
        assert_eq!(done.code(), 4, "{}", done.stderr);
        done
    };
    let document: Value = serde_json::from_str(&send("json").stdout).unwrap();
    assert_eq!(document["status"], "RUNNING", "{document}");
    let lines = send("jsonl").stdout;
    assert_eq!(together(&lines)["status"], "RUNNING", "{lines}");
    let times = lines.matches(r#""event":"status""#).count();
    assert_eq!(times, 1, "{lines}");
    let said = send("text").stderr;
    assert_eq!(said.matches("status RUNNING\n").count(), 1, "{said}");
}

#[test]
fn at_a_signal() {
    for command in ["run", "watch", "send"] {
        for (what, status) in [("leave", None), ("stop", Some("STOPPED"))] {
            assert_same(command, 130, status, |emulator, arguments, _| {
                let child = started(emulator, &[arguments, &["--on-interrupt", what]].concat());
                kill_process(Pid::from_child(&child), Signal::INT).unwrap();
                Some(Done::of(child))
            });
        }
    }
}

#[test]
fn at_a_failure_that_is_not_tolerated() {
    for command in ["run", "watch", "send"] {
        assert_same(command, 5, None, |emulator, arguments, _| {
            let child = started(emulator, arguments);
            let invalid = Fault::graphql_error(400).code("GRAPHQL_VALIDATION_FAILED");
            emulator
                .add_fault(invalid.always().on("dinoaiAgentRun"))
                .unwrap();
            Some(Done::of(child))
        });
    }
}

#[test]
fn where_nothing_was_seen_neither_writes_anything() {
    for format in ["json", "jsonl"] {
        let emulator = endless();
        for command in [&["run", "agent"][..], &["watch", "unknown"]] {
            let mut wrong = dinoai(&emulator);
            wrong.env("PARADIME_API_KEY", "wrong");
            let done = run(wrong, &[command, &["--output", format]].concat());
            assert_eq!((done.code(), &*done.stdout), (3, ""), "{}", done.stderr);
        }
    }
}

#[test]
fn a_start_that_is_interrupted_is_written_as_one_that_is_not() {
    for format in ["json", "jsonl"] {
        let emulator = endless();
        let late = Fault::delay(Duration::from_secs(1)).after_execution();
        emulator
            .add_fault(late.on("triggerDinoaiAgentRun"))
            .unwrap();
        let detach = ["run", "agent", "--detach", "--output", format];
        let child = dinoai(&emulator).args(detach).spawn().unwrap();
        wait_until("it has been sent", || !emulator.runs().is_empty());
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let done = Done::of(child);
        assert_eq!(done.code(), 130, "{}", done.stderr);
        assert_is(&format!("detach.{format}"), &done.stdout);
    }
}
