//! Polls of many runs are spread, and a requested pause holds for all of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::time::{Clock, Sleep, VirtualClock};
use dinoai::{Result, Wait};
use tokio::sync::Notify;

use crate::many_runs::api::{all, asked, reads_as, runs};
use crate::support::fault_server::{FastClock, FaultServer, Reply};
use crate::support::operations::{DIGEST, READ, SEND, is_poll};
use crate::support::samples::{id, ids, seconds};
use crate::support::shown_run::{accepted, client_by, fields, run_with};

#[tokio::test]
async fn first_polls_are_spread_over_the_first_second() {
    let clock = FastClock::with_second(Duration::from_millis(200));
    let arrivals = Arc::new(Mutex::new(vec![]));
    let (watch, record) = (clock.clone(), arrivals.clone());
    let mut answer = runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][polls.min(1)]));
    let server = FaultServer::scripted(move |seen| {
        if is_poll(seen) {
            record.lock().unwrap().push(watch.now().as_secs_f64());
        }
        answer(seen)
    })
    .await;
    let client = client_by(&server, &clock);
    let many = client
        .wait_all(ids(1000))
        .unwrap()
        .poll_interval(seconds(10))
        .results();
    assert_eq!(all(many).await.len(), 1000);
    let first: Vec<f64> = arrivals.lock().unwrap()[..20].to_vec();
    // 20 batches, 0.05 s apart. Late ones may come close to one another, none comes early.
    for (place, arrival) in first.iter().enumerate() {
        let due = 0.05 * place as f64;
        assert!(*arrival >= due, "batch {place} came at {arrival}");
    }
    assert!(first[19] < 9.0, "{first:?}");
}

#[tokio::test]
async fn a_delay_that_the_server_asks_for_holds_for_all_runs() {
    // Slow enough that no batch is on its way when another one is held back.
    let clock = FastClock::with_second(Duration::from_millis(20));
    let held = Arc::new(Mutex::new((None, vec![])));
    let (watch, record) = (clock.clone(), held.clone());
    let mut answer = runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][polls.min(1)]));
    let server = FaultServer::scripted(move |seen| {
        let (since, arrivals) = &mut *record.lock().unwrap();
        match since {
            None if asked(seen).iter().any(|(_, id)| id == "run-160") => {
                *since = Some(watch.now());
                return Reply::too_many_requests("50");
            }
            None => {}
            Some(since) => arrivals.push(watch.now() - *since),
        }
        answer(seen)
    })
    .await;
    let client = client_by(&server, &clock);
    let many = client
        .wait_all(ids(200))
        .unwrap()
        .poll_interval(seconds(30))
        .results();
    let results = all(many).await;
    assert_eq!(
        results.values().filter(|result| result.is_ok()).count(),
        200
    );
    let (_, arrivals) = &*held.lock().unwrap();
    // All four batches would have been due within 30 s of it.
    let early: Vec<_> = arrivals
        .iter()
        .filter(|since| **since < seconds(50))
        .collect();
    assert!(early.is_empty(), "{early:?}");
    assert!(arrivals.len() >= 4);
}

#[tokio::test]
async fn a_delay_that_the_server_asks_for_holds_for_the_reads_of_ended_runs_too() {
    let clock = FastClock::with_second(Duration::from_millis(20));
    let held = Arc::new(Mutex::new((None, vec![])));
    let (watch, record) = (clock.clone(), held.clone());
    let mut answer = runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][polls.min(1)]));
    let mut polls = 0;
    let server = FaultServer::scripted(move |seen| {
        let (since, arrivals) = &mut *record.lock().unwrap();
        let asks = |id: &str| asked(seen).iter().any(|(_, asked)| asked == id);
        if let Some(since) = since {
            arrivals.push(watch.now() - *since);
            return answer(seen);
        }
        polls += usize::from(asks("run-0"));
        if polls == 2 && asks("run-0") {
            // These have ended, as the client learns after the delay was asked for.
            return Reply::Late(Duration::from_millis(200), Box::new(answer(seen)));
        }
        if polls == 2 && asks("run-60") {
            *since = Some(watch.now());
            return Reply::too_many_requests("50");
        }
        answer(seen)
    })
    .await;
    let client = client_by(&server, &clock);
    let results = all(client
        .wait_all(ids(100))
        .unwrap()
        .poll_interval(seconds(10))
        .results())
    .await;
    assert_eq!(results.len(), 100);
    assert!(results.values().all(Result::is_ok));
    let (_, arrivals) = &*held.lock().unwrap();
    assert!(arrivals.len() >= 50, "{arrivals:?}");
    let early = arrivals.iter().filter(|since| **since < seconds(50));
    assert_eq!(early.count(), 0, "{arrivals:?}");
}

