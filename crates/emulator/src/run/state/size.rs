//! How much memory a run takes, and which of its texts are dropped when that is too much.

use std::mem::{self, size_of};
use std::sync::Arc;

use super::{RunState, TranscriptMessage};
use crate::json;
use crate::run::Run;
use crate::scenario::Stage;

/// What a run takes beside what is counted, about: its ids, and what the allocator adds.
const OVERHEAD: usize = 1_536;

/// The same of a message, or of a stage ahead.
const PIECE_OVERHEAD: usize = 96;

/// How much the texts of one run take that it was sent: 8 MiB. So one run can be read at once.
const MOST_SENT: usize = 8 << 20;

/// Texts that are shorter are not dropped: little would be gained.
const SHORT: usize = 1 << 10;

impl RunState {
    /// About how much memory the run takes. What it has from its scenario is counted only where that
    /// was made for this run alone.
    pub(crate) fn bytes(&self) -> usize {
        let Run {
            agent,
            slack,
            base_branch,
            checked_out,
            model_family,
            stops,
            ..
        } = &self.record;
        let slack = slack
            .as_ref()
            .map(|it| it.channel.len() + it.thread_ts.len());
        let asked: usize = [agent, base_branch, model_family]
            .into_iter()
            .flatten()
            .map(String::len)
            .sum();
        let messages = self.messages.len() * (size_of::<TranscriptMessage>() + PIECE_OVERHEAD);
        let ahead = self.ahead.len() * (size_of::<Stage>() + PIECE_OVERHEAD);
        let small = size_of_val(stops.as_slice())
            + size_of_val(self.steps.as_slice())
            + self.children.len() * PIECE_OVERHEAD;
        size_of::<Self>()
            + OVERHEAD
            + asked
            + checked_out.len()
            + slack.unwrap_or_default()
            + self.sent_bytes
            + messages
            + ahead
            + small
            + self.own_bytes()
    }

    /// About how much a demo agent takes for this run alone, and what has been said and done by it.
    fn own_bytes(&self) -> usize {
        match &self.memory {
            Some(memory) => memory.bytes() + self.scenario.bytes() + self.revealed_bytes,
            None => 0,
        }
    }

    /// About how much memory the [reported](Self::reported) run takes as JSON, in which what it was
    /// sent stands twice; at least that.
    pub(crate) fn reported_bytes(&self) -> usize {
        let messages = self.messages.iter();
        let messages = messages.map(|it| json::length(&it.role) + json::length(&it.content));
        self.bytes() + messages.sum::<usize>()
    }

    /// About how much a read of the run shows.
    pub(crate) fn shown_bytes(&self) -> usize {
        let messages = self.messages.iter().map(|it| it.content.len());
        let steps = self.steps.iter().map(|step| step.bytes());
        let pieces = messages.chain(steps);
        pieces.map(|bytes| PIECE_OVERHEAD + bytes).sum()
    }

    /// What the run was asked at first: what a demo agent has read of it, else the trigger's
    /// message as long as it is kept.
    pub(crate) fn asked(&self) -> Option<&str> {
        let read = self.memory.as_ref().map(|memory| memory.asked());
        read.or(self.message.as_deref())
    }

    /// How many follow-ups the run has received.
    pub(crate) fn follow_ups(&self) -> usize {
        self.follow_ups.len()
    }

    /// Whether there is a text to drop.
    pub(crate) fn has_long_texts(&self) -> bool {
        let mut sent = self.message.iter().chain(&self.follow_ups);
        sent.any(|text| text.len() >= SHORT)
    }

    /// Drops long texts that the run was sent, if there are too many of them for one run.
    pub(crate) fn limit_texts(&mut self) {
        self.drop_texts(self.sent_bytes.saturating_sub(MOST_SENT));
    }

    /// Drops long texts that the run was sent, the oldest first, until at least so many bytes are
    /// free. A sentence that says so stands in the place of each.
    pub(crate) fn drop_texts(&mut self, wanted: usize) {
        let mut messages = self.messages.iter_mut();
        let mut freed = 0;
        for text in self.message.iter_mut().chain(&mut self.follow_ups) {
            if freed >= wanted {
                break;
            }
            if text.len() < SHORT {
                continue;
            }
            let length = text.len();
            let stand_in: Arc<str> =
                format!("[dropped by the emulator: a text of {length} bytes]").into();
            freed += json::length(text).saturating_sub(stand_in.len());
            let whole = mem::replace(text, Arc::clone(&stand_in));
            // The transcript has them in the same order.
            if let Some(message) = messages.find(|it| Arc::ptr_eq(&it.content, &whole)) {
                message.content = stand_in;
            }
            self.record.texts_dropped = true;
        }
        self.sent_bytes -= freed;
    }
}
