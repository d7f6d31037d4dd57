//! A journal that fails before anything was sent keeps it from being sent; one that fails afterwards loses no
//! session id.

use std::sync::{Arc, Mutex};

use dinoai::journal::State;
use dinoai::{Error, StartedOnce};

use super::{KEY, triggers};
use crate::support::fault_server::{FaultServer, Reply, SESSION};
use crate::support::memory_journal::{MemoryJournal, Store};
use crate::support::samples::{request, seconds};

#[tokio::test]
async fn nothing_is_sent_by_a_journal_that_cannot_be_used() {
    let server = FaultServer::start([]).await;
    let (client, clock) = server.client();
    let journal = MemoryJournal::default();
    journal.plan([Store::Unusable]);
    let error = client
        .start_once(KEY, request(), &journal)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Journal { key, .. } if key == KEY),
        "{error}"
    );
    assert!(
        !error.may_have_started() && !error.is_retryable(),
        "{error}"
    );
    assert!(error.to_string().contains("nothing was sent"), "{error}");
    assert_eq!((server.arrived(), clock.sleeps().len()), (0, 0));
}

#[tokio::test]
async fn a_journal_that_is_out_of_order_is_tried_for_a_while() {
    let server = FaultServer::start([]).await;
    let (client, clock) = server.client();
    let journal = MemoryJournal::default();
    journal.plan(vec![Store::Fails; 100]);
    let error = client
        .start_once(KEY, request(), &journal)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Journal { .. }) && error.is_retryable(),
        "{error}"
    );
    let slept = clock.sleeps().iter().sum::<std::time::Duration>().as_secs();
    assert!((10..14).contains(&slept), "{slept}");
    assert_eq!(server.arrived(), 0);

    journal.plan(vec![Store::Fails; 3]);
    let started = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(started, StartedOnce::Started(_)), "{started:?}");
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn a_claim_whose_response_was_lost_is_the_callers_own() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    journal.plan([Store::FailsThoughMade]);
    let started = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(started, StartedOnce::Started(_)), "{started:?}");
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn a_claim_that_is_given_up_is_given_back() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    // It is made, and then nothing works for longer than the call tries.
    let mut plan = vec![Store::FailsThoughMade];
    plan.extend(vec![Store::Fails; 15]);
    journal.plan(plan);
    let error = client
        .start_once(KEY, request(), &journal)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Journal { .. }), "{error}");
    journal
        .until(KEY, |state| matches!(state, State::Free { .. }))
        .await;
    assert_eq!(server.arrived(), 0);
    let started = client.start_once(KEY, request(), &journal).await.unwrap();
    assert!(matches!(started, StartedOnce::Started(_)), "{started:?}");
}

#[tokio::test]
async fn an_id_that_the_journal_does_not_take_is_returned_and_given_to_it_again() {
    for failures in [Store::Fails, Store::Unusable, Store::FailsThoughMade] {
        let server = FaultServer::start([]).await;
        let (client, _) = server.client();
        let journal = MemoryJournal::default();
        let mut plan = vec![Store::Well];
        plan.extend(vec![failures.clone(); 10]);
        journal.plan(plan);
        let told = Arc::new(Mutex::new(vec![]));
        let tell = told.clone();
        let call = client.start_once(KEY, request(), &journal);
        let call = call.on_unrecorded(move |id, error| {
            let told = (id.to_string(), error.to_string());
            tell.lock().unwrap().push(told);
        });
        let started = call.await.unwrap();
        assert_eq!(started.session_id().unwrap().as_str(), SESSION);
        let told = told.lock().unwrap().clone();
        assert!(matches!(&told[..], [(id, _)] if id == SESSION), "{told:?}");
        let is_started = |state: &State| matches!(state, State::Started { .. });
        journal.until(KEY, is_started).await;
        assert_eq!(triggers(&server), 1);
    }
}

