//! What `GUIDE.md` shows, word for word below this line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage, Step};
use serde_json::{Value, json};

/// The code under test: asks an agent, and waits for what it says.
struct Checker {
    http: reqwest::Client,
    endpoint: String,
    key: String,
    secret: String,
    pause: Duration,
}

impl Checker {
    async fn ask(&self, agent: &str, message: &str) -> Result<String, String> {
        let trigger = "mutation Ask($agent: String, $message: String) {
            triggerDinoaiAgentRun(agent: $agent, message: $message) { agentSessionId }
        }";
        let variables = json!({ "agent": agent, "message": message });
        // Never sent again: a second one could start a second run.
        let started = self.call(trigger, variables).await?;
        let id = &started["triggerDinoaiAgentRun"]["agentSessionId"];
        let read = "query Read($id: String!) {
            dinoaiAgentRun(agentSessionId: $id) { status messages { role content } }
        }";
        loop {
            // A poll that fails is made up for by the next one.
            if let Ok(response) = self.call(read, json!({ "id": id })).await {
                let run = &response["dinoaiAgentRun"];
                let last = run["messages"].as_array().and_then(|all| all.last());
                let said = last.and_then(|last| last["content"].as_str());
                match run["status"].as_str() {
                    Some("COMPLETED") => return Ok(said.unwrap_or_default().to_owned()),
                    Some("FAILED" | "STOPPED" | "EXPIRED") => {
                        return Err(said.unwrap_or_default().to_owned());
                    }
                    // Whatever else it is, it is not an end.
                    _ => {}
                }
            }
            tokio::time::sleep(self.pause).await;
        }
    }

    async fn call(&self, query: &str, variables: Value) -> Result<Value, String> {
        let request = self
            .http
            .post(&self.endpoint)
            .header("X-API-KEY", &self.key)
            .header("X-API-SECRET", &self.secret)
            .json(&json!({ "query": query, "variables": variables }));
        let response = request.send().await.map_err(|error| error.to_string())?;
        let response = response
            .error_for_status()
            .map_err(|error| error.to_string())?;
        let mut body: Value = response.json().await.map_err(|error| error.to_string())?;
        match body["errors"][0]["message"].as_str() {
            Some(message) => Err(message.to_owned()),
            None => Ok(body["data"].take()),
        }
    }
}

/// The code under test, pointed at an emulator, and in a hurry.
fn checker(emulator: &Emulator) -> Checker {
    Checker {
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        endpoint: emulator.endpoint().to_owned(),
        key: emulator.key().to_owned(),
        secret: emulator.secret().to_owned(),
        pause: Duration::from_millis(1),
    }
}

#[tokio::test]
async fn what_the_agent_says_at_the_end_is_the_answer() {
    let emulator = Emulator::builder()
        .scenario(
            "data-quality-checker",
            Scenario::new()
                .stage(Stage::new("QUEUED").reads(2))
                .stage(Stage::new("RUNNING").reads(3))
                .step(Step::tool("run_sql_query").input("select 1").output("1"))
                .message("assistant", "I look at the tests.")
                .stage(Stage::new("COMPLETED"))
                .message("assistant", "stg_orders lacks a not_null test."),
        )
        .start()
        .await
        .unwrap();

    let answer = checker(&emulator)
        .ask("data-quality-checker", "Check stg_orders.")
        .await;

    assert_eq!(answer.unwrap(), "stg_orders lacks a not_null test.");
    let runs = emulator.runs();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].message.as_deref(), Some("Check stg_orders."));
}

#[tokio::test]
async fn a_run_that_fails_is_an_error_with_its_reason() {
    let emulator = Emulator::builder()
        .default_scenario(Scenario::failed())
        .start()
        .await
        .unwrap();
    let answer = checker(&emulator).ask("any", "Check it.").await;
    assert!(answer.unwrap_err().contains("refused the query"));
}

#[tokio::test]
async fn polls_that_fail_are_tolerated() {
    let emulator = Emulator::builder()
        .fault(Fault::unavailable().on("dinoaiAgentRun").times(2))
        .fault(Fault::cut_body().on("dinoaiAgentRun"))
        .fault(Fault::reset().on("dinoaiAgentRun"))
        .start()
        .await
        .unwrap();
    checker(&emulator).ask("any", "Check it.").await.unwrap();
    assert!(emulator.faults().is_empty());
    assert_eq!(emulator.runs().len(), 1);
}

#[tokio::test]
async fn a_trigger_whose_response_is_lost_is_not_sent_again() {
    let emulator = Emulator::builder()
        .fault(Fault::reset().after_execution().on("triggerDinoaiAgentRun"))
        .start()
        .await
        .unwrap();
    checker(&emulator)
        .ask("any", "Check it.")
        .await
        .unwrap_err();
    assert_eq!(emulator.runs().len(), 1, "it was started, and once");
    assert_eq!(emulator.requests().len(), 1);
}
