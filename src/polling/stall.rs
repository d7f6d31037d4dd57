//! [`Stall`]: whether a run still shows activity: a new message, step or run of its own, another line of
//! its start-up checklist, another status.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::model::{RunSteps, StepOptions};
use crate::operations::Digest;

/// How often in its limit a run is looked at.
const LOOKS: u32 = 4;
/// Texts of steps are not read; the server may take no less than a few characters.
const MAX_CHARS: u32 = 16;

/// For how long a run has shown no activity.
pub(super) struct Stall {
    limit: Duration,
    /// What the last look has shown, and since when looks show the same.
    shown: Option<(u64, Duration)>,
    last_step: Option<i64>,
    next_look: Duration,
    /// Whether the backend knows steps at all.
    pub(super) has_steps: bool,
}

impl Stall {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            shown: None,
            last_step: None,
            next_look: Duration::ZERO,
            has_steps: true,
        }
    }

    /// Whether a look is due.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        now >= self.next_look
    }

    /// Looks again soon, since this look has not seen everything, but not before the server asks for it.
    pub(super) fn look_again(&mut self, now: Duration, asked: Duration) {
        self.next_look = now.saturating_add((self.limit / (LOOKS * LOOKS)).max(asked));
    }

    /// Which steps a look has to read: new ones.
    pub(super) fn steps(&self) -> StepOptions {
        StepOptions {
            after: self.last_step,
            ..StepOptions::default().with_max_chars(MAX_CHARS)
        }
    }

    /// Notes a look that has read everything, and when it began and ended. Returns for how long looks have
    /// shown the same, if that is too long.
    pub(super) fn note(
        &mut self,
        steps: Option<&RunSteps>,
        digest: &Digest,
        began: Duration,
        ended: Duration,
    ) -> Option<Duration> {
        let mut shown = DefaultHasher::new();
        digest.status.as_str().hash(&mut shown);
        digest.child_session_ids.hash(&mut shown);
        // The API may repeat messages, and list them in another order.
        let messages: BTreeSet<_> = digest.messages.iter().collect();
        messages.hash(&mut shown);
        let startup = steps.and_then(|read| read.startup_steps.as_ref());
        for line in startup.into_iter().flatten() {
            (&line.label, line.done).hash(&mut shown);
        }
        let new = steps.and_then(|read| read.steps.as_ref());
        let new = new.into_iter().flatten().map(|step| step.index);
        self.last_step = new.chain(self.last_step).max();
        self.last_step.hash(&mut shown);
        let shown = shown.finish();
        let since = match self.shown {
            Some((before, since)) if before == shown && !digest.status.is_terminal() => since,
            _ => ended,
        };
        self.shown = Some((shown, since));
        // What the looks have read is at least that far apart.
        let lasted = began.saturating_sub(since);
        let left = self.limit.saturating_sub(ended.saturating_sub(since));
        let pause = (self.limit / LOOKS).min(left.max(self.limit / (LOOKS * LOOKS)));
        self.next_look = ended.saturating_add(pause);
        (lasted >= self.limit).then_some(lasted)
    }
}
