//! What the tests share: a small caller of the emulator, and its responses taken apart.

use std::time::Duration;

use dinoai_emulator::{Emulator, Scenario, Stage};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

pub(crate) const TRIGGER: &str = "mutation Trigger($agent: String, $message: String, $slack: DinoAiAgentSlackInput) {
    triggerDinoaiAgentRun(agent: $agent, message: $message, slack: $slack) { ok agentSessionId status }
}";

pub(crate) const RUN: &str = "query Run($id: String!) {
    dinoaiAgentRun(agentSessionId: $id) {
        ok agentSessionId status messages { ts role content } childSessionIds workspaceUid
    }
}";

pub(crate) const SEND: &str = "mutation Send($id: String!, $message: String!) {
    sendDinoaiAgentMessage(agentSessionId: $id, message: $message) { ok agentSessionId status }
}";

pub(crate) const STOP: &str = "mutation Stop($id: String!) {
    stopDinoaiAgentRun(agentSessionId: $id) { ok status }
}";

pub(crate) const STEPS: &str =
    "query Steps($id: String!, $after: Int, $includeToolIo: Boolean, $maxChars: Int) {
    dinoaiAgentRun(agentSessionId: $id) {
        ok
        status
        steps(after: $after, includeToolIo: $includeToolIo, maxChars: $maxChars) {
            index role toolName toolInput content truncated
        }
        startupSteps { label done }
    }
}";

pub(crate) const WORKSPACES: &str = "{ listWorkspaces { workspaces { uid name } } }";

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Response {
    /// The value of the only root field.
    pub(crate) fn root(&self) -> &Value {
        let data = self.body["data"].as_object().expect(&self.text);
        assert_eq!(data.len(), 1, "{}", self.text);
        data.values().next().unwrap()
    }

    pub(crate) fn messages(&self) -> Vec<&str> {
        self.body["errors"]
            .as_array()
            .map(|errors| {
                errors
                    .iter()
                    .map(|error| error["message"].as_str().unwrap())
                    .collect()
            })
            .unwrap_or_default()
    }

    pub(crate) fn content_type(&self) -> &str {
        self.headers["content-type"].to_str().unwrap()
    }
}

pub(crate) async fn response_to(request: reqwest::RequestBuilder) -> Response {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await.unwrap();
    Response {
        status,
        headers,
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
    }
}

pub(crate) fn client() -> reqwest::Client {
    // Without gzip whatever the other crates of a build turn on, so that responses are seen as sent.
    let builder = reqwest::Client::builder().no_proxy().no_gzip();
    builder.build().unwrap()
}

/// A POST without credentials.
pub(crate) fn bare(emulator: &Emulator) -> reqwest::RequestBuilder {
    client().post(emulator.endpoint())
}

/// A POST with the key and the secret.
pub(crate) fn post(emulator: &Emulator) -> reqwest::RequestBuilder {
    bare(emulator)
        .header("X-API-KEY", emulator.key())
        .header("X-API-SECRET", emulator.secret())
}

pub(crate) async fn call(emulator: &Emulator, query: &str, variables: Value) -> Response {
    response_to(post(emulator).json(&json!({ "query": query, "variables": variables }))).await
}

/// Whether requests have come, and none of them was executed.
pub(crate) fn none_was_executed(emulator: &Emulator) -> bool {
    let requests = emulator.requests();
    !requests.is_empty() && requests.iter().all(|request| !request.executed)
}

/// Triggers a run of this agent with the message "Check it." and returns its session id.
pub(crate) async fn trigger(emulator: &Emulator, agent: &str) -> String {
    let variables = json!({ "agent": agent, "message": "Check it." });
    let response = call(emulator, TRIGGER, variables).await;
    response.root()["agentSessionId"]
        .as_str()
        .unwrap()
        .to_owned()
}

pub(crate) async fn read(emulator: &Emulator, session_id: &str) -> Value {
    let response = call(emulator, RUN, json!({ "id": session_id })).await;
    response.root().clone()
}

/// The statuses of as many reads.
pub(crate) async fn statuses(emulator: &Emulator, session_id: &str, reads: usize) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..reads {
        let run = read(emulator, session_id).await;
        seen.push(run["status"].as_str().unwrap().to_owned());
    }
    seen
}

/// Role and content of every message.
pub(crate) fn said(run: &Value) -> Vec<(&str, &str)> {
    let messages = run["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| {
            (
                message["role"].as_str().unwrap(),
                message["content"].as_str().unwrap(),
            )
        })
        .collect()
}

/// What is wrong with the body of a POST to a path of the control.
pub(crate) async fn refused(
    emulator: &Emulator,
    path: &str,
    body: impl Into<reqwest::Body>,
) -> String {
    let request = client().post(format!("{}/{path}", emulator.control()));
    let request = request.header("Content-Type", "application/json");
    let response = response_to(request.body(body)).await;
    assert_eq!(response.status, 400, "{}", response.text);
    response.body["detail"].as_str().unwrap().to_owned()
}

/// Half a minute in which a run works, and then the end, with this message.
pub(crate) fn works_for_half_a_minute() -> Scenario {
    Scenario::new()
        .stage(Stage::new("RUNNING").lasts(Duration::from_secs(30)))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "Done.")
}

pub(crate) async fn on_a_stopped_clock(scenario: Scenario) -> Emulator {
    Emulator::builder()
        .default_scenario(scenario)
        .stopped_clock()
        .start()
        .await
        .unwrap()
}
