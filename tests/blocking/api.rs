//! What the tests here share: an API of runs, and its calls made by awaiting and by blocking.

use std::fmt::Debug;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use dinoai::blocking::{Block, Iterate};
use dinoai::{Client, Run, SessionId};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::support::fault_server::{FaultServer, Reply, SESSION, Seen};
use crate::support::samples::request;

/// Runs that complete at the second poll, answer each follow-up with a message, and of which
/// the first has a child.
pub(crate) fn api() -> impl FnMut(&Seen) -> Reply + Send {
    let (mut started, mut follow_ups, mut polls) = (0, 0, 0);
    move |seen| {
        let accepted = |id: &str| json!({ "ok": true, "agentSessionId": id, "status": "queued" });
        let status = |polls| if polls < 2 { "RUNNING" } else { "COMPLETED" };
        let variables = seen.variables.as_object().unwrap();
        let id = || variables["id"].as_str().unwrap().to_owned();
        Reply::data(&match seen.operation.as_str() {
            "TriggerDinoaiAgentRun" => {
                started += 1;
                json!({ "triggerDinoaiAgentRun": accepted(&format!("started-{started}")) })
            }
            "SendDinoaiAgentMessage" => {
                follow_ups += 1;
                json!({ "sendDinoaiAgentMessage": accepted(SESSION) })
            }
            "DinoaiAgentRunStatuses" => {
                polls += 1;
                let run = json!({ "ok": true, "status": status(polls) });
                let runs = (0..variables.len()).map(|place| (format!("run{place}"), run.clone()));
                Value::Object(runs.collect())
            }
            "DinoaiAgentRunStatus" => {
                polls += 1;
                json!({ "dinoaiAgentRun": { "ok": true, "status": status(polls) } })
            }
            _ => {
                let message = |ts: usize, role: &str| {
                    let content = format!("message {ts}");
                    json!({ "ts": ts, "role": role, "content": content })
                };
                let conversation = (1..=follow_ups).flat_map(|number| {
                    [
                        message(2 * number, "user"),
                        message(2 * number + 1, "agent"),
                    ]
                });
                let messages: Vec<_> = [message(1, "agent")]
                    .into_iter()
                    .chain(conversation)
                    .collect();
                let children: &[&str] = if id() == SESSION { &["child"] } else { &[] };
                json!({ "dinoaiAgentRun": {
                    "ok": true,
                    "agentSessionId": id(),
                    "status": "COMPLETED",
                    "messages": messages,
                    "childSessionIds": children,
                    "workspaceUid": "w1",
                } })
            }
        })
    }
}

pub(crate) fn ids() -> Vec<SessionId> {
    ["a", "b", "c"].map(|id| SessionId::new(id).unwrap()).into()
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Results of many runs by their ids: they come in the order of the answers.
fn in_order(mut results: Vec<(SessionId, dinoai::Result<Run>)>) -> impl Debug {
    results.sort_by(|(one, _), (other, _)| one.cmp(other));
    results
}

pub(crate) fn debug(value: impl Debug) -> String {
    format!("{value:?}")
}

/// What every kind of call gives, awaited.
async fn awaited(client: Client) -> Vec<String> {
    let session = client.session(SESSION).unwrap();
    let mut all = vec![
        debug(client.get_run(SESSION).await),
        debug(client.trigger_run_and_wait(request()).await),
        debug(session.ask("And now?").await),
        debug(session.send("And then?").await),
        debug(session.wait().await),
        debug(session.tree().await),
        debug(session.tree().until_ended().poll_interval(SECOND).await),
    ];
    let session = client.session(SESSION).unwrap();
    all.push(debug(session.watch().events().collect::<Vec<_>>().await));
    let results: Vec<_> = client.wait_all(ids()).unwrap().results().collect().await;
    all.push(debug(in_order(results)));
    let requests = [request(), request()];
    all.push(debug(
        client
            .run_all(requests, 1)
            .results()
            .collect::<Vec<_>>()
            .await,
    ));
    all.push(debug(client.get_run(" ").await));
    all
}

/// The same, blocking.
pub(crate) fn blocked(client: Client) -> Vec<String> {
    let session = client.session(SESSION).unwrap();
    let mut all = vec![
        debug(client.get_run(SESSION).block()),
        debug(client.trigger_run_and_wait(request()).block()),
        debug(session.ask("And now?").block()),
        debug(session.send("And then?").block()),
        debug(session.wait().block()),
        debug(session.tree().block()),
        debug(session.tree().until_ended().poll_interval(SECOND).block()),
    ];
    let session = client.session(SESSION).unwrap();
    all.push(debug(
        session.watch().events().iterate().collect::<Vec<_>>(),
    ));
    let results: Vec<_> = client
        .wait_all(ids())
        .unwrap()
        .results()
        .iterate()
        .collect();
    all.push(debug(in_order(results)));
    let requests = [request(), request()];
    all.push(debug(
        client
            .run_all(requests, 1)
            .results()
            .iterate()
            .collect::<Vec<_>>(),
    ));
    all.push(debug(client.get_run(" ").block()));
    all
}

/// Runs `work` on a thread of its own, and gives up where it never ends.
pub(crate) fn within_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = sender.send(work());
    });
    match receiver.recv_timeout(Duration::from_secs(20)) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => panic!("no answer"),
        },
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
    }
}

/// A server, with the runtime that it lives in.
pub(crate) fn server(
    script: impl FnMut(&Seen) -> Reply + Send + 'static,
) -> (Runtime, FaultServer) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(FaultServer::scripted(script));
    (runtime, server)
}

pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// What is returned, and what the server saw, when every kind of call is made by `calls`.
fn outcome(
    calls: impl FnOnce(Client) -> Vec<String> + Send + 'static,
) -> (Vec<String>, Vec<String>) {
    let (_runtime, server) = server(api());
    let (client, _) = server.client();
    let returned = within_time(move || calls(client));
    (returned, server.operations())
}

pub(crate) fn assert_as_awaited(calls: impl FnOnce(Client) -> Vec<String> + Send + 'static) {
    let (returned, operations) = outcome(calls);
    let (expected, expected_operations) = expected();
    for (returned, expected) in returned.iter().zip(&expected) {
        assert_eq!(returned, expected);
    }
    assert_eq!(returned.len(), expected.len());
    assert_eq!(operations, expected_operations);
}

fn expected() -> (Vec<String>, Vec<String>) {
    let expected = outcome(|client| current_thread().block_on(awaited(client)));
    let ok = expected
        .0
        .iter()
        .filter(|returned| !returned.contains("Err("));
    assert_eq!((ok.count(), expected.0.len()), (10, 11), "{expected:#?}");
    expected
}
