//! [`Instruction`]: asks the agent for JSON that matches a schema.

use crate::model::TriggerRun;

/// What is put behind a message, if there is a schema: how the answer has to end.
pub(super) struct Instruction<'a> {
    pub(super) label: &'a str,
    /// The JSON Schema of the type, if it is put behind each message.
    pub(super) schema: &'a Option<String>,
}

impl Instruction<'_> {
    pub(super) fn of_run(&self, request: TriggerRun) -> TriggerRun {
        match self.text() {
            Some(text) => {
                let message = match request.text() {
                    Some(message) => format!("{message}\n\n{text}"),
                    None => text,
                };
                request.with_message(message)
            }
            None => request,
        }
    }

    /// A blank message stays blank, and is refused.
    pub(super) fn of_follow_up(&self, message: String) -> String {
        match self.text() {
            Some(text) if !message.trim().is_empty() => format!("{message}\n\n{text}"),
            _ => message,
        }
    }

    fn text(&self) -> Option<String> {
        let schema = self.schema.as_ref()?;
        Some(format!(
            "End your answer with one fenced code block that begins with the line ```{} and holds JSON that \
             matches this JSON Schema:\n\n```json\n{schema}\n```",
            self.label
        ))
    }
}
