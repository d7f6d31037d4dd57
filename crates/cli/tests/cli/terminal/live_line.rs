//! A terminal has one live line while the command waits, which is never too wide and never stays.

use std::time::Duration;

use console::measure_text_width;
use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use rustix::process::Signal;

use crate::support::program::{dinoai, run};
use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::wait_until;
use crate::support::runs::{Folder, begun};

const FAST: [&str; 2] = ["--poll-interval", "20ms"];
const CTRL_C: &str = "\u{3}";
const MINUTE: Duration = Duration::from_secs(60);

/// Runs end a minute after they have begun, by the emulator's clock, which is moved by hand; those
/// of the agent `broken` fail at once.
fn emulator() -> Emulator {
    let slow = Scenario::new()
        .stage(Stage::new("RUNNING").lasts(MINUTE))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "All well.");
    Emulator::builder()
        .default_scenario(slow)
        .scenario("broken", Scenario::failed())
        .stopped_clock()
        .start_blocking()
        .unwrap()
}

fn id(emulator: &Emulator, place: usize) -> String {
    emulator.runs()[place].session_id.clone()
}

/// The lines that are on a terminal's screen in the end.
pub(crate) fn screen(shown: &str) -> Vec<String> {
    let mut parser = vt100::Parser::new(100, 80, 0);
    parser.process(shown.as_bytes());
    let contents = parser.screen().contents();
    contents.lines().map(str::to_owned).collect()
}

/// The lines that were drawn over and over, one for each time, without their colours.
pub(crate) fn drawn(shown: &str) -> Vec<String> {
    let shown = console::strip_ansi_codes(shown).into_owned();
    let lines = shown.split(['\r', '\n']);
    let is_drawn = |line: &&str| line.starts_with(|c| ('\u{2800}'..='\u{28ff}').contains(&c));
    let lines = lines.filter(is_drawn);
    lines.map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn a_batch_shows_how_many_are_done_in_flight_failed_and_to_start_and_which_are_slow() {
    let emulator = emulator();
    let items = "agent,message\nbroken,one\n,two\n,three\n,four\n";
    let folder = Folder::with("items.csv", items);
    let arguments = ["batch", &folder.name("items.csv"), "--concurrency", "2"];
    let terminal = Pseudo::start(&emulator, &[&arguments[..], &FAST].concat(), &[]);
    terminal.wait_for("1 of 4 done, 1 failed, 2 in progress, 1 to start ");
    wait_until("two go on", || emulator.runs().len() == 3);
    terminal.wait_for("; longest: item 2 1s,");
    emulator.advance(MINUTE);
    terminal.wait_for("3 of 4 done, 1 failed, 1 in progress ");
    wait_until("the last goes on", || emulator.runs().len() == 4);
    emulator.advance(MINUTE);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 1, "{shown}");
    let mut lines = screen(&shown);
    let summary = lines.pop();
    assert_eq!(summary.as_deref(), Some("4 items: 3 completed, 1 failed"));
    lines.sort();
    // Two are sent at once, and may arrive in any order.
    let runs = emulator.runs();
    let of_message = |message: &&str| {
        let mut runs = runs.iter();
        let run = runs.find(|run| run.message.as_deref() == Some(*message));
        run.map(|run| run.session_id.clone()).unwrap_or_default()
    };
    let ids: Vec<_> = ["one", "two", "three", "four"]
        .iter()
        .map(of_message)
        .collect();
    let mut expected = vec![format!(
        "error: item 1: run {} ended FAILED; its last message: The run failed: the warehouse refused the query.",
        ids[0]
    )];
    for (place, id) in ids.iter().enumerate() {
        expected.push(format!("item {} started {id}", place + 1));
        if place > 0 {
            expected.push(format!("item {} COMPLETED {id}", place + 1));
        }
    }
    expected.sort();
    assert_eq!(lines, expected);
}

