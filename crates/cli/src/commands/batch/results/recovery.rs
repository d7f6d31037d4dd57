//! [`recover_records`]: the records of an earlier batch, read from its results file, whose last line may
//! be cut off.

use dinoai::SessionId;
use serde::de::IgnoredAny;

use super::super::items::without_line;
use super::record::{ItemEvent, Record};
use crate::sanitize::json;

/// The records of a results file, and what the file needs before more are added.
#[derive(Debug)]
pub(crate) struct RecoveredRecords {
    pub(crate) records: Vec<Record>,
    /// How much of the file they are; the rest is a last line that was cut off.
    pub(crate) length: usize,
    /// What the last one lacks to be a whole line.
    pub(crate) ending: Vec<u8>,
}

/// Reads the records, or says what is wrong in which line: such a file is left as it is.
///
/// A last line that was cut off is left out: nothing was done on the strength of it. But a session id
/// in it that nothing else says is the id of a run, which counts as started.
pub(crate) fn recover_records(bytes: &[u8]) -> Result<RecoveredRecords, String> {
    let length = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let (whole, rest) = bytes.split_at(length);
    let text = std::str::from_utf8(whole).map_err(|_| "is not a text file".to_owned())?;
    let mut records = vec![];
    for (place, line) in text.lines().enumerate() {
        let record = serde_json::from_str(line).map_err(|error| {
            let problem = without_line(&error);
            format!("line {} is not a batch record: {problem}", place + 1)
        })?;
        records.push(record);
    }
    // A loss of power leaves zeros.
    let zeros = rest.iter().rev().take_while(|byte| **byte == 0).count();
    let last = &rest[..rest.len() - zeros];
    if let Ok(record) = serde_json::from_slice(last) {
        records.push(record);
        return Ok(RecoveredRecords {
            records,
            length: length + last.len(),
            ending: b"\n".to_vec(),
        });
    }
    let item = match cut_of(last) {
        Cut::AfterItsHead(item) => Some(item),
        Cut::InItsHead if !records.is_empty() => None,
        Cut::No | Cut::InItsHead if rest.is_empty() => None,
        // Nothing else shows that the file is one of results.
        Cut::No | Cut::InItsHead => {
            return Err(format!(
                "line {} is not a batch record, nor the beginning of one",
                records.len() + 1
            ));
        }
    };
    let started = item.and_then(|item| started_in(last, item, &records));
    let Some(started) = started else {
        return Ok(RecoveredRecords {
            records,
            length,
            ending: vec![],
        });
    };
    let line = json::line(&started).map_err(|error| error.to_string())?;
    let mut line = line.into_bytes();
    line.push(b'\n');
    let same = last
        .iter()
        .zip(&line)
        .take_while(|(one, other)| one == other);
    let same = same.count();
    records.push(started);
    Ok(RecoveredRecords {
        records,
        length: length + same,
        ending: line.split_off(same),
    })
}

/// That a run has started, from a record of an item that was cut off behind the run's id, unless
/// other records say so.
fn started_in(cut: &[u8], item: usize, records: &[Record]) -> Option<Record> {
    const KEY: &[u8] = b"\"agentSessionId\":";
    let place = cut.windows(KEY.len()).position(|window| window == KEY)?;
    let rest = cut.get(place + KEY.len()..)?;
    let mut values = serde_json::Deserializer::from_slice(rest).into_iter();
    let session_id: SessionId = values.next()?.ok()?;
    let is_said = |record: &Record| record.item == item && record.says(&session_id);
    let what = ItemEvent::Started {
        session_id: session_id.clone(),
    };
    (!records.iter().any(is_said)).then_some(Record { item, what })
}

/// Whether, and where, a record was cut off.
#[derive(Debug, PartialEq, Eq)]
enum Cut {
    No,
    InItsHead,
    /// With the item's number.
    AfterItsHead(usize),
}

/// Whether a line is the beginning of a record, and no more: `{"item":1,"event":"started"`, and
/// something that does not end.
fn cut_of(line: &[u8]) -> Cut {
    // A number that is cut in half is a syntax error to serde, not an early end.
    let is_of_a_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let number = line.iter().rev().take_while(|byte| is_of_a_number(byte));
    let before = &line[..line.len() - number.count()];
    match after_its_head(line) {
        Err(cut) => cut,
        Ok(item) => match serde_json::from_slice::<IgnoredAny>(before) {
            Err(error) if error.is_eof() => Cut::AfterItsHead(item),
            _ => Cut::No,
        },
    }
}

