//! What a watch emits, and how much it downloads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dinoai::{Error, Event, Events, StepOptions, TriggerRun};
use dinoai_emulator::{Backend, Child, Emulator, Scenario, Stage, Step};
use serde_json::{Value, json};

use crate::support::emulated::client_of;
use crate::support::scripted_server::ScriptedServer;

/// A run with everything in it.
fn busy() -> Scenario {
    Scenario::new()
        .stage(Stage::new("QUEUED").reads(2))
        .startup_step("clone the repository", false)
        .stage(Stage::new("QUEUED").reads(2))
        .startup_step("clone the repository", true)
        .startup_step("install dbt", true)
        .stage(Stage::new("RUNNING").reads(2))
        .message("assistant", "Looking.")
        .step(Step::agent("I look at the tests."))
        .step(Step::tool("run_sql_query").input("select 1").output("1"))
        .stage(Stage::new("RUNNING").reads(3))
        .child(Child::from(Scenario::completed()))
        .step(Step::tool("read_file").input("a.sql").output("select 2"))
        .stage(Stage::new("COMPLETED"))
        .message("assistant", "Done.")
}

async fn lines(mut watch: Events) -> Vec<String> {
    let mut lines = vec![];
    while let Some(event) = watch.next().await {
        lines.push(match event {
            Ok(Event::Status(status)) => format!("status {status}"),
            Ok(Event::Startup(step)) => format!("startup {} {}", step.label, step.done),
            Ok(Event::Step(step)) => format!(
                "step {} {} {:?} {:?} {:?}",
                step.index, step.role, step.tool_name, step.tool_input, step.content
            ),
            Ok(Event::Message(message)) => format!("message {} {}", message.role, message.content),
            Ok(Event::Child(_)) => "child".to_owned(),
            Ok(Event::StepsMissing(reason)) => format!("steps missing: {reason}"),
            Ok(Event::Ended(run)) => format!("ended {}", run.status),
            Ok(other) => panic!("{other:?}"),
            Err(error) => format!("error {error}"),
        });
    }
    lines
}

async fn emulate(backend: Backend, scenario: Scenario) -> Emulator {
    let builder = Emulator::builder()
        .backend(backend)
        .default_scenario(scenario);
    builder.start().await.unwrap()
}

#[tokio::test]
async fn a_watch_emits_everything_in_order() {
    let emulator = emulate(Backend::Current, busy()).await;
    let client = client_of(&emulator);
    let session = client.start(TriggerRun::message("Check.")).await.unwrap();
    insta::assert_snapshot!(lines(session.watch().events()).await.join("\n"));
}

#[tokio::test]
async fn steps_and_the_start_up_checklist_come_on_request_and_only_new_steps_are_fetched() {
    let emulator = emulate(Backend::Current, busy()).await;
    let client = client_of(&emulator);
    let session = client.start(TriggerRun::message("Check.")).await.unwrap();
    let options = StepOptions::default().with_tool_io().with_max_chars(7);
    insta::assert_snapshot!(
        lines(session.watch().steps(options).events())
            .await
            .join("\n")
    );

    let mut asked: Vec<_> = emulator
        .requests()
        .into_iter()
        .filter(|request| request.operation_name.as_deref() == Some("DinoaiAgentRunSteps"))
        .map(|request| request.variables["after"].clone())
        .collect();
    asked.dedup();
    // None are known, then those up to the second one, then all three.
    let after_what_is_known = [Value::Null, json!(1), json!(2)];
    assert_eq!(asked, after_what_is_known);
}

/// The operations that have read the run, in order.
async fn reads_of(watch: impl AsyncFnOnce(dinoai::Session), scenario: Scenario) -> Vec<String> {
    let emulator = emulate(Backend::Current, scenario).await;
    let client = client_of(&emulator);
    let session = client.start(TriggerRun::message("Check.")).await.unwrap();
    emulator.clear_requests();
    watch(session).await;
    let requests = emulator.requests().into_iter();
    requests.filter_map(|it| it.operation_name).collect()
}

#[tokio::test]
async fn with_messages_at_the_end_a_watch_makes_the_requests_of_a_wait_and_shows_each_status() {
    let waited = reads_of(async |session| drop(session.wait().await.unwrap()), busy()).await;
    let mut shown = vec![];
    let watch = async |session: dinoai::Session| {
        shown = lines(session.watch().messages_at_end().events()).await;
    };
    assert_eq!(reads_of(watch, busy()).await, waited);
    assert_eq!(
        shown,
        [
            "status QUEUED",
            "status RUNNING",
            "child",
            "message user Check.",
            "message assistant Looking.",
            "message assistant Done.",
            "status COMPLETED",
            "ended COMPLETED",
        ]
    );
}

