//! A wait can be spawned, sends nothing before it is awaited, and nothing twice if it is dropped.

use dinoai::{Run, Wait};

use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::operations::{READ, TRIGGER};
use crate::support::samples::request;
use crate::waiting::requests_of_a_wait::after_trigger;

#[tokio::test]
async fn a_wait_can_be_spawned_and_nothing_is_sent_before_it_is_awaited() {
    fn is_sendable<T: Send + 'static>(_: &T) {}
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let wait: Wait = client.trigger_run_and_wait(request());
    is_sendable(&wait);
    drop(wait);
    assert_eq!(server.arrived(), 0);
    let run: Run = tokio::spawn(client.trigger_run_and_wait(request()).into_future())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(run.session_id.as_str(), SESSION);
}

#[tokio::test]
async fn a_wait_dropped_at_any_await_has_sent_nothing_twice() {
    let mut finished = false;
    for polls in 1..400 {
        let going = vec![Reply::Status("RUNNING"); 3];
        let server = FaultServer::start(after_trigger(going)).await;
        let (client, _) = server.client();
        let mut wait = client.trigger_run_and_wait(request()).into_future();
        let mut left = polls;
        finished = std::future::poll_fn(|context| {
            left -= 1;
            match wait.as_mut().poll(context) {
                std::task::Poll::Ready(_) => std::task::Poll::Ready(true),
                std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(false),
                std::task::Poll::Pending => std::task::Poll::Pending,
            }
        })
        .await;
        drop(wait);
        let operations = server.operations();
        assert!(operations.iter().filter(|name| *name == TRIGGER).count() <= 1);
        assert!(operations.iter().filter(|name| *name == READ).count() <= 1);
        assert!(operations.len() <= 6, "{operations:?}");
        if finished {
            break;
        }
    }
    assert!(finished);
}
