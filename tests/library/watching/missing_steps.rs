//! Steps that cannot be read neither end nor delay a watch, which says what is missing.

use dinoai::time::{Clock, VirtualClock};
use dinoai::{Client, Event, Result, RunStatus, StepOptions};
use serde_json::{Value, json};

use crate::support::fault_server::{FaultServer, Reply, Seen};
use crate::support::operations::{DIGEST, READ, STEPS, sent};
use crate::support::samples::{seconds, session};
use crate::support::shown_run::{all, end_of, fields, run, run_with, shown, texts_of, user};
use crate::waiting::ways::first_turn;

fn step(index: i64) -> Value {
    json!({
        "index": index,
        "role": "AGENT",
        "toolName": null,
        "toolInput": null,
        "content": format!("step {index}"),
        "truncated": false,
    })
}

/// A run of four digests whose last one is the end; `steps` answers what is asked of its steps,
/// given the number of digests so far.
async fn with_steps(
    mut steps: impl FnMut(&Seen, i64) -> Reply + Send + 'static,
) -> (FaultServer, Client, VirtualClock) {
    let mut looks = 0;
    shown(move |seen, _| {
        looks += i64::from(seen.operation == DIGEST);
        match seen.operation.as_str() {
            STEPS => steps(seen, looks),
            _ if looks < 2 => run(seen, "RUNNING", &[user(1.0, "start")]),
            _ if looks < 4 => run(seen, "RUNNING", &first_turn()),
            _ => run(seen, "COMPLETED", &first_turn()),
        }
    })
    .await
}

/// One step for each digest so far, but for those that the client has.
fn steps_so_far(seen: &Seen, looks: i64) -> Reply {
    run_with(seen, |id| {
        let mut run = fields(id, "RUNNING", &[]);
        let after = seen.variables["after"].as_i64().unwrap_or(-1);
        run["steps"] = (after + 1..looks).map(step).collect();
        run
    })
}

fn is_missing_steps(item: &Result<Event>) -> bool {
    let Ok(event) = item else { return false };
    format!("{event:?}").starts_with("StepsMissing")
}

/// What a watch with steps has to emit whatever becomes of the steps.
fn has_all_but_steps(items: &[Result<Event>]) {
    assert!(items.iter().all(Result::is_ok), "{items:#?}");
    assert_eq!(texts_of(items), ["start", "the first answer"]);
    let end = end_of(items).unwrap_or_else(|| panic!("{items:#?}"));
    assert_eq!(end.status, RunStatus::Completed);
}

#[tokio::test]
async fn steps_that_can_never_be_read_do_not_keep_a_watch_from_its_end() {
    for reply in [
        Reply::html(504),
        Reply::ResetAfter,
        Reply::json(
            200,
            &json!({ "data": { "dinoaiAgentRun": null }, "errors": [{
                "message": "HTTP 504 from the steps resolver.",
                "path": ["dinoaiAgentRun"],
            }] }),
        ),
    ] {
        let (_server, client, clock) = with_steps(move |_, _| reply.clone()).await;
        let watch = session(&client).watch().steps(StepOptions::default());
        let items = all(watch.poll_interval(seconds(1)).events()).await;
        has_all_but_steps(&items);
        let missing: Vec<_> = items.iter().filter(|item| is_missing_steps(item)).collect();
        assert_eq!(missing.len(), 1, "{items:#?}");
        assert!(is_missing_steps(&items[items.len() - 2]), "{items:#?}");
        // Three polls apart, and no more attempts at the end than any call has.
        assert!(clock.now() <= seconds(3 + 20), "{:?}", clock.now());
    }
}

#[tokio::test]
async fn the_event_about_missing_steps_says_why() {
    let (_server, client, _) = with_steps(|_, _| Reply::html(504)).await;
    let watch = session(&client)
        .watch()
        .steps(StepOptions::default())
        .events();
    let items = all(watch).await;
    let missing = items.iter().find(|item| is_missing_steps(item));
    let missing = format!("{:?}", missing.unwrap_or_else(|| panic!("{items:#?}")));
    assert!(missing.contains("504"), "{missing}");
}

#[tokio::test]
async fn a_failure_to_read_steps_is_tried_again_at_the_next_poll() {
    for reply in [
        Reply::json(
            200,
            &json!({ "data": { "dinoaiAgentRun": null }, "errors": [{
                "message": "The steps are being written.",
                "path": ["dinoaiAgentRun"],
            }] }),
        ),
        Reply::html(404),
        Reply::json(200, &json!({ "data": { "dinoaiAgentRun": null } })),
    ] {
        let (_server, client, _) = with_steps(move |seen, looks| match looks {
            2 => reply.clone(),
            _ => steps_so_far(seen, looks),
        })
        .await;
        let watch = session(&client)
            .watch()
            .steps(StepOptions::default())
            .events();
        let items = all(watch).await;
        has_all_but_steps(&items);
        assert!(!items.iter().any(is_missing_steps), "{items:#?}");
        let steps: Vec<_> = items
            .iter()
            .filter_map(|item| match item {
                Ok(Event::Step(step)) => Some(step.index),
                _ => None,
            })
            .collect();
        assert_eq!(steps, [0, 1, 2, 3]);
    }
}

#[tokio::test]
async fn the_last_steps_are_tried_as_often_as_any_call_before_they_are_missing() {
    let mut failures = 3;
    let (_server, client, _) = with_steps(move |seen, looks| {
        if looks == 4 && failures > 0 {
            failures -= 1;
            return Reply::html(503);
        }
        steps_so_far(seen, looks)
    })
    .await;
    let watch = session(&client)
        .watch()
        .steps(StepOptions::default())
        .events();
    let items = all(watch).await;
    has_all_but_steps(&items);
    assert!(!items.iter().any(is_missing_steps), "{items:#?}");
    let last = items.iter().rev().find_map(|item| match item {
        Ok(Event::Step(step)) => Some(step.index),
        _ => None,
    });
    assert_eq!(last, Some(3), "{items:#?}");
}

#[tokio::test]
async fn a_backend_that_knows_no_steps_is_reported_once_at_once_and_not_asked_again() {
    let unknown = json!({ "errors": [{
        "message": "Cannot query field 'steps' on type 'DinoAiAgentRun'.",
    }] });
    let (server, client, _) = with_steps(move |_, _| Reply::json(400, &unknown)).await;
    let watch = session(&client)
        .watch()
        .steps(StepOptions::default())
        .events();
    let items = all(watch).await;
    has_all_but_steps(&items);
    let missing = items.iter().position(is_missing_steps);
    let answer = items
        .iter()
        .position(|item| matches!(item, Ok(Event::Message(message)) if message.content != "start"));
    assert!(missing.is_some() && missing < answer, "{items:#?}");
    let count = items.iter().filter(|item| is_missing_steps(item)).count();
    assert_eq!((count, sent(&server, STEPS)), (1, 1));
}

#[tokio::test]
async fn the_messages_of_a_poll_do_not_wait_for_its_steps() {
    let (server, client, _) = with_steps(|_, _| Reply::Hang).await;
    let mut watch = session(&client)
        .watch()
        .steps(StepOptions::default())
        .events();
    let mut items = vec![];
    while texts_of(&items).is_empty() {
        items.push(watch.next().await.unwrap());
    }
    assert_eq!(texts_of(&items), ["start"]);
    assert_eq!(server.operations(), [DIGEST, READ]);
}
