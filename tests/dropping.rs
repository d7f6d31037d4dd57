//! Whatever waits can be spawned, and dropped at any await: nothing is sent twice, nothing is
//! lost, nothing panics.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod fault_server;

use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use dinoai::{
    Ask, Call, Client, Error, Events, OnTimeout, ReadTree, Result, Run, RunAll, RunResults,
    Session, SessionId, StepOptions, StopOnDrop, TriggerRun, Wait, WaitAll, WaitTree, Watch,
};
use fault_server::{FaultServer, Reply, SESSION, Seen};
use serde_json::{Value, json};

const TRIGGER: &str = "TriggerDinoaiAgentRun";
const SEND: &str = "SendDinoaiAgentMessage";
const STOP: &str = "StopDinoaiAgentRun";

/// More polls than any of the futures here takes.
const ENOUGH: usize = 2000;

#[test]
fn every_future_and_stream_can_be_sent_to_another_thread_and_outlives_its_maker() {
    fn is_free<T: Send + 'static>() {}
    fn is_free_too<T: Send + 'static>(_: impl FnOnce(Client) -> T) {}
    fn future_is_free<T: IntoFuture<IntoFuture: Send> + Send + 'static>() {}
    future_is_free::<Wait>();
    future_is_free::<Ask>();
    future_is_free::<ReadTree>();
    future_is_free::<WaitTree>();
    is_free::<Watch>();
    is_free::<Events>();
    is_free::<WaitAll>();
    is_free::<RunAll>();
    is_free::<RunResults<SessionId>>();
    is_free::<RunResults<usize>>();
    future_is_free::<Call<Run>>();
    is_free::<Session>();
    is_free::<StopOnDrop>();
    is_free_too(|client| session(&client).send("And now?"));
    is_free_too(|client| client.get_run_steps(SESSION, StepOptions::default()));
    is_free_too(|client| client.start(TriggerRun::agent("a")));
}

/// An API whose runs are at work for a few looks after their start and after each follow-up,
/// with a new message at each of these looks, and a child.
fn api() -> impl FnMut(&Seen) -> Reply + Send {
    const LOOKS: usize = 3;
    let mut started = 0;
    let mut follow_ups = 0;
    let mut looks: HashMap<String, usize> = HashMap::new();
    let mut run = move |id: &str, counts: bool, follow_ups: usize| {
        let looks = looks.entry(id.to_owned()).or_default();
        *looks += usize::from(counts);
        let turns = 1 + if id == SESSION { follow_ups } else { 0 };
        if *looks > LOOKS * turns {
            *looks = LOOKS * turns;
        }
        let has_ended = *looks == LOOKS * turns;
        let messages: Vec<_> = (1..=*looks)
            .map(|ts| json!({ "ts": ts, "role": "agent", "content": format!("message {ts}") }))
            .collect();
        let children: &[&str] = if id == SESSION { &["child"] } else { &[] };
        json!({
            "ok": true,
            "agentSessionId": id,
            "status": if has_ended { "COMPLETED" } else { "RUNNING" },
            "messages": messages,
            "childSessionIds": children,
            "workspaceUid": "w1",
            "steps": [{ "index": 0, "role": "AGENT", "truncated": false }],
            "startupSteps": null,
        })
    };
    move |seen| {
        let variables = seen.variables.as_object().unwrap();
        let id = |name: &str| variables[name].as_str().unwrap().to_owned();
        let accepted = |id: &str| json!({ "ok": true, "agentSessionId": id, "status": "queued" });
        Reply::data(&match seen.operation.as_str() {
            TRIGGER => {
                started += 1;
                json!({ "triggerDinoaiAgentRun": accepted(&format!("started-{started}")) })
            }
            SEND => {
                follow_ups += 1;
                json!({ "sendDinoaiAgentMessage": accepted(SESSION) })
            }
            STOP => json!({ "stopDinoaiAgentRun": { "ok": true, "status": "STOPPED" } }),
            "DinoaiAgentRunStatuses" => {
                let mut runs = serde_json::Map::new();
                for place in 0..variables.len() {
                    let run = run(&id(&format!("id{place}")), true, follow_ups);
                    runs.insert(format!("run{place}"), run);
                }
                Value::Object(runs)
            }
            operation => {
                let counts = operation != "DinoaiAgentRun";
                json!({ "dinoaiAgentRun": run(&id("id"), counts, follow_ups) })
            }
        })
    }
}

