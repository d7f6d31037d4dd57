//! A response that has arrived counts, however late it is looked at.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use Change::Trigger;
use dinoai::{Retry, TriggerRun};
use serde_json::json;
use tokio::sync::Notify;

use crate::starting::change::Change;
use crate::support::fault_server;
use crate::support::fault_server::{FastClock, FaultServer, Reply, client};

/// A request timeout that a test can sleep through.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_millis(300);

#[test]
fn an_answer_that_has_arrived_counts_although_the_executor_was_blocked_past_the_timeout() {
    for change in Change::ALL {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/graphql", listener.local_addr().unwrap());
        let (has_asked, asked) = tokio::sync::oneshot::channel();
        let (has_answered, answered) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            fault_server::read_request(&mut stream).unwrap();
            has_asked.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(100));
            let answer = fault_server::http_response(200, &change.accepted().to_string());
            stream.write_all(answer.as_bytes()).unwrap();
            has_answered.send(()).unwrap();
            stream
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let result = runtime.block_on(async {
            let (client, _) = client(&endpoint, |builder| {
                builder
                    .request_timeout(REQUEST_TIMEOUT)
                    .retry(Retry::none())
            });
            let block = async {
                asked.await.unwrap();
                answered.recv().unwrap();
                std::thread::sleep(2 * REQUEST_TIMEOUT);
            };
            tokio::join!(change.make(&client), block).0
        });
        drop(server.join().unwrap());
        assert_eq!(result.unwrap().session_id.as_str(), change.id());
    }
}

#[tokio::test]
async fn a_slow_consumer_of_run_all_loses_no_id() {
    let release = Arc::new(Notify::new());
    let held = release.clone();
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        "TriggerDinoaiAgentRun" => {
            let id = seen.variables["message"].as_str().unwrap();
            let value = json!({ "ok": true, "agentSessionId": id, "status": "queued" });
            let answer = Reply::json(200, &Trigger.data(&value));
            match id {
                "run-b" => Reply::When(held.clone(), Box::new(answer)),
                _ => answer,
            }
        }
        "DinoaiAgentRun" => {
            let mut answer = fault_server::good_answer("DinoaiAgentRun", "COMPLETED");
            answer["data"]["dinoaiAgentRun"]["agentSessionId"] = seen.variables["id"].clone();
            Reply::json(200, &answer)
        }
        "DinoaiAgentRunStatuses" => {
            let places = 0..seen.variables.as_object().unwrap().len();
            let data: serde_json::Map<_, _> = places
                .map(|place| {
                    let value = json!({ "ok": true, "status": "COMPLETED" });
                    (format!("run{place}"), value)
                })
                .collect();
            Reply::data(&json!(data))
        }
        _ => Reply::Good,
    })
    .await;
    let request_timeout = Duration::from_secs(1);
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .request_timeout(request_timeout)
            .clock(FastClock::with_second(Duration::from_millis(20)))
    });
    let requests = ["run-a", "run-b", "run-c"].map(TriggerRun::message);
    let started = Arc::new(Mutex::new(vec![]));
    let record = started.clone();
    let mut runs = client
        .run_all(requests, 2)
        .on_started(move |place, id| {
            record.lock().unwrap().push((place, id.to_string()));
        })
        .results();
    let mut results = vec![];
    while let Some((place, result)) = runs.next().await {
        if results.is_empty() {
            // The answer for b comes while the first result is worked on, which takes longer
            // than a request may.
            let answered = server.seen().len();
            release.notify_one();
            server.until_answered(answered).await;
            tokio::time::sleep(request_timeout + Duration::from_millis(200)).await;
        }
        results.push((place, result.map(|run| run.session_id.to_string())));
    }
    results.sort_by_key(|(place, _)| *place);
    let results: Vec<_> = results
        .into_iter()
        .map(|(_, result)| result.unwrap())
        .collect();
    assert_eq!(results, ["run-a", "run-b", "run-c"]);
    let mut started = started.lock().unwrap().clone();
    started.sort();
    let ids: Vec<_> = started.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(ids, ["run-a", "run-b", "run-c"]);
}