#[tokio::test]
async fn an_unknown_outcome_and_a_proof_are_given_to_it_again_too() {
    type IsRight = fn(&State) -> bool;
    let cases: [(Reply, IsRight); 2] = [
        (Reply::ResetAfter, |state| {
            matches!(state, State::Unknown { .. })
        }),
        (Reply::html(404), |state| {
            matches!(state, State::Free { .. })
        }),
    ];
    for (reply, is_right) in cases {
        let server = FaultServer::start([reply]).await;
        let (client, _) = server.client();
        let journal = MemoryJournal::default();
        let mut plan = vec![Store::Well];
        plan.extend(vec![Store::Fails; 5]);
        journal.plan(plan);
        client
            .start_once(KEY, request(), &journal)
            .await
            .unwrap_err();
        journal.until(KEY, is_right).await;
        assert_eq!(triggers(&server), 1);
    }
}

#[tokio::test]
async fn a_function_that_panics_loses_no_id() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    journal.plan([Store::Well, Store::Fails]);
    let call = client.start_once(KEY, request(), &journal);
    let call = call.on_unrecorded(|_, _| panic!("the caller's own"));
    let panicked = tokio::spawn(call.into_future()).await.unwrap_err();
    assert!(panicked.is_panic());
    journal
        .until(KEY, |state| matches!(state, State::Started { .. }))
        .await;
}

#[tokio::test]
async fn a_journal_that_never_says_what_is_stored_holds_nobody_up() {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    journal.plan(vec![Store::SaysNothing; 10_000]);
    let call = client
        .start_once(KEY, request(), &journal)
        .timeout(seconds(60));
    let found = call.await.unwrap();
    assert!(matches!(found, StartedOnce::Unknown { .. }), "{found:?}");
    assert!(journal.asked().1 < 100, "{:?}", journal.asked());
    assert_eq!(server.arrived(), 0);
}

#[tokio::test]
async fn a_proof_is_not_lost_with_an_answer_that_says_nothing() {
    let server = FaultServer::start([Reply::html(404)]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    journal.plan([Store::Well, Store::SaysNothing]);
    client
        .start_once(KEY, request(), &journal)
        .await
        .unwrap_err();
    let state = journal.state(KEY);
    assert!(matches!(state, Some(State::Free { .. })), "{state:?}");
}

#[tokio::test]
async fn a_journal_that_hangs_keeps_no_id_back() {
    let server = FaultServer::start([]).await;
    let (client, clock) = server.client();
    let journal = MemoryJournal::default();
    let never = Arc::new(tokio::sync::Notify::new());
    journal.plan([Store::Well, Store::MadeAndAnswersAfter(never)]);
    let told = Arc::new(Mutex::new(0));
    let tell = told.clone();
    let call = client.start_once(KEY, request(), &journal);
    let call = call.on_unrecorded(move |_, _| *tell.lock().unwrap() += 1);
    let call = tokio::spawn(call.into_future());
    journal
        .until(KEY, |state| matches!(state, State::Started { .. }))
        .await;
    clock.advance(seconds(21));
    let started = call.await.unwrap().unwrap();
    assert_eq!(started.session_id().unwrap().as_str(), SESSION);
    assert_eq!(*told.lock().unwrap(), 1);
}

#[tokio::test]
async fn what_people_decide_is_tried_again_too() {
    let server = FaultServer::start([Reply::ResetAfter]).await;
    let (client, _) = server.client();
    let journal = MemoryJournal::default();
    client
        .start_once(KEY, request(), &journal)
        .await
        .unwrap_err();
    for failures in [Store::Fails, Store::FailsThoughMade] {
        journal.plan(vec![failures; 3]);
        client.retry_key(KEY, &journal).await.unwrap();
        let state = journal.state(KEY);
        assert!(matches!(state, Some(State::Free { .. })), "{state:?}");
    }
    journal.plan([Store::Unusable]);
    let error = client
        .resolve_key(KEY, SESSION, &journal)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Journal { .. }), "{error}");
}
