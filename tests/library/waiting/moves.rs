//! Waits that have begun in one runtime of tokio go on in another, although the first is not driven any more.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use dinoai::time::SystemClock;
use dinoai::{Client, Error, OnTimeout, Result};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::calls::runtimes::{serving, single_threaded};
use crate::many_runs::api::end_one_after_the_other;
use crate::support::fault_server::{FastClock, FaultServer, Reply};
use crate::support::operations::{READ, SEND, STOP, sent};
use crate::support::poll_once::poll_once;
use crate::support::samples::{id, ids, seconds};
use crate::support::shown_run::{accepted, all, client_by, fields, run_with};

const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// Waits that have begun in one runtime, together, and go on in another while the first is not driven.
#[test]
fn waits_that_move_to_another_runtime_go_on_there() {
    let serving = serving();
    let server = serving.block_on(FaultServer::scripted(end_one_after_the_other(4)));
    let clock = FastClock::with_second(Duration::from_millis(5));
    let client = client_by(&server, &clock);
    let mut results = client.wait_all(ids(120)).unwrap().results();
    let alone = client.session(id(120)).unwrap().wait().into_future();
    let many = async move {
        let mut completed = 0;
        while let Some((_, run)) = results.next().await {
            completed += usize::from(run.is_ok());
        }
        completed
    };
    let mut waits = Box::pin(async move { tokio::join!(many, alone) });
    let (first, second) = (single_threaded(), single_threaded());
    first.block_on(poll_fn(|context| {
        assert!(waits.as_mut().poll(context).is_pending());
        match server.arrived() >= 2 {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }));
    let (completed, alone) = second.block_on(waits);
    alone.unwrap();
    assert_eq!(completed, 120);
}

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

/// A server whose first run has ended, and takes its time to read it whole.
fn reads_slowly() -> (Runtime, FaultServer, Client) {
    let serving = serving();
    let server = serving.block_on(FaultServer::scripted(|seen| {
        let reply = run_with(seen, |id| match id {
            "run-0" => fields(id, "COMPLETED", &[]),
            _ => fields(id, "RUNNING", &[]),
        });
        match seen.operation.as_str() {
            READ => Reply::Late(Duration::from_millis(200), Box::new(reply)),
            SEND => accepted(seen),
            _ => reply,
        }
    }));
    let client = client_by(&server, &SystemClock::new());
    (serving, server, client)
}

/// Goes on with a wait in another runtime, on a thread of its own, and returns what came of it.
fn goes_on_elsewhere<T: Send + 'static>(
    wait: impl Future<Output = T> + Send + 'static,
) -> std::result::Result<T, mpsc::RecvTimeoutError> {
    let (report, reported) = mpsc::channel();
    thread::spawn(move || report.send(single_threaded().block_on(wait)));
    reported.recv_timeout(seconds(20))
}

#[test]
fn a_wait_that_moves_to_another_runtime_while_its_run_is_read_ends_there() {
    let (_serving, server, client) = reads_slowly();
    let first = single_threaded();
    let mut other = Box::pin(client.waits().wait(id(1)).unwrap().into_future());
    let mut wait = Box::pin(client.waits().wait(id(0)).unwrap().into_future());
    first.block_on(async {
        while sent(&server, READ) == 0 {
            poll_once(&mut other).await;
            poll_once(&mut wait).await;
            tokio::task::yield_now().await;
        }
    });
    let run = goes_on_elsewhere(wait).unwrap().unwrap();
    assert_eq!(run.session_id, id(0));
}

/// Begins a wait in one runtime, and leaves it there when it pauses: after so many requests.
fn left_in_its_pause<T>(
    first: &Runtime,
    server: &FaultServer,
    requests: usize,
    wait: &mut (impl Future<Output = T> + Unpin),
) {
    let before = server.arrived();
    first.block_on(async {
        let mut more = 100;
        while more > 0 {
            poll_once(wait).await;
            tokio::task::yield_now().await;
            // It has to notice the response.
            more -= usize::from(server.arrived() >= before + requests);
        }
    });
}

