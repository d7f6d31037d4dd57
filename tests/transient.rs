//! Which failures of reads, waits and starts pass, for how long they are tolerated, how long a
//! client keeps quiet because a server asks it to, and which failures are final.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod fault_server;

use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use dinoai::{Client, Error, Event, Result, Retry, Run, SessionId, TriggerRun};
use fault_server::{
    Clock, FastClock, FaultServer, Reply, SESSION, Seen, SystemClock, VirtualClock, client,
};
use serde_json::{Value, json};
use tokio_rustls::rustls;

const TRIGGER: &str = "TriggerDinoaiAgentRun";
const SEND: &str = "SendDinoaiAgentMessage";
const STATUSES: &str = "DinoaiAgentRunStatuses";
const STATUS: &str = "DinoaiAgentRunStatus";
const READ: &str = "DinoaiAgentRun";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn request() -> TriggerRun {
    TriggerRun::agent("data-quality-checker")
}

fn try_again() -> Value {
    json!([{ "message": "Try again later" }])
}

fn with_code(code: &str) -> Value {
    json!([{ "message": "It was not to be.", "extensions": { "code": code } }])
}

/// A server of one run, and a client of it. `poll` answers each poll by the client's clock;
/// everything else is answered well.
async fn polled(
    mut poll: impl FnMut(Duration) -> Reply + Send + 'static,
) -> (FaultServer, Client, VirtualClock) {
    let clock = VirtualClock::new();
    let time = clock.clone();
    let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
        STATUS => poll(time.now()),
        _ => Reply::Good,
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| builder.clock(clock.clone()));
    (server, client, clock)
}

/// Asserts that a pause of this length was made, and hardly more.
fn assert_paused(clock: &VirtualClock, pause: Duration, case: impl std::fmt::Display) {
    let took = clock.now();
    assert!(
        took >= pause && took <= pause + pause / 10 + seconds(1),
        "{case}: {took:?} instead of {pause:?}"
    );
}

fn count(server: &FaultServer, operation: &str) -> usize {
    let operations = server.operations();
    operations.iter().filter(|name| *name == operation).count()
}

#[tokio::test]
async fn a_wait_goes_on_through_a_minute_of_503_written_in_graphql() {
    for retry_after in [Some("5"), None] {
        let outage = move |now| {
            if now >= seconds(60) {
                return Reply::Status("COMPLETED");
            }
            let reply = Reply::errors(503, &try_again());
            match retry_after {
                Some(delay) => reply.with_header("Retry-After", delay),
                None => reply,
            }
        };
        let (server, client, clock) = polled(outage).await;
        client.trigger_run_and_wait(request()).await.unwrap();
        assert!(clock.now() >= seconds(60) && clock.now() < seconds(75));
        if retry_after.is_some() {
            assert!((10..=13).contains(&count(&server, STATUS)));
        }
    }
}

#[tokio::test]
async fn a_wait_for_a_run_that_was_read_once_goes_on_as_well() {
    let (_server, client, _) = polled(|now| match now.as_secs() {
        0 => Reply::Status("RUNNING"),
        1..60 => Reply::errors(503, &try_again()).with_header("Retry-After", "5"),
        _ => Reply::Status("COMPLETED"),
    })
    .await;
    client.session(SESSION).unwrap().wait().await.unwrap();
}

/// Codes that say that a server, or one behind it, is not well.
const TRANSIENT_CODES: [&str; 5] = [
    "SERVICE_UNAVAILABLE",
    "GATEWAY_TIMEOUT",
    "REQUEST_TIMEOUT",
    "SUBREQUEST_HTTP_ERROR",
    "INTERNAL_SERVER_ERROR",
];

#[tokio::test]
async fn a_wait_goes_on_through_minutes_of_a_code_that_says_the_server_is_not_well() {
    for code in TRANSIENT_CODES {
        for body in [
            json!({ "data": null, "errors": with_code(code) }),
            json!({ "errors": with_code(code) }),
        ] {
            let (_server, client, clock) = polled(move |now| match now.as_secs() {
                0..200 => Reply::json(200, &body),
                _ => Reply::Status("COMPLETED"),
            })
            .await;
            let run = client.trigger_run_and_wait(request()).await;
            assert!(run.is_ok(), "{code}, {:?}: {run:?}", clock.now());
        }
    }
}

#[tokio::test]
async fn a_wait_goes_on_through_minutes_of_each_status_that_passes() {
    for status in [408, 425, 500, 502, 503, 504, 520, 599] {
        for reply in [
            Reply::html(status),
            Reply::errors(status, &try_again()),
            Reply::json(status, &json!({ "data": null, "errors": try_again() })),
        ] {
            let failure = reply.clone();
            let (_server, client, clock) = polled(move |now| match now.as_secs() {
                0..200 => failure.clone(),
                _ => Reply::Status("COMPLETED"),
            })
            .await;
            let run = client.trigger_run_and_wait(request()).await;
            assert!(run.is_ok(), "{reply:?}, {:?}: {run:?}", clock.now());
        }
    }
}

