//! No call of a tool takes the minute that assistants wait for one, whatever the API does.

use std::pin::{Pin, pin};
use std::time::Duration;

use clap::Parser;
use dinoai::journal::MemoryJournal;
use dinoai::time::{Clock, Sleep};
use dinoai::{Client, Credentials};
use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use rmcp::model::CallToolResult;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, advance};

use super::service::Call;
use super::shared::Shared;
use super::{answer, tools};
use crate::args::{Cli, OutputFormat};
use crate::journal::Ledger;
use crate::output::Output;

/// After which an assistant gives a call up, and some time to spare.
const A_MINUTE: Duration = Duration::from_secs(55);

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(3600);
/// After the reply to a call that waits for it, and before the test gives up.
const LATE: Duration = Duration::from_secs(5);

const TRIGGER: &str = "triggerDinoaiAgentRun";
const SEND: &str = "sendDinoaiAgentMessage";
const STOP: &str = "stopDinoaiAgentRun";
const READ: &str = "dinoaiAgentRun";

/// The runtime's time, which runs ahead where nothing happens.
#[derive(Debug)]
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// An emulator whose faults take the runtime's time, and one run in progress, if there is one.
struct Bench {
    emulator: Emulator,
    client: Client,
    output: Output,
    cli: Cli,
    journal: MemoryJournal,
}

impl Bench {
    async fn start() -> Self {
        let scenario = Scenario::new().stage(Stage::new("RUNNING"));
        let emulator = Emulator::builder()
            .stopped_clock()
            .default_scenario(scenario);
        let emulator = emulator.start().await.unwrap();
        let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
        let client = Client::builder()
            .endpoint(emulator.endpoint())
            .credentials(credentials)
            .clock(RuntimeClock(Instant::now()))
            .build();
        Self {
            emulator,
            client: client.unwrap(),
            output: Output::plain(OutputFormat::Text),
            cli: Cli::parse_from(["dinoai", "mcp"]),
            journal: MemoryJournal::new(),
        }
    }

    fn shared(&self) -> Shared<'_> {
        Shared {
            client: &self.client,
            output: &self.output,
            global: &self.cli.global,
            ledger: Ok(Ledger::over(self.journal.clone())),
            allow_start: true,
            closing: watch::channel(false).1,
            started: Default::default(),
            conversations: Default::default(),
        }
    }

    async fn until_asked_for(&self, field: &str) {
        let is_asked = || {
            let requests = self.emulator.requests();
            requests.iter().any(|request| request.query.contains(field))
        };
        while !is_asked() {
            real_time(3).await;
        }
    }

    /// So many next requests with this field are carried out, and answered after this time.
    fn delay(&self, field: &str, time: Duration, count: u64) {
        let fault = Fault::delay(time).after_execution().on(field);
        self.emulator.add_fault(fault.times(count)).unwrap();
    }
}

fn call(tool: &str, arguments: Value) -> (Call, oneshot::Receiver<CallToolResult>) {
    let (reply, replied) = oneshot::channel();
    let Value::Object(arguments) = arguments else {
        panic!("{arguments} is no object");
    };
    let call = Call {
        tool: tool.to_owned(),
        arguments,
        cancelled: Box::pin(std::future::pending()),
        reply,
    };
    (call, replied)
}

/// Lets the runtime's time run, a second for a few milliseconds of the emulator's.
async fn time_runs() {
    loop {
        real_time(3).await;
        advance(Duration::from_secs(1)).await;
    }
}

/// Lets the emulator's time run alone: the runtime's stands still while a thread is at work.
async fn real_time(milliseconds: u64) {
    let pause = Duration::from_millis(milliseconds);
    let paused = spawn_blocking(move || std::thread::sleep(pause));
    paused.await.unwrap();
}

/// The result, which has to be there in time; the call itself may go on.
async fn replied(
    going_on: Pin<&mut impl Future<Output = ()>>,
    reply: oneshot::Receiver<CallToolResult>,
) -> CallToolResult {
    let start = Instant::now();
    let result = tokio::select! {
        biased;
        result = finished(going_on, reply) => result,
        () = time_runs() => unreachable!(),
    };
    assert!(
        start.elapsed() < A_MINUTE,
        "{:?}: {result:?}",
        start.elapsed()
    );
    result
}

async fn finished(
    mut going_on: Pin<&mut impl Future<Output = ()>>,
    mut reply: oneshot::Receiver<CallToolResult>,
) -> CallToolResult {
    tokio::select! {
        biased;
        result = &mut reply => return result.unwrap(),
        () = &mut going_on => {}
    }
    reply.await.unwrap()
}

