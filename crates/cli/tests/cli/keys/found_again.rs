//! What was started from here is listed, and the newest session is gone on with.

use dinoai_emulator::{Emulator, Fault, Scenario};
use serde_json::Value;

use super::{Bench, FAST, KEY};
use crate::support::program::{assert_done, run};
use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::wait_until;

/// A journal with one key of each kind.
fn with_keys() -> Bench {
    let bench = Bench::start();
    let once = |key: &str| {
        let arguments = [&["run", "agent", "-m", "Check", "--key", key][..], &FAST].concat();
        bench.run(&arguments);
    };
    once("ended");
    bench.run(&["run", "agent", "--key", "started", "--detach"]);
    let lost = Fault::reset().after_execution();
    bench
        .emulator
        .add_fault(lost.on("triggerDinoaiAgentRun"))
        .unwrap();
    once("unknown");
    bench
        .emulator
        .add_fault(Fault::redirect("http://127.0.0.1:9/").on("triggerDinoaiAgentRun"))
        .unwrap();
    once("free");
    bench
}

#[test]
fn keys_are_listed_the_newest_first() {
    let bench = with_keys();
    let listed = bench.run(&["runs"]);
    assert_eq!(listed.code(), 0, "{}", listed.stderr);
    let rows: Vec<Vec<_>> = listed
        .stdout
        .lines()
        .map(|it| it.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["KEY", "AGENT", "SESSION", "STATUS", "AGE"]);
    let lines: Vec<_> = listed.stdout.lines().collect();
    let place = lines[0].find("AGENT");
    for line in &lines[1..] {
        assert_eq!(
            line.find(" agent ").map(|it| it + 1),
            place,
            "{}",
            listed.stdout
        );
    }
    let (first, second) = (bench.id(0), bench.id(1));
    for (row, expected) in rows[1..].iter().zip([
        ["free", "agent", "-", "free"],
        ["unknown", "agent", "-", "unknown"],
        ["started", "agent", &second, "started"],
        ["ended", "agent", &first, "COMPLETED"],
    ]) {
        assert_eq!(row[..4], expected, "{}", listed.stdout);
    }
    assert_eq!(rows.len(), 5, "{}", listed.stdout);

    let unknown = bench.run(&["runs", "--unknown", "--output", "jsonl"]);
    let unknown: Value = serde_json::from_str(&unknown.stdout).unwrap();
    assert_eq!(
        (&unknown["key"], &unknown["state"]),
        (&"unknown".into(), &"unknown".into())
    );
}

/// A run that ends later was not started later.
#[test]
fn the_last_one_is_that_which_was_started_last_in_this_account() {
    let bench = Bench::of(
        Scenario::new()
            .stage(dinoai_emulator::Stage::new("RUNNING").reads(1))
            .stage(dinoai_emulator::Stage::new("COMPLETED")),
    );
    for key in ["first", "second"] {
        bench.run(&["run", "agent", "--key", key, "--detach"]);
    }
    let waited = bench.run(&[&["run", "agent", "--key", "first"][..], &FAST].concat());
    assert_eq!(waited.code(), 0, "{}", waited.stderr);
    let listed = bench.run(&["runs"]).stdout;
    let keys: Vec<_> = listed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(keys, ["KEY", "second", "first"]);
    // Another account's is no conversation of this one.
    let other = Emulator::builder().start_blocking().unwrap();
    let mut command = crate::support::program::dinoai(&other);
    command.env("DINOAI_JOURNAL", bench.journal());
    run(command, &["run", "agent", "--key", "third", "--detach"]);
    let sent = bench.run(&[&["send", "--last", "-m", "And?"][..], &FAST].concat());
    assert_eq!(sent.code(), 0, "{}", sent.stderr);
    let asked = |place: usize| bench.emulator.runs()[place].messages.len();
    assert!(asked(1) > asked(0), "{} {}", asked(0), asked(1));
}

#[test]
fn a_key_with_two_runs_shows_both() {
    let bench = Bench::start();
    assert_eq!(bench.once(&[]).code(), 0);
    let journal = std::fs::read_to_string(bench.journal()).unwrap();
    let (before, last) = journal.trim_end().rsplit_once('\n').unwrap();
    let last = last.replacen("\"account\"", "\"otherRuns\":[\"late\"],\"account\"", 1);
    std::fs::write(bench.journal(), format!("{before}\n{last}\n")).unwrap();
    let shown = bench.run(&["runs"]).stdout;
    assert!(
        shown.contains(&format!("{} (also late)", bench.id(0))),
        "{shown}"
    );
    let json = bench.run(&["runs", "--output", "jsonl"]).stdout;
    crate::schema_covers_all_json::assert_is("runs.jsonl", &json);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["otherSessionIds"], serde_json::json!(["late"]));
}