#[tokio::test]
async fn a_delay_that_comes_with_a_refused_batch_holds_for_all() {
    let clock = VirtualClock::new();
    let time = clock.clone();
    let arrivals = Arc::new(Mutex::new(vec![]));
    let record = arrivals.clone();
    let mut answer = runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][usize::from(polls >= 3)]));
    let mut polls = 0;
    let server = FaultServer::scripted(move |seen| {
        if is_poll(seen) {
            polls += 1;
            record.lock().unwrap().push(time.now());
            if polls == 3 {
                let delay = vec![("Retry-After", "30".to_owned())];
                return Reply::Http(413, delay, String::new());
            }
        }
        answer(seen)
    })
    .await;
    let client = client_by(&server, &clock);
    let many = client.wait_all(ids(100)).unwrap().poll_interval(seconds(5));
    let results = all(many.results()).await;
    assert!(results.values().all(Result::is_ok));
    let arrivals = arrivals.lock().unwrap();
    let refused = arrivals[2];
    let is_early = |at: &&Duration| **at > refused && **at < refused + seconds(30);
    assert_eq!(arrivals.iter().filter(is_early).count(), 0, "{arrivals:?}");
}

/// A wait among others asks alone where it reads messages: after a follow-up.
#[tokio::test]
async fn a_delay_that_is_asked_of_one_wait_alone_holds_for_the_others() {
    // Slow enough that no poll is on its way when others are held back.
    let clock = FastClock::with_second(Duration::from_millis(20));
    let time = clock.clone();
    let held = Arc::new(Mutex::new((None, vec![])));
    let record = held.clone();
    let mut digests = 0;
    let server = FaultServer::scripted(move |seen| {
        let (since, polls) = &mut *record.lock().unwrap();
        digests += usize::from(seen.operation == DIGEST);
        match seen.operation.as_str() {
            SEND => return accepted(seen),
            // The first is made before the follow-up is sent.
            DIGEST if digests > 1 => {
                since.get_or_insert(time.now());
                return Reply::unavailable("30");
            }
            _ if is_poll(seen) => polls.push(time.now()),
            _ => {}
        }
        run_with(seen, |id| fields(id, "RUNNING", &[]))
    })
    .await;
    let client = client_by(&server, &clock);
    let session = client.session(id(0)).unwrap();
    let wait = |wait: Wait| {
        let wait = wait.poll_interval(seconds(5)).timeout(seconds(100));
        tokio::spawn(wait.into_future())
    };
    let other = wait(client.waits().wait(id(1)).unwrap());
    let of_session = wait(session.wait());
    // Both have been polled together.
    while server.arrived() < 4 {
        tokio::task::yield_now().await;
    }
    session.send("And now?").await.unwrap();
    for wait in [other, of_session] {
        assert!(wait.await.unwrap().is_err());
    }
    let (since, polls) = &*held.lock().unwrap();
    let since = since.unwrap();
    let early = polls
        .iter()
        .filter(|at| **at > since && **at < since + seconds(30));
    assert_eq!(early.count(), 0, "{since:?} {polls:?}");
}

