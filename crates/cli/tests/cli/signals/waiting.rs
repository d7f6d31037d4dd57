//! A signal while a run is waited for leaves it or stops it, as asked for.

use super::{FAST, LEAVE, Only, SIGNALS, STOP, assert_shown, count, endless};
use super::{for_each_signal, start};
use crate::support::runs::begun;

#[test]
fn a_run_is_left_or_stopped_as_was_asked_for() {
    for_each_signal(|signal, status| {
        for command in ["run", "send", "watch"] {
            for (wanted, becomes) in [(LEAVE, "RUNNING"), (STOP, "STOPPED")] {
                let emulator = endless();
                let id;
                let arguments = match command {
                    "run" => &["run", "agent"][..],
                    "send" => {
                        id = begun(&emulator, "done");
                        &["send", &id, "-m", "and?"]
                    }
                    _ => {
                        id = begun(&emulator, "agent");
                        &["watch", &id]
                    }
                };
                let terminal = start(&emulator, &[arguments, &wanted, &FAST]);
                terminal.wait_for("RUNNING");
                terminal.signal(signal);
                let (exit, shown) = terminal.end();
                assert_eq!(exit, status, "{shown}");
                let run = Only::of(&emulator);
                assert_eq!(run.status, becomes, "{shown}");
                let said = match becomes {
                    "RUNNING" => format!("to resume: dinoai watch {}", run.id),
                    _ => format!("the run {} was stopped", run.id),
                };
                assert_shown(&shown, &said);
                assert_eq!(count(&shown, "interrupted"), 1, "{shown}");
            }
        }
    });
}

#[test]
fn a_wait_for_several_names_all_that_go_on() {
    for_each_signal(|signal, status| {
        let emulator = endless();
        let mut ids = [begun(&emulator, "agent"), begun(&emulator, "agent")];
        // Not in the order of the alphabet: they are named as they were given.
        ids.sort_by(|a, b| b.cmp(a));
        let terminal = start(&emulator, &[&["wait", &ids[0], &ids[1]], &FAST]);
        terminal.wait_for("0 of 2 done");
        terminal.signal(signal);
        let (exit, shown) = terminal.end();
        assert_eq!(exit, status, "{shown}");
        let hint = format!("to resume: dinoai wait {} {}", ids[0], ids[1]);
        assert_shown(&shown, &hint);
        let runs = emulator.runs();
        assert!(runs.len() == 2 && runs.iter().all(|run| run.status == "RUNNING"));
    });
}

/// E24.
#[test]
fn a_terminal_that_is_closed_is_a_signal_as_the_others() {
    let (_, status) = SIGNALS[0];
    for (wanted, becomes) in [(STOP, "STOPPED"), (LEAVE, "RUNNING")] {
        let emulator = endless();
        let terminal = start(&emulator, &[&["run", "agent"], &wanted, &FAST]);
        terminal.wait_for("RUNNING");
        let end = terminal.close().wait().unwrap();
        assert_eq!(end.exit_code(), status);
        assert_eq!(Only::of(&emulator).status, becomes);
    }
}
