//! No credential and no path of the endpoint shows up in anything that can be seen: errors,
//! `Debug`, and the log of this crate and of those below it, at TRACE.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod fault_server;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use dinoai::{Client, Credentials, Error, Retry, TriggerRun};
use fault_server::{CANARY, FaultServer, Reply, SESSION, client};
use serde_json::json;
use tracing::Instrument;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Everything that was logged in this test binary, by any crate.
fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(log.clone())
            .init();
        log
    })
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Answers that repeat what the client sent, or where it sent it.
fn telltale_replies(server: &str) -> Vec<Reply> {
    let path = format!("/api/v1/{CANARY}/graphql");
    let error = json!({
        "message": format!("bad key {CANARY} at {path}"),
        "path": ["triggerDinoaiAgentRun", CANARY],
        "extensions": { CANARY: [path, { "key": CANARY }] },
    });
    let content_type = |value: String| vec![("Content-Type", value)];
    let mut replies = vec![
        Reply::ResetBefore,
        Reply::ResetAfter,
        Reply::CutBody,
        Reply::Hang,
        Reply::Good,
        Reply::too_many_requests("90"),
        Reply::json(200, &json!({ "errors": [error] })),
        Reply::json(200, &json!({ "data": null, "errors": [error] })),
        Reply::json(
            200,
            &json!({ "data": { "triggerDinoaiAgentRun": { "ok": CANARY } }, "errors": [error] }),
        ),
        Reply::json(
            200,
            &json!({ "errors": [{ "message": format!("Unknown argument \"{CANARY}\" on field \"x\".") }] }),
        ),
        Reply::json(
            200,
            &json!({ "data": { "triggerDinoaiAgentRun": { "ok": CANARY }, "dinoaiAgentRun": { "ok": CANARY } } }),
        ),
        Reply::json(
            200,
            &json!({ "data": { "triggerDinoaiAgentRun": { "ok": false, "agentSessionId": "s", "status": CANARY }, "dinoaiAgentRun": { "ok": false, "status": CANARY } } }),
        ),
    ];
    for status in [200, 302, 307, 401, 403, 404, 500, 502, 503] {
        let mut headers = content_type(format!("text/html; {CANARY}"));
        headers.push(("Location", format!("{server}?{CANARY}")));
        headers.push(("X-Request-Id", format!("id-{CANARY}")));
        let text = format!("<h1>POST {path}</h1> X-API-KEY: {CANARY} Bearer prdm_wsp_{CANARY}");
        replies.push(Reply::Http(status, headers, text));
    }
    replies
}

#[tokio::test]
async fn neither_errors_nor_debug_nor_the_log_show_a_credential_or_the_path() {
    log();
    let mut failed = 0;
    for credentials in [
        Credentials::key_and_secret(CANARY, CANARY),
        Credentials::workspace_token(format!("prdm_wsp_{CANARY}")),
        Credentials::company_token(format!("prdm_cmp_{CANARY}"), "w1"),
    ] {
        let replies = telltale_replies("http://127.0.0.1:9/");
        for reply in replies {
            let server = FaultServer::start(vec![reply; 20]).await;
            let (client, _) = client(&server.endpoint(), |builder| {
                builder
                    .credentials(credentials.clone())
                    .request_timeout(Duration::from_millis(100))
                    .retry(Retry::default().with_attempts(2))
                    .http_client(|http| http.connection_verbose(true))
            });
            let session = client.session(SESSION).unwrap();
            let mut errors: Vec<Option<Error>> = vec![
                client.trigger_run(TriggerRun::agent("a")).await.err(),
                client.send_message(SESSION, "go on").await.err(),
                client.get_run(SESSION).await.err(),
                client.stop_run(SESSION).await.err(),
                session.wait().timeout(Duration::from_secs(9)).await.err(),
            ];
            let wait = client.trigger_run_and_wait(TriggerRun::agent("a"));
            let shown = format!("{client:?} {session:?} {wait:?} {credentials:?}");
            assert!(!shown.contains(CANARY), "{shown}");
            errors.push(wait.timeout(Duration::from_secs(9)).await.err());
            for error in errors.into_iter().flatten() {
                failed += 1;
                let shown = shown_with_its_sources(&error);
                assert!(!shown.contains(CANARY), "{shown}");
            }
        }
    }
    assert!(failed > 300, "only {failed} errors");
    let log = log().text();
    assert!(
        log.contains("dinoai.call") && log.contains("dinoai.wait"),
        "nothing was logged"
    );
    assert!(
        log.contains("reqwest") || log.contains("hyper"),
        "no log from below"
    );
    let line = log.lines().find(|line| line.contains(CANARY));
    assert_eq!(line, None);
}

