//! Every failure has its message, its kind as JSON, and its exit status.

use dinoai_emulator::{Capability, Emulator, Fault, Quirks, Scenario, Stage};

use crate::support::program::{Done, assert_done, bare, dinoai, run};

const FAST: [&str; 2] = ["--poll-interval", "5ms"];

/// The same failure as text and as JSON.
fn assert_failure(name: &str, exit: i32, does: impl Fn(&[&str]) -> Done) {
    let text = does(&[]);
    assert_eq!(text.code(), exit, "{}", text.stderr);
    assert_done!(name, text);
    let json = does(&["--output", "json", "-q"]);
    assert_eq!(json.code(), exit, "{}", json.stderr);
    let error: serde_json::Value = serde_json::from_str(&json.stderr).unwrap();
    for field in ["kind", "message", "agentSessionId"] {
        assert!(error.get(field).is_some(), "{error}");
    }
    assert_done!(format!("{name}_json"), json);
}

fn with(arguments: &[&str], more: &[&str]) -> Vec<String> {
    let all = arguments.iter().chain(more);
    all.map(|text| (*text).to_owned()).collect()
}

fn run_all(emulator: &Emulator, arguments: &[&str], more: &[&str]) -> Done {
    let all = with(arguments, more);
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    run(dinoai(emulator), &all)
}

fn emulated(scenario: Scenario) -> Emulator {
    Emulator::builder()
        .default_scenario(scenario)
        .start_blocking()
        .unwrap()
}

fn faulty(fault: Fault) -> Emulator {
    Emulator::builder().fault(fault).start_blocking().unwrap()
}

#[test]
fn a_run_that_ends_badly_is_1() {
    for (name, scenario) in [
        ("failed", Scenario::failed()),
        ("stopped", Scenario::stopped()),
        ("expired", Scenario::expired()),
    ] {
        let emulator = emulated(scenario);
        assert_failure(name, 1, |more| {
            let arguments = with(&["run", "agent", "-m", "hi"], &FAST);
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            run_all(&emulator, &arguments, more)
        });
    }
}

#[test]
fn what_cannot_be_right_is_2() {
    let emulator = emulated(Scenario::completed());
    for (name, arguments) in [
        ("usage_nothing_to_run", vec!["run"]),
        ("usage_nothing_to_send", vec!["send", "abc"]),
        (
            "usage_unknown_option",
            vec!["run", "agent", "--tiemout", "1"],
        ),
        (
            "usage_half_of_slack",
            vec!["run", "agent", "--slack-channel", "C1"],
        ),
        ("usage_blank_session", vec!["get", " "]),
        ("usage_blank_agent", vec!["run", " "]),
        ("usage_zero_timeout", vec!["run", "agent", "--timeout", "0"]),
        (
            "usage_options_before_command",
            vec!["-m", "hi", "run", "agent"],
        ),
        (
            "usage_family_of_a_session",
            vec!["-s", "abc", "--model-family", "fast"],
        ),
    ] {
        assert_failure(name, 2, |more| run_all(&emulator, &arguments, more));
    }
    assert_failure("no_account", 2, |more| {
        let all = with(&["get", "abc"], more);
        run(bare(), &all.iter().map(String::as_str).collect::<Vec<_>>())
    });
    // Status 2: before anything was sent.
    assert_eq!(emulator.requests().len(), 0);
}

#[test]
fn refused_credentials_are_3() {
    let emulator = Emulator::builder()
        .quirks(Quirks::new().without_capability(Capability::Trigger))
        .start_blocking()
        .unwrap();
    assert_failure("unauthorized", 3, |more| {
        run_all(&emulator, &["run", "agent"], more)
    });
}

#[test]
fn a_run_that_is_still_in_progress_is_4() {
    let emulator = emulated(Scenario::new().stage(Stage::new("RUNNING").reads(1_000_000)));
    let arguments = [
        "run",
        "agent",
        "--timeout",
        "600ms",
        "--poll-interval",
        "5ms",
    ];
    assert_failure("timeout", 4, |more| run_all(&emulator, &arguments, more));
    let arguments = with(&arguments, &["--on-timeout", "stop"]);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    assert_failure("timeout_stop", 4, |more| {
        run_all(&emulator, &arguments, more)
    });
    let statuses: Vec<_> = emulator.runs().into_iter().map(|run| run.status).collect();
    assert_eq!(statuses, ["RUNNING", "RUNNING", "STOPPED", "STOPPED"]);
}

