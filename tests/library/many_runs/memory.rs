//! A thousand runs take little memory and few requests.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use dinoai::{Client, Credentials, TriggerRun};
use dinoai_emulator::{Emulator, Scenario, Stage};
use serde_json::json;

use crate::many_runs::api::{asked, reads_as, runs};
use crate::many_runs::dead_hosts::is_poll_name;
use crate::support::fault_server::{FastClock, FaultServer, Reply};
use crate::support::operations::is_poll;
use crate::support::samples::{ids, seconds};
use crate::support::shown_run::client_by;

/// Runs on the emulator that take 5 to 8 polls each.
///
/// The emulator has a thread of its own, and what the waits allocate is counted on this one,
/// where their whole runtime lives: so the figure is theirs alone, connections included.
#[test]
fn a_thousand_runs_on_the_emulator_take_little_memory_and_few_requests() {
    const RUNS: usize = 1000;
    let mut emulator = Emulator::builder();
    for number in 0..4 {
        let polls = 4 + number;
        let scenario = Scenario::new()
            .stage(Stage::new("RUNNING").reads(polls))
            .stage(Stage::new("COMPLETED"))
            .message("assistant", "Done.");
        emulator = emulator.scenario(format!("agent-{number}"), scenario);
    }
    let emulator = emulator.start_blocking().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = Client::builder()
        .endpoint(emulator.endpoint())
        .credentials(Credentials::key_and_secret(
            emulator.key(),
            emulator.secret(),
        ))
        .clock(FastClock::with_second(Duration::from_millis(2)))
        .build()
        .unwrap();
    let time = Instant::now();
    let ids: Vec<_> = runtime.block_on(async {
        let mut ids = vec![];
        for number in 0..RUNS {
            let request = TriggerRun::agent(format!("agent-{}", number % 4));
            ids.push(client.trigger_run(request).await.unwrap().session_id);
        }
        ids
    });
    println!("started in {:?}", time.elapsed());

    let time = Instant::now();
    let mut completed = 0;
    let heap = allocation_counter::measure(|| {
        runtime.block_on(async {
            let mut many = client
                .wait_all(ids.clone())
                .unwrap()
                .timeout(Duration::MAX)
                .results();
            while let Some((_, result)) = many.next().await {
                completed += usize::from(result.is_ok());
            }
        });
    });
    println!("waited for {:?}", time.elapsed());

    let requests = emulator.requests();
    let polls = requests
        .iter()
        .filter(|request| is_poll_name(request.operation_name.as_deref()));
    let (mut asked, mut statuses) = (0, 0);
    for poll in polls {
        asked += 1;
        statuses += poll.variables.as_object().unwrap().len();
    }
    let heap = heap.bytes_max as usize / RUNS;
    println!("{RUNS} runs: {heap} bytes of heap a run at most");
    println!(
        "{statuses} statuses over {asked} requests: {} each",
        statuses / asked
    );
    assert_eq!(completed, RUNS);
    assert!(heap <= 1024, "{heap} bytes a run");
    assert!(
        asked * 40 <= statuses,
        "{statuses} statuses, {asked} requests"
    );
}

/// A server with a thread of its own, as above, that answers every batch once with a long error.
#[test]
fn a_long_error_for_a_batch_takes_memory_once_and_not_for_each_of_its_runs() {
    const RUNS: usize = 1000;
    const LENGTH: usize = 100_000;
    let serving = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let clock = FastClock::with_second(Duration::from_millis(2));
    let error = json!([{ "message": "x".repeat(LENGTH) }]);
    let mut polls: HashMap<String, usize> = HashMap::new();
    let mut answer = runs(|_, polls| reads_as(["RUNNING", "COMPLETED"][polls.min(1)]));
    let server = serving.block_on(FaultServer::scripted(move |seen| {
        if is_poll(seen) {
            let polls = polls.entry(asked(seen)[0].1.clone()).or_default();
            *polls += 1;
            if *polls == 2 {
                return Reply::errors(503, &error);
            }
        }
        answer(seen)
    }));
    let client = client_by(&server, &clock);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ids = ids(RUNS);
    let mut completed = 0;
    let heap = allocation_counter::measure(|| {
        runtime.block_on(async {
            let mut many = client
                .wait_all(ids.clone())
                .unwrap()
                .poll_interval(seconds(60))
                // However slow the machine is.
                .timeout(Duration::MAX)
                .results();
            while let Some((_, result)) = many.next().await {
                completed += usize::from(result.is_ok());
            }
        });
    });
    assert_eq!(completed, RUNS);
    let heap = heap.bytes_max as usize;
    let seen = server.seen();
    let connections = seen.iter().map(|seen| seen.connection).max();
    println!("{RUNS} runs: {heap} bytes of heap at most, {connections:?} connections");
    // One for each request that may be in flight, used again and again; now and then one was not idle
    // again in time.
    assert!(connections <= Some(10), "{connections:?} connections");
    // Of twenty batches; of eight responses at the same time, each in its connection's buffer and as a
    // body; and what it takes to read one.
    assert!(heap <= 60 * LENGTH, "{heap} bytes");
}
