//! Many runs that have begun in one runtime of tokio go on in another, although the first is not driven any more,
//! or gone.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use dinoai::time::{SystemClock, VirtualClock};
use dinoai::{Error, OnTimeout};
use tokio::sync::Notify;

use crate::calls::runtimes::{serving, single_threaded};
use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{READ, STOP};
use crate::support::poll_once::poll_once;
use crate::support::samples::{id, ids, seconds};
use crate::support::shown_run::{accepted, client_by, fields, run_with};
use crate::waiting::moves::{
    HALF_A_SECOND, goes_on_elsewhere, left_in_its_pause, left_when_sent, reads_slowly,
};

/// The looks that a runtime takes with it are no failures, however many runtimes there are.
#[test]
fn a_stream_of_many_runs_that_moves_on_from_runtimes_that_shut_down_goes_on() {
    const RUNTIMES: usize = 5;
    let serving = serving();
    let never = Arc::new(Notify::new());
    let mut polls = 0;
    let server = serving.block_on(FaultServer::scripted(move |seen| {
        let reply = run_with(seen, |id| fields(id, "COMPLETED", &[]));
        polls += 1;
        match polls <= RUNTIMES {
            true => Reply::When(never.clone(), Box::new(reply)),
            false => reply,
        }
    }));
    let client = client_by(&server, &SystemClock::new());
    let mut results = client.wait_all(ids(2)).unwrap().results();
    let mut next = Box::pin(results.next());
    for number in 1..=RUNTIMES {
        single_threaded().block_on(async {
            while server.arrived() < number {
                poll_once(&mut next).await;
                tokio::task::yield_now().await;
            }
        });
    }
    let (_, result) = single_threaded().block_on(next).unwrap();
    assert!(result.is_ok(), "{result:?}");
}

/// The runtime that is left is not driven any more, or gone with the request.
#[test]
fn many_runs_of_which_one_is_stopped_stop_it_in_the_runtime_to_which_they_move() {
    for is_gone in [false, true] {
        let serving = serving();
        let server = serving.block_on(FaultServer::scripted(|seen| {
            match seen.operation.as_str() {
                STOP => Reply::Late(Duration::from_millis(200), Box::new(accepted(seen))),
                _ => run_with(seen, |id| fields(id, "RUNNING", &[])),
            }
        }));
        let client = client_by(&server, &SystemClock::new());
        let wait = client.wait_all([id(0)]).unwrap().timeout(HALF_A_SECOND);
        let mut results = wait.on_timeout(OnTimeout::Stop).results();
        let first = single_threaded();
        let mut next = Box::pin(async move { results.next().await });
        left_when_sent(&first, &server, STOP, &mut next);
        let first = (!is_gone).then_some(first);
        let (_, result) = goes_on_elsewhere(next).unwrap().unwrap();
        let Err(Error::WaitTimeout(timeout)) = result else {
            panic!("{result:?}");
        };
        assert!(matches!(timeout.stopped, Some(Ok(_))), "{timeout:?}");
        drop(first);
    }
}

/// That it was stopped is the doing of the first stop, whose response nobody gets; that it has completed is not.
#[test]
fn many_runs_that_move_long_after_a_stop_was_sent_tell_its_doing_from_the_end_of_the_run() {
    for end in ["STOPPED", "COMPLETED"] {
        let serving = serving();
        let never = Arc::new(Notify::new());
        let mut stops = 0;
        let server = serving.block_on(FaultServer::scripted(move |seen| {
            let status = ["RUNNING", end][usize::from(stops > 0)];
            stops += usize::from(seen.operation == STOP);
            match seen.operation == STOP {
                true if stops == 1 => Reply::When(never.clone(), Box::new(accepted(seen))),
                true => accepted(seen),
                false => run_with(seen, |id| fields(id, status, &[])),
            }
        }));
        let clock = VirtualClock::new();
        let client = client_by(&server, &clock);
        let wait = client.wait_all([id(0)]).unwrap().timeout(seconds(20));
        let mut results = wait.on_timeout(OnTimeout::Stop).results();
        let first = single_threaded();
        let mut next = Box::pin(async move { results.next().await });
        left_when_sent(&first, &server, STOP, &mut next);
        clock.advance(seconds(10));
        let (_, result) = goes_on_elsewhere(next).unwrap().unwrap();
        match (end, result) {
            ("STOPPED", Err(Error::WaitTimeout(timeout))) => {
                assert!(matches!(timeout.stopped, Some(Ok(_))), "{timeout:?}");
            }
            ("COMPLETED", Ok(run)) => assert_eq!(run.session_id, id(0)),
            (_, other) => panic!("{end}: {other:?}"),
        }
    }
}

/// What a runtime takes with it was not answered, however late the stream goes on.
#[test]
fn many_runs_whose_runtime_is_gone_while_one_is_read_read_it_in_another() {
    let (_serving, server, _) = reads_slowly();
    let clock = VirtualClock::new();
    let client = client_by(&server, &clock);
    let wait = client.wait_all([id(0)]).unwrap().timeout(seconds(20));
    let mut results = wait.results();
    let first = single_threaded();
    let mut next = Box::pin(async move { results.next().await });
    left_when_sent(&first, &server, READ, &mut next);
    drop(first);
    clock.advance(seconds(20));
    let (_, result) = goes_on_elsewhere(next).unwrap().unwrap();
    assert_eq!(result.unwrap().session_id, id(0));
}

/// Neither a delay that the server has asked for, nor when a poll is due, is forgotten.
#[test]
fn many_runs_that_move_to_another_runtime_poll_no_sooner() {
    for (interval, delay, is_gone) in [
        (2000, None, false),
        (50, Some("2"), false),
        (50, Some("2"), true),
    ] {
        let serving = serving();
        let polls = Arc::new(Mutex::new(vec![]));
        let record = polls.clone();
        let server = serving.block_on(FaultServer::scripted(move |seen| {
            let mut polls = record.lock().unwrap();
            polls.push(Instant::now());
            match (polls.len(), delay) {
                (1, _) => run_with(seen, |id| fields(id, "RUNNING", &[])),
                (2, Some(delay)) => Reply::too_many_requests(delay),
                _ => run_with(seen, |id| fields(id, "COMPLETED", &[])),
            }
        }));
        let wait = client_by(&server, &SystemClock::new())
            .wait_all(ids(2))
            .unwrap();
        let wait = wait.poll_interval(Duration::from_millis(interval));
        let mut results = wait.results();
        let mut next = Box::pin(async move { results.next().await });
        let first = single_threaded();
        let requests = 1 + usize::from(delay.is_some());
        left_in_its_pause(&first, &server, requests, &mut next);
        // Gone, or not driven any more.
        let first = (!is_gone).then_some(first);
        let (_, result) = goes_on_elsewhere(next).unwrap().unwrap();
        result.unwrap();
        let polls = polls.lock().unwrap();
        let since = polls[requests] - polls[requests - 1];
        assert!(since >= seconds(1), "{delay:?}: again after {since:?}");
        drop(first);
    }
}

#[test]
fn many_runs_that_are_polled_outside_of_a_runtime_end_with_an_error_that_says_so() {
    let (_serving, server, client) = reads_slowly();
    let mut results = client.wait_all([id(0)]).unwrap().results();
    let first = single_threaded();
    let mut next = Box::pin(async move { results.next().await });
    left_when_sent(&first, &server, READ, &mut next);
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Some((_, result))) = next.as_mut().poll(&mut context) else {
        panic!("it cannot go on");
    };
    let error = result.unwrap_err();
    assert!(
        error.to_string().contains("outside of a tokio runtime"),
        "{error}"
    );
}
