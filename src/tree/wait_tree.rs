//! [`WaitTree`]: waits until a run and all its descendants have ended.

use std::fmt;
use std::time::Duration;

use tracing::Instrument;

use super::known_runs::{KnownRuns, Look};
use super::read::ReadTree;
use super::run_tree::Tree;
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Awaited, Result};
use crate::operations::CallFuture;
use crate::polling::{PollOptions, grace_period_setter, poll_setters};
use crate::session::AwaitedTurn;
use crate::transport::until_moved;

impl ReadTree {
    /// Waits until everything has ended, and reads it then: see [`WaitTree`].
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let tree = session.tree().until_ended().await?;
    /// println!("{tree}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn until_ended(self) -> WaitTree {
        WaitTree {
            read: self,
            options: PollOptions::default(),
            quiet_period: Duration::from_secs(10),
        }
    }
}

/// Waits until a run and all its descendants have ended, and reads them.
///
/// Await it; nothing is sent before. It may be dropped at any time. Descendants that appear while
/// it waits are waited for, too.
///
/// A look at many runs is one request for up to 50 of them, shared with the client's other waits
/// (see [`Waits`](crate::Waits)); each run is read whole once everything has ended.
///
/// A run with children may wake again when they end, so everything has to read as ended, without a
/// change, for the quiet period, or until the deadline. After a follow-up through this session the
/// first run's turn has to have ended, by the rules of a [`Turn`](crate::Turn). What was read is
/// kept, and only what could not be read is read again. A descendant that cannot be read, for good
/// or by the rules for
/// [failing polls](crate::Wait#failing-polls), is not waited for, and reported in the tree. How the runs
/// ended is no error: see [`Tree::runs`]. At the timeout only the first run is stopped, if
/// [`OnTimeout::Stop`](crate::OnTimeout::Stop) asks for that.
///
/// # Errors
///
/// [`Error::WaitTimeout`] if something has not ended at the deadline, or could not be read; those of a [`Wait`](crate::Wait) for the
/// first run.
#[must_use = "a wait does nothing until it is awaited"]
pub struct WaitTree {
    read: ReadTree,
    options: PollOptions,
    quiet_period: Duration,
}

impl WaitTree {
    poll_setters!(
        " until all of them have ended",
        "session.tree().until_ended()"
    );
    grace_period_setter!("session.tree().until_ended()");

    /// Sets how long everything has to read as ended before it is believed.
    ///
    /// 10 s by default. It matters only if there are children, since they can wake the run that
    /// started them.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let tree = session.tree().until_ended().quiet_period(Duration::from_secs(30)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn quiet_period(mut self, quiet_period: Duration) -> Self {
        self.quiet_period = quiet_period;
        self
    }

    async fn run(self) -> Result<Tree> {
        self.options.check()?;
        let handle = self.read.handle;
        let concurrency = self.read.concurrency;
        let api = handle.api.clone();
        let mut member = api.join();
        let mut polls = handle.polls(handle.api.clock().now(), self.options);
        let mut turn = AwaitedTurn::of(handle);
        let mut known_runs = KnownRuns::default();
        let mut quiet_since = None;
        // Everything has ended; what is left is to read it whole.
        let mut has_ended = false;
        loop {
            if turn.refresh(&mut polls) {
                has_ended = false;
                known_runs.runs.clear();
                quiet_since = None;
            }
            if member.has_moved() {
                member = api.join_again(&member);
            }
            polls.begin();
            if !has_ended {
                let look = known_runs.look(&mut polls, &mut turn, &member);
                let Some(looked) = until_moved(look).await else {
                    continue;
                };
                let awaited = known_runs.awaited(&turn);
                match looked {
                    Ok(Look::Ended { may_wake }) => {
                        let now = polls.now();
                        let since = *quiet_since.get_or_insert(now);
                        let is_quiet = now.saturating_sub(since) >= self.quiet_period;
                        has_ended = !may_wake || is_quiet || polls.is_at_the_deadline();
                        if !has_ended {
                            polls.pause_after(Ok(()), awaited).await?;
                        }
                    }
                    Ok(Look::Changed) => {
                        quiet_since = None;
                        turn.check_grace(&polls)?;
                        polls.pause_after(Ok(()), awaited).await?;
                    }
                    Ok(Look::Incomplete(error)) => {
                        turn.check_grace(&polls)?;
                        polls.pause_despite(error, awaited).await?;
                    }
                    Err(error) => {
                        turn.failed();
                        polls.pause_after(Err(error), awaited).await?;
                    }
                }
            }
            if !has_ended {
                continue;
            }
            match known_runs.read_all(&mut polls, concurrency).await {
                Ok((tree, None)) => {
                    // A follow-up may have been sent in between.
                    turn.refresh(&mut polls);
                    if let Ok(first) = &tree.run {
                        known_runs.has_first_ended = turn.has_ended(&first.status);
                        polls.note_status(&first.status);
                    }
                    if tree.has_ended() && known_runs.has_first_ended {
                        turn.close();
                        return Ok(tree);
                    }
                    // Something has woken.
                    has_ended = false;
                    known_runs.runs.clear();
                    quiet_since = None;
                    polls.pause_after(Ok(()), known_runs.awaited(&turn)).await?;
                }
                Ok((_, Some(error))) => polls.pause_despite(error, Awaited::Descendants).await?,
                Err(error) => polls.pause_after(Err(error), Awaited::Run).await?,
            }
        }
    }
}

impl IntoFuture for WaitTree {
    type Output = Result<Tree>;
    type IntoFuture = CallFuture<Tree>;

    fn into_future(self) -> CallFuture<Tree> {
        Box::pin(async move {
            let session_id = self.read.handle.id.as_str();
            let span = tracing::info_span!(
                "dinoai.wait",
                session_id,
                gen_ai.conversation.id = session_id,
            );
            self.run().instrument(span).await
        })
    }
}

impl fmt::Debug for WaitTree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WaitTree")
            .field("read", &self.read)
            .field("options", &self.options)
            .field("quiet_period", &self.quiet_period)
            .finish()
    }
}
