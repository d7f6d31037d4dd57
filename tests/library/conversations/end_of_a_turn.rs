//! A turn ends with its own answer, and not with a message of the turn before.

use dinoai::time::Clock;
use dinoai::{Error, OnTimeout};

use crate::support::operations::{STOP, sent};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{agent, all, run, shown, user};
use crate::waiting::ways::{HOUR, WAYS, answer, first_turn};

#[tokio::test]
async fn an_answer_that_is_older_than_the_echo_ends_the_turn_after_half_a_minute() {
    for way in WAYS {
        let (_server, client, clock) = shown(|seen, since_sent| {
            let mut messages = first_turn();
            if since_sent.is_some() {
                // The clock of the agent's pod is behind.
                messages.push(user(102.0, "And now?"));
                messages.push(agent(100.5, "the second answer"));
            }
            run(seen, "COMPLETED", &messages)
        })
        .await;
        let session = session(&client);
        session.wait().await.unwrap();
        let before = clock.now();
        let answer = answer(way, &session, HOUR).await;
        let answer = answer.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(answer.unwrap(), "the second answer", "{way}");
        let waited = clock.now() - before;
        assert!(waited <= seconds(30 + 6), "{way}: {waited:?}");
    }
}

#[tokio::test]
async fn a_late_message_of_the_turn_before_does_not_end_a_turn() {
    for way in WAYS {
        let (_server, client, _) = shown(|seen, since_sent| {
            let time = since_sent.unwrap_or_default();
            let mut messages = first_turn();
            if since_sent.is_some() {
                messages.push(agent(3.0, "a late message"));
            }
            // The echo is shown late, and the status is that of the turn before.
            if time >= seconds(12) {
                messages.push(user(100.0, "And now?"));
            }
            if time >= seconds(40) {
                messages.push(agent(101.0, "the second answer"));
            }
            let is_in_progress = (seconds(25)..seconds(40)).contains(&time);
            run(
                seen,
                if is_in_progress {
                    "RUNNING"
                } else {
                    "COMPLETED"
                },
                &messages,
            )
        })
        .await;
        let session = session(&client);
        session.wait().await.unwrap();
        let answer = answer(way, &session, HOUR).await.unwrap();
        assert_eq!(answer.unwrap(), "the second answer", "{way}");
    }
}

#[tokio::test]
async fn a_timeout_before_the_turn_has_started_says_so() {
    for way in WAYS {
        let (_server, client, _) = shown(|seen, _| run(seen, "COMPLETED", &first_turn())).await;
        let session = session(&client);
        session.wait().await.unwrap();
        let error = answer(way, &session, seconds(60)).await.unwrap_err();
        assert!(matches!(error, Error::WaitTimeout(_)), "{way}: {error:?}");
        let text = error.to_string();
        assert!(text.contains("has not started"), "{way}: {text}");
        assert!(!text.contains("could not be read"), "{way}: {text}");
    }
}

/// Without an echo an answer and a late message look alike.
#[tokio::test]
async fn a_turn_whose_answer_may_be_there_at_the_deadline_is_not_stopped() {
    for way in ["ask", "wait", "watch", "tree"] {
        let (server, client, _) = shown(|seen, since_sent| {
            let mut messages = first_turn();
            if since_sent.is_some_and(|time| time >= seconds(8)) {
                messages.push(agent(101.0, "the second answer"));
            }
            run(seen, "COMPLETED", &messages)
        })
        .await;
        let session = session(&client);
        let (timeout, interval) = (seconds(20), seconds(6));
        let stop = OnTimeout::Stop;
        let result = if way == "ask" {
            let ask = session.ask("And now?").timeout(timeout);
            ask.poll_interval(interval).on_timeout(stop).await.map(drop)
        } else {
            session.send("And now?").await.unwrap();
            match way {
                "wait" => {
                    let wait = session.wait().timeout(timeout);
                    wait.poll_interval(interval)
                        .on_timeout(stop)
                        .await
                        .map(drop)
                }
                "tree" => {
                    let wait = session.tree().until_ended().timeout(timeout);
                    wait.poll_interval(interval)
                        .on_timeout(stop)
                        .await
                        .map(drop)
                }
                _ => {
                    let watch = session.watch().timeout(timeout);
                    let watch = watch.poll_interval(interval).on_timeout(stop);
                    all(watch.events()).await.pop().unwrap().map(drop)
                }
            }
        };
        let error = result.unwrap_err();
        assert!(matches!(error, Error::WaitTimeout(_)), "{way}: {error:?}");
        assert_eq!(sent(&server, STOP), 0, "{way}: {error}");
    }
}

/// Timestamps in whole seconds.
#[tokio::test]
async fn an_answer_in_the_same_second_as_the_echo_ends_the_turn_at_once() {
    for way in ["ask", "wait", "watch", "tree"] {
        let (_server, client, clock) = shown(|seen, since_sent| {
            let mut messages = first_turn();
            if since_sent.is_some() {
                messages.push(user(100.0, "And now?"));
                messages.push(agent(100.0, "the second answer"));
            }
            run(seen, "COMPLETED", &messages)
        })
        .await;
        let session = session(&client);
        session.wait().await.unwrap();
        let before = clock.now();
        let answer = answer(way, &session, HOUR).await.unwrap();
        assert_eq!(answer.unwrap(), "the second answer", "{way}");
        assert_eq!(clock.now(), before, "{way}");
    }
}

#[tokio::test]
async fn a_turn_that_has_not_started_by_the_timeout_is_stopped_where_that_was_asked_for() {
    // The status of the turn before is not the end of this one.
    let (server, client, _) = shown(|seen, _| run(seen, "COMPLETED", &first_turn())).await;
    let session = session(&client);
    session.wait().await.unwrap();
    let ask = session.ask("And now?").timeout(seconds(60));
    let error = ask.on_timeout(OnTimeout::Stop).await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!(sent(&server, STOP), 1);
}
