//! A batch harms no file, and claims nothing of a results file that was taken away.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use rustix::process::Signal;

use crate::batch::keeps_results::{TWO, events, starting};
use crate::batch::reports_runs_at_a_signal::signal;
use crate::batch::stops_starting::{ids, items};
use crate::support::program::{Done, dinoai, run};
use crate::support::runs::{Folder, batch, endless, messages, wait_until};

const FAST: [&str; 2] = ["--poll-interval", "5ms"];

fn appended(path: &Path) -> fs::File {
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
}

/// What becomes of a results file behind the batch's back.
fn take_away(folder: &Folder, how: &str) {
    let results = folder.path("results");
    match how {
        "removed" => fs::remove_file(results).unwrap(),
        "renamed" => fs::rename(results, folder.path("other")).unwrap(),
        _ => {
            let copy = fs::read(&results).unwrap();
            fs::write(folder.path("copy"), copy).unwrap();
            fs::rename(folder.path("copy"), results).unwrap();
        }
    }
}

#[test]
fn a_results_file_that_is_taken_away_keeps_nothing_more() {
    for how in ["removed", "renamed", "replaced"] {
        let emulator = endless();
        let folder = Folder::with("items.jsonl", items(4));
        let mut command = dinoai(&emulator);
        command.args(["batch", &folder.name("items.jsonl"), "--concurrency", "2"]);
        command
            .args(FAST)
            .args(["--resume", &folder.name("results")]);
        let child = command.spawn().unwrap();
        wait_until("two have started", || {
            let kept = fs::read_to_string(folder.path("results"));
            kept.is_ok_and(|kept| kept.matches("\"started\"").count() == 2)
        });
        take_away(&folder, how);
        let ids = ids(&emulator);
        for id in &ids {
            assert_eq!(run(dinoai(&emulator), &["stop", id]).code(), 0);
        }
        let done = Done::of(child);
        assert_eq!(done.code(), 5, "{how} {}", done.stderr);
        assert_eq!(emulator.runs().len(), 2, "{how}");
        for id in &ids {
            let known = format!("session {id} STOPPED");
            assert!(done.stderr.contains(&known), "{how} {}", done.stderr);
        }
        assert!(done.stderr.contains("removed, renamed"), "{}", done.stderr);
        let last = done.stderr.lines().last().unwrap();
        assert_eq!(last, "4 items: 2 failed, 2 not started");
    }
}

/// The ids that only the file had are listed, too: of what has ended, and of earlier batches.
#[test]
fn after_a_signal_nothing_is_said_to_be_in_a_file_that_is_gone() {
    for how in ["removed", "renamed", "replaced"] {
        let emulator = Emulator::builder()
            .default_scenario(Scenario::new().stage(Stage::new("RUNNING").reads(u64::MAX)))
            .scenario("quick", Scenario::new().stage(Stage::new("COMPLETED")))
            .start_blocking()
            .unwrap();
        let all = "{\"agent\": \"quick\"}\n".to_owned() + &items(2);
        let folder = Folder::with("items.jsonl", &all);
        let arguments = |file: &str| {
            let results = folder.name("results");
            ["batch", file, "--concurrency", "1", "--resume", &results]
                .map(str::to_owned)
                .to_vec()
        };
        fs::write(folder.path("one.jsonl"), "{\"agent\": \"quick\"}\n").unwrap();
        let first = dinoai(&emulator)
            .args(arguments(&folder.name("one.jsonl")))
            .spawn()
            .unwrap();
        assert_eq!(Done::of(first).code(), 0);
        let child = dinoai(&emulator)
            .args(arguments(&folder.name("items.jsonl")))
            .spawn()
            .unwrap();
        wait_until("the second has started", || {
            folder.read("results").matches("\"started\"").count() == 2
        });
        take_away(&folder, how);
        signal(&child, Signal::TERM);
        let done = Done::of(child);
        assert_eq!(done.code(), 143, "{how} {}", done.stderr);
        assert!(!done.stderr.contains("results are in"), "{}", done.stderr);
        assert!(!done.stderr.contains("--resume"), "{}", done.stderr);
        assert_eq!(ids(&emulator).len(), 2);
        for id in ids(&emulator) {
            assert!(done.stderr.contains(&id), "{how} {}", done.stderr);
        }
    }
}

/// Whatever was cut off, the id that can be read in it is not lost.
#[test]
fn a_whole_id_in_a_record_that_was_cut_off_counts() {
    let head = "{\"item\":1,\"event\":\"started\",\"agentSessionId\":";
    for (cut, zeros) in [
        ("{head}\"{id}\"", 0),
        ("{head}\"{id}\"", 100),
        ("{head}\"{id}\",\"and", 0),
        (
            "{\"item\":1,\"event\":\"failed\",\"error\":{\"kind\":\"k\",\"agentSessionId\":\"{id}\"",
            0,
        ),
        (
            "{\"item\":1,\"event\":\"ended\",\"run\":{\"agentSessionId\":\"{id}\",\"status\":\"FAI",
            7,
        ),
    ] {
        let emulator = Emulator::builder().start_blocking().unwrap();
        let folder = Folder::with("items.jsonl", items(1));
        run(dinoai(&emulator), &["run", "-m", "item 1", "--detach"]);
        let id = &emulator.runs()[0].session_id;
        let cut = cut.replace("{head}", head).replace("{id}", id);
        let records = starting(1, "item 1") + &cut + &"\0".repeat(zeros);
        fs::write(folder.path("results"), &records).unwrap();
        let resume = ["--resume", &folder.name("results")];
        let done = batch(&emulator, &folder.path("items.jsonl"), &resume);
        assert_eq!(done.code(), 0, "{cut} {}", done.stderr);
        // Not a byte of it is taken away, and each time it is read alike.
        assert!(folder.read("results").starts_with(&records), "{cut}");
        let again = batch(&emulator, &folder.path("items.jsonl"), &resume);
        assert_eq!((again.code(), events(&again.stdout).len()), (0, 1));
        assert_eq!(messages(&emulator), ["item 1"]);
    }
}

