//! Shows that few syncs keep the results of a batch, and that what is lost of them starts nothing again: the
//! journal knows it.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dinoai::journal::{MemoryJournal, Restart};
use dinoai::{Client, Credentials};
use dinoai_emulator::{Emulator, Scenario, Stage};

use super::history::Histories;
use super::items::Item;
use super::keys::Keys;
use super::plan::{PriorState, Retry, Start, Task};
use super::prepare::ReadyBatch;
use super::results::recovery::recover_records;
use super::results::results_writer::ResultsWriter;
use super::results::writer_thread::Sink;
use super::{Context, carry_out};
use crate::args::{Format, OutputFormat, PollArgs};
use crate::interrupt::Listener;
use crate::journal::Ledger;
use crate::output::Output;
use crate::report::ExitStatus;

/// A disk that loses its power, perhaps.
#[derive(Clone)]
struct Disk(Arc<Mutex<State>>);

struct State {
    written: Vec<u8>,
    syncs: usize,
    /// How many syncs succeed.
    powered: usize,
}

impl Disk {
    fn powered(powered: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            written: vec![],
            syncs: 0,
            powered,
        })))
    }

    fn syncs(&self) -> usize {
        self.0.lock().unwrap().syncs
    }

    fn written(&self) -> Vec<u8> {
        self.0.lock().unwrap().written.clone()
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
        Ok(())
    }
}

fn item(number: usize) -> Item {
    Item {
        message: Some(format!("item {number}")),
        ..Item::default()
    }
}

fn keys() -> Keys {
    Keys::OfResults("batch/1".to_owned())
}

fn start(number: usize) -> Start {
    Start {
        key: format!("batch/1/{number}"),
        restart: Restart::Never,
        before: None,
        resolved: None,
    }
}

/// Runs a batch over a journal and these disks of a results file and of standard output.
async fn run(
    items: usize,
    concurrency: usize,
    journal: &MemoryJournal,
    [file, stdout]: [&Disk; 2],
) -> (Emulator, ExitStatus) {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING").reads(1))
        .stage(Stage::new("COMPLETED"));
    let emulator = Emulator::builder().default_scenario(scenario);
    let emulator = emulator.start().await.unwrap();
    let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
    let client = Client::new(emulator.endpoint(), credentials).unwrap();
    let output = Output::plain(OutputFormat::Jsonl);
    let (file, stdout) = (file.clone(), stdout.clone());
    let tasks = (1..=items).map(|number| Task::Start(item(number), PriorState::New, start(number)));
    let ready = ReadyBatch {
        tasks: tasks.collect(),
        ledger: Ledger::over(journal.clone()),
        results: ResultsWriter::over(Some(file), Some(stdout), true, Format::Jsonl).unwrap(),
        poll: PollArgs {
            timeout: Duration::from_secs(60),
            poll_interval: Some(Duration::from_millis(20)),
        },
        concurrency,
        file: None,
        resume: None,
    };
    let mut interrupts = Listener::start(&output).unwrap();
    let context = Context {
        client: &client,
        output: &output,
        interrupts: &mut interrupts,
        is_emulated: true,
    };
    let exit = carry_out(context, ready).await;
    (emulator, exit)
}

#[tokio::test]
async fn few_syncs_keep_the_results_of_many_items() {
    for (items, concurrency) in [(200, 100), (20, 1)] {
        let disks = [Disk::powered(usize::MAX), Disk::powered(usize::MAX)];
        let journal = MemoryJournal::new();
        let (emulator, exit) = run(items, concurrency, &journal, [&disks[0], &disks[1]]).await;
        assert_eq!((exit, emulator.runs().len()), (ExitStatus::Done, items));
        let [of_file, of_stdout] = disks.map(|disk| disk.syncs());
        // One a second, and one at the end.
        assert!(of_file <= 20, "{of_file}");
        // It has nothing that the file has not.
        assert_eq!(of_stdout, 1);
    }
}

#[tokio::test]
async fn results_that_no_disk_keeps_end_the_batch() {
    let (broken, whole) = (Disk::powered(0), Disk::powered(usize::MAX));
    let (_emulator, exit) = run(4, 1, &MemoryJournal::new(), [&broken, &whole]).await;
    assert_eq!(exit, ExitStatus::Unavailable);
}

#[tokio::test]
async fn results_that_are_lost_start_nothing_again() {
    const ITEMS: usize = 4;
    let disk = Disk::powered(usize::MAX);
    let journal = MemoryJournal::new();
    let whole = Disk::powered(usize::MAX);
    let (emulator, exit) = run(ITEMS, 2, &journal, [&disk, &whole]).await;
    assert_eq!((exit, emulator.runs().len()), (ExitStatus::Done, ITEMS));
    let head = "{\"event\":\"batch\",\"key\":\"batch/1\",\"journal\":\"memory\"}\n";
    let written = [head.as_bytes(), &disk.written()].concat();
    let items: Vec<_> = (1..=ITEMS).map(item).collect();
    for length in (head.len()..=written.len()).rev() {
        let recovered = recover_records(&written[..length]).unwrap();
        let mut histories = Histories::from_records(recovered.records, recovered.unjournaled);
        let last_started = histories.last_started(&items);
        let known = keys().look_up(last_started, &journal).await.unwrap();
        histories.learn(&known, &items);
        let retry = Retry::default();
        let tasks = histories.plan(items.clone(), &retry, &keys(), &known);
        for task in tasks.unwrap() {
            let has_ended = matches!(task, Task::Leave(PriorState::Ended(..)) | Task::Read(..));
            assert!(has_ended, "{length}");
        }
    }
}