/// An API whose runs never end.
fn endless() -> impl FnMut(&Seen) -> Reply + Send {
    let mut good = api();
    move |seen| match seen.operation.as_str() {
        TRIGGER | SEND | STOP => good(seen),
        _ => Reply::Status("RUNNING"),
    }
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Polls `work` so many times at most; whether it has finished.
async fn polled(work: &mut Work, polls: usize) -> bool {
    let mut left = polls;
    std::future::poll_fn(|context| {
        left -= 1;
        match work.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// How often each change was sent.
fn changes(server: &FaultServer) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for seen in server.seen() {
        if [TRIGGER, SEND, STOP].contains(&seen.operation.as_str()) {
            let change = format!("{} {}", seen.operation, seen.variables);
            *counts.entry(change).or_default() += 1;
        }
    }
    counts
}

/// Starts `work` again and again, drops it after one poll, after two, and so on until it
/// finishes, and looks at what each has sent. Afterwards the client still works.
async fn is_dropped_everywhere<S>(
    script: impl Fn() -> S,
    work: impl Fn(Client) -> Work,
    most_changes: usize,
) where
    S: FnMut(&Seen) -> Reply + Send + 'static,
{
    for polls in 1..ENOUGH {
        let server = FaultServer::scripted(script()).await;
        let (client, _) = server.client();
        let mut work = work(client.clone());
        let has_finished = polled(&mut work, polls).await;
        drop(work);
        client.get_run(SESSION).await.unwrap();
        let changes = changes(&server);
        assert!(changes.values().all(|times| *times == 1), "{changes:?}");
        assert!(changes.len() <= most_changes, "{changes:?}");
        if has_finished {
            assert_eq!(changes.len(), most_changes);
            assert!(polls > 3, "it was dropped at {polls} awaits only");
            return;
        }
    }
    panic!("it never finished");
}

fn session(client: &Client) -> Session {
    client.session(SESSION).unwrap()
}

fn ids(count: usize) -> Vec<SessionId> {
    (0..count)
        .map(|number| SessionId::new(format!("run-{number}")).unwrap())
        .collect()
}

fn requests(count: usize) -> Vec<TriggerRun> {
    (0..count)
        .map(|number| TriggerRun::message(format!("message {number}")))
        .collect()
}

#[tokio::test]
async fn an_ask_dropped_at_any_await_has_sent_its_message_once_at_most() {
    let ask = |client: Client| -> Work {
        let ask = session(&client).ask("And now?").into_future();
        Box::pin(async { drop(ask.await.unwrap()) })
    };
    is_dropped_everywhere(api, ask, 1).await;
}

#[tokio::test]
async fn a_send_dropped_at_any_await_has_sent_its_message_once_at_most() {
    let send = |client: Client| -> Work {
        let send = session(&client).send("And now?");
        Box::pin(async { drop(send.await.unwrap()) })
    };
    is_dropped_everywhere(api, send, 1).await;
}

#[tokio::test]
async fn a_start_dropped_at_any_await_has_started_one_run_at_most() {
    let start = |client: Client| -> Work {
        let start = client.start(TriggerRun::agent("a"));
        Box::pin(async { drop(start.await.unwrap()) })
    };
    is_dropped_everywhere(api, start, 1).await;
}

#[tokio::test]
async fn a_wait_that_stops_its_run_dropped_at_any_await_has_stopped_it_once_at_most() {
    let wait = |client: Client| -> Work {
        let wait = client
            .trigger_run_and_wait(TriggerRun::agent("a"))
            .timeout(Duration::from_secs(5))
            .on_timeout(OnTimeout::Stop)
            .into_future();
        Box::pin(async {
            let error = wait.await.unwrap_err();
            assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
        })
    };
    is_dropped_everywhere(endless, wait, 2).await;
}

#[tokio::test]
async fn a_tree_dropped_at_any_await_changes_nothing() {
    let read = |client: Client| -> Work {
        let read = session(&client).tree().into_future();
        Box::pin(async { drop(read.await.unwrap()) })
    };
    is_dropped_everywhere(api, read, 0).await;
    let wait = |client: Client| -> Work {
        let wait = session(&client).tree().until_ended().into_future();
        Box::pin(async { drop(wait.await.unwrap()) })
    };
    is_dropped_everywhere(api, wait, 0).await;
}

#[tokio::test]
async fn a_read_of_steps_dropped_at_any_await_changes_nothing() {
    let read = |client: Client| -> Work {
        let read = client.get_run_steps(SESSION, StepOptions::default());
        Box::pin(async { drop(read.await.unwrap()) })
    };
    is_dropped_everywhere(api, read, 0).await;
}

#[tokio::test]
async fn a_fleet_dropped_at_any_await_changes_nothing() {
    let wait = |client: Client| -> Work {
        let mut fleet = client.wait_all(ids(60)).unwrap().results();
        Box::pin(async move {
            while let Some((_, result)) = fleet.next().await {
                result.unwrap();
            }
        })
    };
    is_dropped_everywhere(api, wait, 0).await;
}

#[tokio::test]
async fn a_fleet_of_its_own_dropped_at_any_await_has_started_each_run_once_at_most() {
    let run = |client: Client| -> Work {
        let mut fleet = client.run_all(requests(6), 2).results();
        Box::pin(async move {
            while let Some((_, result)) = fleet.next().await {
                result.unwrap();
            }
        })
    };
    is_dropped_everywhere(api, run, 6).await;
}

#[tokio::test]
async fn after_an_ask_is_dropped_the_session_still_finds_the_end_of_its_turn() {
    let mut has_waited = false;
    for polls in 1..ENOUGH {
        let server = FaultServer::scripted(api()).await;
        let (client, _) = server.client();
        let session = session(&client);
        session.wait().await.unwrap();
        let ask = session.ask("And now?").into_future();
        let mut work: Work = Box::pin(async { drop(ask.await.unwrap()) });
        let has_finished = polled(&mut work, polls).await;
        drop(work);
        let waited = session.wait().await;
        if changes(&server).is_empty() {
            // Dropped while it was being sent, it may have been: the turn counts as open.
            let is_open = matches!(waited, Err(Error::TurnNotStarted { .. }));
            assert!(is_open || waited.unwrap().messages.len() == 3);
        } else {
            // Three messages of each turn: that of the open one is not taken for the old one's.
            assert_eq!(waited.unwrap().messages.len(), 6, "after {polls} polls");
            has_waited = true;
        }
        if has_finished {
            assert!(has_waited);
            return;
        }
    }
    panic!("it never finished");
}

/// The events of a watch, or the results of a fleet, as texts.
type Items = Pin<Box<dyn futures_core::Stream<Item = String> + Send>>;

fn watched(session: &Session) -> Items {
    use futures_util::StreamExt;
    let steps = StepOptions::default();
    let events = session.watch().steps(steps).events();
    Box::pin(events.map(|event| format!("{:?}", event.unwrap())))
}

async fn collected(mut items: Items) -> Vec<String> {
    use futures_util::StreamExt;
    let mut all = vec![];
    while let Some(item) = items.next().await {
        all.push(item);
    }
    all
}

/// The next item, unless it takes more than so many polls: then what asked for it is dropped.
async fn next_within(items: &mut Items, polls: usize) -> Option<Option<String>> {
    let mut left = polls;
    std::future::poll_fn(|context| {
        left -= 1;
        match items.as_mut().poll_next(context) {
            Poll::Ready(item) => Poll::Ready(Some(item)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn a_next_that_is_dropped_at_any_await_loses_no_event_and_repeats_none() {
    let server = FaultServer::scripted(api()).await;
    let (client, _) = server.client();
    let expected = collected(watched(&session(&client))).await;
    assert!(expected.len() > 6, "{expected:?}");
    for polls in 1..40 {
        let server = FaultServer::scripted(api()).await;
        let (client, _) = server.client();
        let mut events = watched(&session(&client));
        let mut all = vec![];
        loop {
            match next_within(&mut events, polls).await {
                Some(Some(event)) => all.push(event),
                Some(None) => break,
                None => tokio::task::yield_now().await,
            }
        }
        assert_eq!(all, expected, "dropped after {polls} polls each");
    }
}

#[tokio::test]
async fn a_watch_dropped_at_any_await_is_gone_on_with_where_it_stopped() {
    let server = FaultServer::scripted(api()).await;
    let (client, _) = server.client();
    let expected = collected(watched(&session(&client))).await;
    for polls in 1..ENOUGH {
        let server = FaultServer::scripted(api()).await;
        let (client, _) = server.client();
        let first = session(&client);
        let mut events = watched(&first);
        let (mut all, mut left, mut has_finished) = (vec![], polls, false);
        std::future::poll_fn(|context| {
            while left > 0 {
                left -= 1;
                match events.as_mut().poll_next(context) {
                    Poll::Ready(Some(event)) => {
                        has_finished = event.starts_with("Ended");
                        all.push(event);
                    }
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => {
                        return if left == 0 {
                            Poll::Ready(())
                        } else {
                            Poll::Pending
                        };
                    }
                }
            }
            Poll::Ready(())
        })
        .await;
        drop(events);
        if has_finished {
            assert!(polls > 10, "it was dropped at {polls} awaits only");
            return;
        }
        let again = client.resume(first.checkpoint());
        all.extend(collected(watched(&again)).await);
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "after {polls} polls: {all:#?}");
        // A status that has passed by the time of the next look was seen by nobody.
        let lasts = |event: &&String| !event.starts_with("Status");
        let expected: BTreeSet<_> = expected.iter().filter(lasts).collect();
        let told: BTreeSet<_> = distinct.into_iter().filter(lasts).collect();
        assert_eq!(told, expected, "after {polls} polls");
    }
    panic!("it never finished");
}

#[tokio::test]
async fn a_result_of_a_fleet_that_is_dropped_at_any_await_comes_later_and_once() {
    use futures_util::StreamExt;
    for polls in 1..12 {
        let server = FaultServer::scripted(api()).await;
        let (client, _) = server.client();
        let told = |place: String, result: Result<dinoai::Run>| {
            result.unwrap();
            place
        };
        let waited: Items = Box::pin(
            client
                .wait_all(ids(60))
                .unwrap()
                .results()
                .map(move |(id, result)| told(id.to_string(), result)),
        );
        let run: Items = Box::pin(
            client
                .run_all(requests(6), 3)
                .results()
                .map(move |(place, result)| told(place.to_string(), result)),
        );
        for (mut results, count) in [(waited, 60), (run, 6)] {
            let mut places = vec![];
            loop {
                match next_within(&mut results, polls).await {
                    Some(Some(place)) => places.push(place),
                    Some(None) => break,
                    None => tokio::task::yield_now().await,
                }
            }
            let distinct: BTreeSet<_> = places.iter().collect();
            assert_eq!((distinct.len(), places.len()), (count, count));
        }
        assert!(changes(&server).values().all(|times| *times == 1));
        assert_eq!(changes(&server).len(), 6);
    }
}
