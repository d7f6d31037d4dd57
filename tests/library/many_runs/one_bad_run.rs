//! A run that cannot be read concerns no other.

use dinoai::Result;
use serde_json::{Value, json};

use crate::many_runs::api::{Place, all, number, patient, polls_of, reads_as, runs};
use crate::support::fault_server::FaultServer;
use crate::support::samples::{ids, seconds};

/// The ways in which one run can be answered badly while all others are answered well.
fn bad_places() -> Vec<Place> {
    vec![
        Err("No such run."),
        Ok(Value::Null),
        Ok(json!({ "ok": false, "status": "QUEUED" })),
        Ok(json!({ "ok": true, "status": 7 })),
        Ok(json!("a text")),
        Ok(json!({ "ok": true })),
    ]
}

#[tokio::test]
async fn a_run_that_was_never_read_well_is_reported_at_once_and_concerns_no_other() {
    for bad in bad_places() {
        let mut well = end_one_after_the_other_place(4);
        let server = FaultServer::scripted(runs({
            let bad = bad.clone();
            move |id, polls| match id {
                "run-7" => bad.clone(),
                _ => well(id, polls),
            }
        }))
        .await;
        let (client, _) = patient(&server);
        let results = all(client.wait_all(ids(20)).unwrap().results()).await;
        let well = results.values().filter(|result| result.is_ok()).count();
        assert_eq!(well, 19, "{bad:?}");
        let error = results["run-7"].as_ref().unwrap_err();
        assert_eq!(error.session_id().unwrap().as_str(), "run-7", "{error:?}");
        assert!(!error.may_have_started());
        assert_eq!(polls_of(&server, "run-7"), 1, "{bad:?}");
    }
}

fn end_one_after_the_other_place(most: usize) -> impl FnMut(&str, usize) -> Place + Send {
    move |id, polls| match polls < number(id) % most {
        true => reads_as("RUNNING"),
        false => reads_as("COMPLETED"),
    }
}

#[tokio::test]
async fn a_run_that_was_read_well_before_is_reported_after_two_minutes_of_bad_polls_and_concerns_no_other()
 {
    for bad in bad_places() {
        let mut well = end_one_after_the_other_place(20);
        let server = FaultServer::scripted(runs({
            let bad = bad.clone();
            move |id, polls| match id {
                "run-7" if polls > 0 => bad.clone(),
                _ => well(id, polls),
            }
        }))
        .await;
        let (client, _) = patient(&server);
        let results = all(client
            .wait_all(ids(20))
            .unwrap()
            .poll_interval(seconds(30))
            .results())
        .await;
        let well = results.values().filter(|result| result.is_ok()).count();
        assert_eq!(well, 19, "{bad:?}");
        assert!(results["run-7"].is_err());
        assert_eq!(polls_of(&server, "run-7"), 1 + 5, "{bad:?}");
    }
}

#[tokio::test]
async fn less_than_two_minutes_of_bad_polls_are_tolerated_and_a_good_one_starts_the_count_anew() {
    let server = FaultServer::scripted(runs(|id, polls| match (id, polls) {
        ("run-1", 1..=4 | 6..=9) => Err("Try again."),
        ("run-1", 10) => reads_as("COMPLETED"),
        ("run-1", _) => reads_as("RUNNING"),
        (_, 30) => reads_as("COMPLETED"),
        _ => reads_as("RUNNING"),
    }))
    .await;
    let (client, _) = patient(&server);
    let results = all(client
        .wait_all(ids(3))
        .unwrap()
        .poll_interval(seconds(30))
        .results())
    .await;
    assert_eq!(results.len(), 3);
    assert!(results.values().all(Result::is_ok), "{results:?}");
}
