//! What the tests here share: runs that all read alike, and many waits for them.

use std::collections::BTreeMap;

use dinoai::{Client, Result, Run, SessionId, TriggerRun};
use serde_json::json;

use crate::support::fault_server;
use crate::support::fault_server::{FastClock, FaultServer, Reply, Seen, client};
use crate::support::operations::{READ, STATUS, STATUSES, TRIGGER};
use crate::support::samples::seconds;
use crate::waiting::possibly_permanent_failures::READ_FIELD;

/// Answers for many runs.
#[derive(Default)]
pub(crate) struct Many {
    pub(crate) started: usize,
}

impl Many {
    /// A good answer; every status that is asked for is `status`.
    pub(crate) fn answer(&mut self, seen: &Seen, status: &str) -> Reply {
        match seen.operation.as_str() {
            TRIGGER => {
                self.started += 1;
                let id = format!("run-{}", self.started - 1);
                let value = json!({ "ok": true, "agentSessionId": id, "status": "queued" });
                Reply::data(&json!({ "triggerDinoaiAgentRun": value }))
            }
            STATUSES => {
                let places = 0..ids_in(seen).len();
                let data: serde_json::Map<_, _> = places
                    .map(|place| {
                        let value = json!({ "ok": true, "status": status });
                        (format!("run{place}"), value)
                    })
                    .collect();
                Reply::data(&json!(data))
            }
            READ => {
                let mut answer = fault_server::good_answer(READ, "COMPLETED");
                answer["data"][READ_FIELD]["agentSessionId"] = seen.variables["id"].clone();
                Reply::json(200, &answer)
            }
            STATUS => Reply::data(&json!({ READ_FIELD: { "ok": true, "status": status } })),
            other => panic!("{other}"),
        }
    }
}

/// The runs that a poll reads.
pub(crate) fn ids_in(seen: &Seen) -> Vec<String> {
    let variables = seen.variables.as_object().unwrap().values();
    variables
        .map(|id| id.as_str().unwrap().to_owned())
        .collect()
}

pub(crate) async fn wait_for_all(client: &Client, count: usize) -> BTreeMap<String, Result<Run>> {
    let ids = (0..count).map(|number| SessionId::new(format!("run-{number}")).unwrap());
    let mut waits = client.wait_all(ids).unwrap().results();
    let mut results = BTreeMap::new();
    while let Some((id, result)) = waits.next().await {
        let before = results.insert(id.to_string(), result);
        assert!(before.is_none(), "{id} twice");
    }
    results
}

pub(crate) async fn run_all(
    client: &Client,
    count: usize,
    concurrency: usize,
) -> Vec<(usize, Result<Run>)> {
    let requests = (0..count).map(|number| TriggerRun::message(format!("message-{number}")));
    let mut runs = client.run_all(requests, concurrency).results();
    let mut results = vec![];
    while let Some(result) = runs.next().await {
        results.push(result);
    }
    results.sort_by_key(|(place, _)| *place);
    results
}

/// A client whose second lasts this long, and its clock.
pub(crate) fn fast_client(server: &FaultServer, clock: &FastClock) -> Client {
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .request_timeout(seconds(10))
            .connect_timeout(seconds(5))
            .clock(clock.clone())
    });
    client
}
