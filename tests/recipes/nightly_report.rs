//! A nightly report has a row for each agent, however its run ended, and says what to do about those
//! that have not completed; the exit status says whether all have.

use dinoai_emulator::{Builder, Emulator, Fault, Scenario, Stage};

use crate::program::{Program, example};

async fn report(emulator: &Emulator, agents: &[&str]) -> (Option<i32>, Vec<String>) {
    let mut command = example("nightly_report", emulator);
    command.args(agents);
    let (status, lines) = Program::start(command).end().await;
    (status.code(), lines)
}

async fn started(builder: Builder) -> Emulator {
    builder.start().await.unwrap()
}

/// The cells of the row of an agent.
fn cells<'a>(lines: &'a [String], agent: &str) -> Vec<&'a str> {
    let start = format!("| {agent} |");
    let rows: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with(&start))
        .collect();
    assert_eq!(rows.len(), 1, "{agent}: {lines:#?}");
    rows[0]
        .trim_matches('|')
        .split('|')
        .map(str::trim)
        .collect()
}

#[tokio::test]
async fn each_agent_has_a_row_however_its_run_ended() {
    let emulator = started(
        Emulator::builder()
            .agent("checker")
            .agent("reporter")
            .agent("writer")
            .scenario(
                "checker",
                ended("COMPLETED", "# All good\n\nNothing was found."),
            )
            .scenario("reporter", ended("FAILED", "The warehouse refused."))
            .scenario("writer", Scenario::new().stage(Stage::new("EXPIRED"))),
    )
    .await;
    let agents = ["checker", "reporter", "ghost", "writer"];
    let (status, lines) = report(&emulator, &agents).await;

    assert_eq!(status, Some(1));
    assert_eq!(lines[0], "# Agents: 1 of 4 completed");
    for (agent, ended) in [
        ("checker", "COMPLETED"),
        ("reporter", "FAILED"),
        ("writer", "EXPIRED"),
    ] {
        let row = cells(&lines, agent);
        let runs = emulator.runs();
        let run = runs.iter().find(|run| run.agent.as_deref() == Some(agent));
        let seconds = row[2].strip_suffix(" s").unwrap().parse::<u32>();
        assert_eq!((row[1], row[3]), (ended, run.unwrap().session_id.as_str()));
        assert!(seconds.unwrap() < 30);
    }
    assert_eq!(cells(&lines, "ghost"), ["ghost", "not started", "–", "–"]);
    let rows = lines.iter().filter(|line| line.starts_with("| "));
    let order: Vec<_> = rows
        .skip(2)
        .map(|row| row.split(' ').nth(1).unwrap())
        .collect();
    assert_eq!(order, agents);

    let todo = |agent: &str| {
        let start = format!("- **{agent}**: ");
        lines.iter().find_map(|line| line.strip_prefix(&start))
    };
    assert_eq!(todo("checker"), None);
    assert!(
        todo("reporter")
            .unwrap()
            .starts_with("read its answer below")
    );
    assert!(todo("writer").unwrap().starts_with("its pod never started"));
    assert!(todo("ghost").unwrap().starts_with("nothing was started"));
    for quoted in [
        "> # All good",
        "> Nothing was found.",
        "> The warehouse refused.",
    ] {
        assert!(
            lines.iter().any(|line| line == quoted),
            "{quoted}: {lines:#?}"
        );
    }
}

#[tokio::test]
async fn the_exit_status_is_0_if_all_have_completed() {
    let emulator = started(Emulator::builder().default_scenario(ended("COMPLETED", "Good."))).await;
    let (status, lines) = report(&emulator, &["checker", "reporter"]).await;
    assert_eq!(status, Some(0));
    assert_eq!(lines[0], "# Agents: 2 of 2 completed");
    assert!(!lines.iter().any(|line| line == "## What to do"));
}

#[tokio::test]
async fn a_run_that_may_have_started_is_not_to_be_run_again_unseen() {
    let lost = Fault::reset().after_execution().on("triggerDinoaiAgentRun");
    let emulator = started(Emulator::builder().fault(lost)).await;
    let (status, lines) = report(&emulator, &["checker"]).await;
    assert_eq!(status, Some(1));
    assert_eq!(cells(&lines, "checker"), ["checker", "unknown", "–", "–"]);
    let look = "- **checker**: look in the workspace before it is run again";
    assert!(
        lines.iter().any(|line| line.starts_with(look)),
        "{lines:#?}"
    );
    assert_eq!(emulator.runs().len(), 1);
}

fn ended(status: &str, answer: &str) -> Scenario {
    let stage = Stage::new(status).message("assistant", answer);
    Scenario::new().stage(stage)
}
