//! [`Narration`]: a run's events as they are shown while it goes on.

use dinoai::{Event, Message, RunStatus, StartupStep, Step};

use crate::failure::Failure;
use crate::options::Format;
use crate::output::Output;
use crate::tool_step;

/// Shows the events of one run, and keeps what belongs to its result.
pub(crate) struct Narration<'a> {
    output: &'a Output,
    audience: Audience,
    /// What the agent wrote last; agents sometimes say the same twice in a row.
    last_text: Option<String>,
    pub(crate) messages: Vec<Message>,
    pub(crate) steps: Vec<Step>,
    pub(crate) startup_steps: Vec<StartupStep>,
}

/// Who follows the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Who has just written the message, and need not read it again.
    Author,
    /// Somebody who sees the conversation for the first time.
    Visitor,
}

impl<'a> Narration<'a> {
    pub(crate) fn new(output: &'a Output, audience: Audience) -> Self {
        Self {
            output,
            audience,
            last_text: None,
            messages: vec![],
            steps: vec![],
            startup_steps: vec![],
        }
    }

    pub(crate) fn tell(&mut self, event: &Event) -> Result<(), Failure> {
        match event {
            Event::Message(message) => self.messages.push(message.clone()),
            Event::Step(step) => self.steps.push(step.clone()),
            Event::Startup(step) => {
                self.startup_steps.retain(|known| known.label != step.label);
                self.startup_steps.push(step.clone());
            }
            _ => {}
        }
        match self.output.format {
            Format::Json => Ok(()),
            Format::Jsonl => self.output.json(event),
            Format::Text => self.tell_people(event),
        }
    }

    fn tell_people(&mut self, event: &Event) -> Result<(), Failure> {
        match event {
            Event::Status(status) => self.status(status),
            Event::Startup(step) if step.done => {
                self.output.plain_note(&format!("ready: {}", step.label));
            }
            Event::Startup(step) => {
                self.output
                    .plain_note(&format!("preparing: {}", step.label));
                self.output.busy(&format!("QUEUED {}", step.label));
            }
            Event::Step(step) => {
                if let Some(line) = tool_step::line(step) {
                    self.output.note(&format!("  ↳ {line}"));
                }
            }
            Event::Message(message) => return self.message(message),
            Event::Child(id) => self.output.note(&format!("started the run {id}")),
            _ => {}
        }
        Ok(())
    }

    fn status(&self, status: &RunStatus) {
        if !status.is_terminal() {
            self.output.busy(status.as_str());
        }
        self.output.plain_note(&format!("status {status}"));
    }

    fn message(&mut self, message: &Message) -> Result<(), Failure> {
        if message.is_from_user() {
            self.last_text = None;
            return match self.audience {
                Audience::Author => Ok(()),
                Audience::Visitor => self.output.aside(&quoted(&message.content)),
            };
        }
        if self.last_text.as_ref() == Some(&message.content) {
            return Ok(());
        }
        self.last_text = Some(message.content.clone());
        self.output.markdown(&message.content)
    }
}

/// What the user wrote, in a transcript.
pub(crate) fn quoted(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| format!("> {line}")).collect();
    lines.join("\n")
}
