//! `--answer json` prints the JSON in the answer alone, `--fail-if` decides by it with status 7, and a run
//! whose answer has none is asked once more.

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use serde_json::{Value, json};

use crate::schema_covers_all_json::assert_is;
use crate::support::program::{Done, bare, dinoai, run};

const FAST: [&str; 2] = ["--poll-interval", "5ms"];
const FINDINGS: &str = "Two findings.\n\n```json\n[\r\n  {\"rows\": 29.50},\r\n  {\"rows\": 12345678901234567890123, \"b\": 1, \"a\": 2}\r\n]\n```\n";
/// As it was written.
const PRINTED: &str =
    "[\n  {\"rows\": 29.50},\n  {\"rows\": 12345678901234567890123, \"b\": 1, \"a\": 2}\n]\n";
const PROSE: &str = "There are two findings.";

fn completed(answer: &str) -> Stage {
    Stage::new("COMPLETED").message("assistant", answer)
}

/// An emulator whose agent gives these answers, one a turn.
fn answering(answers: &[&str]) -> Emulator {
    let mut answers = answers.iter();
    let first = answers.next().unwrap();
    let mut scenario = Scenario::new().stage(completed(first));
    for answer in answers {
        scenario = scenario.follow_up([Stage::new("RUNNING").reads(1), completed(answer)]);
    }
    let builder = Emulator::builder().default_scenario(scenario);
    builder.start_blocking().unwrap()
}

fn checked(emulator: &Emulator, options: &[&str]) -> Done {
    let command = ["run", "checker", "--journal", "none"];
    run(dinoai(emulator), &[&command[..], &FAST, options].concat())
}

fn follow_ups(emulator: &Emulator) -> Vec<String> {
    let runs = emulator.runs();
    assert_eq!(runs.len(), 1);
    runs[0].follow_ups.clone()
}

#[test]
fn the_json_is_printed_alone_and_as_it_was_written() {
    let emulator = answering(&[FINDINGS]);
    let done = checked(&emulator, &["--answer", "json"]);
    assert_eq!(
        (done.code(), done.stdout.as_str()),
        (0, PRINTED),
        "{}",
        done.stderr
    );
    assert!(!done.stderr.contains("findings"), "{}", done.stderr);
    assert_eq!(follow_ups(&emulator), [""; 0]);
    // Of a label, and of a whole answer.
    let labelled = "```json\n1\n```\n```dinoai-findings\n2\n```\n```json\n3\n```";
    let done = checked(
        &answering(&[labelled]),
        &["--answer", "json", "--label", "dinoai-findings"],
    );
    assert_eq!((done.code(), done.stdout.as_str()), (0, "2\n"));
    let done = checked(&answering(&[" {\"a\": true}\n"]), &["--answer", "json"]);
    assert_eq!((done.code(), done.stdout.as_str()), (0, "{\"a\": true}\n"));
}

#[test]
fn a_run_whose_answer_has_none_is_asked_once_more() {
    for (answers, status, printed) in [
        (&[PROSE, FINDINGS][..], 0, PRINTED),
        (&[PROSE, PROSE, FINDINGS], 5, ""),
        (&["```json\n[1,]\n```", "[1]"], 0, "[1]\n"),
    ] {
        let emulator = answering(answers);
        let done = checked(&emulator, &["--answer", "json"]);
        assert_eq!(
            (done.code(), done.stdout.as_str()),
            (status, printed),
            "{}",
            done.stderr
        );
        assert!(
            done.stderr.contains("; asking once more\n"),
            "{}",
            done.stderr
        );
        let asked = follow_ups(&emulator);
        assert_eq!(asked.len(), 1);
        assert!(asked[0].starts_with("A program has to read your last answer, and cannot: "));
        assert_eq!(
            done.stderr.contains("it was asked for again once already"),
            status == 5
        );
    }
}

