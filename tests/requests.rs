//! What goes over the wire for each call, to the letter, and what its answer becomes.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Write;
use std::sync::{Arc, Mutex};

use dinoai::time::VirtualClock;
use dinoai::{Client, ClientBuilder, Credentials, Error, RunStatus, StepOptions, TriggerRun};
use flate2::Compression;
use flate2::write::GzEncoder;
use httpmock::{HttpMockRequest, HttpMockResponse, MockServer};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/company-of-the-test/graphql";

#[tokio::test]
async fn a_trigger_of_an_agent() {
    insta::assert_snapshot!(trigger(TriggerRun::agent("data-quality-checker")).await);
}

#[tokio::test]
async fn a_trigger_of_an_agent_with_a_message() {
    let request = TriggerRun::agent("data-quality-checker").with_message("Focus on stg_orders");
    insta::assert_snapshot!(trigger(request).await);
}

#[tokio::test]
async fn a_trigger_by_a_message_alone() {
    insta::assert_snapshot!(trigger(TriggerRun::message("Which tests fail?")).await);
}

#[tokio::test]
async fn a_trigger_that_reports_to_slack() {
    let request = TriggerRun::agent("data-quality-checker")
        .with_message("Focus on stg_orders")
        .with_slack("C0123456789", "1714142436.001200");
    insta::assert_snapshot!(trigger(request).await);
}

#[tokio::test]
async fn a_trigger_on_a_base_branch() {
    let request = TriggerRun::agent("data-quality-checker").with_base_branch("release/1.4");
    insta::assert_snapshot!(trigger(request).await);
}

#[tokio::test]
async fn a_trigger_on_a_model_family() {
    let request = TriggerRun::agent("data-quality-checker").with_model_family("family-1");
    insta::assert_snapshot!(trigger(request).await);
}

#[tokio::test]
async fn a_trigger_with_everything() {
    let request = TriggerRun::agent("data-quality-checker")
        .with_message("Focus on stg_orders")
        .with_slack("C0123456789", "1714142436.001200")
        .with_base_branch("release/1.4")
        .with_model_family("family-1");
    insta::assert_snapshot!(trigger(request).await);
}

#[tokio::test]
async fn a_follow_up_message() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client
        .send_message("xwzdneft6emspe0f", "Now also check stg_customers.")
        .await
        .unwrap();
    insta::assert_snapshot!(shown(&api.only_request()));
}

#[tokio::test]
async fn a_read_of_a_run() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client.get_run("xwzdneft6emspe0f").await.unwrap();
    insta::assert_snapshot!(shown(&api.only_request()));
}

#[tokio::test]
async fn a_stop_of_a_run() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client.stop_run("xwzdneft6emspe0f").await.unwrap();
    insta::assert_snapshot!(shown(&api.only_request()));
}

#[tokio::test]
async fn a_poll_of_a_wait() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client
        .session("xwzdneft6emspe0f")
        .unwrap()
        .wait()
        .await
        .unwrap();
    insta::assert_snapshot!(shown(&api.requests()[0]));
}

#[tokio::test]
async fn a_read_of_steps() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let options = StepOptions::default()
        .with_after(7)
        .with_tool_io()
        .with_max_chars(300);
    let read = client.get_run_steps("xwzdneft6emspe0f", options).await;
    assert_eq!(read.unwrap().steps, Some(vec![]));
    insta::assert_snapshot!(shown(&api.only_request()));
}

#[tokio::test]
async fn a_read_of_all_steps_sends_the_id_alone() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client
        .get_run_steps("xwzdneft6emspe0f", StepOptions::default())
        .await
        .unwrap();
    let variables = &body(&api.only_request())["variables"];
    assert_eq!(*variables, json!({ "id": "xwzdneft6emspe0f" }));
}

#[tokio::test]
async fn a_poll_of_a_watch() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let session = client.session("xwzdneft6emspe0f").unwrap();
    session.watch().events().next().await.unwrap().unwrap();
    insta::assert_snapshot!(shown(&api.requests()[0]));
}

