//! How a call for a value ends if no second answer comes: whatever keeps it away, the first answer is there, and
//! nothing is sent that nobody asked for.

use std::sync::Arc;
use std::time::Duration;

use dinoai::error::AnswerProblem::Malformed;
use dinoai::time::{Clock, VirtualClock};
use dinoai::{Client, Error, OnTimeout, Result};
use tokio::sync::Notify;

use super::conversing::{RIGHT, SILENT, WAYS, WRONG, asked, conversing, of, started};
use super::wrong;
use crate::support::fault_server::{Reply, SESSION};
use crate::support::memory_journal::MemoryJournal;
use crate::support::operations::{SEND, STOP, sent};
use crate::support::samples::{request, seconds, session};
use crate::support::shown_run::client_by;

const STALL: Duration = Duration::from_secs(600);
/// A quarter of it, and a poll.
const LATE: Duration = Duration::from_secs(160);

/// Why the follow-up that asked again came to no answer, beside the first answer.
#[track_caller]
fn without_second_answer(error: Error) -> Error {
    assert!(
        error.may_have_started() && !error.is_retryable(),
        "{error:?}"
    );
    let wrong = wrong(error);
    assert_eq!((wrong.problem, wrong.text.as_str()), (Malformed, WRONG));
    assert_eq!(wrong.run.unwrap().answer(), Some(WRONG));
    assert!(wrong.before.is_none(), "{:?}", wrong.before);
    wrong.follow_up.unwrap()
}

#[tokio::test]
async fn a_rate_limit_that_lasts_is_kept_with_the_answer_and_has_started_no_second_turn() {
    for way in WAYS {
        let clock = VirtualClock::new();
        let [(_, own), _] = of(way);
        let turns = [("COMPLETED", WRONG), ("COMPLETED", RIGHT)];
        let server = conversing(&clock, &turns, move |seen, begun| {
            let is_again = seen.operation == SEND && begun == 1;
            is_again.then(|| Reply::too_many_requests("1"))
        })
        .await;
        let client = client_by(&server, &clock);
        let limited = without_second_answer(asked(way, &client).await.unwrap_err());
        assert!(
            matches!(limited, Error::RateLimited { .. }),
            "{way}: {limited:?}"
        );
        // The refusals are proofs that nothing was carried out: as often as any call is tried, and no more.
        assert!(!limited.may_have_started(), "{limited:?}");
        assert_eq!(sent(&server, SEND), own + 4, "{way}");
        let run = client.session(SESSION).unwrap().run().await.unwrap();
        let questions = run.messages.iter().filter(|message| message.is_from_user());
        assert!(
            questions
                .into_iter()
                .all(|question| !dinoai::error::WrongAnswer::is_follow_up(question)),
            "{way}"
        );
    }
}

#[tokio::test]
async fn a_second_turn_without_activity_is_kept_with_the_answer() {
    for way in WAYS {
        let clock = VirtualClock::new();
        let server = conversing(&clock, &[("COMPLETED", WRONG), SILENT], |_, _| None).await;
        let client = client_by(&server, &clock);
        let silent = without_second_answer(asked(way, &client).await.unwrap_err());
        assert!(
            matches!(silent, Error::TurnNotStarted { .. }),
            "{way}: {silent:?}"
        );
        assert!(silent.may_have_started());
        assert_eq!(started(&server), of(way)[1], "{way}");
        // Reported once, and long before the timeout.
        assert!(clock.now() < seconds(300), "{:?}", clock.now());
        let run = client.session(SESSION).unwrap().wait().await.unwrap();
        assert_eq!(run.answer(), Some(WRONG));
    }
}

async fn stalling(way: &str, client: &Client, on_timeout: OnTimeout) -> Result<Vec<u64>> {
    let answer = match way {
        "run_once" => {
            let journal = MemoryJournal::default();
            let once = client.run_once("nightly", request(), &journal);
            let run = once.stall(STALL).on_timeout(on_timeout).await?;
            return run.answer_json();
        }
        "run_json" => client.run_json(request()),
        _ => session(client).ask_json("How many rows?"),
    };
    answer.stall(STALL).on_timeout(on_timeout).await
}

#[track_caller]
fn is_stalled(error: &Error, way: &str) {
    match error {
        Error::WaitTimeout(timeout) => {
            let stalled = timeout.stalled.unwrap();
            assert!(
                (STALL..STALL + LATE).contains(&stalled),
                "{way}: {stalled:?}"
            );
        }
        other => panic!("{way}: {other:?}"),
    }
}

#[tokio::test]
async fn a_first_turn_that_stalls_ends_the_call_and_nothing_is_asked_again() {
    for way in ["run_once", "run_json", "ask_json"] {
        for on_timeout in [OnTimeout::Leave, OnTimeout::Stop] {
            let clock = VirtualClock::new();
            let server = conversing(&clock, &[], |_, _| None).await;
            let client = client_by(&server, &clock);
            let error = stalling(way, &client, on_timeout).await.unwrap_err();
            is_stalled(&error, way);
            assert!(error.may_have_started(), "{way}: {error:?}");
            assert!(clock.now() < STALL + LATE, "{way}: {:?}", clock.now());
            let starts = match way {
                "run_once" => (1, 0),
                way => of(way)[0],
            };
            assert_eq!(started(&server), starts, "{way}");
            assert_eq!(
                sent(&server, STOP),
                usize::from(on_timeout == OnTimeout::Stop)
            );
        }
    }
}

#[tokio::test]
async fn a_second_turn_that_stalls_ends_the_call_beside_the_first_answer() {
    for way in WAYS {
        for on_timeout in [OnTimeout::Leave, OnTimeout::Stop] {
            let clock = VirtualClock::new();
            let server = conversing(&clock, &[("COMPLETED", WRONG)], |_, _| None).await;
            let client = client_by(&server, &clock);
            let error = stalling(way, &client, on_timeout).await.unwrap_err();
            is_stalled(&without_second_answer(error), way);
            assert!(clock.now() < STALL + LATE, "{way}: {:?}", clock.now());
            assert_eq!(started(&server), of(way)[1], "{way}");
            assert_eq!(
                sent(&server, STOP),
                usize::from(on_timeout == OnTimeout::Stop)
            );
        }
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_between_its_turns_sends_nothing_more() {
    for way in WAYS {
        let clock = VirtualClock::new();
        let turns = [("COMPLETED", WRONG), ("COMPLETED", RIGHT)];
        let server = conversing(&clock, &turns, |_, _| None).await;
        let client = client_by(&server, &clock);
        let answer = match way {
            "run_json" => client.run_json::<Vec<u64>>(request()),
            _ => session(&client).ask_json("How many rows?"),
        };
        let between = Arc::new(Notify::new());
        let is_between = between.clone();
        let answer = answer.on_wrong(move |_| is_between.notify_one());
        tokio::select! {
            biased;
            answered = answer.into_future() => panic!("{way}: {answered:?}"),
            () = between.notified() => {}
        }
        assert_eq!(started(&server), of(way)[0], "{way}");
        // A turn that had been begun would be over after that.
        let session = client.session(SESSION).unwrap();
        for _ in 0..10 {
            clock.advance(seconds(1));
            let run = session.run().await.unwrap();
            assert_eq!(run.answer(), Some(WRONG), "{way}");
        }
        assert_eq!(started(&server), of(way)[0], "{way}");
    }
}
