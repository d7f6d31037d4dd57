//! [`PollOptions`]: how long to wait, how often to look, and what to do at the timeout; and the
//! setters that every wait has.

use std::time::Duration;

use super::schedule::Schedule;
use crate::error::{Error, Result};

/// How long a turn may show no activity.
const GRACE_PERIOD: Duration = Duration::from_secs(120);

/// How long a wait goes on, how often it looks, and what it does at its timeout.
///
/// Every wait has a setter for each of these, and takes all of them at once: store them where
/// several waits share them. [`stall`](crate::Wait::stall), which only the waits for a single run have, is not
/// among them.
///
/// ```no_run
/// use std::time::Duration;
/// use dinoai::{OnTimeout, PollOptions, TriggerRun};
///
/// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
/// let nightly = PollOptions::default()
///     .with_timeout(Duration::from_secs(1800))
///     .with_on_timeout(OnTimeout::Stop);
/// let wait = client.trigger_run_and_wait(TriggerRun::agent("data-quality-checker"));
/// let run = wait.poll_options(nightly).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "options wait for nothing"]
pub struct PollOptions {
    pub(crate) timeout: Duration,
    pub(crate) schedule: Schedule,
    pub(crate) on_timeout: OnTimeout,
    pub(crate) grace_period: Duration,
    /// Set by waits for one run alone.
    pub(crate) stall: Option<Duration>,
}

impl Default for PollOptions {
    /// An hour, as on the vendor's page; the adaptive schedule; a run that is still in progress at the
    /// timeout is left alone; a grace period of 2 minutes.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(3600),
            schedule: Schedule::default(),
            on_timeout: OnTimeout::default(),
            grace_period: GRACE_PERIOD,
            stall: None,
        }
    }
}

impl PollOptions {
    /// Sets how long to wait.
    ///
    /// An hour by default; zero is [`Error::InvalidRequest`] once the wait begins.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let options = dinoai::PollOptions::default().with_timeout(Duration::from_secs(60));
    /// ```
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets when to poll.
    ///
    /// [`Schedule::adaptive`] by default.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai::{PollOptions, Schedule};
    ///
    /// let options = PollOptions::default().with_schedule(Schedule::every(Duration::from_secs(10)));
    /// ```
    pub fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Sets what to do with a run that is still in progress at the timeout.
    ///
    /// [`OnTimeout::Leave`] by default.
    ///
    /// ```
    /// use dinoai::{OnTimeout, PollOptions};
    ///
    /// let options = PollOptions::default().with_on_timeout(OnTimeout::Stop);
    /// ```
    pub fn with_on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.on_timeout = on_timeout;
        self
    }

    /// Sets how long the turn of a follow-up may show no activity.
    ///
    /// 2 minutes by default; after that it is [`Error::TurnNotStarted`]. Only a wait on a session
    /// with an open turn uses it.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let options = dinoai::PollOptions::default().with_grace_period(Duration::from_secs(60));
    /// ```
    pub fn with_grace_period(mut self, grace_period: Duration) -> Self {
        self.grace_period = grace_period;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.timeout.is_zero() {
            return Err(Error::zero("timeout"));
        }
        if self.stall.is_some_and(|stall| stall.is_zero()) {
            return Err(Error::zero("stall"));
        }
        if self.schedule.is_endless_loop() {
            return Err(Error::zero("poll interval"));
        }
        Ok(())
    }
}

/// What a wait does at its timeout with a run that is still in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnTimeout {
    /// Leaves it as it is.
    #[default]
    Leave,
    /// Stops it, as [`Client::stop_run`](crate::Client::stop_run) does; that call comes after the
    /// timeout, and takes as long as any call.
    /// [`WaitTimeout::stopped`](crate::error::WaitTimeout::stopped) says what came of it.
    Stop,
}

/// An example for a setter: `$wait` makes the wait.
macro_rules! example {
    ($wait:literal, $setter:literal) => {
        concat!(
            "```no_run\n",
            "use std::time::Duration;\n",
            "use dinoai::{OnTimeout, PollOptions, Schedule, TriggerRun};\n\n",
            "# fn example(\n",
            "#     client: dinoai::Client, session: dinoai::Session, ids: Vec<dinoai::SessionId>,\n",
            "#     journal: dinoai::journal::FileJournal,\n",
            "# ) -> dinoai::Result<()> {\n",
            "let wait = ",
            $wait,
            ".",
            $setter,
            ";\n",
            "# let _ = wait;\n# Ok(())\n# }\n```"
        )
    };
}