#[test]
fn a_batch_on_a_terminal_writes_records_where_they_are_asked_for() {
    let emulator = emulator();
    let folder = Folder::with("items.csv", "agent\nbroken\n");
    let batch = ["batch", &folder.name("items.csv"), "--output", "jsonl"];
    let (exit, shown) = Pseudo::start(&emulator, &batch, &[]).end();
    assert_eq!(exit, 1, "{shown}");
    assert!(
        shown.contains("{\"item\":1,\"event\":\"ended\","),
        "{shown}"
    );
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn what_has_not_been_started_or_is_unknown_is_said_on_a_terminal_too() {
    let emulator = Emulator::builder()
        .fault(Fault::reset().after_execution())
        .fault(Fault::status(401).always())
        .start_blocking()
        .unwrap();
    let folder = Folder::with("items.csv", "message\none\ntwo\nthree\n");
    let batch = ["batch", &folder.name("items.csv"), "--concurrency", "1"];
    let (exit, shown) = Pseudo::start(&emulator, &batch, &[]).end();
    assert_eq!(exit, 6, "{shown}");
    let lines = screen(&shown);
    // The second has started: what was refused names it.
    let in_progress = format!("item 2 in progress {}", id(&emulator, 1));
    for line in ["item 1 unknown", &in_progress, "item 3 not started"] {
        assert!(lines.contains(&line.to_owned()), "{line}: {lines:?}");
    }
}

#[test]
fn a_wait_shows_how_many_are_done_and_which_go_on() {
    let emulator = emulator();
    let broken = ["run", "broken", "--detach"];
    run(dinoai(&emulator), &broken);
    let (ended, in_progress) = (id(&emulator, 0), begun(&emulator, "agent"));
    let wait = [&["wait", &ended, &in_progress][..], &FAST].concat();
    let terminal = Pseudo::start(&emulator, &wait, &[]);
    terminal.wait_for("1 of 2 done, 1 failed, 1 in progress ");
    terminal.wait_for(&format!("; waiting for: {in_progress}"));
    terminal.wait_for("1s");
    emulator.advance(MINUTE);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 1, "{shown}");
    let lines = [
        format!("{ended} FAILED"),
        format!("{in_progress} COMPLETED"),
    ];
    assert_eq!(screen(&shown), lines);
}

#[test]
fn a_wait_names_those_that_go_on_in_the_order_given_and_counts_the_unknown() {
    let emulator = emulator();
    let mut ids: Vec<_> = (0..3).map(|_| begun(&emulator, "agent")).collect();
    ids.sort_by(|a, b| b.cmp(a));
    let mut wait = vec!["wait", "no-such-run"];
    wait.extend(ids.iter().map(String::as_str));
    wait.push(&ids[0]);
    let script = "stty cols 200; exec \"$0\" \"$@\"";
    let path = [("PATH", "/usr/bin:/bin")];
    let wait = [&wait[..], &FAST].concat();
    let terminal = Pseudo::shell(&emulator, script, &wait, &path);
    terminal.wait_for("0 of 4 done, 1 unknown, 3 in progress ");
    terminal.wait_for(&format!("; waiting for: {}", ids.join(", ")));
    emulator.advance(MINUTE);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 5, "{shown}");
}

#[test]
fn a_batch_counts_as_done_what_has_ended_here_or_before() {
    let emulator = emulator();
    let folder = Folder::with("items.csv", "agent,message\nbroken,\n,two\n,three\n");
    let (items, results) = (folder.name("items.csv"), folder.name("results"));
    let journal = folder.name("journal");
    let batch = ["batch", &items, "--resume", &results, "--concurrency", "1"];
    let batch = [&batch[..], &["--journal", &journal], &FAST].concat();
    let short = [&batch[..], &["--timeout", "2s"]].concat();
    let terminal = Pseudo::start(&emulator, &short, &[]);
    terminal.wait_for("1 of 3 done, 1 failed, 1 left in progress, 1 in progress ");
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 4, "{shown}");
    let summary = "3 items: 1 failed, 2 in progress";
    assert!(screen(&shown).contains(&summary.to_owned()), "{shown}");

    let terminal = Pseudo::start(&emulator, &batch, &[]);
    terminal.wait_for("1 of 3 done, 1 failed, 1 in progress, 1 to start ");
    emulator.advance(MINUTE);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 1, "{shown}");
}

#[test]
fn a_result_on_the_same_terminal_is_not_garbled() {
    let emulator = emulator();
    let terminal = Pseudo::start(&emulator, &[&["run", "agent"][..], &FAST].concat(), &[]);
    terminal.wait_for("RUNNING");
    terminal.wait_for("1s");
    emulator.advance(MINUTE);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    let session = format!("session {}", id(&emulator, 0));
    assert_eq!(screen(&shown), [session.as_str(), "All well."]);
}

