//! The records of an earlier batch, from what is in its result file.

use super::record::{Record, without_line};

/// What is in a result file.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) records: Vec<Record>,
    /// How much of the file they are; the rest is a last line that was cut off.
    pub(super) length: usize,
}

/// How every record begins.
const START: &[u8] = b"{\"item\":";

/// Whether a last line can be one that a batch began to write, so that it may be taken away: a
/// file that was named by mistake is nobody's to cut. A loss of power leaves zeros.
fn is_cut_record(line: &[u8]) -> bool {
    let zeros = line.iter().rev().take_while(|byte| **byte == 0).count();
    let written = &line[..line.len() - zeros];
    written.starts_with(START) || START.starts_with(written)
}

/// Reads the records, or says what is wrong in which line. A last line that was cut off by a kill
/// is left out: what it would have told has not gone on.
pub(super) fn parse(bytes: &[u8]) -> Result<Records, String> {
    let length = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let (whole, rest) = bytes.split_at(length);
    let text = std::str::from_utf8(whole).map_err(|_| "is no text file".to_owned())?;
    let mut records = vec![];
    for (place, line) in text.lines().enumerate() {
        let record = serde_json::from_str(line).map_err(|error| {
            let problem = without_line(&error);
            format!("line {} is no record of a batch: {problem}", place + 1)
        })?;
        records.push(record);
    }
    if !is_cut_record(rest) {
        return Err(format!(
            "line {} is no record of a batch, nor the beginning of one",
            records.len() + 1
        ));
    }
    Ok(Records { records, length })
}
