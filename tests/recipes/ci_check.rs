//! A check in CI says with its exit status what the run came to, stops a run that takes too long, and
//! never starts one twice.

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};

use crate::program::{Program, example};

/// What a check came to.
struct Checked {
    status: Option<i32>,
    lines: Vec<String>,
    summary: String,
}

async fn check(emulator: &Emulator) -> Checked {
    check_for(emulator, "1").await
}

async fn check_for(emulator: &Emulator, seconds: &str) -> Checked {
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary.md");
    let mut command = example("ci_check", emulator);
    command
        .args(["checker", seconds])
        .env("GITHUB_HEAD_REF", "new-models")
        .env("GITHUB_STEP_SUMMARY", &summary);
    let (status, lines) = Program::start(command).end().await;
    Checked {
        status: status.code(),
        lines,
        summary: std::fs::read_to_string(summary).unwrap_or_default(),
    }
}

async fn emulator(scenario: Scenario) -> Emulator {
    let builder = Emulator::builder().default_scenario(scenario);
    builder.start().await.unwrap()
}

fn ended(status: &str, answer: &str) -> Scenario {
    let stage = Stage::new(status).message("assistant", answer);
    Scenario::new().stage(stage)
}

const NO_FINDINGS: &str = "Nothing.\n\n```json\n[]\n```\n";

#[tokio::test]
async fn a_run_without_findings_passes_on_the_branch_of_the_pull_request() {
    let emulator = emulator(ended("COMPLETED", NO_FINDINGS)).await;
    let checked = check(&emulator).await;
    assert_eq!(checked.status, Some(0), "{:#?}", checked.lines);
    assert_eq!(checked.summary, format!("## checker\n\n{NO_FINDINGS}\n"));
    let runs = emulator.runs();
    assert_eq!((runs.len(), runs[0].follow_ups.len()), (1, 0));
    assert_eq!(runs[0].base_branch.as_deref(), Some("new-models"));
    assert_eq!(runs[0].agent.as_deref(), Some("checker"));
}

#[tokio::test]
async fn findings_that_are_missing_are_asked_for_once_more() {
    for first in ["Nothing was found.", ""] {
        let again = Stage::new("COMPLETED").message("assistant", NO_FINDINGS);
        let emulator = emulator(ended("COMPLETED", first).follow_up([again])).await;
        let checked = check_for(&emulator, "60").await;
        assert_eq!(checked.status, Some(0), "{:#?}", checked.lines);
        assert_eq!(checked.summary, format!("## checker\n\n{NO_FINDINGS}\n"));
        let runs = emulator.runs();
        assert_eq!((runs.len(), runs[0].follow_ups.len()), (1, 1));
    }
}

#[tokio::test]
async fn an_answer_without_findings_in_it_does_not_pass() {
    for (answer, says, summary) in [
        (
            "Nothing was found.",
            "unreadable findings: ",
            "Nothing was found.",
        ),
        (
            "",
            "the run ended without any answer, so nothing was checked: ",
            "No answer.",
        ),
    ] {
        let again = Stage::new("COMPLETED").message("assistant", answer);
        let emulator = emulator(ended("COMPLETED", answer).follow_up([again])).await;
        let checked = check_for(&emulator, "60").await;
        assert_eq!(checked.status, Some(2), "{:#?}", checked.lines);
        let error = format!("::error title=checker::{says}");
        assert!(
            checked.lines.iter().any(|line| line.starts_with(&error)),
            "{:#?}",
            checked.lines
        );
        assert_eq!(checked.summary, format!("## checker\n\n{summary}\n"));
        let runs = emulator.runs();
        assert_eq!((runs.len(), runs[0].follow_ups.len()), (1, 1));
    }
}

#[tokio::test]
async fn a_second_turn_that_may_go_on_is_said_to() {
    let emulator = emulator(ended("COMPLETED", "Nothing was found.")).await;
    let lost = Fault::reset().after_execution();
    emulator
        .add_fault(lost.on("sendDinoaiAgentMessage"))
        .unwrap();
    let checked = check_for(&emulator, "60").await;
    assert_eq!(checked.status, Some(4), "{:#?}", checked.lines);
    assert_eq!(emulator.runs()[0].follow_ups.len(), 1);
}

