//! `--output github` gives a step of GitHub Actions its outputs, a summary and annotations, and nothing that
//! an agent writes is obeyed there.

use std::collections::HashMap;
use std::path::PathBuf;

use dinoai_emulator::{Emulator, Scenario, Stage};
use tempfile::TempDir;

use crate::support::program::{Done, dinoai, run};
use crate::support::pseudo_terminal::Pseudo;

const FAST: [&str; 2] = ["--poll-interval", "5ms"];

/// The files of a step.
struct Step {
    folder: TempDir,
}

impl Step {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("outputs"), "before=1\n").unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command as a step of a job.
    fn run(&self, emulator: &Emulator, arguments: &[&str]) -> Done {
        let mut command = dinoai(emulator);
        command
            .env("GITHUB_OUTPUT", self.path("outputs"))
            .env("GITHUB_STEP_SUMMARY", self.path("summary"));
        let journal = ["--journal", "none"];
        let is_watch = arguments[0] == "watch";
        let journal = if is_watch { &[][..] } else { &journal };
        run(
            command,
            &[arguments, &["--output", "github"], journal, &FAST].concat(),
        )
    }

    /// The outputs, as a runner reads them: of several with a name the last.
    fn outputs(&self) -> HashMap<String, String> {
        let text = std::fs::read_to_string(self.path("outputs")).unwrap();
        let mut lines = text.lines();
        let mut outputs = HashMap::new();
        while let Some(line) = lines.next() {
            match line.split_once("<<") {
                Some((name, end)) => {
                    let value: Vec<_> = lines.by_ref().take_while(|line| *line != end).collect();
                    outputs.insert(name.to_owned(), value.join("\n"));
                }
                None => {
                    let (name, value) = line.split_once('=').unwrap();
                    outputs.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        outputs
    }

    fn summary(&self) -> String {
        std::fs::read_to_string(self.path("summary")).unwrap_or_default()
    }
}

/// The lines that a runner takes for commands.
fn commands(done: &Done) -> Vec<String> {
    let lines = done.stdout.lines().chain(done.stderr.lines());
    let is_command = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("::") || line.contains("##[")
    };
    lines.filter(is_command).map(str::to_owned).collect()
}

fn answering(status: &str, answers: &[&str]) -> Emulator {
    let mut scenario = Scenario::new().stage(Stage::new(status).message("assistant", answers[0]));
    for answer in &answers[1..] {
        scenario = scenario.follow_up([Stage::new("COMPLETED").message("assistant", *answer)]);
    }
    let builder = Emulator::builder().default_scenario(scenario);
    builder.start_blocking().unwrap()
}

const FINDINGS: &str = "Two findings.\n\n```json\n[{\"file\": \"models/a.sql\", \"line\": 3, \"severity\": \"high\", \"message\": \"No test.\"},\n \
    {\"model\": \"b\", \"rows\": 2}]\n```";

#[test]
fn a_step_gets_its_outputs_a_summary_and_annotations() {
    let emulator = answering("COMPLETED", &[FINDINGS]);
    let step = Step::new();
    let done = step.run(&emulator, &["run", "checker"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let id = &emulator.runs()[0].session_id;
    let outputs = step.outputs();
    assert_eq!(outputs["session_id"], *id);
    assert_eq!(outputs["status"], "COMPLETED");
    assert_eq!(outputs["answer"], FINDINGS);
    assert_eq!(outputs["before"], "1");
    assert_eq!(
        commands(&done),
        [
            "::group::DinoAI: checker",
            "::endgroup::",
            "::error file=models/a.sql,line=3::No test.",
            "::warning::model: b, rows: 2",
        ]
    );
    // The conversation is in the group.
    let (_, group) = done.stdout.split_once("::group::").unwrap();
    let (group, _) = group.split_once("::endgroup::").unwrap();
    assert!(group.contains("Two findings."), "{group}");
    let summary = step.summary();
    assert!(summary.starts_with("### DinoAI: checker\n"), "{summary}");
    assert!(
        summary.contains("COMPLETED") && summary.contains("| error | models&#47;a&#46;sql&#58;3 |"),
        "{summary}"
    );
    assert!(
        summary.contains(&format!("````text\n{FINDINGS}\n````\n")),
        "{summary}"
    );
}

#[test]
fn hostile_text_of_an_agent_is_obeyed_nowhere() {
    let hostile = "```json\n[{\"title\": \"t::x\\n::error::y\", \"message\": \"m\\n::set-output name=a::b ![i](u) <img> \\u001b[31m\"}]\n```\n\
        ::set-output name=status::HACKED\n ::add-mask::a\n::stop-commands::x\n::endgroup::\n##[error]b\n\
        <img src=\"https://example.com/a.png\"><script>x</script>\n![i](https://example.com/b.png)\n\
        \u{1b}[31mred\u{9b}1m\u{202e}\r\n```\n</details>\nstatus<<EOF\nHACKED\nEOF";
    let emulator = answering("COMPLETED", &[hostile]);
    let step = Step::new();
    let done = step.run(&emulator, &["run", "checker"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let shown = done.stdout.clone() + &done.stderr;
    assert!(
        !shown.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']),
        "{shown:?}"
    );
    assert_eq!(
        commands(&done),
        [
            "::group::DinoAI: checker",
            "::endgroup::",
            "::warning title=t%3A%3Ax %3A%3Aerror%3A%3Ay::m ::set-output name=a::b ![i](u) <img> ␛[31m",
        ]
    );
    let outputs = step.outputs();
    assert_eq!(outputs["status"], "COMPLETED");
    // As it is: what it is used for has to quote it.
    assert_eq!(outputs["answer"], hostile.replace("\r\n", "\n"));
    assert_eq!(outputs.len(), 4, "{outputs:?}");
    let summary = step.summary();
    let (before, block) = summary.split_once("````text\n").unwrap();
    let (_, after) = block.split_once("\n````\n").unwrap();
    let outside = format!("{before}{after}")
        .replace("<details><summary>Answer</summary>", "")
        .replace("</details>", "");
    assert!(!outside.contains(['<', '!', '[', '`', '@']), "{outside}");
    assert!(
        !summary.contains(['\u{1b}', '\u{9b}', '\u{202e}']),
        "{summary:?}"
    );
}

#[test]
fn a_step_that_fails_says_why_as_an_annotation_and_keeps_what_is_known() {
    for (status, answers, options, code, annotation) in [
        (
            "FAILED",
            &["The warehouse refused."][..],
            &[][..],
            1,
            "::error title=dinoai::run ",
        ),
        (
            "COMPLETED",
            &[FINDINGS],
            &["--fail-if", "length(@) > `1`"],
            7,
            "::error title=dinoai::--fail-if length(@) > `1` is true",
        ),
        (
            "RUNNING",
            &["Working."],
            &["--timeout", "1s"],
            4,
            "::error title=dinoai::run ",
        ),
        (
            "COMPLETED",
            &["None.", "None."],
            &["--answer", "json"],
            5,
            "::error title=dinoai::the answer of run ",
        ),
    ] {
        let emulator = answering(status, answers);
        let step = Step::new();
        let done = step.run(&emulator, &[&["run", "checker"], options].concat());
        assert_eq!(done.code(), code, "{status}: {}", done.stderr);
        let commands = commands(&done);
        assert!(
            commands
                .iter()
                .any(|command| command.starts_with(annotation)),
            "{commands:?}"
        );
        let outputs = step.outputs();
        assert_eq!(outputs["session_id"], emulator.runs()[0].session_id);
        assert_eq!(outputs["status"], status);
        assert!(
            step.summary().contains("**Failed**: "),
            "{}",
            step.summary()
        );
    }
    // Nothing was started.
    let emulator = Emulator::builder()
        .agent("another")
        .start_blocking()
        .unwrap();
    let step = Step::new();
    let done = step.run(&emulator, &["run", "checker"]);
    assert_eq!(done.code(), 5, "{}", done.stderr);
    let outputs = step.outputs();
    assert_eq!(
        (outputs.get("session_id"), outputs["status"].as_str()),
        (None, "")
    );
    assert!(step.summary().contains("No run is known."));
}

#[test]
fn the_answer_can_be_its_json_and_is_asked_for_again() {
    let emulator = answering("COMPLETED", &["None.", "```dinoai-findings\n[1, 2]\n```"]);
    let step = Step::new();
    let options = [
        "run",
        "checker",
        "--answer",
        "json",
        "--label",
        "dinoai-findings",
    ];
    let done = step.run(&emulator, &options);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(step.outputs()["answer"], "[1, 2]");
    // The log has the conversation all the same.
    assert!(done.stdout.contains("None."), "{}", done.stdout);
}

#[test]
fn follow_ups_and_watches_have_outputs_too() {
    let emulator = answering("COMPLETED", &["First.", "Second."]);
    let step = Step::new();
    step.run(&emulator, &["run", "checker"]);
    let id = emulator.runs()[0].session_id.clone();
    for (arguments, answer) in [
        (&["send", &id, "-m", "And?"][..], "Second."),
        (&["watch", &id], "Second."),
    ] {
        let step = Step::new();
        let done = step.run(&emulator, arguments);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        let outputs = step.outputs();
        assert_eq!(
            (outputs["session_id"].as_str(), outputs["answer"].as_str()),
            (id.as_str(), answer)
        );
    }
}

#[test]
fn the_session_id_is_there_before_the_run_has_ended() {
    let emulator = answering("RUNNING", &["Working."]);
    let step = Step::new();
    let done = step.run(&emulator, &["run", "checker", "--detach"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let outputs = step.outputs();
    assert_eq!(outputs["session_id"], emulator.runs()[0].session_id);
    assert_eq!(outputs.get("status"), None);
}

#[test]
fn what_is_no_step_is_refused_before_anything_is_sent() {
    let emulator = answering("COMPLETED", &["First."]);
    let github = ["--output", "github"];
    let mut without = dinoai(&emulator);
    without
        .env_remove("GITHUB_OUTPUT")
        .env("GITHUB_ACTIONS", "true");
    let done = run(without, &[&["run", "checker"], &github[..]].concat());
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(
        done.stderr
            .contains("the variable GITHUB_OUTPUT is not set"),
        "{}",
        done.stderr
    );
    let mut unwritable = dinoai(&emulator);
    unwritable.env("GITHUB_OUTPUT", "/nowhere/at/all");
    let done = run(unwritable, &[&["run", "checker"], &github[..]].concat());
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(
        done.stderr.starts_with("::error title=dinoai::"),
        "{}",
        done.stderr
    );
    for command in [
        &["get", "x"][..],
        &["wait", "x"],
        &["workspaces"],
        &["chat", "checker"],
    ] {
        let done = run(dinoai(&emulator), &[command, &github].concat());
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(
            done.stderr
                .contains("--output github is for run, send and watch"),
            "{}",
            done.stderr
        );
    }
    let done = run(
        dinoai(&emulator),
        &[
            &["run", "checker", "--fail-if", "a(\n::error::"],
            &github[..],
        ]
        .concat(),
    );
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    assert!(
        done.stderr
            .starts_with("::error title=dinoai::invalid value "),
        "{}",
        done.stderr
    );
    assert!(emulator.requests().is_empty());
    // Never chosen by a variable.
    let step = Step::new();
    let mut command = dinoai(&emulator);
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_OUTPUT", step.path("outputs"));
    let done = run(command, &["run", "checker", "--journal", "none"]);
    assert_eq!((done.code(), commands(&done)), (0, vec![]));
    assert_eq!(step.outputs().len(), 1);
}

#[test]
fn no_credential_is_written_not_even_to_mask_it() {
    let emulator = answering("FAILED", &["No."]);
    let step = Step::new();
    let done = step.run(&emulator, &["run", "checker", "-vv"]);
    let outputs = std::fs::read_to_string(step.path("outputs")).unwrap();
    let all = done.stdout.clone() + &done.stderr + &outputs + &step.summary();
    let endpoint = emulator.endpoint();
    let path = endpoint.rsplit('/').find(|part| part.len() > 5).unwrap();
    for secret in [emulator.key(), emulator.secret(), path] {
        assert!(!all.contains(secret), "{all}");
    }
    assert!(!all.contains("add-mask"), "{all}");
}

#[test]
fn the_status_is_that_after_a_stop() {
    let emulator = answering("RUNNING", &["Working."]);
    let step = Step::new();
    let done = step.run(
        &emulator,
        &["run", "checker", "--timeout", "1s", "--on-timeout", "stop"],
    );
    assert_eq!(done.code(), 4, "{}", done.stderr);
    assert_eq!(step.outputs()["status"], "STOPPED");
    assert!(step.summary().contains(": STOPPED"), "{}", step.summary());
}

#[test]
fn many_and_long_findings_leave_room_for_the_gravest() {
    let mut findings = vec![
        serde_json::json!({ "severity": "info", "title": "*".repeat(400_000), "message": "m" });
        40
    ];
    findings.push(serde_json::json!({ "severity": "critical", "message": "The gravest." }));
    let answer = serde_json::to_string(&findings).unwrap();
    let emulator = answering("COMPLETED", &[&answer]);
    let step = Step::new();
    let done = step.run(&emulator, &["run", "checker"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let commands = commands(&done);
    assert_eq!(commands.len(), 2 + 1 + 10 + 1, "{commands:?}");
    assert_eq!(commands[2], "::error::The gravest.");
    assert!(
        commands[13].starts_with("::warning title=dinoai::the output `answer` is not set: "),
        "{commands:?}"
    );
    assert_eq!(step.outputs().get("answer"), None);
    let summary = step.summary();
    assert!(summary.len() < 1024 * 1024, "{}", summary.len());
}

#[test]
fn a_terminal_changes_nothing_of_it() {
    let hostile = "**::error::HACKED**\n\n**::add-mask::a**";
    let emulator = answering("COMPLETED", &[hostile]);
    let step = Step::new();
    let outputs = step.path("outputs");
    let arguments = ["run", "checker", "--journal", "none", "--output", "github"];
    let variables = [
        ("GITHUB_OUTPUT", outputs.to_str().unwrap()),
        ("GITHUB_ACTIONS", ""),
    ];
    let terminal = Pseudo::start(&emulator, &[&arguments[..], &FAST].concat(), &variables);
    let (_, shown) = terminal.end();
    let obeyed = |line: &&str| line.contains("HACKED") && line.trim_start().starts_with("::");
    assert_eq!(shown.lines().find(obeyed), None);
    assert!(shown.contains("HACKED"), "{shown}");
}