fn after_its_head(line: &[u8]) -> Result<usize, Cut> {
    const EVENTS: [&str; 5] = ["starting", "started", "ended", "failed", "unknown"];
    let number = after(line, "{\"item\":")?;
    if number.is_empty() {
        return Err(Cut::InItsHead);
    }
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit());
    let (digits, rest) = number.split_at(digits.count());
    let item = std::str::from_utf8(digits).ok();
    let item = item.and_then(|digits| digits.parse().ok());
    let item = item.ok_or(Cut::No)?;
    let event = after(rest, ",\"event\":\"")?;
    let known = EVENTS.map(|known| after(event, &format!("{known}\"")).map(|_| ()));
    if known.contains(&Ok(())) {
        Ok(item)
    } else if known.contains(&Err(Cut::InItsHead)) {
        Err(Cut::InItsHead)
    } else {
        Err(Cut::No)
    }
}

/// What follows a start in a text; else whether the text ends within that start.
fn after<'a>(text: &'a [u8], start: &str) -> Result<&'a [u8], Cut> {
    match text.strip_prefix(start.as_bytes()) {
        Some(rest) => Ok(rest),
        None if start.as_bytes().starts_with(text) => Err(Cut::InItsHead),
        None => Err(Cut::No),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTED: &str = r#"{"item":1,"event":"started","agentSessionId":"a"}"#;

    const ENDED: &str = "{\"item\":1,\"event\":\"ended\",\"run\":{\"agentSessionId\":\"a\",\
        \"status\":\"COMPLETED\",\"messages\":[{\"ts\":-1.5e-300,\"role\":\"user\",\
        \"content\":\"\u{e9}\\u00e9\\n\"}],\"childSessionIds\":[],\"workspaceUid\":\"w\"}}";

    #[test]
    fn a_record_that_was_cut_off_is_left_out_and_a_whole_one_counts() {
        for zeros in [0, 100] {
            for length in 0..=ENDED.len() {
                let mut content = format!("{STARTED}\n").into_bytes();
                content.extend(&ENDED.as_bytes()[..length]);
                content.extend(vec![0; zeros]);
                let read = recover_records(&content).unwrap();
                let is_whole = length == ENDED.len();
                assert_eq!(read.records.len(), 1 + usize::from(is_whole));
                assert_eq!(read.ending == b"\n", is_whole);
                let kept = if is_whole { length } else { 0 };
                assert_eq!(read.length, STARTED.len() + 1 + kept);
            }
        }
    }

    #[test]
    fn an_id_in_a_record_that_was_cut_off_counts_where_nothing_else_says_it() {
        let other = STARTED.replace("\"a\"", "\"b\"");
        for (before, counts) in [("", true), (&other, true), (STARTED, false)] {
            let before = before.replace('}', "}\n");
            for cut in [STARTED, ENDED] {
                let id = cut.find("\"a\"").unwrap() + 3;
                for length in 0..cut.len() {
                    let content = format!("{before}{cut}").into_bytes();
                    let Ok(read) = recover_records(&content[..before.len() + length]) else {
                        assert!(before.is_empty() && length < 28);
                        continue;
                    };
                    let mut written = content[..read.length].to_vec();
                    written.extend(&read.ending);
                    let is_there = counts && length >= id;
                    let expected = match is_there {
                        true => format!("{before}{STARTED}\n"),
                        false => before.clone(),
                    };
                    assert_eq!(String::from_utf8(written).unwrap(), expected);
                    let lines = expected.lines().count();
                    assert_eq!(read.records.len(), lines);
                }
            }
        }
    }

    #[test]
    fn a_file_that_holds_no_results_is_not_taken_for_one() {
        for content in [
            &b"{\"agent\":\"checker\",\"message\":\"m\"}"[..],
            b"{\"item\":\"milk\"}",
            b"{\"item\":1}",
            b"{\"item\":1,\"event\":\"star",
            b"{\"item\":1,\"event\":\"conference\"",
            b"{\"item\":1,\"event\":\"ended\"}",
            b"{\"item\":1,\"event\":\"ended\"}12",
            b"{",
            b"[1, 2]",
            b"A page of notes",
            b"\x1f\x8b\x08\0",
            b"\0\0\0\0",
            b"\n",
            b"{\"item\":1,\"event\":\"started\",\"agentSessionId\":\"a\"}\nnotes",
            b"{\"item\":1,\"event\":\"started\",\"agentSessionId\":\"a\"}\n{\"item\":2}",
        ] {
            assert!(
                recover_records(content).is_err(),
                "{}",
                content.escape_ascii()
            );
        }
    }
}
