//! A look at a large tree takes few requests.

use std::time::Duration;

use dinoai::time::{Clock, VirtualClock};

use crate::many_runs::api::asked;
use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{DIGEST, READ, STATUSES, sent};
use crate::support::shown_run::{client_by, id_of};
use crate::trees::api::{for_each_run, looks, run};

/// How many children the first run has, and each of these.
const CHILDREN: usize = 17;
const RUNS: usize = 1 + CHILDREN + CHILDREN * CHILDREN;

fn children(id: &str) -> Vec<String> {
    match id.matches('-').count() {
        0 | 1 => (0..CHILDREN)
            .map(|number| format!("{id}-{number}"))
            .collect(),
        _ => vec![],
    }
}

#[tokio::test]
async fn a_look_at_a_large_tree_takes_a_request_for_fifty_or_for_as_many_as_are_taken() {
    // Of 25 at a time, after those that are refused.
    for (taken, statuses) in [(50, 40), (30, 18)] {
        let clock = VirtualClock::new();
        let time = clock.clone();
        let mut answer = for_each_run(move |seen| {
            let status = match time.now() < Duration::from_secs(100) {
                true => "RUNNING",
                false => "COMPLETED",
            };
            let id = id_of(seen);
            let children = children(id);
            let children: Vec<_> = children.iter().map(String::as_str).collect();
            run(id, status, &children)
        });
        let server = FaultServer::scripted(move |seen| {
            match seen.operation == STATUSES && asked(seen).len() > taken {
                true => Reply::html(413),
                false => answer(seen),
            }
        })
        .await;
        let client = client_by(&server, &clock);
        let tree = client.session("root").unwrap().tree().until_ended();
        let tree = tree.poll_interval(Duration::from_secs(10)).await.unwrap();
        assert_eq!((tree.runs().count(), tree.failures().count()), (RUNS, 0));
        assert_eq!(sent(&server, READ), RUNS);
        let (looks, requests) = (
            looks(&server),
            sent(&server, STATUSES) + sent(&server, DIGEST),
        );
        assert!(looks >= 8 * RUNS, "{looks}");
        assert!(
            requests * statuses <= looks,
            "{requests} requests for {looks} looks"
        );
    }
}
