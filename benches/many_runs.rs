//! What 10,000 runs on the emulator cost: heap, requests, time.
//!
//! ```sh
//! cargo bench --bench many_runs
//! ```
//!
//! The emulator is in this process, on a thread of its own. What the runs allocate is counted on the
//! main thread, where their whole runtime lives: so the figure is theirs alone, with their session
//! ids, their connections and the results that are emitted.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run ends")]

use std::time::{Duration, Instant};

use dinoai::time::{Clock, Sleep};
use dinoai::{Client, Credentials, SessionId, TriggerRun};
use dinoai_emulator::{Emulator, Scenario, Stage};

const RUNS: usize = 10_000;
const AGENTS: usize = 4;

/// How many statuses have to be read over one request, and how many bytes of heap a run may take.
const STATUSES_A_REQUEST: usize = 40;
const BYTES_A_RUN: u64 = 1024;

/// Real time, faster: a second by it takes 20 ms.
#[derive(Debug)]
struct FastClock(Instant);

impl FastClock {
    const SPEED: u32 = 50;
}

impl Clock for FastClock {
    fn now(&self) -> Duration {
        self.0.elapsed() * Self::SPEED
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration / Self::SPEED))
    }
}

fn main() {
    // `cargo test --benches` runs it too, with another argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let emulator = start_emulator();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let client = Client::builder()
        .endpoint(emulator.endpoint())
        .credentials(Credentials::key_and_secret(
            emulator.key(),
            emulator.secret(),
        ))
        .clock(FastClock(Instant::now()))
        .build()
        .expect("the emulator's endpoint is one");
    let ids = runtime.block_on(start_runs(&client));

    let time = Instant::now();
    let mut completed = 0;
    let heap = allocation_counter::measure(|| {
        runtime.block_on(async {
            let mut many = client
                .wait_all(ids.clone())
                .expect("no id is blank")
                .timeout(Duration::MAX)
                .results();
            while let Some((_, result)) = many.next().await {
                completed += usize::from(result.is_ok());
            }
        });
    });
    let time = time.elapsed();

    let (requests, statuses) = polls(&emulator);
    let bytes = heap.bytes_max / RUNS as u64;
    println!("{completed} of {RUNS} runs completed within {time:.1?}");
    println!("heap: {bytes} bytes a run at most (allowed: {BYTES_A_RUN})");
    println!(
        "status requests: {requests} for {statuses} statuses, 1 for {:.1} (needed: {STATUSES_A_REQUEST})",
        statuses as f64 / requests as f64,
    );
    assert_eq!(completed, RUNS);
    assert!(bytes <= BYTES_A_RUN);
    assert!(requests * STATUSES_A_REQUEST <= statuses);
}

/// An emulator whose runs end after 20 to 50 polls each.
fn start_emulator() -> Emulator {
    // All of them are counted in the end.
    let mut emulator = Emulator::builder().kept_requests(usize::MAX);
    for agent in 0..AGENTS {
        let scenario = Scenario::new()
            .stage(Stage::new("RUNNING").reads(19 + 10 * agent as u64))
            .stage(Stage::new("COMPLETED"))
            .message("assistant", "Done.");
        emulator = emulator.scenario(format!("agent-{agent}"), scenario);
    }
    emulator.start_blocking().expect("the emulator starts")
}

async fn start_runs(client: &Client) -> Vec<SessionId> {
    let mut ids = Vec::with_capacity(RUNS);
    for number in 0..RUNS {
        let request = TriggerRun::agent(format!("agent-{}", number % AGENTS));
        let accepted = client.trigger_run(request).await.expect("a run starts");
        ids.push(accepted.session_id);
    }
    ids
}

/// How many requests asked for statuses, and for how many.
fn polls(emulator: &Emulator) -> (usize, usize) {
    let requests = emulator.requests();
    let polls: Vec<_> = requests
        .iter()
        .filter(|request| {
            let name = request.operation_name.as_deref();
            matches!(
                name,
                Some("DinoaiAgentRunStatuses" | "DinoaiAgentRunStatus")
            )
        })
        .collect();
    let ids = |variables: &serde_json::Value| variables.as_object().map_or(0, serde_json::Map::len);
    let statuses = polls.iter().map(|poll| ids(&poll.variables)).sum();
    (polls.len(), statuses)
}
