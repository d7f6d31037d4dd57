//! What people see on a terminal: run, watch and chat on a pseudo-terminal.

pub(crate) mod pseudo;

use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage, Step};

use crate::program::{dinoai, run};
use pseudo::Pseudo;
use rustix::process::Signal;

const CTRL_C: &str = "\u{3}";
const LONG_TEXT: &str = "one two three four five six seven eight nine ten eleven twelve";

/// Works until the emulator's clock is moved.
fn at_work() -> Scenario {
    Scenario::new()
        .stage(Stage::new("QUEUED"))
        .stage(Stage::new("RUNNING").lasts(Duration::from_secs(60)))
        .step(Step::tool("run_sql_query").input(r#"{"query": "select 1"}"#))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", format!("All **well**.\n\n- {LONG_TEXT}"))
}

fn emulator(scenario: Scenario) -> Emulator {
    Emulator::builder()
        .default_scenario(scenario)
        .stopped_clock()
        .start_blocking()
        .unwrap()
}

fn finish(emulator: &Emulator) {
    emulator.advance(Duration::from_secs(60));
}

const RUN: [&str; 5] = ["run", "agent", "--steps", "--poll-interval", "50ms"];

#[test]
fn a_run_shows_a_spinner_with_status_and_time_then_rendered_markdown() {
    let emulator = emulator(at_work());
    let terminal = Pseudo::start(&emulator, &RUN, &[]);
    terminal.wait_for("session ");
    terminal.wait_for("RUNNING");
    terminal.wait_for("0s");
    terminal.wait_for("1s");
    terminal.wait_for("↳ run_sql_query: select 1");
    finish(&emulator);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.contains("well"), "{shown}");
    assert!(!shown.contains("**"), "{shown}");
    assert!(shown.contains("\u{1b}["), "{shown}");
    assert!(!shown.contains("status RUNNING"), "{shown}");
    assert!(!shown.contains("0/0"), "{shown}");
}

#[test]
fn a_run_that_completes_without_an_answer_says_so() {
    let stages = || [Stage::new("RUNNING").reads(3), Stage::new("COMPLETED")];
    let [going, ended] = stages();
    let silent = Scenario::new().stage(going).stage(ended);
    let emulator = emulator(silent.follow_up(stages()));
    let said = "completed without an answer";
    let (exit, shown) = Pseudo::start(&emulator, &RUN, &[]).end();
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.contains(said), "{shown}");
    let id = emulator.runs()[0].session_id.clone();
    for command in [&["watch", &id][..], &["send", &id, "-m", "and?"]] {
        let command = [command, &["--poll-interval", "50ms"]].concat();
        let (exit, shown) = Pseudo::start(&emulator, &command, &[]).end();
        assert_eq!(exit, 0, "{shown}");
        assert!(shown.contains(said), "{command:?} {shown}");
    }
    let done = run(dinoai(&emulator), &["watch", &id, "--output", "jsonl"]);
    assert!(!done.stderr.contains(said), "{}", done.stderr);
}

#[test]
fn no_color_means_no_colour() {
    let is_colour = |shown: &str| {
        shown.split("\u{1b}[").skip(1).any(|rest| {
            let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
            rest[end..].starts_with('m')
        })
    };
    for (variables, more, expected) in [
        (&[][..], &[][..], true),
        (&[("NO_COLOR", "1")], &[], false),
        (&[("NO_COLOR", "1")], &["--color", "always"], true),
        (&[], &["--color", "never"], false),
    ] {
        let emulator = emulator(at_work());
        let terminal = Pseudo::start(&emulator, &[&RUN[..], more].concat(), variables);
        terminal.wait_for("RUNNING");
        finish(&emulator);
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 0, "{shown}");
        assert_eq!(
            is_colour(&shown),
            expected,
            "{variables:?} {more:?} {shown:?}"
        );
        assert!(!shown.contains("**"), "{shown}");
    }
}

