//! Each command prints its result in each format.

use std::fs;

use dinoai_emulator::{Backend, Emulator, Scenario, Stage, Step};

use crate::support::program::{assert_done, bare, dinoai, run, run_with_input};

const FORMATS: [&str; 3] = ["text", "json", "jsonl"];
const FAST: [&str; 2] = ["--poll-interval", "5ms"];

fn busy_scenario() -> Scenario {
    Scenario::new()
        .stage(Stage::new("QUEUED"))
        .startup_step("Clone the repository", false)
        .stage(Stage::new("RUNNING"))
        .startup_step("Clone the repository", true)
        .step(Step::tool("run_sql_query").input(r#"{"query": "select\n  1"}"#))
        .step(Step::tool("send_api_message"))
        .message("assistant", "I **look** at it.")
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "All well.\n\n- one\n- two")
        .message("assistant", "All well.\n\n- one\n- two")
}

fn emulator() -> Emulator {
    Emulator::builder()
        .scenario("busy", busy_scenario())
        .scenario("broken", Scenario::failed())
        .scenario(
            "parent",
            Scenario::new()
                .stage(Stage::new("RUNNING"))
                .child("child")
                .stage(Stage::new("COMPLETED"))
                .message("assistant", "Asked."),
        )
        .start_blocking()
        .unwrap()
}

fn with_options<'a>(arguments: &[&'a str], format: &'a str) -> Vec<&'a str> {
    let mut all = arguments.to_vec();
    all.extend(["--output", format]);
    all
}

/// The id of a run that has ended.
fn ended(emulator: &Emulator, agent: &str) -> String {
    let mut arguments = vec!["run", agent, "-m", "Check stg_orders"];
    arguments.extend(FAST);
    run(dinoai(emulator), &arguments);
    emulator.runs()[0].session_id.clone()
}

#[test]
fn a_run_is_shown_in_each_format() {
    for format in FORMATS {
        let emulator = emulator();
        let mut arguments = with_options(&["run", "busy", "-m", "Check stg_orders"], format);
        arguments.extend(FAST);
        assert_done!(format!("run_{format}"), run(dinoai(&emulator), &arguments));
        arguments.push("--steps");
        assert_done!(
            format!("run_steps_{format}"),
            run(dinoai(&emulator), &arguments)
        );
    }
}

#[test]
fn a_detached_run_is_its_session_id() {
    for format in FORMATS {
        let emulator = emulator();
        let done = run(
            dinoai(&emulator),
            &with_options(&["run", "busy", "--detach"], format),
        );
        assert_done!(format!("detach_{format}"), done);
        assert_eq!(emulator.runs().len(), 1);
    }
}

#[test]
fn a_follow_up_shows_its_turn_alone() {
    for format in FORMATS {
        let emulator = emulator();
        let id = ended(&emulator, "busy");
        let mut arguments = with_options(&["send", &id, "-m", "And stg_customers?"], format);
        arguments.extend(FAST);
        assert_done!(format!("send_{format}"), run(dinoai(&emulator), &arguments));
    }
}

#[test]
fn reads_are_shown_in_each_format() {
    for format in FORMATS {
        let emulator = emulator();
        let id = ended(&emulator, "parent");
        for command in ["get", "watch", "wait", "tree", "stop"] {
            let done = run(dinoai(&emulator), &with_options(&[command, &id], format));
            assert_done!(format!("{command}_{format}"), done);
        }
    }
}

#[test]
fn a_read_shows_the_steps_where_they_are_asked_for() {
    for format in FORMATS {
        let emulator = emulator();
        let id = ended(&emulator, "busy");
        let arguments = with_options(&["get", &id, "--steps"], format);
        let read = run(dinoai(&emulator), &arguments);
        assert_done!(format!("get_steps_{format}"), read);
        if format == "json" {
            // The very document of a run that is waited for.
            let mut arguments = with_options(&["watch", &id, "--steps"], format);
            arguments.extend(FAST);
            let watched = run(dinoai(&emulator), &arguments);
            assert_eq!(read.stdout, watched.stdout);
        }
    }
}

#[test]
fn a_read_of_a_run_whose_steps_cannot_be_read_says_so_and_shows_the_rest() {
    for format in FORMATS {
        for backend in [Backend::PagesOnly, Backend::Current] {
            let emulator = Emulator::builder()
                .backend(backend)
                .default_scenario(busy_scenario().without_readable_steps())
                .start_blocking()
                .unwrap();
            let id = ended(&emulator, "busy");
            let arguments = with_options(&["get", &id, "--steps"], format);
            let done = run(dinoai(&emulator), &arguments);
            assert_eq!(done.code(), 0, "{}", done.stderr);
            assert!(done.stderr.contains("no steps are shown: "));
            assert!(done.stdout.contains("All well."), "{}", done.stdout);
        }
    }
}

