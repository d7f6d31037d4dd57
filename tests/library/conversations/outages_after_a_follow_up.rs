//! An outage after a follow-up is not taken for silence.

use crate::support::fault_server::Reply;
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{run, shown};
use crate::waiting::ways::{HOUR, WAYS, answer, both_turns, first_turn};

#[tokio::test]
async fn an_outage_after_a_follow_up_is_not_taken_for_silence() {
    let after_outage = seconds(130);
    for way in WAYS {
        let (_server, client, _) = shown(move |seen, since_sent| match since_sent {
            None => run(seen, "COMPLETED", &first_turn()),
            Some(time) if time < after_outage => Reply::html(502),
            Some(time) if time < after_outage + seconds(5) => run(seen, "RUNNING", &first_turn()),
            Some(_) => run(seen, "COMPLETED", &both_turns()),
        })
        .await;
        let session = session(&client);
        session.wait().await.unwrap();
        let answer = answer(way, &session, HOUR).await;
        assert_eq!(answer.unwrap().unwrap(), "the second answer", "{way}");
    }
}

#[tokio::test]
async fn a_status_that_is_stale_after_an_outage_has_its_grace_period_to_itself() {
    let after_outage = seconds(200);
    for way in WAYS {
        let (_server, client, _) = shown(move |seen, since_sent| match since_sent {
            None => run(seen, "COMPLETED", &first_turn()),
            Some(time) if time < after_outage => Reply::unavailable("1"),
            Some(time) if time < after_outage + seconds(60) => {
                run(seen, "COMPLETED", &first_turn())
            }
            Some(time) if time < after_outage + seconds(70) => run(seen, "RUNNING", &first_turn()),
            Some(_) => run(seen, "COMPLETED", &both_turns()),
        })
        .await;
        let session = session(&client);
        session.wait().await.unwrap();
        let answer = answer(way, &session, HOUR).await;
        assert_eq!(answer.unwrap().unwrap(), "the second answer", "{way}");
    }
}
