//! Where an answer is not the value that was asked for, one follow-up says what is wrong with it, and no
//! second one; and none follows a turn that has not completed, or a trigger or a follow-up of unknown outcome.

use std::sync::{Arc, Mutex};

use dinoai::error::AnswerProblem::{self, Malformed, NoJson, NotCompleted};
use dinoai::error::WrongAnswer;
use dinoai::time::{Clock, VirtualClock};
use dinoai::{Error, Event, Message, OnTimeout, RunStatus};
use tokio::sync::Notify;

use super::conversing::{RIGHT, WAYS, WRONG, asked, conversing, last_message, of, started};
use super::wrong;
use crate::support::fault_server::{Reply, SESSION};
use crate::support::operations::{SEND, STATUS, STOP, TRIGGER, sent};
use crate::support::samples::{request, seconds, session};
use crate::support::shown_run::client_by;

#[tokio::test]
async fn an_answer_that_is_right_is_not_asked_for_again() {
    for way in WAYS {
        let clock = VirtualClock::new();
        let server = conversing(&clock, &[("COMPLETED", RIGHT)], |_, _| None).await;
        let client = client_by(&server, &clock);
        assert_eq!(asked(way, &client).await.unwrap(), [1, 2], "{way}");
        assert_eq!(started(&server), of(way)[0], "{way}");
    }
}

#[tokio::test]
async fn an_answer_that_is_wrong_is_asked_for_once_more_by_what_is_wrong_with_it() {
    let turns = [("COMPLETED", WRONG), ("COMPLETED", RIGHT)];
    for way in WAYS {
        let clock = VirtualClock::new();
        let server = conversing(&clock, &turns, |_, _| None).await;
        let client = client_by(&server, &clock);
        let calls = Arc::new(Mutex::new(vec![]));
        let note = |what: &'static str| {
            let calls = calls.clone();
            move |detail: String| calls.lock().unwrap().push(format!("{what} {detail}"))
        };
        let (started_hook, accepted_hook, wrong_hook) =
            (note("started"), note("accepted"), note("wrong"));
        let answer = match way {
            "run_json" => client.run_json::<Vec<u64>>(request()),
            _ => session(&client).ask_json("How many rows?"),
        };
        let answer = answer
            .on_started(move |id| started_hook(id.to_string()))
            .on_accepted(move |accepted| accepted_hook(accepted.status.clone()))
            .on_wrong(move |wrong| wrong_hook(format!("{:?}", wrong.problem)));
        assert_eq!(answer.await.unwrap(), [1, 2], "{way}");
        assert_eq!(started(&server), of(way)[1], "{way}");
        let text = last_message(&server);
        assert!(
            text.contains("at line 3, column 7: trailing comma"),
            "{text}"
        );
        assert!(text.contains("the line ```json,"), "{text}");
        let echo = Message::new(1.0, "user", text.clone());
        assert!(WrongAnswer::is_follow_up(&echo));
        assert!(!WrongAnswer::is_follow_up(&Message::new(
            1.0, "agent", text
        )));
        let calls = calls.lock().unwrap();
        assert_eq!(
            *calls,
            [
                "accepted queued",
                &format!("started {SESSION}"),
                "wrong Malformed"
            ],
            "{way}"
        );
    }
}

#[tokio::test]
async fn a_second_answer_that_is_wrong_ends_it_and_nothing_is_lost() {
    let turns = [
        ("COMPLETED", WRONG),
        ("COMPLETED", "None."),
        ("COMPLETED", RIGHT),
    ];
    for way in WAYS {
        let clock = VirtualClock::new();
        let server = conversing(&clock, &turns, |_, _| None).await;
        let client = client_by(&server, &clock);
        let error = asked(way, &client).await.unwrap_err();
        assert_eq!(started(&server), of(way)[1], "{way}");
        assert_eq!(error.session_id().unwrap().as_str(), SESSION);
        assert!(
            error.may_have_started() && !error.is_retryable(),
            "{error:?}"
        );
        assert!(
            error
                .to_string()
                .ends_with("; it was asked for again once already"),
            "{error}"
        );
        let second = wrong(error);
        assert_eq!((second.problem, second.text.as_str()), (NoJson, "None."));
        assert_eq!(
            second.run.as_ref().unwrap().answer(),
            Some("None."),
            "{second:?}"
        );
        assert!(second.follow_up.is_none());
        let first = second.before.unwrap();
        assert_eq!((first.problem, first.text.as_str()), (Malformed, WRONG));
        assert_eq!(first.run.unwrap().answer(), Some(WRONG));
    }
}