/// Each wait reads its own run; eight reads can be in flight when the delay is asked for.
#[tokio::test]
async fn a_delay_that_the_server_asks_for_holds_for_the_reads_of_single_waits() {
    // Slow enough that what is in flight arrives within a second.
    let clock = FastClock::with_second(Duration::from_millis(20));
    let time = clock.clone();
    let held = Arc::new(Mutex::new((None, 0)));
    let record = held.clone();
    let server = FaultServer::scripted(move |seen| {
        let now = time.now();
        let (since, early) = &mut *record.lock().unwrap();
        if seen.operation == READ {
            let since = *since.get_or_insert(now);
            if now < since + seconds(30) {
                *early += 1;
                return Reply::too_many_requests("30");
            }
        }
        let has_ended = now >= seconds(20);
        run_with(seen, |id| match has_ended {
            true => fields(id, "COMPLETED", &[]),
            false => fields(id, "RUNNING", &[]),
        })
    })
    .await;
    let client = client_by(&server, &clock);
    let begin = |number| tokio::spawn(client.waits().wait(id(number)).unwrap().into_future());
    let waits: Vec<_> = (0..100).map(begin).collect();
    for wait in waits {
        wait.await.unwrap().unwrap();
    }
    let (_, early) = *held.lock().unwrap();
    assert!(early <= 8, "{early} reads");
}

/// Fast, and counts the pauses of some seconds that have begun.
#[derive(Debug, Clone)]
struct CountingClock {
    fast: FastClock,
    pauses: Arc<AtomicUsize>,
}

impl Clock for CountingClock {
    fn now(&self) -> Duration {
        self.fast.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let is_pause = duration > seconds(5) && duration <= seconds(10);
        self.pauses
            .fetch_add(usize::from(is_pause), Ordering::Relaxed);
        self.fast.sleep(duration)
    }
}

/// The two look at their runs in requests of their own. The other is asked before the response to the first
/// poll has come, or in the pause after it.
#[tokio::test]
async fn a_delay_that_was_asked_of_another_wait_holds_for_one_that_has_become_alone() {
    for is_in_the_pause in [false, true] {
        let pauses = Arc::new(AtomicUsize::new(0));
        let clock = CountingClock {
            fast: FastClock::with_second(Duration::from_millis(20)),
            pauses: pauses.clone(),
        };
        let (time, first) = (clock.clone(), Arc::new(Notify::new()));
        let hold = first.clone();
        let held = Arc::new(Mutex::new((None, vec![])));
        let record = held.clone();
        let server = FaultServer::scripted(move |seen| {
            let now = time.now();
            let (since, polls) = &mut *record.lock().unwrap();
            if asked(seen).iter().any(|(_, id)| id == "run-0") {
                since.get_or_insert(now);
                return Reply::too_many_requests("50");
            }
            polls.push(now);
            let has_ended = since.is_some_and(|since| now >= since + seconds(50));
            let reply = run_with(seen, |id| match has_ended {
                true => fields(id, "COMPLETED", &[]),
                false => fields(id, "RUNNING", &[]),
            });
            match polls.len() {
                1 if !is_in_the_pause => Reply::When(hold.clone(), Box::new(reply)),
                _ => reply,
            }
        })
        .await;
        let client = client_by(&server, &clock);
        let wait = client.waits().wait(id(1)).unwrap();
        let wait = tokio::spawn(wait.poll_interval(seconds(10)).into_future());
        while server.arrived() == 0 {
            tokio::task::yield_now().await;
        }
        while is_in_the_pause && pauses.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let session = client.session(id(0)).unwrap();
        let tree = session.tree().until_ended().timeout(seconds(5));
        tree.await.unwrap_err();
        first.notify_one();
        wait.await.unwrap().unwrap();
        let (since, polls) = &*held.lock().unwrap();
        let since = since.unwrap();
        let early = polls[1..].iter().filter(|at| **at < since + seconds(50));
        assert_eq!(early.count(), 0, "{since:?} {polls:?}");
    }
}
