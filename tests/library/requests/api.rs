//! What the tests here share: an API that records its requests, and how a request is shown.

use std::sync::{Arc, Mutex};

use dinoai::time::VirtualClock;
use dinoai::{Client, ClientBuilder, Credentials, TriggerRun};
use httpmock::{HttpMockRequest, HttpMockResponse, MockServer};
use serde_json::{Value, json};

pub(crate) const PATH: &str = "/api/v1/company-of-the-test/graphql";

/// An API that keeps what it was sent.
pub(crate) struct Api {
    pub(crate) server: MockServer,
    pub(crate) behaviour: Arc<Mutex<Behaviour>>,
}

#[derive(Default)]
pub(crate) struct Behaviour {
    requests: Vec<HttpMockRequest>,
    statuses: Vec<(&'static str, Value)>,
    denies: bool,
}

impl Api {
    pub(crate) async fn start() -> Self {
        let behaviour = Arc::new(Mutex::new(Behaviour::default()));
        let server = MockServer::start_async().await;
        let served = behaviour.clone();
        server
            .mock_async(|when, then| {
                when.any_request();
                then.respond_with(move |request| served.lock().unwrap().respond(request));
            })
            .await;
        Self { server, behaviour }
    }

    /// A client of this API's, by a clock whose pauses take no time.
    pub(crate) fn client(&self) -> ClientBuilder {
        Client::builder()
            .endpoint(self.server.url(PATH))
            .credentials(key_and_secret())
            .clock(VirtualClock::new())
    }

    /// Has an operation answered with these statuses, and then with its usual one.
    pub(crate) fn answer_in_turn<const N: usize>(
        &self,
        operation: &'static str,
        statuses: [&str; N],
    ) {
        let statuses = statuses.map(|status| (operation, json!(status)));
        self.behaviour.lock().unwrap().statuses.extend(statuses);
    }

    /// Has everything answered with `ok: false`.
    pub(crate) fn deny(&self) {
        self.behaviour.lock().unwrap().denies = true;
    }

    pub(crate) fn requests(&self) -> Vec<HttpMockRequest> {
        self.behaviour.lock().unwrap().requests.clone()
    }

    pub(crate) fn only_request(&self) -> HttpMockRequest {
        match &self.requests()[..] {
            [request] => request.clone(),
            requests => panic!("{} requests instead of one", requests.len()),
        }
    }
}

impl Behaviour {
    fn respond(&mut self, request: &HttpMockRequest) -> HttpMockResponse {
        self.requests.push(request.clone());
        let operation = body(request)["operationName"].as_str().unwrap().to_owned();
        let mut answer = answer(&operation);
        for root in answer["data"].as_object_mut().unwrap().values_mut() {
            root["ok"] = json!(!self.denies);
            let next = self.statuses.iter().position(|(it, _)| *it == operation);
            if let Some(next) = next {
                root["status"] = self.statuses.remove(next).1;
            }
        }
        HttpMockResponse::builder()
            .status(200)
            .header("content-type", "application/json")
            .body(answer.to_string())
            .build()
    }
}

/// What the API answers to an operation that it accepts.
pub(crate) fn answer(operation: &str) -> Value {
    let data = match operation {
        "TriggerDinoaiAgentRun" => json!({ "triggerDinoaiAgentRun": {
            "ok": true,
            "agentSessionId": "xwzdneft6emspe0f",
            "status": "queued",
        }}),
        "TriggerDinoaiAgentRunWithOptions" => json!({ "triggerDinoaiAgentRun": {
            "ok": true,
            "agentSessionId": "xwzdneft6emspe0f",
            "status": "queued",
            "warning": "The default was taken.",
        }}),
        "SendDinoaiAgentMessage" => json!({ "sendDinoaiAgentMessage": {
            "ok": true,
            "agentSessionId": "xwzdneft6emspe0f",
            "status": "queued",
        }}),
        "DinoaiAgentRun" => json!({ "dinoaiAgentRun": {
            "ok": true,
            "agentSessionId": "xwzdneft6emspe0f",
            "status": "COMPLETED",
            "messages": [
                { "ts": 1714142437.25, "role": "assistant", "content": "All **good**." },
                { "ts": 1714142436.0012, "role": "user", "content": "Focus on stg_orders" },
            ],
            "childSessionIds": ["child2", "child1"],
            "workspaceUid": "w1",
        }}),
        "DinoaiAgentRunStatus" => json!({ "dinoaiAgentRun": { "ok": true, "status": "COMPLETED" }}),
        "DinoaiAgentRunDigest" => json!({ "dinoaiAgentRun": {
            "ok": true, "status": "COMPLETED", "messages": [], "childSessionIds": [],
        }}),
        "DinoaiAgentRunSteps" => json!({ "dinoaiAgentRun": {
            "ok": true, "status": "COMPLETED", "steps": [], "startupSteps": null,
        }}),
        "DinoaiAgentRunStatuses" => json!({
            "run0": { "ok": true, "status": "COMPLETED" },
            "run1": { "ok": true, "status": "COMPLETED" },
        }),
        "StopDinoaiAgentRun" => json!({ "stopDinoaiAgentRun": { "ok": true, "status": "STOPPED" }}),
        "ListWorkspaces" => json!({ "listWorkspaces": { "workspaces": [
            { "uid": "w1", "name": "Analytics" },
            { "uid": "w2", "name": "Finance" },
        ]}}),
        other => panic!("an operation that this API does not have: {other}"),
    };
    json!({ "data": data })
}

pub(crate) fn key_and_secret() -> Credentials {
    Credentials::key_and_secret("key-of-the-test", "secret-of-the-test")
}

/// The one request that a trigger sends.
pub(crate) async fn trigger(request: TriggerRun) -> String {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client.trigger_run(request).await.unwrap();
    shown(&api.only_request())
}

/// A request as people read it: the document last, with its lines.
pub(crate) fn shown(request: &HttpMockRequest) -> String {
    let mut body = body(request);
    let parts = body.as_object_mut().unwrap();
    let document = parts.remove("query").unwrap();
    let (method, path) = (request.method(), request.uri().path().to_owned());
    let mut shown = format!(
        "{method} {path} {:?}\n{}",
        request.version(),
        headers(request)
    );
    for (name, part) in parts {
        shown += &format!("\n{name}: {part:#}");
    }
    shown + "\nquery:\n" + document.as_str().unwrap()
}

/// The headers without those that differ from test to test and from release to release.
pub(crate) fn headers(request: &HttpMockRequest) -> String {
    let mut headers: Vec<_> = request
        .headers_vec()
        .iter()
        .filter(|(name, _)| name != "host" && name != "content-length")
        .collect();
    headers.sort();
    let lines = headers
        .into_iter()
        .map(|(name, value)| format!("{name}: {value}\n"));
    let version = concat!("dinoai/", env!("CARGO_PKG_VERSION"));
    lines
        .collect::<String>()
        .replace(version, "dinoai/[version]")
}

pub(crate) fn header(request: &HttpMockRequest, name: &str) -> String {
    let values: Vec<_> = request
        .headers_vec()
        .iter()
        .filter(|(sent, _)| sent == name)
        .map(|(_, value)| value.clone())
        .collect();
    values.join(" and ")
}

pub(crate) fn body(request: &HttpMockRequest) -> Value {
    serde_json::from_slice(request.body_ref()).unwrap()
}
