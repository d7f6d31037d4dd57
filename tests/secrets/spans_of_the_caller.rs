//! The caller's own spans are left alone.

use std::sync::{Arc, Mutex};

use dinoai::TriggerRun;
use dinoai::time::VirtualClock;
use tracing::Instrument;
use tracing::span::{Id, Record};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::operations::{SEND, TRIGGER};
use crate::support::shown_run::{accepted, agent, all, client_by, run};

/// Notes what is recorded on spans after they were made.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<String>>>);

impl<S> tracing_subscriber::Layer<S> for Records
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let name = context.span(id).unwrap().name();
        self.0.lock().unwrap().push(format!("{name}: {values:?}"));
    }
}

/// A server of completed runs that names each request in its answer's headers.
async fn named_requests() -> FaultServer {
    FaultServer::scripted(|seen| {
        let reply = match seen.operation.as_str() {
            TRIGGER | SEND => accepted(seen),
            _ => run(seen, "COMPLETED", &[agent(1.0, "Done.")]),
        };
        match reply {
            Reply::Http(status, mut headers, body) => {
                headers.push(("X-Request-Id", "the-servers-own".to_owned()));
                Reply::Http(status, headers, body)
            }
            other => other,
        }
    })
    .await
}

#[tokio::test]
async fn the_callers_own_span_is_left_alone_where_ours_are_filtered_out() {
    let records = Records::default();
    let is_not_ours = |metadata: &tracing::Metadata<'_>| !metadata.target().starts_with("dinoai");
    let subscriber = tracing_subscriber::registry()
        .with(records.clone())
        .with(tracing_subscriber::filter::filter_fn(is_not_ours));
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = named_requests().await;
    let client = client_by(&server, &VirtualClock::new());
    let span = tracing::info_span!(
        "mine",
        request_id = "r-1",
        session_id = "mine",
        attempt = 7,
        http.status = 0,
        note = tracing::field::Empty,
    );
    span.record("note", "seen");
    async {
        client.get_run(SESSION).await.unwrap();
        let wait = client.trigger_run_and_wait(TriggerRun::agent("a"));
        wait.await.unwrap();
        let session = client.session(SESSION).unwrap();
        assert!(!all(session.watch().events()).await.is_empty());
        session.tree().await.unwrap();
        session.send("And now?").await.unwrap();
        let _ = session.wait().await;
    }
    .instrument(span)
    .await;
    let records = records.0.lock().unwrap();
    assert!(records[0].starts_with("mine: ") && records[0].contains("note"));
    assert_eq!(records.len(), 1, "for example: {}", records[1]);
}
