//! 10,000 runs on the emulator, which takes a while to start and to answer them.

use std::time::Duration;

use dinoai::{Client, Credentials, TriggerRun};
use dinoai_emulator::{Emulator, Scenario, Stage};

use crate::fast_clock::FastClock;
use crate::measure::{heap, microseconds};
use crate::rows::waits::{BYTES_A_RUN, STATUSES_A_REQUEST};
use crate::setting::{FAR_OFF, runtime};
use crate::table::{Row, bytes, counted, microseconds as show, number};

const RUNS: usize = 10_000;
const AGENTS: usize = 4;

pub(crate) fn rows() -> Vec<Row> {
    let emulator = emulator();
    let runtime = runtime();
    let client = Client::builder()
        .endpoint(emulator.endpoint())
        .credentials(Credentials::key_and_secret(
            emulator.key(),
            emulator.secret(),
        ))
        .clock(FastClock::with_second(Duration::from_millis(20)))
        .build()
        .expect("the emulator's endpoint is one");
    let ids = runtime.block_on(async {
        let mut ids = Vec::with_capacity(RUNS);
        for number in 0..RUNS {
            let request = TriggerRun::agent(format!("agent-{}", number % AGENTS));
            let accepted = client.trigger_run(request).await.expect("a run starts");
            ids.push(accepted.session_id);
        }
        ids
    });
    let mut completed = 0;
    let mut time = 0.0;
    let heap = heap(|| {
        time = microseconds(|| {
            runtime.block_on(async {
                let wait = client.wait_all(&ids).expect("no id is blank");
                let mut results = wait.timeout(FAR_OFF).results();
                while let Some((_, result)) = results.next().await {
                    completed += usize::from(result.is_ok());
                }
            });
        });
    });
    assert_eq!(completed, RUNS, "every run completes");
    let (requests, statuses) = polls(&emulator);
    let a_run = heap.peak / RUNS as u64;
    let each = statuses as f64 / requests as f64;
    let what = "waiting for 10,000 runs on the emulator, each of 20 to 50 polls";
    vec![
        Row::new(format!("{what}: CPU a run")).ours(show(time / RUNS as f64)),
        Row::new(format!("{what}: memory a run at most"))
            .ours(bytes(a_run))
            .goal(bytes(BYTES_A_RUN), a_run <= BYTES_A_RUN)
            .count(),
        Row::new(format!("{what}: statuses a request"))
            .ours(format!("{} ({} requests)", number(each), counted(requests)))
            .peer("1 (a request a run)")
            .ratio(each)
            .goal("40", each >= STATUSES_A_REQUEST)
            .count(),
    ]
}

/// An emulator whose runs end after 20 to 50 polls each, and which keeps all requests.
fn emulator() -> Emulator {
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

/// How many requests asked for statuses, and for how many.
fn polls(emulator: &Emulator) -> (u64, u64) {
    let requests = emulator.requests();
    let polls = requests.iter().filter(|request| {
        let name = request.operation_name.as_deref().unwrap_or_default();
        name.starts_with("DinoaiAgentRunStatus")
    });
    let statuses = |variables: &serde_json::Value| variables.as_object().map_or(0, |all| all.len());
    polls.fold((0, 0), |(requests, sum), poll| {
        (requests + 1, sum + statuses(&poll.variables) as u64)
    })
}
