//! A run is looked at once more at the deadline before anything is said of it or done to it.

use std::time::Duration;

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Client, Error, OnTimeout, RunStatus, SessionId};

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::operations::{DIGEST, READ, STATUS, STOP, sent};
use crate::support::samples::{request, seconds, session};
use crate::support::shown_run::{all, client_by, end_of, run, shown, shows};
use crate::waiting::ways::{WAYS, answer, both_turns, first_turn};

/// A run that is in progress for seven seconds by the clock, and ends so.
async fn ends_after_seven_seconds(status: &'static str) -> (FaultServer, Client, VirtualClock) {
    let clock = VirtualClock::new();
    let script_clock = clock.clone();
    let server = shows(&clock, move |seen, _| {
        let has_ended = script_clock.now() >= seconds(7);
        let status = if has_ended { status } else { "RUNNING" };
        run(seen, status, &first_turn())
    })
    .await;
    let client = client_by(&server, &clock);
    (server, client, clock)
}

#[tokio::test]
async fn a_run_that_completes_between_the_last_poll_and_the_deadline_is_completed() {
    let (server, client, clock) = ends_after_seven_seconds("COMPLETED").await;
    let wait = session(&client).wait().poll_interval(seconds(6));
    let run = wait.timeout(seconds(11)).await.unwrap();
    assert_eq!(run.answer(), Some("the first answer"));
    // Two polls, then the last look: the status, and the run since it has ended.
    assert_eq!(server.operations(), [STATUS, STATUS, STATUS, READ]);
    assert_eq!(clock.now(), seconds(11));
}

