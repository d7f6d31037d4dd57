//! [`Outage`]: polls that fail while a wait goes on, and how they are shown.

use std::time::Duration;

use crate::error::Error;
use crate::model::SessionId;

/// Polls of a run that have failed since one was answered, while the wait for it goes on.
///
/// A wait [tolerates](crate::Wait#failing-polls) failing polls, so that nothing of them shows before
/// it ends. `on_outage` of a [`Wait`](crate::Wait::on_outage), a [`Watch`](crate::Watch::on_outage),
/// an [`Ask`](crate::Ask::on_outage), a [`WaitAll`](crate::WaitAll::on_outage) and a
/// [`RunAll`](crate::RunAll::on_outage) shows them while they happen: to show a user that the status
/// on the screen may be an old one, or to raise an alarm. A [`WaitTree`](crate::WaitTree) has none:
/// it looks at many runs at a time, of which some may fail. When a wait ends is not changed by it.
///
/// ```no_run
/// use dinoai::Session;
///
/// # async fn example(session: Session) -> dinoai::Result<()> {
/// let wait = session.wait().on_outage(|id, outage| match outage {
///     Some(outage) => eprintln!(
///         "{id}: no usable response for {:.0?} ({} polls): {}",
///         outage.lasted, outage.polls, outage.last_error
///     ),
///     None => eprintln!("{id}: polls are answered again"),
/// });
/// let run = wait.await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outage {
    /// How many polls in a row have failed; at least 1.
    pub polls: u32,
    /// For how long no poll has been answered as it should be: since the last one that was, or
    /// since the wait began to poll. By the client's clock.
    pub lasted: Duration,
    /// Why the last of these polls failed.
    pub last_error: Error,
}

impl Outage {
    /// An outage for a test.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai::{Error, Obstacle, Outage};
    ///
    /// let reason = Error::new_not_sent(Obstacle::Connection);
    /// let outage = Outage::new(2, Duration::from_secs(20), reason);
    /// assert_eq!(outage.polls, 2);
    /// ```
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn new(polls: u32, lasted: Duration, last_error: Error) -> Self {
        Self {
            polls,
            lasted,
            last_error,
        }
    }
}

/// Called after each poll that fails and is tolerated, and once after the next one that does not.
pub(crate) type OnOutage = dyn FnMut(&SessionId, Option<&Outage>) + Send;

/// The polls of a run that have failed since one was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailedPolls {
    answered_at: Duration,
    polls: u32,
}

impl FailedPolls {
    /// No poll has failed yet; polling begins now.
    pub(crate) fn since(now: Duration) -> Self {
        Self {
            answered_at: now,
            polls: 0,
        }
    }

    /// Notes a poll that failed, and shows it.
    pub(crate) fn failed(
        &mut self,
        id: &SessionId,
        now: Duration,
        last_error: impl FnOnce() -> Error,
        on_outage: &mut Option<Box<OnOutage>>,
    ) {
        self.polls = self.polls.saturating_add(1);
        if let Some(on_outage) = on_outage {
            let outage = Outage {
                polls: self.polls,
                lasted: now.saturating_sub(self.answered_at),
                last_error: last_error(),
            };
            on_outage(id, Some(&outage));
        }
    }

    /// Notes a poll that was answered, and shows it if it is the first one for a while.
    pub(crate) fn answered(
        &mut self,
        id: &SessionId,
        now: Duration,
        on_outage: &mut Option<Box<OnOutage>>,
    ) {
        let before = std::mem::replace(self, Self::since(now));
        if let (1.., Some(on_outage)) = (before.polls, on_outage) {
            on_outage(id, None);
        }
    }
}