#[test]
fn standard_error_is_never_the_results_file() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    let results = folder.path("results");
    let before = starting(1, "one");
    for both in [false, true] {
        fs::write(&results, &before).unwrap();
        let mut command = dinoai(&emulator);
        command.args(["batch", &folder.name("items.jsonl"), "--retry-unknown"]);
        command
            .args(["--resume", &folder.name("results")])
            .args(FAST);
        if both {
            command.stdout(appended(&results));
        }
        command.stderr(appended(&results));
        let done = Done::of(command.spawn().unwrap());
        let kept = folder.read("results");
        assert_eq!(done.code(), 2, "{kept}");
        // Nothing but the refusal, which has nowhere else to go.
        let refusal = kept.strip_prefix(&before).unwrap();
        assert!(refusal.contains("standard error"), "{refusal}");
        assert_eq!(refusal.lines().count(), 1, "{refusal}");
    }
    assert_eq!(emulator.runs().len(), 0);
}

#[test]
fn nothing_is_written_into_the_items() {
    for stream in ["stdout", "stderr"] {
        for from_stdin in [false, true] {
            for resumes in [false, true] {
                let emulator = Emulator::builder().start_blocking().unwrap();
                let folder = Folder::with("items.jsonl", TWO);
                let items = folder.path("items.jsonl");
                let mut command = dinoai(&emulator);
                command.arg("batch").args(FAST);
                if from_stdin {
                    command.arg("-").stdin(fs::File::open(&items).unwrap());
                } else {
                    command.arg(&items).stdin(Stdio::null());
                }
                if resumes {
                    command.args(["--resume", &folder.name("results")]);
                }
                match stream {
                    "stdout" => command.stdout(appended(&items)),
                    _ => command.stderr(appended(&items)),
                };
                let done = Done::of(command.spawn().unwrap());
                assert_eq!(done.code(), 2, "{stream} {}", done.stderr);
                assert_eq!(emulator.runs().len(), 0);
                let kept = folder.read("items.jsonl");
                let added = kept.strip_prefix(TWO).unwrap();
                let refusal = if stream == "stdout" {
                    assert_eq!(added, "");
                    &done.stderr
                } else {
                    added
                };
                assert!(refusal.contains("into the batch file"), "{refusal}");
                assert!(!folder.path("results").exists());
            }
        }
    }
}

#[test]
fn a_batch_that_is_refused_leaves_no_file_behind() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.jsonl", TWO);
    let items = folder.path("items.jsonl");
    let resume = ["--resume", &folder.name("results")];
    for wrong in [&["--retry-unknown", "9"][..], &["--retry-unknown", "1"]] {
        let done = batch(&emulator, &items, &[&resume[..], wrong].concat());
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(!folder.path("results").exists());
    }
    let nowhere = folder.name("no/folder/results");
    let done = batch(&emulator, &items, &["--resume", &nowhere]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(
        done.stderr.contains("nothing was started"),
        "{}",
        done.stderr
    );
    // A link to a file that is not there yet is made good.
    std::os::unix::fs::symlink("later", folder.path("results")).unwrap();
    let done = batch(&emulator, &items, &resume);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(events(&folder.read("later")).len(), 6);
}

/// A pasted command reads no name as options.
#[test]
fn a_name_that_begins_with_a_hyphen_is_a_name_in_the_command_to_go_on_with() {
    let emulator = endless();
    emulator.add_fault(Fault::pass()).unwrap();
    let folder = Folder::with("-it.jsonl", items(1));
    let mut command = dinoai(&emulator);
    command.current_dir(folder.path("")).args(FAST_BATCH);
    command.args(["--resume=-r.jsonl", "--", "-it.jsonl"]);
    let child = command.spawn().unwrap();
    wait_until("it has started", || {
        let kept = fs::read_to_string(folder.path("-r.jsonl"));
        kept.is_ok_and(|kept| kept.contains("\"started\""))
    });
    signal(&child, Signal::INT);
    let done = Done::of(child);
    assert_eq!(done.code(), 130, "{}", done.stderr);
    let hint = done.hint().strip_prefix("dinoai ").unwrap();
    let id = &ids(&emulator)[0];
    assert_eq!(run(dinoai(&emulator), &["stop", id]).code(), 0);
    let mut again = dinoai(&emulator);
    again.current_dir(folder.path("")).args(hint.split(' '));
    let done = Done::of(again.spawn().unwrap());
    assert_eq!(done.code(), 1, "{hint} {}", done.stderr);
    assert_eq!(emulator.runs().len(), 1);
}

const FAST_BATCH: [&str; 3] = ["batch", FAST[0], FAST[1]];
