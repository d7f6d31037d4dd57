//! A second signal, of whatever kind, ends the command at any stage.

use std::time::Duration;

use dinoai_emulator::{Emulator, Fault};
use rustix::process::{Pid, Signal, kill_process};

use super::{FAST, Only, STOP, STOP_RUN, TRIGGER, assert_shown, count, end_soon, endless};
use super::{for_each_pair, late, start};
use crate::support::pipe::Pipe;
use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::Folder;
use crate::support::runs::wait_until;

/// What nobody would wait for.
const LONG: Duration = Duration::from_secs(20);

fn slow_to_stop() -> Emulator {
    let emulator = endless();
    emulator.add_fault(Fault::pass().on(TRIGGER)).unwrap();
    emulator.add_fault(Fault::delay(LONG).on(STOP_RUN)).unwrap();
    emulator
}

#[test]
fn it_ends_a_stop() {
    for_each_pair(|[first, second], status| {
        let emulator = slow_to_stop();
        let terminal = start(&emulator, &[&["run", "agent"], &STOP, &FAST]);
        terminal.wait_for("RUNNING");
        terminal.signal(first);
        wait_until("the stop is in flight", || emulator.faults().is_empty());
        terminal.signal(second);
        let (exit, shown) = end_soon(terminal);
        assert_eq!(exit, status, "{shown}");
        let run = Only::of(&emulator);
        assert_shown(&shown, "could not be stopped: interrupted again");
        assert_shown(&shown, &format!("to stop it: dinoai stop {}", run.id));
        assert_eq!(count(&shown, "error:"), 1, "{shown}");
        assert_eq!(run.status, "RUNNING");
    });
}

#[test]
fn it_ends_the_wait_for_an_id() {
    for_each_pair(|[first, second], status| {
        let emulator = endless();
        late(&emulator, TRIGGER, LONG);
        let terminal = start(&emulator, &[&["run", "agent"], &STOP]);
        wait_until("it has arrived", || !emulator.runs().is_empty());
        terminal.signal(first);
        terminal.wait_for("waiting for the session id");
        terminal.signal(second);
        let (exit, shown) = end_soon(terminal);
        assert_eq!(exit, status, "{shown}");
        assert_shown(&shown, "before the API responded; the run may have started");
        assert_eq!(count(&shown, "error:"), 1, "{shown}");
        assert_eq!(Only::of(&emulator).status, "RUNNING");
    });
}

#[test]
fn two_at_once_end_a_command_at_any_stage() {
    for_each_pair(|[first, second], _| {
        // The system makes one of two of a kind that come at once.
        if first == second {
            return;
        }
        let stages: [&(dyn Fn(&Emulator) -> Pseudo + Sync); 3] = [&in_flight, &waiting, &talking];
        for begin in stages {
            let emulator = endless();
            let terminal = begin(&emulator);
            terminal.signal(first);
            terminal.signal(second);
            let (exit, shown) = end_soon(terminal);
            assert!([129, 130, 143].contains(&exit), "{exit} {shown}");
            Only::of(&emulator);
        }
        printing([first, second]);
    });
}

fn in_flight(emulator: &Emulator) -> Pseudo {
    late(emulator, TRIGGER, LONG);
    let terminal = start(emulator, &[&["run", "agent"], &STOP]);
    wait_until("it has arrived", || !emulator.runs().is_empty());
    terminal
}

fn waiting(emulator: &Emulator) -> Pseudo {
    let terminal = start(emulator, &[&["run", "agent"], &STOP, &FAST]);
    terminal.wait_for("RUNNING");
    emulator.add_fault(Fault::delay(LONG).on(STOP_RUN)).unwrap();
    terminal
}

fn talking(emulator: &Emulator) -> Pseudo {
    let mut terminal = start(emulator, &[&["chat", "agent"], &FAST]);
    terminal.wait_for_prompt();
    terminal.type_in("hello\r");
    terminal.wait_for("RUNNING");
    terminal
}

fn printing(signals: [rustix::process::Signal; 2]) {
    let (out, err) = (Pipe::new(), Pipe::new());
    let emulator = super::full_pipe::talkative();
    let run: &[&str] = &["run", "agent", "--steps"];
    let terminal = super::full_pipe::into(&emulator, &out, Some(&err), &[run, &STOP]);
    out.wait_until_full();
    err.fill();
    emulator.add_fault(Fault::delay(LONG).on(STOP_RUN)).unwrap();
    for signal in signals {
        terminal.signal(signal);
    }
    let (exit, _) = end_soon(terminal);
    assert!([129, 130, 143].contains(&exit), "{exit}");
    assert_eq!(Only::of(&emulator).status, "RUNNING");
}

#[test]
fn it_ends_a_command_in_the_background_of_its_terminal() {
    let emulator = endless();
    let folder = Folder::with("items.csv", "message\none\ntwo\n");
    // Whoever would read the results does not, so that the command cannot end by itself in time.
    let pipe = Pipe::new();
    pipe.fill();
    // With job control, as a shell that somebody types in.
    let script =
        "set -m; \"$0\" \"$@\" >\"$RESULTS\" & echo $! >\"$ID\"; wait $!; echo \"status $?\"";
    let id = folder.name("id");
    let variables = [("ID", id.as_str()), ("RESULTS", pipe.name())];
    let items = folder.name("items.csv");
    let terminal = Pseudo::shell(&emulator, script, &["batch", &items], &variables);
    terminal.wait_for("of 2 done");
    let id: i32 = folder.read("id").trim().parse().unwrap();
    let id = Pid::from_raw(id).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    kill_process(id, Signal::HUP).unwrap();
    terminal.wait_for("status ");
    let (_, shown) = end_soon(terminal);
    let is_known = ["status 143", "status 129"]
        .iter()
        .any(|status| shown.contains(status));
    assert!(is_known, "{shown}");
}
