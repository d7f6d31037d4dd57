//! The options and arguments of each command.

use std::path::PathBuf;

use clap::Args;
use dinoai::SessionId;

use super::waiting::{FollowArgs, PollArgs};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// Read the message from this file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "message")]
    pub(crate) message_file: Option<PathBuf>,
    /// Print the session id and leave the run to itself
    #[arg(long, conflicts_with_all = ["on_timeout", "steps", "answer_file"])]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    #[command(flatten)]
    pub(crate) follow: FollowArgs,
}

/// What to start.
#[derive(Debug, Clone, Args)]
pub(crate) struct RequestArgs {
    /// The agent: .dinoai/agents/<AGENT>.yml; without one, the message alone says what to do
    pub(crate) agent: Option<String>,
    /// Send this message; - reads it from standard input
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) message: Option<String>,
    /// Post into the Slack channel with this id; needs --slack-thread
    #[arg(long, value_name = "C", requires = "slack_thread")]
    pub(crate) slack_channel: Option<String>,
    /// Reply in the Slack thread with this timestamp; needs --slack-channel
    #[arg(long, value_name = "TS", requires = "slack_channel")]
    pub(crate) slack_thread: Option<String>,
    /// Check out this branch, tag or commit; if it does not exist, the API takes the default
    /// branch, silently
    #[arg(long, value_name = "REF")]
    pub(crate) base_branch: Option<String>,
    /// Run on this model family
    #[arg(long, value_name = "SLUG")]
    pub(crate) model_family: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// The session id
    #[arg(value_parser = session_id)]
    pub(crate) session: SessionId,
    /// Send this message; - reads it from standard input
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) message: Option<String>,
    /// Read the message from this file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "message")]
    pub(crate) message_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    #[command(flatten)]
    pub(crate) follow: FollowArgs,
}

/// Where the final answer goes, alone.
#[derive(Debug, Default, Args)]
pub(crate) struct AnswerArgs {
    /// Write the final answer alone to this file, once the run has completed
    #[arg(long, value_name = "FILE")]
    pub(crate) answer_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The session id
    #[arg(value_parser = session_id)]
    pub(crate) session: SessionId,
    /// Show the agent's steps, too
    #[arg(long)]
    pub(crate) steps: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// The session ids
    #[arg(required = true, value_name = "SESSION", value_parser = session_id)]
    pub(crate) sessions: Vec<SessionId>,
    /// Stop all that they have started, too
    #[arg(long)]
    pub(crate) tree: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TreeArgs {
    /// The session id
    #[arg(value_parser = session_id)]
    pub(crate) session: SessionId,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The session id
    #[arg(value_parser = session_id)]
    pub(crate) session: SessionId,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    #[command(flatten)]
    pub(crate) follow: FollowArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The session ids
    #[arg(required = true, value_name = "SESSION", value_parser = session_id)]
    pub(crate) sessions: Vec<SessionId>,
    #[command(flatten)]
    pub(crate) poll: PollArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    /// The agent: .dinoai/agents/<AGENT>.yml
    pub(crate) agent: Option<String>,
    /// Go on with this session
    #[arg(long, value_name = "ID", value_parser = session_id, conflicts_with_all = ["agent", "model_family"])]
    pub(crate) session: Option<SessionId>,
    /// Start a new session on this model family
    #[arg(long, value_name = "SLUG")]
    pub(crate) model_family: Option<String>,
    #[command(flatten)]
    pub(crate) poll: PollArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BatchArgs {
    /// The runs: JSON lines, a JSON array, or CSV with a header; - reads standard input; fields:
    /// agent, message, slack_channel, slack_thread, base_branch, model_family
    pub(crate) file: PathBuf,
    /// Let so many runs go on at a time
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency: u16,
    /// Keep the results in this file, and start nothing again that it says was started
    #[arg(long, value_name = "RESULTS")]
    pub(crate) resume: Option<PathBuf>,
    /// Start again what may have been started, or not: the items with these numbers, or all of
    /// them
    #[arg(long, value_name = "ITEM", requires = "resume", num_args = 0.., value_delimiter = ',', value_parser = item_number)]
    pub(crate) retry_unknown: Option<Vec<usize>>,
    /// Start again what ended failed, stopped or expired
    #[arg(long, requires = "resume")]
    pub(crate) retry_failed: bool,
    #[command(flatten)]
    pub(crate) poll: PollArgs,
}

fn item_number(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => {
            Err("items are numbered from 1; the file of items comes before this option".to_owned())
        }
    }
}

pub(super) fn session_id(text: &str) -> Result<SessionId, String> {
    SessionId::new(text.trim()).map_err(|_| "a session id is not blank".to_owned())
}
