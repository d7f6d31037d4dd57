//! A host that never answers well ends all waits after few requests.

use dinoai::Error;
use dinoai::time::Clock;
use serde_json::json;

use crate::many_runs::api::{all, asked, end_one_after_the_other, patient, reads};
use crate::support::fault_server::{FaultServer, Reply};
use crate::support::operations::{READ, STATUS, STATUSES};
use crate::support::samples::{id, ids, seconds};

pub(crate) fn is_poll_name(name: Option<&str>) -> bool {
    matches!(name, Some(STATUSES | STATUS))
}

#[tokio::test]
async fn a_host_that_is_down_at_the_beginning_ends_all_after_few_requests() {
    let server = FaultServer::scripted(|_| Reply::html(503)).await;
    let (client, _) = patient(&server);
    let results = all(client.wait_all(ids(10_000)).unwrap().results()).await;
    assert_eq!(results.len(), 10_000);
    for result in results.values() {
        assert!(
            matches!(result, Err(Error::Http { status: 503, .. })),
            "{result:?}"
        );
    }
    // Four attempts each for those in flight, then it is known.
    assert!(server.arrived() <= 4 * 8, "{} requests", server.arrived());
}

/// Also where they end sooner than a call may take: one call has made all of its attempts for them.
#[tokio::test]
async fn a_host_that_is_down_ends_waits_of_short_and_different_timeouts_after_few_requests() {
    for more in [0, 10] {
        let server = FaultServer::scripted(|_| Reply::html(503)).await;
        let (client, clock) = patient(&server);
        let begin = |number: usize| {
            let timeout = seconds(60 + more * number as u64 / 2);
            let wait = client.waits().wait(id(number)).unwrap();
            tokio::spawn(wait.timeout(timeout).into_future())
        };
        let waits: Vec<_> = (0..10).map(begin).collect();
        for wait in waits {
            let error = wait.await.unwrap().unwrap_err();
            assert!(matches!(error, Error::Http { .. }), "{error:?}");
        }
        // Its four attempts, those of the wait that began alone, and what was due with them.
        assert!(server.arrived() <= 12, "{} requests", server.arrived());
        assert!(clock.now() < seconds(10), "{:?}", clock.now());
    }
}

#[tokio::test]
async fn credentials_that_are_refused_end_all_after_few_requests() {
    let server = FaultServer::scripted(|_| Reply::Http(401, vec![], String::new())).await;
    let (client, _) = patient(&server);
    let results = all(client.wait_all(ids(10_000)).unwrap().results()).await;
    assert_eq!(results.len(), 10_000);
    for result in results.values() {
        assert!(matches!(
            result,
            Err(Error::Unauthorized { status: 401, .. })
        ));
    }
    assert!(server.arrived() <= 8, "{} requests", server.arrived());
}

#[tokio::test]
async fn a_transcript_that_can_never_be_read_is_reported_after_two_minutes_of_reads() {
    let mut answer = end_one_after_the_other(1);
    let server = FaultServer::scripted(move |seen| {
        if seen.operation == READ && asked(seen)[0].1 == "run-1" {
            let error = json!({ "message": "Too long.", "path": ["dinoaiAgentRun"] });
            return Reply::json(
                200,
                &json!({ "data": { "dinoaiAgentRun": null }, "errors": [error] }),
            );
        }
        answer(seen)
    })
    .await;
    let (client, _) = patient(&server);
    let results = all(client
        .wait_all(ids(3))
        .unwrap()
        .poll_interval(seconds(30))
        .results())
    .await;
    assert!(
        matches!(results["run-1"], Err(Error::GraphQl { .. })),
        "{results:?}"
    );
    assert_eq!(reads(&server), 2 + 5);
}
