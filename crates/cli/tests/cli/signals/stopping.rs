//! A signal while a stop is in flight waits for its answer.

use std::time::Duration;

use dinoai_emulator::Emulator;

use super::{Only, STOP_RUN, assert_shown, count, endless, for_each_signal, late, start};
use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::{begun, wait_until};

/// An answer that comes within the time that it is waited for, and one that does not.
const SOON: Duration = Duration::from_millis(700);
const LATE: Duration = Duration::from_secs(30);

fn at_the_timeout(emulator: &Emulator, time: Duration) -> Pseudo {
    late(emulator, STOP_RUN, time);
    // Long enough for the run to begin on a busy machine: the trigger has this time, too.
    let timeout = ["--timeout", "3s", "--on-timeout", "stop"];
    let terminal = start(emulator, &[&["run", "agent"], &timeout]);
    wait_until("it has begun", || !emulator.runs().is_empty());
    terminal
}

fn by_command(emulator: &Emulator, time: Duration) -> Pseudo {
    let id = begun(emulator, "agent");
    late(emulator, STOP_RUN, time);
    start(emulator, &[&["stop", &id]])
}

type Begin = fn(&Emulator, Duration) -> Pseudo;

#[test]
fn its_answer_is_waited_for_and_said() {
    for begin in [at_the_timeout as Begin, by_command] {
        for_each_signal(|signal, status| {
            let emulator = endless();
            let terminal = begin(&emulator, SOON);
            wait_until("it is carried out", || {
                Only::of(&emulator).status == "STOPPED"
            });
            terminal.signal(signal);
            let (exit, shown) = terminal.end();
            assert_eq!(exit, status, "{shown}");
            assert_shown(&shown, "was stopped");
            assert_shown(&shown, &Only::of(&emulator).id);
            assert_eq!(count(&shown, "is still in progress"), 0, "{shown}");
        });
    }
}

#[test]
fn without_an_answer_it_may_have_been_stopped() {
    for begin in [at_the_timeout as Begin, by_command] {
        for_each_signal(|signal, status| {
            let emulator = endless();
            let terminal = begin(&emulator, LATE);
            wait_until("it is carried out", || {
                Only::of(&emulator).status == "STOPPED"
            });
            terminal.signal(signal);
            let (exit, shown) = terminal.end();
            assert_eq!(exit, status, "{shown}");
            let id = Only::of(&emulator).id;
            assert_shown(&shown, &format!("the run {id} may have been stopped"));
            assert_shown(&shown, &format!("dinoai get {id}"));
        });
    }
}
