//! Waits that go on at the same time share requests, and nothing else.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use dinoai::time::{Clock, SystemClock, VirtualClock};
use dinoai::{Client, Error, OnTimeout, Result, Run, SessionId};
use tokio::task::JoinHandle;

use crate::many_runs::api::{
    all, all_in_order, asked, batches, end_one_after_the_other, number, patient, polls_of,
    reads_as, runs,
};
use crate::support::fault_server::{FaultServer, Reply, Seen};
use crate::support::operations::{DIGEST, SEND, STATUS, STOP, is_poll, sent};
use crate::support::poll_once::poll_once;
use crate::support::samples::{id, ids, messages, seconds};
use crate::support::shown_run::{accepted, client_by, fields, id_of, run_with};

/// A wait for each of these runs, in a task of its own.
fn each_waits(client: &Client, ids: Vec<SessionId>) -> Vec<JoinHandle<Result<Run>>> {
    ids.into_iter()
        .map(|id| tokio::spawn(client.waits().wait(&id).unwrap().into_future()))
        .collect()
}

async fn joined(waits: Vec<JoinHandle<Result<Run>>>) -> Vec<Result<Run>> {
    let mut results = vec![];
    for wait in waits {
        results.push(wait.await.unwrap());
    }
    results
}

/// How many statuses a request has read on average.
fn statuses_a_request(server: &FaultServer) -> f64 {
    let batches = batches(server);
    batches.iter().sum::<usize>() as f64 / batches.len() as f64
}

#[tokio::test]
async fn a_hundred_waits_at_the_same_time_share_requests() {
    let server = FaultServer::scripted(runs(|id, polls| match polls < 20 + number(id) % 5 {
        true => reads_as("RUNNING"),
        false => reads_as("COMPLETED"),
    }))
    .await;
    let (client, _) = patient(&server);
    let results = joined(each_waits(&client, ids(100))).await;
    for (place, result) in results.iter().enumerate() {
        let run = result.as_ref().unwrap();
        assert_eq!(run.answer(), Some(id(place).as_str()));
        assert_eq!(polls_of(&server, id(place).as_str()), 21 + place % 5);
    }
    let statuses = statuses_a_request(&server);
    assert!(statuses >= 40.0, "{statuses}: {:?}", batches(&server));
    assert_eq!(batches(&server).iter().max(), Some(&50));
}

#[tokio::test]
async fn a_rolling_hundred_of_new_runs_share_requests() {
    let server = FaultServer::scripted(runs(|id, polls| match polls < 10 + number(id) % 30 {
        true => reads_as("RUNNING"),
        false => reads_as("COMPLETED"),
    }))
    .await;
    let (client, _) = patient(&server);
    let results = all_in_order(client.run_all(messages(1000), 100).results()).await;
    assert_eq!(results.len(), 1000);
    assert!(results.iter().all(|(_, result)| result.is_ok()));
    let statuses = statuses_a_request(&server);
    assert!(statuses >= 40.0, "{statuses}");
}

#[tokio::test]
async fn runs_that_are_triggered_and_waited_for_one_by_one_share_requests_too() {
    let server = FaultServer::scripted(runs(|_, polls| match polls < 20 {
        true => reads_as("RUNNING"),
        false => reads_as("COMPLETED"),
    }))
    .await;
    let (client, _) = patient(&server);
    let waits = messages(100).into_iter().map(|request| {
        let wait = client.trigger_run_and_wait(request);
        tokio::spawn(wait.into_future())
    });
    for result in joined(waits.collect()).await {
        result.unwrap();
    }
    let statuses = statuses_a_request(&server);
    assert!(statuses >= 40.0, "{statuses}: {:?}", batches(&server));
}

