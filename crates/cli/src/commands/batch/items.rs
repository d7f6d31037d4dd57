//! The items of a batch: [`Item`] is a run to start, and [`parse_items`] reads all items from the text of a
//! file, JSON lines ([`parse_lines`]), a JSON array ([`parse_array`]) or CSV with a header
//! ([`parse_csv`]), or says what is wrong in which line.

use std::fmt;
use std::path::Path;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A run to start.
///
/// `remote` makes functions of what is derived, so that the traits can be implemented around
/// them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub(crate) struct Item {
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(crate) slack_channel: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(crate) slack_thread: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(crate) base_branch: Option<String>,
    #[serde(deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub(crate) model_family: Option<String>,
}

/// A blank text is none.
fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Item::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Item {
    /// From an object alone: what is derived also takes a list for the fields in their order.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Item;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object with an agent or a message")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Item, A::Error> {
                Item::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl Item {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.agent.is_none() && self.message.is_none() {
            return Err("an agent or a message is required".to_owned());
        }
        if self.slack_channel.is_some() != self.slack_thread.is_some() {
            return Err(
                "slack_channel needs slack_thread, and slack_thread slack_channel".to_owned(),
            );
        }
        Ok(())
    }
}

/// Reads all items of the text of a file, or says what is wrong in which line.
pub(super) fn parse_items(file: &Path, text: &str) -> Result<Vec<Item>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let start = text.trim_start();
    if start.is_empty() {
        Ok(vec![])
    } else if is_csv(file, start) {
        parse_csv(text)
    } else if start.starts_with('[') {
        parse_array(text)
    } else {
        parse_lines(text)
    }
}

/// By the name, else by how it begins.
fn is_csv(file: &Path, start: &str) -> bool {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => true,
        Some("json" | "jsonl" | "ndjson") => false,
        _ => !start.starts_with(['{', '[']),
    }
}

fn parse_lines(text: &str) -> Result<Vec<Item>, String> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(place, line)| {
            let item: Item = serde_json::from_str(line)
                .map_err(|error| format!("line {}: {}", place + 1, without_line(&error)))?;
            let checked = item.check();
            checked.map_err(|problem| format!("line {}: {problem}", place + 1))?;
            Ok(item)
        })
        .collect()
}

fn parse_array(text: &str) -> Result<Vec<Item>, String> {
    let last_line = text.lines().count();
    let values: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| {
        // What breaks off ends in the line after the last one.
        let line = error.line().min(last_line);
        format!("line {line}: {}", without_place(&error))
    })?;
    let values = values.into_iter().map(|value| {
        let value = value.get();
        let place = value.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let line = line_at(text, place);
        let item: Item = serde_json::from_str(value).map_err(|error| {
            let line = line + error.line().saturating_sub(1);
            format!("line {line}: {}", without_place(&error))
        })?;
        let checked = item.check();
        checked.map_err(|problem| format!("line {line}: {problem}"))?;
        Ok(item)
    });
    values.collect()
}

/// An error in a line of JSON lines, without the line that it is in for the reader of JSON: 1.
pub(crate) fn without_line(error: &serde_json::Error) -> String {
    format!("{} at column {}", without_place(error), error.column())
}

/// An error without the place that it is at for the reader of JSON.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// The line that the byte at this place is in.
fn line_at(text: &str, place: usize) -> usize {
    let before = text.as_bytes().iter().take(place);
    1 + before.filter(|byte| **byte == b'\n').count()
}

/// The columns that a table can have.
const COLUMNS: [&str; 6] = [
    "agent",
    "message",
    "slack_channel",
    "slack_thread",
    "base_branch",
    "model_family",
];

