//! No credential, no path of the endpoint and no variable of a document of the user's own is in errors,
//! `Debug` or the log.

use std::time::Duration;

use dinoai::graphql::RetrySafety;
use dinoai::{Client, Credentials, Error, Retry, TriggerRun};
use serde_json::json;

use crate::log::log;
use crate::own::{OwnRead, OwnStart, read_of, start_with};
use crate::support::fault_server::{CANARY, FaultServer, Reply, SESSION, client};

/// In the variables. Not a credential: nothing hides it where it is shown.
const VARIABLE: &str = "what-only-the-api-may-read";

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
async fn neither_errors_nor_debug_nor_the_log_show_a_credential_the_path_or_a_variable() {
    log();
    let (mut failed, mut sent) = (0, 0);
    let is_shown = |shown: &str| shown.contains(CANARY) || shown.contains(VARIABLE);
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
            let read = client.execute::<OwnRead>(read_of(VARIABLE));
            let start = start_with(VARIABLE);
            let start = client.execute_mutation::<OwnStart>(start, RetrySafety::Never);
            let calls = format!("{read:?} {start:?}");
            assert!(!is_shown(&calls), "{calls}");
            let mut errors: Vec<Option<Error>> = vec![
                client.trigger_run(TriggerRun::agent("a")).await.err(),
                client.send_message(SESSION, "go on").await.err(),
                client.get_run(SESSION).await.err(),
                client.stop_run(SESSION).await.err(),
                read.await.err(),
                start.await.err(),
                session.wait().timeout(Duration::from_secs(9)).await.err(),
            ];
            let wait = client.trigger_run_and_wait(TriggerRun::agent("a"));
            let shown = format!(
                "{} {client:?} {session:?} {wait:?} {credentials:?}",
                client.endpoint_origin()
            );
            assert!(!shown.contains(CANARY), "{shown}");
            errors.push(wait.timeout(Duration::from_secs(9)).await.err());
            for error in errors.into_iter().flatten() {
                failed += 1;
                let shown = shown_with_its_sources(&error);
                assert!(!is_shown(&shown), "{shown}");
            }
            let seen = server.seen();
            let variables = seen.iter().map(|seen| seen.variables.to_string());
            sent += variables.filter(|sent| sent.contains(VARIABLE)).count();
        }
    }
    assert!(failed > 300, "only {failed} errors");
    assert!(sent > 100, "only {sent} variables were sent");
    let log = log().text();
    assert!(
        log.contains("dinoai.call") && log.contains("dinoai.wait"),
        "nothing was logged"
    );
    assert!(
        log.contains("reqwest") || log.contains("hyper"),
        "no log from below"
    );
    let line = log.lines().find(|line| is_shown(line));
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
    let telltale = json!({ "message": "no", "extensions": { "account": forms, digits: forms } });
    let mistyped = |value: &serde_json::Value| {
        let run = json!({ "ok": value, "status": value });
        json!({ "data": { "dinoaiAgentRun": run, "triggerDinoaiAgentRun": run } })
    };
    let mut bodies = vec![
        json!({ "errors": [error, telltale] }),
        json!({ "data": { "dinoaiAgentRun": null, "more": forms }, "errors": [telltale] }),
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