#[tokio::test]
async fn a_status_is_read_as_a_wait_polls_it() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let session = client.session("xwzdneft6emspe0f").unwrap();
    let status = session.status().await.unwrap();
    let first = shown(&api.only_request());
    session.wait().await.unwrap();
    assert_eq!(shown(&api.requests()[1]), first);
    assert!(status.is_terminal(), "{status}");
}

#[tokio::test]
async fn a_poll_of_many_runs() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let ids = ["xwzdneft6emspe0f", "b2v9q1m4k7c3x8za"];
    client
        .wait_all(ids)
        .unwrap()
        .results()
        .next()
        .await
        .unwrap()
        .1
        .unwrap();
    insta::assert_snapshot!(shown(&api.requests()[0]));
}

#[tokio::test]
async fn a_wait_triggers_once_polls_the_status_and_reads_the_run_once() {
    let api = Api::start().await;
    api.answer_in_turn("DinoaiAgentRunStatus", ["QUEUED", "RUNNING", "COMPLETED"]);
    let client = api.client().build().unwrap();
    let run = client
        .trigger_run_and_wait(TriggerRun::agent("data-quality-checker"))
        .await
        .unwrap();
    assert_eq!(run.status, RunStatus::Completed);

    let sent: Vec<Value> = api
        .requests()
        .iter()
        .map(|request| body(request)["operationName"].clone())
        .collect();
    assert_eq!(
        sent,
        [
            "TriggerDinoaiAgentRun",
            "DinoaiAgentRunStatus",
            "DinoaiAgentRunStatus",
            "DinoaiAgentRunStatus",
            "DinoaiAgentRun",
        ]
    );
    for poll in &api.requests()[1..] {
        assert_eq!(body(poll)["variables"], json!({ "id": "xwzdneft6emspe0f" }));
    }
}

#[tokio::test]
async fn a_trigger_that_sets_only_agent_and_message_sends_only_those_and_the_pages_document() {
    let api = Api::start().await;
    let request = TriggerRun::agent("data-quality-checker").with_message("Focus on stg_orders");
    let client = api.client().build().unwrap();
    client.trigger_run(request).await.unwrap();
    assert_eq!(
        body(&api.only_request()),
        json!({
            "operationName": "TriggerDinoaiAgentRun",
            "query": include_str!("../graphql/trigger_dinoai_agent_run.graphql"),
            "variables": { "agent": "data-quality-checker", "message": "Focus on stg_orders" },
        })
    );
}

#[tokio::test]
async fn texts_arrive_as_they_were_given() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let text =
        "  a \"quoted\" \\ backslash,\r\n\ta tab, \u{0}, \u{7f}, \u{2028}, ü, 漢字, 🦕 $agent  ";
    let request = TriggerRun::agent(text)
        .with_message(text)
        .with_slack(text, text)
        .with_base_branch(text)
        .with_model_family(text);
    client.trigger_run(request).await.unwrap();
    assert_eq!(
        body(&api.only_request())["variables"],
        json!({
            "agent": text,
            "message": text,
            "slack": { "channel": text, "threadTs": text },
            "baseBranch": text,
            "modelFamily": text,
        })
    );
}

#[tokio::test]
async fn each_kind_of_credentials_has_its_headers() {
    let mut sent = vec![];
    for (kind, credentials) in [
        ("key and secret", key_and_secret()),
        (
            "key and secret, with a workspace",
            key_and_secret().with_workspace_uid("workspace-of-the-test"),
        ),
        (
            "workspace token",
            Credentials::workspace_token("prdm_wsp_token-of-the-test"),
        ),
        (
            "workspace token, with a workspace",
            Credentials::workspace_token("prdm_wsp_token-of-the-test")
                .with_workspace_uid("workspace-of-the-test"),
        ),
        (
            "company token",
            Credentials::company_token("prdm_cmp_token-of-the-test", "workspace-of-the-test"),
        ),
    ] {
        let api = Api::start().await;
        let client = api.client().credentials(credentials).build().unwrap();
        client.get_run("xwzdneft6emspe0f").await.unwrap();
        sent.push(format!("{kind}\n{}", headers(&api.only_request())));
    }
    insta::assert_snapshot!(sent.join("\n"));
}

