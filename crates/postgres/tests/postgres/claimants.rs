//! A process is suspended past its lease, or its server is lost while it has a claim: it has not sent, or its id is
//! recorded.

use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use dinoai::journal::{Journal, State};

use crate::kills::{PAUSE, connect, workers};
use crate::support::Server;
use crate::support::kills::workers::{
    PATIENCE, Runs, TIMEOUT, UNRECORDED, WORKER, Worker, results, state,
};

/// Half a minute in three seconds, which is more than the two that a request then has to leave.
const BARELY_FASTER: u32 = 10;

/// Suspends a process, or lets it go on.
fn signal(worker: &Worker, signal: &str) {
    let pid = worker.child.id().to_string();
    let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
    assert!(sent.success(), "kill {signal} {pid}");
}

/// Suspends a process for each of so many keys while it has the claim, until that has lapsed and another has found
/// it dead. Says how many of them had sent their request by then: their ids are recorded. No other sends it.
async fn suspend<J: Journal>(journal: &J, keys: usize, worker: impl Fn() -> Command) -> usize {
    let runs = Runs::start().await;
    let (sender, printed) = channel();
    let mut had_sent = 0;
    for place in 0..keys {
        let key = format!("key-{place}");
        let start = |number| {
            let mut command = worker();
            command
                .env(WORKER, runs.server.endpoint())
                .env(TIMEOUT, "2");
            if place % 2 == 0 {
                command.env(PAUSE, "1000");
            }
            Worker::start(command, number, &sender)
        };
        let mut workers = [start(2 * place), start(2 * place + 1)];
        *runs.answers.lock().unwrap() = false;
        workers[0].tell(&key);
        while !matches!(state(journal, &key).await, Some(State::Claimed { .. })) {
            tokio::task::yield_now().await;
        }
        signal(&workers[0], "-STOP");
        // Its lease is over only once that time has passed on the server.
        let begun = Instant::now();
        loop {
            let left = lapses_in(journal, &key).await;
            if left.is_zero() {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{key} does not lapse");
            tokio::time::sleep(left / BARELY_FASTER).await;
        }
        workers[1].tell(&key);
        let found = results(&printed, &workers[1..], &key).await;
        assert_eq!(found, ["unknown -"], "{key}");
        signal(&workers[0], "-CONT");
        *runs.answers.lock().unwrap() = true;
        runs.released.notify_waiters();
        runs.end(&key);
        let itself = results(&printed, &workers[..1], &key).await;
        let started = runs.started(&key);
        let state = state(journal, &key).await;
        match started {
            0 => assert!(
                matches!(state, Some(State::Free { .. })),
                "{key} {itself:?} {state:?}"
            ),
            _ => {
                assert_eq!(started, 1, "{key}");
                workers[1].tell(&key);
                let found = results(&printed, &workers[1..], &key).await;
                assert_eq!(
                    found,
                    [format!("ended {key}#1")],
                    "{key} {itself:?} {state:?}"
                );
                had_sent += 1;
            }
        }
        assert!(runs.started(&key) <= 1);
    }
    had_sent
}

/// Loses the journal while a process has a claim, and gives it back once the id has come: it is recorded.
async fn outlive<J: Journal>(
    journal: &J,
    keys: usize,
    worker: impl Fn() -> Command,
    mut lose: impl AsyncFnMut(bool),
) {
    let runs = Runs::start().await;
    let (sender, printed) = channel();
    for place in 0..keys {
        let key = format!("key-{place}");
        let mut command = worker();
        command.env(WORKER, runs.server.endpoint());
        let mut workers = [Worker::start(command, place, &sender)];
        *runs.answers.lock().unwrap() = false;
        workers[0].tell(&key);
        let start = Instant::now();
        while runs.started(&key) == 0 {
            assert!(start.elapsed() < PATIENCE, "{key} is not sent");
            tokio::task::yield_now().await;
        }
        lose(true).await;
        *runs.answers.lock().unwrap() = true;
        runs.released.notify_waiters();
        let line = tokio::task::block_in_place(|| printed.recv_timeout(PATIENCE));
        assert_eq!(line.unwrap().1, format!("{key} {UNRECORDED} {key}#1"));
        lose(false).await;
        runs.end(&key);
        let found = results(&printed, &workers, &key).await;
        assert_eq!(found, [format!("ended {key}#1")]);
        let state = state(journal, &key).await;
        assert!(
            matches!(state, Some(State::Ended { .. })),
            "{key} {state:?}"
        );
        assert_eq!(runs.started(&key), 1);
    }
}

/// In what time a claim lapses.
async fn lapses_in<J: Journal>(journal: &J, key: &str) -> Duration {
    let stored = journal.load(key).await.unwrap().unwrap();
    match stored.entry.state {
        State::Claimed { lease, .. } => lease.saturating_sub(stored.age),
        state => panic!("{key}: {state:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_comes_while_the_server_is_down_is_recorded_once_it_is_back() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let url = server.url("postgres", "");
    let journal = connect(&url, 1).await;
    let lose = async |is_lost| {
        tokio::task::block_in_place(|| match is_lost {
            true => server.kill(),
            false => server.run_again(),
        });
    };
    outlive(&journal, 2, workers(&url, 1), lose).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_suspended_past_its_lease_has_not_sent_or_records_its_id() {
    let Some(server) = Server::start() else {
        return;
    };
    let keys = std::env::var("DINOAI_TEST_KILLS").map_or(2, |_| 20);
    let url = server.url("postgres", "");
    let journal = connect(&url, BARELY_FASTER).await;
    let had_sent = suspend(&journal, keys, workers(&url, BARELY_FASTER)).await;
    println!("{had_sent} of {keys} had sent");
    // Each second one is suspended before it can.
    assert!(had_sent < keys, "{had_sent} of {keys}");
}
