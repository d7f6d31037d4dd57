//! A guard that is dropped outside a runtime has stopped its run when the drop returns.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::api::{SECOND, current_thread, server, within_time};
use crate::support::fault_server::{Reply, SESSION, Seen};
use crate::support::operations::{STOP, sent};

/// Runs that can be stopped, after this time.
fn stoppable(late: Duration) -> impl FnMut(&Seen) -> Reply + Send {
    move |seen| match seen.operation.as_str() {
        "StopDinoaiAgentRun" => Reply::Late(late, Box::new(Reply::Good)),
        _ => Reply::Status("RUNNING"),
    }
}

#[test]
fn a_guard_dropped_outside_a_runtime_has_stopped_its_run_when_the_drop_returns() {
    const LATE: Duration = Duration::from_millis(100);
    let (_runtime, server) = server(stoppable(LATE));
    let (client, _) = server.client();
    let took = within_time(move || {
        let guard = client.session(SESSION).unwrap().stop_on_drop();
        let start = Instant::now();
        drop(guard);
        start.elapsed()
    });
    assert_eq!(sent(&server, STOP), 1);
    assert!(took >= LATE, "{took:?}");
}

#[test]
fn a_guard_dropped_outside_a_runtime_by_a_panic_stops_its_run() {
    let (_runtime, server) = server(stoppable(Duration::ZERO));
    let (client, _) = server.client();
    let panic = within_time(move || {
        catch_unwind(AssertUnwindSafe(|| {
            let _guard = client.session(SESSION).unwrap().stop_on_drop();
            panic!("for a test");
        }))
        .unwrap_err()
    });
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"for a test"));
    assert_eq!(sent(&server, STOP), 1);
}

#[test]
fn a_guard_dropped_outside_a_runtime_returns_where_its_run_cannot_be_stopped() {
    let (_runtime, server) = server(|_| Reply::html(404));
    let (client, _) = server.client();
    let session = client.session(SESSION).unwrap();
    within_time(move || drop(session.stop_on_drop()));
    assert_eq!(sent(&server, STOP), 1);
    client.session(SESSION).unwrap().stop_on_drop().disarm();
    assert_eq!(sent(&server, STOP), 1);
}

#[test]
fn a_guard_dropped_inside_a_runtime_does_not_hold_it_up() {
    let (_runtime, server) = server(stoppable(Duration::from_secs(5)));
    let (client, _) = server.client();
    let took = within_time(move || {
        current_thread().block_on(async {
            let guard = client.session(SESSION).unwrap().stop_on_drop();
            let start = Instant::now();
            drop(guard);
            start.elapsed()
        })
    });
    assert!(took < SECOND, "{took:?}");
}
