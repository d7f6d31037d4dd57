//! `stop` tries every run that it is given, with `--tree` their descendants, and names what keeps
//! running.

use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::schema_covers_all_json::assert_is;
use crate::support::program::{Done, dinoai, run};
use crate::support::runs::{begun, wait_until};

const STOP_RUN: &str = "stopDinoaiAgentRun";
const FAST: [&str; 2] = ["--poll-interval", "5ms"];

fn in_progress() -> Stage {
    Stage::new("RUNNING").reads(u64::MAX)
}

/// The agent `parent` starts a run of `child`, and that one of `grandchild`, which goes on for
/// ever as they do; and a run of `brief`, which has ended.
fn emulator() -> Emulator {
    let started = |agent| Scenario::new().stage(in_progress()).child(agent);
    Emulator::builder()
        .default_scenario(Scenario::new().stage(in_progress()))
        .scenario("parent", started("child").child("brief"))
        .scenario("child", started("grandchild"))
        .scenario("brief", Scenario::new().stage(Stage::new("COMPLETED")))
        .start_blocking()
        .unwrap()
}

fn status(emulator: &Emulator, id: &str) -> String {
    let runs = emulator.runs();
    let run = runs.iter().find(|run| run.session_id == id).unwrap();
    run.status.clone()
}

/// The id of the only run of an agent.
fn of(emulator: &Emulator, agent: &str) -> String {
    let runs = emulator.runs().into_iter();
    let mut runs = runs.filter(|run| run.agent.as_deref() == Some(agent));
    runs.next().unwrap().session_id
}