#[tokio::test]
async fn findings_are_annotations_and_fail_the_check() {
    let answer = concat!(
        "Two.\n::error::made up\n\n```json\n",
        r#"[{"model": "stg_orders", "column": "order_id", "test": "not_null", "rows": 29},"#,
        r#" {"model": "a,b:c", "column": "x\n::stop-commands::y", "test": "50%", "rows": 1}]"#,
        "\n```\n"
    );
    let emulator = emulator(ended("COMPLETED", answer)).await;
    let checked = check(&emulator).await;
    assert_eq!(checked.status, Some(1), "{:#?}", checked.lines);
    let commands: Vec<_> = checked
        .lines
        .iter()
        .filter(|line| line.starts_with("::"))
        .collect();
    assert_eq!(
        commands,
        [
            "::warning title=stg_orders::order_id needs the test not_null: it would find 29 rows",
            "::warning title=a%2Cb%3Ac::x%0A::stop-commands::y needs the test 50%25: it would find \
             1 rows",
        ]
    );
    assert!(checked.summary.contains("::error::made up"));
}

#[tokio::test]
async fn a_run_without_a_verdict_neither_passes_nor_fails() {
    for (status, answer) in [
        ("FAILED", "The warehouse refused."),
        ("EXPIRED", "No pod."),
        ("COMPLETED", "Findings:\n```json\n[{\"model\": 1}]\n```"),
    ] {
        let emulator = emulator(ended(status, answer)).await;
        let checked = check(&emulator).await;
        assert_eq!(checked.status, Some(2), "{:#?}", checked.lines);
        assert!(
            checked
                .lines
                .iter()
                .any(|line| line.starts_with("::error title=checker::"))
        );
    }
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_stopped() {
    let emulator = emulator(Scenario::new().stage(Stage::new("RUNNING"))).await;
    let checked = check(&emulator).await;
    assert_eq!(checked.status, Some(2), "{:#?}", checked.lines);
    let runs = emulator.runs();
    assert_eq!((runs.len(), runs[0].stops.len()), (1, 1));
    let started = format!("Started run {}.", runs[0].session_id);
    assert!(checked.lines.contains(&started));
}

#[tokio::test]
async fn what_was_proved_not_started_may_be_run_again() {
    let emulator = Emulator::builder().agent("another").start().await.unwrap();
    let checked = check(&emulator).await;
    assert_eq!(checked.status, Some(3), "{:#?}", checked.lines);
    assert!(emulator.runs().is_empty());
}

#[tokio::test]
async fn what_keeps_the_check_from_starting_is_no_finding() {
    let emulator = Emulator::start().await.unwrap();
    let checked = check_for(&emulator, "soon").await;
    assert_eq!(checked.status, Some(3), "{:#?}", checked.lines);
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn a_run_that_may_have_started_is_not_started_again() {
    let emulator = emulator(ended("COMPLETED", "Good.")).await;
    let lost = Fault::reset().after_execution();
    emulator
        .add_fault(lost.on("triggerDinoaiAgentRun"))
        .unwrap();
    let checked = check(&emulator).await;
    assert_eq!(checked.status, Some(4), "{:#?}", checked.lines);
    assert_eq!(emulator.runs().len(), 1);
    assert_eq!(emulator.requests().len(), 1);
}

#[tokio::test]
async fn a_run_that_could_not_be_stopped_may_still_be_going() {
    let emulator = emulator(Scenario::new().stage(Stage::new("RUNNING"))).await;
    let refused = Fault::redirect("/elsewhere")
        .on("stopDinoaiAgentRun")
        .always();
    emulator.add_fault(refused).unwrap();
    let checked = check(&emulator).await;
    assert_eq!(checked.status, Some(4), "{:#?}", checked.lines);
}