#[tokio::test]
async fn a_follow_up_that_asks_again_is_not_sent_again_and_its_failure_hides_no_answer() {
    let turns = [("COMPLETED", WRONG), ("COMPLETED", RIGHT)];
    for way in WAYS {
        for reply in [Reply::html(502), Reply::ResetAfter, Reply::html(403)] {
            let clock = VirtualClock::new();
            let is_lost = !matches!(&reply, Reply::Http(403, ..));
            let own = usize::from(way == "ask_json");
            let server = conversing(&clock, &turns, move |seen, begun| {
                let is_again = seen.operation == SEND && begun == 1;
                is_again.then(|| reply.clone())
            })
            .await;
            let client = client_by(&server, &clock);
            let error = asked(way, &client).await.unwrap_err();
            assert_eq!(sent(&server, SEND), own + 1, "{way}");
            assert!(error.may_have_started(), "{error:?}");
            assert!(
                error
                    .to_string()
                    .contains("; the follow-up that asks for it again has failed: ")
            );
            let wrong = wrong(error);
            assert_eq!((wrong.problem, wrong.text.as_str()), (Malformed, WRONG));
            assert_eq!(wrong.run.unwrap().answer(), Some(WRONG));
            let is_unknown = matches!(wrong.follow_up, Some(Error::OutcomeUnknown { .. }));
            assert_eq!(is_unknown, is_lost, "{way}: {:?}", wrong.follow_up);
        }
    }
}

#[tokio::test]
async fn nothing_is_asked_after_an_unknown_outcome() {
    for way in WAYS {
        let clock = VirtualClock::new();
        let server = conversing(&clock, &[("COMPLETED", WRONG)], |seen, _| {
            let starts = [TRIGGER, SEND].contains(&seen.operation.as_str());
            starts.then(|| Reply::html(502))
        })
        .await;
        let client = client_by(&server, &clock);
        let error = asked(way, &client).await.unwrap_err();
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
        assert_eq!(started(&server), of(way)[0], "{way}");
    }
}

#[tokio::test]
async fn a_run_or_a_turn_that_has_not_completed_is_not_asked_again() {
    for status in ["FAILED", "STOPPED", "EXPIRED"] {
        for way in WAYS {
            let clock = VirtualClock::new();
            let server = conversing(&clock, &[(status, RIGHT)], |_, _| None).await;
            let client = client_by(&server, &clock);
            let error = asked(way, &client).await.unwrap_err();
            assert_eq!(started(&server), of(way)[0], "{way}");
            assert!(error.may_have_started(), "{error:?}");
            match error {
                Error::RunFailed { run, .. } => {
                    assert_eq!((way, run.status.as_str()), ("run_json", status));
                }
                error => {
                    assert!(
                        error
                            .to_string()
                            .ends_with(&format!("its turn ended {status}")),
                        "{error}"
                    );
                    let wrong = wrong(error);
                    assert_eq!((way, wrong.problem), ("ask_json", NotCompleted));
                    assert_eq!(wrong.status, RunStatus::from(status.to_owned()));
                    assert_eq!((wrong.text.as_str(), wrong.run.is_some()), (RIGHT, true));
                }
            }
        }
    }
}