#[tokio::test]
async fn a_read_and_a_stop_are_sent_again_after_a_status_that_passes_whatever_its_body() {
    for status in [408, 425, 500, 502, 503, 504, 520, 599] {
        for reply in [
            Reply::Http(status, vec![], String::new()),
            Reply::html(status),
            Reply::json(status, &json!({ "detail": "no" })),
            Reply::errors(status, &try_again()),
            Reply::json(status, &json!({ "data": null, "errors": try_again() })),
        ] {
            let server = FaultServer::start(vec![reply.clone(); 3]).await;
            let (client, _) = server.client();
            let run = client.get_run(SESSION).await;
            assert!(run.is_ok(), "{reply:?}: {run:?}");
            assert_eq!(server.arrived(), 4, "{reply:?}");

            let server = FaultServer::start([reply.clone()]).await;
            let (client, _) = server.client();
            let stopped = client.stop_run(SESSION).await;
            assert!(stopped.is_ok(), "{reply:?}: {stopped:?}");
            assert_eq!(server.arrived(), 2, "{reply:?}");
        }
    }
}

#[tokio::test]
async fn a_read_that_failed_in_passing_is_said_to_be_worth_another_try() {
    for reply in [
        Reply::html(408),
        Reply::html(425),
        Reply::errors(503, &try_again()),
        Reply::errors(200, &with_code("SERVICE_UNAVAILABLE")),
        Reply::json(
            200,
            &json!({ "data": null, "errors": with_code("GATEWAY_TIMEOUT") }),
        ),
        Reply::errors(200, &with_code("RATE_LIMITED")),
    ] {
        let server = FaultServer::start(vec![reply.clone(); 4]).await;
        let (client, _) = server.client();
        let error = client.get_run(SESSION).await.unwrap_err();
        assert!(error.is_retryable(), "{reply:?}: {error:?}");
        assert!(!error.may_have_started(), "{reply:?}: {error:?}");
    }
    for reply in [
        Reply::html(404),
        Reply::errors(400, &try_again()),
        Reply::errors(200, &try_again()),
        Reply::errors(200, &with_code("GRAPHQL_VALIDATION_FAILED")),
        Reply::errors(200, &with_code("UNAUTHENTICATED")),
    ] {
        let server = FaultServer::start(vec![reply.clone(); 4]).await;
        let (client, _) = server.client();
        let error = client.get_run(SESSION).await.unwrap_err();
        assert!(!error.is_retryable(), "{reply:?}: {error:?}");
        assert_eq!(server.arrived(), 1, "{reply:?}");
    }
}

/// Responses that ask to be left alone for a while.
fn asking_for_a_pause(retry_after: &str) -> Vec<Reply> {
    [
        Reply::Http(429, vec![], String::new()),
        Reply::errors(429, &with_code("RATE_LIMITED")),
        Reply::errors(200, &with_code("RATE_LIMITED")),
        Reply::errors(200, &with_code("THROTTLED")),
        Reply::errors(400, &with_code("RATE_LIMITED")),
        Reply::html(503),
        Reply::errors(503, &try_again()),
        Reply::json(
            200,
            &json!({ "data": null, "errors": with_code("SERVICE_UNAVAILABLE") }),
        ),
    ]
    .into_iter()
    .map(|reply| reply.with_header("Retry-After", retry_after))
    .collect()
}

