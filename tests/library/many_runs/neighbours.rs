//! What waits do to others with which they share requests: nothing but that, whatever becomes of them.

use std::sync::{Arc, mpsc};
use std::thread;

use dinoai::time::{Clock, SystemClock, VirtualClock};
use dinoai::{Error, OnTimeout};
use tokio::runtime;
use tokio::sync::Notify;

use crate::many_runs::api::{all, asked, batches, patient, reads_as, runs};
use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{STOP, is_poll};
use crate::support::poll_once::poll_once;
use crate::support::samples::{id, ids, seconds};
use crate::support::shown_run::{accepted, client_by, fields, run_with};

/// Nothing is known of the host while the first poll is in flight. A wait that ends meanwhile looks at
/// its own run, and finds out nothing for the others.
#[tokio::test]
async fn a_last_look_that_fails_ends_no_wait_whose_run_was_not_looked_at() {
    let held = Arc::new(Notify::new());
    let first = held.clone();
    let server = FaultServer::scripted(move |seen| {
        let reply = run_with(seen, |id| fields(id, "COMPLETED", &[]));
        match asked(seen)[0].1.as_str() {
            "run-0" if is_poll(seen) => Reply::When(first.clone(), Box::new(reply)),
            "run-9" => Reply::html(503),
            _ => reply,
        }
    })
    .await;
    let (client, clock) = patient(&server);
    let first = tokio::spawn(all(client.wait_all(ids(2)).unwrap().results()));
    while server.arrived() == 0 {
        tokio::task::yield_now().await;
    }
    let mut single = Box::pin(client.waits().wait(id(10)).unwrap().into_future());
    poll_once(&mut single).await;
    let many = tokio::spawn(all(client.wait_all((100..120).map(id)).unwrap().results()));
    let short = client.waits().wait(id(9)).unwrap().timeout(seconds(2));
    let mut short = Box::pin(short.into_future());
    poll_once(&mut short).await;
    clock.advance(seconds(3));
    assert!(short.await.is_err());
    held.notify_one();
    assert!(single.await.is_ok());
    for results in [first.await.unwrap(), many.await.unwrap()] {
        assert!(results.values().all(Result::is_ok), "{results:?}");
    }
}

/// A server that gives up on large batches without saying why, and is asked for more than one.
#[tokio::test]
async fn batches_that_all_fail_become_smaller_however_many_there_are() {
    for count in [30, 120, 600] {
        let mut answer =
            runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][usize::from(polls >= 3)]));
        let mut polls = 0;
        let server = FaultServer::scripted(move |seen| {
            polls += usize::from(is_poll(seen));
            match is_poll(seen) && polls > 20 && asked(seen).len() > 10 {
                true => Reply::html(504),
                false => answer(seen),
            }
        })
        .await;
        let (client, _) = patient(&server);
        let results = all(client.wait_all(ids(count)).unwrap().results()).await;
        assert_eq!(results.len(), count);
        let lost = results.values().find(|result| result.is_err());
        assert!(lost.is_none(), "{lost:?} {:?}", batches(&server));
    }
}

/// Stops that take as long as they like, or none. Without its own turn among the requests the read of
/// the run that has ended would come after them, by a loop that never lets go of the thread.
#[test]
fn a_run_that_has_ended_is_read_although_the_stops_of_others_hang() {
    let (report, reported) = mpsc::channel();
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let clock = VirtualClock::new();
            let (time, never) = (clock.clone(), Arc::new(Notify::new()));
            let server = FaultServer::scripted(move |seen| {
                if seen.operation == STOP {
                    return Reply::When(never.clone(), Box::new(accepted(seen)));
                }
                let has_ended = time.now() >= seconds(60);
                run_with(seen, |id| match id {
                    "run-0" if has_ended => fields(id, "COMPLETED", &[]),
                    _ => fields(id, "RUNNING", &[]),
                })
            })
            .await;
            let client = client_by(&server, &clock);
            let wait = client.wait_all(ids(50)).unwrap().timeout(seconds(60));
            let mut results = wait.on_timeout(OnTimeout::Stop).results();
            let (first, result) = results.next().await.unwrap();
            report.send((first, result.is_ok())).unwrap();
        });
    });
    let first = reported.recv_timeout(seconds(20));
    assert_eq!(first, Ok((id(0), true)));
}

/// The wait that notices late that its poll was one too many does not begin the delay anew.
#[tokio::test]
async fn a_wait_that_is_polled_late_does_not_hold_up_the_others() {
    let clock = VirtualClock::new();
    let held = Arc::new(Notify::new());
    let (time, hold) = (clock.clone(), held.clone());
    let (report, reported) = mpsc::channel();
    let mut polls = 0;
    let server = FaultServer::scripted(move |seen| {
        let reply = run_with(seen, |id| fields(id, "RUNNING", &[]));
        if !is_poll(seen) {
            return reply;
        }
        polls += 1;
        match polls {
            2 => Reply::too_many_requests("4"),
            3 => Reply::When(hold.clone(), Box::new(reply)),
            4 => {
                report.send(time.now()).unwrap();
                reply
            }
            _ => reply,
        }
    })
    .await;
    let client = client_by(&server, &clock);
    let many = client.wait_all(ids(3)).unwrap();
    let many = many.poll_interval(seconds(1)).results();
    let late = client.waits().wait(id(9)).unwrap();
    let mut late = Box::pin(late.poll_interval(seconds(1)).into_future());
    let mut many = Box::pin(all(many));
    poll_once(&mut many).await;
    poll_once(&mut late).await;
    let many = tokio::spawn(many);
    // Until its second poll, which is one too many, has left.
    while server.arrived() < 2 {
        poll_once(&mut late).await;
        tokio::task::yield_now().await;
    }
    while server.arrived() < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(batches(&server)[..2], [4, 4]);
    clock.advance(seconds(100));
    poll_once(&mut late).await;
    let now = clock.now();
    held.notify_one();
    while server.arrived() < 4 {
        tokio::task::yield_now().await;
    }
    let next = reported.recv().unwrap() - now;
    assert!(next <= seconds(1), "{next:?}");
    many.abort();
}

/// Without timers no request can be sent: the task that polls ends with a panic.
#[test]
fn a_runtime_without_timers_ends_a_wait_for_many_runs_with_an_error_that_says_so() {
    let serving = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = serving.block_on(FaultServer::start([]));
    let client = client_by(&server, &SystemClock::new());
    let (report, reported) = mpsc::channel();
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        let results = client.wait_all(ids(2)).unwrap().results();
        report.send(runtime.block_on(all(results))).unwrap();
    });
    let results = reported.recv_timeout(seconds(20)).unwrap();
    assert_eq!(results.len(), 2);
    for result in results.values() {
        let error = result.as_ref().unwrap_err();
        assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
        assert!(error.to_string().contains("enable_all"), "{error}");
    }
}

#[test]
fn a_runtime_that_shuts_down_ends_a_thread_that_blocks_on_many_runs() {
    let serving = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = serving.block_on(FaultServer::scripted(|seen| {
        run_with(seen, |id| fields(id, "RUNNING", &[]))
    }));
    let client = client_by(&server, &SystemClock::new());
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    runtime.spawn_blocking(move || {
        let results = client.wait_all(ids(2)).unwrap().results();
        handle.block_on(all(results));
    });
    while server.arrived() == 0 {
        thread::yield_now();
    }
    let (report, reported) = mpsc::channel();
    thread::spawn(move || {
        drop(runtime);
        report.send(()).unwrap();
    });
    assert_eq!(reported.recv_timeout(seconds(20)), Ok(()));
}
