//! An ask waits until the run is idle, and asks on one session take turns.

use std::time::Duration;

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Error, OnTimeout};

use crate::support::fault_server::{FastClock, FaultServer, Reply, SESSION};
use crate::support::operations::{SEND, STOP, sent};
use crate::support::samples::{request, seconds, session};
use crate::support::shown_run::{accepted, agent, client_by, run, shown, shows, texts, user};
use crate::waiting::ways::{both_turns, first_turn};

#[tokio::test]
async fn an_ask_of_a_run_in_progress_waits_until_it_is_idle() {
    let clock = VirtualClock::new();
    let script_clock = clock.clone();
    let server = shows(&clock, move |seen, since_sent| match since_sent {
        None if script_clock.now() < seconds(30) => run(seen, "RUNNING", &first_turn()[..1]),
        None => run(seen, "COMPLETED", &first_turn()),
        Some(time) if time < seconds(20) => run(seen, "RUNNING", &first_turn()),
        Some(_) => run(seen, "COMPLETED", &both_turns()),
    })
    .await;
    let client = client_by(&server, &clock);
    let session = client.start(request()).await.unwrap();
    let turn = session.ask("And now?").await.unwrap();
    assert_eq!(texts(&turn.messages), ["the second answer"]);
    assert!(clock.now() >= seconds(30 + 20), "{:?}", clock.now());
    assert_eq!(sent(&server, SEND), 1);
}

#[tokio::test]
async fn an_ask_of_a_run_that_does_not_come_to_rest_sends_nothing_and_stops_nothing() {
    let (server, client, clock) = shown(|seen, _| run(seen, "RUNNING", &first_turn())).await;
    let session = client.start(request()).await.unwrap();
    let ask = session.ask("And now?").on_timeout(OnTimeout::Stop);
    let error = ask.timeout(seconds(60)).await.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert_eq!((sent(&server, SEND), sent(&server, STOP)), (0, 0));
    assert_eq!(error.session_id().unwrap().as_str(), SESSION);
    assert!(!error.may_have_started(), "{error:?}");
    assert_eq!(clock.now(), seconds(60));
}

#[tokio::test]
async fn a_follow_up_is_not_tried_again_after_the_deadline_of_its_ask_or_watch() {
    for way in ["ask", "watch"] {
        let clock = VirtualClock::new();
        let server = FaultServer::scripted(|seen| match seen.operation.as_str() {
            SEND => Reply::too_many_requests("30"),
            _ => run(seen, "COMPLETED", &first_turn()),
        })
        .await;
        let session = session(&client_by(&server, &clock));
        let error = match way {
            "ask" => session.ask("And now?").timeout(seconds(10)).await.err(),
            _ => {
                let watch = session.send_and_watch("And now?").timeout(seconds(10));
                watch.events().next().await.and_then(Result::err)
            }
        };
        assert!(
            matches!(error, Some(Error::RateLimited { .. })),
            "{way}: {error:?}"
        );
        assert_eq!(sent(&server, SEND), 1, "{way}");
        assert!(clock.now() < seconds(10), "{way}: {:?}", clock.now());
    }
}

#[tokio::test]
async fn two_asks_at_once_on_one_session_each_get_their_own_answer() {
    let clock = FastClock::with_second(Duration::from_millis(10));
    let mut conversation = first_turn();
    let (mut in_progress_until, mut question) = (Duration::ZERO, None::<String>);
    let script_clock = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        let now = script_clock.now();
        let ts = 10.0 + conversation.len() as f64;
        if now >= in_progress_until
            && let Some(question) = question.take()
        {
            conversation.push(agent(ts, &format!("the answer to {question}")));
        }
        if seen.operation == SEND {
            let message = seen.variables["message"].as_str().unwrap();
            let ts = 10.0 + conversation.len() as f64;
            conversation.push(user(ts, message));
            question = Some(match question.take() {
                Some(before) => format!("{before} and {message}"),
                None => message.to_owned(),
            });
            in_progress_until = now + seconds(5);
            return accepted(seen);
        }
        let is_in_progress = now < in_progress_until;
        run(
            seen,
            if is_in_progress {
                "RUNNING"
            } else {
                "COMPLETED"
            },
            &conversation,
        )
    })
    .await;
    let client = client_by(&server, &clock);
    let session = session(&client);
    session.wait().await.unwrap();
    let asks = async {
        tokio::join!(
            session.ask("one").poll_interval(seconds(1)).into_future(),
            session.ask("two").poll_interval(seconds(1)).into_future(),
        )
    };
    let (one, two) = asks.await;
    assert_eq!(texts(&one.unwrap().messages), ["the answer to one"]);
    assert_eq!(texts(&two.unwrap().messages), ["the answer to two"]);
    let seen = server.seen();
    let sends = seen.iter().filter(|seen| seen.operation == SEND);
    let sent: Vec<_> = sends.map(|seen| &seen.variables["message"]).collect();
    assert_eq!(sent, ["one", "two"]);
}

#[tokio::test]
async fn an_ask_whose_time_is_over_while_another_is_in_progress_says_that_it_was_not_sent() {
    let (server, client, _) = shown(|seen, since_sent| match since_sent {
        None => run(seen, "COMPLETED", &first_turn()),
        Some(_) => run(seen, "RUNNING", &first_turn()),
    })
    .await;
    let session = session(&client);
    let one = session.ask("one").timeout(seconds(120));
    let two = session.ask("two").timeout(seconds(60));
    let (one, two) = tokio::join!(one.into_future(), two.into_future());
    assert!(matches!(one, Err(Error::WaitTimeout(_))), "{one:?}");
    let error = two.unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    assert!(!error.may_have_started(), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("was not sent"), "{text}");
    assert!(!text.contains("could not be read"), "{text}");
    let seen = server.seen();
    let sends = seen.iter().filter(|seen| seen.operation == SEND);
    let sent: Vec<_> = sends.map(|seen| &seen.variables["message"]).collect();
    assert_eq!(sent, ["one"]);
}

#[tokio::test]
async fn an_ask_that_meets_a_follow_up_on_its_way_waits_for_the_turn_of_that() {
    let clock = FastClock::with_second(Duration::from_millis(10));
    let mut conversation = first_turn();
    let (mut in_progress_until, mut questions) = (Duration::ZERO, vec![]);
    let script = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        let now = script.now();
        let mut say = |is_user: bool, text: &str| {
            let ts = 10.0 + conversation.len() as f64;
            let message = if is_user {
                user(ts, text)
            } else {
                agent(ts, text)
            };
            conversation.push(message);
        };
        if now >= in_progress_until && !questions.is_empty() {
            say(false, &format!("the answer to {}", questions.join(" and ")));
            questions.clear();
        }
        if seen.operation == SEND {
            let message = seen.variables["message"].as_str().unwrap().to_owned();
            say(true, &message);
            questions.push(message);
            in_progress_until = now + seconds(5);
            return accepted(seen);
        }
        let status = if now < in_progress_until {
            "RUNNING"
        } else {
            "COMPLETED"
        };
        run(seen, status, &conversation)
    })
    .await;
    let session = session(&client_by(&server, &clock));
    let both = async {
        let ask = session.ask("two").poll_interval(seconds(1));
        tokio::join!(session.send("one"), ask.into_future())
    };
    let (send, ask) = both.await;
    send.unwrap();
    assert_eq!(ask.unwrap().answer(), Some("the answer to two"));
}
