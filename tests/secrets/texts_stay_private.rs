//! What an agent said is in no log, and in no error but that of a failed run.

use dinoai::graphql::RetrySafety;
use dinoai::{Error, StepOptions};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::log::Log;
use crate::own::{OwnRead, OwnStart, read_of, start_with};
use crate::support::fault_server::{Reply, SESSION};
use crate::support::operations::{READ, STEPS};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{agent, all, fields, run, shown};

/// What an agent said, that nobody else may see.
const SECRET: &str = "the margin is 4711 per cent";

/// Answers to a read that hold what the agent said, and cannot be used.
fn unusable_replies() -> Vec<Reply> {
    let good = json!({ "data": { "dinoaiAgentRun": fields(
        SESSION, "COMPLETED", &[agent(1.0, SECRET)],
    ) } });
    let with = |name: &str, value: Value| {
        let mut answer = good.clone();
        answer["data"]["dinoaiAgentRun"][name] = value;
        Reply::json(200, &answer)
    };
    let text = good.to_string();
    let cut = &text[..text.find(SECRET).unwrap() + SECRET.len()];
    let html = || vec![("Content-Type", "text/html".to_owned())];
    let said = json!({ "message": "upstream", "body": { "content": SECRET } });
    let mut replies = vec![
        // Broken off.
        Reply::Http(200, vec![], cut.to_owned()),
        Reply::Http(200, html(), cut.to_owned()),
        Reply::Http(502, vec![], cut.to_owned()),
        // Malformed.
        Reply::Http(200, vec![], text.replace("1.0", "NaN")),
        Reply::Http(200, vec![], text.replace("true", "yes")),
        // Not GraphQL.
        Reply::json(200, &json!([good])),
        Reply::json(200, &good["data"]),
        Reply::json(200, &json!(SECRET)),
        // Not what the schema says.
        with(
            "messages",
            json!([{ "ts": SECRET, "role": "agent", "content": "" }]),
        ),
        with(
            "messages",
            json!([{ "ts": 1.0, "role": "agent", "content": [SECRET] }]),
        ),
        with("messages", json!(SECRET)),
        with("childSessionIds", json!(SECRET)),
        with("ok", json!(SECRET)),
        with("ok", json!({ SECRET: SECRET })),
    ];
    for status in [400, 401, 403, 404, 409, 500, 502, 503] {
        replies.push(Reply::json(status, &said));
        replies.push(Reply::json(status, &json!([good])));
        replies.push(Reply::Http(status, html(), said.to_string()));
    }
    for status in [401, 403] {
        replies.push(Reply::json(status, &good));
    }
    replies
}

/// The errors of a client's reads, of which the whole read is answered so.
async fn errors_of(reply: &Reply, log: &Log) -> Vec<Error> {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let unusable = reply.clone();
    let (_server, client, _) = shown(move |seen, _| match seen.operation.as_str() {
        READ | STEPS | "OwnRead" | "OwnStart" => unusable.clone(),
        _ => run(seen, "COMPLETED", &[agent(1.0, SECRET)]),
    })
    .await;
    let session = session(&client);
    let steps = client.get_run_steps(SESSION, StepOptions::default());
    let minutes = seconds(200);
    let wait = session.wait().timeout(minutes).poll_interval(seconds(20));
    let watch = session.watch().timeout(minutes).poll_interval(seconds(20));
    let mut errors = vec![
        client.get_run(SESSION).await.unwrap_err(),
        wait.await.unwrap_err(),
        session.tree().await.unwrap_err(),
    ];
    errors.extend(steps.await.err());
    errors.extend(client.execute::<OwnRead>(read_of(SECRET)).await.err());
    let start = client.execute_mutation::<OwnStart>(start_with(SECRET), RetrySafety::Never);
    errors.extend(start.await.err());
    let watch = watch.steps(StepOptions::default());
    for item in all(watch.events()).await {
        match item {
            Ok(event) => assert!(!format!("{event:?}").contains(SECRET)),
            Err(error) => errors.push(error),
        }
    }
    errors
}

#[tokio::test]
async fn what_an_agent_said_is_quoted_by_no_error() {
    let mut quoting = vec![];
    for reply in unusable_replies() {
        let errors = errors_of(&reply, &Log::default()).await;
        let texts = errors.iter().map(ToString::to_string);
        quoting.extend(texts.filter(|text| text.contains(SECRET)));
    }
    let count = quoting.len();
    assert_eq!(count, 0, "for example: {}", quoting[0]);
}

#[tokio::test]
async fn what_an_agent_said_is_in_no_log() {
    let log = Log::default();
    for reply in unusable_replies() {
        errors_of(&reply, &log).await;
    }
    let log = log.text();
    assert!(log.contains("dinoai.call") && log.contains("DEBUG"));
    let quoting: Vec<_> = log.lines().filter(|line| line.contains(SECRET)).collect();
    let count = quoting.len();
    assert_eq!(count, 0, "for example: {}", quoting[0]);
}
