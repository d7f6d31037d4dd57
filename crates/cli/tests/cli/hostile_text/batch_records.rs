//! The records of a batch are as harmless: on a terminal, in a log, in the results file.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::judge::{is_harmless_on_a_terminal, is_obeyed_in_a_log};
use super::{FORMATS, assert_has_all_texts, everywhere, hostile, on_a_terminal, texts};
use crate::schema_covers_all_json::assert_is;
use crate::support::program::{Done, dinoai, run};

#[test]
fn a_batch_writes_json_that_is_as_harmless() {
    let emulator = hostile();
    let folder = tempfile::tempdir().unwrap();
    let [items, results] = ["items", "results"].map(|name| folder.path().join(name));
    let item = json!({ "agent": "hostile", "message": texts()[..10].join("\n") });
    fs::write(&items, format!("{item}\n")).unwrap();
    let words = ["batch", items.to_str().unwrap(), "--poll-interval", "5ms"];
    let resume = ["--resume", results.to_str().unwrap(), "--output", "jsonl"];
    let done: Done = run(dinoai(&emulator), &[&words[..], &resume].concat());
    assert_eq!(done.code(), 0, "{:.1000}", done.stderr);
    assert_is("stderr", &done.stderr);
    let kept = fs::read_to_string(&results).unwrap();
    for (of, written) in [("batch.jsonl", done.stdout), ("results.jsonl", kept)] {
        assert_is(of, &written);
        assert!(is_harmless_on_a_terminal(&written));
        assert!(!is_obeyed_in_a_log(&written));
        assert_has_all_texts(&written, "batch");
    }
    // Its own records are read back.
    let again: Command = dinoai(&emulator);
    let done = run(again, &[&words[..], &resume].concat());
    assert_eq!(done.code(), 0, "{:.1000}", done.stderr);
    assert_eq!(emulator.runs().len(), 2, "the run and its child");
}

#[test]
fn a_batch_is_as_harmless_on_a_terminal_and_in_a_log() {
    let emulator = hostile();
    let folder = tempfile::tempdir().unwrap();
    let items = folder.path().join("items");
    let item = json!({ "agent": "hostile", "message": texts()[..10].join("\n") });
    fs::write(&items, format!("{item}\n")).unwrap();
    let words = ["batch", items.to_str().unwrap(), "--poll-interval", "5ms"];
    for format in FORMATS {
        let arguments = [&words[..], &["--output", format]].concat();
        let shown = on_a_terminal(&emulator, &arguments, &[]);
        let [_, logged] = everywhere(&emulator, &arguments);
        for written in [&shown, &logged] {
            assert!(!is_obeyed_in_a_log(written), "{format}");
        }
        match format {
            "text" => assert!(shown.contains("item 1 COMPLETED"), "{shown}"),
            _ => assert_has_all_texts(&shown, format),
        }
        // Standard output comes first.
        let records = logged
            .lines()
            .take_while(|line| line.starts_with("{\"item\""));
        let records: Vec<_> = records.collect();
        assert_has_all_texts(&records.join("\n"), format);
    }
}
