//! Parts of a run as text: its head, its messages, and its steps, one a line.

use dinoai::{Run, StartupStep, Step};
use serde_json::Value;

use crate::output::Output;
use crate::sanitize::one_line;

/// What is known of a run beside its messages.
pub(crate) fn head(run: &Run, output: &Output) {
    let mut head = vec![
        ("session  ", run.session_id.as_str()),
        ("status   ", run.status.as_str()),
        ("workspace", &run.workspace_uid),
    ];
    let children = run.child_session_ids.iter();
    head.extend(children.map(|child| ("started  ", child.as_str())));
    let lines = head
        .iter()
        .map(|(name, value)| format!("{name}  {}", one_line(value)));
    output.aside(&lines.collect::<Vec<_>>().join("\n"));
}

/// The whole conversation.
pub(crate) fn transcript(run: &Run, output: &Output) {
    for message in &run.messages {
        if message.is_from_user() {
            output.aside(&as_quotation(&message.content));
        } else {
            output.markdown(&message.content);
        }
    }
}

/// What the user wrote, in a transcript.
pub(super) fn as_quotation(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| format!("> {line}")).collect();
    lines.join("\n")
}

/// Deliveries and bookkeeping: what they do shows as a message, or is not work.
const HIDDEN: [&str; 3] = ["send_api_message", "post_slack_message", "todo_read"];

/// How many characters of a tool's input are shown.
const LONGEST: usize = 90;

/// How many characters of a tool's input are asked for.
pub(crate) const INPUT_LENGTH: u32 = 300;

/// Which tool was used, and on what, if a tool has done some work.
pub(crate) fn tool_line(step: &Step) -> Option<String> {
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

/// What the tool was used on: the first text of its input, or the input itself, if it was cut
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

/// A step of a run's start, and whether it is done, on one line.
pub(crate) fn startup_line(step: &StartupStep) -> String {
    let word = match step.done {
        true => "ready",
        false => "preparing",
    };
    one_line(&format!("{word}: {}", step.label))
}