/// Reads all items of a table with a header, or says what is wrong in which line.
fn parse_csv(text: &str) -> Result<Vec<Item>, String> {
    let first = text.lines().find(|line| !line.trim().is_empty());
    if first.is_some_and(|header| header.contains(';') && !header.contains(',')) {
        let line = text
            .lines()
            .take_while(|line| line.trim().is_empty())
            .count()
            + 1;
        return Err(format!(
            "line {line}: the columns are separated by semicolons; use commas"
        ));
    }
    // Before it is read, since the reader takes all that follows such a quote for one field.
    if let Some(place) = broken_quote(text) {
        return Err(format!(
            "line {}: the quote that begins here is not closed before the end of its field; \
             write a quote inside quotes twice",
            line_at(text, place)
        ));
    }
    let wrong = |error: csv::Error| match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let line = line_of(pos.as_ref(), text);
            let (are, s) = if *len == 1 { ("is", "") } else { ("are", "s") };
            format!("line {line}: there {are} {len} field{s}, and {expected_len} in the header")
        }
        _ => format!("line 1: {error}"),
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Headers)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(wrong)?.clone();
    check_header(&header)
        .map_err(|problem| format!("line {}: {problem}", line_of(header.position(), text)))?;
    let mut items = vec![];
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let item = item_of_row(&header, &record);
        item.check()
            .map_err(|problem| format!("line {}: {problem}", line_of(record.position(), text)))?;
        items.push(item);
    }
    Ok(items)
}

fn check_header(header: &csv::StringRecord) -> Result<(), String> {
    for (place, column) in header.iter().enumerate() {
        if !COLUMNS.contains(&column) {
            let columns = COLUMNS.join(", ");
            return Err(format!(
                "unknown column `{column}`; the columns are {columns}"
            ));
        }
        if header.iter().take(place).any(|other| other == column) {
            return Err(format!("the column `{column}` appears twice"));
        }
    }
    Ok(())
}

/// An item from its row. A blank field is none; only in a message do blanks at the ends count.
fn item_of_row(header: &csv::StringRecord, record: &csv::StringRecord) -> Item {
    let mut item = Item::default();
    for (column, field) in header.iter().zip(record) {
        if field.trim().is_empty() {
            continue;
        }
        let (place, field) = match column {
            "agent" => (&mut item.agent, field.trim()),
            "message" => (&mut item.message, field),
            "slack_channel" => (&mut item.slack_channel, field.trim()),
            "slack_thread" => (&mut item.slack_thread, field.trim()),
            "base_branch" => (&mut item.base_branch, field.trim()),
            "model_family" => (&mut item.model_family, field.trim()),
            _ => continue,
        };
        *place = Some(field.to_owned());
    }
    item
}

/// The place of a quote that begins a field and is not closed at its end: by the end of the text,
/// or since something else follows the quote that closes it.
fn broken_quote(text: &str) -> Option<usize> {
    enum Reading {
        FieldStart,
        Unquoted,
        /// In the field whose quote is at this place.
        Quoted(usize),
        /// After a second quote, which closes the field, or is one half of a quote in it.
        Closed(usize),
    }
    let mut reading = Reading::FieldStart;
    for (place, byte) in text.bytes().enumerate() {
        reading = match (reading, byte) {
            (Reading::FieldStart, b'"') => Reading::Quoted(place),
            (Reading::Quoted(start), b'"') => Reading::Closed(start),
            (Reading::Closed(start), b'"') | (Reading::Quoted(start), _) => Reading::Quoted(start),
            (_, b',' | b'\r' | b'\n') => Reading::FieldStart,
            (Reading::Closed(start), _) => return Some(start),
            (Reading::FieldStart | Reading::Unquoted, _) => Reading::Unquoted,
        };
    }
    match reading {
        Reading::Quoted(start) => Some(start),
        _ => None,
    }
}