#[tokio::test]
async fn a_rate_limit_code_is_one_pause_of_a_wait() {
    for code in ["RATE_LIMITED", "THROTTLED"] {
        let (server, client, clock) = polled(move |now| match now.as_secs() {
            0..30 => Reply::errors(200, &with_code(code)).with_header("Retry-After", "30"),
            _ => Reply::Status("COMPLETED"),
        })
        .await;
        client.trigger_run_and_wait(request()).await.unwrap();
        assert_paused(&clock, seconds(30), code);
        assert_eq!(
            server.operations(),
            [TRIGGER, STATUS, STATUS, READ],
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_rate_limit_code_without_a_delay_is_tolerated_until_the_timeout() {
    for code in ["RATE_LIMITED", "THROTTLED"] {
        let (_server, client, clock) = polled(move |now| match now.as_secs() {
            0..200 => Reply::errors(200, &with_code(code)),
            _ => Reply::Status("COMPLETED"),
        })
        .await;
        let run = client.trigger_run_and_wait(request()).await;
        assert!(run.is_ok(), "{code}, {:?}: {run:?}", clock.now());
    }
}

#[tokio::test]
async fn a_delay_counts_beside_any_body() {
    for reply in asking_for_a_pause("7") {
        let (server, client, clock) = {
            let mut first = Some(reply.clone());
            polled(move |_| first.take().unwrap_or(Reply::Status("COMPLETED"))).await
        };
        client.trigger_run_and_wait(request()).await.unwrap();
        assert_paused(&clock, seconds(7), format_args!("{reply:?}"));
        assert_eq!(count(&server, STATUS), 2, "{reply:?}");
    }
}

#[tokio::test]
async fn a_delay_beside_any_body_is_part_of_the_error() {
    for reply in asking_for_a_pause("90") {
        let server = FaultServer::start([reply.clone()]).await;
        let (client, _) = client(&server.endpoint(), |builder| builder.retry(Retry::none()));
        let error = client.get_run(SESSION).await.unwrap_err();
        assert_eq!(
            error.retry_after(),
            Some(seconds(90)),
            "{reply:?}: {error:?}"
        );
        assert!(error.is_retryable(), "{reply:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_rate_limit_code_is_a_rate_limit_for_a_read() {
    for code in ["RATE_LIMITED", "THROTTLED"] {
        for status in [200, 400, 503] {
            let limited = Reply::errors(status, &with_code(code)).with_header("Retry-After", "7");
            let server = FaultServer::start(vec![limited.clone(); 2]).await;
            let (patient, clock) = server.client();
            patient.get_run(SESSION).await.unwrap();
            assert_eq!(server.arrived(), 3);
            assert!(clock.now() >= seconds(14), "{:?}", clock.now());

            let server = FaultServer::start([limited]).await;
            let (client, _) = client(&server.endpoint(), |builder| builder.retry(Retry::none()));
            let error = client.get_run(SESSION).await.unwrap_err();
            assert!(matches!(error, Error::RateLimited { .. }), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_delay_of_a_day_holds_a_wait_back_for_a_minute() {
    for reply in asking_for_a_pause("86400") {
        let (server, client, clock) = {
            let mut first = Some(reply.clone());
            polled(move |_| first.take().unwrap_or(Reply::Status("COMPLETED"))).await
        };
        let run = client.trigger_run_and_wait(request()).await;
        assert!(run.is_ok(), "{reply:?}: {run:?}");
        assert_paused(&clock, seconds(60), format_args!("{reply:?}"));
        assert_eq!(count(&server, STATUS), 2, "{reply:?}");
    }
}

/// A response at this time of the server's, which asks for another attempt this much later.
fn dated(status: u16, date: SystemTime, delay: Duration) -> Reply {
    Reply::Http(status, vec![], String::new())
        .with_header("Date", httpdate::fmt_http_date(date))
        .with_header("Retry-After", httpdate::fmt_http_date(date + delay))
}

#[tokio::test]
async fn a_delay_that_is_a_date_is_measured_by_the_servers_own_clock() {
    let hour = seconds(3600);
    let now = SystemTime::now();
    for (date, delay) in [
        (now + hour, seconds(2)),
        (now - hour, seconds(10)),
        (now, seconds(20)),
    ] {
        for status in [429, 503] {
            let reply = dated(status, date, delay);
            let server = FaultServer::start([reply.clone()]).await;
            let (client, clock) = server.client();
            let run = client.get_run(SESSION).await;
            assert!(run.is_ok(), "{reply:?}: {run:?}");
            assert_paused(&clock, delay, format_args!("{reply:?}"));

            let mut first = Some(reply.clone());
            let (_server, client, clock) =
                polled(move |_| first.take().unwrap_or(Reply::Status("COMPLETED"))).await;
            client.trigger_run_and_wait(request()).await.unwrap();
            assert_paused(&clock, delay, format_args!("{reply:?}"));
        }
    }
}

#[tokio::test]
async fn a_date_that_has_passed_asks_for_no_delay() {
    let date = SystemTime::now() + seconds(3600);
    let reply = Reply::Http(429, vec![], String::new())
        .with_header("Date", httpdate::fmt_http_date(date))
        .with_header("Retry-After", httpdate::fmt_http_date(date - seconds(5)));
    let server = FaultServer::start([reply]).await;
    let (client, clock) = server.client();
    client.get_run(SESSION).await.unwrap();
    assert!(clock.now() <= seconds(1), "{:?}", clock.now());
}

#[tokio::test]
async fn a_firewalls_page_after_an_hour_of_success_does_not_end_a_wait() {
    let mut page = Some(Reply::html(403));
    let (_server, client, clock) = polled(move |now| match now.as_secs() {
        0..3600 => Reply::Status("RUNNING"),
        3600..4000 => page.take().unwrap_or(Reply::Status("RUNNING")),
        _ => Reply::Status("COMPLETED"),
    })
    .await;
    let wait = client.trigger_run_and_wait(request());
    wait.timeout(seconds(7200)).await.unwrap();
    assert!(clock.now() >= seconds(4000));
}

#[tokio::test]
async fn a_key_that_is_refused_for_seconds_while_it_is_rotated_does_not_end_a_wait() {
    for refusal in [
        Reply::Http(401, vec![], String::new()),
        Reply::errors(401, &with_code("UNAUTHENTICATED")),
        Reply::errors(200, &with_code("UNAUTHENTICATED")),
    ] {
        let reply = refusal.clone();
        let (_server, client, _) = polled(move |now| match now.as_secs() {
            100..105 => reply.clone(),
            0..200 => Reply::Status("RUNNING"),
            _ => Reply::Status("COMPLETED"),
        })
        .await;
        let wait = client.trigger_run_and_wait(request());
        let run = wait.poll_interval(seconds(1)).await;
        assert!(run.is_ok(), "{refusal:?}: {run:?}");
    }
}

/// A read precedes every follow-up: from then on the key is known to be right for reads.
#[tokio::test]
async fn a_key_that_is_refused_right_after_a_follow_up_does_not_end_the_wait_for_its_turn() {
    for refusal in [
        Reply::Http(401, vec![], String::new()),
        Reply::html(403),
        Reply::errors(200, &with_code("UNAUTHENTICATED")),
    ] {
        for way in ["ask", "wait", "watch", "tree"] {
            let clock = VirtualClock::new();
            let (time, reply, mut sent_at) = (clock.clone(), refusal.clone(), None);
            let server = FaultServer::scripted(move |seen| {
                let now = time.now();
                if seen.operation == SEND {
                    sent_at = Some(now);
                    return Reply::Good;
                }
                match sent_at.map(|sent_at| (now - sent_at).as_secs()) {
                    Some(0..5) => reply.clone(),
                    Some(5..20) => Reply::Status("RUNNING"),
                    _ => Reply::Status("COMPLETED"),
                }
            })
            .await;
            let (client, _) = client(&server.endpoint(), |builder| builder.clock(clock.clone()));
            let session = client.session(SESSION).unwrap();
            let result = if way == "ask" {
                session.ask("And now?").await.map(drop)
            } else {
                session.send("And now?").await.unwrap();
                match way {
                    "wait" => session.wait().await.map(drop),
                    "tree" => session.tree().until_ended().await.map(drop),
                    _ => {
                        let mut watch = session.watch().events();
                        loop {
                            match watch.next().await.unwrap() {
                                Ok(Event::Ended(_)) => break Ok(()),
                                Ok(_) => {}
                                Err(error) => break Err(error),
                            }
                        }
                    }
                }
            };
            assert!(result.is_ok(), "{refusal:?}, {way}: {result:?}");
            assert!(clock.now() >= seconds(20), "{refusal:?}, {way}");
        }
    }
}

/// Responses to a poll that may mean the end, or a gateway's bad moment.
fn possibly_permanent() -> Vec<Reply> {
    let at_path = json!([{ "message": "No such run.", "path": [READ_FIELD] }]);
    let run = |value: Value| json!({ "data": { READ_FIELD: value } });
    vec![
        Reply::Http(401, vec![], String::new()),
        Reply::html(403),
        Reply::errors(200, &with_code("UNAUTHENTICATED")),
        Reply::html(404),
        Reply::html(302),
        Reply::errors(200, &try_again()),
        Reply::errors(400, &try_again()),
        Reply::json(
            200,
            &json!({ "data": { READ_FIELD: null }, "errors": at_path }),
        ),
        Reply::json(200, &run(Value::Null)),
        Reply::json(200, &run(json!({ "ok": false, "status": "QUEUED" }))),
        Reply::json(200, &run(json!({ "ok": true, "status": {} }))),
    ]
}

const READ_FIELD: &str = "dinoaiAgentRun";

#[tokio::test]
async fn a_failure_that_may_be_permanent_is_tolerated_for_two_minutes() {
    for reply in possibly_permanent() {
        let failure = reply.clone();
        let (_server, client, clock) = polled(move |now| match now.as_secs() {
            10..125 | 135..250 => failure.clone(),
            0..260 => Reply::Status("RUNNING"),
            _ => Reply::Status("COMPLETED"),
        })
        .await;
        let wait = client.trigger_run_and_wait(request());
        let run = wait.poll_interval(seconds(5)).await;
        assert!(run.is_ok(), "{reply:?}, {:?}: {run:?}", clock.now());
    }
}

#[tokio::test]
async fn a_failure_that_may_be_permanent_ends_a_wait_after_two_minutes_and_five_polls() {
    for (interval, least, most) in [(1, 120, 125), (60, 240, 300)] {
        for reply in possibly_permanent() {
            let failure = reply.clone();
            let failures = Arc::new(AtomicUsize::new(0));
            let counted = failures.clone();
            let (_server, client, clock) = polled(move |now| match now.as_secs() {
                0..60 => Reply::Status("RUNNING"),
                _ => {
                    counted.fetch_add(1, Ordering::Relaxed);
                    failure.clone()
                }
            })
            .await;
            let wait = client.trigger_run_and_wait(request());
            let error = wait.poll_interval(seconds(interval)).await.unwrap_err();
            assert!(
                !matches!(error, Error::WaitTimeout(_)),
                "{reply:?}: {error:?}"
            );
            assert!(error.may_have_started(), "{reply:?}: {error:?}");
            assert_eq!(error.session_id().unwrap().as_str(), SESSION);
            let lasted = clock.now().as_secs() - 60;
            assert!((least..=most).contains(&lasted), "{reply:?}: {lasted} s");
            assert!(failures.load(Ordering::Relaxed) >= 5, "{reply:?}");
        }
    }
}

#[tokio::test]
async fn a_key_that_no_read_has_succeeded_with_ends_a_wait_at_once() {
    for refusal in [
        Reply::Http(401, vec![], String::new()),
        Reply::html(403),
        Reply::errors(200, &with_code("UNAUTHENTICATED")),
    ] {
        let reply = refusal.clone();
        let (server, client, _) = polled(move |_| reply.clone()).await;
        let error = client.trigger_run_and_wait(request()).await.unwrap_err();
        assert!(
            matches!(error, Error::Unauthorized { .. }),
            "{refusal:?}: {error:?}"
        );
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(server.operations(), [TRIGGER, STATUS], "{refusal:?}");
    }
}

#[tokio::test]
async fn a_run_that_the_api_does_not_know_is_not_found() {
    let null = Reply::json(200, &json!({ "data": { READ_FIELD: null } }));
    let server = FaultServer::start(vec![null; 2]).await;
    let (client, _) = server.client();
    for result in [
        client.get_run(SESSION).await.map(drop),
        client.session(SESSION).unwrap().wait().await.map(drop),
    ] {
        let error = result.unwrap_err();
        assert!(format!("{error:?}").starts_with("NotFound"), "{error:?}");
        assert!(!error.is_retryable() && !error.may_have_started());
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    }
    assert_eq!(server.arrived(), 2);
}

#[tokio::test]
async fn a_transcript_larger_than_the_limit_is_downloaded_once() {
    let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
        READ => Reply::text(200, "application/json", " ".repeat(10_000)),
        _ => Reply::Good,
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| builder.response_limit(4096));
    let error = client.trigger_run_and_wait(request()).await.unwrap_err();
    assert!(matches!(error, Error::ResponseTooLarge { .. }), "{error:?}");
    assert!(error.may_have_started() && !error.is_retryable());
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    assert_eq!(server.operations(), [TRIGGER, STATUS, READ]);
}

#[tokio::test]
async fn a_transcript_larger_than_the_limit_is_downloaded_once_among_many() {
    let mut many = Many::default();
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == READ && seen.variables["id"] == "run-1" {
            return Reply::text(200, "application/json", " ".repeat(10_000));
        }
        many.answer(seen, "COMPLETED")
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .response_limit(4096)
            .clock(FastClock::with_second(Duration::from_millis(5)))
    });
    let results = wait_for_all(&client, 3).await;
    let error = results["run-1"].as_ref().unwrap_err();
    assert!(matches!(error, Error::ResponseTooLarge { .. }), "{error:?}");
    assert!(results["run-0"].is_ok() && results["run-2"].is_ok());
    assert_eq!(count(&server, READ), 3);
}

/// A server that speaks TLS with the certificate of this name, and the number of connections to
/// it.
///
/// The certificates in `tests/tls` were made with `openssl ca -selfsign` and one key. `valid` is
/// so until 2124; `expired` was valid in January 2020.
async fn tls_server(certificate: &str) -> (String, Arc<AtomicUsize>) {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(certificate_file(certificate)).unwrap()],
            PrivateKeyDer::from_pem_file(certificate_file("key")).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}/graphql", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await.ok()?;
                let mut request = vec![];
                while !request.ends_with(b"}") {
                    stream.read_buf(&mut request).await.ok()?;
                }
                let body = fault_server::good_answer(READ, "COMPLETED").to_string();
                let answer = fault_server::http_response(200, &body);
                stream.write_all(answer.as_bytes()).await.ok()?;
                stream.shutdown().await.ok()
            });
        }
    });
    (endpoint, connections)
}