#[test]
fn a_read_of_a_run_that_has_failed_succeeds() {
    let emulator = emulator();
    let id = ended(&emulator, "broken");
    for command in ["get", "tree", "stop"] {
        assert_eq!(
            run(dinoai(&emulator), &[command, &id]).code(),
            0,
            "{command}"
        );
    }
    for command in ["watch", "wait"] {
        assert_eq!(
            run(dinoai(&emulator), &[command, &id]).code(),
            1,
            "{command}"
        );
    }
}

#[test]
fn workspaces_are_shown_in_each_format() {
    for format in FORMATS {
        let builder = Emulator::builder().workspace("wsp_8f3a2b", "Finance & more");
        let emulator = builder.start_blocking().unwrap();
        let arguments = with_options(&["workspaces"], format);
        assert_done!(
            format!("workspaces_{format}"),
            run(dinoai(&emulator), &arguments)
        );
    }
}

#[test]
fn a_checkup_is_shown_in_each_format() {
    for format in FORMATS {
        let builder = Emulator::builder().backend(Backend::PagesOnly);
        let emulator = builder.start_blocking().unwrap();
        let arguments = with_options(&["doctor"], format);
        assert_done!(
            format!("doctor_{format}"),
            run(dinoai(&emulator), &arguments)
        );
    }
}

#[test]
fn a_check_of_agents_is_shown_in_each_format() {
    let repository = tempfile::tempdir().unwrap();
    let folder = repository.path().join(".dinoai/agents");
    fs::create_dir_all(&folder).unwrap();
    let agent = "name: checker\nversion: one\nrole: Checker\ngaol: Find it.\nbackstory: b\n";
    fs::write(folder.join("checker.yml"), agent).unwrap();
    fs::write(folder.join("other.yaml"), "").unwrap();
    for format in FORMATS {
        let mut command = bare();
        command.current_dir(repository.path());
        let arguments = with_options(&["agents", "check"], format);
        assert_done!(format!("agents_{format}"), run(command, &arguments));
    }
}

#[test]
fn every_option_of_a_run_is_sent() {
    let emulator = emulator();
    let done = run(
        dinoai(&emulator),
        &[
            "run",
            "busy",
            "-m",
            "m",
            "--slack-channel",
            "C1",
            "--slack-thread",
            "1.2",
            "--base-branch",
            "dev",
            "--model-family",
            "unknown",
            "--detach",
        ],
    );
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(done.stderr.contains("warning: "), "{}", done.stderr);
    let run = &emulator.runs()[0];
    assert_eq!(run.agent.as_deref(), Some("busy"));
    assert_eq!(run.slack.as_ref().unwrap().channel, "C1");
    assert_eq!(run.slack.as_ref().unwrap().thread_ts, "1.2");
    assert_eq!(run.base_branch.as_deref(), Some("dev"));
    assert_eq!(run.model_family.as_deref(), Some("unknown"));
}

#[test]
fn without_a_command_it_does_what_the_vendors_does() {
    let emulator = emulator();
    let done = run(dinoai(&emulator), &["--agent", "busy", "--message", "hi"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let id = emulator.runs()[0].session_id.clone();
    assert!(
        done.stderr.contains(&format!("session {id}")),
        "{}",
        done.stderr
    );
    let done = run(dinoai(&emulator), &["-s", &id, "-m", "and now?"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(emulator.runs()[0].follow_ups, ["and now?"]);
    let done = run_with_input(dinoai(&emulator), &["--model-family", "fast"], "piped");
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(emulator.runs()[1].message.as_deref(), Some("piped"));
    assert_eq!(emulator.runs()[1].model_family.as_deref(), Some("fast"));
}

#[test]
fn an_emulator_of_its_own_is_all_that_a_first_try_needs() {
    let done = run(
        crate::support::program::bare(),
        &[
            "run",
            "data-quality-checker",
            "-m",
            "Check stg_orders",
            "--emulator",
        ],
    );
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(done.stdout.contains("stg_orders"), "{}", done.stdout);
}

#[test]
fn quiet_leaves_the_result_alone() {
    let emulator = emulator();
    let mut arguments = vec!["run", "busy", "-q", "--steps"];
    arguments.extend(FAST);
    let done = run(dinoai(&emulator), &arguments);
    assert_eq!(done.stderr, "");
    assert!(done.stdout.contains("All well."));
}

#[test]
fn steps_of_a_follow_up_are_those_of_its_turn() {
    let emulator = emulator();
    let id = ended(&emulator, "busy");
    for format in FORMATS {
        let mut arguments = vec!["send", &id, "-m", "And now?", "--steps"];
        arguments.extend(FAST);
        let done = run(dinoai(&emulator), &with_options(&arguments, format));
        assert_eq!(done.code(), 0, "{}", done.stderr);
        let shown = done.shown();
        assert!(!shown.contains("run_sql_query"), "{shown}");
        assert!(shown.contains("follow-up"), "{shown}");
    }
}
