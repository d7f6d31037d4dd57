//! What is shown of a run, and in which form: its events as they come, its transcript, its steps, and
//! one document. [`output`](crate::output) writes it.
//!
//! [`EventPrinter`] shows events while the run is in progress ([`EventPrinter::show`]), and its document
//! at the end ([`EventPrinter::finish`]), a [`RunDocument`]. [`own_turn`] says which messages belong to
//! the turn of a follow-up; [`text`] has the parts of a run as text.

mod own_turn;
pub(crate) mod text;

use dinoai::{Accepted, Event, Message, Run, RunStatus, SessionId, StartupStep, Step};
use serde::Serialize;
use serde_json::json;

use crate::args::Format;
use crate::output::Output;
use crate::report::hint;
use own_turn::OwnTurn;
use text::as_quotation;

/// Shows the events of one run, and keeps what belongs to its result.
pub(crate) struct EventPrinter<'a> {
    output: &'a Output,
    audience: Audience,
    /// What the agent wrote last; agents sometimes say the same twice in a row.
    last_text: Option<String>,
    /// After a follow-up alone.
    own_turn: Option<OwnTurn>,
    /// Whether the conversation is not shown as text.
    hides_messages: bool,
    has_events: bool,
    status: Option<RunStatus>,
    children: Vec<SessionId>,
    ended: Option<Run>,
    messages: Vec<Message>,
    /// How many of them are of the turns before.
    turn_begins_at: usize,
    steps: Vec<Step>,
    startup_steps: Vec<StartupStep>,
    steps_missing: Option<String>,
    warning: Option<String>,
}

/// Who follows the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Who has just written the message, and need not read it again.
    Author,
    /// Somebody who sees the conversation for the first time.
    Visitor,
}

impl<'a> EventPrinter<'a> {
    pub(crate) fn new(output: &'a Output, audience: Audience) -> Self {
        Self {
            output,
            audience,
            last_text: None,
            own_turn: None,
            hides_messages: false,
            has_events: false,
            status: None,
            children: vec![],
            ended: None,
            messages: vec![],
            turn_begins_at: 0,
            steps: vec![],
            startup_steps: vec![],
            steps_missing: None,
            warning: None,
        }
    }

    /// Of a follow-up: the messages of its own turn alone.
    pub(crate) fn own_turn_only(mut self) -> Self {
        self.own_turn = Some(OwnTurn::default());
        self
    }

    /// Without what is said, where text is shown: the JSON in the answer is all of the result.
    pub(crate) fn without_messages(mut self) -> Self {
        self.hides_messages = true;
        self
    }

    /// A further turn begins, of the same session, which emits nothing twice.
    pub(crate) fn begin_turn(&mut self) {
        self.own_turn = None;
        self.ended = None;
        self.turn_begins_at = self.messages.len();
    }

    /// How the run stands, as it was shown last.
    pub(crate) fn status(&self) -> Option<&RunStatus> {
        self.status.as_ref()
    }

    /// The run with the messages that were shown of the turn alone.
    pub(crate) fn run_of_turn(&self, run: &Run) -> Run {
        let mut run = run.clone();
        run.messages = self
            .messages
            .get(self.turn_begins_at..)
            .unwrap_or_default()
            .to_vec();
        run
    }

    /// Shows an event. What has been written may not have reached its reader yet.
    pub(crate) fn show(&mut self, event: &Event) {
        self.has_events = true;
        match (event, &mut self.own_turn) {
            (Event::Message(message), Some(turn)) => {
                let known = turn.take(message);
                self.show_messages(known);
            }
            (Event::Ended(run), _) => {
                self.show_rest(&run.session_id, true);
                self.show_now(event);
            }
            _ => self.show_now(event),
        }
    }

    fn show_messages(&mut self, messages: Vec<Message>) {
        for message in messages {
            self.show_now(&Event::Message(message));
        }
    }

    /// Shows what was held back and may be of the turn, and says of the rest that it is not shown.
    fn show_rest(&mut self, id: &SessionId, has_ended: bool) {
        let Some(turn) = &mut self.own_turn else {
            return;
        };
        let rest = turn.rest(has_ended);
        let left_out = turn.left_out();
        self.show_messages(rest);
        if left_out > 0 {
            self.say_left_out(id, left_out);
        }
    }

    fn say_left_out(&self, id: &SessionId, left_out: usize) {
        let s = if left_out == 1 { "" } else { "s" };
        let text = format!("{left_out} message{s} of the previous turn left out");
        let hint = format!("to see the whole conversation: dinoai get {}", hint::id(id));
        match self.output.format {
            Format::Text => self.output.hint(&format!("{text}; {hint}")),
            Format::Json | Format::Jsonl => self.output.json_note(&json!({
                "kind": "left_out",
                "message": text,
                "agentSessionId": id,
                "hint": self.output.hint_for_account(&hint),
            })),
        }
    }

