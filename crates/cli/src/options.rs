//! The command line: options that hold everywhere, and the commands.

mod duration;
mod waiting;

#[cfg(feature = "emulator")]
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use dinoai::SessionId;

pub(crate) use waiting::{AtTimeout, OnInterrupt, Pace, Waiting};

const EXIT_STATUSES: &str = "\
Exit status:
  0         the run (all runs) completed; a read, a stop or --detach succeeded
  1         a run waited for ended failed, stopped or expired
  2         usage or configuration, before anything was sent
  3         credentials refused
  4         time out, or the turn has not started: still going
  5         not done: the API could not be reached, refused (an agent that it does not know, for
            one) or answered unusably, or the result could not be written
  6         outcome unknown: the run may have started
  129, 130, 143  interrupted by SIGHUP, by Ctrl-C, by SIGTERM
  Of several runs the first of 6, 5, 3, 4, 1, 0 that occurred.

Environment:
  PARADIME_API_ENDPOINT   the URL shown when the API key was generated
  PARADIME_API_KEY        the API key
  PARADIME_API_SECRET     its secret, or a token (prdm_wsp_…, prdm_cmp_…)
  PARADIME_WORKSPACE_UID  the workspace, which a company token needs
  NO_COLOR                no colours; FORCE_COLOR or CLICOLOR_FORCE: colours without a terminal,
                          too; CLICOLOR=0: none. NO_COLOR comes first, and --color before all
  The same names without PARADIME_ count, too. What is missing is read from the credentials file.";

/// Runs Paradime's DinoAI agents: start, wait, follow, talk.
///
#[cfg_attr(
    feature = "emulator",
    doc = "Results go to standard output, everything else to standard error. Try anything without an\naccount: --emulator."
)]
#[cfg_attr(
    not(feature = "emulator"),
    doc = "Results go to standard output, everything else to standard error."
)]
///
/// Without a command it does what `paradime dinoai` does: with a message, given or from a pipe,
/// one turn; without one, a conversation.
#[derive(Debug, Parser)]
#[command(name = "dinoai", version, disable_help_subcommand = true)]
#[command(after_help = EXIT_STATUSES, styles = Styles::styled())]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) vendor: Vendor,
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The options of `paradime dinoai`, for use without a command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Without a command, as paradime dinoai")]
pub(crate) struct Vendor {
    /// The agent: .dinoai/agents/<AGENT>.yml.
    #[arg(short, long)]
    pub(crate) agent: Option<String>,
    /// The message of a single turn; - reads it from standard input, as does a pipe without -m.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) message: Option<String>,
    /// The session to go on with.
    #[arg(short, long, value_name = "SESSION", value_parser = session_id)]
    pub(crate) session: Option<SessionId>,
    /// The model family of a new session.
    #[arg(long, value_name = "SLUG")]
    pub(crate) model_family: Option<String>,
}

impl Vendor {
    pub(crate) fn is_used(&self) -> bool {
        self.agent.is_some()
            || self.message.is_some()
            || self.session.is_some()
            || self.model_family.is_some()
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// How results and errors are written. json and jsonl have the API's field names.
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "FORMAT"
    )]
    pub(crate) output: Format,
    /// The API's URL. Its path identifies the company; given here, everybody on this machine
    /// sees it in the list of processes. The variable PARADIME_API_ENDPOINT hides it from there.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Where credentials are read that the environment does not have [default:
    /// ~/.paradime/credentials].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) credentials_file: Option<PathBuf>,
    /// Starts an emulator of the API for the time of this command, and uses that: needs no
    /// account, starts no agent.
    #[cfg(feature = "emulator")]
    #[arg(long, global = true, conflicts_with_all = ["endpoint", "credentials_file"])]
    pub(crate) emulator: bool,
    /// Nothing on standard error but errors: no notes, no progress, no signs of life.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Show each change of a status; twice, also what failed and is tried again. Never texts,
    /// never credentials.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Whether colours are used.
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN")]
    pub(crate) color: Color,
}

impl Global {
    /// Whether an emulator takes the place of the account.
    pub(crate) fn is_emulated(&self) -> bool {
        #[cfg(feature = "emulator")]
        return self.emulator;
        #[cfg(not(feature = "emulator"))]
        false
    }
}

/// How results and errors are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// A JSON document a line, as things happen.
    Jsonl,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts a run, and waits for its end.
    Run(Run),
    /// Sends a follow-up message, and waits for the end of that turn.
    Send(Send),
    /// Reads a run: status and transcript.
    Get(Get),
    /// Follows a run until it ends; the exit status says how.
    Watch(Watch),
    /// Waits until runs have ended, over few requests.
    Wait(Wait),
    /// Stops runs.
    Stop(Stop),
    /// Draws a run with all the runs that it started, and those that they started.
    Tree(Session),
    /// A conversation with an agent.
    Chat(Chat),
    /// Starts many runs, and writes their results as they end: JSON lines, or text on a terminal.
    Batch(Batch),
    /// Asks for endpoint and credentials, and writes the credentials file.
    Login,
    /// Prints the completion script of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the JSON schema of what commands write as JSON
    Schema {
        /// What to print the schema of.
        of: SchemaOf,
    },
    /// Runs an emulator of the API until Ctrl-C.
    #[cfg(feature = "emulator")]
    #[command(disable_help_flag = true)]
    Emulator {
        /// The emulator's own options; --help lists them.
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "OPTIONS"
        )]
        options: Vec<OsString>,
    },
}

