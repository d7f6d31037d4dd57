//! A signal before anything has been sent ends the command, and nothing is started later.

use std::net::TcpListener;

use dinoai_emulator::{Emulator, Fault};
use rustix::process::Signal;

use super::{LEAVE, SEND, STOP, assert_shown, count, end_soon, endless, for_each_signal, start};
use crate::support::pipe::Pipe;
use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::begun;

/// As the system names the death by it.
fn death_by(signal: Signal) -> &'static str {
    match signal {
        Signal::HUP => "Hangup",
        Signal::INT => "Interrupt",
        _ => "Terminated",
    }
}

#[test]
fn whoever_reads_a_message_dies_of_the_signal_and_starts_nothing() {
    for_each_signal(|signal, _| {
        let emulator = endless();
        let pipe = Pipe::new();
        let from_stdin = r#"exec "$0" "$@" <"$PIPE""#;
        let as_it_is = r#"exec "$0" "$@""#;
        for (script, arguments) in [
            (from_stdin, &["run", "-m", "-"][..]),
            (from_stdin, &["run", "--message-file", "-"]),
            (from_stdin, &["send", "abc", "-m", "-"]),
            (from_stdin, &[]),
            (as_it_is, &["run", "--message-file", pipe.name()]),
            (as_it_is, &["send", "abc", "--message-file", pipe.name()]),
        ] {
            let variables = [("PIPE", pipe.name())];
            let terminal = Pseudo::shell(&emulator, script, arguments, &variables);
            pipe.write("the first half");
            pipe.wait_until_read();
            terminal.signal(signal);
            let (end, shown) = terminal.ended();
            assert_eq!(end.signal(), Some(death_by(signal)), "{arguments:?}");
            assert_eq!(shown.trim(), "", "{arguments:?}");
        }
        assert_eq!(emulator.requests().len(), 0);
    });
}

#[test]
fn a_trigger_that_cannot_connect_never_leaves() {
    for_each_signal(|signal, status| {
        for wanted in [LEAVE, STOP] {
            // Connections are made by the system, and nobody answers the hello of TLS.
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let endpoint = format!("https://{}/graphql", listener.local_addr().unwrap());
            let arguments = [&["run", "agent", "--endpoint", &endpoint][..], &wanted];
            let terminal = start(&endless(), &arguments);
            let _connection = listener.accept().unwrap();
            terminal.signal(signal);
            let (exit, shown) = end_soon(terminal);
            assert_eq!(exit, status, "{shown}");
            assert_shown(&shown, "nothing was started");
            assert_eq!(count(&shown, "may have started"), 0, "{shown}");
        }
    });
}

#[test]
fn a_trigger_that_pauses_before_another_attempt_never_leaves() {
    for_each_signal(|signal, status| {
        for wanted in [LEAVE, STOP] {
            let emulator = Emulator::builder()
                .fault(Fault::too_many_requests().retry_after("30"))
                .start_blocking()
                .unwrap();
            // The pause is said, so that it is known.
            let terminal = start(&emulator, &[&["run", "agent", "-vv"], &wanted]);
            terminal.wait_for("429");
            terminal.signal(signal);
            let (exit, shown) = end_soon(terminal);
            assert_eq!(exit, status, "{shown}");
            assert_shown(&shown, "nothing was started");
            assert_eq!(emulator.requests().len(), 1);
            assert_eq!(emulator.runs().len(), 0);
        }
    });
}

#[test]
fn a_follow_up_that_pauses_before_another_attempt_never_leaves() {
    for_each_signal(|signal, status| {
        // At the read before it, and at itself.
        for refused in ["dinoaiAgentRun", SEND] {
            let emulator = endless();
            let id = begun(&emulator, "done");
            emulator
                .add_fault(Fault::too_many_requests().retry_after("30").on(refused))
                .unwrap();
            let terminal = start(&emulator, &[&["send", &id, "-m", "and?", "-vv"], &LEAVE]);
            terminal.wait_for("429");
            let asked = emulator.requests().len();
            terminal.signal(signal);
            let (exit, shown) = end_soon(terminal);
            assert_eq!(exit, status, "{shown}");
            assert_shown(&shown, "nothing was started");
            assert_eq!(count(&shown, "may have started"), 0, "{shown}");
            assert_eq!(emulator.requests().len(), asked);
            let run = &emulator.runs()[0];
            assert_eq!(run.follow_ups.len(), 0);
            assert_eq!(run.status, "COMPLETED");
        }
    });
}