#[tokio::test]
async fn one_timeout_is_for_all_of_it_and_its_end_is_not_the_end_of_the_answer() {
    let clock = VirtualClock::new();
    let server = conversing(&clock, &[("COMPLETED", WRONG)], |_, _| None).await;
    let client = client_by(&server, &clock);
    let answer = client.run_json::<Vec<u64>>(request()).timeout(seconds(60));
    let error = answer.on_timeout(OnTimeout::Stop).await.unwrap_err();
    assert_eq!((clock.now(), started(&server)), (seconds(60), (1, 1)));
    assert_eq!(sent(&server, STOP), 1);
    assert!(error.may_have_started());
    let wrong = wrong(error);
    assert_eq!(wrong.text, WRONG);
    match wrong.follow_up {
        Some(Error::WaitTimeout(timeout)) => assert_eq!(timeout.elapsed, seconds(60)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nothing_is_sent_that_cannot_be_asked() {
    let clock = VirtualClock::new();
    let server = conversing(&clock, &[("COMPLETED", RIGHT)], |_, _| None).await;
    let client = client_by(&server, &clock);
    let session = session(&client);
    type Numbers = Vec<u64>;
    for (answer, field) in [
        (client.run_json::<Numbers>(request()).label(" "), "label"),
        (session.ask_json("How many?").label(""), "label"),
        (session.ask_json("How many?").label("a\nb"), "label"),
        (session.ask_json("How many?").label("a`b"), "label"),
        (session.ask_json(" \n"), "message"),
        (client.run_json(request().with_message("")), "message"),
        (client.run_json(request()).timeout(seconds(0)), "timeout"),
    ] {
        match answer.await.unwrap_err() {
            Error::InvalidRequest { field: named, .. } => assert_eq!(named, field),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(server.operations(), [""; 0]);
}

#[tokio::test]
async fn two_who_ask_at_once_each_get_their_own_second_answer() {
    let turns = [
        ("COMPLETED", "first"),
        ("COMPLETED", "```json\n[1]\n```"),
        ("COMPLETED", "second"),
        ("COMPLETED", "```json\n[2]\n```"),
    ];
    let clock = VirtualClock::new();
    let server = conversing(&clock, &turns, |_, _| None).await;
    let client = client_by(&server, &clock);
    let session = session(&client);
    let (one, two) = tokio::join!(
        session.ask_json::<Vec<u64>>("one").into_future(),
        session.ask_json::<Vec<u64>>("two").into_future(),
    );
    assert_eq!((one.unwrap(), two.unwrap()), (vec![1], vec![2]));
    let seen = server.seen();
    let sends = seen.iter().filter(|seen| seen.operation == SEND);
    let begins: Vec<_> = sends
        .map(|seen| {
            seen.variables["message"]
                .as_str()
                .unwrap()
                .chars()
                .take(5)
                .collect::<String>()
        })
        .collect();
    assert_eq!(begins, ["one", "A pro", "two", "A pro"]);
}

#[tokio::test]
async fn outages_are_shown_in_both_turns() {
    let turns = [("COMPLETED", WRONG), ("COMPLETED", RIGHT)];
    let clock = VirtualClock::new();
    let mut failed = [0, 0, 0];
    let server = conversing(&clock, &turns, move |seen, begun| {
        if seen.operation != STATUS && seen.operation != "DinoaiAgentRunDigest" {
            return None;
        }
        failed[begun] += 1;
        (failed[begun] == 2).then(|| Reply::html(503))
    })
    .await;
    let client = client_by(&server, &clock);
    let shown = Arc::new(Mutex::new(vec![]));
    let noted = shown.clone();
    let answer = client.run_json::<Vec<u64>>(request());
    let answer = answer.on_outage(move |_, outage| noted.lock().unwrap().push(outage.is_some()));
    assert_eq!(answer.await.unwrap(), [1, 2]);
    assert_eq!(*shown.lock().unwrap(), [true, false, true, false]);
}

#[tokio::test]
async fn a_watch_beside_it_takes_no_answer_away() {
    let clock = VirtualClock::new();
    let server = conversing(
        &clock,
        &[("COMPLETED", "first"), ("COMPLETED", RIGHT)],
        |_, _| None,
    )
    .await;
    let client = client_by(&server, &clock);
    let session = client.start(request()).await.unwrap();
    session.wait().await.unwrap();
    let accepted = Arc::new(Notify::new());
    let is_accepted = accepted.clone();
    let watched = async {
        accepted.notified().await;
        let mut emitted = vec![];
        let mut events = session.watch().poll_interval(seconds(1)).events();
        while let Some(event) = events.next().await {
            if let Event::Message(message) = event.unwrap() {
                emitted.push(message.content);
            }
        }
        emitted
    };
    let asked = session
        .ask_json::<Vec<u64>>("How many rows?")
        .poll_interval(seconds(20))
        .on_accepted(move |_| is_accepted.notify_one());
    let (asked, emitted) = tokio::join!(asked.into_future(), watched);
    assert_eq!(asked.unwrap(), [1, 2]);
    assert_eq!(emitted.last().map(String::as_str), Some(RIGHT));
    assert_eq!(started(&server), (1, 1));
}

#[tokio::test]
async fn the_answer_of_a_turn_before_is_not_that_of_a_turn_without_one() {
    let clock = VirtualClock::new();
    let turns = [
        ("COMPLETED", "first"),
        ("COMPLETED", RIGHT),
        ("COMPLETED", ""),
        ("COMPLETED", "```json\n[3]\n```"),
    ];
    let server = conversing(&clock, &turns, |_, _| None).await;
    let client = client_by(&server, &clock);
    let session = client.start(request()).await.unwrap();
    // Its answer is never read.
    session.send("And now?").await.unwrap();
    let asked = session.ask_json::<Vec<u64>>("How many rows?");
    let problems = Arc::new(Mutex::new(vec![]));
    let noted = problems.clone();
    let asked = asked.on_wrong(move |wrong| noted.lock().unwrap().push(wrong.problem));
    assert_eq!(asked.await.unwrap(), [3]);
    assert_eq!(*problems.lock().unwrap(), [AnswerProblem::Missing]);
    assert_eq!(started(&server), (1, 3));
}

#[tokio::test]
async fn the_run_of_a_value_is_passed_on() {
    for way in WAYS {
        let clock = VirtualClock::new();
        let server = conversing(&clock, &[("COMPLETED", RIGHT)], |_, _| None).await;
        let client = client_by(&server, &clock);
        let answer = match way {
            "run_json" => client.run_json::<Vec<u64>>(request()),
            _ => session(&client).ask_json("How many rows?"),
        };
        let ended = Arc::new(Mutex::new(None));
        let noted = ended.clone();
        let answer = answer.on_ended(move |run| *noted.lock().unwrap() = Some(run.clone()));
        assert_eq!(answer.await.unwrap(), [1, 2]);
        let run = ended.lock().unwrap().take().unwrap();
        assert_eq!(
            (run.session_id.as_str(), run.answer()),
            (SESSION, Some(RIGHT))
        );
    }
}

#[tokio::test]
async fn a_second_turn_that_has_not_completed_is_said_to_have_not() {
    for way in WAYS {
        let clock = VirtualClock::new();
        let turns = [("COMPLETED", WRONG), ("FAILED", RIGHT)];
        let server = conversing(&clock, &turns, |_, _| None).await;
        let client = client_by(&server, &clock);
        let error = asked(way, &client).await.unwrap_err();
        assert!(
            error.to_string().contains("its turn ended FAILED"),
            "{error}"
        );
        let second = wrong(error);
        assert_eq!(
            (second.problem, second.text.as_str()),
            (NotCompleted, RIGHT)
        );
        assert_eq!(second.before.unwrap().text, WRONG);
    }
}

#[tokio::test]
async fn nothing_is_asked_once_the_deadline_has_passed() {
    let clock = VirtualClock::new();
    let server = conversing(&clock, &[("COMPLETED", WRONG)], |_, _| None).await;
    let client = client_by(&server, &clock);
    // It ends between the last poll and the deadline.
    let answer = client.run_json::<Vec<u64>>(request()).timeout(seconds(5));
    let answer = answer
        .poll_interval(seconds(4))
        .on_wrong(|wrong| panic!("{wrong}"));
    let error = wrong(answer.await.unwrap_err());
    assert!(error.follow_up.is_none() && error.before.is_none());
    assert_eq!((clock.now(), started(&server)), (seconds(5), (1, 0)));
}