#[test]
fn an_expression_decides_and_what_is_no_boolean_never_passes() {
    for (expression, answers, status, said) in [
        (
            "length(@) > `0`",
            &[FINDINGS][..],
            7,
            "--fail-if length(@) > `0` is true of the answer of run ",
        ),
        ("length(@) > `2`", &[FINDINGS], 0, ""),
        (
            "length(@) > `1`",
            &[PROSE, FINDINGS],
            7,
            "is true of the answer",
        ),
        ("length(@) > `1`", &[PROSE, "[]"], 0, "asking once more"),
        (
            "[].rows",
            &[FINDINGS],
            7,
            "is neither true nor false of the answer",
        ),
        ("ok", &["{}"], 7, "it is of type null, not a boolean"),
        (
            "ok",
            &["{\"ok\": \"false\"}"],
            7,
            "it is of type string, not a boolean",
        ),
        (
            "length(@) > `0`",
            &["1"],
            7,
            "is neither true nor false of the answer",
        ),
        (
            "length(@) > `0`",
            &[PROSE, PROSE],
            7,
            "it was asked for again once already",
        ),
        ("length(@) > `0`", &["```json\n[", ""], 7, "it is empty"),
    ] {
        let emulator = answering(answers);
        let done = checked(&emulator, &["--fail-if", expression]);
        assert_eq!(
            done.code(),
            status,
            "{expression}, {answers:?}: {}",
            done.stderr
        );
        assert!(done.stderr.contains(said), "{expression}: {}", done.stderr);
        // The conversation is shown as ever.
        assert!(
            done.stdout.contains(answers[0].trim_end()),
            "{}",
            done.stdout
        );
    }
    // Both at once.
    let emulator = answering(&[FINDINGS]);
    let done = checked(
        &emulator,
        &["--answer", "json", "--fail-if", "length(@) == `2`"],
    );
    assert_eq!(
        (done.code(), done.stdout.as_str()),
        (7, PRINTED),
        "{}",
        done.stderr
    );
}

#[test]
fn a_failure_is_json_of_its_own_kind() {
    let emulator = answering(&[PROSE, "[1]"]);
    let done = checked(
        &emulator,
        &["--fail-if", "length(@) == `1`", "--output", "json"],
    );
    assert_eq!(done.code(), 7, "{}", done.stderr);
    assert_is("stderr", &done.stderr);
    let lines: Vec<Value> = done
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let id = &emulator.runs()[0].session_id;
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].clone()).collect();
    assert_eq!(
        kinds,
        [json!(null), json!("asked_again"), json!("fail_if")],
        "{}",
        done.stderr
    );
    assert!(lines.iter().all(|line| line["agentSessionId"] == json!(id)));
    // One document, with both turns.
    let document = done.json();
    let texts = document["messages"].as_array().unwrap().iter();
    let texts: Vec<_> = texts
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!((texts[0], texts.last().copied()), (PROSE, Some("[1]")));

    let emulator = answering(&[PROSE, PROSE]);
    let done = checked(&emulator, &["--fail-if", "@", "--output", "jsonl"]);
    assert_eq!(done.code(), 7, "{}", done.stderr);
    assert!(
        done.stderr.contains("\"kind\":\"wrong_answer\""),
        "{}",
        done.stderr
    );
}

#[test]
fn what_cannot_be_decided_is_refused_before_anything_is_sent() {
    let emulator = answering(&[FINDINGS]);
    for (options, said) in [
        (&["--fail-if", "length(@"][..], "Parse error"),
        (
            &["--fail-if", "lenght(@) > `0`"],
            "undefined function lenght",
        ),
        (&["--fail-if", ""], "--fail-if"),
        (
            &["--label", "findings"],
            "--answer <FORM>|--fail-if <EXPRESSION>",
        ),
        (
            &["--answer", "json", "--label", " "],
            "a label cannot be blank",
        ),
        (&["--answer", "yaml"], "[possible values: json]"),
        (
            &["--answer", "json", "--output", "json"],
            "leave --output out",
        ),
        (&["--answer", "json", "--detach"], "--detach"),
        (&["--fail-if", "@", "--detach"], "--detach"),
    ] {
        let done = checked(&emulator, options);
        assert_eq!(done.code(), 2, "{options:?}: {}", done.stderr);
        assert!(done.stderr.contains(said), "{options:?}: {}", done.stderr);
    }
    assert!(emulator.requests().is_empty());
}

#[test]
fn a_run_that_has_not_completed_keeps_its_own_status() {
    let scenario = Scenario::new().stage(Stage::new("FAILED").message("assistant", FINDINGS));
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .start_blocking()
        .unwrap();
    let done = checked(
        &emulator,
        &["--answer", "json", "--fail-if", "length(@) > `5`"],
    );
    assert_eq!(
        (done.code(), done.stdout.as_str()),
        (1, ""),
        "{}",
        done.stderr
    );
    assert_eq!(follow_ups(&emulator), [""; 0]);
}

