//! A connection that one runtime has opened hangs no blocking call.

use std::thread;

use dinoai::blocking::Block;
use dinoai::{Client, Retry};
use tokio::runtime::Builder;

use crate::api::{api, current_thread, server, within_time};
use crate::support::fault_server::{FaultServer, SESSION, client};

/// A client that gives up at once where a connection does not work.
fn impatient(server: &FaultServer) -> Client {
    client(&server.endpoint(), |builder| builder.retry(Retry::none())).0
}

#[test]
fn a_connection_that_a_blocking_call_has_opened_serves_a_runtime_as_well() {
    let (_runtime, server) = server(api());
    let client = impatient(&server);
    within_time(move || {
        client.get_run(SESSION).block().unwrap();
        let runtime = current_thread();
        runtime
            .block_on(client.get_run(SESSION).into_future())
            .unwrap();
        drop(runtime);
        client.get_run(SESSION).block().unwrap();
    });
    assert_eq!(server.arrived(), 3);
}

#[test]
fn many_threads_block_at_once() {
    let (_runtime, server) = server(api());
    let (client, _) = server.client();
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || client.get_run(SESSION).block().unwrap())
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap().session_id.as_str(), SESSION);
    }
    assert_eq!(server.arrived(), 16);
}

/// A call that keeps its connection, then a blocking one that could use it again.
async fn awaits_then_blocks(client: Client) -> usize {
    client.get_run(SESSION).await.unwrap();
    client.get_run(SESSION).block().unwrap();
    client.get_run(SESSION).block().unwrap();
    client.get_run(SESSION).await.unwrap();
    4
}

#[test]
fn a_connection_that_a_current_thread_runtime_has_opened_does_not_hang_a_blocking_call() {
    let (_runtime, server) = server(api());
    let client = impatient(&server);
    let calls = within_time(|| current_thread().block_on(awaits_then_blocks(client)));
    assert_eq!(server.arrived(), calls);
}

#[test]
fn a_connection_that_the_only_worker_has_opened_does_not_hang_a_blocking_call() {
    let (_runtime, server) = server(api());
    let client = impatient(&server);
    let calls = within_time(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let task = runtime.spawn(awaits_then_blocks(client));
        runtime.block_on(task).unwrap()
    });
    assert_eq!(server.arrived(), calls);
}
