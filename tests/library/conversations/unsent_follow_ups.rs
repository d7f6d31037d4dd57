//! A follow-up that was never sent leaves the session as it was.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dinoai::time::{Clock, Sleep, SystemClock};
use dinoai::{Checkpoint, Client, Error, Retry, Session};
use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::Notify;

use crate::support::fault_server::{FaultServer, Reply, client};
use crate::support::operations::{SEND, STEPS, sent};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{all, client_by, end_of, run, shown, texts_of};
use crate::waiting::ways::{both_turns, first_turn};

/// Resolves every name as this machine; or, once it hangs, not before it fails.
#[derive(Clone, Default)]
struct Names {
    hang: Arc<AtomicBool>,
    asked: Arc<Notify>,
    fails: Arc<tokio::sync::watch::Sender<bool>>,
}

impl Names {
    /// From now on no name is resolved.
    fn hang(&self) {
        self.hang.store(true, Ordering::SeqCst);
    }

    /// The names that hang can not be resolved, nor any other.
    fn fail(&self) {
        self.fails.send_replace(true);
    }

    /// A client of the server that looks its name up here, and does not try again.
    fn client(&self, server: &FaultServer, clock: impl Clock) -> Client {
        let endpoint = server.endpoint().replace("127.0.0.1", "api.test");
        let resolver = self.clone();
        let (client, _) = client(&endpoint, |builder| {
            builder
                .clock(clock)
                .retry(Retry::none())
                .allow_plain_http()
                .request_timeout(seconds(30))
                .connect_timeout(seconds(30))
                .http_client(move |http| http.no_proxy().dns_resolver(Arc::new(resolver.clone())))
        });
        client
    }
}

impl reqwest::dns::Resolve for Names {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        if self.hang.load(Ordering::SeqCst) {
            self.asked.notify_one();
            let mut fails = self.fails.subscribe();
            return Box::pin(async move {
                let _ = fails.wait_for(|fails| *fails).await;
                Err(std::io::Error::other("nothing here").into())
            });
        }
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let addresses: reqwest::dns::Addrs = Box::new(std::iter::once(here));
        Box::pin(async { Ok(addresses) })
    }
}

#[tokio::test]
async fn a_follow_up_that_is_dropped_while_it_connects_was_never_sent() {
    for way in ["ask", "send"] {
        let (server, _, clock) = shown(|seen, since_sent| match since_sent {
            None => run(seen, "COMPLETED", &first_turn()),
            Some(time) if time < seconds(3) => run(seen, "RUNNING", &first_turn()),
            Some(_) => run(seen, "COMPLETED", &both_turns()),
        })
        .await;
        let names = Names::default();
        let client = names.client(&server, clock.clone());
        let session = session(&client);
        session.wait().await.unwrap();

        names.hang();
        let follow_up = async {
            match way {
                "ask" => session.ask("And now?").await.map(drop),
                _ => session.send("And now?").await.map(drop),
            }
        };
        tokio::select! {
            done = follow_up => panic!("{done:?}"),
            () = names.asked.notified() => {}
        }
        names.hang.store(false, Ordering::SeqCst);
        assert_eq!(sent(&server, SEND), 0);

        let before = clock.now();
        let waited = session.wait().await;
        let run = waited.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(run.answer(), Some("the first answer"));
        assert_eq!((clock.now(), sent(&server, SEND)), (before, 0));

        // The next one is not taken for it.
        let turn = session.ask("And now?").await.unwrap();
        assert_eq!(turn.answer(), Some("the second answer"));
        assert_eq!(sent(&server, SEND), 1);
    }
}

#[tokio::test]
async fn a_wait_that_began_while_a_follow_up_connected_returns_the_run_once_that_has_failed() {
    for way in ["wait", "watch", "tree"] {
        let (server, _, _) = shown(|seen, _| run(seen, "COMPLETED", &first_turn())).await;
        let names = Names::default();
        let client = names.client(&server, SystemClock::new());
        let session = session(&client);
        session.wait().await.unwrap();

        names.hang();
        let (timeout, interval) = (seconds(4), Duration::from_millis(20));
        let waited = async {
            names.asked.notified().await;
            let looks = server.seen().len();
            let waits = async {
                match way {
                    "wait" => {
                        let wait = session.wait().timeout(timeout);
                        wait.poll_interval(interval).await.map(drop)
                    }
                    "tree" => {
                        let wait = session.tree().until_ended().timeout(timeout);
                        wait.poll_interval(interval).await.map(drop)
                    }
                    _ => {
                        let watch = session.watch().timeout(timeout);
                        let mut items = all(watch.poll_interval(interval).events()).await;
                        items.pop().unwrap().map(drop)
                    }
                }
            };
            // It has looked while the turn was open.
            let fails = async {
                server.until_answered(looks + 1).await;
                names.fail();
            };
            tokio::join!(waits, fails).0
        };
        let (send, waited) = tokio::join!(session.send("And now?"), waited);
        let error = send.unwrap_err();
        assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
        assert!(waited.is_ok(), "{way}: {waited:?}");
        assert!(!session.checkpoint().has_open_turn(), "{way}");
        assert_eq!(sent(&server, SEND), 0);
    }
}