#[test]
fn a_line_is_never_wider_than_the_window_however_long_a_status_is() {
    let label = "Vorbereitung 日本語の倉庫 und viel mehr, als auf eine Zeile geht";
    let scenario = Scenario::new()
        .stage(Stage::new("QUEUED").lasts(MINUTE))
        .startup_step(label, false)
        .stage(Stage::new("COMPLETED"));
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .stopped_clock()
        .start_blocking()
        .unwrap();
    let script = "stty cols 24; exec \"$0\" \"$@\"";
    let arguments = [&["run", "agent", "--steps"][..], &FAST].concat();
    let terminal = Pseudo::shell(&emulator, script, &arguments, &[("PATH", "/usr/bin:/bin")]);
    terminal.wait_for("QUEUED Vorb");
    terminal.resize(14);
    terminal.wait_for("QUEUE… ");
    emulator.advance(MINUTE);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    let drawn = drawn(&shown);
    assert!(drawn.iter().any(|line| line.contains("QUEUED Vorb")));
    for line in drawn {
        assert!(measure_text_width(&line) < 24, "{line}");
    }
}

#[test]
fn ctrl_c_leaves_no_line_behind() {
    let emulator = emulator();
    let folder = Folder::with("items.csv", "message\none\n");
    let in_progress = begun(&emulator, "agent");
    let items = folder.name("items.csv");
    for arguments in [
        &["run", "agent"][..],
        &["watch", &in_progress],
        &["wait", &in_progress],
        &["batch", &items],
    ] {
        let mut terminal = Pseudo::start(&emulator, &[arguments, &FAST].concat(), &[]);
        terminal.wait_for("1s");
        terminal.type_in(CTRL_C);
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 130, "{shown}");
        let lines = screen(&shown);
        assert!(!drawn(&shown).is_empty(), "{shown}");
        assert_eq!(drawn(&lines.join("\n")), Vec::<String>::new(), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("interrupted")));
    }
}

#[test]
fn a_command_that_was_stopped_and_goes_on_draws_again() {
    let emulator = emulator();
    let terminal = Pseudo::start(&emulator, &[&["run", "agent"][..], &FAST].concat(), &[]);
    terminal.wait_for("RUNNING");
    terminal.signal(Signal::STOP);
    terminal.signal(Signal::CONT);
    terminal.wait_for("2s");
    emulator.advance(MINUTE);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    assert_eq!(screen(&shown).last().map(String::as_str), Some("All well."));
}

#[test]
fn a_terminal_that_obeys_nothing_gets_lines() {
    let emulator = emulator();
    let arguments = [&["run", "agent"][..], &FAST].concat();
    let terminal = Pseudo::start(&emulator, &arguments, &[("TERM", "dumb")]);
    terminal.wait_for("status RUNNING");
    emulator.advance(MINUTE);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.contains("status COMPLETED"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn a_chat_sends_no_sequence_to_a_terminal_that_obeys_none() {
    let emulator = emulator();
    let terminal = Pseudo::start(&emulator, &["chat", "agent"], &[("TERM", "dumb")]);
    terminal.wait_for_prompt();
    terminal.terminate();
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 143, "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn where_traces_are_shown_the_status_is_a_line() {
    let emulator = emulator();
    let arguments = [&["run", "agent", "-v"][..], &FAST].concat();
    let terminal = Pseudo::start(&emulator, &arguments, &[]);
    terminal.wait_for("status RUNNING");
    emulator.advance(MINUTE);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    assert_eq!(drawn(&shown), Vec::<String>::new(), "{shown}");
}

#[test]
fn a_follow_up_to_a_run_in_progress_shows_its_status() {
    let running = || Stage::new("RUNNING").reads(u64::MAX);
    let emulator = Emulator::builder()
        .default_scenario(Scenario::new().stage(running()).follow_up([running()]))
        .start_blocking()
        .unwrap();
    let id = begun(&emulator, "agent");
    run(dinoai(&emulator), &["watch", &id, "--timeout", "100ms"]);
    assert_eq!(emulator.runs()[0].status, "RUNNING");
    let send = [&["send", &id, "-m", "and?"][..], &FAST].concat();
    let mut terminal = Pseudo::start(&emulator, &send, &[]);
    terminal.wait_for("1s");
    terminal.type_in(CTRL_C);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 130, "{shown}");
    let drawn = drawn(&shown);
    let has_status = |line: &String| line.contains("RUNNING");
    assert!(drawn.iter().any(has_status), "{drawn:?}");
    assert!(shown.contains("is still in progress (RUNNING)"), "{shown}");
}
