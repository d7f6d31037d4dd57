//! Items from JSON lines, or from a JSON array.

use serde_json::value::RawValue;

use super::item::{Item, line_at};

pub(super) fn parse_lines(text: &str) -> Result<Vec<Item>, String> {
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

pub(super) fn parse_array(text: &str) -> Result<Vec<Item>, String> {
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