#[tokio::test]
async fn what_a_watch_has_left_to_the_end_another_one_emits() {
    let emulator = emulate(Backend::Current, busy()).await;
    let client = client_of(&emulator);
    let session = client.start(TriggerRun::message("Check.")).await.unwrap();
    let mut watch = session.watch().messages_at_end().events();
    for status in ["QUEUED", "RUNNING"] {
        match watch.next().await {
            Some(Ok(Event::Status(seen))) => assert_eq!(seen.as_str(), status),
            other => panic!("{other:?}"),
        }
    }
    drop(watch);
    let texts = lines(session.watch().events()).await;
    let messages = texts.iter().filter(|line| line.starts_with("message"));
    assert_eq!(messages.count(), 3, "{texts:?}");
    assert!(!texts.contains(&"status QUEUED".to_owned()), "{texts:?}");
}

#[tokio::test]
async fn a_backend_without_steps_says_so_once_and_the_other_events_still_come() {
    let emulator = emulate(Backend::PagesOnly, busy()).await;
    let client = client_of(&emulator);
    let session = client.start(TriggerRun::message("Check.")).await.unwrap();
    let lines = lines(session.watch().steps(StepOptions::default()).events()).await;
    insta::assert_snapshot!(lines.join("\n").replace(session.id().as_str(), "SESSION"));
}

#[tokio::test]
async fn steps_that_cannot_be_read_do_not_hide_the_rest() {
    let emulator = emulate(Backend::Current, busy().without_readable_steps()).await;
    let client = client_of(&emulator);
    let session = client.start(TriggerRun::message("Check.")).await.unwrap();
    let read = client
        .get_run_steps(session.id(), StepOptions::default())
        .await
        .unwrap();
    assert_eq!(read.steps, None);
    assert!(read.startup_steps.is_some());

    let lines = lines(session.watch().steps(StepOptions::default()).events()).await;
    assert!(
        lines.iter().any(|line| line.starts_with("startup")),
        "{lines:#?}"
    );
    assert!(
        lines.iter().all(|line| !line.starts_with("error")),
        "{lines:#?}"
    );
    let missing = "steps missing: the API answered without them";
    assert_eq!(lines[lines.len() - 2..], [missing, "ended COMPLETED"]);
}

#[tokio::test]
async fn steps_are_read_with_their_options() {
    let emulator = emulate(Backend::Current, busy()).await;
    let client = client_of(&emulator);
    let run = client
        .trigger_run_and_wait(TriggerRun::message("Check."))
        .await
        .unwrap();
    let read = async |options| {
        let read = client
            .get_run_steps(&run.session_id, options)
            .await
            .unwrap();
        read.steps.unwrap()
    };
    let all = read(StepOptions::default()).await;
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|step| step.tool_input.is_none()));
    let with_io = read(StepOptions::default().with_tool_io()).await;
    assert_eq!(with_io[1].tool_input.as_deref(), Some("select 1"));
    let later = read(StepOptions::default().with_after(all[1].index)).await;
    assert_eq!(later, all[2..]);
    let cut = read(StepOptions::default().with_tool_io().with_max_chars(6)).await;
    assert_eq!(cut[1].tool_input.as_deref(), Some("select"));
    assert!(cut[1].truncated);

    let sent = emulator.requests().len();
    for options in [
        StepOptions::default().with_after(1 << 40),
        StepOptions::default().with_max_chars(u32::MAX),
    ] {
        let error = client
            .get_run_steps(&run.session_id, options)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::InvalidRequest { .. }), "{error:?}");
        let error = client
            .session("s")
            .unwrap()
            .watch()
            .steps(options)
            .events()
            .next()
            .await;
        assert!(
            matches!(error, Some(Err(Error::InvalidRequest { .. }))),
            "{error:?}"
        );
    }
    assert_eq!(emulator.requests().len(), sent);
}

#[tokio::test]
async fn a_watch_of_a_run_that_has_ended_emits_it_all_at_once() {
    let emulator = emulate(Backend::Current, Scenario::failed()).await;
    let client = client_of(&emulator);
    let session = client.start(TriggerRun::message("Check.")).await.unwrap();
    session.wait().await.unwrap_err();
    let all = lines(client.session(session.id()).unwrap().watch().events()).await;
    assert_eq!(all.last().unwrap(), "ended FAILED");
    assert_eq!(
        all.iter()
            .filter(|line| line.starts_with("message"))
            .count(),
        2
    );
    let again = client.session(session.id()).unwrap();
    let _ = lines(again.watch().events()).await;
    assert_eq!(lines(again.watch().events()).await, ["ended FAILED"]);
}