/// The ways in which two follow-ups that connect at the same time are not sent.
const UNSENT: [&str; 3] = ["both fail", "the first is dropped", "the second is dropped"];

/// A session two of whose follow-ups were not sent in this way, and its checkpoint before.
async fn unsent(way: &str) -> (FaultServer, Session, Checkpoint) {
    let (server, _, clock) = shown(|seen, _| run(seen, "COMPLETED", &first_turn())).await;
    let names = Names::default();
    let client = names.client(&server, clock);
    let session = session(&client);
    // For the reads of both there is a connection.
    let (one, two) = tokio::join!(session.run(), session.run());
    assert!(one.is_ok() && two.is_ok());
    let before = session.checkpoint();
    names.hang();
    let (mut one, mut two) = (
        session.send("one").into_future(),
        session.send("two").into_future(),
    );
    let connect = async {
        // Two runs, and the look and the steps of the one that is first.
        server.until_answered(4).await;
        // Were the second one not to wait for the first, it would have looked and connected by the
        // time that several reads one after the other have been answered.
        for _ in 0..5 {
            session.run().await.unwrap();
        }
    };
    tokio::select! {
        done = &mut one => panic!("{done:?}"),
        done = &mut two => panic!("{done:?}"),
        () = connect => {}
    }
    let mut left = vec![];
    match way {
        "both fail" => left.extend([one, two]),
        "the first is dropped" => {
            drop(one);
            left.push(two);
        }
        _ => {
            drop(two);
            left.push(one);
        }
    }
    names.fail();
    for failed in join_all(left).await {
        let error = failed.unwrap_err();
        assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    }
    assert_eq!(sent(&server, SEND), 0);
    (server, session, before)
}

#[tokio::test]
async fn two_follow_ups_at_once_that_are_not_sent_leave_the_session_as_it_was() {
    for way in UNSENT {
        let (_server, session, before) = unsent(way).await;
        assert_eq!(session.checkpoint(), before, "{way}");
        let run = session.wait().await.unwrap();
        assert_eq!(run.answer(), Some("the first answer"), "{way}");
    }
}

/// A clock that stands still, and says so when someone waits for it.
#[derive(Debug, Clone, Default)]
struct StandingClock {
    asked: Arc<Notify>,
}

impl Clock for StandingClock {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> Sleep {
        self.asked.notify_one();
        Box::pin(std::future::pending())
    }

    fn alarm(&self, _: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_follow_up_that_is_dropped_before_it_is_sent_again_leaves_no_open_turn() {
    for way in ["ask", "send"] {
        let clock = StandingClock::default();
        let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
            SEND => Reply::too_many_requests("30"),
            _ => run(seen, "COMPLETED", &first_turn()),
        })
        .await;
        let client = client_by(&server, &clock);
        let session = session(&client);
        let follow_up = async {
            match way {
                "ask" => session.ask("And now?").await.map(drop),
                _ => session.send("And now?").await.map(drop),
            }
        };
        tokio::select! {
            done = follow_up => panic!("{done:?}"),
            () = clock.asked.notified() => {}
        }
        assert_eq!(sent(&server, SEND), 1);
        let after = session.checkpoint();
        assert!(!after.has_open_turn(), "{way}: {after:?}");
    }
}

/// The steps are read before the first follow-up, if that can be done soon.
#[tokio::test]
async fn steps_that_hang_do_not_keep_a_follow_up_from_being_sent() {
    let (server, _, _) = shown(
        |seen, since_sent| match (seen.operation.as_str(), since_sent) {
            (STEPS, _) => Reply::Hang,
            (_, None) => run(seen, "COMPLETED", &first_turn()),
            _ => run(seen, "COMPLETED", &both_turns()),
        },
    )
    .await;
    let client = client_by(&server, &SystemClock::new());
    let session = session(&client);
    let turn = session.ask("And now?").timeout(seconds(4)).await;
    assert_eq!(turn.unwrap().answer(), Some("the second answer"));
    assert_eq!((sent(&server, STEPS), sent(&server, SEND)), (1, 1));
}

#[tokio::test]
async fn a_follow_up_that_is_not_sent_takes_nothing_from_a_later_watch() {
    let (server, _, clock) = shown(|seen, _| run(seen, "COMPLETED", &first_turn())).await;
    let names = Names::default();
    let session = session(&names.client(&server, clock));
    session.run().await.unwrap();
    let mut first = session.watch().events();
    names.hang();
    let mut send = session.send("And now?").into_future();
    tokio::select! {
        done = &mut send => panic!("{done:?}"),
        () = names.asked.notified() => {}
    }
    // Something is emitted while the follow-up connects.
    let before = first.next().await.unwrap();
    assert!(before.is_ok(), "{before:?}");
    drop(first);
    names.fail();
    assert!(matches!(send.await, Err(Error::NotSent { .. })));

    let items = all(session.watch().events()).await;
    let mut texts = texts_of(std::slice::from_ref(&before));
    texts.extend(texts_of(&items));
    let all_texts: Vec<_> = first_turn()
        .iter()
        .map(|it| it["content"].clone())
        .collect();
    assert_eq!(json!(texts), json!(all_texts));
    assert!(end_of(&items).is_some());
}
