//! Reads of runs that have ended, and the polls of others, beside which they are made: neither waits for what
//! of the other hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dinoai::time::SystemClock;
use dinoai::{Result, Run};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::many_runs::api::{asked, number, polls_of, reads};
use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{READ, is_poll};
use crate::support::samples::{id, seconds};
use crate::support::shown_run::{client_by, fields, run_with};

const SOON: Duration = Duration::from_millis(50);

#[tokio::test]
async fn polls_go_on_although_the_reads_of_others_hang() {
    let never = Arc::new(Notify::new());
    let server = FaultServer::scripted(move |seen| {
        let reply = run_with(seen, |id| match id {
            "run-99" => fields(id, "RUNNING", &[]),
            _ => fields(id, "COMPLETED", &[]),
        });
        match is_poll(seen) {
            true => reply,
            false => Reply::When(never.clone(), Box::new(reply)),
        }
    })
    .await;
    let client = client_by(&server, &SystemClock::new());
    let begin = |number| tokio::spawn(client.waits().wait(id(number)).unwrap().into_future());
    let _ended: Vec<_> = (0..20).map(begin).collect();
    while reads(&server) < 7 {
        tokio::task::yield_now().await;
    }
    let running = client.waits().wait(id(99)).unwrap().poll_interval(SOON);
    let _running = tokio::spawn(running.into_future());
    let polled = async {
        while polls_of(&server, "run-99") < 5 {
            tokio::task::yield_now().await;
        }
    };
    timeout(seconds(10), polled).await.expect("it is polled");
}

/// Last reads are sent at once, and take the place of none.
#[tokio::test]
async fn reads_that_are_overdue_hold_up_no_others() {
    let (held, never) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let is_released = Arc::new(AtomicBool::new(false));
    let (hold, released) = (held.clone(), is_released.clone());
    let server = FaultServer::scripted(move |seen| {
        let reply = run_with(seen, |id| fields(id, "COMPLETED", &[]));
        match seen.operation == READ {
            true => match number(&asked(seen)[0].1) {
                0..20 if !released.load(Ordering::Relaxed) => {
                    Reply::When(hold.clone(), Box::new(reply))
                }
                20..40 => Reply::When(never.clone(), Box::new(reply)),
                _ => reply,
            },
            false => reply,
        }
    })
    .await;
    let client = client_by(&server, &SystemClock::new());
    let begin = |number, timeout| -> JoinHandle<Result<Run>> {
        let wait = client.waits().wait(id(number)).unwrap().timeout(timeout);
        tokio::spawn(wait.into_future())
    };
    let _long: Vec<_> = (0..20).map(|number| begin(number, seconds(600))).collect();
    while reads(&server) < 7 {
        tokio::task::yield_now().await;
    }
    let before = reads(&server);
    let short = |number| begin(number, Duration::from_millis(500));
    let mut short: FuturesUnordered<_> = (20..40).map(short).collect();
    while reads(&server) < before + 20 {
        tokio::task::yield_now().await;
    }
    is_released.store(true, Ordering::Relaxed);
    held.notify_waiters();
    let last = begin(99, seconds(600));
    tokio::select! {
        run = last => drop(run.unwrap().unwrap()),
        over = short.next() => panic!("the reads that hang are over: {over:?}"),
    }
}