#[test]
fn an_api_that_refuses_or_answers_unusably_is_5() {
    let emulator = emulated(Scenario::completed());
    assert_failure("unknown_session", 5, |more| {
        run_all(&emulator, &["get", "no-such-session"], more)
    });
    let elsewhere = faulty(Fault::redirect("https://example.com/").always());
    assert_failure("redirect", 5, |more| {
        run_all(&elsewhere, &["get", "abc"], more)
    });
}

#[test]
fn an_api_that_cannot_be_reached_is_5() {
    let gone = emulated(Scenario::completed()).endpoint().to_owned();
    let mut command = bare();
    command
        .env("PARADIME_API_ENDPOINT", gone)
        .env("PARADIME_API_SECRET", "prdm_wsp_canary");
    let done = run(command, &["get", "abc"]);
    assert_eq!(done.code(), 5, "{}", done.stderr);
    assert_done!("unreachable", done);
}

#[test]
fn a_trigger_whose_answer_is_lost_is_6_and_not_sent_again() {
    let emulator = faulty(Fault::reset().after_execution().always());
    assert_failure("outcome_unknown", 6, |more| {
        run_all(&emulator, &["run", "agent", "-m", "hi"], more)
    });
    assert_eq!(emulator.runs().len(), 2);
    let partial = faulty(Fault::partial_data().always());
    assert_failure("outcome_unknown_with_id", 6, |more| {
        run_all(&partial, &["run", "agent", "-m", "hi"], more)
    });
}

#[test]
fn an_agent_that_the_api_does_not_know_is_5_since_nothing_was_started() {
    let known = Emulator::builder().agent("known").start_blocking().unwrap();
    assert_failure("unknown_agent", 5, |more| {
        run_all(&known, &["run", "other"], more)
    });
    assert!(known.runs().is_empty());
}

#[test]
fn of_several_runs_the_gravest_counts_and_the_others_are_shown() {
    let emulator = Emulator::builder()
        .scenario("broken", Scenario::failed())
        .start_blocking()
        .unwrap();
    for agent in ["broken", "fine"] {
        run(dinoai(&emulator), &["run", agent, "--detach"]);
    }
    let ids: Vec<_> = emulator
        .runs()
        .into_iter()
        .map(|run| run.session_id)
        .collect();
    let arguments = ["wait", &ids[0], &ids[1], "--poll-interval", "5ms"];
    assert_eq!(run_all(&emulator, &arguments, &[]).code(), 1);
    let done = run_all(&emulator, &arguments, &["no-such-session"]);
    assert_eq!(done.code(), 5, "{}", done.stderr);
    assert!(done.stdout.contains(&format!("{} FAILED", ids[0])));
    assert!(done.stdout.contains(&format!("{} COMPLETED", ids[1])));
}

#[test]
fn a_run_survives_an_api_that_is_away_right_after_its_start() {
    let emulator = Emulator::builder()
        .fault(Fault::pass())
        .fault(Fault::unavailable().retry_after("0").times(6))
        .start_blocking()
        .unwrap();
    let done = run_all(&emulator, &["run", "agent", "--poll-interval", "5ms"], &[]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(emulator.runs().len(), 1);
}

#[test]
fn credentials_are_in_no_output_however_much_is_asked_for() {
    let emulator = emulated(Scenario::completed());
    for verbose in ["-q", "-v", "-vv", "-vvv", "-vvvvv"] {
        let arguments = [
            "run",
            "agent",
            "-m",
            "hi",
            verbose,
            "--poll-interval",
            "5ms",
        ];
        let done = run_all(&emulator, &arguments, &[]);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        let wrong = run_all(&emulator, &["get", "nothing", verbose], &[]);
        let shown = done.shown() + &wrong.shown();
        for secret in [emulator.key(), emulator.secret(), "demo-company"] {
            assert!(!shown.contains(secret), "{verbose} {shown}");
        }
    }
}