/// Goes on in another runtime with a wait that pauses, and returns how many polls and looks it makes.
fn requests_of_a_wait_that_moves_in_its_pause(is_for_a_turn: bool) -> usize {
    let (_serving, server, client) = reads_slowly();
    let first = single_threaded();
    // Of a run that reads as ended the messages are polled as well, until the follow-up shows up.
    let run = if is_for_a_turn { id(0) } else { id(1) };
    let session = client.session(run).unwrap();
    if is_for_a_turn {
        first
            .block_on(session.send("And now?").into_future())
            .unwrap();
    }
    let before = server.arrived();
    let wait = session.wait().poll_interval(seconds(10));
    let mut wait = wait.timeout(HALF_A_SECOND).into_future();
    left_in_its_pause(&first, &server, 1, &mut wait);
    let error = goes_on_elsewhere(wait).unwrap().unwrap_err();
    assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
    server.arrived() - before
}

/// The move is no reason to poll sooner: one at first, and one at the deadline.
#[test]
fn a_wait_that_moves_to_another_runtime_while_it_pauses_ends_there() {
    for is_for_a_turn in [false, true] {
        let requests = requests_of_a_wait_that_moves_in_its_pause(is_for_a_turn);
        assert_eq!(requests, 2, "for a turn: {is_for_a_turn}");
    }
}

/// The runtime that is left is not driven any more, or gone.
#[test]
fn whatever_waits_for_a_run_ends_in_the_runtime_to_which_it_moves_while_it_pauses() {
    for (way, is_gone) in ["ask", "watch", "tree", "many runs"]
        .into_iter()
        .flat_map(|way| [(way, false), (way, true)])
    {
        let (_serving, server, client) = reads_slowly();
        let session = client.session(id(1)).unwrap();
        let (interval, timeout) = (seconds(10), HALF_A_SECOND);
        let mut wait: Pin<Box<dyn Future<Output = Result<()>> + Send>> = match way {
            "ask" => {
                let ask = session.ask("And now?").timeout(timeout);
                let ask = ask.poll_interval(interval);
                Box::pin(async { ask.await.map(drop) })
            }
            "watch" => {
                let watch = session.watch().timeout(timeout);
                let watch = watch.poll_interval(interval).events();
                Box::pin(async { all(watch).await.pop().unwrap().map(drop) })
            }
            "tree" => {
                let wait = session.tree().until_ended().timeout(timeout);
                let wait = wait.poll_interval(interval);
                Box::pin(async { wait.await.map(drop) })
            }
            _ => {
                let wait = client.wait_all([id(1), id(2)]).unwrap();
                let wait = wait.timeout(timeout).poll_interval(interval);
                let mut results = wait.results();
                Box::pin(async move { results.next().await.unwrap().1.map(drop) })
            }
        };
        let first = single_threaded();
        left_in_its_pause(&first, &server, 1, &mut wait);
        let first = (!is_gone).then_some(first);
        let error = goes_on_elsewhere(wait).unwrap().unwrap_err();
        assert!(matches!(error, Error::WaitTimeout(_)), "{way}: {error:?}");
        drop(first);
    }
}

#[test]
fn many_runs_of_which_one_is_stopped_stop_it_in_the_runtime_to_which_they_move() {
    let serving = serving();
    let server = serving.block_on(FaultServer::scripted(|seen| {
        match seen.operation.as_str() {
            STOP => Reply::Late(Duration::from_millis(200), Box::new(accepted(seen))),
            _ => run_with(seen, |id| fields(id, "RUNNING", &[])),
        }
    }));
    let client = client_by(&server, &SystemClock::new());
    let wait = client.wait_all(ids(2)).unwrap().timeout(HALF_A_SECOND);
    let mut results = wait.on_timeout(OnTimeout::Stop).results();
    let first = single_threaded();
    let mut next = Box::pin(async move { results.next().await });
    first.block_on(async {
        while sent(&server, STOP) < 1 {
            poll_once(&mut next).await;
            tokio::task::yield_now().await;
        }
    });
    let (_, result) = goes_on_elsewhere(next).unwrap().unwrap();
    let Err(Error::WaitTimeout(timeout)) = result else {
        panic!("{result:?}");
    };
    assert!(matches!(timeout.stopped, Some(Ok(_))), "{timeout:?}");
    drop(first);
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
    first.block_on(async {
        while sent(&server, READ) < 1 {
            poll_once(&mut next).await;
            tokio::task::yield_now().await;
        }
    });
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
