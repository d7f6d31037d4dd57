//! The options and arguments of each command; at the end those that commands share which wait:
//! [`PollArgs`], how long and how often; [`FollowArgs`], what also becomes of one run at the timeout
//! or at a signal.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use dinoai::SessionId;

use super::duration;
use super::fail_if::FailIf;

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// Read the message from this file; use - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "message")]
    pub(crate) message_file: Option<PathBuf>,
    /// Print the session ID and exit without waiting for the run
    #[arg(long, conflicts_with_all = ["on_timeout", "stall", "steps", "answer_file", "answer", "fail_if"])]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) once: OnceArgs,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    #[command(flatten)]
    pub(crate) follow: FollowArgs,
}

/// Where it is remembered what was started.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct JournalArgs {
    /// Remember what was started in this file, on PostgreSQL with postgres://…, or nowhere with none. The
    /// variable DINOAI_JOURNAL does the same, and shows no password to others on this machine
    /// [default: dinoai/journal.jsonl in the user's folder for state]
    #[arg(long, value_name = "JOURNAL")]
    pub(crate) journal: Option<String>,
}

/// How a run is started once.
#[derive(Debug, Default, Args)]
pub(crate) struct OnceArgs {
    /// Start the run once for this key, also if the command is run again: wait for the run that was
    /// started before, or print its result. With auto, the key is made of what the CI system says of the job
    /// and step, and of the request
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Start the run again if it has failed, expired or was stopped
    #[arg(long, value_enum, value_name = "WHEN", requires = "key")]
    pub(crate) restart: Option<RestartWhen>,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RestartWhen {
    /// Never
    Never,
    /// If it has failed, expired or was stopped
    Failed,
}

/// What was started from here.
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// Only keys of which nobody knows whether they have started a run
    #[arg(long)]
    pub(crate) unknown: bool,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// Key of which nobody knows whether it has started a run
    pub(crate) key: String,
    /// Session ID of the run that it has started
    #[arg(value_parser = session_id)]
    pub(crate) session: SessionId,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// Key of which nobody knows whether it has started a run
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

/// What to start.
#[derive(Debug, Clone, Args)]
pub(crate) struct RequestArgs {
    /// Agent to run: .dinoai/agents/<AGENT>.yml; without one, the message alone is the task
    pub(crate) agent: Option<String>,
    /// Send this message; use - to read it from standard input
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) message: Option<String>,
    /// Post to the Slack channel with this ID; needs --slack-thread
    #[arg(long, value_name = "CHANNEL", requires = "slack_thread")]
    pub(crate) slack_channel: Option<String>,
    /// Reply in the Slack thread with this timestamp; needs --slack-channel
    #[arg(long, value_name = "TIMESTAMP", requires = "slack_channel")]
    pub(crate) slack_thread: Option<String>,
    /// Check out this branch, tag or commit; if it does not exist, the API silently uses the
    /// default branch
    #[arg(long, value_name = "REF")]
    pub(crate) base_branch: Option<String>,
    /// Use this model family
    #[arg(long, value_name = "SLUG")]
    pub(crate) model_family: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Session ID of the run
    #[arg(value_parser = session_id, required_unless_present = "last", conflicts_with = "last")]
    pub(crate) session: Option<SessionId>,
    /// Send it to the run that was started last on this machine
    #[arg(long)]
    pub(crate) last: bool,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    /// Send this message; use - to read it from standard input
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) message: Option<String>,
    /// Read the message from this file; use - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "message")]
    pub(crate) message_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    #[command(flatten)]
    pub(crate) follow: FollowArgs,
}

/// What becomes of the final answer.
#[derive(Debug, Default, Args)]
#[command(group = clap::ArgGroup::new("json").args(["answer", "fail_if"]).multiple(true))]
pub(crate) struct AnswerArgs {
    /// Write only the final answer to this file, once the run has completed
    #[arg(long, value_name = "FILE")]
    pub(crate) answer_file: Option<PathBuf>,
    /// Print the JSON in the answer alone: its last code block that is called json, else the last one without a
    /// name that is an object or an array, else the whole answer. If there is none, run and send ask for it once
    /// more, unless the run was found by its key
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) answer: Option<AnswerForm>,
    /// Take the code block with this label, ```LABEL, for the JSON in the answer, or else the whole answer
    #[arg(long, value_name = "LABEL", requires = "json", value_parser = label)]
    pub(crate) label: Option<String>,
    /// Exit with 7 if this JMESPath expression is true of the JSON in the answer, or if it is neither true nor
    /// false of it, or if there is none
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) fail_if: Option<FailIf>,
}

