//! A server whose run shows what a test says, by the time since the latest follow-up.

use std::borrow::BorrowMut;
use std::time::Duration;

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Client, Event, Events, Message, Result, Run};
use serde_json::{Map, Value, json};

use crate::support::fault_server::{FaultServer, Reply, SESSION, Seen, client};
use crate::support::operations::{SEND, STATUSES, STOP, TRIGGER};
use crate::support::samples::seconds;

pub(crate) fn user(ts: f64, text: &str) -> Value {
    json!({ "ts": ts, "role": "user", "content": text })
}

pub(crate) fn agent(ts: f64, text: &str) -> Value {
    json!({ "ts": ts, "role": "assistant", "content": text })
}

/// The run that a request is about.
pub(crate) fn id_of(seen: &Seen) -> &str {
    let id = |name: &str| seen.variables.get(name).and_then(Value::as_str);
    id("id").or_else(|| id("agentSessionId")).unwrap_or(SESSION)
}

/// Every field of a run.
pub(crate) fn fields(id: &str, status: &str, messages: &[Value]) -> Value {
    json!({
        "ok": true,
        "agentSessionId": id,
        "status": status,
        "messages": messages,
        "childSessionIds": [],
        "workspaceUid": "w1",
        "steps": [],
        "startupSteps": [],
    })
}

/// A good answer to a read of any kind.
pub(crate) fn run(seen: &Seen, status: &str, messages: &[Value]) -> Reply {
    run_with(seen, |id| fields(id, status, messages))
}

/// A good answer to a read of any kind, given the fields of each run that it reads.
pub(crate) fn run_with(seen: &Seen, mut fields: impl FnMut(&str) -> Value) -> Reply {
    if seen.operation != STATUSES {
        return Reply::data(&json!({ "dinoaiAgentRun": fields(id_of(seen)) }));
    }
    let ids = seen.variables.as_object().cloned().unwrap_or_default();
    let runs: Map<_, _> = ids
        .iter()
        .map(|(name, id)| {
            let alias = name.replacen("id", "run", 1);
            (alias, fields(id.as_str().unwrap_or_default()))
        })
        .collect();
    Reply::data(&Value::Object(runs))
}

/// A good answer to a trigger, a follow-up or a stop.
pub(crate) fn accepted(seen: &Seen) -> Reply {
    let accepted = json!({ "ok": true, "agentSessionId": id_of(seen), "status": "queued" });
    Reply::data(&match seen.operation.as_str() {
        TRIGGER => json!({ "triggerDinoaiAgentRun": accepted }),
        SEND => json!({ "sendDinoaiAgentMessage": accepted }),
        _ => json!({ "stopDinoaiAgentRun": { "ok": true, "status": "STOPPED" } }),
    })
}

/// A server that accepts whatever is sent, and answers reads with what `show` says, given the
/// time since the latest follow-up, if there was one.
pub(crate) async fn shows<C: Clock + Clone>(
    clock: &C,
    mut show: impl FnMut(&Seen, Option<Duration>) -> Reply + Send + 'static,
) -> FaultServer {
    let clock = clock.clone();
    let mut sent_at = None;
    FaultServer::scripted(move |seen| match seen.operation.as_str() {
        TRIGGER | STOP => accepted(seen),
        SEND => {
            sent_at = Some(clock.now());
            accepted(seen)
        }
        _ => show(seen, sent_at.map(|sent_at| clock.now() - sent_at)),
    })
    .await
}

/// A client by this clock, that does not give up on a slow machine.
pub(crate) fn client_by(server: &FaultServer, clock: &(impl Clock + Clone)) -> Client {
    let clock = clock.clone();
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(clock)
            .request_timeout(seconds(60))
            .connect_timeout(seconds(60))
    });
    client
}

/// A server as [`shows`] makes it, with a client by the same clock.
pub(crate) async fn shown(
    show: impl FnMut(&Seen, Option<Duration>) -> Reply + Send + 'static,
) -> (FaultServer, Client, VirtualClock) {
    let clock = VirtualClock::new();
    let server = shows(&clock, show).await;
    let client = client_by(&server, &clock);
    (server, client, clock)
}

/// All items of a watch that are still to come.
pub(crate) async fn all(mut watch: impl BorrowMut<Events>) -> Vec<Result<Event>> {
    let mut items = vec![];
    while let Some(item) = watch.borrow_mut().next().await {
        items.push(item);
    }
    items
}

/// The texts of the messages among the items of a watch.
pub(crate) fn texts_of(items: &[Result<Event>]) -> Vec<&str> {
    let texts = items.iter().filter_map(|item| match item {
        Ok(Event::Message(message)) => Some(message.content.as_str()),
        _ => None,
    });
    texts.collect()
}

/// The run that a watch ends with.
pub(crate) fn end_of(items: &[Result<Event>]) -> Option<&Run> {
    match items.last() {
        Some(Ok(Event::Ended(run))) => Some(run),
        _ => None,
    }
}

pub(crate) fn texts(messages: &[Message]) -> Vec<&str> {
    let texts = messages.iter().map(|message| message.content.as_str());
    texts.collect()
}
