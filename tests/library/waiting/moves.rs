//! Waits that have begun in one runtime of tokio go on in another, although the first is not driven any more.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use dinoai::time::SystemClock;
use dinoai::{Client, Error, Result};
use tokio::runtime::Runtime;

use crate::calls::runtimes::{serving, single_threaded};
use crate::many_runs::api::end_one_after_the_other;
use crate::support::fault_server::{FastClock, FaultServer, Reply};
use crate::support::operations::{READ, SEND, STOP, sent};
use crate::support::poll_once::poll_once;
use crate::support::samples::{id, ids, seconds};
use crate::support::shown_run::{accepted, all, client_by, fields, run_with};

pub(crate) const HALF_A_SECOND: Duration = Duration::from_millis(500);

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

/// A server whose first run has ended, and takes its time to read it whole.
pub(crate) fn reads_slowly() -> (Runtime, FaultServer, Client) {
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
pub(crate) fn goes_on_elsewhere<T: Send + 'static>(
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

/// Begins a wait in one runtime, and leaves it there as soon as this operation is in flight.
pub(crate) fn left_when_sent<T>(
    first: &Runtime,
    server: &FaultServer,
    operation: &str,
    wait: &mut (impl Future<Output = T> + Unpin),
) {
    first.block_on(async {
        while sent(server, operation) == 0 {
            poll_once(wait).await;
            tokio::task::yield_now().await;
        }
    });
}

/// Its first request is in flight, or has failed and is to be tried again.
#[test]
fn what_reads_or_stops_a_run_ends_in_the_runtime_to_which_it_moves_meanwhile() {
    for (way, fails, is_gone) in ["get", "wait", "watch", "tree", "read tree", "stop"]
        .into_iter()
        .flat_map(|way| [(way, false), (way, true)])
        .flat_map(|(way, fails)| [(way, fails, false), (way, fails, true)])
    {
        let serving = serving();
        let mut requests = 0;
        let server = serving.block_on(FaultServer::scripted(move |seen| {
            requests += 1;
            let reply = match seen.operation == STOP {
                true => accepted(seen),
                false => run_with(seen, |id| fields(id, "COMPLETED", &[])),
            };
            match requests {
                1 if fails => Reply::unavailable("1"),
                1 => Reply::Late(Duration::from_millis(200), Box::new(reply)),
                _ => reply,
            }
        }));
        let client = client_by(&server, &SystemClock::new());
        let session = client.session(id(0)).unwrap();
        let mut reads: Pin<Box<dyn Future<Output = Result<()>> + Send>> = match way {
            "get" => Box::pin(async move { client.get_run("run-0").await.map(drop) }),
            "wait" => Box::pin(async move { session.wait().await.map(drop) }),
            "stop" => Box::pin(async move { session.stop().await.map(drop) }),
            "watch" => {
                let watch = session.watch().events();
                Box::pin(async { all(watch).await.pop().unwrap().map(drop) })
            }
            "tree" => Box::pin(async move {
                let tree = session.tree().until_ended();
                tree.quiet_period(Duration::ZERO).await.map(drop)
            }),
            _ => Box::pin(async move { session.tree().await.map(drop) }),
        };
        let first = single_threaded();
        if fails {
            left_in_its_pause(&first, &server, 1, &mut reads);
        } else {
            first.block_on(async {
                while server.arrived() == 0 {
                    poll_once(&mut reads).await;
                    tokio::task::yield_now().await;
                }
            });
        }
        let first = (!is_gone).then_some(first);
        let outcome = goes_on_elsewhere(reads);
        let outcome = outcome.unwrap_or_else(|_| panic!("{way} hangs, or has panicked"));
        assert!(outcome.is_ok(), "{way} {fails} {is_gone}: {outcome:?}");
        drop(first);
    }
}

/// Begins a wait in one runtime, and leaves it there when it pauses: after so many requests.
pub(crate) fn left_in_its_pause<T>(
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

/// As with `now_or_never`, or an executor of another library.
#[test]
fn a_read_that_is_polled_outside_of_a_runtime_meanwhile_goes_on() {
    let (_serving, _server, client) = reads_slowly();
    let first = single_threaded();
    let mut read = Box::pin(async move { client.get_run("run-0").await });
    first.block_on(async { poll_once(&mut read).await });
    let mut context = Context::from_waker(Waker::noop());
    assert!(read.as_mut().poll(&mut context).is_pending());
    assert_eq!(first.block_on(read).unwrap().session_id, id(0));
}
