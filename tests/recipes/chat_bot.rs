//! A chat bot that is killed in the middle of a turn and started again shows each message exactly
//! once, and sends none twice.

use std::path::Path;
use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};

use crate::program::{Program, example, until};

const MINUTE: Duration = Duration::from_secs(60);

fn bot(emulator: &Emulator, folder: &Path) -> Program {
    let mut command = example("chat_bot", emulator);
    command.arg(folder.join("chat.json"));
    Program::start(command)
}

/// The first turn ends at once; the answer to the first follow-up comes in three messages, a minute
/// apart on a clock that the test moves.
async fn emulator() -> Emulator {
    let scenario = Scenario::new()
        .stage(Stage::new("COMPLETED").message("assistant", "Two tests fail."))
        .follow_up([
            Stage::new("RUNNING")
                .lasts(MINUTE)
                .message("assistant", "I look at it."),
            Stage::new("RUNNING")
                .lasts(MINUTE)
                .message("assistant", "It needs not_null."),
            Stage::new("COMPLETED").message("assistant", "Fixed."),
        ]);
    let builder = Emulator::builder()
        .default_scenario(scenario)
        .stopped_clock();
    builder.start().await.unwrap()
}

/// The run's messages as the bot shows them.
fn transcript(emulator: &Emulator) -> Vec<String> {
    let runs = emulator.runs();
    assert_eq!(runs.len(), 1, "one conversation is one run");
    let shown = runs[0].messages.iter();
    shown
        .map(|message| format!("[{}] {}", message.role, message.content))
        .collect()
}

fn follow_ups(emulator: &Emulator) -> Vec<String> {
    emulator.runs()[0].follow_ups.clone()
}

#[tokio::test]
async fn killed_in_the_middle_of_a_turn_it_goes_on_and_shows_each_message_once() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = emulator().await;

    let mut first = bot(&emulator, folder.path());
    first.type_line("Which tests fail?");
    first.line_with("Two tests fail.").await;
    first.type_line("Fix the first one.");
    first.line_with("I look at it.").await;
    assert_eq!(first.kill().await, transcript(&emulator));

    // What comes while nobody watches is shown by the next one, after what was shown before.
    emulator.advance(MINUTE);
    let mut second = bot(&emulator, folder.path());
    second.line_with("It needs not_null.").await;
    assert_eq!(second.kill().await, transcript(&emulator));

    emulator.advance(MINUTE);
    let mut third = bot(&emulator, folder.path());
    third.line_with("Fixed.").await;
    third.type_line("Thanks.");
    let (status, lines) = third.end().await;
    assert!(status.success());
    assert_eq!(lines, transcript(&emulator));
    assert_eq!(lines.len(), 8);
    assert_eq!(follow_ups(&emulator), ["Fix the first one.", "Thanks."]);
}

#[tokio::test]
async fn killed_while_a_message_is_answered_it_does_not_send_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = emulator().await;
    let held_back = Fault::delay(Duration::from_secs(600)).after_execution();
    emulator
        .add_fault(held_back.on("sendDinoaiAgentMessage"))
        .unwrap();

    let mut first = bot(&emulator, folder.path());
    first.type_line("Which tests fail?");
    first.line_with("Two tests fail.").await;
    first.type_line("Fix the first one.");
    until("the follow-up", || !follow_ups(&emulator).is_empty()).await;
    assert_eq!(first.kill().await.len(), 2);

    let mut second = bot(&emulator, folder.path());
    second.line_with("I look at it.").await;
    emulator.advance(MINUTE + MINUTE);
    let (status, lines) = second.end().await;
    assert!(status.success());
    assert_eq!(lines, transcript(&emulator));
    assert_eq!(follow_ups(&emulator), ["Fix the first one."]);
}

#[tokio::test]
async fn killed_while_a_message_is_on_its_way_it_says_that_its_outcome_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = emulator().await;
    // The emulator drops what it holds back when its sender goes away.
    let held_back = Fault::delay(Duration::from_secs(600)).on("sendDinoaiAgentMessage");
    emulator.add_fault(held_back).unwrap();

    let mut first = bot(&emulator, folder.path());
    first.type_line("Which tests fail?");
    first.line_with("Two tests fail.").await;
    first.type_line("Fix the first one.");
    until("the follow-up", || {
        let requests = emulator.requests();
        let names = requests
            .iter()
            .map(|request| request.operation_name.as_deref());
        names.flatten().any(|name| name == "SendDinoaiAgentMessage")
    })
    .await;
    let shown = first.kill().await;
    assert_eq!(shown, transcript(&emulator));

    let (status, lines) = bot(&emulator, folder.path()).end().await;
    assert!(status.success());
    assert_eq!(lines[..shown.len()], shown);
    assert_eq!(
        lines[shown.len()..],
        ["(It is not known whether this was sent: Fix the first one.)"]
    );
    assert!(follow_ups(&emulator).is_empty());

    // Said once: the author has decided.
    let (_, lines) = bot(&emulator, folder.path()).end().await;
    assert_eq!(lines, shown);
}

#[tokio::test]
async fn a_message_that_was_refused_is_not_taken_for_sent() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = emulator().await;
    let refused = Fault::redirect("/elsewhere").on("sendDinoaiAgentMessage");
    emulator.add_fault(refused).unwrap();

    let mut first = bot(&emulator, folder.path());
    first.type_line("Which tests fail?");
    first.line_with("Two tests fail.").await;
    first.type_line("Fix the first one.");
    let (status, shown) = first.end().await;
    assert!(!status.success());

    let (status, lines) = bot(&emulator, folder.path()).end().await;
    assert!(status.success());
    assert_eq!(lines, shown);
    assert!(follow_ups(&emulator).is_empty());
}

#[tokio::test]
async fn a_conversation_that_may_have_started_is_not_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = emulator().await;
    let lost = Fault::reset().after_execution();
    emulator
        .add_fault(lost.on("triggerDinoaiAgentRun"))
        .unwrap();

    let mut first = bot(&emulator, folder.path());
    first.type_line("Which tests fail?");
    let (status, _) = first.end().await;
    assert!(!status.success());

    let (status, lines) = bot(&emulator, folder.path()).end().await;
    assert!(status.success());
    assert_eq!(
        lines,
        ["(It is not known whether this was sent: Which tests fail?)"]
    );
    assert_eq!(emulator.runs().len(), 1);
}