#[test]
fn ctrl_c_leaves_a_run_and_says_how_to_go_on() {
    let emulator = emulator(at_work());
    let mut terminal = Pseudo::start(&emulator, &RUN, &[]);
    terminal.wait_for("RUNNING");
    terminal.type_in(CTRL_C);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 130, "{shown}");
    assert!(shown.contains("to resume: dinoai watch"), "{shown}");
    assert_eq!(emulator.runs()[0].status, "RUNNING");
}

#[test]
fn ctrl_c_twice_does_not_wait_for_the_stop() {
    let emulator = emulator(at_work());
    let arguments = [&RUN[..], &["--on-interrupt", "stop"]].concat();
    let mut terminal = Pseudo::start(&emulator, &arguments, &[]);
    terminal.wait_for("RUNNING");
    emulator
        .add_fault(Fault::delay(Duration::from_secs(30)).on("stopDinoaiAgentRun"))
        .unwrap();
    terminal.type_in(CTRL_C);
    terminal.wait_for("stopping");
    terminal.type_in(CTRL_C);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 130, "{shown}");
    assert!(shown.contains("could not be stopped"), "{shown}");
}

#[test]
fn text_is_as_wide_as_the_window_is_by_then() {
    let emulator = emulator(at_work());
    Pseudo::start(&emulator, &["run", "agent", "--detach"], &[]).end();
    let id = emulator.runs()[0].session_id.clone();
    let arguments = ["watch", &id, "--poll-interval", "50ms"];
    let terminal = Pseudo::start(&emulator, &arguments, &[]);
    terminal.wait_for("RUNNING");
    terminal.resize(30);
    finish(&emulator);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
    assert!(
        shown.contains("twelve") && !shown.contains(LONG_TEXT),
        "{shown}"
    );
}

#[test]
fn ctrl_c_leaves_a_watch() {
    let emulator = emulator(at_work());
    Pseudo::start(&emulator, &["run", "agent", "--detach"], &[]).end();
    let id = emulator.runs()[0].session_id.clone();
    let mut terminal = Pseudo::start(&emulator, &["watch", &id], &[]);
    terminal.wait_for("QUEUED");
    terminal.type_in(CTRL_C);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 130, "{shown}");
}

const CHAT: [&str; 4] = ["chat", "agent", "--poll-interval", "50ms"];

#[test]
fn a_chat_shows_steps_and_answers_and_goes_on_in_the_same_session() {
    let emulator = emulator(at_work());
    let mut terminal = Pseudo::start(&emulator, &CHAT, &[]);
    terminal.wait_for("> ");
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
    let emulator = emulator(at_work());
    let mut terminal = Pseudo::start(&emulator, &CHAT, &[]);
    terminal.wait_for("> ");
    terminal.type_in("Check stg_orders\r");
    terminal.wait_for("RUNNING");
    terminal.type_in(CTRL_C);
    terminal.wait_for("keeps running");
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
    terminal.wait_for("> ");
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
        terminal.wait_for("> ");
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

#[test]
fn terminal_sequences_are_not_obeyed_on_a_terminal_either() {
    let evil = "**red** \u{1b}[31mred\u{1b}]0;title\u{7} \u{9b}2J";
    let emulator = emulator(
        Scenario::new()
            .startup_step(evil, false)
            .stage(Stage::new("QUEUED").reads(20))
            .stage(Stage::new("RUNNING").reads(20))
            .step(Step::tool(evil).input(evil))
            .stage(Stage::new("COMPLETED"))
            .message("assistant", evil),
    );
    let (exit, run) = Pseudo::start(&emulator, &RUN, &[]).end();
    assert_eq!(exit, 0, "{run}");
    let id = emulator.runs()[0].session_id.clone();
    let (exit, get) = Pseudo::start(&emulator, &["get", &id], &[]).end();
    assert_eq!(exit, 0, "{get}");
    for shown in [run, get] {
        assert!(shown.contains('␛'), "{shown:?}");
        for sequence in ["\u{1b}[31m", "\u{1b}]", "\u{7}", "\u{9b}"] {
            assert!(!shown.contains(sequence), "{sequence:?} {shown:?}");
        }
    }
}