/// The line that a record begins in. Its position is that of the empty lines before it.
fn line_of(position: Option<&csv::Position>, text: &str) -> usize {
    let start = position.and_then(|position| usize::try_from(position.byte()).ok());
    let start = start.unwrap_or_default().min(text.len());
    let rest = text.as_bytes().iter().skip(start);
    let empty = rest.take_while(|byte| matches!(byte, b'\r' | b'\n'));
    line_at(text, start + empty.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_arrays_say_the_same() {
        let lines = concat!(
            "{\"agent\": \"checker\", \"message\": \"Look, here\"}\n\n",
            "{\"message\": \"Ad hoc\", \"base_branch\": \"dev\"}\n"
        );
        let array = concat!(
            "\u{feff} [{\"agent\": \"checker\", \"message\": \"Look, here\"},\n",
            "{\"message\": \"Ad hoc\",\n\"base_branch\": \"dev\"}]\n"
        );
        let items = parse_items(Path::new("items.jsonl"), lines).unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(parse_items(Path::new("items.json"), array), Ok(items));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (json, problem) in [
            ("{\"agent\": \"a\"}\n{\"mesage\": \"m\"}", "line 2: unknown"),
            ("{}", "line 1: an agent or a message"),
            (
                "{\"agent\": \"a\", \"slack_channel\": \"C\"}",
                "line 1: slack_channel needs slack_thread, and slack_thread slack_channel",
            ),
            (
                "\n{\"agent\": 7}",
                "line 2: invalid type: integer `7`, expected a string at column 11",
            ),
            (
                "{\"agent\": \"a\"}\n[\"a\", \"b\"]",
                "line 2: invalid type: sequence, expected an object with an agent or a message",
            ),
            ("[\n{\"agent\":\n7}]", "line 3: invalid type"),
            (
                "[{\"agent\": \"a\"},\n\"a\"]",
                "line 2: invalid type: string",
            ),
            (
                "[\n{\"agent\": \"a\", \"agent\": \"b\"}]",
                "line 2: duplicate",
            ),
            ("[\n\n{}]", "line 3: an agent or a message"),
            ("[{}\n", "line 1: EOF"),
        ] {
            let refusal = parse_items(Path::new("items"), json).unwrap_err();
            assert!(refusal.starts_with(problem), "{refusal}");
        }
    }

    #[test]
    fn a_row_is_named_by_the_line_that_it_begins_in() {
        let rows = "agent,message\na,\"two\nlines\"\n\n\r\n";
        for (row, problem) in [
            (" ,\n", "line 6: an agent or a message is required"),
            (
                "a,\"m\nm\",x\n",
                "line 6: there are 3 fields, and 2 in the header",
            ),
        ] {
            let refusal = parse_csv(&format!("{rows}{row}a,m\n")).unwrap_err();
            assert_eq!(refusal, problem);
        }
    }

    #[test]
    fn a_header_is_checked_by_name() {
        for (header, problem) in [
            ("\nagent,mesage\n", "line 2: unknown column `mesage`; the"),
            (
                "agent, agent \n",
                "line 1: the column `agent` appears twice",
            ),
            (
                "\n\"agent\";\"message\"",
                "line 2: the columns are separated by semicolons",
            ),
        ] {
            let refusal = parse_csv(header).unwrap_err();
            assert!(refusal.starts_with(problem), "{refusal}");
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_is_refused_where_it_begins() {
        for (rows, line) in [
            ("a,\"m\nb,m\n", 2),
            ("a,m\nb,\"m\nc,\"m\"\n", 3),
            ("a,\"m\"m\n", 2),
            ("a,\"m\" ,\n", 2),
            ("\"two\nlines\",\"\"\"", 3),
        ] {
            let refusal = parse_csv(&format!("agent,message\n{rows}")).unwrap_err();
            assert!(
                refusal.starts_with(&format!("line {line}: the quote")),
                "{refusal}"
            );
        }
        for row in [
            "a,say \"hi\"",
            "\"a\"\"\",\"\"",
            "\"a,\r\n\"\"b\"\"\",",
            "a,6\" or \"7",
        ] {
            assert!(
                parse_csv(&format!("agent,message\r\n{row}\r\n")).is_ok(),
                "{row}"
            );
        }
    }
}
