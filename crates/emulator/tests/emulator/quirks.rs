//! Each quirk of the API can be switched on alone.

use std::time::{Duration, Instant};

use dinoai_emulator::{Capability, Emulator, Fault, Quirks, RefusalStatus, Scenario, Stage};
use serde_json::{Value, json};

use crate::caller::{
    RUN, SEND, STEPS, STOP, TRIGGER, call, post, read, response_to, said, statuses, trigger,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn with(quirks: Quirks) -> Emulator {
    Emulator::builder()
        .quirks(quirks)
        .stopped_clock()
        .start()
        .await
        .unwrap()
}

async fn send(emulator: &Emulator, session_id: &str) -> crate::caller::Response {
    call(
        emulator,
        SEND,
        json!({ "id": session_id, "message": "And now?" }),
    )
    .await
}

fn timestamps(run: &Value) -> Vec<f64> {
    let messages = run["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["ts"].as_f64().unwrap())
        .collect()
}

#[tokio::test]
async fn after_a_follow_up_the_ended_turns_status_is_shown_for_some_reads() {
    let emulator = with(Quirks::new().stale_reads(2)).await;
    let id = trigger(&emulator, "a").await;
    send(&emulator, &id).await;
    assert_eq!(
        statuses(&emulator, &id, 3).await,
        ["QUEUED", "RUNNING", "COMPLETED"],
        "a turn that had not ended is not shown again"
    );
    send(&emulator, &id).await;
    assert_eq!(
        said(&read(&emulator, &id).await).last().unwrap().1,
        "And now?"
    );
    assert_eq!(
        statuses(&emulator, &id, 4).await,
        ["COMPLETED", "QUEUED", "RUNNING", "COMPLETED"]
    );
}

#[tokio::test]
async fn every_other_response_repeats_the_messages() {
    let emulator = with(Quirks::new().repeated_messages()).await;
    let id = trigger(&emulator, "a").await;
    statuses(&emulator, &id, 3).await;
    let second = read(&emulator, &id).await;
    let third = read(&emulator, &id).await;
    let once = timestamps(&third);
    assert_eq!(once.len(), 2);
    assert_eq!(timestamps(&second), [once.clone(), once].concat());
}

#[tokio::test]
async fn every_other_response_reorders_the_messages_and_only_those_with_messages_count() {
    let emulator = with(Quirks::new().reordered_messages()).await;
    let id = trigger(&emulator, "a").await;
    for _ in 0..3 {
        call(&emulator, STEPS, json!({ "id": id })).await;
    }
    let first = timestamps(&read(&emulator, &id).await);
    let second = timestamps(&read(&emulator, &id).await);
    let third = timestamps(&read(&emulator, &id).await);
    assert!(first[0] < first[1]);
    assert_eq!(second, [first[1], first[0]]);
    assert_eq!(third, first);
}

/// A run that says so many things at once, and one more a minute later.
async fn chatty(quirks: Quirks, said: usize) -> (Emulator, String) {
    let mut stage = Stage::new("RUNNING").lasts(Duration::from_secs(60));
    for number in 0..said {
        stage = stage.message("assistant", number.to_string());
    }
    let last = Stage::new("COMPLETED").message("assistant", "last");
    let emulator = Emulator::builder()
        .quirks(quirks)
        .default_scenario(Scenario::new().stage(stage).stage(last))
        .stopped_clock()
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    (emulator, id)
}

fn contents(run: &Value) -> Vec<&str> {
    said(run).into_iter().map(|(_, content)| content).collect()
}

#[tokio::test]
async fn timestamps_can_be_equal_and_messages_stay_in_the_order_of_arrival() {
    let second = Duration::from_secs(1);
    let (emulator, id) = chatty(Quirks::new().timestamp_resolution(second), 2).await;
    emulator.advance(Duration::from_secs(60));
    send(&emulator, &id).await;
    let run = read(&emulator, &id).await;
    assert_eq!(contents(&run), ["Check it.", "0", "1", "last", "And now?"]);
    let ts = timestamps(&run);
    assert!(ts.iter().all(|ts| ts.fract() == 0.0), "{ts:?}");
    assert_eq!([ts[1] - ts[0], ts[2] - ts[0]], [0.0, 0.0]);
    assert_eq!([ts[3] - ts[0], ts[4] - ts[0]], [60.0, 60.0]);

    for resolution in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let (emulator, id) = chatty(Quirks::new().timestamp_resolution(resolution), 2).await;
        let ts = timestamps(&read(&emulator, &id).await);
        assert_eq!([ts[0], ts[0]], [ts[1], ts[2]], "{resolution:?}");
        assert_eq!(ts[0] == 0.0, resolution == Duration::MAX);
    }
}

#[tokio::test]
async fn timestamps_without_a_resolution_are_a_millisecond_apart() {
    let (emulator, id) = chatty(Quirks::new(), 2).await;
    let ts = timestamps(&read(&emulator, &id).await);
    assert!(ts[1] - ts[0] > 0.000_9 && ts[2] - ts[1] > 0.000_9, "{ts:?}");
}

#[tokio::test]
async fn a_compacted_transcript_lists_each_message_once_and_then_only_the_latest() {
    let (emulator, id) = chatty(Quirks::new().compacted_transcript(2), 3).await;
    let all = ["Check it.", "0", "1", "2"];
    // Neither this nor a test that looks lists anything.
    call(&emulator, STEPS, json!({ "id": id })).await;
    assert_eq!(emulator.runs().len(), 1);
    assert_eq!(contents(&read(&emulator, &id).await), all);
    assert_eq!(contents(&read(&emulator, &id).await), ["1", "2"]);
    emulator.advance(Duration::from_secs(60));
    send(&emulator, &id).await;
    send(&emulator, &id).await;
    // Nobody has seen what a turn that was cut short said in the end.
    let new = [
        "last",
        "And now?",
        "Done: this answers follow-up 1.",
        "And now?",
    ];
    assert_eq!(contents(&read(&emulator, &id).await), new);
    assert_eq!(contents(&read(&emulator, &id).await), new[2..]);

    for (latest, listed) in [(0, &all[..0]), (4, &all[..]), (usize::MAX, &all[..])] {
        let (emulator, id) = chatty(Quirks::new().compacted_transcript(latest), 3).await;
        assert_eq!(contents(&read(&emulator, &id).await), all);
        assert_eq!(contents(&read(&emulator, &id).await), listed, "{latest}");
    }
}

#[tokio::test]
async fn one_read_in_three_past_the_first_stage_shows_the_status_before() {
    let emulator = with(Quirks::new().alternating_status()).await;
    let id = trigger(&emulator, "a").await;
    assert_eq!(
        statuses(&emulator, &id, 7).await,
        [
            "QUEUED",
            "RUNNING",
            "RUNNING",
            "COMPLETED",
            "COMPLETED",
            "RUNNING",
            "COMPLETED"
        ]
    );
    // A turn forgets what lay before it.
    send(&emulator, &id).await;
    assert_eq!(
        statuses(&emulator, &id, 4).await,
        ["QUEUED", "RUNNING", "RUNNING", "COMPLETED"]
    );
    assert_eq!(emulator.runs()[0].status, "COMPLETED");
}

#[tokio::test]
async fn a_status_is_gone_back_to_only_within_a_turn_and_if_it_was_seen() {
    let quirks = Quirks::new().alternating_status();
    let emulator = with(quirks.clone().stale_reads(1)).await;
    let id = trigger(&emulator, "a").await;
    statuses(&emulator, &id, 4).await;
    send(&emulator, &id).await;
    assert_eq!(
        statuses(&emulator, &id, 5).await,
        ["COMPLETED", "QUEUED", "RUNNING", "RUNNING", "COMPLETED"],
        "the turn before is stale once, and then gone"
    );

    let emulator = Emulator::builder()
        .quirks(quirks)
        .default_scenario(
            Scenario::new()
                .stage(Stage::new("QUEUED").reads(2))
                .stage(Stage::new("STARTING").reads(0))
                .stage(Stage::new("RUNNING").reads(9)),
        )
        .start()
        .await
        .unwrap();
    let id = trigger(&emulator, "a").await;
    assert_eq!(
        statuses(&emulator, &id, 7).await,
        [
            "QUEUED", "QUEUED", "RUNNING", "QUEUED", "RUNNING", "RUNNING", "QUEUED"
        ]
    );
    call(&emulator, STOP, json!({ "id": id })).await;
    assert_eq!(statuses(&emulator, &id, 3).await, ["STOPPED"; 3]);
}

#[tokio::test]
async fn responses_leave_late_and_what_was_asked_for_is_done_before() {
    let emulator = with(Quirks::new().latency(Duration::from_secs(30))).await;
    let request = post(&emulator)
        .timeout(Duration::from_millis(200))
        .json(&json!({ "query": TRIGGER, "variables": { "agent": "a" } }));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(emulator.runs().len(), 1);
    let request = &emulator.requests()[0];
    assert_eq!((request.status, request.started.len()), (0, 1));

    let latency = Duration::from_millis(50);
    let emulator = with(Quirks::new().latency(latency)).await;
    for fault in [None, Some(Fault::unavailable())] {
        fault
            .into_iter()
            .for_each(|fault| emulator.add_fault(fault).unwrap());
        let start = Instant::now();
        call(&emulator, TRIGGER, json!({ "agent": "a" })).await;
        assert!(start.elapsed() >= latency);
    }
    assert_eq!(emulator.requests()[1].status, 503);
}

#[tokio::test]
async fn the_control_path_is_as_fast_as_ever() {
    let emulator = with(Quirks::new().latency(Duration::from_secs(30))).await;
    let clock = crate::caller::client().get(format!("{}/clock", emulator.control()));
    let clock = clock.timeout(Duration::from_secs(10));
    assert_eq!(response_to(clock).await.status, 200);
}

#[tokio::test]
async fn a_running_run_reads_as_an_undeclared_status() {
    let emulator = with(Quirks::new().undeclared_status("HIBERNATING")).await;
    let id = trigger(&emulator, "a").await;
    assert_eq!(
        statuses(&emulator, &id, 3).await,
        ["QUEUED", "HIBERNATING", "COMPLETED"]
    );
}

#[tokio::test]
async fn a_session_that_was_idle_for_a_day_refuses_follow_ups_and_can_still_be_read() {
    let emulator = with(Quirks::new()).await;
    let id = trigger(&emulator, "a").await;
    statuses(&emulator, &id, 3).await;
    emulator.advance(DAY - Duration::from_millis(1));
    assert_eq!(send(&emulator, &id).await.root()["ok"], true);
    assert_eq!(statuses(&emulator, &id, 3).await[2], "COMPLETED");
    emulator.advance(DAY);
    assert_eq!(emulator.elapsed(), 2 * DAY - Duration::from_millis(1));
    let response = send(&emulator, &id).await;
    assert_eq!(response.root(), &Value::Null);
    assert_eq!(
        response.body["errors"][0]["path"],
        json!(["sendDinoaiAgentMessage"])
    );
    assert_eq!(
        response.messages(),
        [format!(
            "The DinoAI agent session '{id}' is no longer active."
        )]
    );
    assert_eq!(emulator.runs()[0].follow_ups.len(), 1);
    assert_eq!(read(&emulator, &id).await["status"], "COMPLETED");
}

#[tokio::test]
async fn the_lifetime_of_a_session_can_be_chosen() {
    let emulator = with(Quirks::new().session_lifetime(Duration::from_secs(60))).await;
    let id = trigger(&emulator, "a").await;
    emulator.advance(Duration::from_secs(60));
    assert_eq!(send(&emulator, &id).await.root(), &Value::Null);
    let emulator = with(Quirks::new().session_lifetime(Duration::MAX)).await;
    let id = trigger(&emulator, "a").await;
    emulator.advance(1_000 * DAY);
    assert_eq!(send(&emulator, &id).await.root()["ok"], true);
}

#[tokio::test]
async fn no_steps_can_be_read_where_the_quirk_says_so() {
    let emulator = with(Quirks::new().unreadable_steps()).await;
    let id = trigger(&emulator, "a").await;
    let response = call(&emulator, STEPS, json!({ "id": id })).await;
    assert_eq!(response.root()["steps"], Value::Null);
    assert_eq!(response.root()["ok"], true);
    assert_eq!(
        response.body["errors"][0]["path"],
        json!(["dinoaiAgentRun", "steps"])
    );
}

#[tokio::test]
async fn credentials_that_lack_a_capability_are_forbidden_what_needs_it() {
    let emulator = with(Quirks::new().without_capability(Capability::Trigger)).await;
    let id = json!({ "id": "unknown", "message": "m" });
    for query in [TRIGGER, SEND, STOP] {
        let response = call(&emulator, query, id.clone()).await;
        assert_eq!(response.status, 403, "{query}");
        assert_eq!(
            response.body,
            json!({ "detail": "Missing capability: dinoai:agent:trigger" })
        );
    }
    assert_eq!(call(&emulator, RUN, id.clone()).await.status, 200);
    assert!(emulator.runs().is_empty());

    let emulator = with(Quirks::new().without_capability(Capability::Read)).await;
    let session_id = trigger(&emulator, "a").await;
    let response = call(&emulator, RUN, json!({ "id": session_id })).await;
    assert_eq!(response.status, 403);
    let refused = call(&emulator, "{ nothing }", json!({})).await;
    assert_eq!(refused.status, 200, "what is refused is refused before");
}

#[tokio::test]
async fn refused_documents_have_the_status_that_was_chosen() {
    for (status, number) in [
        (RefusalStatus::Ok, 200),
        (RefusalStatus::BadRequest, 400),
        (RefusalStatus::UnprocessableContent, 422),
    ] {
        let emulator = with(Quirks::new().refusal_status(status)).await;
        for accept in ["application/json", "application/graphql-response+json"] {
            for query in ["{ nothing }", "{", "query ($id: Int!) { __typename }"] {
                let request = post(&emulator).header("Accept", accept);
                let response = response_to(request.json(&json!({ "query": query }))).await;
                assert_eq!(response.status, number, "{query}");
                assert!(response.body["errors"].is_array());
                assert!(response.content_type().starts_with(accept));
            }
        }
        assert_eq!(
            call(&emulator, "{ __typename }", json!({})).await.status,
            200
        );
    }
}

#[tokio::test]
async fn introspection_can_be_off_and_type_names_are_still_returned() {
    let emulator = with(Quirks::new().without_introspection()).await;
    let query = "{ __typename __schema { queryType { name } } ...More }
        fragment More on Query { __type(name: \"Query\") { name } }";
    let response = call(&emulator, query, json!({})).await;
    assert_eq!(response.status, 200);
    assert!(response.body.get("data").is_none());
    assert_eq!(
        response.messages(),
        ["__schema", "__type"].map(|field| format!(
            "GraphQL introspection has been disabled, but the requested query contained the field \"{field}\"."
        ))
    );
    let response = call(&emulator, "{ __typename }", json!({})).await;
    assert_eq!(response.root(), "Query");
    let probe = "mutation { triggerDinoaiAgentRun(agent: \"a\") @skip(if: true) { warning } }";
    assert_eq!(
        call(&emulator, probe, json!({})).await.body,
        json!({ "data": {} })
    );
}

#[tokio::test]
async fn conditions_can_be_validated_and_ignored() {
    const SKIPPED: &str = "mutation Skipped($skip: Boolean!) {
        triggerDinoaiAgentRun(message: \"m\") @skip(if: $skip) { ...Started }
    }
    fragment Started on TriggerDinoAiAgentRun { ok ... @include(if: false) { agentSessionId } }";
    for (quirks, runs) in [(Quirks::new(), 0), (Quirks::new().ignores_conditions(), 1)] {
        let emulator = with(quirks).await;
        let response = call(&emulator, SKIPPED, json!({ "skip": true })).await;
        let started = &response.body["data"]["triggerDinoaiAgentRun"];
        assert_eq!(
            started["agentSessionId"].is_string(),
            runs == 1,
            "{}",
            response.text
        );
        assert_eq!(emulator.runs().len(), runs);
        // They are checked all the same.
        let wrong = SKIPPED.replace("(if: $skip)", "");
        let response = call(&emulator, &wrong, json!({ "skip": true })).await;
        assert!(response.body["errors"].is_array(), "{}", response.text);
        assert_eq!(emulator.runs().len(), runs);
    }
}
