//! [`Deadline`]: by when a call of a tool is replied to.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How long a call may take. Assistants give one up after a minute.
const LIMIT: Duration = Duration::from_secs(45);
/// How much longer what is at work then may take to say itself what came of it.
const MARGIN: Duration = Duration::from_secs(5);

/// When a call has to be over, whatever requests it needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// Of a call that begins now.
    pub(super) fn of_call() -> Self {
        Self(Instant::now() + LIMIT)
    }

    /// How long the next step may take; never nothing, which is no timeout.
    pub(super) fn left(self) -> Duration {
        self.left_before(Duration::ZERO)
    }

    /// The same, if that much more is needed for the steps after it.
    pub(super) fn left_before(self, rest: Duration) -> Duration {
        let left = self.0.saturating_duration_since(Instant::now());
        left.saturating_sub(rest).max(Duration::from_millis(1))
    }

    /// Ends when the call is replied to although it is at work.
    pub(super) async fn passed(self) {
        sleep_until(self.0 + MARGIN).await;
    }
}
