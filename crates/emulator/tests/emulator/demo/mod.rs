//! What the tests of the demo agents ask and read, on a clock that only the test moves.

mod agents;
mod in_progress;
mod references;
mod words;

use std::time::Duration;

use dinoai_emulator::{Builder, Emulator, Run};
use serde_json::{Value, json};

use crate::caller::{SEND, TRIGGER, call};

const CHECKER: &str = "data-quality-checker";

/// Shorter than any stage, so that no change is passed over.
const MOMENT: Duration = Duration::from_millis(250);

fn demo() -> Builder {
    Emulator::builder().demo_agents().stopped_clock()
}

async fn started() -> Emulator {
    demo().start().await.unwrap()
}

async fn ask(emulator: &Emulator, agent: Option<&str>, message: Option<&str>) -> String {
    let variables = json!({ "agent": agent, "message": message });
    let answer = call(emulator, TRIGGER, variables).await;
    answer.root()["agentSessionId"].as_str().unwrap().to_owned()
}

fn run(emulator: &Emulator, id: &str) -> Run {
    let mut runs = emulator.runs().into_iter();
    runs.find(|run| run.session_id == id).unwrap()
}

/// Moves the clock until the run has ended, and says how long that took.
fn until_ended(emulator: &Emulator, id: &str) -> Duration {
    let start = emulator.elapsed();
    while run(emulator, id).ended.is_none() {
        emulator.advance(MOMENT);
        assert!(emulator.elapsed() - start < Duration::from_secs(300));
    }
    emulator.elapsed() - start
}

fn answer(emulator: &Emulator, id: &str) -> String {
    run(emulator, id).messages.last().unwrap().content.clone()
}

/// What the agent answers to this follow-up.
async fn follow_up(emulator: &Emulator, id: &str, message: &str) -> String {
    let variables = json!({ "id": id, "message": message });
    call(emulator, SEND, variables).await;
    assert!(run(emulator, id).ended.is_none(), "it takes its time");
    let took = until_ended(emulator, id);
    assert!(took < Duration::from_secs(12), "{took:?}");
    answer(emulator, id)
}

/// What the checker answers to this message, and then to each follow-up.
async fn talk(message: &str, follow_ups: &[&str]) -> Vec<String> {
    let emulator = started().await;
    let id = ask(&emulator, Some(CHECKER), Some(message)).await;
    until_ended(&emulator, &id);
    let mut answers = vec![answer(&emulator, &id)];
    for message in follow_ups {
        answers.push(follow_up(&emulator, &id, message).await);
    }
    answers
}

/// The array in the block of JSON that ends an answer.
fn block(answer: &str) -> Vec<Value> {
    let (_, block) = answer.split_once("```json\n").expect(answer);
    let block = block.strip_suffix("\n```").expect(answer);
    serde_json::from_str(block).expect(answer)
}

/// The rows of an answer's table, without its head.
fn table(answer: &str) -> Vec<&str> {
    let lines = answer.lines().filter(|line| line.starts_with('|'));
    let rows: Vec<_> = lines.collect();
    assert!(rows[1].starts_with("| --- |"), "{answer}");
    rows[2..].to_vec()
}
