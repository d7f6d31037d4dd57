//! Many waits go through an outage with few requests, and lose nothing.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::Result;
use dinoai::time::Clock;

use crate::many_runs::alike::{Many, fast_client, ids_in, wait_for_all};
use crate::many_runs::api::{all, asked, end_one_after_the_other, patient};
use crate::support::fault_server::{FastClock, FaultServer, Reply};
use crate::support::operations::{READ, STATUS, is_poll, sent};
use crate::support::samples::{errors_with_code, ids, seconds, try_again};
use crate::support::shown_run::client_by;

#[tokio::test]
async fn two_hundred_waits_go_through_an_outage_with_few_requests_and_lose_nothing() {
    const RUNS: usize = 200;
    for retry_after in [Some("10"), Some("5"), None] {
        let clock = FastClock::with_second(Duration::from_millis(40));
        let time = clock.clone();
        let mut many = Many::default();
        let (mut read_once, mut end) = (HashSet::new(), None);
        let server = FaultServer::scripted(move |seen| {
            if !is_poll(seen) {
                return many.answer(seen, "COMPLETED");
            }
            // The outage begins when every run has been read once.
            let Some(end) = end else {
                read_once.extend(ids_in(seen));
                if read_once.len() == RUNS {
                    end = Some(time.now() + seconds(30));
                }
                return many.answer(seen, "RUNNING");
            };
            if time.now() >= end {
                return many.answer(seen, "COMPLETED");
            }
            let reply = Reply::errors(503, &try_again());
            match retry_after {
                Some(delay) => reply.with_header("Retry-After", delay),
                None => reply,
            }
        })
        .await;
        let results = wait_for_all(&fast_client(&server, &clock), RUNS).await;
        let lost = results.iter().find(|(_, result)| result.is_err());
        assert!(lost.is_none(), "{retry_after:?}: {lost:?}");
        assert_eq!(results.len(), RUNS);
        assert_eq!(sent(&server, READ), RUNS);
        let polls = server.seen().iter().filter(|seen| is_poll(seen)).count();
        // Without a delay to obey, four batches follow their schedules.
        let most = if retry_after.is_some() { 100 } else { 200 };
        assert!(polls <= most, "{retry_after:?}: {polls} polls");
    }
}

#[tokio::test]
async fn a_rate_limit_code_is_one_pause_for_all_waits() {
    let clock = FastClock::with_second(Duration::from_millis(20));
    let time = clock.clone();
    let arrivals = Arc::new(Mutex::new(vec![]));
    let record = arrivals.clone();
    let mut many = Many::default();
    let server = FaultServer::scripted(move |seen| {
        if !is_poll(seen) {
            return many.answer(seen, "COMPLETED");
        }
        let mut arrivals = record.lock().unwrap();
        arrivals.push(time.now());
        match arrivals.len() {
            1 => many.answer(seen, "RUNNING"),
            2 => Reply::errors(200, &errors_with_code("RATE_LIMITED"))
                .with_header("Retry-After", "30"),
            _ => many.answer(seen, "COMPLETED"),
        }
    })
    .await;
    let results = wait_for_all(&fast_client(&server, &clock), 20).await;
    assert!(results.values().all(Result::is_ok), "{results:?}");
    let arrivals = arrivals.lock().unwrap();
    let pause = arrivals[2] - arrivals[1];
    assert!(pause >= seconds(30) && pause < seconds(60), "{arrivals:?}");
}

#[tokio::test]
async fn a_host_that_is_down_in_the_middle_is_tolerated() {
    let mut answer = end_one_after_the_other(5);
    let mut arrived = 0;
    let server = FaultServer::scripted(move |seen| {
        arrived += 1;
        let failures = [
            Reply::html(502),
            Reply::ResetAfter,
            Reply::CutBody,
            Reply::html(200),
            Reply::unavailable("1"),
        ];
        match arrived {
            10..100 => failures[arrived % failures.len()].clone(),
            _ => answer(seen),
        }
    })
    .await;
    let (client, _) = patient(&server);
    let results = all(client.wait_all(ids(150)).unwrap().results()).await;
    assert_eq!(results.len(), 150);
    assert!(results.values().all(Result::is_ok), "{results:?}");
}

#[tokio::test]
async fn a_run_that_is_polled_alone_tolerates_a_temporary_failure_like_the_others() {
    let mut failures = 6;
    let mut answer = end_one_after_the_other(1);
    let server = FaultServer::scripted(move |seen| {
        // Fifty runs fill the first request; this one is left over.
        if seen.operation == STATUS && asked(seen)[0].1 == "run-50" && failures > 0 {
            failures -= 1;
            return Reply::html(502);
        }
        answer(seen)
    })
    .await;
    let clock = FastClock::with_second(Duration::from_millis(20));
    let client = client_by(&server, &clock);
    let many = client
        .wait_all(ids(51))
        .unwrap()
        .poll_interval(seconds(4))
        .results();
    let results = all(many).await;
    assert!(results["run-50"].is_ok(), "{:?}", results["run-50"]);
}
