//! What a caller gets whose thread could not be started, or has ended.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use super::*;
use crate::client::Client;
use crate::config::Credentials;
use crate::model::TriggerRun;

const NO_PORT: &str = "http://127.0.0.1:9/graphql";

fn client(endpoint: &str) -> Client {
    Client::new(endpoint, Credentials::key_and_secret("key", "secret")).unwrap()
}

fn ids() -> [SessionId; 3] {
    ["a", "b", "c"].map(|id| SessionId::new(id).unwrap())
}

fn requests() -> [TriggerRun; 3] {
    ["a", "b", "c"].map(TriggerRun::agent)
}

fn live() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// A runtime whose thread has ended.
fn gone() -> Handle {
    let runtime = live();
    let handle = runtime.handle().clone();
    runtime.shutdown_background();
    handle
}

/// Where no thread could be started.
fn none() -> Result<&'static Handle> {
    Err(Error::config(
        "blocking thread",
        "cannot be started: for a test",
    ))
}

/// All that is still given, asked for twice more than that.
fn rest<S: Iterate>(mut iter: Iter<S>, runtime: Result<&Handle>) -> Vec<S::Item> {
    let mut items = vec![];
    while let Some(item) = iter.next_on(runtime.clone()) {
        items.push(item);
    }
    assert!(iter.next_on(runtime.clone()).is_none() && iter.next_on(runtime).is_none());
    items
}

fn assert_not_started(error: &Error) {
    assert!(matches!(error, Error::InvalidConfig { .. }), "{error:?}");
    assert!(!error.may_have_started() && !error.is_retryable());
}

fn assert_unknown(error: &Error) {
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    assert!(error.may_have_started() && !error.is_retryable());
}

fn failed<K>(results: Vec<(K, Result<crate::Run>)>) -> (Vec<K>, Vec<Error>) {
    let results = results.into_iter();
    results
        .map(|(key, result)| (key, result.unwrap_err()))
        .unzip()
}

#[test]
fn a_call_whose_thread_is_gone_may_have_been_carried_out() {
    let call = || client(NO_PORT).get_run("a");
    let error = block_on(Ok(&gone()), call().into_future()).unwrap_err();
    assert_unknown(&error);
    insta::assert_snapshot!(error, @"the call was sent but its outcome is unknown: the thread for blocking calls has ended before its work was done; it may have been carried out, so it was not sent again: look in the workspace before you send it again");
    assert_not_started(&block_on(none(), call().into_future()).unwrap_err());
}

#[test]
fn each_run_that_is_waited_for_gets_an_error_once() {
    let iter = || client(NO_PORT).wait_all(ids()).unwrap().results().iterate();
    for results in [rest(iter(), Ok(&gone())), rest(iter(), none())] {
        let (met, errors) = failed(results);
        assert_eq!(met, ids());
        errors.iter().for_each(assert_not_started);
    }
}

#[test]
fn each_request_gets_an_error_once_which_says_whether_it_may_have_been_started() {
    let iter = || client(NO_PORT).run_all(requests(), 2).results().iterate();
    let (places, errors) = failed(rest(iter(), Ok(&gone())));
    assert_eq!(places, [0, 1, 2]);
    errors.iter().for_each(assert_unknown);
    let (places, errors) = failed(rest(iter(), none()));
    assert_eq!(places, [0, 1, 2]);
    errors.iter().for_each(assert_not_started);
}

#[test]
fn a_watch_gives_one_error() {
    let iter = || {
        client(NO_PORT)
            .session("a")
            .unwrap()
            .watch()
            .events()
            .iterate()
    };
    for events in [rest(iter(), Ok(&gone())), rest(iter(), none())] {
        let [Err(error)] = &events[..] else {
            panic!("{events:?}");
        };
        assert_not_started(error);
    }
}

#[test]
fn a_watch_that_starts_its_run_says_that_it_may_have_been_started() {
    let request = || TriggerRun::agent("a");
    let iter = || {
        client(NO_PORT)
            .trigger_run_and_watch(request())
            .events()
            .iterate()
    };
    let events = rest(iter(), Ok(&gone()));
    assert_unknown(events[0].as_ref().unwrap_err());
    let events = rest(iter(), none());
    assert_not_started(events[0].as_ref().unwrap_err());
}