#[test]
fn a_follow_up_that_fails_is_not_sent_again_and_its_failure_is_said() {
    for (fault, status) in [
        (Fault::reset().on("sendDinoaiAgentMessage"), 6),
        (
            Fault::redirect("http://localhost/").on("sendDinoaiAgentMessage"),
            5,
        ),
    ] {
        let emulator = answering(&[PROSE, FINDINGS]);
        emulator.add_fault(fault).unwrap();
        let done = checked(&emulator, &["--fail-if", "length(@) > `0`"]);
        assert_eq!(done.code(), status, "{}", done.stderr);
        assert!(
            done.stderr.contains("; asking once more failed: "),
            "{}",
            done.stderr
        );
        assert!(follow_ups(&emulator).len() <= 1);
        let sends = emulator.requests();
        let sends = sends
            .iter()
            .filter(|request| request.operation_name.as_deref() == Some("SendDinoaiAgentMessage"));
        assert_eq!(sends.count(), 1);
    }
}

#[test]
fn a_second_answer_is_waited_for_within_the_same_time() {
    let scenario = Scenario::new()
        .stage(completed(PROSE))
        .follow_up([Stage::new("RUNNING").reads(u64::MAX), completed(FINDINGS)]);
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .start_blocking()
        .unwrap();
    let options = [
        "--answer",
        "json",
        "--timeout",
        "1s",
        "--on-timeout",
        "stop",
    ];
    let done = checked(&emulator, &options);
    assert_eq!(
        (done.code(), done.stdout.as_str()),
        (4, ""),
        "{}",
        done.stderr
    );
    assert_eq!(emulator.runs()[0].stops.len(), 1);
    assert_eq!(follow_ups(&emulator).len(), 1);
}

#[test]
fn a_command_that_is_run_again_by_its_key_asks_no_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("runs.jsonl");
    let emulator = answering(&[PROSE, "Sorry.", FINDINGS]);
    let key = [
        "run",
        "checker",
        "--key",
        "nightly",
        "--journal",
        journal.to_str().unwrap(),
        "--answer",
        "json",
    ];
    for is_second in [false, true] {
        let done = run(dinoai(&emulator), &[&key[..], &FAST].concat());
        assert_eq!(
            (done.code(), done.stdout.as_str()),
            (5, ""),
            "{}",
            done.stderr
        );
        assert_eq!(follow_ups(&emulator).len(), 1);
        let advice = "to ask once more: dinoai send ";
        assert_eq!(done.stderr.contains(advice), is_second, "{}", done.stderr);
    }
    // Whoever asks by hand gets it, and so does the key.
    let id = emulator.runs()[0].session_id.clone();
    let send = ["send", &id, "-m", "As JSON, please", "--answer", "json"];
    let done = run(dinoai(&emulator), &[&send[..], &FAST].concat());
    assert_eq!(
        (done.code(), done.stdout.as_str()),
        (0, PRINTED),
        "{}",
        done.stderr
    );
    let done = run(dinoai(&emulator), &[&key[..], &FAST].concat());
    assert_eq!(
        (done.code(), done.stdout.as_str()),
        (0, PRINTED),
        "{}",
        done.stderr
    );
}

#[test]
fn a_watch_reads_the_json_and_sends_nothing() {
    for (answer, status, printed) in [(FINDINGS, 0, PRINTED), (PROSE, 5, "")] {
        let emulator = answering(&[answer, FINDINGS]);
        let started = checked(&emulator, &["--output", "json"]);
        let id = started.json()["agentSessionId"]
            .as_str()
            .unwrap()
            .to_owned();
        let done = run(dinoai(&emulator), &["watch", &id, "--answer", "json"]);
        assert_eq!(
            (done.code(), done.stdout.as_str()),
            (status, printed),
            "{}",
            done.stderr
        );
        assert_eq!(follow_ups(&emulator), [""; 0]);
    }
}

#[test]
fn a_text_in_it_that_a_terminal_or_a_log_would_obey_is_escaped() {
    let emulator = answering(&["[\"a\u{9b}31m\u{202e} ##vso[task.complete]\", \"\\u001b[31m\"]"]);
    let mut command = dinoai(&emulator);
    command.env("TF_BUILD", "True");
    let done = run(
        command,
        &["run", "checker", "--answer", "json", "--journal", "none"],
    );
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(
        done.stdout,
        "[\"a\\u009b31m\\u202e \\u0023#vso[task.complete]\", \"\\u001b[31m\"]\n"
    );
}

