//! A batch checks all its items, from whatever source, before it starts any.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;

use dinoai_emulator::Emulator;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::program::{dinoai, run_with_input};
use crate::support::runs::{Folder, batch, wait_until};

/// The same two items in each kind of file.
const INPUTS: [(&str, &str); 6] = [
    (
        "items.jsonl",
        "{\"agent\": \"checker\", \"message\": \"Look, here\\nand there\"}\n\n{\"message\": \"Ad hoc\"}",
    ),
    (
        "items.json",
        "\u{feff}[\n {\"agent\": \"checker\",\n  \"message\": \"Look, here\\nand there\"},\n {\"message\": \"Ad hoc\"}\n]\n",
    ),
    (
        "items.csv",
        "\u{feff}agent , message\r\nchecker,\"Look, here\nand there\"\r\n,Ad hoc\r\n",
    ),
    (
        "csv",
        "\"message\",\"agent\"\n\"Look, here\nand there\",checker\n\nAd hoc,",
    ),
    (
        "lines",
        "{\"agent\": \"checker\", \"message\": \"Look, here\\nand there\"}\r\n{\"agent\": null, \"message\": \"Ad hoc\"}\r\n",
    ),
    (
        "array",
        "[{\"agent\": \"checker\", \"message\": \"Look, here\\nand there\"}, {\"agent\": \" \", \"message\": \"Ad hoc\"}]",
    ),
];

#[test]
fn every_kind_of_input_says_the_same_from_a_file_and_from_standard_input() {
    for (name, content) in INPUTS {
        let folder = Folder::with(name, content);
        for from_file in [true, false] {
            let emulator = Emulator::builder().start_blocking().unwrap();
            let more = ["--concurrency", "1"];
            let done = if from_file {
                batch(&emulator, &folder.path(name), &more)
            } else {
                let arguments = ["batch", "-", "--poll-interval", "5ms", more[0], more[1]];
                run_with_input(dinoai(&emulator), &arguments, content)
            };
            assert_eq!(done.code(), 0, "{name}: {}", done.stderr);
            let runs = emulator.runs().into_iter();
            let runs: Vec<_> = runs.map(|run| (run.agent, run.message.unwrap())).collect();
            let expected = [
                (
                    Some("checker".to_owned()),
                    "Look, here\nand there".to_owned(),
                ),
                (None, "Ad hoc".to_owned()),
            ];
            assert_eq!(runs, expected, "{name}");
        }
    }
}

/// A file that is refused, and what the refusal has to say.
const REFUSED: [(&str, &[u8], &[&str]); 22] = [
    ("empty", b"", &["nothing to do"]),
    ("blank.jsonl", b"\n \n", &["nothing to do"]),
    ("array.json", b"[]", &["nothing to do"]),
    ("header.csv", b"agent,message\n", &["nothing to do"]),
    (
        "marked.csv",
        b"\xef\xbb\xbfagent,message\r\n",
        &["nothing to do"],
    ),
    ("items.jsonl", b"[\"a\",\"b\"]\n", &["line 1", "\"a\""]),
    (
        "items.jsonl",
        b"{\"agent\": \"a\"}\n[\"a\",\"b\"]\n",
        &["line 2", "sequence"],
    ),
    (
        "items.json",
        b"[{\"agent\": \"a\"},\n[\"a\",\"b\"]]\n",
        &["line 2", "sequence"],
    ),
    (
        "items.json",
        b"[{\"agent\": \"a\"},\n\n {\"mesage\": \"b\"}]\n",
        &["line 3", "mesage"],
    ),
    (
        "items.json",
        b"[{\"agent\": \"a\"},\n\n {\"base_branch\": \"b\"}]\n",
        &["line 3", "an agent or a message"],
    ),
    ("items.json", b"[{\"agent\": \"a\"}\n", &["line 1"]),
    ("items.json", b"[{\"agent\": \"a\"}]\nx\n", &["line 2"]),
    (
        "items.csv",
        b"agent;message\na;b\n",
        &["line 1", "semicolons"],
    ),
    (
        "items",
        b"\"agent\";\"message\"\n",
        &["line 1", "semicolons"],
    ),
    (
        "items.csv",
        b"agent,message\na,b\nc,\"open\nd,e\nf,g\n",
        &["line 3", "quote"],
    ),
    (
        "items.csv",
        b"agent,message\na,b\nc,\"open\nd,\"e\"\n",
        &["line 3", "quote"],
    ),
    ("items.csv", b"agent,mesage\n", &["line 1", "`mesage`"]),
    ("items.csv", b"agent,mesage\na,b\n", &["line 1", "`mesage`"]),
    (
        "items.csv",
        b"agent,agent\na,b\n",
        &["line 1", "`agent`", "twice"],
    ),
    (
        "items.csv",
        b"agent,message\na,\"two\nlines\"\n,\n",
        &["line 4", "an agent or a message"],
    ),
    (
        "items.csv",
        b"agent,message\na,\"two\r\nlines\"\r\n\r\nb\r\n",
        &["line 5", "1 field"],
    ),
    (
        "items.csv",
        b"agent,message\na,b\na,M\xfcnchen\n",
        &["line 3", "UTF-8"],
    ),
];

#[test]
fn what_cannot_be_right_is_refused_with_its_line_and_nothing_is_started() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let mut wrong = vec![];
    for (name, content, needles) in REFUSED {
        let folder = Folder::with(name, content);
        let done = batch(&emulator, &folder.path(name), &[]);
        let says_all = needles.iter().all(|needle| done.stderr.contains(needle));
        if done.code() != 2 || !says_all || !done.stderr.contains("nothing was started") {
            let content = content.escape_ascii();
            wrong.push(format!("{name} {content}: {} {}", done.code(), done.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(emulator.runs().len(), 0);
}

#[test]
fn nothing_starts_after_an_interrupt_that_comes_before_the_input_is_complete() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("other", "");
    let fifo = folder.path("items.jsonl");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        let mut child = dinoai(&emulator).arg("batch").arg(&fifo).spawn().unwrap();
        // Opened once the batch reads.
        let mut input = OpenOptions::new().write(true).open(&fifo).unwrap();
        input.write_all(b"{\"message\": \"one\"}\n").unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let mut status = None;
        wait_until("the signal ends it", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        let status = status.unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status:?}");
    }
    assert_eq!(emulator.runs().len(), 0);
}
