//! A run as a test sees it: a [`Run`] of its state.

use std::sync::Arc;

use super::{Message, Run, RunState};

impl RunState {
    /// The run as the emulator reports it.
    pub(crate) fn reported(&self) -> Run {
        let messages = self.messages.iter().map(|message| Message {
            ts: message.ts(),
            role: message.role.to_string(),
            content: message.content.to_string(),
        });
        let texts = |texts: &[Arc<str>]| texts.iter().map(ToString::to_string).collect();
        let record = self.record.clone();
        Run {
            number: record.number,
            session_id: record.session_id.to_string(),
            workspace_uid: record.workspace_uid.to_string(),
            agent: record.agent.map(String::from),
            message: self.message.as_deref().map(str::to_owned),
            slack: record.slack.map(|slack| *slack),
            base_branch: record.base_branch.map(String::from),
            checked_out: record.checked_out.into_owned(),
            model_family: record.model_family.map(String::from),
            follow_ups: texts(&self.follow_ups),
            parent: record.parent.as_deref().map(str::to_owned),
            status: self.status.as_str().to_owned(),
            messages: messages.collect(),
            children: texts(&self.children),
            ended: self.status.is_terminal().then_some(self.status_since),
            stops: record.stops,
            texts_dropped: record.texts_dropped,
        }
    }
}
