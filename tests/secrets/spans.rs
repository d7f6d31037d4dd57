//! The spans are those of the documentation.

use dinoai::TriggerRun;
use serde_json::json;
use tracing::Instrument;

use crate::log::log;
use crate::own::{OwnRead, read_of};
use crate::support::fault_server::{FaultServer, Reply, SESSION};

#[tokio::test]
async fn spans_that_start_something_have_opentelemetrys_names() {
    let log = log();
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let span = tracing::info_span!("the-test-of-starting-spans");
    let work = async {
        let request = TriggerRun::agent("data-quality-checker");
        client.trigger_run_and_wait(request).await.unwrap();
        let session = client.session(SESSION).unwrap();
        // How the turn ends does not matter.
        drop(session.ask("Go on.").await);
    };
    work.instrument(span).await;
    let log = log.text();
    let lines = log
        .lines()
        .filter(|line| line.contains("the-test-of-starting-spans"));
    let lines: Vec<_> = lines.collect();
    let has = |parts: &[&str]| {
        let mut lines = lines.iter();
        lines.any(|line| parts.iter().all(|part| line.contains(part)))
    };
    let invokes = "gen_ai.operation.name=\"invoke_agent\"";
    let agent = "gen_ai.agent.name=\"data-quality-checker\"";
    let conversation = format!("gen_ai.conversation.id=\"{SESSION}\"");
    let trigger = "operation=\"TriggerDinoaiAgentRun\"";
    assert!(has(&["dinoai.call", trigger, invokes, agent]), "{lines:#?}");
    let wait = ["dinoai.wait", invokes, agent, &conversation];
    assert!(has(&wait), "{lines:#?}");
    let turn = ["dinoai.turn", invokes, &conversation];
    assert!(has(&turn), "{lines:#?}");
}

#[tokio::test]
async fn a_span_a_call_and_one_a_wait_say_what_the_documentation_says() {
    let log = log();
    let id = vec![
        ("X-Request-Id", "req-7".to_owned()),
        ("Retry-After", "0".to_owned()),
    ];
    let server = FaultServer::start([Reply::Http(503, id, String::new())]).await;
    let (client, _) = server.client();
    let span = tracing::info_span!("the-test-of-spans");
    client
        .session(SESSION)
        .unwrap()
        .wait()
        .into_future()
        .instrument(span)
        .await
        .unwrap();
    let log = log.text();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("the-test-of-spans"))
        .collect();
    let has_line = |parts: &[&str]| {
        lines
            .iter()
            .any(|line| parts.iter().all(|part| line.contains(part)))
    };
    let session = format!("session_id=\"{SESSION}\"");
    // OpenTelemetry's names for generative AI.
    let conversation = format!("gen_ai.conversation.id=\"{SESSION}\"");
    assert!(
        has_line(&["dinoai.wait", &session, &conversation]),
        "{lines:#?}"
    );
    assert!(!has_line(&["gen_ai.operation.name"]), "nothing is started");
    for attempt in [
        "attempt=1 http.status=503 request_id=\"req-7\"",
        "attempt=2",
    ] {
        assert!(
            has_line(&[
                "dinoai.call",
                "operation=\"DinoaiAgentRunStatus\"",
                &session,
                attempt
            ]),
            "{attempt}"
        );
    }
    assert!(has_line(&["DEBUG", "trying again after a pause"]));
    assert!(has_line(&["INFO", "run status", "status=COMPLETED"]));
    // Message texts are not for logs.
    assert!(lines.iter().all(|line| !line.contains("All good.")));
}

#[tokio::test]
async fn a_document_of_ones_own_has_the_span_of_every_call() {
    let log = log();
    let id = vec![("X-Request-Id", "req-8".to_owned())];
    let run = json!({ "data": { "dinoaiAgentRun": { "ok": true, "messages": [] } } });
    let reply = Reply::Http(200, id, run.to_string());
    let server = FaultServer::start([Reply::unavailable("0"), reply]).await;
    let (client, _) = server.client();
    let span = tracing::info_span!("the-test-of-own-spans");
    let call = client.execute::<OwnRead>(read_of(SESSION)).into_future();
    call.instrument(span).await.unwrap();
    let log = log.text();
    let mut lines = log
        .lines()
        .filter(|line| line.contains("the-test-of-own-spans"));
    let parts = [
        "dinoai.call",
        "operation=\"OwnRead\"",
        "attempt=2",
        "http.status=200",
        "request_id=\"req-8\"",
    ];
    let has_all = lines.any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(has_all, "{log}");
}