    fn show_now(&mut self, event: &Event) {
        match event {
            Event::Message(message) => self.messages.push(message.clone()),
            Event::Status(status) => self.status = Some(status.clone()),
            Event::Child(id) => self.children.push(id.clone()),
            Event::Ended(run) => self.ended = Some(run.clone()),
            Event::Step(step) => self.steps.push(step.clone()),
            Event::Startup(step) => {
                self.startup_steps.retain(|known| known.label != step.label);
                self.startup_steps.push(step.clone());
            }
            Event::StepsMissing(reason) => self.steps_missing = Some(reason.clone()),
            Event::Started(accepted) => self.warning.clone_from(&accepted.warning),
            _ => {}
        }
        self.wait_on(event);
        match (self.output.format, event) {
            (Format::Text, _) => self.show_as_text(event),
            // The document comes at the end; the session id is needed before.
            (Format::Json, Event::Started(accepted)) => self.output.json_note(accepted),
            (Format::Json, Event::Attached(id)) => {
                self.output.json_note(&json!({ "agentSessionId": id }));
            }
            (Format::Json, _) => {}
            (Format::Jsonl, Event::Ended(run)) => {
                self.output.json(&Event::Ended(self.run_as_shown(run)));
            }
            (Format::Jsonl, _) => self.output.json(event),
        }
        if let Event::StepsMissing(reason) = event {
            let text = format!("no steps are shown: {reason}");
            self.output.warning(&text);
        }
        if let Event::Restarted(before) = event {
            self.output.note(&format!(
                "the run {} ended {}; starting another one",
                before.session_id, before.status
            ));
        }
        if let Event::HistoryChanged(change) = event {
            let text = format!(
                "the API does not list the first {} messages as before: one among them that comes late \
                 may not be shown",
                change.known
            );
            self.output.warning(&text);
        }
        if let Event::Started(Accepted {
            warning: Some(warning),
            ..
        }) = event
        {
            self.output.warning(warning);
        }
    }

    /// Notes what is waited for from now on.
    fn wait_on(&self, event: &Event) {
        match event {
            Event::Started(accepted) | Event::Sent(accepted) => {
                self.output
                    .show_activity_of(&accepted.session_id, "waiting");
            }
            Event::Attached(id) => self.output.show_activity_of(id, "waiting"),
            Event::Status(status) if !status.is_terminal() => {
                self.output.show_status(status.as_str())
            }
            Event::Startup(step) if !step.done => {
                self.output.show_status(&format!("QUEUED {}", step.label));
            }
            _ => {}
        }
    }

    /// Shows the result if it is one document: the run, or what was seen of one that was not
    /// seen to end, if anything was.
    pub(crate) fn finish(&mut self, id: Option<&SessionId>, has_steps: bool) {
        if let (Some(id), None) = (id, &self.ended) {
            self.show_rest(id, false);
        }
        if self.output.format != Format::Json {
            return;
        }
        match (&self.ended, id) {
            (Some(run), _) => self.document(&self.run_as_shown(run), has_steps),
            (None, Some(session_id)) if self.has_events => {
                let seen = UnfinishedRun {
                    session_id,
                    status: self.status.as_ref(),
                    messages: &self.messages,
                    child_session_ids: &self.children,
                };
                self.document(&seen, has_steps);
            }
            (None, _) => {}
        }
    }

    fn document(&self, run: &impl Serialize, has_steps: bool) {
        self.output.json(&RunDocument {
            run,
            steps: has_steps.then_some(&self.steps),
            startup_steps: has_steps.then_some(&self.startup_steps),
            steps_missing: self.steps_missing.as_deref(),
            warning: self.warning.as_deref(),
        });
    }

    /// The run with the messages that were shown: after a follow-up those of its turn, and those
    /// that the API no longer lists.
    pub(crate) fn run_as_shown(&self, run: &Run) -> Run {
        let mut run = run.clone();
        run.messages.clone_from(&self.messages);
        run
    }

    fn show_as_text(&mut self, event: &Event) {
        match event {
            Event::Started(accepted) => {
                self.output
                    .line_note(&format!("session {}", accepted.session_id));
            }
            Event::Attached(id) => self
                .output
                .line_note(&format!("session {id}, started before under this key")),
            Event::Status(status) => self.output.note_unless_live(&format!("status {status}")),
            Event::Startup(step) => self.output.note_unless_live(&text::startup_line(step)),
            Event::Step(step) => {
                if let Some(line) = text::tool_line(step) {
                    self.output.note(&format!("  ↳ {line}"));
                }
            }
            Event::Message(_) if self.hides_messages => {}
            Event::Message(message) => self.message(message),
            Event::Child(id) => self.output.line_note(&format!("started the run {id}")),
            Event::Ended(run) if run.status == RunStatus::Completed && !self.has_answer() => {
                let id = &run.session_id;
                self.output
                    .line_note(&format!("the run {id} completed without an answer"));
            }
            _ => {}
        }
    }

    fn has_answer(&self) -> bool {
        let is_answer =
            |message: &Message| !message.is_from_user() && !message.content.trim().is_empty();
        self.messages.iter().any(is_answer)
    }

    fn message(&mut self, message: &Message) {
        if message.is_from_user() {
            self.last_text = None;
            if self.audience == Audience::Visitor {
                self.output.aside(&as_quotation(&message.content));
            }
        } else if self.last_text.as_ref() != Some(&message.content) {
            self.last_text = Some(message.content.clone());
            self.output.markdown(&message.content);
        }
    }
}

/// A run, or a turn, as one document: what the lines of JSON say one after the other.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunDocument<'a, R> {
    /// A run that was read whole, or [`UnfinishedRun`].
    #[serde(flatten)]
    pub(crate) run: &'a R,
    /// Present if asked for, as are the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<&'a [Step]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) startup_steps: Option<&'a [StartupStep]>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps_missing: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warning: Option<&'a str>,
}

/// What was seen of a run that was not seen to end.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UnfinishedRun<'a> {
    #[serde(rename = "agentSessionId")]
    pub(crate) session_id: &'a SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<&'a RunStatus>,
    pub(crate) messages: &'a [Message],
    pub(crate) child_session_ids: &'a [SessionId],
}
