//! A signal leaves a conversation, or a turn of it, and nothing that was pasted to the shell.

use std::fs;
use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Run, Scenario, Stage};
use rustix::process::{Pid, Signal, kill_process};

use super::{FAST, Only, SEND, TRIGGER, assert_shown, endless, for_each_signal, start};
use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::wait_until;

const PASTE_MARKS_ON: &str = "\u{1b}[?2004h";
const PASTE_MARKS_OFF: &str = "\u{1b}[?2004l";

#[test]
fn at_its_prompt_it_leaves_the_terminal_as_it_was() {
    for_each_signal(|signal, status| {
        let emulator = endless();
        let terminal = start(&emulator, &[&["chat", "agent"], &FAST]);
        terminal.wait_for_prompt();
        assert!(!terminal.has_old_settings());
        terminal.signal(signal);
        terminal.wait_for_old_settings();
        let (exit, shown) = terminal.end();
        assert_eq!(exit, status, "{shown}");
        assert_shown(&shown, "interrupted");
        let (on, off) = (shown.rfind(PASTE_MARKS_ON), shown.rfind(PASTE_MARKS_OFF));
        assert!(on.is_some() && on < off, "{shown:?}");
        assert_eq!(emulator.requests().len(), 0);
    });
}

#[test]
fn its_turn_is_left() {
    for_each_signal(|signal, status| {
        let emulator = endless();
        let mut terminal = start(&emulator, &[&["chat", "agent"], &FAST]);
        terminal.wait_for_prompt();
        terminal.type_in("hello\r");
        terminal.wait_for("RUNNING");
        terminal.signal(signal);
        if signal == Signal::INT {
            terminal.wait_for("is still in progress");
            terminal.wait_for_prompt();
            terminal.signal(signal);
        }
        let (exit, shown) = terminal.end();
        assert_eq!(exit, status, "{shown}");
        let run = Only::of(&emulator);
        assert_shown(&shown, &run.id);
        assert_eq!(run.status, "RUNNING");
    });
}

#[test]
fn a_conversation_that_nobody_reads_any_more_names_its_run() {
    let emulator = Emulator::builder()
        .default_scenario(Scenario::completed())
        .start_blocking()
        .unwrap();
    // The status of a pipe is that of its last command.
    let script = "{ \"$0\" \"$@\"; echo \"status $?\" >&2; } | head -n 1";
    let mut terminal = Pseudo::shell(&emulator, script, &["chat", "agent"], &[]);
    terminal.wait_for("end the conversation");
    // The prompt is in the pipe; the editor takes keys soon after.
    terminal.pause();
    terminal.type_in("hello\r");
    terminal.wait_for("session ");
    // Each turn writes more than the one line that is read.
    while !terminal.has_shown("status ") {
        terminal.type_in("and now?\r");
        terminal.pause();
    }
    let (_, shown) = terminal.end();
    assert_shown(&shown, "status 5");
    let id = Only::of(&emulator).id;
    let (_, error) = shown.rsplit_once("error:").unwrap();
    assert!(error.contains(&id), "{shown}");
}

/// Ctrl-C during a turn that has not left, then another turn. Gives the emulator's only run.
fn give_up_a_turn(faults: impl FnOnce(&Emulator), before: &[&str]) -> Run {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let mut terminal = start(&emulator, &[&["chat", "agent", "-vv"], &FAST]);
    for message in before {
        terminal.wait_for_prompt();
        terminal.type_in(&format!("{message}\r"));
        // Until the key is read, the prompt before is the last thing on the screen.
        terminal.wait_for("Done: ");
    }
    terminal.wait_for_prompt();
    faults(&emulator);
    terminal.type_in("given up\r");
    wait_until("it is held up", || emulator.faults().is_empty());
    let held_up = emulator.requests().len();
    terminal.signal(Signal::INT);
    terminal.wait_for("nothing was started");
    terminal.wait_for_prompt();
    assert_eq!(emulator.requests().len(), held_up);
    terminal.type_in("meant\r");
    wait_until("it has arrived", || {
        let runs = emulator.runs();
        runs.iter().any(|run| {
            run.message.as_deref() == Some("meant") || run.follow_ups.contains(&"meant".to_owned())
        })
    });
    terminal.wait_for_prompt();
    terminal.type_in("\u{4}");
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    let mut runs = emulator.runs();
    assert_eq!(runs.len(), 1, "{shown}");
    runs.remove(0)
}

#[test]
fn a_turn_that_has_not_left_never_does_and_the_conversation_goes_on() {
    let pause = || Fault::too_many_requests().retry_after("1");
    let run = give_up_a_turn(
        |emulator| emulator.add_fault(pause().on(TRIGGER)).unwrap(),
        &[],
    );
    assert_eq!(run.message.as_deref(), Some("meant"));
    assert_eq!(run.follow_ups, Vec::<String>::new());
    // At the read before a follow-up, and at the follow-up.
    for refused in ["dinoaiAgentRun", SEND] {
        let run = give_up_a_turn(
            |emulator| emulator.add_fault(pause().on(refused)).unwrap(),
            &["first"],
        );
        assert_eq!(run.message.as_deref(), Some("first"));
        assert_eq!(run.follow_ups, ["meant"]);
    }
}

