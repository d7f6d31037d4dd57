//! A batch that is killed at any moment, and resumed, starts no run twice and loses none.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use serde_json::Value;

use crate::support::program::{Done, dinoai};
use crate::support::runs::{Folder, messages, wait_until};

const KILLS: usize = 200;
const ITEMS: usize = 6;
const WORKERS: usize = 4;
const TRIGGER: &str = "triggerDinoaiAgentRun";

/// When a batch is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// The results file is there, and what is in it may be nothing.
    Opened,
    /// So many items are about to start, and the API holds the last one's trigger: before it
    /// carries it out, or after.
    Intent(usize),
    HeldBefore(usize),
    HeldAfter(usize),
    /// So many items have started.
    Started(usize),
    /// So many items have ended.
    Ended(usize),
}

impl Moment {
    /// Another one for each round, in a fixed order.
    fn of(round: usize) -> Self {
        let item = 1 + round / 8 % ITEMS;
        match round % 8 {
            0 => Self::Opened,
            1 => Self::Intent(item),
            2 | 3 => Self::HeldBefore(item),
            4 | 5 => Self::HeldAfter(item),
            // The last item's trigger is held, so that the batch does not end before.
            6 => Self::Started(item.min(ITEMS - 1)),
            _ => Self::Ended(item.min(ITEMS - 1)),
        }
    }

    /// What the API does until then.
    fn plan(self, emulator: &Emulator) {
        let held = Fault::delay(Duration::from_secs(120)).on(TRIGGER).always();
        let (item, held) = match self {
            Self::HeldBefore(item) => (item, held),
            Self::HeldAfter(item) => (item, held.after_execution()),
            Self::Opened | Self::Intent(_) | Self::Started(_) | Self::Ended(_) => {
                (ITEMS, held.after_execution())
            }
        };
        if item > 1 {
            emulator
                .add_fault(Fault::pass().on(TRIGGER).times(item as u64 - 1))
                .unwrap();
        }
        emulator.add_fault(held).unwrap();
    }

    fn has_come(self, folder: &Folder, emulator: &Emulator) -> bool {
        let Ok(results) = fs::read_to_string(folder.path("results")) else {
            return false;
        };
        let count = |event: &str| results.matches(&format!("\"event\":\"{event}\"")).count();
        match self {
            Self::Opened => true,
            Self::Intent(item) => count("starting") >= item,
            Self::HeldBefore(item) => {
                let requests = emulator.requests().into_iter();
                let triggers = requests.filter(|request| request.query.contains(TRIGGER));
                triggers.count() >= item
            }
            Self::HeldAfter(item) => emulator.runs().len() >= item,
            Self::Started(item) => count("started") >= item,
            Self::Ended(item) => count("ended") >= item,
        }
    }
}

/// What came of a round.
struct Round {
    moment: Moment,
    /// The items that were claimed when the batch was killed, and whose id was not known; else, as long as the
    /// journal does not know the batch, those that were about to be.
    between: Vec<usize>,
    /// The items that the resumed batch reports as unknown.
    unknown: Vec<usize>,
}

fn message(item: usize) -> String {
    format!("item {item}")
}

fn batch(emulator: &Emulator, folder: &Folder, round: usize) -> Child {
    let concurrency = 1 + round % 3;
    let mut command: Command = dinoai(emulator);
    command
        .args(["batch", &folder.name("items.jsonl")])
        .args([
            "--resume",
            &folder.name("results"),
            "--poll-interval",
            "5ms",
        ])
        .args(["--concurrency", &concurrency.to_string()])
        .args(["--journal", &folder.name("journal")]);
    command.spawn().unwrap()
}

/// The last event of each item. A last line that was cut off is none.
fn last_events(folder: &Folder) -> BTreeMap<usize, String> {
    let results = folder.read("results");
    let records = results.lines().filter_map(|line| {
        let record: Value = serde_json::from_str(line).ok()?;
        let item = usize::try_from(record["item"].as_u64()?).ok()?;
        Some((item, record["event"].as_str()?.to_owned()))
    });
    records.collect()
}

