//! A test sees what runs said, which children they started, and when each event was.

use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Quirks, Scenario, Stage};
use serde_json::json;

use crate::caller::{
    SEND, STOP, call, on_a_stopped_clock, post, read, statuses, trigger, works_for_half_a_minute,
};

#[tokio::test]
async fn a_run_says_since_when_it_has_ended() {
    let at = |seconds| Some(Duration::from_secs(seconds));
    let emulator = on_a_stopped_clock(
        works_for_half_a_minute()
            .follow_up([Stage::new("COMPLETED")])
            .follow_up([
                Stage::new("COMPLETED").lasts(Duration::from_secs(10)),
                Stage::new("COMPLETED"),
            ]),
    )
    .await;
    let id = trigger(&emulator, "a").await;
    let ended = || emulator.runs()[0].ended;
    assert_eq!(ended(), None);
    emulator.advance(Duration::from_secs(29));
    assert_eq!(ended(), None);
    emulator.advance(Duration::from_secs(71));
    assert_eq!(ended(), at(30), "while nobody looked");
    for seconds in [100, 120] {
        call(&emulator, SEND, json!({ "id": id, "message": "And now?" })).await;
        assert_eq!(ended(), at(seconds), "a turn of its own");
        emulator.advance(Duration::from_secs(20));
        assert_eq!(ended(), at(seconds), "the same status all the time");
    }
    call(&emulator, SEND, json!({ "id": id, "message": "And now?" })).await;
    assert_eq!(ended(), None);
    emulator.advance(Duration::from_secs(1));
    statuses(&emulator, &id, 2).await;
    assert_eq!(ended(), at(141), "as soon as it was read often enough");
}

#[tokio::test]
async fn a_run_that_still_shows_the_turn_before_ended_when_that_did() {
    let emulator = Emulator::builder()
        .default_scenario(works_for_half_a_minute().follow_up([Stage::new("COMPLETED")]))
        .quirks(Quirks::new().stale_reads(1))
        .stopped_clock()
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    emulator.advance(Duration::from_secs(60));
    call(&emulator, SEND, json!({ "id": id, "message": "And now?" })).await;
    assert_eq!(emulator.runs()[0].ended, Some(Duration::from_secs(30)));
    emulator.advance(Duration::from_secs(1));
    read(&emulator, &id).await;
    assert_eq!(emulator.runs()[0].ended, Some(Duration::from_secs(61)));
}

#[tokio::test]
async fn a_run_says_when_it_was_stopped_each_time() {
    let seconds = Duration::from_secs;
    let emulator = on_a_stopped_clock(works_for_half_a_minute()).await;
    let id = trigger(&emulator, "a").await;
    assert_eq!(emulator.runs()[0].stops, []);
    for _ in 0..2 {
        emulator.advance(seconds(10));
        call(&emulator, STOP, json!({ "id": id })).await;
    }
    let run = &emulator.runs()[0];
    assert_eq!(run.stops, [seconds(10), seconds(20)]);
    assert_eq!(
        (run.status.as_str(), run.ended),
        ("STOPPED", Some(seconds(10)))
    );

    let id = trigger(&emulator, "a").await;
    emulator.advance(seconds(40));
    assert_eq!(emulator.runs()[1].ended, Some(seconds(50)));
    call(&emulator, STOP, json!({ "id": id })).await;
    let run = &emulator.runs()[1];
    assert_eq!((run.stops[0], run.ended), (seconds(60), Some(seconds(50))));
    assert_eq!(emulator.runs()[0].stops.len(), 2);
}

#[tokio::test]
async fn a_run_lists_its_messages_whatever_the_quirks_list() {
    let emulator = Emulator::builder()
        .default_scenario(works_for_half_a_minute())
        .quirks(
            Quirks::new()
                .repeated_messages()
                .reordered_messages()
                .compacted_transcript(1)
                .timestamp_resolution(Duration::from_secs(60)),
        )
        .stopped_clock()
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    emulator.advance(Duration::from_secs(30));
    let messages = emulator.runs()[0].messages.clone();
    let listed = read(&emulator, &id).await["messages"].clone();
    assert_eq!(serde_json::to_value(&messages).unwrap(), listed);
    assert_eq!(messages.len(), 2);
    assert_eq!(
        (messages[1].role.as_str(), messages[1].content.as_str()),
        ("assistant", "Done.")
    );
    assert!(messages.iter().all(|message| message.ts % 60.0 == 0.0));
    for _ in 0..2 {
        read(&emulator, &id).await;
        assert_eq!(emulator.runs()[0].messages, messages);
    }
}

#[tokio::test]
async fn a_run_lists_its_children() {
    let emulator = on_a_stopped_clock(Scenario::completed().child("b").child("c")).await;
    let id = trigger(&emulator, "a").await;
    let listed = statuses(&emulator, &id, 3).await;
    assert_eq!(listed[2], "COMPLETED");
    let runs = emulator.runs();
    assert_eq!(
        json!(runs[0].children),
        read(&emulator, &id).await["childSessionIds"]
    );
    let of_parent: Vec<_> = runs
        .iter()
        .filter(|run| run.parent.as_ref() == Some(&id))
        .map(|run| run.session_id.clone())
        .collect();
    assert_eq!(runs[0].children, of_parent);
    assert_eq!(of_parent.len(), 2);
}

#[tokio::test]
async fn a_request_says_when_it_came_and_when_its_response_was_ready() {
    let emulator = on_a_stopped_clock(works_for_half_a_minute()).await;
    emulator.advance(Duration::from_secs(5));
    trigger(&emulator, "a").await;
    emulator.advance(Duration::from_secs(5));
    call(&emulator, "{ nothing }", json!({})).await;
    let times: Vec<_> = emulator
        .requests()
        .iter()
        .map(|request| {
            (
                request.received.as_secs(),
                request.answered.unwrap().as_secs(),
            )
        })
        .collect();
    assert_eq!(times, [(5, 5), (10, 10)]);

    let late = Duration::from_millis(50);
    let emulator = Emulator::builder()
        .quirks(Quirks::new().latency(late))
        .fault(Fault::delay(late))
        .fault(Fault::reset())
        .start()
        .await
        .unwrap();
    let before = emulator.elapsed();
    trigger(&emulator, "a").await;
    let after = emulator.elapsed();
    let first = &emulator.requests()[0];
    let answered = first.answered.unwrap();
    assert!(before <= first.received && answered <= after);
    assert!(answered - first.received >= 2 * late);
    assert!(post(&emulator).json(&json!({})).send().await.is_err());
    let second = &emulator.requests()[1];
    assert!(second.received >= after);
    assert_eq!(second.answered, None, "the connection was reset");
}

#[tokio::test]
async fn a_request_whose_client_goes_away_never_gets_a_response() {
    let emulator = Emulator::builder()
        .quirks(Quirks::new().latency(Duration::from_secs(30)))
        .start()
        .await
        .unwrap();
    let request = post(&emulator).timeout(Duration::from_millis(100));
    assert!(request.json(&json!({})).send().await.is_err());
    assert_eq!(emulator.requests()[0].answered, None);
}
