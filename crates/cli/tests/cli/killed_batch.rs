//! A batch that is killed at any moment, and resumed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::program::{Done, bare};

const KILLS: usize = 50;
const ITEMS: usize = 6;

/// An emulator in a process of its own.
struct Apart {
    child: Child,
    variables: Vec<(String, String)>,
}

impl Apart {
    fn start() -> Self {
        // Slow enough that a kill can come between sending and recording.
        let before = "{fault: delay, on: triggerDinoaiAgentRun, delay_seconds: 0.01, times: 7}";
        let after = "{fault: delay, on: triggerDinoaiAgentRun, after_execution: true, \
                     delay_seconds: 0.02, times: 1000000}";
        let mut command = bare();
        let mut child = command
            .args([
                "emulator", "--port", "0", "--fault", before, "--fault", after,
            ])
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let variables = (0..3)
            .map(|_| {
                let line = lines.next().unwrap().unwrap();
                let (name, value) = line.split_once('=').unwrap();
                let name = name.strip_prefix("export ").unwrap();
                (name.to_owned(), value.to_owned())
            })
            .collect();
        Self { child, variables }
    }

    fn dinoai(&self) -> Command {
        let mut command = bare();
        command.envs(self.variables.iter().cloned());
        command
    }

    /// How many runs the emulator has started for each message.
    fn count(&self) -> BTreeMap<String, usize> {
        let (_, endpoint) = &self.variables[0];
        let address = endpoint
            .strip_prefix("http://")
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let request =
            format!("GET /control/runs HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let start = answer.find("\r\n\r\n").unwrap();
        let body = &answer[start..];
        let (from, to) = (body.find('[').unwrap(), body.rfind(']').unwrap());
        let runs: Vec<Value> = serde_json::from_str(&body[from..=to]).unwrap();
        let mut count = BTreeMap::new();
        for run in runs {
            let message = run["message"].as_str().unwrap().to_owned();
            *count.entry(message).or_default() += 1;
        }
        count
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn message(round: usize, item: usize) -> String {
    format!("round {round} item {item}")
}

fn batch(emulator: &Apart, folder: &Path) -> Command {
    let mut command = emulator.dinoai();
    command
        .arg("batch")
        .arg(folder.join("items.jsonl"))
        .arg("--resume")
        .arg(folder.join("results.jsonl"))
        .args(["--concurrency", "3", "--poll-interval", "5ms"]);
    command
}

/// Starts a batch, kills it up to twice, resumes it; gives the items that are unknown.
fn round(emulator: &Apart, round: usize) -> Vec<usize> {
    let folder = tempfile::tempdir().unwrap();
    let items: Vec<_> = (1..=ITEMS)
        .map(|item| format!("{{\"message\": \"{}\"}}\n", message(round, item)))
        .collect();
    fs::write(folder.path().join("items.jsonl"), items.concat()).unwrap();
    for _ in 0..=fastrand::usize(..2) {
        let mut child = batch(emulator, folder.path()).spawn().unwrap();
        thread::sleep(Duration::from_micros(fastrand::u64(..350_000)));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    let done = Done::of(batch(emulator, folder.path()).spawn().unwrap());
    let results = fs::read_to_string(folder.path().join("results.jsonl")).unwrap();
    let mut last = BTreeMap::new();
    for line in results.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let item = usize::try_from(record["item"].as_u64().unwrap()).unwrap();
        last.insert(item, record["event"].as_str().unwrap().to_owned());
    }
    let all: Vec<_> = last.keys().copied().collect();
    assert_eq!(all, (1..=ITEMS).collect::<Vec<_>>(), "{}", done.shown());
    let unknown: Vec<_> = all
        .into_iter()
        .filter(|item| last[item] == "unknown")
        .collect();
    assert!(
        last.values()
            .all(|event| event == "ended" || event == "unknown"),
        "{last:?} {}",
        done.shown()
    );
    let exit = if unknown.is_empty() { 0 } else { 6 };
    assert_eq!(done.code(), exit, "{}", done.shown());
    unknown
}

#[test]
fn a_batch_killed_at_any_moment_starts_no_run_twice_and_loses_none() {
    let emulator = Apart::start();
    let unknown: BTreeMap<usize, Vec<usize>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let emulator = &emulator;
                scope.spawn(move || {
                    let rounds = (worker..KILLS).step_by(4);
                    rounds
                        .map(|number| (number, round(emulator, number)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });

    let count = emulator.count();
    for (number, unknown) in &unknown {
        for item in 1..=ITEMS {
            let runs = count
                .get(&message(*number, item))
                .copied()
                .unwrap_or_default();
            if unknown.contains(&item) {
                assert!(runs <= 1, "round {number} item {item}: {runs}");
            } else {
                assert_eq!(runs, 1, "round {number} item {item}");
            }
        }
    }
    let unknown: usize = unknown.values().map(Vec::len).sum();
    eprintln!(
        "{unknown} of {} items unknown after {KILLS} kills",
        KILLS * ITEMS
    );
}
