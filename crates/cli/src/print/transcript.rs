//! A run that was read, printed as text: its head, and its messages.

use dinoai::Run;

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