fn shown_with_its_sources(error: &Error) -> String {
    let mut shown = format!("{error} {error:?} {error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        shown.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    shown
}

/// A token of digits comes back as a number, one with an escape is decoded on the way.
#[tokio::test]
async fn no_error_shows_the_endpoints_token_in_another_form() {
    let digits = "20261125987654";
    // Above u64: read as a double, whose digits begin with these.
    let many_digits = "98765432109876543210987654321";
    let (escaped, decoded) = ("the%2Ftoken%20of%20x", "the/token of x");
    let shown = [
        digits,
        "9876543210987654",
        "9.87654321098765",
        escaped,
        decoded,
        "the%2ftoken",
        "the/token+of",
        "the%2Ftoken+of",
    ];
    let number = |digits: &str| serde_json::from_str::<serde_json::Value>(digits).unwrap();
    let forms = json!([
        number(digits),
        number(many_digits),
        decoded,
        "?to=the%2Ftoken+of+x",
        "the%2ftoken%20of%20x",
        { digits: number(digits), decoded: { many_digits: 1 } },
    ]);
    let error = json!({ "message": "no", "path": ["x", number(digits)], "extensions": forms });
    let told = json!({ "message": "no", "extensions": { "account": forms, digits: forms } });
    let mistyped = |value: &serde_json::Value| {
        let run = json!({ "ok": value, "status": value });
        json!({ "data": { "dinoaiAgentRun": run, "triggerDinoaiAgentRun": run } })
    };
    let mut bodies = vec![
        json!({ "errors": [error, told] }),
        json!({ "data": { "dinoaiAgentRun": null, "more": forms }, "errors": [told] }),
    ];
    bodies.extend(forms.as_array().unwrap().iter().map(mistyped));
    for body in bodies {
        for status in [200, 401, 404, 503] {
            let server = FaultServer::start(vec![Reply::json(status, &body); 9]).await;
            let host = server.endpoint();
            let host = host.split("/api/").next().unwrap();
            for endpoint in [
                format!("{host}/api/{digits}/{escaped}/{many_digits}/graphql"),
                format!("{host}/graphql?a={digits}&b={escaped}&c={many_digits}"),
            ] {
                let (client, _) = client(&endpoint, |builder| builder.retry(Retry::none()));
                for error in [
                    client.get_run(SESSION).await.err(),
                    client.trigger_run(TriggerRun::agent("a")).await.err(),
                ] {
                    let error = shown_with_its_sources(&error.unwrap());
                    for secret in shown {
                        assert!(!error.contains(secret), "{secret} in {error}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_builder_and_what_it_refuses_show_nothing_either() {
    for endpoint in [
        format!("https://user:{CANARY}@api.paradime.io/graphql"),
        format!("http://api.paradime.io/{CANARY}"),
        format!("ftp://api.paradime.io/{CANARY}"),
        CANARY.to_owned(),
        format!("https://[{CANARY}"),
    ] {
        let builder = Client::builder()
            .endpoint(&endpoint)
            .credentials(Credentials::key_and_secret(CANARY, CANARY));
        let builder_shown = format!("{builder:?}");
        let error = builder.build().unwrap_err();
        let shown = format!("{builder_shown} {error} {error:?}");
        assert!(!shown.contains(CANARY), "{shown}");
    }
}

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
async fn a_span_a_call_and_one_a_wait_tell_what_the_documentation_says() {
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
    let is_told = |parts: &[&str]| {
        lines
            .iter()
            .any(|line| parts.iter().all(|part| line.contains(part)))
    };
    let session = format!("session_id=\"{SESSION}\"");
    // OpenTelemetry's names for generative AI.
    let conversation = format!("gen_ai.conversation.id=\"{SESSION}\"");
    assert!(
        is_told(&["dinoai.wait", &session, &conversation]),
        "{lines:#?}"
    );
    assert!(!is_told(&["gen_ai.operation.name"]), "nothing is started");
    for attempt in [
        "attempt=1 http.status=503 request_id=\"req-7\"",
        "attempt=2",
    ] {
        assert!(
            is_told(&[
                "dinoai.call",
                "operation=\"DinoaiAgentRunStatus\"",
                &session,
                attempt
            ]),
            "{attempt}"
        );
    }
    assert!(is_told(&["DEBUG", "trying again after a pause"]));
    assert!(is_told(&["INFO", "run status", "status=COMPLETED"]));
    // Message texts are not for logs.
    assert!(lines.iter().all(|line| !line.contains("All good.")));
}

/// The environment of a process cannot be changed from inside it without unsafe code, so these
/// tests run themselves again in a process of their own.
const IN_A_CHILD: &str = "DINOAI_TEST_ENDPOINT";

#[test]
fn a_proxy_from_the_environment_does_not_see_requests_to_this_machine() {
    if let Ok(endpoint) = std::env::var(IN_A_CHILD) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(async {
            let credentials = Credentials::key_and_secret(CANARY, CANARY);
            let client = Client::new(endpoint, credentials).unwrap();
            client.get_run(SESSION).await.unwrap();
            client.trigger_run(TriggerRun::agent("a")).await.unwrap();
        });
    }

    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(FaultServer::start([]));
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_proxy_from_the_environment_does_not_see_requests_to_this_machine",
        ])
        .env(IN_A_CHILD, server.endpoint())
        .envs(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, &proxy_url)))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(server.arrived(), 2);
    assert!(proxy.accept().is_err(), "the proxy was connected to");
}

/// Proves that the proxy of the test above would be used if it were not for loopback.
#[tokio::test]
async fn a_proxy_that_the_caller_sets_is_used_for_other_machines() {
    let asked = asked_of_a_proxy("https://api.example/graphql").await;
    assert!(asked.starts_with("CONNECT api.example:443"), "{asked}");
}

/// A name below `localhost` is whatever a resolver says, so it is a name like any other.
#[tokio::test]
async fn a_proxy_is_used_for_names_below_localhost_and_not_for_localhost() {
    let asked = asked_of_a_proxy("https://api.localhost/graphql").await;
    assert!(asked.starts_with("CONNECT api.localhost:443"), "{asked}");
    // No server listens at that port.
    assert_eq!(asked_of_a_proxy("https://localhost:9/graphql").await, "");
}

/// The start of what a proxy that the caller sets is asked for; empty where it is asked nothing.
async fn asked_of_a_proxy(endpoint: &str) -> String {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        let mut start = [0; 64];
        let length = stream.read(&mut start).unwrap();
        String::from_utf8_lossy(&start[..length]).into_owned()
    });
    let (client, _) = client(endpoint, |builder| {
        builder.retry(Retry::none()).http_client(move |http| {
            let proxy = reqwest::Proxy::all(format!("http://{address}"));
            http.proxy(proxy.unwrap())
        })
    });
    let error = client.trigger_run(TriggerRun::agent("a")).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    // Where nothing has come, this ends the thread.
    drop(TcpStream::connect(address));
    asked.join().unwrap()
}