#[test]
fn a_run_that_stalls_is_left_or_stopped_as_at_the_timeout() {
    for (on_timeout, stops) in [("leave", 0), ("stop", 1)] {
        let scenario = Scenario::new()
            .stage(Stage::new("RUNNING").reads(u64::MAX))
            .stage(completed("x"));
        let emulator = Emulator::builder()
            .default_scenario(scenario)
            .start_blocking()
            .unwrap();
        let options = ["--stall", "1s", "--on-timeout", on_timeout];
        let done = checked(&emulator, &options);
        assert_eq!(done.code(), 4, "{}", done.stderr);
        assert!(
            done.stderr
                .contains(", without a new step or message for 1s"),
            "{}",
            done.stderr
        );
        assert_eq!(emulator.runs()[0].stops.len(), stops);
    }
    let done = run(bare(), &["run", "checker", "--stall", "0"]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
}

#[test]
fn the_readme_shows_what_is_printed() {
    let (_, section) = include_str!("../../README.md")
        .split_once("## Act on the answer\n")
        .unwrap();
    let (_, block) = section.split_once("```console\n$ dinoai ").unwrap();
    let (block, _) = block.split_once("\n```\n").unwrap();
    let (printing, deciding) = block.split_once("\n$ dinoai ").unwrap();
    let (_, printed) = printing.split_once('\n').unwrap();
    let (_, said) = deciding.split_once('\n').unwrap();
    let command = [
        "run",
        "data-quality-checker",
        "-m",
        "Focus on stg_orders",
        "--emulator",
        "--quiet",
        "--answer",
        "json",
    ];
    let done = run(bare(), &command);
    assert_eq!(
        (done.code(), done.stdout.trim_end()),
        (0, printed),
        "{}",
        done.stderr
    );
    let expression = "length([?rows > `20`]) > `0`";
    assert!(deciding.contains(&format!("--fail-if '{expression}' >/dev/null\n")));
    let done = run(bare(), &[&command[..], &["--fail-if", expression]].concat());
    let id = said.rsplit(' ').next().unwrap();
    let first = done.stderr.lines().next().unwrap();
    assert_eq!(done.code(), 7);
    assert_eq!(
        first.rsplit_once(' ').unwrap().0,
        said.strip_suffix(id).unwrap().trim_end()
    );
}

#[test]
fn a_turn_without_an_answer_does_not_pass_by_the_one_before() {
    let scenario = Scenario::new()
        .stage(completed("[]"))
        .follow_up([Stage::new("RUNNING").reads(1), Stage::new("COMPLETED")])
        .follow_up([Stage::new("RUNNING").reads(1), Stage::new("COMPLETED")]);
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .start_blocking()
        .unwrap();
    let first = checked(&emulator, &["--fail-if", "length(@) > `0`"]);
    assert_eq!(first.code(), 0, "{}", first.stderr);
    let id = emulator.runs()[0].session_id.clone();
    let send = [
        "send",
        &id,
        "-m",
        "Check again",
        "--fail-if",
        "length(@) > `0`",
    ];
    let done = run(dinoai(&emulator), &[&send[..], &FAST].concat());
    assert_eq!(done.code(), 7, "{}", done.stderr);
    assert!(done.stderr.contains("it is empty"), "{}", done.stderr);
    assert_eq!(follow_ups(&emulator).len(), 2);
}

#[test]
fn a_command_that_has_not_started_the_run_asks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("runs.jsonl");
    let journal = journal.to_str().unwrap();
    let emulator = answering(&[PROSE, FINDINGS]);
    let key = ["run", "checker", "--key", "nightly", "--journal", journal];
    let started = run(dinoai(&emulator), &[&key[..], &FAST].concat());
    assert_eq!(started.code(), 0, "{}", started.stderr);
    let done = run(
        dinoai(&emulator),
        &[&key[..], &FAST, &["--answer", "json"]].concat(),
    );
    assert_eq!(
        (done.code(), done.stdout.as_str()),
        (5, ""),
        "{}",
        done.stderr
    );
    let hint = "dinoai send -m 'The JSON alone, please' --answer json ID";
    let id = &emulator.runs()[0].session_id;
    assert!(
        done.stderr.contains(&hint.replace("ID", id)),
        "{}",
        done.stderr
    );
    assert_eq!(follow_ups(&emulator), [""; 0]);
}

#[test]
fn a_second_turn_that_fails_leaves_no_answer_and_its_own_status() {
    let scenario = Scenario::new().stage(completed(PROSE)).follow_up([
        Stage::new("RUNNING")
            .reads(u64::MAX)
            .message("assistant", "Working on it."),
        completed(FINDINGS),
    ]);
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .start_blocking()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answer.md");
    let options = [
        "--fail-if",
        "@",
        "--timeout",
        "1s",
        "--on-timeout",
        "stop",
        "--output",
        "json",
        "--answer-file",
        file.to_str().unwrap(),
    ];
    let done = checked(&emulator, &options);
    assert_eq!(done.code(), 4, "{}", done.stderr);
    assert_eq!(done.json()["status"], "STOPPED", "{}", done.stdout);
    assert!(!file.exists());
}