/// What comes of it without any time for the runtime, in a few seconds of the emulator's.
async fn at_once<T>(done: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        done = done => done,
        () = async { for _ in 0..3000 { real_time(3).await } } => panic!("it needs the runtime's time"),
    }
}

fn text(result: &CallToolResult) -> String {
    serde_json::to_value(result).unwrap()["content"][0]["text"].to_string()
}

async fn started(shared: &Shared<'_>) -> String {
    let (call, reply) = call("start_agent", json!({ "key": "before", "agent": "agent" }));
    let started = at_once(finished(pin!(answer(shared, call)), reply)).await;
    let started = started.structured_content.unwrap();
    started["session_id"].as_str().unwrap().to_owned()
}

fn send_to(id: &str) -> (Call, oneshot::Receiver<CallToolResult>) {
    call(
        "send_message",
        json!({ "session_id": id, "message": "And?" }),
    )
}

#[tokio::test(start_paused = true)]
async fn every_tool_replies_within_a_minute() {
    for tool in tools::all(true) {
        for silent in [
            &[READ][..],
            &[TRIGGER, SEND, STOP],
            &[TRIGGER, SEND, STOP, READ],
        ] {
            let bench = Bench::start().await;
            let shared = bench.shared();
            let id = started(&shared).await;
            for field in silent {
                bench.delay(field, NEVER, 20);
            }
            let arguments = match &*tool.name {
                "start_agent" => json!({ "key": "another", "agent": "agent" }),
                "send_message" => json!({ "session_id": id, "message": "And?" }),
                "list_runs" => json!({}),
                _ => json!({ "session_id": id }),
            };
            let (call, reply) = call(&tool.name, arguments);
            replied(pin!(answer(&shared, call)), reply).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_takes_longer_goes_on_and_the_same_key_finds_its_run() {
    let bench = Bench::start().await;
    let shared = bench.shared();
    bench.delay(TRIGGER, LATE, 1);
    let start = || call("start_agent", json!({ "key": "key", "agent": "agent" }));
    let (first, reply) = start();
    let mut going_on = pin!(answer(&shared, first));
    let late = replied(going_on.as_mut(), reply).await;
    assert_eq!(late.is_error, Some(true), "{late:?}");
    for words in [
        "goes on",
        "call start_agent with the same key and the same arguments again",
    ] {
        assert!(text(&late).contains(words), "{}", text(&late));
    }
    at_once(going_on).await;
    let (again, reply) = start();
    // Reading its status takes a pause.
    let again = replied(pin!(answer(&shared, again)), reply).await;
    let again = again.structured_content.unwrap();
    assert_eq!(again["outcome"], "attached");
    let runs = bench.emulator.runs();
    assert_eq!(runs.len(), 1);
    assert_eq!(again["session_id"], runs[0].session_id);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_takes_longer_goes_on_and_is_not_to_be_sent_again() {
    let bench = Bench::start().await;
    let shared = bench.shared();
    let id = started(&shared).await;
    bench.delay(SEND, LATE, 1);
    let (send, reply) = send_to(&id);
    let mut going_on = pin!(answer(&shared, send));
    // Reading the run before takes no time of the runtime.
    at_once(async {
        tokio::select! {
            () = &mut going_on => panic!("it is late"),
            () = bench.until_asked_for(SEND) => {}
        }
    })
    .await;
    let late = replied(going_on.as_mut(), reply).await;
    assert_eq!(late.is_error, Some(true), "{late:?}");
    for words in ["Do not send it again", "wait_run", "get_run"] {
        assert!(text(&late).contains(words), "{}", text(&late));
    }
    at_once(going_on).await;
    assert_eq!(bench.emulator.runs()[0].follow_ups.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_not_sent_where_reading_the_run_takes_too_long() {
    let bench = Bench::start().await;
    let shared = bench.shared();
    let id = started(&shared).await;
    bench.delay(READ, NEVER, 9);
    let (send, reply) = send_to(&id);
    let start = Instant::now();
    let late = replied(pin!(answer(&shared, send)), reply).await;
    // The other half of the time is the message's.
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
    assert!(
        text(&late).contains("The message was not sent"),
        "{}",
        text(&late)
    );
    let requests = bench.emulator.requests();
    assert!(!requests.iter().any(|request| request.query.contains(SEND)));
}