#[tokio::test]
async fn a_wait_that_is_dropped_has_left() {
    let server = FaultServer::scripted(runs(|_, polls| match polls < 30 {
        true => reads_as("RUNNING"),
        false => reads_as("COMPLETED"),
    }))
    .await;
    let (client, _) = patient(&server);
    let mut waits = each_waits(&client, ids(3));
    let many = client.wait_all((3..60).map(id)).unwrap().results();
    let mut many = pin!(many);
    let stays = waits.remove(0);
    // All are polled a few times, then all but one leave.
    poll_fn(|context| {
        let _ = futures_core::Stream::poll_next(many.as_mut(), context);
        match batches(&server).iter().sum::<usize>() > 300 {
            true => Poll::Ready(()),
            false => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
    .await;
    many.set(client.wait_all(Vec::<SessionId>::new()).unwrap().results());
    for wait in waits {
        wait.abort();
        assert!(wait.await.unwrap_err().is_cancelled());
    }
    let seen = server.seen().len();
    stays.await.unwrap().unwrap();
    let after: Vec<Seen> = server.seen().split_off(seen);
    let alone = after.iter().filter(|seen| is_poll(seen)).skip(1);
    // But for one that was on its way.
    assert!(alone.clone().count() > 10);
    for seen in alone {
        assert_eq!(seen.operation, STATUS, "{:?}", asked(seen));
        assert_eq!(id_of(seen), "run-0");
    }
}

#[tokio::test]
async fn a_slow_caller_holds_up_no_other_wait() {
    let server = FaultServer::scripted(end_one_after_the_other(20)).await;
    let (client, _) = patient(&server);
    // The first result is taken, the others are left where they are.
    let mut many = client.wait_all((0..60).map(id)).unwrap().results();
    assert!(many.next().await.is_some());
    // A wait that nobody goes on with, after it has begun.
    let mut stuck = Box::pin(client.waits().wait(id(99)).unwrap().into_future());
    poll_once(&mut stuck).await;
    for result in joined(each_waits(&client, (100..160).map(id).collect())).await {
        result.unwrap();
    }
    // They have lost nothing.
    assert_eq!(all(many).await.len(), 59);
    stuck.await.unwrap();
}

#[tokio::test]
async fn each_wait_keeps_its_own_deadline_and_learns_of_its_own_run_alone() {
    let server = FaultServer::scripted(runs(|id, polls| match (number(id), polls) {
        (1, _) => reads_as("RUNNING"),
        (2, 3..) => Err("No such run."),
        (3, 5..) => reads_as("FAILED"),
        (4.., 60..) => reads_as("COMPLETED"),
        _ => reads_as("RUNNING"),
    }))
    .await;
    let (client, clock) = patient(&server);
    let others = each_waits(&client, (4..60).map(id).collect());
    let outages = Arc::new(Mutex::new(vec![]));
    let record = outages.clone();
    let wait = |number: usize| client.waits().wait(id(number)).unwrap();
    let late = tokio::spawn(wait(1).timeout(seconds(77)).into_future());
    let gone = wait(2).on_outage(move |id, outage| {
        record
            .lock()
            .unwrap()
            .push((id.to_string(), outage.map(|it| it.polls)));
    });
    let gone = tokio::spawn(gone.into_future());
    let failed = tokio::spawn(wait(3).into_future());

    let Error::WaitTimeout(timeout) = late.await.unwrap().unwrap_err() else {
        panic!("it has not timed out");
    };
    assert_eq!(
        (timeout.session_id.as_str(), timeout.elapsed),
        ("run-1", seconds(77))
    );
    assert_eq!(timeout.polls as usize, polls_of(&server, "run-1"));
    assert!(clock.now() >= seconds(77));
    let gone = gone.await.unwrap().unwrap_err();
    assert!(matches!(gone, Error::GraphQl { .. }), "{gone:?}");
    assert_eq!(gone.session_id().unwrap().as_str(), "run-2");
    let failed = failed.await.unwrap().unwrap_err();
    assert_eq!(failed.session_id().unwrap().as_str(), "run-3");
    let outages = outages.lock().unwrap().clone();
    assert!(
        outages.len() >= 4 && outages.iter().all(|(id, _)| id == "run-2"),
        "{outages:?}"
    );
    for result in joined(others).await {
        result.unwrap();
    }
}

#[tokio::test]
async fn waits_survive_an_outage_and_a_server_that_takes_few_runs_at_a_time() {
    for (taken, refusal) in [(4, Reply::html(413)), (50, Reply::html(503))] {
        let mut answer = runs(|_, polls| match polls < 10 {
            true => reads_as("RUNNING"),
            false => reads_as("COMPLETED"),
        });
        let mut polls = 0;
        let server = FaultServer::scripted(move |seen| {
            polls += usize::from(is_poll(seen));
            let is_too_large = is_poll(seen) && asked(seen).len() > taken;
            let is_out = taken == 50 && is_poll(seen) && polls % 3 == 2;
            match is_too_large || is_out {
                true => refusal.clone(),
                false => answer(seen),
            }
        })
        .await;
        let (client, _) = patient(&server);
        for result in joined(each_waits(&client, ids(60))).await {
            result.unwrap();
        }
        let batches = batches(&server);
        assert_eq!(batches.iter().max(), Some(&50), "{batches:?}");
    }
}

#[tokio::test]
async fn a_delay_that_the_server_asks_for_holds_for_all_waits() {
    let clock = VirtualClock::new();
    let held: Arc<Mutex<(Option<Duration>, Vec<Duration>)>> = Arc::default();
    let (time, record) = (clock.clone(), held.clone());
    let mut answer = runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][polls.min(1)]));
    let server = FaultServer::scripted(move |seen| {
        let (since, arrivals) = &mut *record.lock().unwrap();
        match since {
            Some(since) if is_poll(seen) => arrivals.push(time.now() - *since),
            None if is_poll(seen) && asked(seen).len() == 50 => {
                *since = Some(time.now());
                return Reply::too_many_requests("40");
            }
            _ => {}
        }
        answer(seen)
    })
    .await;
    let client = client_by(&server, &clock);
    for result in joined(each_waits(&client, ids(200))).await {
        result.unwrap();
    }
    let (_, arrivals) = &*held.lock().unwrap();
    assert!(arrivals.len() >= 4);
    // But for those that were on their way.
    let early = arrivals
        .iter()
        .skip(8)
        .filter(|since| **since < seconds(40));
    assert_eq!(early.count(), 0, "{arrivals:?}");
}