/// A timeout of zero is refused for each run without any request.
#[test]
fn what_was_given_before_the_thread_ended_is_not_given_again() {
    let runtime = live();
    let mut waits = client(NO_PORT)
        .wait_all(ids())
        .unwrap()
        .timeout(Duration::ZERO)
        .results()
        .iterate();
    let mut runs = client(NO_PORT)
        .run_all(requests(), 2)
        .timeout(Duration::ZERO)
        .results()
        .iterate();
    let session = client(NO_PORT).session("a").unwrap();
    let mut watch = session.watch().timeout(Duration::ZERO).events().iterate();
    let (first, _) = waits.next_on(Ok(runtime.handle())).unwrap();
    assert_eq!(runs.next_on(Ok(runtime.handle())).unwrap().0, 0);
    watch.next_on(Ok(runtime.handle())).unwrap().unwrap_err();
    let gone = runtime.handle().clone();
    runtime.shutdown_background();

    let (mut met, _) = failed(rest(waits, Ok(&gone)));
    met.push(first);
    met.sort();
    assert_eq!(met, ids());
    let (places, errors) = failed(rest(runs, Ok(&gone)));
    assert_eq!(places, [1, 2]);
    errors.iter().for_each(assert_unknown);
    assert!(rest(watch, Ok(&gone)).is_empty());
}

#[test]
fn what_was_awaited_before_is_not_given_again() {
    let mut waits = client(NO_PORT)
        .wait_all(ids())
        .unwrap()
        .timeout(Duration::ZERO)
        .results();
    let mut runs = client(NO_PORT)
        .run_all(requests(), 2)
        .timeout(Duration::ZERO)
        .results();
    let runtime = live();
    let (first, _) = runtime.block_on(waits.next()).unwrap();
    assert_eq!(runtime.block_on(runs.next()).unwrap().0, 0);

    let (mut met, _) = failed(rest(waits.iterate(), none()));
    met.push(first);
    met.sort();
    assert_eq!(met, ids());
    let (places, errors) = failed(rest(runs.iterate(), none()));
    assert_eq!(places, [1, 2]);
    // They may have been started when the stream was awaited.
    errors.iter().for_each(assert_unknown);
}

#[test]
fn a_thread_that_ends_at_work_ends_nothing_silently() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/graphql", listener.local_addr().unwrap());
    // What a reader gets whose thread ends once its request has arrived.
    let interrupted = |read: fn(&str, &Handle) -> Vec<Error>| {
        let runtime = live();
        let (handle, endpoint) = (runtime.handle().clone(), endpoint.clone());
        let reader = thread::spawn(move || read(&endpoint, &handle));
        let connection = listener.accept().unwrap();
        runtime.shutdown_background();
        drop(connection);
        reader.join().unwrap()
    };
    let errors = interrupted(|endpoint, runtime| {
        let call = client(endpoint).trigger_run(TriggerRun::agent("a"));
        vec![block_on(Ok(runtime), call.into_future()).unwrap_err()]
    });
    errors.iter().for_each(assert_unknown);
    let errors = interrupted(|endpoint, runtime| {
        let iter = client(endpoint).run_all(requests(), 2).results().iterate();
        failed(rest(iter, Ok(runtime))).1
    });
    assert_eq!(errors.len(), 3);
    errors.iter().for_each(assert_unknown);
    let errors = interrupted(|endpoint, runtime| {
        let iter = client(endpoint)
            .wait_all(ids())
            .unwrap()
            .results()
            .iterate();
        failed(rest(iter, Ok(runtime))).1
    });
    assert_eq!(errors.len(), 3);
    errors.iter().for_each(assert_not_started);
    let errors = interrupted(|endpoint, runtime| {
        let watch = client(endpoint).session("a").unwrap().watch();
        let events = rest(watch.events().iterate(), Ok(runtime));
        events.into_iter().map(Result::unwrap_err).collect()
    });
    assert_eq!(errors.len(), 1);
    errors.iter().for_each(assert_not_started);
}
