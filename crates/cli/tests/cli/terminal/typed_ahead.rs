//! What is typed during a turn is neither shown in its line nor sent unseen.

use std::time::Duration;

use dinoai_emulator::{Emulator, Scenario, Stage};

use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::wait_until;
use crate::terminal::live_line::screen;

const MINUTE: Duration = Duration::from_secs(60);
const CTRL_D: &str = "\u{4}";
/// Empties the line.
const CTRL_U: &str = "\u{15}";

/// A conversation whose first turn has been in progress for a while, with this typed meanwhile.
fn typed_in_a_turn(text: &str) -> (Emulator, Pseudo) {
    let turn = || {
        [
            Stage::new("RUNNING").lasts(MINUTE),
            Stage::new("COMPLETED").message("assistant", "All well."),
        ]
    };
    let [in_progress, ended] = turn();
    let scenario = Scenario::new()
        .stage(in_progress)
        .stage(ended)
        .follow_up(turn());
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .stopped_clock()
        .start_blocking()
        .unwrap();
    let arguments = ["chat", "agent", "--poll-interval", "20ms"];
    let mut terminal = Pseudo::start(&emulator, &arguments, &[]);
    terminal.wait_for_prompt();
    terminal.type_in("hello\r");
    terminal.wait_for("RUNNING");
    terminal.type_in(text);
    let lines = text.rfind('\r').map_or(0, |end| end + 1);
    wait_until("the terminal has it", || {
        terminal.unread() >= u64::try_from(lines).unwrap()
    });
    (emulator, terminal)
}

fn follow_ups(emulator: &Emulator) -> Vec<String> {
    emulator.runs()[0].follow_ups.clone()
}

#[test]
fn it_is_offered_at_the_next_prompt_and_sent_by_enter_alone() {
    for text in ["and now?\r", "and now?", "\rand\u{1b}[A now?\r\r"] {
        for sent in [true, false] {
            let (emulator, mut terminal) = typed_in_a_turn(text);
            emulator.advance(MINUTE);
            terminal.wait_for("All well.");
            wait_until("it is offered", || {
                screen(&terminal.shown()).pop().as_deref() == Some("> and now?")
            });
            let shown = terminal.shown();
            let (turn, _) = shown.split_once("All well.").unwrap();
            assert!(!turn.contains("now?"), "{turn:?}");
            if sent {
                terminal.type_in("\r");
                wait_until("it is sent", || !follow_ups(&emulator).is_empty());
                emulator.advance(MINUTE);
                terminal.wait_for_prompt();
            } else {
                terminal.type_in(CTRL_U);
            }
            terminal.type_in(CTRL_D);
            let (exit, shown) = terminal.end();
            assert_eq!(exit, 0, "{shown}");
            let expected: &[&str] = if sent { &["and now?"] } else { &[] };
            assert_eq!(follow_ups(&emulator), expected, "{shown}");
        }
    }
}

#[test]
fn more_than_a_line_is_left_out_and_said_to_be() {
    let (emulator, mut terminal) = typed_in_a_turn("one\rtwo\r");
    emulator.advance(MINUTE);
    terminal.wait_for("What was typed during the turn was discarded: it is more than one line.");
    terminal.wait_for_prompt();
    terminal.type_in(CTRL_D);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    assert!(!shown.contains("two"), "{shown}");
    assert!(follow_ups(&emulator).is_empty(), "{shown}");
}

#[test]
fn enter_alone_does_not_end_the_conversation() {
    let (emulator, mut terminal) = typed_in_a_turn("\r\r");
    emulator.advance(MINUTE);
    terminal.wait_for_prompt();
    terminal.type_in("and now?\r");
    wait_until("it is sent", || follow_ups(&emulator) == ["and now?"]);
    emulator.advance(MINUTE);
    terminal.wait_for_prompt();
    terminal.type_in(CTRL_D);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
}

#[test]
fn ctrl_c_is_heard_as_ever_and_the_terminal_is_left_as_it_was() {
    let (_emulator, mut terminal) = typed_in_a_turn("and now?");
    assert!(!terminal.has_old_settings());
    terminal.type_in("\u{3}");
    terminal.wait_for("is still in progress");
    terminal.wait_for_prompt();
    terminal.type_in(CTRL_D);
    terminal.wait_for_old_settings();
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
}
