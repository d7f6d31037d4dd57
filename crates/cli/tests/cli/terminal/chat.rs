//! A conversation shows each turn, ends on request, and leaves the terminal as it was.

use dinoai_emulator::{Emulator, Scenario, Stage};

use crate::support::pseudo_terminal::Pseudo;

use super::{CTRL_C, emulator, finish, in_progress};

const CHAT: [&str; 4] = ["chat", "agent", "--poll-interval", "50ms"];

#[test]
fn a_chat_shows_steps_and_answers_and_goes_on_in_the_same_session() {
    let emulator = emulator(in_progress());
    let mut terminal = Pseudo::start(&emulator, &CHAT, &[]);
    terminal.wait_for_prompt();
    terminal.type_in("Check stg_orders\r");
    terminal.wait_for("↳ run_sql_query");
    finish(&emulator);
    terminal.wait_for("well");
    terminal.wait_for_prompt();
    terminal.resize(30);
    terminal.type_in("And stg_custX\u{7f}omers\r");
    terminal.wait_for("this answers");
    terminal.wait_for_prompt();
    terminal.type_in("\r");
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    let runs = emulator.runs();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].message.as_deref(), Some("Check stg_orders"));
    assert_eq!(runs[0].follow_ups, ["And stg_customers"]);
    assert!(shown.contains("dinoai chat --session"), "{shown}");
}

#[test]
fn a_chat_says_once_what_a_turn_that_failed_says_last() {
    let texts = ["The first is refused.", "The second is, too."];
    let failed = |text: &str| Stage::new("FAILED").message("assistant", text);
    let scenario = Scenario::new()
        .stage(failed(texts[0]))
        .follow_up([Stage::new("RUNNING"), failed(texts[1])]);
    let emulator = emulator(scenario);
    let mut terminal = Pseudo::start(&emulator, &CHAT, &[]);
    for text in texts {
        terminal.wait_for_prompt();
        terminal.type_in("and now?\r");
        terminal.wait_for(text);
    }
    terminal.wait_for_prompt();
    terminal.type_in("exit\r");
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    assert_eq!(shown.matches(" ended FAILED").count(), 2, "{shown}");
    for text in texts {
        assert_eq!(shown.matches(text).count(), 1, "{shown}");
    }
}

#[test]
fn ctrl_c_leaves_the_turn_and_twice_the_chat() {
    let emulator = emulator(in_progress());
    let mut terminal = Pseudo::start(&emulator, &CHAT, &[]);
    terminal.wait_for_prompt();
    terminal.type_in("Check stg_orders\r");
    terminal.wait_for("RUNNING");
    terminal.type_in(CTRL_C);
    terminal.wait_for("is still in progress");
    terminal.wait_for_prompt();
    assert_eq!(emulator.runs()[0].status, "RUNNING");
    terminal.type_in(CTRL_C);
    terminal.wait_for("Ctrl-C again");
    terminal.wait_for_prompt();
    terminal.type_in(CTRL_C);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
}

#[test]
fn a_chat_ends_at_sigterm_and_leaves_the_terminal_as_it_was() {
    let emulator = emulator(Scenario::completed());
    let terminal = Pseudo::start(&emulator, &CHAT, &[]);
    terminal.wait_for_prompt();
    terminal.pause();
    assert!(!terminal.has_old_settings());
    terminal.terminate();
    terminal.wait_for_old_settings();
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 143, "{shown}");
}

#[test]
fn a_chat_that_is_resumed_begins_with_what_was_said() {
    let emulator = emulator(Scenario::completed());
    let arguments = ["run", "-m", "Which tests fail?", "--poll-interval", "50ms"];
    Pseudo::start(&emulator, &arguments, &[]).end();
    let id = emulator.runs()[0].session_id.clone();
    let mut terminal = Pseudo::start(&emulator, &["--session", &id], &[]);
    terminal.wait_for("Which tests fail?");
    terminal.wait_for("Done");
    terminal.wait_for_prompt();
    terminal.type_in("\u{4}");
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
}

#[test]
fn a_chat_makes_no_home_for_its_history() {
    let emulator = emulator(Scenario::completed());
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let script = "HOME=$HERE; export HOME; exec \"$0\" \"$@\"";
    let chat = |message: &str| {
        let variables = [("HERE", home.to_str().unwrap())];
        let mut terminal = Pseudo::shell(&emulator, script, &CHAT, &variables);
        terminal.wait_for_prompt();
        terminal.type_in(&format!("{message}\r"));
        terminal.wait_for("Done");
        terminal.wait_for_prompt();
        terminal.type_in("\r");
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 0, "{shown}");
    };
    chat("hello");
    assert!(!home.exists());
    std::fs::create_dir(&home).unwrap();
    chat("hello again");
    let history = home.join(".paradime").join("dinoai_chat_history");
    let kept = std::fs::read_to_string(history).unwrap();
    assert!(kept.contains("hello again"), "{kept}");
}

#[test]
fn a_chat_ends_at_the_words_for_it_and_sends_none_of_them() {
    for word in ["exit", "quit", "/exit", "/quit", " Exit "] {
        let emulator = emulator(Scenario::completed());
        let mut terminal = Pseudo::start(&emulator, &CHAT, &[]);
        terminal.wait_for_prompt();
        assert!(terminal.has_shown("exit"), "{word}");
        terminal.type_in(&format!("{word}\r"));
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 0, "{shown}");
        assert_eq!(emulator.requests().len(), 0);
    }
}

#[test]
fn a_chat_with_an_agent_that_the_api_does_not_know_ends_with_that() {
    let emulator = Emulator::builder().agent("known").start_blocking().unwrap();
    let mut terminal = Pseudo::start(&emulator, &CHAT, &[]);
    terminal.wait_for_prompt();
    terminal.type_in("hello\r");
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 5, "{shown}");
    assert_eq!(shown.matches("error:").count(), 1, "{shown}");
}