#[test]
fn ctrl_c_while_an_answer_is_written_leaves_the_turn_alone() {
    const HOLD: &str = "\u{13}";
    const GO_ON: &str = "\u{11}";
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").lasts(Duration::from_secs(60)))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "All well. ".repeat(2_000));
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .stopped_clock()
        .start_blocking()
        .unwrap();
    let mut terminal = start(&emulator, &[&["chat", "agent"], &FAST]);
    terminal.wait_for_prompt();
    terminal.type_in("hello\r");
    terminal.wait_for("RUNNING");
    terminal.type_in(HOLD);
    terminal.wait_until_held_up();
    emulator.advance(Duration::from_secs(60));
    wait_until("the answer has been read", || {
        let requests = emulator.requests();
        let mut whole = requests
            .iter()
            .filter(|request| request.operation_name.as_deref() == Some("DinoaiAgentRun"));
        whole.any(|request| request.answered.is_some()) && emulator.runs()[0].status == "COMPLETED"
    });
    // Then the turn is over, but for its text; a moment earlier it is left, which is right, too.
    terminal.pause();
    terminal.signal(Signal::INT);
    // It is heard while the terminal is still held up.
    terminal.pause();
    terminal.type_in(GO_ON);
    terminal.wait_for_prompt();
    terminal.type_in("\u{4}");
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
}

/// A chat, and behind it a program that writes down what is typed: its terminal is what a shell's
/// is.
struct Pasted {
    terminal: Pseudo,
    emulator: Emulator,
    folder: tempfile::TempDir,
}

impl Pasted {
    /// The text is pasted, its first line is carried out, and the rest of it waits.
    fn begin() -> Self {
        let scenario = Scenario::new()
            .stage(Stage::new("RUNNING").lasts(Duration::from_secs(60)))
            .stage(Stage::new("COMPLETED"))
            .message("assistant", "All well.");
        let emulator = Emulator::builder()
            .default_scenario(scenario)
            .stopped_clock()
            .start_blocking()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let script = r#"
            sh -c 'echo $$ >"$FOLDER/id"; exec "$0" "$@"' "$0" "$@"
            echo the shell again
            cat >"$FOLDER/rest""#;
        let arguments = [&["chat", "agent"][..], &FAST].concat();
        let variables = [("FOLDER", folder.path().to_str().unwrap())];
        let mut terminal = Pseudo::shell(&emulator, script, &arguments, &variables);
        terminal.wait_for_prompt();
        // More than the editor takes at once, less than a terminal holds.
        let rest = "echo this is no command\r".repeat(120);
        terminal.type_in(&format!("Check stg_orders\r\r{rest}"));
        terminal.wait_for("RUNNING");
        let pasted = Self {
            terminal,
            emulator,
            folder,
        };
        wait_until("the rest waits", || pasted.terminal.unread() > 1000);
        pasted
    }

    fn signal(&self, signal: Signal) {
        let id = fs::read_to_string(self.folder.path().join("id")).unwrap();
        let id = Pid::from_raw(id.trim().parse().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Asserts that nothing of it gets to the shell.
    fn end(mut self) -> String {
        self.terminal.wait_for("the shell again");
        let rest = self.folder.path().join("rest");
        wait_until("the shell reads", || rest.exists());
        self.terminal.type_in("the end\n\u{4}");
        let (_, shown) = self.terminal.end();
        let rest = fs::read_to_string(rest).unwrap();
        assert_eq!(rest, "the end\n", "{shown}");
        assert_eq!(self.emulator.runs().len(), 1);
        assert_eq!(self.emulator.runs()[0].follow_ups.len(), 0);
        shown
    }
}

/// E34.
#[test]
fn what_is_pasted_behind_an_empty_line_is_not_left_to_the_shell() {
    let mut pasted = Pasted::begin();
    pasted.emulator.advance(Duration::from_secs(60));
    let left_out = "What was typed during the turn was discarded: it is more than one line.";
    pasted.terminal.wait_for(left_out);
    pasted.terminal.wait_for_prompt();
    // It ends the conversation, and the rest is pasted behind it.
    let rest = "echo this is no command\r".repeat(120);
    pasted.terminal.type_in(&format!("\r{rest}"));
    let shown = pasted.end();
    assert_shown(&shown, "What was typed after that was discarded.");
}

#[test]
fn what_is_pasted_is_not_left_to_the_shell_by_a_signal_either() {
    for signal in [Signal::TERM, Signal::HUP] {
        let pasted = Pasted::begin();
        pasted.signal(signal);
        let shown = pasted.end();
        assert_shown(&shown, &pasted_id(&shown));
    }
}

/// The session that was named at its start.
fn pasted_id(shown: &str) -> String {
    let shown = console::strip_ansi_codes(shown).into_owned();
    let (_, id) = shown.split_once("session ").unwrap();
    format!("dinoai watch {}", id.split_whitespace().next().unwrap())
}
