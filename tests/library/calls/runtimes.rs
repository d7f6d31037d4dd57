//! Calls in one runtime do not wait for another runtime that is not driven.

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use dinoai::time::SystemClock;
use dinoai::{Client, Error, Retry};
use tokio::sync::Notify;

use crate::many_runs::api::end_one_after_the_other;
use crate::support::fault_server::{FastClock, FaultServer, Reply, SESSION, client};
use crate::support::operations::{READ, SEND, sent};
use crate::support::poll_once::poll_once;
use crate::support::samples::{id, ids, seconds};
use crate::support::shown_run::{accepted, client_by, fields, run_with};

fn single_threaded() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// The thread of a server.
fn serving() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// A client that is not tried again, on a server that another thread serves.
fn served_elsewhere() -> (tokio::runtime::Runtime, FaultServer, Client) {
    let serving = serving();
    let server = serving.block_on(FaultServer::start([]));
    let (client, _) = client(&server.endpoint(), |builder| {
        builder
            .clock(SystemClock::new())
            .connect_timeout(seconds(3))
            .request_timeout(seconds(3))
            .retry(Retry::none())
    });
    (serving, server, client)
}

/// Leaves an idle connection behind.
fn read_in(runtime: &tokio::runtime::Runtime, client: &Client) -> dinoai::Result<()> {
    runtime.block_on(async {
        for _ in 0..3 {
            client.get_run(SESSION).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    })
}

#[test]
fn reads_in_one_runtime_do_not_wait_for_another_that_is_not_driven() {
    let (_serving, _server, client) = served_elsewhere();
    let first = single_threaded();
    read_in(&first, &client).unwrap();
    let (report, reported) = mpsc::channel();
    let second = client.clone();
    let thread = thread::spawn(move || {
        let runtime = single_threaded();
        for _ in 0..3 {
            report.send(read_in(&runtime, &second)).unwrap();
        }
    });
    thread.join().unwrap();
    for read in reported {
        read.unwrap();
    }
    read_in(&first, &client).unwrap();
}

#[test]
fn reads_do_not_wait_for_any_of_many_runtimes_that_are_not_driven() {
    let (_serving, _server, client) = served_elsewhere();
    let runtimes: Vec<_> = (0..12).map(|_| single_threaded()).collect();
    for runtime in runtimes.iter().chain(&runtimes) {
        read_in(runtime, &client).unwrap();
    }
}

#[test]
fn reads_work_in_more_runtimes_than_are_kept_and_each_of_them_keeps_its_connection() {
    const RUNTIMES: usize = 12;
    let (_serving, server, client) = served_elsewhere();
    for _ in 0..RUNTIMES {
        // Gone before the next one.
        read_in(&single_threaded(), &client).unwrap();
    }
    let seen = server.seen();
    assert_eq!(seen.len(), 3 * RUNTIMES);
    let connections: HashSet<_> = seen.iter().map(|seen| seen.connection).collect();
    // One each, but for a connection that was not idle again in time.
    let connections = connections.len();
    assert!(connections < 2 * RUNTIMES, "{connections} connections");
}

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
fn reads_slowly() -> (tokio::runtime::Runtime, FaultServer, Client) {
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
) -> Result<T, mpsc::RecvTimeoutError> {
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

/// Begins a wait in one runtime, and goes on with it in another when it pauses; returns how many polls
/// and looks it makes.
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
    let wait = wait.timeout(Duration::from_millis(500));
    let mut wait = Box::pin(wait.into_future());
    first.block_on(async {
        let mut more = 100;
        while more > 0 {
            poll_once(&mut wait).await;
            tokio::task::yield_now().await;
            // It has to notice the response.
            more -= usize::from(server.arrived() > before);
        }
    });
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
