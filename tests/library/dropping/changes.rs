//! A call that is dropped at any await sends nothing twice.

use std::pin::Pin;
use std::time::Duration;

use dinoai::{
    Ask, Call, Client, Error, Events, OnTimeout, ReadTree, Run, RunAll, RunResults, Session,
    SessionId, StepOptions, StopOnDrop, TriggerRun, Wait, WaitAll, WaitTree, Watch,
};

use crate::dropping::api::{
    ENOUGH, Work, api, changes, endless, is_dropped_everywhere, polled, requests,
};
use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::samples::{ids, session};

#[tokio::test]
async fn a_future_of_a_change_dropped_at_any_await_sends_nothing_twice() {
    for polls in 1..200 {
        let server = FaultServer::start([Reply::too_many_requests("1")]).await;
        let (client, _) = server.client();
        let mut call = Box::pin(client.trigger_run(TriggerRun::agent("a")).into_future());
        let finished = poll_at_most(polls, call.as_mut()).await;
        drop(call);
        // One turned away, one carried out, at the very most.
        assert!(server.arrived() <= 2, "after {polls} polls");
        if finished {
            return;
        }
    }
    panic!("never finished");
}

/// Polls a future as often as it wakes up, `times` at most; whether it has finished.
async fn poll_at_most<F: Future>(times: usize, mut future: Pin<&mut F>) -> bool {
    let mut polls = 0;
    std::future::poll_fn(|context| {
        if polls == times {
            return std::task::Poll::Ready(false);
        }
        polls += 1;
        match future.as_mut().poll(context) {
            std::task::Poll::Ready(_) => std::task::Poll::Ready(true),
            std::task::Poll::Pending if polls == times => std::task::Poll::Ready(false),
            std::task::Poll::Pending => std::task::Poll::Pending,
        }
    })
    .await
}

#[test]
fn every_future_and_stream_can_be_sent_to_another_thread_and_outlives_its_maker() {
    fn is_free<T: Send + 'static>() {}
    fn is_free_too<T: Send + 'static>(_: impl FnOnce(Client) -> T) {}
    fn future_is_free<T: IntoFuture<IntoFuture: Send> + Send + 'static>() {}
    future_is_free::<Wait>();
    future_is_free::<Ask>();
    future_is_free::<ReadTree>();
    future_is_free::<WaitTree>();
    is_free::<Watch>();
    is_free::<Events>();
    is_free::<WaitAll>();
    is_free::<RunAll>();
    is_free::<RunResults<SessionId>>();
    is_free::<RunResults<usize>>();
    future_is_free::<Call<Run>>();
    is_free::<Session>();
    is_free::<StopOnDrop>();
    is_free_too(|client| session(&client).send("And now?"));
    is_free_too(|client| client.get_run_steps(SESSION, StepOptions::default()));
    is_free_too(|client| client.start(TriggerRun::agent("a")));
}

#[tokio::test]
async fn an_ask_dropped_at_any_await_has_sent_its_message_once_at_most() {
    let ask = |client: Client| -> Work {
        let ask = session(&client).ask("And now?").into_future();
        Box::pin(async { drop(ask.await.unwrap()) })
    };
    is_dropped_everywhere(api, ask, 1).await;
}

#[tokio::test]
async fn a_send_dropped_at_any_await_has_sent_its_message_once_at_most() {
    let send = |client: Client| -> Work {
        let send = session(&client).send("And now?");
        Box::pin(async { drop(send.await.unwrap()) })
    };
    is_dropped_everywhere(api, send, 1).await;
}

#[tokio::test]
async fn a_start_dropped_at_any_await_has_started_one_run_at_most() {
    let start = |client: Client| -> Work {
        let start = client.start(TriggerRun::agent("a"));
        Box::pin(async { drop(start.await.unwrap()) })
    };
    is_dropped_everywhere(api, start, 1).await;
}

#[tokio::test]
async fn a_wait_that_stops_its_run_dropped_at_any_await_has_stopped_it_once_at_most() {
    let wait = |client: Client| -> Work {
        let wait = client
            .trigger_run_and_wait(TriggerRun::agent("a"))
            .timeout(Duration::from_secs(5))
            .on_timeout(OnTimeout::Stop)
            .into_future();
        Box::pin(async {
            let error = wait.await.unwrap_err();
            assert!(matches!(error, Error::WaitTimeout(_)), "{error:?}");
        })
    };
    is_dropped_everywhere(endless, wait, 2).await;
}

#[tokio::test]
async fn a_tree_dropped_at_any_await_changes_nothing() {
    let read = |client: Client| -> Work {
        let read = session(&client).tree().into_future();
        Box::pin(async { drop(read.await.unwrap()) })
    };
    is_dropped_everywhere(api, read, 0).await;
    let wait = |client: Client| -> Work {
        let wait = session(&client).tree().until_ended().into_future();
        Box::pin(async { drop(wait.await.unwrap()) })
    };
    is_dropped_everywhere(api, wait, 0).await;
}

#[tokio::test]
async fn a_read_of_steps_dropped_at_any_await_changes_nothing() {
    let read = |client: Client| -> Work {
        let read = client.get_run_steps(SESSION, StepOptions::default());
        Box::pin(async { drop(read.await.unwrap()) })
    };
    is_dropped_everywhere(api, read, 0).await;
}

#[tokio::test]
async fn many_waits_dropped_at_any_await_change_nothing() {
    let wait = |client: Client| -> Work {
        let mut many = client.wait_all(ids(60)).unwrap().results();
        Box::pin(async move {
            while let Some((_, result)) = many.next().await {
                result.unwrap();
            }
        })
    };
    is_dropped_everywhere(api, wait, 0).await;
}

#[tokio::test]
async fn many_starts_dropped_at_any_await_have_started_each_run_once_at_most() {
    let run = |client: Client| -> Work {
        let mut many = client.run_all(requests(6), 2).results();
        Box::pin(async move {
            while let Some((_, result)) = many.next().await {
                result.unwrap();
            }
        })
    };
    is_dropped_everywhere(api, run, 6).await;
}

#[tokio::test]
async fn after_an_ask_is_dropped_the_session_still_finds_the_end_of_its_turn() {
    let mut has_waited = false;
    for polls in 1..ENOUGH {
        let server = FaultServer::scripted(api()).await;
        let (client, _) = server.client();
        let session = session(&client);
        session.wait().await.unwrap();
        let ask = session.ask("And now?").into_future();
        let mut work: Work = Box::pin(async { drop(ask.await.unwrap()) });
        let has_finished = polled(&mut work, polls).await;
        drop(work);
        let waited = session.wait().await;
        if changes(&server).is_empty() {
            // Dropped while it was being sent, it may have been: the turn counts as open.
            let is_open = matches!(waited, Err(Error::TurnNotStarted { .. }));
            assert!(is_open || waited.unwrap().messages.len() == 3);
        } else {
            // Three messages of each turn: that of the open one is not taken for the old one's.
            assert_eq!(waited.unwrap().messages.len(), 6, "after {polls} polls");
            has_waited = true;
        }
        if has_finished {
            assert!(has_waited);
            return;
        }
    }
    panic!("it never finished");
}

/// The events of a watch, or the results of many runs, as texts.
pub(crate) type Items = Pin<Box<dyn futures_core::Stream<Item = String> + Send>>;
