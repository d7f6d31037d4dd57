//! An agent that ends each turn as a test says, and the ways to ask it for a value.

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Client, Result};
use serde_json::Value;

use crate::support::fault_server::{FaultServer, Reply, Seen};
use crate::support::operations::{SEND, STOP, TRIGGER, sent};
use crate::support::samples::{request, seconds, session};
use crate::support::shown_run::{accepted, agent, run, user};

pub(super) const RIGHT: &str = "Rows:\n```json\n[1, 2]\n```";
pub(super) const SILENT: (&str, &str) = ("", "");
pub(super) const WRONG: &str = "Rows:\n```json\n[1, 2,]\n```";

/// A server whose agent ends each turn like this, 5 s after the trigger or the follow-up that it is for. Of a turn
/// that is [`SILENT`] nothing is shown, nor of its follow-up.
/// `reply` answers a request in its place, given how many triggers and follow-ups have come before.
pub(super) async fn conversing(
    clock: &VirtualClock,
    turns: &[(&'static str, &'static str)],
    mut reply: impl FnMut(&Seen, usize) -> Option<Reply> + Send + 'static,
) -> FaultServer {
    let (clock, turns) = (clock.clone(), turns.to_vec());
    let mut begun: Vec<(_, Option<Value>)> = vec![];
    FaultServer::scripted(move |seen| {
        if let Some(reply) = reply(seen, begun.len()) {
            return reply;
        }
        if [TRIGGER, SEND].contains(&seen.operation.as_str()) {
            begun.push((clock.now(), seen.variables.get("message").cloned()));
            return accepted(seen);
        }
        if seen.operation == STOP {
            return accepted(seen);
        }
        let (mut messages, mut status) = (vec![], "COMPLETED");
        for (number, (at, message)) in begun.iter().enumerate() {
            if turns.get(number) == Some(&SILENT) {
                continue;
            }
            let ts = 10.0 * number as f64;
            messages.extend(
                message
                    .as_ref()
                    .and_then(Value::as_str)
                    .map(|text| user(ts, text)),
            );
            let ended = turns
                .get(number)
                .filter(|_| clock.now() >= *at + seconds(5));
            status = ended.map_or("RUNNING", |(status, _)| *status);
            let said = ended.filter(|(_, text)| !text.is_empty());
            messages.extend(said.map(|(_, text)| agent(ts + 1.0, text)));
        }
        run(seen, status, &messages)
    })
    .await
}

/// The ways to ask for a value.
pub(super) const WAYS: [&str; 2] = ["run_json", "ask_json"];

pub(super) async fn asked(way: &str, client: &Client) -> Result<Vec<u64>> {
    match way {
        "run_json" => client.run_json(request()).await,
        _ => session(client).ask_json("How many rows?").await,
    }
}

/// The requests that start a run or a turn, by operation.
pub(super) fn started(server: &FaultServer) -> (usize, usize) {
    (sent(server, TRIGGER), sent(server, SEND))
}

pub(super) fn last_message(server: &FaultServer) -> String {
    let seen = server.seen();
    let last = seen.iter().rfind(|seen| seen.operation == SEND).unwrap();
    last.variables["message"].as_str().unwrap().to_owned()
}

/// The triggers and follow-ups of a way that asks once, and of one that asks twice.
pub(super) fn of(way: &str) -> [(usize, usize); 2] {
    match way {
        "run_json" => [(1, 0), (1, 1)],
        _ => [(0, 1), (0, 2)],
    }
}