/// The state of each item's key in the journal.
fn states(folder: &Folder) -> BTreeMap<usize, String> {
    let results = folder.read("results");
    let head: Value = match results.split_once('\n') {
        Some((head, _)) => serde_json::from_str(head).unwrap(),
        None => return BTreeMap::new(),
    };
    let batch = head["key"].as_str().unwrap();
    let journal = fs::read_to_string(folder.path("journal")).unwrap_or_default();
    let lines = journal.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let of = line["key"].as_str()?.strip_prefix(batch)?.to_owned();
        let item = of.split('/').nth(1)?.parse().ok()?;
        Some((item, line["state"].as_str()?.to_owned()))
    });
    lines.collect()
}

fn with(event: &str, events: &BTreeMap<usize, String>) -> Vec<usize> {
    let items = events.iter().filter(|(_, last)| *last == event);
    items.map(|(item, _)| *item).collect()
}

/// Starts a batch, kills it at the moment of this round, resumes it, and looks at all that is
/// left: no run twice, none lost.
fn round(round: usize) -> Round {
    let moment = Moment::of(round);
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").reads(3))
        .stage(Stage::new("COMPLETED"));
    let emulator = Emulator::builder()
        .default_scenario(scenario)
        .start_blocking()
        .unwrap();
    moment.plan(&emulator);
    let items = (1..=ITEMS).map(|item| format!("{{\"message\": \"{}\"}}\n", message(item)));
    let folder = Folder::with("items.jsonl", items.collect::<String>());

    let mut child = batch(&emulator, &folder, round);
    wait_until(&format!("{moment:?} comes"), || {
        moment.has_come(&folder, &emulator)
    });
    child.kill().unwrap();
    let killed = Done::of(child);
    assert_eq!(killed.code(), -1, "{moment:?}: {}", killed.shown());
    let states = states(&folder);
    let between = match states.is_empty() {
        true => with("starting", &last_events(&folder)),
        false => with("claimed", &states),
    };
    emulator.clear_faults();

    let done = Done::of(batch(&emulator, &folder, round));
    let events = last_events(&folder);
    let unknown = with("unknown", &events);
    let ended = with("ended", &events);
    assert_eq!(
        unknown.len() + ended.len(),
        ITEMS,
        "{moment:?}: {}",
        done.shown()
    );
    let exit = if unknown.is_empty() { 0 } else { 6 };
    assert_eq!(done.code(), exit, "{moment:?}: {}", done.shown());
    let messages = messages(&emulator);
    for item in 1..=ITEMS {
        let runs = messages.iter().filter(|one| **one == message(item)).count();
        match unknown.contains(&item) {
            true => assert!(runs <= 1, "{moment:?}: item {item} has {runs} runs"),
            false => assert_eq!(runs, 1, "{moment:?}: item {item}"),
        }
    }
    Round {
        moment,
        between,
        unknown,
    }
}

#[test]
fn a_batch_killed_at_any_moment_starts_no_run_twice_and_loses_none() {
    let rounds: Vec<Round> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let numbers = (worker..KILLS).step_by(WORKERS);
                scope.spawn(move || numbers.map(round).collect::<Vec<_>>())
            })
            .collect();
        let results = workers.into_iter().map(|worker| worker.join().unwrap());
        results.flatten().collect()
    });

    assert_eq!(rounds.len(), KILLS);
    let mut between = 0;
    for round in &rounds {
        let Round {
            moment,
            between: items,
            unknown,
        } = round;
        assert_eq!(items, unknown, "{moment:?}");
        between += usize::from(!items.is_empty());
    }
    assert!(
        between * 4 >= KILLS,
        "only {between} of {KILLS} kills came between intent and id"
    );
    eprintln!("{between} of {KILLS} kills came between intent and id");
}
