//! [`recover_records`]: the records of earlier batches, read from their results file. Lines of it may be cut
//! off.

use dinoai::SessionId;
use serde::de::IgnoredAny;

use super::super::items::without_line;
use super::record::{ItemEvent, Record, ResultsHead};

/// What a results file says.
#[derive(Debug, Default)]
pub(crate) struct RecoveredRecords {
    /// Under which key its batch is in which journal; an old file does not say it.
    pub(crate) head: Option<ResultsHead>,
    pub(crate) records: Vec<Record>,
    /// How many of them are from before the journal knew the batch.
    pub(crate) unjournaled: usize,
    /// Whether its last line lacks a newline.
    pub(crate) is_cut: bool,
}

/// Reads the records, or says what is wrong in which line: such a file is left as it is.
///
/// A line that was cut off is left out: a process was killed, or the machine lost its power. But a session
/// id in it that nothing else says is the id of a run, which counts as started.
pub(crate) fn recover_records(bytes: &[u8]) -> Result<RecoveredRecords, String> {
    let mut recovered = RecoveredRecords {
        is_cut: bytes.last().is_some_and(|last| *last != b'\n'),
        ..RecoveredRecords::default()
    };
    let mut is_of_results = bytes.is_empty();
    let mut damaged = None;
    // Each with its place among the records.
    let mut started = vec![];
    for (place, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        // A loss of power leaves zeros.
        let zeros = line.iter().rev().take_while(|byte| **byte == 0).count();
        let line = &line[..line.len() - zeros];
        if line.is_empty() && zeros == 0 {
            continue;
        }
        let is_first = recovered.records.is_empty() && recovered.head.is_none();
        let error = match serde_json::from_slice(line) {
            Ok(record) => {
                is_of_results = true;
                recovered.records.push(record);
                continue;
            }
            Err(error) => error,
        };
        if let Ok(head) = serde_json::from_slice(line) {
            is_of_results = true;
            if recovered.head.is_none() {
                recovered.head = Some(head);
                recovered.unjournaled = recovered.records.len();
            }
            continue;
        }
        if is_first {
            damaged.get_or_insert(place + 1);
        }
        match cut_of(line) {
            _ if line.is_empty() => {}
            Cut::AfterItsHead(item) => {
                is_of_results = true;
                let record = started_in(line, item);
                let is_old = recovered.head.is_none();
                started.extend(record.map(|record| (recovered.records.len(), is_old, record)));
            }
            Cut::InItsHead => {}
            Cut::No => {
                let problem = without_line(&error);
                return Err(format!(
                    "line {} is not a batch record: {problem}",
                    place + 1
                ));
            }
        }
    }
    if recovered.head.is_none() {
        recovered.unjournaled = recovered.records.len();
    }
    if let (Some(line), None, false) = (damaged, &recovered.head, recovered.records.is_empty()) {
        return Err(format!(
            "line {line} is damaged, and may have named the batch: write it again, with the key that dinoai runs has"
        ));
    }
    if !is_of_results {
        return Err("this file holds no results".to_owned());
    }
    for (place, is_old, (item, session_id)) in started.into_iter().rev() {
        let says = |record: &Record| record.item == item && record.says(&session_id);
        if !recovered.records.iter().any(says) {
            let what = ItemEvent::Started { session_id };
            recovered.records.insert(place, Record { item, what });
            recovered.unjournaled += usize::from(is_old);
        }
    }
    Ok(recovered)
}

