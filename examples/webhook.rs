//! A webhook: whoever has loaded the orders posts here, an agent runs, and its result is posted to
//! a callback URL.
//!
//! Shows how a service starts one run for each delivery, however often that is delivered; answers
//! as soon as the run is accepted (202 with the session id), long before it ends; and ends on Ctrl-C
//! without losing a run: it starts nothing more and awaits what is in progress.
//!
//! ```sh
//! cargo run --example webhook
//! # in another terminal, once or more often:
//! curl -i http://127.0.0.1:3000/orders-loaded \
//!   -d '{"delivery": "orders-2026-11-25", "agent": "data-quality-checker"}'
//! ```
//!
//! `CALLBACK_URL` says where results are posted; without it they are printed. `LISTEN` is the
//! address, 127.0.0.1:3000 by default.

mod api;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use dinoai::{Client, Error, TriggerRun, reqwest};
use dinoai_emulator::Scenario;
use serde_json::{Value, json};
use tokio::signal::ctrl_c;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

/// The body of a delivery.
#[derive(serde::Deserialize)]
struct Delivery {
    /// The sender's name for it, the same whenever the sender tries again.
    delivery: String,
    agent: String,
}

/// The answer to a delivery, once it is known.
type Answer = Option<(StatusCode, Value)>;

struct Service {
    client: Client,
    http: reqwest::Client,
    /// The service's own setting, not the sender's: else every sender could decide where this
    /// machine connects to.
    callback: Option<String>,
    work: Mutex<Work>,
}

#[derive(Default)]
struct Work {
    /// By the delivery's id. They are gone when the process ends: a service that must not forget
    /// keeps them in its database.
    answers: HashMap<String, watch::Receiver<Answer>>,
    in_progress: JoinSet<()>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = api::Api::connect(Scenario::completed()).await?;
    let http = reqwest::Client::builder().timeout(Duration::from_secs(30));
    let service = Arc::new(Service {
        client: api.client.clone(),
        http: http.build()?,
        callback: std::env::var("CALLBACK_URL").ok(),
        work: Mutex::default(),
    });

    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    println!("Listening on http://{address}/orders-loaded; Ctrl-C ends it.");
    let routes = axum::Router::new()
        .route("/orders-loaded", post(orders_loaded))
        .with_state(Arc::clone(&service));
    let client = api.client.clone();
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move {
            let _ = ctrl_c().await;
            // Before the server waits for its open requests: one that pauses before another
            // attempt would start its run after all.
            client.close();
        })
        .await?;

    let mut in_progress = std::mem::take(&mut service.work.lock().await.in_progress);
    println!(
        "Starting no more runs; press Ctrl-C again to leave without awaiting those in progress."
    );
    tokio::select! {
        () = async { while in_progress.join_next().await.is_some() {} } => {}
        _ = ctrl_c() => println!("Their results are not posted; the runs go on."),
    }
    Ok(())
}

async fn orders_loaded(State(service): State<Arc<Service>>, body: Bytes) -> Response {
    let delivery: Delivery = match serde_json::from_slice(&body) {
        Ok(delivery) => delivery,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let mut work = service.work.lock().await;
    while work.in_progress.try_join_next().is_some() {}
    let mut answer = match work.answers.get(&delivery.delivery) {
        Some(answer) => answer.clone(),
        None => {
            let (sender, answer) = watch::channel(None);
            work.answers
                .insert(delivery.delivery.clone(), answer.clone());
            // On a task of its own, since this function is dropped when the sender hangs up. The
            // run may have started by then, and its session id would be lost.
            work.in_progress
                .spawn(check(Arc::clone(&service), delivery, sender));
            answer
        }
    };
    drop(work);
    let answered = answer.wait_for(Option::is_some).await;
    match answered.ok().and_then(|answer| answer.clone()) {
        Some((status, body)) => (
            status,
            [(CONTENT_TYPE, "application/json")],
            body.to_string(),
        )
            .into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Starts the run of a delivery, answers, waits for the run's end, and posts the result.
async fn check(service: Arc<Service>, delivery: Delivery, answer: watch::Sender<Answer>) {
    let Delivery { delivery, agent } = delivery;
    let session = match service.client.start(TriggerRun::agent(agent)).await {
        Ok(session) => session,
        Err(error) => {
            let status = if error.may_have_started() {
                // The answer stays, for each time that the sender tries again: a person has to
                // look in the workspace first.
                StatusCode::BAD_GATEWAY
            } else {
                // Nothing was started, so the sender may try again.
                service.work.lock().await.answers.remove(&delivery);
                StatusCode::SERVICE_UNAVAILABLE
            };
            answer.send_replace(Some((status, json!({"error": error.to_string()}))));
            return;
        }
    };
    let id = session.id();
    answer.send_replace(Some((StatusCode::ACCEPTED, json!({"agentSessionId": id}))));

    // However the run ended, its receiver wants the run; an error is a wait that did not see the end.
    let result = match session.wait().await.or_else(Error::into_ended_run) {
        Ok(run) => json!({"delivery": delivery, "run": run}),
        Err(error) => {
            json!({"delivery": delivery, "agentSessionId": id, "error": error.to_string()})
        }
    };
    let Some(callback) = &service.callback else {
        return println!("{result}");
    };
    let request = service.http.post(callback);
    let request = request.header(CONTENT_TYPE, "application/json");
    let posted = request.body(result.to_string()).send().await;
    if let Err(error) = posted.and_then(reqwest::Response::error_for_status) {
        // What the run has cost must not be lost with a callback that is down.
        eprintln!("not posted: {error}; the result was {result}");
    }
}