/// What there is a JSON schema of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// Results and errors with --output json and jsonl.
    Output,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) request: Request,
    /// The file that the message is read from; - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "message")]
    pub(crate) message_file: Option<PathBuf>,
    /// Prints the session id, and leaves the run to itself.
    #[arg(long, conflicts_with_all = ["on_timeout", "steps", "answer_file"])]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) answer: Answer,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// What to start.
#[derive(Debug, Clone, Args)]
pub(crate) struct Request {
    /// The agent: .dinoai/agents/<AGENT>.yml. Without one, the message alone.
    pub(crate) agent: Option<String>,
    /// The message; - reads it from standard input.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) message: Option<String>,
    /// The id of the Slack channel that the run posts into.
    #[arg(long, value_name = "C", requires = "slack_thread")]
    pub(crate) slack_channel: Option<String>,
    /// The timestamp of the Slack thread that the run replies in.
    #[arg(long, value_name = "TS", requires = "slack_channel")]
    pub(crate) slack_thread: Option<String>,
    /// The branch, tag or commit that the agent checks out.
    #[arg(long, value_name = "REF")]
    pub(crate) base_branch: Option<String>,
    /// The model family to run on.
    #[arg(long, value_name = "SLUG")]
    pub(crate) model_family: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The session.
    #[arg(value_parser = session_id)]
    pub(crate) session: SessionId,
    /// The message; - reads it from standard input.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) message: Option<String>,
    /// The file that the message is read from; - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "message")]
    pub(crate) message_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) answer: Answer,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// Where the final answer goes, alone.
#[derive(Debug, Default, Args)]
pub(crate) struct Answer {
    /// Write the final answer alone to this file, once the run has completed.
    #[arg(long, value_name = "FILE")]
    pub(crate) answer_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The session.
    #[arg(value_parser = session_id)]
    pub(crate) session: SessionId,
    /// Show the agent's steps, too.
    #[arg(long)]
    pub(crate) steps: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// The sessions.
    #[arg(required = true, value_name = "SESSION", value_parser = session_id)]
    pub(crate) sessions: Vec<SessionId>,
    /// Stop all that they have started, too.
    #[arg(long)]
    pub(crate) tree: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Session {
    /// The session.
    #[arg(value_parser = session_id)]
    pub(crate) session: SessionId,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The session.
    #[arg(value_parser = session_id)]
    pub(crate) session: SessionId,
    #[command(flatten)]
    pub(crate) answer: Answer,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// The sessions.
    #[arg(required = true, value_name = "SESSION", value_parser = session_id)]
    pub(crate) sessions: Vec<SessionId>,
    #[command(flatten)]
    pub(crate) pace: Pace,
}

#[derive(Debug, Args)]
pub(crate) struct Chat {
    /// The agent: .dinoai/agents/<AGENT>.yml.
    pub(crate) agent: Option<String>,
    /// The session to go on with.
    #[arg(long, value_name = "ID", value_parser = session_id, conflicts_with_all = ["agent", "model_family"])]
    pub(crate) session: Option<SessionId>,
    /// The model family of a new session.
    #[arg(long, value_name = "SLUG")]
    pub(crate) model_family: Option<String>,
    #[command(flatten)]
    pub(crate) pace: Pace,
}

#[derive(Debug, Args)]
pub(crate) struct Batch {
    /// The runs: JSON lines, a JSON array, or CSV with a header; - reads standard input. Fields:
    /// agent, message, slack_channel, slack_thread, base_branch, model_family.
    pub(crate) file: PathBuf,
    /// How many runs go on at a time.
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency: u16,
    /// Keeps the results in this file. What it says to have been started is not started again.
    #[arg(long, value_name = "RESULTS")]
    pub(crate) resume: Option<PathBuf>,
    /// Starts again what may have been started, or not: the items with these numbers, or all of
    /// them.
    #[arg(long, value_name = "ITEM", requires = "resume", num_args = 0.., value_delimiter = ',', value_parser = item_number)]
    pub(crate) retry_unknown: Option<Vec<usize>>,
    /// Starts again what ended failed, stopped or expired.
    #[arg(long, requires = "resume")]
    pub(crate) retry_failed: bool,
    #[command(flatten)]
    pub(crate) pace: Pace,
}

fn item_number(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => {
            Err("items are numbered from 1; the file of items comes before this option".to_owned())
        }
    }
}

fn session_id(text: &str) -> Result<SessionId, String> {
    SessionId::new(text.trim()).map_err(|_| "a session id is not blank".to_owned())
}