/// A page of a wrong host ends all of them after few requests.
#[tokio::test]
async fn waits_at_a_wrong_host_end_after_few_requests() {
    let server = FaultServer::scripted(|_| Reply::html(404)).await;
    let (client, _) = patient(&server);
    let results = joined(each_waits(&client, ids(200))).await;
    for (place, result) in results.into_iter().enumerate() {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Http { status: 404, .. }),
            "{error:?}"
        );
        assert_eq!(error.session_id(), Some(&id(place)));
        assert!(!error.may_have_started());
    }
    // The first wait alone, then one request for all that had to wait for it.
    assert!(server.arrived() <= 3, "{} requests", server.arrived());
}

/// A run that ends just before a follow-up, of whose turn nothing shows: the wait that is asleep among
/// others must not take the old end for that of the turn.
#[tokio::test]
async fn a_follow_up_that_is_sent_while_a_wait_is_asleep_among_others_is_waited_for() {
    let mut has_ended = false;
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == SEND {
            has_ended = true;
            return accepted(seen);
        }
        // The baseline of the follow-up reads as ended, and a poll only after it.
        let is_baseline = seen.operation == DIGEST;
        run_with(seen, |id| {
            match (has_ended || is_baseline) && id == "run-0" {
                true => fields(id, "COMPLETED", &[]),
                false => fields(id, "RUNNING", &[]),
            }
        })
    })
    .await;
    let (client, _) = patient(&server);
    let others = each_waits(&client, (1..60).map(id).collect());
    let session = client.session(id(0)).unwrap();
    let wait = session.wait().grace_period(seconds(30)).into_future();
    let waited = tokio::spawn(wait);
    server.until_answered(4).await;
    session.send("And now?").await.unwrap();
    let error = waited.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::TurnNotStarted { .. }), "{error:?}");
    for wait in others {
        wait.abort();
    }
}

/// What is due waits for a request that hangs, and not beyond its deadline.
#[tokio::test]
async fn a_wait_ends_at_its_deadline_though_a_request_of_others_hangs() {
    let timeout = Duration::from_millis(1200);
    let server = FaultServer::scripted(|seen| match asked(seen)[0].1 == "run-0" {
        true => Reply::Hang,
        false => run_with(seen, |id| fields(id, "RUNNING", &[])),
    })
    .await;
    let client = client_by(&server, &SystemClock::new());
    let mut many = client.wait_all(ids(2)).unwrap().results();
    let hangs = tokio::spawn(async move { many.next().await });
    while server.arrived() == 0 {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    let error = client.waits().wait(id(9)).unwrap().timeout(timeout).await;
    assert!(matches!(error, Err(Error::WaitTimeout(_))), "{error:?}");
    let took = begun.elapsed();
    assert!(took >= timeout && took < 3 * timeout, "{took:?}");
    hangs.abort();
}

/// The first request has no more time than the wait that ends first.
#[tokio::test]
async fn a_wait_that_ends_soon_does_not_end_the_others_with_it() {
    let mut polls = 0;
    let mut answer = end_one_after_the_other(3);
    let server = FaultServer::scripted(move |seen| {
        polls += usize::from(is_poll(seen));
        match is_poll(seen) && polls == 1 {
            true => Reply::Http(503, vec![("Retry-After", "2".to_owned())], String::new()),
            false => answer(seen),
        }
    })
    .await;
    let (client, _) = patient(&server);
    let many = client.wait_all(ids(10)).unwrap().timeout(seconds(50));
    let many = tokio::spawn(all(many.results()));
    let short = client.waits().wait(id(11)).unwrap().timeout(seconds(1));
    let short = tokio::spawn(short.into_future());
    assert!(short.await.unwrap().is_err());
    assert_eq!(batches(&server)[0], 11);
    let results = many.await.unwrap();
    assert_eq!(results.len(), 10);
    assert!(results.values().all(Result::is_ok), "{results:?}");
}

#[tokio::test]
async fn waits_whose_last_look_is_refused_as_too_large_are_looked_at_in_smaller_ones() {
    let clock = VirtualClock::new();
    let time = clock.clone();
    let server = FaultServer::scripted(move |seen| {
        let is_late = time.now() >= seconds(45);
        match is_late && is_poll(seen) && asked(seen).len() > 20 {
            true => Reply::html(413),
            false => run_with(seen, |id| {
                fields(id, if is_late { "COMPLETED" } else { "RUNNING" }, &[])
            }),
        }
    })
    .await;
    let client = client_by(&server, &clock);
    let waits = ids(50).into_iter().map(|id| {
        let wait = client.waits().wait(&id).unwrap().poll_interval(seconds(30));
        let wait = wait.timeout(seconds(45)).on_timeout(OnTimeout::Stop);
        tokio::spawn(wait.into_future())
    });
    for result in joined(waits.collect()).await {
        result.unwrap();
    }
    assert_eq!(sent(&server, STOP), 0);
}
