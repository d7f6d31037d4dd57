//! What the tests here share: an API whose runs go on for a few polls, and a drop at each await.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::Poll;

use dinoai::{Client, TriggerRun};
use serde_json::{Value, json};

use crate::support::fault_server::{FaultServer, Reply, SESSION, Seen};
use crate::support::operations::{SEND, STOP, TRIGGER};

/// More polls than any of the futures here takes.
pub(crate) const ENOUGH: usize = 2000;

/// An API whose runs are in progress for a few looks after their start and after each follow-up,
/// with a new message at each of these looks, and a child.
pub(crate) fn api() -> impl FnMut(&Seen) -> Reply + Send {
    const LOOKS: usize = 3;
    let mut started = 0;
    let mut follow_ups = 0;
    let mut looks: HashMap<String, usize> = HashMap::new();
    let mut run = move |id: &str, counts: bool, follow_ups: usize| {
        let looks = looks.entry(id.to_owned()).or_default();
        *looks += usize::from(counts);
        let turns = 1 + if id == SESSION { follow_ups } else { 0 };
        if *looks > LOOKS * turns {
            *looks = LOOKS * turns;
        }
        let has_ended = *looks == LOOKS * turns;
        let messages: Vec<_> = (1..=*looks)
            .map(|ts| json!({ "ts": ts, "role": "agent", "content": format!("message {ts}") }))
            .collect();
        let children: &[&str] = if id == SESSION { &["child"] } else { &[] };
        json!({
            "ok": true,
            "agentSessionId": id,
            "status": if has_ended { "COMPLETED" } else { "RUNNING" },
            "messages": messages,
            "childSessionIds": children,
            "workspaceUid": "w1",
            "steps": [{ "index": 0, "role": "AGENT", "truncated": false }],
            "startupSteps": null,
        })
    };
    move |seen| {
        let variables = seen.variables.as_object().unwrap();
        let id = |name: &str| variables[name].as_str().unwrap().to_owned();
        let accepted = |id: &str| json!({ "ok": true, "agentSessionId": id, "status": "queued" });
        Reply::data(&match seen.operation.as_str() {
            TRIGGER => {
                started += 1;
                json!({ "triggerDinoaiAgentRun": accepted(&format!("started-{started}")) })
            }
            SEND => {
                follow_ups += 1;
                json!({ "sendDinoaiAgentMessage": accepted(SESSION) })
            }
            STOP => json!({ "stopDinoaiAgentRun": { "ok": true, "status": "STOPPED" } }),
            "DinoaiAgentRunStatuses" => {
                let mut runs = serde_json::Map::new();
                for place in 0..variables.len() {
                    let run = run(&id(&format!("id{place}")), true, follow_ups);
                    runs.insert(format!("run{place}"), run);
                }
                Value::Object(runs)
            }
            operation => {
                let counts = operation != "DinoaiAgentRun";
                json!({ "dinoaiAgentRun": run(&id("id"), counts, follow_ups) })
            }
        })
    }
}

/// An API whose runs never end.
pub(crate) fn endless() -> impl FnMut(&Seen) -> Reply + Send {
    let mut good = api();
    move |seen| match seen.operation.as_str() {
        TRIGGER | SEND | STOP => good(seen),
        _ => Reply::Status("RUNNING"),
    }
}

pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Polls `work` so many times at most; whether it has finished.
pub(crate) async fn polled(work: &mut Work, polls: usize) -> bool {
    let mut left = polls;
    std::future::poll_fn(|context| {
        left -= 1;
        match work.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// How often each change was sent.
pub(crate) fn changes(server: &FaultServer) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for seen in server.seen() {
        if [TRIGGER, SEND, STOP].contains(&seen.operation.as_str()) {
            let change = format!("{} {}", seen.operation, seen.variables);
            *counts.entry(change).or_default() += 1;
        }
    }
    counts
}

/// Starts `work` again and again, drops it after one poll, after two, and so on until it
/// finishes, and looks at what each has sent. Afterwards the client still works.
pub(crate) async fn is_dropped_everywhere<S>(
    script: impl Fn() -> S,
    work: impl Fn(Client) -> Work,
    most_changes: usize,
) where
    S: FnMut(&Seen) -> Reply + Send + 'static,
{
    for polls in 1..ENOUGH {
        let server = FaultServer::scripted(script()).await;
        let (client, _) = server.client();
        let mut work = work(client.clone());
        let has_finished = polled(&mut work, polls).await;
        drop(work);
        client.get_run(SESSION).await.unwrap();
        let changes = changes(&server);
        assert!(changes.values().all(|times| *times == 1), "{changes:?}");
        assert!(changes.len() <= most_changes, "{changes:?}");
        if has_finished {
            assert_eq!(changes.len(), most_changes);
            assert!(polls > 3, "it was dropped at {polls} awaits only");
            return;
        }
    }
    panic!("it never finished");
}

pub(crate) fn requests(count: usize) -> Vec<TriggerRun> {
    (0..count)
        .map(|number| TriggerRun::message(format!("message {number}")))
        .collect()
}
