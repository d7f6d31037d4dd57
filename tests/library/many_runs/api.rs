//! What the tests here share: an API of many runs, and what was asked of it.

use std::collections::{BTreeMap, HashMap};

use dinoai::time::VirtualClock;
use dinoai::{Client, Result, Run, RunResults, SessionId};
use serde_json::{Value, json};

use crate::support::fault_server::{FaultServer, Reply, Seen};
use crate::support::operations::{READ, STATUSES, TRIGGER, is_poll};
use crate::support::samples::id;
use crate::support::shown_run::client_by;

pub(crate) fn number(id: &str) -> usize {
    id.trim_start_matches("run-").parse().unwrap()
}

/// A client that gives a server all the time that a busy machine needs: none of these hangs.
pub(crate) fn patient(server: &FaultServer) -> (Client, VirtualClock) {
    let clock = VirtualClock::new();
    (client_by(server, &clock), clock)
}

/// The runs that a request reads, with the name that the answer has to have for each.
pub(crate) fn asked(seen: &Seen) -> Vec<(String, String)> {
    let variables = seen.variables.as_object().unwrap();
    let id = |name: &str| variables[name].as_str().unwrap().to_owned();
    match seen.operation.as_str() {
        STATUSES => (0..variables.len())
            .map(|place| (format!("run{place}"), id(&format!("id{place}"))))
            .collect(),
        _ => vec![("dinoaiAgentRun".to_owned(), id("id"))],
    }
}

/// What stands at a run's place in an answer: a value, or null with an error of this message.
pub(crate) type Place = std::result::Result<Value, &'static str>;

pub(crate) fn reads_as(status: &str) -> Place {
    Ok(json!({ "ok": true, "status": status }))
}

/// Answers that go by the run and by how often its status was read before. What is read whole
/// has ended as its latest status says.
pub(crate) fn runs(
    mut place: impl FnMut(&str, usize) -> Place + Send,
) -> impl FnMut(&Seen) -> Reply + Send {
    let mut polls: HashMap<String, usize> = HashMap::new();
    let mut latest: HashMap<String, Value> = HashMap::new();
    let mut started = 0;
    move |seen| {
        if seen.operation == TRIGGER {
            started += 1;
            let id = id(started - 1);
            return Reply::data(&json!({ "triggerDinoaiAgentRun": {
                "ok": true, "agentSessionId": id, "status": "queued",
            } }));
        }
        let (mut data, mut errors) = (serde_json::Map::new(), vec![]);
        for (alias, id) in asked(seen) {
            if seen.operation == READ {
                let mut run = json!({
                    "ok": true,
                    "agentSessionId": id,
                    "messages": [{ "ts": 1.5, "role": "assistant", "content": id }],
                    "childSessionIds": [],
                    "workspaceUid": "w1",
                });
                run["status"] = latest[&id].clone();
                data.insert(alias, run);
                continue;
            }
            let polls = polls.entry(id.clone()).or_default();
            *polls += 1;
            let value = place(&id, *polls - 1).unwrap_or_else(|message| {
                errors.push(json!({ "message": message, "path": [alias] }));
                Value::Null
            });
            if let Some(status) = value.get("status") {
                latest.insert(id, status.clone());
            }
            data.insert(alias, value);
        }
        match errors.is_empty() {
            true => Reply::data(&json!(data)),
            false => Reply::json(200, &json!({ "data": data, "errors": errors })),
        }
    }
}

/// Runs that end `COMPLETED` at the poll with their own number, modulo `most`.
pub(crate) fn end_one_after_the_other(most: usize) -> impl FnMut(&Seen) -> Reply + Send {
    runs(
        move |id, polls| match polls.cmp(&(number(id) % most.max(1))) {
            std::cmp::Ordering::Less => reads_as("RUNNING"),
            _ => reads_as("COMPLETED"),
        },
    )
}

pub(crate) async fn all(mut many: RunResults<SessionId>) -> BTreeMap<String, Result<Run>> {
    let mut results = BTreeMap::new();
    while let Some((id, result)) = many.next().await {
        let before = results.insert(id.to_string(), result);
        assert!(before.is_none(), "{id} twice");
    }
    results
}

pub(crate) async fn all_in_order(mut many: RunResults<usize>) -> Vec<(usize, Result<Run>)> {
    let mut results = vec![];
    while let Some(result) = many.next().await {
        results.push(result);
    }
    results
}

/// How many runs each poll asked for, in order.
pub(crate) fn batches(server: &FaultServer) -> Vec<usize> {
    let seen = server.seen();
    seen.iter()
        .filter(|seen| is_poll(seen))
        .map(|seen| asked(seen).len())
        .collect()
}

pub(crate) fn polls_of(server: &FaultServer, id: &str) -> usize {
    let seen = server.seen();
    let runs = seen.iter().filter(|seen| is_poll(seen)).flat_map(asked);
    runs.filter(|(_, asked)| asked == id).count()
}

pub(crate) fn reads(server: &FaultServer) -> usize {
    let operations = server.operations();
    operations.iter().filter(|name| *name == READ).count()
}
