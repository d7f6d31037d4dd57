//! A key that is refused after it has worked does not end a wait at once.

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Error, Event};

use crate::support::fault_server::{FaultServer, Reply, SESSION, client};
use crate::support::operations::{SEND, STATUS, TRIGGER};
use crate::support::samples::{errors_with_code, request, seconds};
use crate::waiting::polled::polled;

#[tokio::test]
async fn a_firewalls_page_after_an_hour_of_success_does_not_end_a_wait() {
    let mut page = Some(Reply::html(403));
    let (_server, client, clock) = polled(move |now| match now.as_secs() {
        0..3600 => Reply::Status("RUNNING"),
        3600..4000 => page.take().unwrap_or(Reply::Status("RUNNING")),
        _ => Reply::Status("COMPLETED"),
    })
    .await;
    let wait = client.trigger_run_and_wait(request());
    wait.timeout(seconds(7200)).await.unwrap();
    assert!(clock.now() >= seconds(4000));
}

#[tokio::test]
async fn a_key_that_is_refused_for_seconds_while_it_is_rotated_does_not_end_a_wait() {
    for refusal in [
        Reply::Http(401, vec![], String::new()),
        Reply::errors(401, &errors_with_code("UNAUTHENTICATED")),
        Reply::errors(200, &errors_with_code("UNAUTHENTICATED")),
    ] {
        let reply = refusal.clone();
        let (_server, client, _) = polled(move |now| match now.as_secs() {
            100..105 => reply.clone(),
            0..200 => Reply::Status("RUNNING"),
            _ => Reply::Status("COMPLETED"),
        })
        .await;
        let wait = client.trigger_run_and_wait(request());
        let run = wait.poll_interval(seconds(1)).await;
        assert!(run.is_ok(), "{refusal:?}: {run:?}");
    }
}

/// A read precedes every follow-up: from then on the key is known to be right for reads.
#[tokio::test]
async fn a_key_that_is_refused_right_after_a_follow_up_does_not_end_the_wait_for_its_turn() {
    for refusal in [
        Reply::Http(401, vec![], String::new()),
        Reply::html(403),
        Reply::errors(200, &errors_with_code("UNAUTHENTICATED")),
    ] {
        for way in ["ask", "wait", "watch", "tree"] {
            let clock = VirtualClock::new();
            let (time, reply, mut sent_at) = (clock.clone(), refusal.clone(), None);
            let server = FaultServer::scripted(move |seen| {
                let now = time.now();
                if seen.operation == SEND {
                    sent_at = Some(now);
                    return Reply::Good;
                }
                match sent_at.map(|sent_at| (now - sent_at).as_secs()) {
                    Some(0..5) => reply.clone(),
                    Some(5..20) => Reply::Status("RUNNING"),
                    _ => Reply::Status("COMPLETED"),
                }
            })
            .await;
            let (client, _) = client(&server.endpoint(), |builder| builder.clock(clock.clone()));
            let session = client.session(SESSION).unwrap();
            let result = if way == "ask" {
                session.ask("And now?").await.map(drop)
            } else {
                session.send("And now?").await.unwrap();
                match way {
                    "wait" => session.wait().await.map(drop),
                    "tree" => session.tree().until_ended().await.map(drop),
                    _ => {
                        let mut watch = session.watch().events();
                        loop {
                            match watch.next().await.unwrap() {
                                Ok(Event::Ended(_)) => break Ok(()),
                                Ok(_) => {}
                                Err(error) => break Err(error),
                            }
                        }
                    }
                }
            };
            assert!(result.is_ok(), "{refusal:?}, {way}: {result:?}");
            assert!(clock.now() >= seconds(20), "{refusal:?}, {way}");
        }
    }
}

#[tokio::test]
async fn a_key_that_no_read_has_succeeded_with_ends_a_wait_at_once() {
    for refusal in [
        Reply::Http(401, vec![], String::new()),
        Reply::html(403),
        Reply::errors(200, &errors_with_code("UNAUTHENTICATED")),
    ] {
        let reply = refusal.clone();
        let (server, client, _) = polled(move |_| reply.clone()).await;
        let error = client.trigger_run_and_wait(request()).await.unwrap_err();
        assert!(
            matches!(error, Error::Unauthorized { .. }),
            "{refusal:?}: {error:?}"
        );
        assert!(error.may_have_started() && !error.is_retryable());
        assert_eq!(server.operations(), [TRIGGER, STATUS], "{refusal:?}");
    }
}