/// What is printed of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnswerForm {
    /// Its JSON
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Session ID of the run
    #[arg(value_parser = session_id)]
    pub(crate) session: SessionId,
    /// Also show the agent's steps
    #[arg(long)]
    pub(crate) steps: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// Session IDs of the runs
    #[arg(required = true, value_name = "SESSION", value_parser = session_id)]
    pub(crate) sessions: Vec<SessionId>,
    /// Also stop all their descendants
    #[arg(long)]
    pub(crate) tree: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TreeArgs {
    /// Session ID of the run
    #[arg(value_parser = session_id)]
    pub(crate) session: SessionId,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Session ID of the run
    #[arg(value_parser = session_id)]
    pub(crate) session: SessionId,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    #[command(flatten)]
    pub(crate) follow: FollowArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// Session IDs of the runs
    #[arg(required = true, value_name = "SESSION", value_parser = session_id)]
    pub(crate) sessions: Vec<SessionId>,
    #[command(flatten)]
    pub(crate) poll: PollArgs,
}

/// What an assistant may do.
#[cfg(feature = "mcp")]
#[derive(Debug, Args)]
pub(crate) struct McpArgs {
    /// Let the assistant start runs and send messages, which cost money; without it, it only reads, waits
    /// and stops
    #[arg(long)]
    pub(crate) allow_start: bool,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    /// Agent to chat with: .dinoai/agents/<AGENT>.yml
    pub(crate) agent: Option<String>,
    /// Continue this session
    #[arg(long, value_name = "SESSION", value_parser = session_id, conflicts_with_all = ["agent", "model_family"])]
    pub(crate) session: Option<SessionId>,
    /// Continue the session that was started last on this machine
    #[arg(long = "continue", conflicts_with_all = ["agent", "model_family", "session"])]
    pub(crate) continues: bool,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    /// Use this model family for a new session
    #[arg(long, value_name = "SLUG")]
    pub(crate) model_family: Option<String>,
    #[command(flatten)]
    pub(crate) poll: PollArgs,
}

#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("again").args(["resume", "key"]))]
pub(crate) struct BatchArgs {
    /// File with the runs to start: JSON lines, a JSON array, or CSV with a header; use - for
    /// standard input. The fields are agent, message, slack_channel, slack_thread, base_branch,
    /// model_family
    pub(crate) file: PathBuf,
    /// Keep at most this many runs in progress at a time
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency: u16,
    /// Save the results to this file, and do not restart what has been started for it
    #[arg(long, value_name = "RESULTS")]
    pub(crate) resume: Option<PathBuf>,
    /// Start each item once for this key and its number, also if the command is run again, without a file of
    /// results. With auto, the key is made of what the CI system says of the job and step, and of the request
    #[arg(long, value_name = "KEY", conflicts_with = "resume")]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    /// Restart items whose outcome is unknown: those with these numbers, or all
    #[arg(long, value_name = "ITEM", requires = "again", num_args = 0.., value_delimiter = ',', value_parser = item_number)]
    pub(crate) retry_unknown: Option<Vec<usize>>,
    /// Restart items whose runs failed, were stopped or expired
    #[arg(long, requires = "again")]
    pub(crate) retry_failed: bool,
    #[command(flatten)]
    pub(crate) poll: PollArgs,
}

/// How long to wait, and how often to look.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PollArgs {
    /// Wait no longer than this, for example 90s, 30m or 1h30m; a number alone is in seconds
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration::parse_duration)]
    pub(crate) timeout: Duration,
    /// Poll at this interval [default: an eleventh of the time waited so far, 1s to 10s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse_duration)]
    pub(crate) poll_interval: Option<Duration>,
}

/// How one run is waited for.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct FollowArgs {
    #[command(flatten)]
    pub(crate) poll: PollArgs,
    /// Wait no longer than this for the next step or message
    #[arg(long, value_name = "TIME", value_parser = duration::parse_duration)]
    pub(crate) stall: Option<Duration>,
    /// Leave or stop a run that is still in progress at the timeout, or has stalled
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
    /// Let it continue
    #[default]
    Leave,
    /// Stop it
    Stop,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnInterrupt {
    /// Let it continue
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

fn item_number(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("item numbers start at 1; the batch file goes before this option".to_owned()),
    }
}

fn label(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a label cannot be blank".to_owned()),
        label if label.contains(|character: char| character.is_control() || character == '`') => {
            Err("a code block's label has no control character and no backtick".to_owned())
        }
        label => Ok(label.to_owned()),
    }
}

pub(super) fn session_id(text: &str) -> Result<SessionId, String> {
    SessionId::new(text.trim()).map_err(|_| "a session ID cannot be blank".to_owned())
}
