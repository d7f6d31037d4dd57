//! Callbacks that panic or block themselves do no harm.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::api::{api, server, within_time};
use crate::support::fault_server::SESSION;
use crate::support::samples::request;
use dinoai::blocking::{Block, Iterate};

#[test]
fn a_panic_of_the_callers_callback_reaches_the_caller_and_harms_no_later_call() {
    let (_runtime, server) = server(api());
    let (client, _) = server.client();
    let first = client.clone();
    let panic = within_time(move || {
        let wait = first.trigger_run_and_wait(request());
        let wait = wait.on_started(|id| panic!("no place for {id}"));
        catch_unwind(AssertUnwindSafe(|| wait.block())).unwrap_err()
    });
    let text = panic.downcast_ref::<String>().unwrap();
    assert_eq!(text, "no place for started-1");

    let many = client.clone();
    let panic = within_time(move || {
        let many = many.run_all([request()], 1);
        let mut many = many
            .on_started(|_, id| panic!("no place for {id}"))
            .results()
            .iterate();
        let panic = catch_unwind(AssertUnwindSafe(|| many.next())).unwrap_err();
        // The run that was started is not passed over in silence.
        let (place, result) = many.next().unwrap();
        assert!(place == 0 && result.unwrap_err().may_have_started());
        assert!(many.next().is_none());
        panic
    });
    let text = panic.downcast_ref::<String>().unwrap();
    assert_eq!(text, "no place for started-2");
    client.get_run(SESSION).block().unwrap();
}

#[test]
fn a_blocking_call_inside_a_callback_of_another_does_not_hang() {
    let (_runtime, server) = server(api());
    let (client, _) = server.client();
    let run = within_time(move || {
        let inner = client.clone();
        client
            .trigger_run_and_wait(request())
            .on_started(move |id| drop(inner.get_run(id).block().unwrap()))
            .block()
    });
    assert_eq!(run.unwrap().session_id.as_str(), "started-1");
}

#[test]
fn callbacks_of_many_runs_that_block_do_not_hang() {
    let (_runtime, server) = server(api());
    let (client, _) = server.client();
    let results = within_time(move || {
        let inner = client.clone();
        let runs = client.run_all((0..5).map(|_| request()), 5);
        let runs = runs.on_started(move |_, _| drop(inner.get_run(SESSION).block().unwrap()));
        runs.results().iterate().count()
    });
    assert_eq!(results, 5);
}
