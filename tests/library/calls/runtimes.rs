//! Calls in one runtime do not wait for another runtime that is not driven.

use std::collections::HashSet;
use std::sync::mpsc;
use std::thread;

use dinoai::time::SystemClock;
use dinoai::{Client, Retry};
use tokio::runtime::{Builder, Runtime};

use crate::support::fault_server::{FaultServer, SESSION, client};
use crate::support::samples::seconds;

pub(crate) fn single_threaded() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// The thread of a server.
pub(crate) fn serving() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// A client that is not tried again, on a server that another thread serves.
fn served_elsewhere() -> (Runtime, FaultServer, Client) {
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
fn read_in(runtime: &Runtime, client: &Client) -> dinoai::Result<()> {
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