/// Although no other command has used the key since.
#[test]
fn a_key_whose_command_was_killed_is_listed_as_unknown() {
    let bench = Bench::start();
    let held = Fault::delay(std::time::Duration::from_secs(60)).on("triggerDinoaiAgentRun");
    bench.emulator.add_fault(held).unwrap();
    let mut command = bench.command();
    command.args(["run", "agent", "--key", KEY]);
    let mut child = command.spawn().unwrap();
    wait_until("it is in flight", || !bench.emulator.requests().is_empty());
    let in_flight = bench.run(&["runs", "--unknown"]);
    assert_eq!(in_flight.stdout, "", "{}", in_flight.stderr);
    assert!(bench.run(&["runs"]).stdout.contains("claimed"));
    child.kill().unwrap();
    child.wait().unwrap();
    let unknown = bench.run(&["runs", "--unknown"]);
    assert!(unknown.stdout.contains(KEY), "{}", unknown.stdout);
    let retried = bench.run(&["retry", KEY]);
    assert_eq!(retried.code(), 0, "{}", retried.stderr);
}

#[test]
fn keys_are_listed_in_each_format() {
    for format in ["json", "jsonl"] {
        let bench = with_keys();
        assert_done!(
            format!("runs_{format}"),
            bench.run(&["runs", "--output", format])
        );
        let id = bench.id(2);
        let resolved = bench.run(&["resolve", "unknown", &id, "--output", format]);
        assert_done!(format!("resolve_{format}"), resolved);
        let lost = Fault::reset().after_execution();
        bench
            .emulator
            .add_fault(lost.on("triggerDinoaiAgentRun"))
            .unwrap();
        bench.once(&[]);
        let retried = bench.run(&["retry", KEY, "--output", format]);
        assert_done!(format!("retry_{format}"), retried);
    }
}

#[test]
fn an_empty_list_says_so_and_needs_no_account() {
    let bench = Bench::start();
    let mut command = crate::support::program::bare();
    command.env("DINOAI_JOURNAL", bench.journal());
    let listed = run(command, &["runs"]);
    assert_eq!(
        (listed.code(), &*listed.stdout),
        (0, ""),
        "{}",
        listed.stderr
    );
    assert!(
        listed.stderr.contains("Nothing was started from here."),
        "{}",
        listed.stderr
    );
}

#[test]
fn runs_without_a_key_are_listed_too_each_by_a_key_of_its_own() {
    let bench = Bench::start();
    for _ in 0..2 {
        bench.run(&[&["run", "agent"][..], &FAST].concat());
    }
    let listed = bench.run(&["runs"]).stdout;
    assert_eq!(
        listed
            .lines()
            .filter(|line| line.starts_with("run/2"))
            .count(),
        2,
        "{listed}"
    );
    assert_eq!(bench.started(), 2);
}

#[test]
fn send_last_goes_on_with_the_run_that_was_started_last() {
    let bench = Bench::start();
    let none = bench.run(&["send", "--last", "-m", "And then?"]);
    assert_eq!(none.code(), 2, "{}", none.stderr);
    for _ in 0..2 {
        bench.run(&[&["run", "agent"][..], &FAST].concat());
    }
    let sent = bench.run(&[&["send", "--last", "-m", "And then?"][..], &FAST].concat());
    assert_eq!(sent.code(), 0, "{}", sent.stderr);
    let asked = |id: &str| {
        let run = bench
            .emulator
            .runs()
            .into_iter()
            .find(|run| run.session_id == id)
            .unwrap();
        run.messages
            .iter()
            .any(|message| message.content == "And then?")
    };
    assert_eq!((asked(&bench.id(0)), asked(&bench.id(1))), (false, true));
    let both = bench.run(&["send", "--last", "abc", "-m", "And then?"]);
    assert_eq!(both.code(), 2, "{}", both.stderr);
}

#[test]
fn chat_continue_goes_on_with_the_conversation_that_was_begun_last() {
    let bench = Bench::of(Scenario::completed());
    let journal = bench.journal();
    let variables = [("DINOAI_JOURNAL", &*journal)];
    let chat = |arguments: &[&str], says: &str| {
        let mut terminal = Pseudo::start(&bench.emulator, arguments, &variables);
        terminal.wait_for_prompt();
        terminal.type_in(&format!("{says}\r"));
        terminal.wait_for("Done");
        terminal.wait_for_prompt();
        let (exit, shown) = terminal.end_by_enter();
        assert_eq!(exit, 0, "{shown}");
        shown
    };
    chat(&["chat", "agent", "--poll-interval", "5ms"], "hello");
    let shown = chat(&["chat", "--continue", "--poll-interval", "5ms"], "again");
    assert!(shown.contains("hello"), "{shown}");
    assert_eq!(bench.started(), 1);
}

#[test]
fn what_somebody_else_wrote_is_shown_as_text() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let bench = Bench {
        emulator,
        folder: tempfile::tempdir().unwrap(),
    };
    let odd = "a\u{202e}b\u{200e}";
    bench.run(&[&["run", odd, "--key", odd][..], &FAST].concat());
    let listed = bench.run(&["runs"]);
    assert_eq!(listed.code(), 0, "{}", listed.stderr);
    assert_eq!(listed.stdout.lines().count(), 2, "{}", listed.stdout);
}
