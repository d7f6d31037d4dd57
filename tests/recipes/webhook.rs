//! A webhook starts one run for each delivery, answers before the run has ended, posts its result, and
//! loses none when it is shut down.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::post;
use dinoai::reqwest;
use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::program::{PATIENCE, Program, example, until};

const MINUTE: Duration = Duration::from_secs(60);

/// A webhook, and what receives its results.
struct Webhook {
    program: Program,
    sender: Sender,
    results: UnboundedReceiver<Value>,
}

/// Where deliveries are posted.
#[derive(Clone)]
struct Sender {
    http: reqwest::Client,
    url: Arc<str>,
}

impl Webhook {
    async fn start(emulator: &Emulator) -> Self {
        let (sender, results) = unbounded_channel();
        let receive = async move |body: String| {
            let _ = sender.send(serde_json::from_str(&body).unwrap());
        };
        let routes = axum::Router::new().route("/results", post(receive));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, routes).into_future());

        let mut command = example("webhook", emulator);
        command
            .env("LISTEN", "127.0.0.1:0")
            .env("CALLBACK_URL", format!("http://{address}/results"));
        let mut program = Program::start(command);
        let line = program.line_with("Listening on ").await;
        let url = line.split([' ', ';']).nth(2).unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .unwrap();
        Self {
            program,
            sender: Sender {
                http,
                url: url.into(),
            },
            results,
        }
    }

    async fn result(&mut self) -> Value {
        let result = tokio::time::timeout(PATIENCE, self.results.recv());
        result.await.expect("no result is posted").unwrap()
    }
}

impl Sender {
    /// The status and the body of the answer to a delivery.
    async fn deliver(&self, delivery: &str) -> (u16, Value) {
        let body = json!({"delivery": delivery, "agent": "checker"}).to_string();
        let answer = self.http.post(&*self.url).body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.text().await.unwrap();
        (status, serde_json::from_str(&body).unwrap())
    }
}

/// Runs go on until the test moves the clock.
async fn emulator() -> Emulator {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").lasts(MINUTE))
        .stage(Stage::new("COMPLETED").message("assistant", "All good."));
    let builder = Emulator::builder()
        .default_scenario(scenario)
        .stopped_clock();
    builder.start().await.unwrap()
}

#[tokio::test]
async fn a_delivery_is_answered_at_once_and_its_result_is_posted_when_the_run_has_ended() {
    let emulator = emulator().await;
    let mut webhook = Webhook::start(&emulator).await;

    let (status, answer) = webhook.sender.deliver("orders-1").await;
    let runs = emulator.runs();
    assert_eq!((runs.len(), runs[0].status.as_str()), (1, "RUNNING"));
    assert_eq!(runs[0].agent.as_deref(), Some("checker"));
    let id = runs[0].session_id.clone();
    assert_eq!((status, answer), (202, json!({"agentSessionId": id})));

    assert!(webhook.results.try_recv().is_err());
    emulator.advance(MINUTE);
    let result = webhook.result().await;
    assert_eq!(result["delivery"], "orders-1");
    assert_eq!(result["run"]["agentSessionId"], id);
    assert_eq!(result["run"]["status"], "COMPLETED");
    assert_eq!(result["run"]["messages"][0]["content"], "All good.");
}

#[tokio::test]
async fn a_run_that_failed_is_posted_like_any_other() {
    let builder = Emulator::builder().default_scenario(Scenario::new().stage(Stage::new("FAILED")));
    let emulator = builder.start().await.unwrap();
    let mut webhook = Webhook::start(&emulator).await;
    webhook.sender.deliver("orders-1").await;
    assert_eq!(webhook.result().await["run"]["status"], "FAILED");
    webhook.program.kill().await;
}

#[tokio::test]
async fn a_delivery_that_comes_again_starts_no_second_run() {
    let emulator = emulator().await;
    let mut webhook = Webhook::start(&emulator).await;
    let slow = Fault::delay(Duration::from_secs(1)).after_execution();
    emulator
        .add_fault(slow.on("triggerDinoaiAgentRun"))
        .unwrap();

    // The first sender hangs up while the run is being started.
    let sender = webhook.sender.clone();
    let first = tokio::spawn(async move { sender.deliver("orders-1").await });
    until("the run", || !emulator.runs().is_empty()).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());

    let (during, other) = tokio::join!(
        webhook.sender.deliver("orders-1"),
        webhook.sender.deliver("orders-2")
    );
    emulator.advance(MINUTE);
    webhook.result().await;
    webhook.result().await;
    let after = webhook.sender.deliver("orders-1").await;
    let runs = emulator.runs();
    assert_eq!(runs.len(), 2);
    assert_eq!(during, (202, json!({"agentSessionId": runs[0].session_id})));
    assert_eq!(other, (202, json!({"agentSessionId": runs[1].session_id})));
    assert_eq!(after, during);
}

#[tokio::test]
async fn only_what_was_proved_not_started_is_started_by_the_next_delivery() {
    let emulator = emulator().await;
    let webhook = Webhook::start(&emulator).await;
    let trigger = "triggerDinoaiAgentRun";
    emulator
        .add_fault(Fault::redirect("/elsewhere").on(trigger))
        .unwrap();
    emulator
        .add_fault(Fault::reset().after_execution().on(trigger))
        .unwrap();

    let (status, _) = webhook.sender.deliver("orders-1").await;
    assert_eq!((status, emulator.runs().len()), (503, 0));
    // Executed, and the answer is lost: for good.
    for _ in 0..2 {
        let (status, answer) = webhook.sender.deliver("orders-1").await;
        assert_eq!((status, emulator.runs().len()), (502, 1), "{answer}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_shutdown_awaits_the_runs_under_way_and_posts_their_results() {
    let emulator = emulator().await;
    let mut webhook = Webhook::start(&emulator).await;
    webhook.sender.deliver("orders-1").await;
    webhook.program.press_ctrl_c();
    webhook.program.line_with("Starting no more runs").await;
    emulator.advance(MINUTE);
    assert_eq!(webhook.result().await["delivery"], "orders-1");
    let (status, _) = webhook.program.end().await;
    assert!(status.success());
}

#[cfg(unix)]
#[tokio::test]
async fn a_shutdown_starts_nothing_that_has_not_left() {
    let emulator = emulator().await;
    let webhook = Webhook::start(&emulator).await;
    // The trigger pauses before its second attempt.
    let busy = Fault::too_many_requests().retry_after("2");
    emulator
        .add_fault(busy.on("triggerDinoaiAgentRun"))
        .unwrap();
    let sender = webhook.sender.clone();
    let delivered = tokio::spawn(async move { sender.deliver("orders-1").await });
    until("the first attempt", || emulator.faults().is_empty()).await;
    webhook.program.press_ctrl_c();

    let (status, _) = delivered.await.unwrap();
    assert_eq!(status, 503);
    let (status, _) = webhook.program.end().await;
    assert!(status.success());
    assert!(emulator.runs().is_empty());
}
