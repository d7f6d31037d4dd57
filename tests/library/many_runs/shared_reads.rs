//! What waits that go on at the same time share beside their polls: so many reads at a time, and what a
//! server that takes no large batch says without words.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, current, park};

use dinoai::{Client, Credentials, Error};
use tokio::sync::Notify;

use crate::many_runs::api::{
    asked, batches, end_one_after_the_other, patient, reads, reads_as, runs,
};
use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{READ, is_poll};
use crate::support::samples::ids;

#[tokio::test]
async fn waits_that_end_at_the_same_time_read_their_runs_a_few_at_a_time() {
    const MOST: usize = 7;
    let held = Arc::new(Notify::new());
    let release = held.clone();
    let mut answer = end_one_after_the_other(1);
    let server = FaultServer::scripted(move |seen| match seen.operation == READ {
        true => Reply::When(held.clone(), Box::new(answer(seen))),
        false => answer(seen),
    })
    .await;
    let (client, _) = patient(&server);
    let waits: Vec<_> = ids(60)
        .iter()
        .map(|id| tokio::spawn(client.waits().wait(id).unwrap().into_future()))
        .collect();
    let mut answered = 0;
    while answered < 60 {
        // As many have come in as may be in flight, but for a wait that was alone at first.
        while reads(&server) < (answered + MOST).min(60) {
            tokio::task::yield_now().await;
        }
        assert!(reads(&server) <= answered + MOST + 1, "{}", reads(&server));
        release.notify_one();
        answered += 1;
    }
    release.notify_one();
    for wait in waits {
        wait.await.unwrap().unwrap();
    }
}

/// Nothing else is asked for that could show that the server is there.
#[tokio::test]
async fn waits_whose_only_batch_always_fails_are_polled_in_smaller_ones() {
    let mut answer = runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][usize::from(polls >= 20)]));
    let mut polls = 0;
    let server = FaultServer::scripted(move |seen| {
        polls += usize::from(is_poll(seen));
        match is_poll(seen) && polls > 4 && asked(seen).len() > 10 {
            true => Reply::html(504),
            false => answer(seen),
        }
    })
    .await;
    let (client, _) = patient(&server);
    let waits: Vec<_> = ids(30)
        .iter()
        .map(|id| tokio::spawn(client.waits().wait(id).unwrap().into_future()))
        .collect();
    for wait in waits {
        wait.await.unwrap().unwrap();
    }
    let failed = batches(&server)
        .iter()
        .skip(4)
        .filter(|size| **size > 10)
        .count();
    assert!((3..20).contains(&failed), "{:?}", batches(&server));
}

/// Wakes the thread that waits for a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn without_a_runtime<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => park(),
        }
    }
}

#[test]
fn many_runs_outside_of_a_runtime_end_with_an_error() {
    let client = Client::builder()
        .endpoint("http://127.0.0.1:9/graphql")
        .credentials(Credentials::key_and_secret("key", "secret"))
        .build()
        .unwrap();
    let mut results = client.wait_all(ids(3)).unwrap().results();
    let mut ended = 0;
    while let Some((id, result)) = without_a_runtime(results.next()) {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
        assert_eq!(error.session_id(), Some(&id));
        ended += 1;
    }
    assert_eq!(ended, 3);
}