fn certificate_file(name: &str) -> String {
    format!("{}/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"))
}

fn certificates(names: &[&str]) -> Vec<reqwest::Certificate> {
    names
        .iter()
        .map(|name| {
            let pem = std::fs::read(certificate_file(name)).unwrap();
            reqwest::Certificate::from_pem(&pem).unwrap()
        })
        .collect()
}

/// What comes of a read, a trigger and a follow-up with the same client.
async fn of_every_kind(client: &Client) -> [Result<()>; 3] {
    [
        client.get_run(SESSION).await.map(drop),
        client.trigger_run(request()).await.map(drop),
        client.send_message(SESSION, "go on").await.map(drop),
    ]
}

#[tokio::test]
async fn a_certificate_that_is_trusted_is_no_obstacle() {
    let (endpoint, connections) = tls_server("valid").await;
    let (client, _) = client(&endpoint, |builder| {
        builder
            .request_timeout(seconds(10))
            .connect_timeout(seconds(5))
            .http_client(|http| http.tls_certs_only(certificates(&["valid"])))
    });
    client.get_run(SESSION).await.unwrap();
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_certificate_that_is_refused_is_met_once_and_named() {
    for (certificate, trusted) in [("valid", &[][..]), ("expired", &["expired"])] {
        let (endpoint, connections) = tls_server(certificate).await;
        let (client, clock) = client(&endpoint, |builder| {
            builder
                .request_timeout(seconds(10))
                .connect_timeout(seconds(5))
                .http_client(|http| http.tls_certs_only(certificates(trusted)))
        });
        for result in of_every_kind(&client).await {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
            assert!(
                !error.may_have_started() && !error.is_retryable(),
                "{error:?}"
            );
            let text = error.to_string();
            assert!(text.contains("certificate"), "{text}");
            assert!(!text.contains("check the endpoint's host"), "{text}");
        }
        assert_eq!(connections.load(Ordering::Relaxed), 3, "{certificate}");
        assert!(clock.sleeps().is_empty(), "{certificate}");
    }
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_is_asked_once_and_named() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    std::thread::spawn(move || {
        for mut stream in proxy.incoming().flatten() {
            counted.fetch_add(1, Ordering::Relaxed);
            fault_server::read_request(&mut stream).unwrap();
            let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.write_all(refusal.as_bytes());
        }
    });
    let (client, clock) = client("https://api.example/graphql", |builder| {
        builder
            .request_timeout(seconds(10))
            .connect_timeout(seconds(5))
            .http_client(move |http| http.proxy(reqwest::Proxy::all(&proxy_url).unwrap()))
    });
    for result in of_every_kind(&client).await {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
        assert!(
            !error.may_have_started() && !error.is_retryable(),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.contains("proxy"), "{text}");
        assert!(!text.contains("check the endpoint's host"), "{text}");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 3);
    assert!(clock.sleeps().is_empty());
}

/// A resolver that knows no name.
#[derive(Clone)]
struct KnowsNone(Arc<AtomicUsize>);

impl reqwest::dns::Resolve for KnowsNone {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Err(std::io::Error::other("nothing here").into()) })
    }
}

