//! A tree waits for the open turn of its session, and is read although some reads fail.

use std::sync::Arc;

use dinoai::time::{Clock, VirtualClock};
use serde_json::json;
use tokio::sync::Notify;

use crate::many_runs::api::asked;
use crate::support::fault_server::{FaultServer, Reply, client};
use crate::support::operations::{DIGEST, READ};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{fields, id_of, run, run_with, shown};
use crate::trees::api::{self, requests_for, serves};
use crate::waiting::ways::{HOUR, answer, both_turns, first_turn};

#[tokio::test]
async fn a_tree_of_a_session_with_an_open_turn_waits_for_that_turn() {
    let (_server, client, _) = shown(|seen, since_sent| match since_sent {
        Some(time) if time >= seconds(30) => run(seen, "COMPLETED", &both_turns()),
        Some(time) if time >= seconds(5) => run(seen, "RUNNING", &first_turn()),
        _ => run(seen, "COMPLETED", &first_turn()),
    })
    .await;
    let session = session(&client);
    let answer = answer("tree", &session, HOUR).await.unwrap();
    assert_eq!(answer.unwrap(), "the second answer");
    // And the turn has ended for whatever comes next.
    session.wait().timeout(seconds(1)).await.unwrap();
}

#[tokio::test]
async fn a_large_tree_that_has_ended_is_read_though_one_read_in_a_hundred_fails() {
    const RUNS: usize = 300;
    let children: Vec<_> = (1..RUNS).map(|number| format!("child-{number}")).collect();
    let mut arrived = 0;
    let (server, client, clock) = shown(move |seen, _| {
        arrived += 1;
        if arrived % 100 == 0 {
            return Reply::html(502);
        }
        run_with(seen, |id| {
            let mut run = fields(id, "COMPLETED", &first_turn());
            if id == "root" {
                run["childSessionIds"] = json!(children);
            }
            run
        })
    })
    .await;
    let root = client.session("root").unwrap();
    let wait = root.tree().until_ended().poll_interval(seconds(5));
    let tree = wait.timeout(seconds(120)).await.unwrap();
    assert!(tree.has_ended());
    assert_eq!((tree.runs().count(), tree.failures().count()), (RUNS, 0));
    assert!(clock.now() <= seconds(60), "{:?}", clock.now());
    let requests = server.arrived();
    assert!(requests <= 8 * RUNS, "{requests} requests");
}

/// A look during which the deadline passes, after the first run has answered: at the first look, which
/// reads that run alone, and at the second, which reads it among others.
#[tokio::test]
async fn a_first_run_that_was_seen_before_the_deadline_is_looked_at_once_more_after_it() {
    for look in [1, 2] {
        let clock = VirtualClock::new();
        let time = clock.clone();
        let mut looks_at_root = 0;
        let server = serves(move |seen| match id_of(seen) {
            "root" => {
                looks_at_root += usize::from(seen.operation != READ);
                match looks_at_root {
                    0..=1 if look == 2 => api::run("root", "RUNNING", &["first"]),
                    now if now <= look => api::run("root", "RUNNING", &["first", "late"]),
                    _ => api::run("root", "COMPLETED", &["first", "late"]),
                }
            }
            id => {
                if looks_at_root == look && id == "late" {
                    time.advance(seconds(40));
                }
                api::run(id, "COMPLETED", &[])
            }
        })
        .await;
        let (client, _) = client(&server.endpoint(), |builder| builder.clock(clock));
        let session = client.session("root").unwrap();
        let wait = session.tree().until_ended().poll_interval(seconds(20));
        let tree = wait.timeout(seconds(30)).await.unwrap();
        assert!(tree.has_ended());
        assert_eq!(requests_for(&server, DIGEST, "root"), look + 1);
    }
}

/// The first run fails in a look, and the rest of that look is answered after the deadline.
#[tokio::test]
async fn a_first_run_that_failed_before_the_deadline_is_looked_at_once_more_after_it() {
    let (clock, held) = (VirtualClock::new(), Arc::new(Notify::new()));
    let (time, hold) = (clock.clone(), held.clone());
    let children: Vec<_> = (0..60).map(|number| format!("child-{number}")).collect();
    let mut looks_at_root = 0;
    let mut answer = api::for_each_run(move |seen| match id_of(seen) {
        "root" => {
            looks_at_root += usize::from(seen.operation != READ);
            let children: Vec<_> = children.iter().map(String::as_str).collect();
            match looks_at_root {
                1 => api::run("root", "RUNNING", &children),
                2 => Reply::errors(
                    200,
                    &json!([{ "message": "busy", "extensions": { "code": "SERVICE_UNAVAILABLE" } }]),
                ),
                _ => api::run("root", "COMPLETED", &children),
            }
        }
        id => api::run(id, "COMPLETED", &[]),
    });
    let server = FaultServer::scripted(move |seen| {
        let reply = answer(seen);
        let is_second = time.now() == seconds(20) && asked(seen).len() == 50;
        match seen.operation != READ && is_second {
            true => Reply::When(hold.clone(), Box::new(reply)),
            false => reply,
        }
    })
    .await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder.clock(clock.clone()).request_timeout(seconds(60))
    });
    let session = client.session("root").unwrap();
    let wait = session.tree().until_ended().poll_interval(seconds(20));
    let wait = tokio::spawn(wait.timeout(seconds(30)).into_future());
    // The first run, its children in two, and the request of the second look that has the first run.
    server.until_answered(4).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    clock.advance(seconds(40));
    held.notify_one();
    let tree = wait.await.unwrap().unwrap();
    assert!(tree.has_ended());
}