/// The id of a run in a record of an item that was cut off behind it.
fn started_in(cut: &[u8], item: usize) -> Option<(usize, SessionId)> {
    const KEY: &[u8] = b"\"agentSessionId\":";
    let place = cut.windows(KEY.len()).position(|window| window == KEY)?;
    let rest = cut.get(place + KEY.len()..)?;
    let mut values = serde_json::Deserializer::from_slice(rest).into_iter();
    Some((item, values.next()?.ok()?))
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
    let ends_early = |text| {
        let value = serde_json::from_slice::<IgnoredAny>(text);
        value.is_err_and(|error| error.is_eof())
    };
    match after(line, "{\"event\":\"batch\",\"key\":") {
        Ok(_) if ends_early(line) => return Cut::InItsHead,
        Err(Cut::InItsHead) => return Cut::InItsHead,
        _ => {}
    }
    // A number that is cut in half is a syntax error to serde, not an early end.
    let is_of_a_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let number = line.iter().rev().take_while(|byte| is_of_a_number(byte));
    let before = &line[..line.len() - number.count()];
    match after_its_head(line) {
        Err(cut) => cut,
        Ok(item) if ends_early(before) => Cut::AfterItsHead(item),
        Ok(_) => Cut::No,
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

    const HEAD: &str = r#"{"event":"batch","key":"batch/1","journal":"j"}"#;

    fn key(read: &RecoveredRecords) -> Option<&str> {
        let ResultsHead::Batch { key, .. } = read.head.as_ref()?;
        Some(key)
    }

    const STARTED: &str = r#"{"item":1,"event":"started","agentSessionId":"a"}"#;

    const ENDED: &str = "{\"item\":1,\"event\":\"ended\",\"run\":{\"agentSessionId\":\"a\",\
        \"status\":\"COMPLETED\",\"messages\":[{\"ts\":-1.5e-300,\"role\":\"user\",\
        \"content\":\"\u{e9}\\u00e9\\n\"}],\"childSessionIds\":[],\"workspaceUid\":\"w\"}}";

    #[test]
    fn a_record_that_was_cut_off_is_left_out_and_a_whole_one_counts() {
        for zeros in [0, 100] {
            for length in 0..=ENDED.len() {
                for more in [
                    "",
                    "\n",
                    "\n\n{\"item\":1,\"event\":\"starting\",\"request\":{}}\n",
                ] {
                    let mut content = format!("{HEAD}\n{STARTED}\n").into_bytes();
                    content.extend(&ENDED.as_bytes()[..length]);
                    content.extend(vec![0; zeros]);
                    content.extend(more.as_bytes());
                    let read = recover_records(&content).unwrap();
                    let is_whole = length == ENDED.len();
                    let others = 1 + usize::from(more.len() > 2);
                    assert_eq!(read.records.len(), others + usize::from(is_whole));
                    assert_eq!(key(&read), Some("batch/1"));
                    assert_eq!(read.is_cut, more.is_empty() && length + zeros > 0);
                }
            }
        }
    }

    #[test]
    fn an_id_in_a_record_that_was_cut_off_counts_where_nothing_else_says_it() {
        let other = STARTED.replace("\"a\"", "\"b\"");
        for (others, counts) in [("", true), (&other, true), (STARTED, false)] {
            for cut in [STARTED, ENDED] {
                let id = cut.find("\"a\"").unwrap() + 3;
                for length in 0..cut.len() {
                    let (cut, others) = (&cut.as_bytes()[..length], others.as_bytes());
                    for content in [
                        [others, b"\n", cut].concat(),
                        [HEAD.as_bytes(), b"\n", cut, b"\n", others].concat(),
                    ] {
                        let Ok(read) = recover_records(&content) else {
                            assert!(others.is_empty() && length < 28);
                            continue;
                        };
                        let is_there = counts && length >= id;
                        let expected = usize::from(!others.is_empty()) + usize::from(is_there);
                        assert_eq!(read.records.len(), expected, "{}", content.escape_ascii());
                    }
                }
            }
        }
    }

    #[test]
    fn of_two_heads_the_first_counts_and_one_that_was_cut_off_is_none() {
        let other = HEAD.replace("/1", "/2");
        for (content, expected) in [
            (format!("{HEAD}\n{other}\n"), Some("batch/1")),
            (format!("{STARTED}\n{other}\n{HEAD}\n"), Some("batch/2")),
            (format!("{STARTED}\n{}", &HEAD[..20]), None),
            (format!("{}\n{HEAD}\n", &HEAD[..12]), Some("batch/1")),
        ] {
            let read = recover_records(content.as_bytes()).unwrap();
            assert_eq!(key(&read), expected, "{content}");
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
            b"{\"event\":\"batch\"}",
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
