//! [`TranscriptReads`]: at which looks a watch reads the whole transcript.

use std::time::Duration;

use super::super::power_sums::Listing;
use crate::model::{MessageKey, Run};
use crate::operations::Digest;

/// From this size on, in bytes of text, a transcript is read at intervals.
const LARGE: usize = 1_000_000;
/// The time between two reads of a large transcript, at least.
const INTERVAL: Duration = Duration::from_secs(10);

/// Which reads of the transcript were made, and when the next one is due.
#[derive(Default)]
pub(super) struct TranscriptReads {
    begun_at: Option<Duration>,
    /// How many bytes of text the last one had.
    size: usize,
    /// What the last one listed, unless a look has listed something else since.
    listing: Option<Listing>,
    fruitless: Option<Fruitless>,
    /// What the last one has read, if the run had ended by then.
    ended: Option<Run>,
}

/// A look that seemed to list something new, and the read after it had nothing.
struct Fruitless {
    look: Listing,
    /// How many looks the next read for the same waits for, and how many there were.
    pause: u32,
    looks: u32,
}

impl TranscriptReads {
    /// Whether a look that lists something new has to be followed by a read now. A last look always
    /// has to, unless all that it lists was read.
    pub(super) fn is_due(&mut self, look: &[MessageKey], now: Duration, is_last: bool) -> bool {
        let look = Listing::of(look);
        if self.listing == Some(look) {
            return false;
        }
        self.listing = None;
        if is_last {
            return true;
        }
        if let Some(fruitless) = self.fruitless.as_mut().filter(|last| last.look == look) {
            fruitless.looks += 1;
            if fruitless.looks < fruitless.pause {
                return false;
            }
        }
        let is_recent = |begun_at| now.saturating_sub(begun_at) < INTERVAL;
        self.size <= LARGE || !self.begun_at.is_some_and(is_recent)
    }

    /// Notes that a read begins.
    pub(super) fn begin(&mut self, now: Duration) {
        self.begun_at = Some(now);
    }

    /// Notes what was read.
    pub(super) fn note(&mut self, run: &Run) {
        self.size = run
            .messages
            .iter()
            .map(|message| message.content.len())
            .sum();
        self.listing = Some(listing_of(run));
    }

    /// Notes whether the read after a look has brought anything new.
    pub(super) fn note_news(&mut self, look: &[MessageKey], has_news: bool) {
        let look = Listing::of(look);
        let before = self.fruitless.take().filter(|last| last.look == look);
        self.fruitless = (!has_news).then(|| Fruitless {
            look,
            pause: before.map_or(1, |last| last.pause.saturating_mul(2)),
            looks: 0,
        });
    }

    /// Keeps a run that had ended by the time of the read, though not at the look before.
    pub(super) fn keep(&mut self, run: Run) {
        self.ended = run.status.is_terminal().then_some(run);
    }

    /// The run as it was read last, if a look that shows its end shows nothing else.
    pub(super) fn take_ended(&mut self, look: &Digest) -> Option<Run> {
        let is_as_read = |run: &Run| {
            run.status == look.status
                && run.child_session_ids == look.child_session_ids
                && listing_of(run) == Listing::of(&look.messages)
        };
        self.ended.take().filter(is_as_read)
    }
}

fn listing_of(run: &Run) -> Listing {
    let keys: Vec<_> = run.messages.iter().map(MessageKey::of).collect();
    Listing::of(&keys)
}