#[tokio::test]
async fn a_host_that_no_resolver_knows_is_looked_for_again_and_named() {
    let asked = KnowsNone(Arc::default());
    let resolver = asked.clone();
    let (client, clock) = client("https://api.example/graphql", |builder| {
        builder.http_client(move |http| http.no_proxy().dns_resolver(resolver.clone()))
    });
    let error = client.trigger_run(request()).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    assert!(
        error.is_retryable() && !error.may_have_started(),
        "{error:?}"
    );
    assert!(error.to_string().contains("name"), "{error}");
    assert_eq!(
        (asked.0.load(Ordering::Relaxed), clock.sleeps().len()),
        (4, 3)
    );
}

#[tokio::test]
async fn a_timeout_that_leaves_no_time_is_not_blamed_on_the_network() {
    let server = FaultServer::start([]).await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder.clock(SystemClock::new())
    });
    let wait = client.trigger_run_and_wait(request());
    let error = wait.timeout(Duration::from_nanos(1)).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    assert!(!error.may_have_started());
    let text = error.to_string();
    assert!(text.contains("no time was left"), "{text}");
    assert!(!text.contains("check the endpoint's host"), "{text}");
    assert_eq!(server.arrived(), 0);
}

/// A server on a thread that answers each read; a first connection gets one answer, and an
/// unasked 408 as soon as the test says so.
fn saying_farewell() -> (
    String,
    std::sync::mpsc::Sender<()>,
    std::sync::mpsc::Receiver<()>,
    Arc<AtomicUsize>,
) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/graphql", listener.local_addr().unwrap());
    let (say, told_to_say) = std::sync::mpsc::channel();
    let (has_said, said) = std::sync::mpsc::channel();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    std::thread::spawn(move || {
        let answer = fault_server::good_answer(READ, "COMPLETED").to_string();
        let answer = fault_server::http_response(200, &answer);
        let mut first = Some((told_to_say, has_said));
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::Relaxed);
            fault_server::read_request(&mut stream).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            let Some((told_to_say, has_said)) = first.take() else {
                continue;
            };
            told_to_say.recv().unwrap();
            let farewell = "HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\n\
                            Connection: close\r\n\r\n";
            stream.write_all(farewell.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            has_said.send(()).unwrap();
            // Read on, so that no reset takes the farewell away.
            std::thread::spawn(move || while let Ok(1..) = stream.read(&mut [0; 1024]) {});
        }
    });
    (endpoint, say, said, connections)
}