#[tokio::test]
async fn every_operation_sends_the_same_headers() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let id = "xwzdneft6emspe0f";
    client.get_run(id).await.unwrap();
    client.stop_run(id).await.unwrap();
    client.send_message(id, "Go on.").await.unwrap();
    client
        .trigger_run_and_wait(TriggerRun::agent("a").with_base_branch("b"))
        .await
        .unwrap();
    let requests = api.requests();
    assert_eq!(requests.len(), 6);
    for request in &requests {
        assert_eq!(headers(request), headers(&requests[0]));
    }
}

#[tokio::test]
async fn graphql_over_http_is_asked_for() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client.get_run("xwzdneft6emspe0f").await.unwrap();
    assert_eq!(
        header(&api.only_request(), "accept"),
        "application/graphql-response+json, application/json;q=0.9"
    );
}

#[tokio::test]
async fn a_user_agent_suffix_follows_the_librarys_name() {
    let api = Api::start().await;
    let client = api
        .client()
        .user_agent_suffix("nightly-checks/1.4")
        .build()
        .unwrap();
    client.get_run("xwzdneft6emspe0f").await.unwrap();
    let expected = concat!("dinoai/", env!("CARGO_PKG_VERSION"), " nightly-checks/1.4");
    assert_eq!(header(&api.only_request(), "user-agent"), expected);
}

#[tokio::test]
async fn a_compressed_answer_is_read() {
    let mut gzip = GzEncoder::new(vec![], Compression::default());
    gzip.write_all(answer("DinoaiAgentRun").to_string().as_bytes())
        .unwrap();
    let compressed = gzip.finish().unwrap();
    let server = MockServer::start_async().await;
    let mock = server
        .mock_async(|when, then| {
            when.header("accept-encoding", "gzip");
            then.status(200)
                .header("content-type", "application/json")
                .header("content-encoding", "gzip")
                .body(&compressed[..]);
        })
        .await;
    let client = Client::new(server.url(PATH), key_and_secret()).unwrap();
    let run = client.get_run("xwzdneft6emspe0f").await.unwrap();
    assert_eq!(run.answer(), Some("All **good**."));
    assert_eq!(mock.calls(), 1);
}

#[tokio::test]
async fn an_accepted_trigger_becomes_an_accepted() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let accepted = client.trigger_run(TriggerRun::agent("a")).await.unwrap();
    assert_eq!(accepted.session_id.as_str(), "xwzdneft6emspe0f");
    assert_eq!(accepted.status, "queued");
    assert_eq!(accepted.warning, None);

    let with_options = TriggerRun::agent("a").with_model_family("no-such-family");
    let accepted = client.trigger_run(with_options.clone()).await.unwrap();
    assert_eq!(accepted.session_id.as_str(), "xwzdneft6emspe0f");
    assert_eq!(accepted.status, "queued");
    assert_eq!(accepted.warning.as_deref(), Some("The default was taken."));

    let session = client.start(with_options).await.unwrap();
    assert_eq!(session.id().as_str(), "xwzdneft6emspe0f");
    assert_eq!(session.warning(), Some("The default was taken."));
}

#[tokio::test]
async fn an_accepted_follow_up_becomes_an_accepted() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let accepted = client
        .send_message("xwzdneft6emspe0f", "Go on.")
        .await
        .unwrap();
    assert_eq!(accepted.session_id.as_str(), "xwzdneft6emspe0f");
    assert_eq!(accepted.status, "queued");
    assert_eq!(accepted.warning, None);
}

#[tokio::test]
async fn a_stop_becomes_an_accepted_with_the_apis_word() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let stopped = client.stop_run("xwzdneft6emspe0f").await.unwrap();
    assert_eq!(stopped.session_id.as_str(), "xwzdneft6emspe0f");
    assert_eq!(stopped.status, "STOPPED");
    assert_eq!(stopped.warning, None);
}