/// The setters of a wait for its field `options`. `$waits` says for what it waits, and `$example`
/// makes one.
macro_rules! poll_setters {
    ($waits:literal, $example:literal) => {
        #[doc = concat!("Sets how long to wait", $waits, ".")]
        ///
        /// 3600 s by default, as on the vendor's page, by a clock that never goes back. Zero is
        /// [`Error::InvalidRequest`](crate::Error::InvalidRequest) once it begins.
        ///
        /// A trigger or a follow-up of its own counts, but is not cut off once it has left: its
        /// response is awaited as long as the request timeout says, since the session id is in
        /// it. Then the run is looked at once, and
        /// [`Error::WaitTimeout`](crate::Error::WaitTimeout) has the id.
        ///
        #[doc = $crate::polling::example!($example, "timeout(Duration::from_secs(1800))")]
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.options.timeout = timeout;
            self
        }

        /// Polls at a fixed interval; the vendor's page has 10 s.
        ///
        /// Without it the interval adapts: see [`Schedule`](crate::Schedule). A wait among others may
        /// poll up to half an interval early: see [`Waits`](crate::Waits). Zero is
        /// [`Error::InvalidRequest`](crate::Error::InvalidRequest) once the wait begins.
        ///
        #[doc = $crate::polling::example!($example, "poll_interval(Duration::from_secs(10))")]
        pub fn poll_interval(self, interval: std::time::Duration) -> Self {
            self.schedule($crate::polling::Schedule::every(interval))
        }

        /// Sets when to poll.
        ///
        /// [`Schedule::adaptive`](crate::Schedule::adaptive) by default.
        ///
        #[doc = $crate::polling::example!($example, "schedule(Schedule::adaptive())")]
        pub fn schedule(mut self, schedule: $crate::polling::Schedule) -> Self {
            self.options.schedule = schedule;
            self
        }

        /// Sets what to do with a run that is still in progress at the timeout: leave it, or stop it.
        ///
        /// [`OnTimeout::Leave`](crate::OnTimeout::Leave) by default. What has ended is never
        /// stopped, nor one that was waited for only until it was idle.
        ///
        #[doc = $crate::polling::example!($example, "on_timeout(OnTimeout::Stop)")]
        pub fn on_timeout(mut self, on_timeout: $crate::polling::OnTimeout) -> Self {
            self.options.on_timeout = on_timeout;
            self
        }

        /// Sets all of these at once, in place of what was set before.
        ///
        /// A limit for a run that stalls stays as it is.
        ///
        #[doc = $crate::polling::example!($example, "poll_options(PollOptions::default())")]
        pub fn poll_options(mut self, options: $crate::polling::PollOptions) -> Self {
            // What ends a wait for one run early is none of them.
            let stall = options.stall.or(self.options.stall);
            self.options = $crate::polling::PollOptions { stall, ..options };
            self
        }
    };
}

/// The setter of a wait on a session for the grace period of its open turn.
macro_rules! grace_period_setter {
    ($example:literal) => {
        /// Sets how long the turn of a follow-up may show no activity.
        ///
        /// 2 minutes by default; after that it is
        /// [`Error::TurnNotStarted`](crate::Error::TurnNotStarted). Only the time between polls
        /// that are answered counts, and at least three of them: an outage is not silence.
        ///
        #[doc = $crate::polling::example!($example, "grace_period(Duration::from_secs(60))")]
        pub fn grace_period(mut self, grace_period: std::time::Duration) -> Self {
            self.options.grace_period = grace_period;
            self
        }
    };
}

/// The setter of a wait for one run for how long that may show no activity.
macro_rules! stall_setter {
    ($example:literal) => {
        /// Ends the wait once the run has shown no new step or message for this long.
        ///
        /// Off by default. As at the timeout, [`OnTimeout`](crate::OnTimeout) says whether the run is stopped;
        /// the error is [`Error::WaitTimeout`](crate::Error::WaitTimeout), and its
        /// [`stalled`](crate::error::WaitTimeout::stalled) says for how long there was nothing new. Another
        /// status, a run that it has started and a line of the start-up checklist count, too; what those
        /// runs do, does not.
        ///
        /// The run is looked at each quarter of this time, by two small requests after a poll, for 5 s at the
        /// longest: so the wait ends a quarter and two polls later at most. A look that fails says nothing, and
        /// is made again after a sixteenth. The time from the last one that has succeeded counts only if the next
        /// one shows the same, and steps have to be readable; of a backend that does not know steps messages count alone. A run that has ended, and waits for a follow-up, does not
        /// stall. Zero is [`Error::InvalidRequest`](crate::Error::InvalidRequest) once the wait begins.
        ///
        #[doc = $crate::polling::example!($example, "stall(Duration::from_secs(600))")]
        pub fn stall(mut self, limit: std::time::Duration) -> Self {
            self.options.stall = Some(limit);
            self
        }
    };
}

/// The setter of a wait for its hook `on_outage`, which is in this field.
macro_rules! outage_setter {
    ($($field:ident).+, $example:literal) => {
        /// Calls `on_outage` after each poll that fails and is tolerated, and once polls succeed
        /// again.
        ///
        /// It gets the run's id, and the [`Outage`](crate::Outage) after a poll that fails and is
        /// [tolerated](crate::Wait#failing-polls), or `None` after the next poll of that run that
        /// is answered. A request that reads many runs is a poll of each. A second call replaces
        /// the first.
        ///
        #[doc = $crate::polling::example!(
            $example,
            "on_outage(|id, outage| match outage {\n    Some(outage) => eprintln!(\"{id}: no usable response for {:.0?}\", outage.lasted),\n    None => eprintln!(\"{id}: answered again\"),\n})"
        )]
        pub fn on_outage(
            mut self,
            on_outage: impl FnMut(&$crate::model::SessionId, Option<&$crate::polling::Outage>)
            + Send
            + 'static,
        ) -> Self {
            self.$($field).+ = Some(Box::new(on_outage));
            self
        }
    };
}

pub(crate) use {example, grace_period_setter, outage_setter, poll_setters, stall_setter};
