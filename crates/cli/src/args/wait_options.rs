//! The options of commands that wait: [`PollArgs`], how long and how often; [`FollowArgs`], what also
//! becomes of one run at the timeout or at a signal.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;

/// How long to wait, and how often to look.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PollArgs {
    /// Wait no longer than this, for example 90s, 30m or 1h30m; a number alone is in seconds
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration::parse)]
    pub(crate) timeout: Duration,
    /// Poll at this interval [default: a tenth of the time waited so far, 1s to 10s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(crate) poll_interval: Option<Duration>,
}

/// How one run is waited for.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct FollowArgs {
    #[command(flatten)]
    pub(crate) poll: PollArgs,
    /// Leave or stop a run that is still in progress at the timeout
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub(crate) on_timeout: AtTimeout,
    /// Leave or stop the run on Ctrl-C, SIGTERM or SIGHUP
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub(crate) on_interrupt: OnInterrupt,
    /// Show the agent's steps as it works
    #[arg(long)]
    pub(crate) steps: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum AtTimeout {
    /// Leave it running
    #[default]
    Leave,
    /// Stop it
    Stop,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnInterrupt {
    /// Leave it running
    #[default]
    Leave,
    /// Stop it before exiting
    Stop,
}

impl From<AtTimeout> for dinoai::OnTimeout {
    fn from(what: AtTimeout) -> Self {
        match what {
            AtTimeout::Leave => Self::Leave,
            AtTimeout::Stop => Self::Stop,
        }
    }
}