#[tokio::test]
async fn a_run_that_fails_between_the_last_poll_and_the_deadline_has_failed() {
    let (_server, client, _) = ends_after_seven_seconds("FAILED").await;
    let wait = client.trigger_run_and_wait(request());
    let wait = wait.poll_interval(seconds(6)).timeout(seconds(11));
    let error = wait.await.unwrap_err();
    assert!(matches!(error, Error::RunFailed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_run_that_has_ended_by_the_deadline_is_not_stopped() {
    let (server, client, _) = ends_after_seven_seconds("COMPLETED").await;
    let wait = client
        .trigger_run_and_wait(request())
        .poll_interval(seconds(6))
        .timeout(seconds(11))
        .on_timeout(OnTimeout::Stop);
    let waited = wait.await;
    assert_eq!(sent(&server, STOP), 0, "{waited:?}");
    assert_eq!(waited.unwrap().status, RunStatus::Completed);
}

#[tokio::test]
async fn a_run_that_is_still_in_progress_at_the_last_look_is_stopped() {
    let (server, client, _) = ends_after_seven_seconds("COMPLETED").await;
    let wait = session(&client)
        .wait()
        .poll_interval(seconds(4))
        .timeout(seconds(6))
        .on_timeout(OnTimeout::Stop);
    let error = wait.await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(server.operations(), [STATUS, STATUS, STATUS, STOP]);
}

#[tokio::test]
async fn a_watch_looks_once_more_at_its_deadline() {
    let (_server, client, _) = ends_after_seven_seconds("COMPLETED").await;
    let watch = session(&client).watch().poll_interval(seconds(6));
    let items = all(watch.timeout(seconds(11)).events()).await;
    let end = end_of(&items).unwrap_or_else(|| panic!("{items:#?}"));
    assert_eq!(end.status, RunStatus::Completed);
}

#[tokio::test]
async fn a_tree_is_looked_at_once_more_at_its_deadline() {
    let (_server, client, _) = ends_after_seven_seconds("COMPLETED").await;
    let wait = session(&client).tree().until_ended();
    let wait = wait.poll_interval(seconds(6)).timeout(seconds(11));
    let tree = wait.await.unwrap();
    assert!(tree.has_ended());
}

#[tokio::test]
async fn many_runs_are_looked_at_once_more_at_their_deadline() {
    let (_server, client, _) = ends_after_seven_seconds("COMPLETED").await;
    let ids = ["a", "b", "c"].map(|id| SessionId::new(id).unwrap());
    let mut results = client
        .wait_all(ids)
        .unwrap()
        .poll_interval(seconds(6))
        .timeout(seconds(11))
        .results();
    let mut completed = 0;
    while let Some((id, result)) = results.next().await {
        assert_eq!(result.unwrap().session_id, id);
        completed += 1;
    }
    assert_eq!(completed, 3);

    let (_server, client, _) = ends_after_seven_seconds("COMPLETED").await;
    let mut results = client
        .run_all([request()], 1)
        .poll_interval(seconds(6))
        .timeout(seconds(11))
        .results();
    let (_, result) = results.next().await.unwrap();
    assert_eq!(result.unwrap().status, RunStatus::Completed);
}

#[tokio::test]
async fn a_turn_that_is_answered_between_the_last_poll_and_the_deadline_has_its_answer() {
    for way in WAYS {
        let (_server, client, _) = shown(|seen, since_sent| match since_sent {
            // It never reads as in progress: the answer itself is the only activity.
            Some(time) if time >= seconds(7) => run(seen, "COMPLETED", &both_turns()),
            _ => run(seen, "COMPLETED", &first_turn()),
        })
        .await;
        let session = session(&client);
        session.wait().await.unwrap();
        let answer = answer(way, &session, seconds(11)).await;
        assert_eq!(answer.unwrap().unwrap(), "the second answer", "{way}");
    }
}

/// A poll answered only after the deadline is the last look, whatever has succeeded before it.
#[tokio::test]
async fn a_poll_that_is_under_way_at_the_deadline_is_awaited_and_is_the_last_look() {
    for (way, polls_before) in [
        ("wait", 0),
        ("wait", 1),
        ("watch", 0),
        ("watch", 1),
        ("wait_all", 0),
        ("wait_all", 1),
    ] {
        let clock = VirtualClock::new();
        let (script_clock, mut polls) = (clock.clone(), 0);
        let server = shows(&clock, move |seen, _| {
            polls += usize::from([STATUS, DIGEST].contains(&seen.operation.as_str()));
            let reply = run(seen, "RUNNING", &[]);
            if polls <= polls_before {
                return reply;
            }
            // The deadline comes while it is answered, which takes longer than was left until then.
            script_clock.advance(seconds(1));
            Reply::Late(Duration::from_millis(80), Box::new(reply))
        })
        .await;
        let client = client_by(&server, &clock);
        clock.advance(seconds(1));
        let interval = seconds(1);
        let timeout = interval * polls_before as u32 + Duration::from_millis(20);
        let result = match way {
            "wait" => {
                let wait = session(&client).wait().timeout(timeout);
                wait.poll_interval(interval).await.map(drop)
            }
            "watch" => {
                let watch = session(&client).watch().timeout(timeout);
                let mut items = all(watch.poll_interval(interval).events()).await;
                items.pop().unwrap().map(drop)
            }
            _ => {
                let ids = [SessionId::new(SESSION).unwrap()];
                let all = client.wait_all(ids).unwrap().timeout(timeout);
                let mut all = all.poll_interval(interval).results();
                all.next().await.unwrap().1.map(drop)
            }
        };
        let case = format!("{way} after {polls_before}");
        let Err(Error::WaitTimeout(timeout)) = result else {
            panic!("{case}: {result:?}");
        };
        assert_eq!(timeout.last_status, Some(RunStatus::Running), "{case}");
        assert!(timeout.last_error.is_none(), "{case}: {timeout:?}");
        assert_eq!(timeout.polls as usize, polls_before + 1, "{case}");
        let operations = server.operations();
        let polls = operations.iter().filter(|name| *name != READ).count();
        assert_eq!(polls, polls_before + 1, "{case}: {operations:?}");
    }
}
