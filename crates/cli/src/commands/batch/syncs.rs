//! Shows that few syncs keep the results of a batch, and that a loss of power at any of them leaves
//! what recovery needs.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::{Client, Credentials};
use dinoai_emulator::{Emulator, Scenario, Stage};

use super::items::Item;
use super::plan::{Histories, PriorState, Retry, Task};
use super::prepare::PreparedBatch;
use super::results::journal::Journal;
use super::results::recovery::recover_records;
use super::results::writer::Sink;
use super::{Context, batch};
use crate::args::{Format, PollArgs};
use crate::interrupt::Listener;
use crate::output::Output;
use crate::report::ExitStatus;

/// A disk that loses its power, perhaps.
#[derive(Clone)]
struct Disk(Arc<Mutex<State>>);

struct State {
    written: Vec<u8>,
    kept: Vec<u8>,
    syncs: usize,
    /// How many syncs succeed.
    powered: usize,
}

impl Disk {
    fn powered(powered: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            written: vec![],
            kept: vec![],
            syncs: 0,
            powered,
        })))
    }

    fn syncs(&self) -> usize {
        self.0.lock().unwrap().syncs
    }

    fn kept(&self) -> Vec<u8> {
        self.0.lock().unwrap().kept.clone()
    }
}

impl Sink for Disk {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().written.extend_from_slice(lines);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.syncs >= state.powered {
            return Err(io::Error::other("no power"));
        }
        state.syncs += 1;
        state.kept = state.written.clone();
        Ok(())
    }
}

fn item(number: usize) -> Item {
    Item {
        message: Some(format!("item {number}")),
        ..Item::default()
    }
}

/// Runs a batch over these disks of a results file and of standard output.
async fn run(
    items: usize,
    concurrency: usize,
    [file, stdout]: [&Disk; 2],
) -> (Emulator, ExitStatus) {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").reads(1))
        .stage(Stage::new("COMPLETED"));
    let emulator = Emulator::builder().default_scenario(scenario);
    let emulator = emulator.start().await.unwrap();
    let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
    let client = Client::new(emulator.endpoint(), credentials).unwrap();
    let output = Output::plain(Format::Jsonl);
    let (file, stdout) = (file.clone(), stdout.clone());
    let prepared = PreparedBatch {
        tasks: (1..=items)
            .map(|number| Task::Start(item(number), PriorState::New))
            .collect(),
        journal: Journal::over(Some(file), Some(stdout), true, Format::Jsonl).unwrap(),
        poll: PollArgs {
            timeout: Duration::from_secs(60),
            poll_interval: Some(Duration::from_millis(20)),
        },
        concurrency,
        results: None,
    };
    let mut interrupts = Listener::start(&output).unwrap();
    let context = Context {
        client: &client,
        output: &output,
        interrupts: &mut interrupts,
        is_emulated: true,
    };
    let exit = batch(context, prepared).await.unwrap();
    (emulator, exit)
}

#[tokio::test]
async fn one_sync_keeps_what_many_items_write() {
    let disks = [Disk::powered(usize::MAX), Disk::powered(usize::MAX)];
    let (emulator, exit) = run(200, 100, [&disks[0], &disks[1]]).await;
    assert_eq!((exit, emulator.runs().len()), (ExitStatus::Done, 200));
    let [of_file, of_stdout] = disks.map(|disk| disk.syncs());
    assert!(of_file <= 200, "{of_file}");
    // It has nothing that the file has not.
    assert_eq!(of_stdout, 1);
}

#[tokio::test]
async fn a_sync_before_the_trigger_and_one_after_it_keep_an_item() {
    let disks = [Disk::powered(usize::MAX), Disk::powered(usize::MAX)];
    let (_emulator, exit) = run(20, 1, [&disks[0], &disks[1]]).await;
    assert_eq!(exit, ExitStatus::Done);
    let [of_file, of_stdout] = disks.map(|disk| disk.syncs());
    // One more at the end, and more only if the machine hangs.
    assert!((41..=50).contains(&of_file), "{of_file}");
    assert_eq!(of_stdout, 1);
}

#[tokio::test]
async fn a_loss_of_power_starts_no_run_twice_and_loses_no_intent() {
    const ITEMS: usize = 8;
    let mut unknown = 0;
    for powered in 0..12 {
        let file = Disk::powered(powered);
        let concurrency = 1 + 3 * (powered % 2);
        let (emulator, exit) = run(ITEMS, concurrency, [&file, &Disk::powered(usize::MAX)]).await;
        let runs = emulator.runs();
        let ids: BTreeSet<&str> = runs.iter().map(|run| run.session_id.as_str()).collect();
        let is_whole = exit == ExitStatus::Done;
        assert!(is_whole || exit == ExitStatus::Unavailable, "{exit:?}");
        // What the next batch makes of what the disk has kept.
        let records = recover_records(&file.kept()).unwrap().records;
        let items = (1..=ITEMS).map(item).collect();
        let tasks = Histories::from_records(records)
            .plan(items, &Retry::default())
            .unwrap();
        for (place, task) in tasks.iter().enumerate() {
            let message = item(place + 1).message;
            let started = runs.iter().filter(|run| run.message == message).count();
            match task {
                Task::Start(..) => assert_eq!(started, 0, "{powered}: item {}", place + 1),
                Task::Resume(_, id) => assert!(ids.contains(id.as_str())),
                Task::Leave(PriorState::Unknown { .. }) => unknown += 1,
                Task::Leave(_) => assert_eq!(started, 1, "{powered}: item {}", place + 1),
            }
        }
    }
    assert!(unknown > 0);
}
