//! A follow-up whose outcome is unknown is not reported as accepted, and its answer still counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dinoai::Error;
use dinoai::time::{Clock, VirtualClock};
use tokio::sync::Notify;

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::operations::{DIGEST, SEND, STATUS};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{accepted, all, client_by, run, shown};
use crate::waiting::ways::{HOUR, WAYS, answer, both_turns, first_turn};

#[tokio::test]
async fn a_follow_up_of_unknown_outcome_is_not_said_to_have_been_accepted() {
    let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
        SEND => Reply::html(502),
        _ => run(seen, "COMPLETED", &first_turn()),
    })
    .await;
    for way in ["wait", "watch"] {
        let clock = VirtualClock::new();
        let client = client_by(&server, &clock);
        let session = session(&client);
        session.wait().await.unwrap();
        let error = session.send("And now?").await.unwrap_err();
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");

        let error = match way {
            "wait" => session.wait().await.unwrap_err(),
            _ => match all(session.watch().events()).await.pop() {
                Some(Err(error)) => error,
                other => panic!("{other:?}"),
            },
        };
        assert!(matches!(error, Error::TurnNotStarted { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("unknown"), "{text}");
        assert!(!text.contains("was accepted"), "{text}");
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);

        // It is said once; the run is as it was.
        let before = clock.now();
        let run = session.wait().await.unwrap();
        assert_eq!(run.answer(), Some("the first answer"));
        assert_eq!(clock.now(), before);
    }
}

#[tokio::test]
async fn a_follow_up_that_is_accepted_while_it_is_waited_for_is_said_to_have_been_accepted() {
    for way in ["wait", "watch", "tree"] {
        let (has_left, has_looked, is_accepted) = (Arc::default(), Arc::default(), Arc::default());
        let [left, looked, go_on]: [Arc<Notify>; 3] =
            [&has_left, &has_looked, &is_accepted].map(Arc::clone);
        let mut looks = None;
        let server = FaultServer::scripted(move |seen| match (seen.operation.as_str(), looks) {
            (SEND, _) => {
                looks = Some(0);
                left.notify_one();
                Reply::When(looked.clone(), Box::new(accepted(seen)))
            }
            (DIGEST, Some(before)) => {
                looks = Some(before + 1);
                let reply = run(seen, "COMPLETED", &first_turn());
                if before != 1 {
                    return reply;
                }
                // The look before this one was made while the message was on its way.
                looked.notify_one();
                Reply::When(go_on.clone(), Box::new(reply))
            }
            _ => run(seen, "COMPLETED", &first_turn()),
        })
        .await;
        let client = client_by(&server, &VirtualClock::new());
        let session = session(&client);
        let sends = async {
            let sent = session.send("And now?").await;
            is_accepted.notify_one();
            sent
        };
        let waits = async {
            has_left.notified().await;
            match way {
                "wait" => session.wait().await.map(drop),
                "watch" => all(session.watch().events()).await.pop().unwrap().map(drop),
                _ => session.tree().until_ended().await.map(drop),
            }
        };
        let (sent, waited) = tokio::join!(sends, waits);
        sent.unwrap();
        let error = waited.unwrap_err();
        assert!(
            matches!(error, Error::TurnNotStarted { .. }),
            "{way}: {error:?}"
        );
        assert!(error.to_string().contains("was accepted"), "{way}: {error}");
    }
}

#[tokio::test]
async fn a_follow_up_of_unknown_outcome_that_was_carried_out_gives_its_answer() {
    let clock = VirtualClock::new();
    let script_clock = clock.clone();
    let mut sent_at = None;
    let server = FaultServer::scripted(move |seen| {
        let now = script_clock.now();
        match (seen.operation.as_str(), sent_at) {
            (SEND, _) => {
                sent_at = Some(now);
                Reply::ResetAfter
            }
            (_, Some(sent_at)) if now >= sent_at + seconds(40) => {
                run(seen, "COMPLETED", &both_turns())
            }
            _ => run(seen, "COMPLETED", &first_turn()),
        }
    })
    .await;
    let client = client_by(&server, &clock);
    let session = session(&client);
    let error = session.ask("And now?").await.unwrap_err();
    assert!(error.may_have_started(), "{error:?}");
    let run = session.wait().await.unwrap();
    assert_eq!(run.answer(), Some("the second answer"));
}

/// Of two that wait for a turn one sees it in progress, and gives up: the other need not see it too.
#[tokio::test]
async fn activity_that_one_wait_has_seen_counts_for_every_wait_of_the_session() {
    for way in ["wait", "watch", "tree"] {
        let (has_looked, has_ended) = (Arc::<Notify>::default(), Arc::<Notify>::default());
        let (looked, ended) = (has_looked.clone(), has_ended.clone());
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let mut looks = None;
        let server = FaultServer::scripted(move |seen| {
            let at_rest = run(seen, "COMPLETED", &first_turn());
            match (seen.operation.as_str(), &mut looks) {
                (SEND, _) => {
                    looks = Some(0);
                    accepted(seen)
                }
                (DIGEST | STATUS, Some(looks)) => {
                    *looks += 1;
                    match looks {
                        1 => at_rest,
                        // The first one looks again, while the second one waits.
                        2 => {
                            looked.notify_one();
                            Reply::When(ended.clone(), Box::new(at_rest))
                        }
                        _ if over.load(Ordering::Relaxed) => at_rest,
                        _ => run(seen, "RUNNING", &first_turn()),
                    }
                }
                _ => at_rest,
            }
        })
        .await;
        let client = client_by(&server, &VirtualClock::new());
        let session = session(&client);
        session.wait().await.unwrap();
        session.send("And now?").await.unwrap();
        let first = async {
            match way {
                "wait" => session.wait().await.map(drop),
                "watch" => all(session.watch().events()).await.pop().unwrap().map(drop),
                _ => session.tree().until_ended().await.map(drop),
            }
        };
        let second = async {
            has_looked.notified().await;
            let waited = session.wait().timeout(seconds(5)).await;
            is_over.store(true, Ordering::Relaxed);
            has_ended.notify_one();
            waited
        };
        let (first, second) = tokio::join!(first, second);
        let is_timeout = matches!(second, Err(Error::WaitTimeout(_)));
        assert!(is_timeout, "{way}: {second:?}");
        assert!(first.is_ok(), "{way}: {first:?}");
    }
}

#[tokio::test]
async fn a_turn_that_has_not_started_is_reported_once_and_closed() {
    for way in WAYS {
        let (_server, client, clock) = shown(|seen, _| run(seen, "COMPLETED", &first_turn())).await;
        let session = session(&client);
        session.wait().await.unwrap();
        let error = answer(way, &session, HOUR).await.unwrap_err();
        assert!(matches!(error, Error::TurnNotStarted { .. }), "{error:?}");
        let text = error.to_string();
        assert!(!text.contains("unknown"), "{text}");

        let before = clock.now();
        let waited = session.wait().await;
        let run = waited.unwrap_or_else(|error| panic!("after {way}: {error}"));
        assert_eq!(run.answer(), Some("the first answer"));
        assert_eq!(clock.now(), before);
    }
}
