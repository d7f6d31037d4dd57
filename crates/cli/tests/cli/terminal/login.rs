//! `login` never shows a secret, and leaves the terminal as it was.

use dinoai_emulator::Scenario;

use crate::support::pseudo_terminal::Pseudo;
use rustix::process::Signal;

use super::{CTRL_C, emulator};

#[test]
fn a_secret_is_not_shown_while_it_is_typed() {
    let emulator = emulator(Scenario::completed());
    let mut terminal = Pseudo::start(&emulator, &["login"], &[]);
    terminal.wait_for("API secret");
    terminal.pause();
    terminal.type_in("canary\r");
    terminal.wait_for("API key: ");
    terminal.type_in("key\r");
    terminal.wait_for("API endpoint: ");
    terminal.type_in("https://host/graphql\r");
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
}

/// What the command shows that is asked at a prompt to leave, its exit status, and the file's
/// folder, which is empty.
fn leave_login(prompt: &str, leave: impl FnOnce(&mut Pseudo)) -> (u32, String) {
    let emulator = emulator(Scenario::completed());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let arguments = ["login", "--credentials-file", file.to_str().unwrap()];
    let mut terminal = Pseudo::start(&emulator, &arguments, &[]);
    terminal.wait_for("API secret");
    terminal.wait_for_new_settings();
    if prompt != "API secret" {
        terminal.type_in("canary\r");
        terminal.wait_for(prompt);
    }
    leave(&mut terminal);
    terminal.wait_for_old_settings();
    let (exit, shown) = terminal.end();
    assert!(shown.contains("nothing was written"), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    (exit, shown)
}

#[test]
fn a_signal_at_the_secret_ends_the_login_and_leaves_the_terminal_as_it_was() {
    let (exit, shown) = leave_login("API secret", |terminal| terminal.type_in(CTRL_C));
    assert_eq!(exit, 130, "{shown}");
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let (exit, shown) = leave_login("API secret", |terminal| terminal.signal(signal));
        assert_eq!(exit, status, "{shown}");
    }
}

#[test]
fn a_secret_is_not_shown_after_the_command_was_stopped_and_goes_on() {
    let (exit, shown) = leave_login("API secret", |terminal| {
        terminal.set_as_a_shell_does();
        terminal.signal(Signal::CONT);
        terminal.wait_for_new_settings();
        terminal.type_in("canary\r");
        terminal.wait_for("API key: ");
        terminal.type_in(CTRL_C);
    });
    assert_eq!(exit, 130, "{shown}");
}

#[test]
fn a_signal_at_another_question_ends_the_login_too() {
    let (exit, shown) = leave_login("API key: ", |terminal| terminal.type_in(CTRL_C));
    assert_eq!(exit, 130, "{shown}");
    let (exit, shown) = leave_login("API key: ", |terminal| terminal.signal(Signal::HUP));
    assert_eq!(exit, 129, "{shown}");
}