/// A follow-up from elsewhere can wake a run after the poll that has shown its end.
#[tokio::test]
async fn a_watch_does_not_end_with_a_run_that_woke_between_the_poll_and_the_read() {
    let reads = AtomicUsize::new(0);
    let server = ScriptedServer::start(move |operation, _| {
        let is_read = usize::from(operation == "DinoaiAgentRun");
        let reads_before = reads.fetch_add(is_read, Ordering::SeqCst);
        let status = match (operation, reads_before) {
            ("DinoaiAgentRun", 0) => "RUNNING",
            _ => "COMPLETED",
        };
        let messages = [json!({ "ts": 1.5, "role": "assistant", "content": "Done." })];
        json!({ "data": { "dinoaiAgentRun": {
            "ok": true, "agentSessionId": "s", "status": status, "messages": messages,
            "childSessionIds": [], "workspaceUid": "w",
        } } })
    })
    .await;
    let session = server.client().session("s").unwrap();
    assert_eq!(
        lines(session.watch().events()).await,
        [
            "status RUNNING",
            "message assistant Done.",
            "status COMPLETED",
            "ended COMPLETED",
        ]
    );
}

#[tokio::test]
async fn a_watch_that_times_out_says_so_last() {
    let emulator = emulate(Backend::Current, Scenario::new()).await;
    let client = client_of(&emulator);
    let session = client.start(TriggerRun::message("Check.")).await.unwrap();
    let mut watch = session.watch().timeout(Duration::from_secs(60)).events();
    let mut last = None;
    while let Some(event) = watch.next().await {
        last = Some(event);
    }
    assert!(matches!(last, Some(Err(Error::WaitTimeout(_)))), "{last:?}");
    assert!(watch.next().await.is_none());
}

#[test]
fn events_go_through_json_and_back() {
    let json =
        json!({ "event": "message", "data": { "ts": 1.5, "role": "agent", "content": "hi" } });
    let event: Event = serde_json::from_value(json.clone()).unwrap();
    assert!(matches!(&event, Event::Message(message) if message.content == "hi"));
    assert_eq!(serde_json::to_value(&event).unwrap(), json);
}

const MESSAGES: usize = 20;

const POLLS: usize = 200;

const MEGABYTE: usize = 1_000_000;

/// A run whose transcript grows to a megabyte in 20 messages over 200 reads of its state, each
/// operation answered with what it selects.
async fn growing() -> ScriptedServer {
    let reads = AtomicUsize::new(0);
    ScriptedServer::start(move |operation, _| {
        let is_poll = operation != "DinoaiAgentRun";
        let read = reads.fetch_add(usize::from(is_poll), Ordering::SeqCst) + usize::from(is_poll);
        let status = if read < POLLS { "RUNNING" } else { "COMPLETED" };
        let messages: Vec<_> = (0..read * MESSAGES / POLLS)
            .map(|number| {
                let mut message = json!({ "ts": number as f64 + 0.5, "role": "assistant" });
                if !is_poll {
                    message["content"] = "x".repeat(MEGABYTE / MESSAGES).into();
                }
                message
            })
            .collect();
        let run = match operation {
            "DinoaiAgentRunStatus" => json!({ "ok": true, "status": status }),
            "DinoaiAgentRunDigest" => json!({
                "ok": true, "status": status, "messages": messages, "childSessionIds": [],
            }),
            _ => json!({
                "ok": true, "agentSessionId": "s", "status": status, "messages": messages,
                "childSessionIds": [], "workspaceUid": "w",
            }),
        };
        json!({ "data": { "dinoaiAgentRun": run } })
    })
    .await
}

fn downloaded(server: &ScriptedServer) -> usize {
    server.answers().iter().map(|(_, length)| length).sum()
}

#[tokio::test]
async fn watching_a_long_run_downloads_each_text_a_few_times_and_not_at_every_poll() {
    let server = growing().await;
    let session = server.client().session("s").unwrap();
    let lines = lines(session.watch().events()).await;
    let messages = lines.iter().filter(|line| line.starts_with("message"));
    assert_eq!(messages.count(), MESSAGES);
    let polls = server
        .answers()
        .iter()
        .filter(|(name, _)| name == "DinoaiAgentRunDigest")
        .count();
    assert_eq!(polls, POLLS);
    let megabytes = downloaded(&server) as f64 / MEGABYTE as f64;
    println!("a watch of {polls} polls downloads {megabytes:.2} MB for 1 MB of transcript");
    assert!(megabytes <= 12.0, "{megabytes}");
}

#[tokio::test]
async fn waiting_for_a_long_run_downloads_its_transcript_once() {
    let server = growing().await;
    server.client().session("s").unwrap().wait().await.unwrap();
    let megabytes = downloaded(&server) as f64 / MEGABYTE as f64;
    println!("a wait of {POLLS} polls downloads {megabytes:.2} MB for 1 MB of transcript");
    assert!(megabytes <= 1.1, "{megabytes}");
}
