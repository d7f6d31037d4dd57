//! Polls that fail are shown while a wait goes on, and change nothing of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::time::Clock;
use dinoai::{Error, Outage, Result, Run, SessionId};

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::samples::request;

const INTERVAL: Duration = Duration::from_secs(10);

/// What was shown: of each failed poll how many there were, for how many seconds, and why.
type Shown = Vec<Option<(u32, u64, String)>>;

/// What was shown, of which run.
type Calls = Vec<(SessionId, Option<Outage>)>;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Calls>>);

impl Log {
    fn taker(&self) -> impl FnMut(&SessionId, Option<&Outage>) + Send + 'static {
        let log = self.0.clone();
        move |id, outage| log.lock().unwrap().push((id.clone(), outage.cloned()))
    }

    fn of(&self, id: &str) -> Shown {
        let log = self.0.lock().unwrap();
        let of_run = log.iter().filter(|(known, _)| known.as_str() == id);
        let shown = of_run.map(|(_, outage)| {
            let outage = outage.as_ref()?;
            Some((
                outage.polls,
                outage.lasted.as_secs(),
                why(&outage.last_error),
            ))
        });
        shown.collect()
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

fn why(error: &Error) -> String {
    match error {
        Error::Http { status, .. } => status.to_string(),
        Error::Transport { .. } => "transport".to_owned(),
        error => panic!("{error:?}"),
    }
}

fn failed(polls: u32, seconds: u64, why: &str) -> Option<(u32, u64, String)> {
    Some((polls, seconds, why.to_owned()))
}

/// Two outages; the first poll comes at once.
fn plan() -> Vec<Reply> {
    vec![
        Reply::html(503),
        Reply::ResetBefore,
        Reply::html(502),
        Reply::Status("RUNNING"),
        Reply::Status("RUNNING"),
        Reply::html(503),
    ]
}

fn expected() -> Shown {
    vec![
        failed(1, 0, "503"),
        failed(2, 10, "transport"),
        failed(3, 20, "502"),
        None,
        failed(1, 10, "503"),
        None,
    ]
}

fn started(replies: impl IntoIterator<Item = Reply>) -> Vec<Reply> {
    [Reply::Good].into_iter().chain(replies).collect()
}

#[tokio::test]
async fn a_wait_shows_each_failed_poll_and_that_the_next_one_is_answered() {
    let server = FaultServer::start(started(plan())).await;
    let (client, _) = server.client();
    let log = Log::default();
    let wait = client.trigger_run_and_wait(request());
    let wait = wait.poll_interval(INTERVAL).on_outage(log.taker());
    wait.await.unwrap();
    assert_eq!(log.of(SESSION), expected());
}

#[tokio::test]
async fn a_watch_does_too() {
    let server = FaultServer::start(started(plan())).await;
    let (client, _) = server.client();
    let log = Log::default();
    let watch = client.trigger_run_and_watch(request());
    let watch = watch.poll_interval(INTERVAL).on_outage(log.taker());
    let mut watch = watch.events();
    while let Some(event) = watch.next().await {
        event.unwrap();
    }
    assert_eq!(log.of(SESSION), expected());
}

#[tokio::test]
async fn many_runs_do_too_each_by_its_id() {
    let ids = ["a", "b"].map(|id| SessionId::new(id).unwrap());
    let mut plan = plan();
    // Only what has been read once may fail: the first poll proves the host.
    plan.insert(0, Reply::Status("RUNNING"));
    let mut plan = plan.into_iter();
    let server = FaultServer::scripted(move |seen| match seen.variables.get("id0") {
        Some(_) => match plan.next() {
            Some(Reply::Status(status)) => statuses(&[status; 2]),
            Some(failure) => failure,
            None => statuses(&["COMPLETED"; 2]),
        },
        None => {
            let id = seen.variables["id"].as_str().unwrap();
            Reply::data(&serde_json::json!({ "dinoaiAgentRun": {
                "ok": true, "agentSessionId": id, "status": "COMPLETED", "messages": [],
                "childSessionIds": [], "workspaceUid": "w",
            } }))
        }
    })
    .await;
    let (client, _) = server.client();
    let log = Log::default();
    let results = client
        .wait_all(ids.clone())
        .unwrap()
        .poll_interval(INTERVAL);
    let mut results = results.on_outage(log.taker()).results();
    while let Some((_, run)) = results.next().await {
        run.unwrap();
    }
    let expected = vec![
        failed(1, 10, "503"),
        failed(2, 20, "transport"),
        failed(3, 30, "502"),
        None,
        failed(1, 10, "503"),
        None,
    ];
    for id in ids {
        assert_eq!(log.of(id.as_str()), expected, "{id}");
    }
}

fn statuses(statuses: &[&str]) -> Reply {
    let runs = statuses.iter().enumerate().map(|(place, status)| {
        let run = serde_json::json!({ "ok": true, "status": status });
        (format!("run{place}"), run)
    });
    Reply::data(&serde_json::Value::Object(runs.collect()))
}

#[tokio::test]
async fn polls_that_do_not_fail_are_not_shown() {
    let server = FaultServer::start(started([Reply::Status("RUNNING")])).await;
    let (client, _) = server.client();
    let log = Log::default();
    let wait = client.trigger_run_and_wait(request());
    wait.on_outage(log.taker()).await.unwrap();
    assert!(log.is_empty());
}

/// Where a wait ends, by what, after how many requests and pauses.
async fn end(replies: Vec<Reply>, is_shown: bool) -> (Result<Run, String>, usize, Vec<Duration>) {
    let server = FaultServer::start(replies).await;
    let (client, clock) = server.client();
    let log = Log::default();
    let wait = client.trigger_run_and_wait(request());
    let wait = wait.poll_interval(INTERVAL).timeout(INTERVAL * 30);
    let end = match is_shown {
        true => wait.on_outage(log.taker()).await,
        false => wait.await,
    };
    assert_eq!(is_shown, !log.is_empty());
    assert!(clock.now() <= INTERVAL * 31);
    let end = end.map_err(|error| error.to_string());
    (end, server.arrived(), clock.sleeps())
}

#[tokio::test]
async fn a_wait_that_shows_them_ends_when_and_as_it_would_without() {
    let not_found = || Reply::data(&serde_json::json!({ "dinoaiAgentRun": null }));
    let after_an_answer = |failure: Reply| {
        let failures = std::iter::repeat_n(failure, 100);
        started([Reply::Status("RUNNING")].into_iter().chain(failures))
    };
    for replies in [
        started(plan()),
        // Until the deadline, and until it has lasted too long.
        after_an_answer(Reply::html(503)),
        after_an_answer(not_found()),
    ] {
        let shown = end(replies.clone(), true).await;
        assert_eq!(shown, end(replies, false).await);
    }
}
