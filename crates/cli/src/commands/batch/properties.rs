//! What must hold for the files that a batch reads, whatever is in them: one function a kind of
//! file, which panics if it does not.
//!
//! Compiled for the tests below, which run the same functions on the seeds and on variations of
//! them, and into the targets of `fuzz/`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a property that does not hold panics"
)]

use std::path::Path;

use super::items::{self, Item};
use super::results::record::{ItemEvent, Record, ResultsHead};
use super::results::recovery::{RecoveredRecords, recover_records};

/// Checks the content of a file of items, under each kind of name.
pub(crate) fn batch_file(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let [csv, json_lines] = ["items.csv", "items.jsonl"].map(|file| {
        let file = Path::new(file);
        let read = items::parse_items(file, text);
        assert_eq!(read, items::parse_items(file, text));
        match &read {
            Ok(items) => are_read_back(items),
            Err(problem) => is_in_the_file(file, text, problem),
        }
        read
    });
    // A name that says neither.
    let read = items::parse_items(Path::new("items"), text);
    assert!(read == csv || read == json_lines, "{read:?}");
}

fn are_read_back(items: &[Item]) {
    let lines: Vec<_> = items
        .iter()
        .map(|item| serde_json::to_string(item).unwrap())
        .collect();
    for same in [lines.join("\n"), format!("[{}]", lines.join(",\n"))] {
        let read = items::parse_items(Path::new("items.jsonl"), &same);
        assert_eq!(read.as_deref(), Ok(items));
    }
}

/// The line that a problem names is in the file, and all before it is right.
fn is_in_the_file(file: &Path, text: &str, problem: &str) {
    let line = problem
        .strip_prefix("line ")
        .and_then(|rest| rest.split_once(": "));
    let line: usize = line
        .unwrap_or_else(|| panic!("{problem}"))
        .0
        .parse()
        .unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    assert!((1..=lines.len()).contains(&line), "{problem}");
    // Of CSV, a carriage return alone ends a row in the middle of a line.
    let has_half_lines = text.replace("\r\n", "").contains('\r');
    let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let is_whole_only = start.starts_with('[') || problem.contains("the quote that begins here");
    if line > 1 && !has_half_lines && !is_whole_only {
        let before = items::parse_items(file, &lines[..line - 1].concat());
        assert!(before.is_ok(), "{problem}, but {before:?}");
    }
}

/// Checks the content of a result file.
pub(crate) fn results_file(input: &[u8]) {
    let read = recover_records(input);
    assert_eq!(format!("{read:?}"), format!("{:?}", recover_records(input)));
    let read = match read {
        Ok(read) => read,
        Err(problem) => return is_about_a_line(input, &problem),
    };
    assert_eq!(read.is_cut, input.last().is_some_and(|last| *last != b'\n'));
    assert!(read.unjournaled <= read.records.len());
    // What a batch adds is read, whatever it is added to.
    let added = r#"{"item":1,"event":"starting","request":{"message":"m"}}"#;
    let newline: &[u8] = if read.is_cut { b"\n" } else { b"" };
    let head = "{\"event\":\"batch\",\"key\":\"added\",\"journal\":\"j\"}\n";
    let written = [input, newline, head.as_bytes(), added.as_bytes(), b"\n"].concat();
    let again = recover_records(&written).unwrap();
    let shown: Vec<_> = read
        .records
        .iter()
        .map(|record| format!("{record:?}"))
        .collect();
    let again_shown: Vec<_> = again
        .records
        .iter()
        .map(|record| format!("{record:?}"))
        .collect();
    let (last, before) = again_shown.split_last().unwrap();
    assert_eq!((before, last.contains("Starting")), (&*shown, true));
    let key = |read: &RecoveredRecords| {
        let head = read.head.as_ref();
        head.map(|ResultsHead::Batch { key, .. }| key.clone())
    };
    assert_eq!(key(&again), key(&read).or(Some("added".to_owned())));
    is_read_however_it_is_cut(&read.records);
}

