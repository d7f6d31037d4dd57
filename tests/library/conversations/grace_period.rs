//! A turn without activity is reported once, after the grace period.

use std::time::Duration;

use dinoai::{Error, Event, PollOptions, RunStatus, Schedule};

use crate::conversations::random_world::{Chapter, elsewhere, play, run};
use crate::support::fault_server::SESSION;

fn quiet(end: &str) -> Chapter {
    Chapter {
        stale: 3,
        has_echo: true,
        has_latecomer: false,
        moments: vec![],
        end: end.to_owned(),
        last_words: 1,
    }
}

#[tokio::test]
async fn a_turn_without_activity_is_reported_once_after_the_grace_period() {
    let slow = Chapter {
        stale: 20,
        ..quiet("COMPLETED")
    };
    let play = play(quiet("COMPLETED"), vec![slow], 1).await;
    let session = play.client.session(SESSION).unwrap();
    session.wait().await.unwrap();
    let ask = session
        .ask("are you there?")
        .poll_interval(Duration::from_secs(10));
    let error = ask.await.unwrap_err();
    assert!(matches!(error, Error::TurnNotStarted { .. }), "{error:?}");
    assert!(error.may_have_started() && !error.is_retryable());
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    insta::assert_snapshot!(error);

    // Reported once: the turn is closed, in another process too.
    let run = elsewhere(&play.client, &session).wait().await.unwrap();
    assert_eq!(run.answer(), Some("answer 0"));
    assert!(!session.checkpoint().has_open_turn());
}

#[tokio::test]
async fn every_wait_on_a_session_takes_a_grace_period_of_its_own() {
    for wait in ["ask", "wait", "watch", "tree", "options"] {
        let silent = Chapter {
            stale: 200,
            ..quiet("COMPLETED")
        };
        let play = play(quiet("COMPLETED"), vec![silent], 1).await;
        let session = play.client.session(SESSION).unwrap();
        session.wait().await.unwrap();
        let minute = Duration::from_secs(60);
        let second = Duration::from_secs(1);
        if wait != "ask" {
            session.send("are you there?").await.unwrap();
        }
        let result = match wait {
            "ask" => {
                let ask = session.ask("are you there?").grace_period(minute);
                ask.poll_interval(second).await.map(drop)
            }
            "wait" => {
                let wait = session.wait().grace_period(minute);
                wait.poll_interval(second).await.map(drop)
            }
            "options" => {
                let options = PollOptions::default()
                    .with_grace_period(minute)
                    .with_schedule(Schedule::every(second));
                session.wait().poll_options(options).await.map(drop)
            }
            "watch" => {
                let watch = session.watch().grace_period(minute);
                let mut events = watch.poll_interval(second).events();
                loop {
                    match events.next().await.unwrap() {
                        Ok(Event::Ended(_)) => break Ok(()),
                        Ok(_) => {}
                        Err(error) => break Err(error),
                    }
                }
            }
            _ => {
                let tree = session.tree().until_ended().grace_period(minute);
                tree.poll_interval(second).await.map(drop)
            }
        };
        let Err(Error::TurnNotStarted { waited, .. }) = result else {
            panic!("{wait}: {result:?}");
        };
        assert!((60..62).contains(&waited.as_secs()), "{wait}: {waited:?}");
    }
}

#[tokio::test]
async fn a_stopped_turn_may_have_no_message_and_an_expired_one_ends_at_once() {
    for (end, status) in [
        ("STOPPED", RunStatus::Stopped),
        ("EXPIRED", RunStatus::Expired),
    ] {
        let silent = Chapter {
            last_words: 0,
            ..quiet(end)
        };
        let play = play(quiet("COMPLETED"), vec![silent], 1).await;
        let session = play.client.session(SESSION).unwrap();
        session.wait().await.unwrap();
        let turn = session.ask("go on").await.unwrap();
        assert_eq!((turn.status, turn.messages.len()), (status, 0));
    }
}

#[tokio::test]
async fn a_follow_up_to_an_expired_run_is_not_taken_for_ended_by_the_old_end() {
    let silent = Chapter {
        stale: 40,
        last_words: 0,
        ..quiet("EXPIRED")
    };
    let play = play(quiet("EXPIRED"), vec![silent], 1).await;
    let session = play.client.session(SESSION).unwrap();
    session.wait().await.unwrap_err();
    let ask = session.ask("go on").poll_interval(Duration::from_secs(10));
    let error = ask.await.unwrap_err();
    assert!(matches!(error, Error::TurnNotStarted { .. }), "{error:?}");
}

#[tokio::test]
async fn a_wait_after_a_follow_up_of_the_same_session_does_not_return_the_old_answer() {
    let play = play(quiet("COMPLETED"), vec![quiet("FAILED")], 1).await;
    let session = play.client.session(SESSION).unwrap();
    session.wait().await.unwrap();
    session.send("go on").await.unwrap();
    let error = session.wait().await.unwrap_err();
    assert!(matches!(error, Error::RunFailed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_blank_follow_up_is_refused_before_the_run_is_read() {
    let play = play(quiet("COMPLETED"), vec![], 1).await;
    let session = play.client.session(SESSION).unwrap();
    for error in [
        session.ask(" ").await.unwrap_err(),
        session.send("").await.unwrap_err(),
    ] {
        assert!(
            matches!(
                error,
                Error::InvalidRequest {
                    field: "message",
                    ..
                }
            ),
            "{error:?}"
        );
    }
    assert_eq!(play._server.answers(), []);
}

#[test]
fn a_checkpoint_is_small_and_holds_no_text() {
    run(async {
        let chapters = vec![quiet("COMPLETED")];
        let play = play(quiet("COMPLETED"), chapters, 1).await;
        let session = play.client.session(SESSION).unwrap();
        session.wait().await.unwrap();
        session.ask("a secret question").await.unwrap();
        let stored = serde_json::to_string(&session.checkpoint()).unwrap();
        assert!(stored.len() < 500, "{stored}");
        assert!(
            !stored.contains("secret") && !stored.contains("answer"),
            "{stored}"
        );
        assert_eq!(session.checkpoint().session_id().as_str(), SESSION);
    });
}