#[tokio::test]
async fn a_run_is_read_with_all_its_fields_in_the_apis_order() {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    let run = client.get_run("xwzdneft6emspe0f").await.unwrap();
    assert_eq!(run.session_id.as_str(), "xwzdneft6emspe0f");
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(run.workspace_uid, "w1");
    let children: Vec<_> = run.child_session_ids.iter().map(|id| id.as_str()).collect();
    assert_eq!(children, ["child2", "child1"]);
    let messages: Vec<_> = run
        .messages
        .iter()
        .map(|message| (message.ts, message.role.as_str(), message.content.as_str()))
        .collect();
    assert_eq!(
        messages,
        [
            (1714142437.25, "assistant", "All **good**."),
            (1714142436.0012, "user", "Focus on stg_orders"),
        ]
    );

    let mut stored = answer("DinoaiAgentRun")["data"]["dinoaiAgentRun"].clone();
    stored.as_object_mut().unwrap().remove("ok");
    assert_eq!(serde_json::to_value(&run).unwrap(), stored);
}

#[tokio::test]
async fn ok_false_is_not_accepted_whatever_was_asked() {
    let api = Api::start().await;
    api.deny();
    let client = api.client().build().unwrap();
    let id = "xwzdneft6emspe0f";
    let plain = TriggerRun::agent("a");
    let with_options = plain.clone().with_base_branch("b");
    for refused in [
        client.trigger_run(plain).await.unwrap_err(),
        client.trigger_run(with_options).await.unwrap_err(),
        client.send_message(id, "Go on.").await.unwrap_err(),
        client.get_run(id).await.unwrap_err(),
        client.stop_run(id).await.unwrap_err(),
        client.session(id).unwrap().wait().await.unwrap_err(),
    ] {
        assert!(matches!(refused, Error::NotAccepted { .. }), "{refused:?}");
        assert!(!refused.is_retryable());
        // A session id beside it leaves open what came of a trigger or a follow-up.
        let named = ["Trigger", "Send"].map(|name| format!("{refused:?}").contains(name));
        assert_eq!(
            refused.may_have_started(),
            named.contains(&true),
            "{refused:?}"
        );
    }
    assert_eq!(api.requests().len(), 6);
}

/// An API that keeps what it was sent.
struct Api {
    server: MockServer,
    behaviour: Arc<Mutex<Behaviour>>,
}

#[derive(Default)]
struct Behaviour {
    requests: Vec<HttpMockRequest>,
    statuses: Vec<(&'static str, Value)>,
    denies: bool,
}

impl Api {
    async fn start() -> Self {
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
    fn client(&self) -> ClientBuilder {
        Client::builder()
            .endpoint(self.server.url(PATH))
            .credentials(key_and_secret())
            .clock(VirtualClock::new())
    }

    /// Has an operation answered with these statuses, and then with its usual one.
    fn answer_in_turn<const N: usize>(&self, operation: &'static str, statuses: [&str; N]) {
        let statuses = statuses.map(|status| (operation, json!(status)));
        self.behaviour.lock().unwrap().statuses.extend(statuses);
    }

    /// Has everything answered with `ok: false`.
    fn deny(&self) {
        self.behaviour.lock().unwrap().denies = true;
    }

    fn requests(&self) -> Vec<HttpMockRequest> {
        self.behaviour.lock().unwrap().requests.clone()
    }

    fn only_request(&self) -> HttpMockRequest {
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
fn answer(operation: &str) -> Value {
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
        other => panic!("an operation that this API does not have: {other}"),
    };
    json!({ "data": data })
}

fn key_and_secret() -> Credentials {
    Credentials::key_and_secret("key-of-the-test", "secret-of-the-test")
}

/// The one request that a trigger sends.
async fn trigger(request: TriggerRun) -> String {
    let api = Api::start().await;
    let client = api.client().build().unwrap();
    client.trigger_run(request).await.unwrap();
    shown(&api.only_request())
}

/// A request as people read it: the document last, with its lines.
fn shown(request: &HttpMockRequest) -> String {
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
fn headers(request: &HttpMockRequest) -> String {
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

fn header(request: &HttpMockRequest, name: &str) -> String {
    let values: Vec<_> = request
        .headers_vec()
        .iter()
        .filter(|(sent, _)| sent == name)
        .map(|(_, value)| value.clone())
        .collect();
    values.join(" and ")
}

fn body(request: &HttpMockRequest) -> Value {
    serde_json::from_slice(request.body_ref()).unwrap()
}