/// The runs that a stop was sent for, in order.
fn sent(emulator: &Emulator) -> Vec<String> {
    let requests = emulator.requests().into_iter();
    let stops = requests.filter(|request| request.query.contains(STOP_RUN));
    let ids = stops.map(|request| request.variables["agentSessionId"].clone());
    ids.map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// What was written for programs: an array, or lines.
fn results(format: &str, done: &Done) -> Vec<Value> {
    let lines = done.stdout.lines();
    match format {
        "json" => serde_json::from_str(&done.stdout).unwrap(),
        _ => lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    }
}

#[test]
fn all_are_tried_and_each_result_is_shown() {
    for format in ["text", "json", "jsonl"] {
        let emulator = emulator();
        let (one, two) = (begun(&emulator, "a"), begun(&emulator, "b"));
        let arguments = ["stop", &one, "no-such-run", &two, "--output", format];
        let done = run(dinoai(&emulator), &arguments);
        assert_eq!(done.code(), 5, "{}", done.stderr);
        assert!(done.stderr.contains("no-such-run"), "{}", done.stderr);
        for id in [&one, &two] {
            assert_eq!(status(&emulator, id), "STOPPED");
        }
        if format == "text" {
            let lines = format!("{one} STOPPED\n{two} STOPPED\n");
            assert_eq!(done.stdout, lines);
            continue;
        }
        let results = results(format, &done);
        let stopped = |id| json!({ "agentSessionId": id, "status": "STOPPED" });
        assert_eq!(results.len(), 3, "{}", done.stdout);
        assert_eq!((&results[0], &results[2]), (&stopped(&one), &stopped(&two)));
        assert_eq!(results[1]["agentSessionId"], "no-such-run");
        assert_eq!(results[1]["error"]["agentSessionId"], "no-such-run");
    }
}

#[test]
fn an_interrupted_stop_of_several_says_which_are_left() {
    for format in ["text", "json", "jsonl"] {
        let emulator = emulator();
        let ids = ["a", "b", "c"].map(|agent| begun(&emulator, agent));
        let late = Fault::delay(Duration::from_millis(700)).after_execution();
        emulator.add_fault(late.on(STOP_RUN)).unwrap();
        let mut command = dinoai(&emulator);
        command.arg("stop").args(&ids).args(["--output", format]);
        let child = command.spawn().unwrap();
        wait_until("the first is stopped", || {
            status(&emulator, &ids[0]) == "STOPPED"
        });
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let done = Done::of(child);
        assert_eq!(done.code(), 130, "{}", done.stderr);
        assert!(done.stderr.contains("was stopped"), "{}", done.stderr);
        let hint = format!("to stop the others: dinoai stop {} {}", ids[1], ids[2]);
        assert!(done.stderr.contains(&hint), "{}", done.stderr);
        assert_eq!(status(&emulator, &ids[1]), "RUNNING");
        // What is known to be done is a result.
        let stopped = json!({ "agentSessionId": ids[0], "status": "STOPPED" });
        match format {
            "text" => assert_eq!(done.stdout, format!("{} STOPPED\n", ids[0])),
            format => assert_eq!(results(format, &done), [stopped]),
        }
    }
}

#[test]
fn a_stop_that_was_not_answered_before_the_end_is_a_result_too() {
    let emulator = emulator();
    let ids = ["a", "b"].map(|agent| begun(&emulator, agent));
    emulator
        .add_fault(Fault::delay(Duration::from_secs(60)).on(STOP_RUN))
        .unwrap();
    let mut command = dinoai(&emulator);
    command.arg("stop").args(&ids).args(["--output", "json"]);
    let child = command.spawn().unwrap();
    wait_until("a stop is in flight", || !sent(&emulator).is_empty());
    for _ in 0..2 {
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    }
    let done = Done::of(child);
    assert_eq!(done.code(), 130, "{}", done.stderr);
    let results = results("json", &done);
    assert_eq!(results.len(), 1, "{}", done.stdout);
    assert_eq!(results[0]["agentSessionId"], ids[0]);
    assert_eq!(results[0]["error"]["kind"], "interrupted");
}

#[test]
fn a_run_that_is_named_twice_is_stopped_once() {
    let emulator = emulator();
    let (one, two) = (begun(&emulator, "a"), begun(&emulator, "b"));
    let done = run(dinoai(&emulator), &["stop", &two, &one, &two, &one]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(done.stdout, format!("{two} STOPPED\n{one} STOPPED\n"));
    assert_eq!(sent(&emulator), [two, one]);
}

#[test]
fn a_tree_that_has_ended_is_a_result_for_programs() {
    let emulator = emulator();
    let id = begun(&emulator, "brief");
    for format in ["json", "jsonl"] {
        let stop = ["stop", "--tree", &id, "--output", format];
        let done = run(dinoai(&emulator), &stop);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert_is(&format!("stop.{format}"), &done.stdout);
        let ended = json!({ "agentSessionId": id, "status": "COMPLETED" });
        assert_eq!(results(format, &done), [ended]);
    }
    assert_eq!(sent(&emulator), Vec::<String>::new());
}

/// What a stop of a tree does whose run is reported as in progress so many times, and how many it sends.
fn reads_as_going(times: u64) -> (Done, String, usize) {
    let emulator = emulator();
    let root = begun(&emulator, "a");
    let in_progress = Fault::replaced("status", json!("RUNNING"));
    emulator
        .add_fault(in_progress.on("dinoaiAgentRun").times(times))
        .unwrap();
    let done = run(dinoai(&emulator), &["stop", "--tree", &root]);
    (done, root, sent(&emulator).len())
}

#[test]
fn a_tree_that_has_ended_after_the_last_try_has_ended() {
    let (done, root, sent) = reads_as_going(10);
    assert_eq!(sent, 10);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(done.stdout, format!("{root} STOPPED\n"));
}

#[test]
fn what_goes_on_after_the_last_try_is_named() {
    let (done, root, sent) = reads_as_going(11);
    assert_eq!(sent, 10);
    assert_eq!(done.code(), 4, "{}", done.stderr);
    let text = format!("some runs of the tree are still in progress after 10 attempts: {root}");
    assert!(done.stderr.contains(&text), "{}", done.stderr);
}

#[test]
fn a_tree_is_stopped_from_its_root_on_and_what_has_ended_is_left() {
    let emulator = emulator();
    let root = begun(&emulator, "parent");
    let done = run(dinoai(&emulator), &["stop", "--tree", &root]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let ids = ["parent", "child", "grandchild"].map(|agent| of(&emulator, agent));
    assert_eq!(sent(&emulator), ids);
    for id in &ids {
        assert_eq!(status(&emulator, id), "STOPPED");
    }
    let lines = ids.each_ref().map(|id| format!("{id} STOPPED\n"));
    assert_eq!(done.stdout, lines.concat());
    assert_eq!(status(&emulator, &of(&emulator, "brief")), "COMPLETED");

    let again = run(dinoai(&emulator), &["stop", "--tree", &root]);
    assert_eq!((again.code(), again.stdout.as_str()), (0, ""));
    assert!(
        again.stderr.contains("no run in the tree of"),
        "{}",
        again.stderr
    );
    assert_eq!(sent(&emulator), ids);
}

#[test]
fn a_run_that_cannot_be_stopped_is_named_once_and_the_others_are_stopped() {
    let emulator = emulator();
    let root = begun(&emulator, "parent");
    let refused = Fault::graphql_error(200).code("FORBIDDEN").message("no");
    emulator.add_fault(refused.on(STOP_RUN)).unwrap();
    let done = run(dinoai(&emulator), &["stop", "--tree", &root]);
    assert_ne!(done.code(), 0, "{}", done.stderr);
    assert_eq!(done.stderr.matches("error: ").count(), 1, "{}", done.stderr);
    assert_eq!(status(&emulator, &root), "RUNNING");
    for agent in ["child", "grandchild"] {
        assert_eq!(status(&emulator, &of(&emulator, agent)), "STOPPED");
    }
}

#[test]
fn what_is_started_while_a_tree_is_stopped_is_stopped_too() {
    let late = Duration::from_millis(800);
    let child = Scenario::new()
        .stage(Stage::new("RUNNING").lasts(late / 2))
        .stage(in_progress())
        .child("grandchild");
    let emulator = Emulator::builder()
        .default_scenario(Scenario::new().stage(in_progress()))
        .scenario(
            "parent",
            Scenario::new().stage(in_progress()).child("child"),
        )
        .scenario("child", child)
        .start_blocking()
        .unwrap();
    let root = begun(&emulator, "parent");
    // The child's own stop is held up until it has started another.
    emulator.add_fault(Fault::pass().on(STOP_RUN)).unwrap();
    emulator.add_fault(Fault::delay(late).on(STOP_RUN)).unwrap();
    let done = run(dinoai(&emulator), &["stop", "--tree", &root]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 3);
    for run in emulator.runs() {
        assert_eq!(run.status, "STOPPED", "{}", done.stdout);
        assert!(done.stdout.contains(&run.session_id), "{}", done.stdout);
    }
}

#[test]
fn what_cannot_be_read_of_a_tree_is_named() {
    for format in ["text", "json", "jsonl"] {
        let emulator = emulator();
        let root = begun(&emulator, "a");
        let strangers = json!(["no-such-run"]);
        emulator
            .add_fault(Fault::replaced("childSessionIds", strangers).always())
            .unwrap();
        let done = run(
            dinoai(&emulator),
            &["stop", "--tree", &root, "--output", format],
        );
        assert_eq!(done.code(), 5, "{}", done.stderr);
        assert_eq!(status(&emulator, &root), "STOPPED");
        let text =
            "cannot read the run no-such-run, so it and its descendants may still be in progress";
        assert_eq!(done.stderr.matches(text).count(), 1, "{}", done.stderr);
        assert!(!done.stderr.contains("to stop it"), "{}", done.stderr);
        assert!(done.stdout.contains(&root), "{}", done.stdout);
    }
}

#[test]
fn a_tree_whose_root_cannot_be_read_is_a_failure() {
    let emulator = emulator();
    let done = run(dinoai(&emulator), &["stop", "--tree", "no-such-run"]);
    assert_eq!(done.code(), 5, "{}", done.stderr);
    assert!(done.stderr.contains("no-such-run"), "{}", done.stderr);
    // The same again would come to the same.
    assert!(!done.stderr.contains("to try again"), "{}", done.stderr);
    assert_eq!(sent(&emulator), Vec::<String>::new());
}

#[test]
fn an_interrupted_stop_of_a_tree_says_how_to_stop_the_rest() {
    let emulator = emulator();
    let root = begun(&emulator, "parent");
    wait_until("all have started", || emulator.runs().len() == 4);
    let late = Fault::delay(Duration::from_millis(700)).after_execution();
    emulator.add_fault(late.on(STOP_RUN)).unwrap();
    let mut command = dinoai(&emulator);
    let child = command.args(["stop", "--tree", &root]).spawn().unwrap();
    wait_until("the first is stopped", || {
        status(&emulator, &root) == "STOPPED"
    });
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let done = Done::of(child);
    assert_eq!(done.code(), 143, "{}", done.stderr);
    assert!(done.stderr.contains("was stopped"), "{}", done.stderr);
    let hint = format!("dinoai stop --tree {root}");
    assert!(done.stderr.contains(&hint), "{}", done.stderr);
    assert_eq!(sent(&emulator), [root]);
}

#[test]
fn a_wait_as_json_has_the_runs_that_could_not_be_read() {
    for format in ["json", "jsonl"] {
        let emulator = emulator();
        let ended = begun(&emulator, "brief");
        let wait = ["wait", &ended, "no-such-run", "--output", format];
        let done = run(dinoai(&emulator), &[&wait[..], &FAST].concat());
        assert_eq!(done.code(), 5, "{}", done.stderr);
        let results = results(format, &done);
        let of = |id: &str| {
            let result = results.iter().find(|result| result["agentSessionId"] == id);
            result.unwrap_or_else(|| panic!("{}", done.stdout))
        };
        assert_eq!(of(&ended)["status"], "COMPLETED");
        assert!(of("no-such-run")["error"]["kind"].is_string());
        assert_eq!(results.len(), 2);
    }
}
