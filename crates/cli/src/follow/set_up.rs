//! [`Follower::watch`]: how a run is watched, as the options say.

use std::time::{Duration, Instant};

use dinoai::{OnTimeout, StepOptions, Watch};

use super::{Follower, WatchedRun};
use crate::args::AtTimeout;
use crate::print::text;

impl Follower<'_> {
    /// Watches a run as the options say. `starts`: whether the watch starts the run, or sends a
    /// follow-up.
    pub(crate) fn watch(&self, watch: Watch, starts: bool) -> WatchedRun {
        self.watch_within(watch, starts, self.options.poll.timeout)
    }

    /// The same within another time.
    pub(super) fn watch_within(&self, watch: Watch, starts: bool, timeout: Duration) -> WatchedRun {
        let mut watch = watch
            .timeout(timeout)
            .on_outage(self.output.outages().recorder())
            .on_timeout(OnTimeout::from(self.options.on_timeout));
        if let Some(interval) = self.options.poll.poll_interval {
            watch = watch.poll_interval(interval);
        }
        if let Some(stall) = self.options.stall {
            watch = watch.stall(stall);
        }
        if let Some(github) = &self.github {
            watch = watch.on_started(github.note_run(self.output));
        }
        if !self.is_live {
            watch = watch.messages_at_end();
        }
        if self.options.steps {
            let options = StepOptions::default().with_tool_io();
            watch = watch.steps(options.with_max_chars(text::INPUT_LENGTH));
        }
        let stops_at = match self.options.on_timeout {
            AtTimeout::Stop => Instant::now().checked_add(timeout),
            AtTimeout::Leave => None,
        };
        let watched = WatchedRun::new(watch.events(), starts, stops_at);
        if let (Some(github), Some(id)) = (&self.github, watched.id()) {
            github.note_run(self.output)(id);
        }
        watched
    }
}