#[tokio::test]
async fn a_farewell_that_lies_in_the_socket_is_no_answer_to_the_next_read() {
    let (endpoint, say, said, connections) = saying_farewell();
    let (client, _) = client(&endpoint, |builder| builder.request_timeout(seconds(10)));
    client.get_run(SESSION).await.unwrap();
    // The connection goes back to the pool; then the server takes its leave while this runtime stands
    // still, so that nobody notices before the next read is sent.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    say.send(()).unwrap();
    said.recv().unwrap();
    client.get_run(SESSION).await.unwrap();
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

/// Answers for many runs.
#[derive(Default)]
struct Many {
    started: usize,
}

impl Many {
    /// A good answer; every status that is asked for is `status`.
    fn answer(&mut self, seen: &Seen, status: &str) -> Reply {
        match seen.operation.as_str() {
            TRIGGER => {
                self.started += 1;
                let id = format!("run-{}", self.started - 1);
                let value = json!({ "ok": true, "agentSessionId": id, "status": "queued" });
                Reply::data(&json!({ "triggerDinoaiAgentRun": value }))
            }
            STATUSES => {
                let places = 0..asked(seen).len();
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

fn is_poll(seen: &Seen) -> bool {
    [STATUSES, STATUS].contains(&seen.operation.as_str())
}

/// The runs that a poll reads.
fn asked(seen: &Seen) -> Vec<String> {
    let variables = seen.variables.as_object().unwrap().values();
    variables
        .map(|id| id.as_str().unwrap().to_owned())
        .collect()
}

async fn wait_for_all(client: &Client, count: usize) -> BTreeMap<String, Result<Run>> {
    let ids = (0..count).map(|number| SessionId::new(format!("run-{number}")).unwrap());
    let mut waits = client.wait_all(ids).unwrap().results();
    let mut results = BTreeMap::new();
    while let Some((id, result)) = waits.next().await {
        let before = results.insert(id.to_string(), result);
        assert!(before.is_none(), "{id} twice");
    }
    results
}

async fn run_all(client: &Client, count: usize, concurrency: usize) -> Vec<(usize, Result<Run>)> {
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
fn fast_client(server: &FaultServer, clock: &FastClock) -> Client {
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .request_timeout(seconds(10))
            .connect_timeout(seconds(5))
            .clock(clock.clone())
    });
    client
}

#[tokio::test]
async fn two_hundred_waits_go_through_an_outage_with_few_requests_and_lose_nothing() {
    const RUNS: usize = 200;
    for retry_after in [Some("10"), Some("5"), None] {
        let clock = FastClock::with_second(Duration::from_millis(40));
        let time = clock.clone();
        let mut many = Many::default();
        let (mut read_once, mut end) = (HashSet::new(), None);
        let server = FaultServer::scripted(move |seen| {
            if !is_poll(seen) {
                return many.answer(seen, "COMPLETED");
            }
            // The outage begins when every run has been read once.
            let Some(end) = end else {
                read_once.extend(asked(seen));
                if read_once.len() == RUNS {
                    end = Some(time.now() + seconds(30));
                }
                return many.answer(seen, "RUNNING");
            };
            if time.now() >= end {
                return many.answer(seen, "COMPLETED");
            }
            let reply = Reply::errors(503, &try_again());
            match retry_after {
                Some(delay) => reply.with_header("Retry-After", delay),
                None => reply,
            }
        })
        .await;
        let results = wait_for_all(&fast_client(&server, &clock), RUNS).await;
        let lost = results.iter().find(|(_, result)| result.is_err());
        assert!(lost.is_none(), "{retry_after:?}: {lost:?}");
        assert_eq!(results.len(), RUNS);
        assert_eq!(count(&server, READ), RUNS);
        let polls = server.seen().iter().filter(|seen| is_poll(seen)).count();
        // Without a delay to obey, four batches follow their schedules.
        let most = if retry_after.is_some() { 100 } else { 200 };
        assert!(polls <= most, "{retry_after:?}: {polls} polls");
    }
}

#[tokio::test]
async fn a_rate_limit_code_is_one_pause_for_all_waits() {
    let clock = FastClock::with_second(Duration::from_millis(20));
    let time = clock.clone();
    let arrivals = Arc::new(Mutex::new(vec![]));
    let record = arrivals.clone();
    let mut many = Many::default();
    let server = FaultServer::scripted(move |seen| {
        if !is_poll(seen) {
            return many.answer(seen, "COMPLETED");
        }
        let mut arrivals = record.lock().unwrap();
        arrivals.push(time.now());
        match arrivals.len() {
            1 => many.answer(seen, "RUNNING"),
            2 => Reply::errors(200, &with_code("RATE_LIMITED")).with_header("Retry-After", "30"),
            _ => many.answer(seen, "COMPLETED"),
        }
    })
    .await;
    let results = wait_for_all(&fast_client(&server, &clock), 20).await;
    assert!(results.values().all(Result::is_ok), "{results:?}");
    let arrivals = arrivals.lock().unwrap();
    let pause = arrivals[2] - arrivals[1];
    assert!(pause >= seconds(30) && pause < seconds(60), "{arrivals:?}");
}

#[tokio::test]
async fn one_refused_key_ends_all_starts() {
    for refusal in [
        Reply::errors(200, &with_code("UNAUTHENTICATED")),
        Reply::errors(401, &with_code("UNAUTHENTICATED")),
        Reply::Http(401, vec![], String::new()),
        Reply::html(403),
    ] {
        for concurrency in [1, 3] {
            let reply = refusal.clone();
            let server = FaultServer::scripted(move |_| reply.clone()).await;
            let clock = FastClock::with_second(Duration::from_millis(5));
            let client = fast_client(&server, &clock);
            let results = run_all(&client, 10, concurrency).await;
            assert_eq!(results.len(), 10);
            for (_, result) in &results {
                let error = result.as_ref().unwrap_err();
                assert!(!error.may_have_started(), "{error:?}");
                assert!(error.session_id().is_none(), "{error:?}");
            }
            let is_unauthorized =
                |result: &Result<Run>| matches!(result, Err(Error::Unauthorized { .. }));
            let refused = results.iter().filter(|(_, result)| is_unauthorized(result));
            assert!(refused.count() >= 1, "{results:?}");
            assert!(
                server.arrived() <= concurrency,
                "{refusal:?}, {concurrency} at a time: {} triggers",
                server.arrived()
            );
        }
    }
}

#[tokio::test]
async fn a_key_that_is_refused_in_the_middle_ends_further_starts_alone() {
    for refusal in [
        Reply::errors(200, &with_code("UNAUTHENTICATED")),
        Reply::Http(401, vec![], String::new()),
        Reply::html(403),
    ] {
        let mut many = Many::default();
        let server = FaultServer::scripted(move |seen| {
            if seen.operation == TRIGGER && many.started == 3 {
                return refusal.clone();
            }
            many.answer(seen, "COMPLETED")
        })
        .await;
        let clock = FastClock::with_second(Duration::from_millis(5));
        let results = run_all(&fast_client(&server, &clock), 10, 1).await;
        let well = results.iter().filter(|(_, result)| result.is_ok()).count();
        assert_eq!((well, count(&server, TRIGGER)), (3, 4), "{results:?}");
    }
}

#[tokio::test]
async fn three_unknown_outcomes_in_a_row_end_all_starts() {
    let mut many = Many::default();
    let mut triggers = 0;
    let server = FaultServer::scripted(move |seen| {
        if seen.operation != TRIGGER {
            return many.answer(seen, "COMPLETED");
        }
        triggers += 1;
        match triggers {
            // Two in a row do not end it.
            2 | 3 | 5.. => Reply::html(504),
            _ => many.answer(seen, "COMPLETED"),
        }
    })
    .await;
    let clock = FastClock::with_second(Duration::from_millis(5));
    let results = run_all(&fast_client(&server, &clock), 12, 1).await;
    assert_eq!(results.len(), 12);
    assert_eq!(count(&server, TRIGGER), 7);
    let unknown = |result: &Result<Run>| matches!(result, Err(error) if error.may_have_started());
    let places: Vec<_> = results
        .iter()
        .filter(|(_, result)| unknown(result))
        .map(|(place, _)| *place)
        .collect();
    assert_eq!(places, [1, 2, 4, 5, 6]);
}

/// What was certainly not started, or has an id, is no reason to start nothing more.
#[tokio::test]
async fn triggers_that_are_refused_or_that_name_their_run_do_not_end_further_starts() {
    let named = json!({ "data": { "triggerDinoaiAgentRun": {
        "agentSessionId": "run-9", "ok": true, "status": "queued",
    } } });
    for reply in [Reply::html(400), Reply::cut(200, &named.to_string())] {
        let answer = reply.clone();
        let server = FaultServer::scripted(move |_| answer.clone()).await;
        let clock = FastClock::with_second(Duration::from_millis(5));
        let results = run_all(&fast_client(&server, &clock), 6, 1).await;
        assert_eq!(count(&server, TRIGGER), 6, "{reply:?}: {results:?}");
        let is_not_started = |result: &Result<Run>| matches!(result, Err(Error::NotStarted { .. }));
        assert!(!results.iter().any(|(_, result)| is_not_started(result)));
    }
}

#[tokio::test]
async fn too_many_triggers_are_one_pause_for_triggers_and_polls_go_on() {
    const RUNS: usize = 20;
    let clock = FastClock::with_second(Duration::from_millis(50));
    let time = clock.clone();
    let during = Arc::new(Mutex::new((vec![], vec![])));
    let record = during.clone();
    let mut many = Many::default();
    let mut start: Option<Duration> = None;
    let server = FaultServer::scripted(move |seen| {
        let now = time.now();
        let is_limited = start.is_some_and(|start| now < start + seconds(30));
        let (triggers, polls) = &mut *record.lock().unwrap();
        if seen.operation != TRIGGER {
            let is_over = start.is_some_and(|start| now >= start + seconds(30));
            if is_limited && is_poll(seen) {
                polls.push(now - start.unwrap());
            }
            return many.answer(seen, if is_over { "COMPLETED" } else { "RUNNING" });
        }
        // Four are accepted, then no more for half a minute.
        if is_limited || start.is_none() && many.started == 4 {
            let start = start.get_or_insert(now);
            triggers.push((now - *start, seen.variables["message"].clone()));
            return Reply::too_many_requests("30");
        }
        many.answer(seen, "RUNNING")
    })
    .await;
    let results = run_all(&fast_client(&server, &clock), RUNS, RUNS).await;
    let well = results.iter().filter(|(_, result)| result.is_ok()).count();
    assert_eq!(well, RUNS, "{results:?}");
    let (triggers, polls) = &*during.lock().unwrap();
    // Those that were under way are turned away, each once; then all of them keep quiet.
    let turned_away: HashSet<_> = triggers.iter().map(|(_, message)| message).collect();
    assert_eq!(turned_away.len(), triggers.len(), "{triggers:?}");
    assert!(
        triggers.iter().all(|(since, _)| *since < seconds(6)),
        "{triggers:?}"
    );
    let mut last = Duration::ZERO;
    for poll in polls.iter().copied().chain([seconds(30)]) {
        assert!(
            poll - last <= seconds(12),
            "no poll for {:?}: {polls:?}",
            poll - last
        );
        last = poll;
    }
}

/// A key that may start runs and may not read them.
#[tokio::test]
async fn runs_that_the_key_must_not_read_are_started_a_few_at_most() {
    for refusal in [
        Reply::Http(401, vec![], String::new()),
        Reply::html(403),
        Reply::errors(200, &with_code("UNAUTHENTICATED")),
    ] {
        for concurrency in [1, 3] {
            let (reply, mut many) = (refusal.clone(), Many::default());
            let server = FaultServer::scripted(move |seen| match seen.operation.as_str() {
                TRIGGER => many.answer(seen, "RUNNING"),
                _ => reply.clone(),
            })
            .await;
            let clock = FastClock::with_second(Duration::from_millis(20));
            let results = run_all(&fast_client(&server, &clock), 20, concurrency).await;
            assert_eq!(results.len(), 20);
            let started = count(&server, TRIGGER);
            assert!(started <= concurrency, "{refusal:?}: {started} started");
            for (place, result) in &results {
                let error = result.as_ref().unwrap_err();
                let is_started = *place < started;
                assert_eq!(error.may_have_started(), is_started, "{place}: {error:?}");
                assert_eq!(
                    error.session_id().is_some(),
                    is_started,
                    "{place}: {error:?}"
                );
                let is_right = match error {
                    Error::Unauthorized { .. } => is_started,
                    Error::NotStarted { .. } => !is_started,
                    _ => false,
                };
                assert!(is_right, "{place}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_run_that_was_turned_away_is_not_started_once_nothing_more_is() {
    let turned_away = Arc::new(tokio::sync::Notify::new());
    let held = turned_away.clone();
    let mut triggers = 0;
    let server = FaultServer::scripted(move |seen| {
        if seen.operation != "TriggerDinoaiAgentRun" {
            return Reply::Status("RUNNING");
        }
        triggers += 1;
        match triggers {
            1 => Reply::Good,
            2 => Reply::When(held.clone(), Box::new(Reply::too_many_requests("1"))),
            3 => Reply::Http(401, vec![], String::new()),
            _ => Reply::Good,
        }
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(FastClock::with_second(Duration::from_millis(5)))
            .request_timeout(seconds(30))
            .connect_timeout(seconds(30))
    });
    let mut runs = client
        .run_all((0..3).map(|_| request()), 3)
        .timeout(seconds(60))
        .results();
    let mut results = BTreeMap::new();
    while let Some((place, result)) = runs.next().await {
        // The third is refused: nothing more is started, the second one neither.
        turned_away.notify_one();
        results.insert(place, result);
    }
    assert!(
        matches!(results[&2], Err(Error::Unauthorized { .. })),
        "{results:?}"
    );
    assert!(
        matches!(results[&1], Err(Error::NotStarted { .. })),
        "{results:?}"
    );
    let operations = server.operations();
    let triggers = operations.iter().filter(|name| name.starts_with("Trigger"));
    assert_eq!(triggers.count(), 3);
}