fn is_about_a_line(input: &[u8], problem: &str) {
    if problem == "this file holds no results" {
        return assert!(!input.is_empty());
    }
    let line = problem
        .strip_prefix("line ")
        .and_then(|rest| rest.split_once(' '));
    let line: usize = line
        .unwrap_or_else(|| panic!("{problem}"))
        .0
        .parse()
        .unwrap();
    let lines: Vec<_> = input.split_inclusive(|byte| *byte == b'\n').collect();
    assert!((1..=lines.len()).contains(&line), "{problem}");
    let is_fine = match recover_records(&lines[..line - 1].concat()) {
        Ok(before) => !before.is_cut,
        // What a text as a whole lacks, the lines that follow might have.
        Err(before) => {
            before == "this file holds no results" || before.contains("may have named the batch")
        }
    };
    assert!(is_fine, "{problem}");
}

/// Writes records as a batch does. Wherever what is written ends, it is read as those that are
/// whole, and as the start of a run whose id is in the one that is not; a file that only begins
/// with a part of one may be refused.
fn is_read_however_it_is_cut(records: &[Record]) {
    let mut written = String::new();
    for record in records {
        let line = serde_json::to_string(record).unwrap();
        assert!(!line.contains('\n'));
        written.extend([line.as_str(), "\n"]);
    }
    let shown: Vec<_> = records.iter().map(|record| format!("{record:?}")).collect();
    // Every cut of a short one, some of a long one.
    let step = 1 + written.len() / 100;
    let cuts = (0..written.len()).step_by(step).chain([written.len()]);
    for cut in cuts {
        let (cut, rest) = written.as_bytes().split_at(cut);
        let is_whole = rest.starts_with(b"\n");
        let count = cut.iter().filter(|byte| **byte == b'\n').count() + usize::from(is_whole);
        for zeros in [&b""[..], &[0; 7]] {
            let content = [cut, zeros].concat();
            let Ok(read) = recover_records(&content) else {
                assert!(count == 0 && !content.is_empty());
                continue;
            };
            let read = read.records.iter();
            let read: Vec<_> = read.map(|record| format!("{record:?}")).collect();
            let (whole, started) = read.split_at(count);
            assert_eq!(whole, &shown[..count]);
            let part = cut.iter().rposition(|byte| *byte == b'\n');
            let part = &cut[part.map_or(0, |end| end + 1)..];
            is_said(records.get(count), part, &shown[..count], started);
        }
    }
}

/// The id of a run in a part of a record, by which that run has started, unless another record
/// says it.
fn is_said(record: Option<&Record>, part: &[u8], before: &[String], started: &[String]) {
    let id = record.and_then(|record| match &record.what {
        ItemEvent::Started { session_id } => Some(session_id),
        ItemEvent::Ended { run, .. } => Some(&run.session_id),
        ItemEvent::Failed { error, .. } | ItemEvent::Unknown { error } => error.session_id.as_ref(),
        ItemEvent::Starting { .. } => None,
    });
    let (Some(record), Some(id)) = (record, id) else {
        return assert_eq!(started, [""; 0]);
    };
    let key = format!("\"agentSessionId\":{}", serde_json::to_string(id).unwrap());
    let is_in_part = part.windows(key.len()).any(|one| one == key.as_bytes());
    let what = ItemEvent::Started {
        session_id: id.clone(),
    };
    let run = Record {
        item: record.item,
        what,
    };
    let shown = format!("{id:?}");
    match started {
        [] => assert!(!is_in_part || before.iter().any(|one| one.contains(&shown))),
        [one] => assert!(is_in_part && *one == format!("{run:?}")),
        _ => panic!("{started:?}"),
    }
}

#[cfg(test)]
#[path = "../../../../../src/fuzzing/variations.rs"]
mod variations;

#[cfg(test)]
mod tests {
    use super::variations::hold;
    use super::*;

    #[test]
    fn whatever_a_batch_file_holds_it_is_read_or_refused_with_a_line() {
        hold("batch_file", 1_000, batch_file);
    }

    #[test]
    fn whatever_a_result_file_holds_no_record_is_misread() {
        hold("results_file", 100, results_file);
    }
}
