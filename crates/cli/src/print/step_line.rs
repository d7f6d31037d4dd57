//! A step of an agent's work, or of its start, on one line.

use dinoai::{StartupStep, Step};
use serde_json::Value;

use crate::sanitize::one_line;

/// Deliveries and bookkeeping: what they do shows as a message, or is not work.
const HIDDEN: [&str; 3] = ["send_api_message", "post_slack_message", "todo_read"];

/// How many characters of a tool's input are shown.
const LONGEST: usize = 90;

/// How many characters of a tool's input are asked for.
pub(crate) const INPUT_LENGTH: u32 = 300;

/// Which tool was used, and on what, where a tool has done some work.
pub(crate) fn of_tool(step: &Step) -> Option<String> {
    let tool = step.tool_name.as_deref()?;
    if HIDDEN.contains(&tool) {
        return None;
    }
    let tool = one_line(tool);
    Some(match subject(step.tool_input.as_deref()) {
        Some(subject) => format!("{tool}: {subject}"),
        None => tool,
    })
}

/// What the tool was used on: the first text of its input, or the input as it is where it was cut
/// off or is no JSON.
fn subject(input: Option<&str>) -> Option<String> {
    let input = input?;
    let text = match serde_json::from_str(input) {
        Ok(Value::Object(fields)) => fields.values().find_map(Value::as_str)?.to_owned(),
        Ok(Value::String(text)) => text,
        _ => input.to_owned(),
    };
    let text = one_line(&text);
    if text.is_empty() {
        return None;
    }
    if text.chars().count() <= LONGEST {
        return Some(text);
    }
    let start: String = text.chars().take(LONGEST).collect();
    Some(format!("{}…", start.trim_end()))
}

/// A step of a run's start, and how it stands, on one line.
pub(crate) fn of_startup(step: &StartupStep) -> String {
    let word = match step.done {
        true => "ready",
        false => "preparing",
    };
    one_line(&format!("{word}: {}", step.label))
}
