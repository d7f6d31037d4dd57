//! The command line as clap reads it: global options here, those of a command in [`command_args`].
//!
//! Their comments are the help pages.

mod command_args;
pub(crate) mod duration;
mod fail_if;
mod schema_args;

#[cfg(feature = "emulator")]
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use dinoai::SessionId;

#[cfg(feature = "mcp")]
pub(crate) use command_args::McpArgs;
use command_args::session_id;
pub(crate) use command_args::{
    AnswerArgs, AnswerForm, AtTimeout, BatchArgs, ChatArgs, FollowArgs, GetArgs, JournalArgs,
    OnInterrupt, OnceArgs, PollArgs, RequestArgs, ResolveArgs, RestartWhen, RetryArgs, RunArgs,
    RunsArgs, SendArgs, StopArgs, TreeArgs, WaitArgs, WatchArgs,
};
pub(crate) use fail_if::FailIf;
pub(crate) use schema_args::SchemaCommand;
#[cfg(feature = "emulator")]
pub(crate) use schema_args::{SchemaCheckArgs, SchemaDiffArgs};

const EXIT_STATUSES: &str = "\
Exit status:
  0  every run that was waited for completed; a read, a stop, a check or --detach succeeded
  1  a run that was waited for failed, was stopped or expired; a check has found errors, or
     `schema diff` a breaking change
  2  invalid usage or configuration; nothing was sent
  3  the credentials were refused
  4  timed out, or the turn did not start; the run may still be in progress
  5  failed: the API could not be reached, refused the request (an unknown agent, for example) or
     gave no usable response, the result could not be written, or a run completed without the
     answer that --answer-file, or the JSON that --answer json, asks for
  6  outcome unknown: the run may have started, by this command or by an earlier one with the
     same key
  7  --fail-if is true of the JSON in the answer, or is neither true nor false of it, or there is none
  129, 130, 143  interrupted by SIGHUP, Ctrl-C, SIGTERM
  For several runs: the first of 6, 5, 3, 4, 1, 0 that occurred
  Those of a checkup: dinoai doctor --help

Environment:
  PARADIME_API_ENDPOINT   URL shown when the API key was generated
  PARADIME_API_KEY        API key
  PARADIME_API_SECRET     API secret, or a token (prdm_wsp_…, prdm_cmp_…)
  PARADIME_WORKSPACE_UID  workspace UID, required with a company token (unless --workspace is given)
  DINOAI_JOURNAL          where it is remembered what was started: a file, postgres://… or none
  NO_COLOR                disable colours; FORCE_COLOR and CLICOLOR_FORCE enable them without a
                          terminal, too, and CLICOLOR=0 disables them. NO_COLOR takes precedence
                          over these, and --color over all
  The same names without PARADIME_ work, too. What is not set is read from the credentials file.";

const CHECKUP_STATUSES: &str = "\
Exit status:
  0  nothing failed; features beyond the vendor's page may be missing, warnings shown
  1  no workspace is named beside a company token, which needs one for runs
  2  invalid usage or configuration: there is no account to check; nothing was sent
  3  the credentials, the workspace or a capability was refused
  5  the API could not be reached or gave no usable response, a document is broken, or the report
     could not be written
  6  the backend executed what it should have skipped: a run may have started
  129, 130, 143  interrupted by SIGHUP, Ctrl-C, SIGTERM
  For several findings: the first of 6, 5, 3, 1, 0 that occurred";

/// Run Paradime's DinoAI agents: start, wait, follow, chat
///
#[cfg_attr(
    feature = "emulator",
    doc = "Results go to standard output, everything else to standard error. To try any command without\nan account, add --emulator."
)]
#[cfg_attr(
    not(feature = "emulator"),
    doc = "Results go to standard output, everything else to standard error."
)]
///
/// Without a command, dinoai does what `paradime dinoai` does: with a message, from -m or a
/// pipe, it runs one turn; without one, it starts a conversation.
#[derive(Debug, Parser)]
#[command(name = "dinoai", version)]
#[command(after_help = EXIT_STATUSES, styles = Styles::styled())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) compat: CompatArgs,
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The options of `paradime dinoai`, for use without a command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options without a command, as for paradime dinoai")]
pub(crate) struct CompatArgs {
    /// Use this agent: .dinoai/agents/<AGENT>.yml
    #[arg(short, long)]
    pub(crate) agent: Option<String>,
    /// Send this message and exit after the turn; use - to read it from standard input (the default
    /// if that is a pipe)
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) message: Option<String>,
    /// Continue this session
    #[arg(short, long, value_name = "SESSION", value_parser = session_id)]
    pub(crate) session: Option<SessionId>,
    /// Use this model family for a new session
    #[arg(long, value_name = "SLUG")]
    pub(crate) model_family: Option<String>,
}

impl CompatArgs {
    pub(crate) fn is_used(&self) -> bool {
        self.agent.is_some()
            || self.message.is_some()
            || self.session.is_some()
            || self.model_family.is_some()
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Write results and errors in this format; json and jsonl use the API's field names
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "FORMAT"
    )]
    pub(crate) output: OutputFormat,
    /// Send requests to this URL. Its path identifies the company, and everyone on this machine can see
    /// this option in the list of processes; the variable PARADIME_API_ENDPOINT hides it
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Read credentials that are not set in the environment from this file [default:
    /// ~/.paradime/credentials]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) credentials_file: Option<PathBuf>,
    /// Use this workspace, in place of the one that the environment or the credentials file names; to
    /// list them: dinoai workspaces
    #[arg(long, global = true, value_name = "UID")]
    pub(crate) workspace: Option<String>,
    /// Start a local emulator of the API for this command; needs no account, runs no agent
    #[cfg(feature = "emulator")]
    #[arg(long, global = true, conflicts_with_all = ["endpoint", "credentials_file", "workspace"])]
    pub(crate) emulator: bool,
    /// Suppress everything except errors on standard error
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Show status changes; with -vv, also requests that failed and are retried; never shows
    /// messages or credentials
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Control when to use colours
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN")]
    pub(crate) color: Color,
}

impl GlobalArgs {
    /// Whether an emulator takes the place of the account.
    pub(crate) fn is_emulated(&self) -> bool {
        #[cfg(feature = "emulator")]
        return self.emulator;
        #[cfg(not(feature = "emulator"))]
        false
    }
}

/// How results and errors are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Human-readable text
    #[default]
    Text,
    /// One JSON document; of batch, one per line
    Json,
    /// One JSON document per line, as things happen
    Jsonl,
    /// The log, outputs and summary of a step of GitHub Actions; of run, send and watch
    Github,
}

impl OutputFormat {
    /// How they are written.
    pub(crate) fn format(self) -> Format {
        match self {
            Self::Text | Self::Github => Format::Text,
            Self::Json => Format::Json,
            Self::Jsonl => Format::Jsonl,
        }
    }
}

/// How results and errors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
    Jsonl,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless an environment variable says otherwise
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a run and wait for it to finish
    Run(RunArgs),
    /// Send a follow-up message and wait for that turn to finish
    ///
    /// A run that is still in progress accepts the message immediately. What the agent writes
    /// before the message is left out; what it writes after it counts as the answer, since the API
    /// does not say which message an answer belongs to.
    Send(SendArgs),
    /// Show the status and transcript of a run
    Get(GetArgs),
    /// Follow a run until it finishes
    Watch(WatchArgs),
    /// Wait for one or more runs to finish
    Wait(WaitArgs),
    /// Stop one or more runs
    Stop(StopArgs),
    /// Show a run and its descendants as a tree
    Tree(TreeArgs),
    /// List what was started from here, by key
    Runs(RunsArgs),
    /// Say which run a key has started of which nobody knows
    Resolve(ResolveArgs),
    /// Free a key of which nobody knows, so that it is started again
    ///
    /// Look in the workspace (or Slack) before: a run that the key has started all the same goes on
    /// beside the next one.
    Retry(RetryArgs),
    /// Chat with an agent, turn by turn
    Chat(ChatArgs),
    /// Start many runs from a file and write their results
    ///
    /// The results are JSON lines; on a terminal, text.
    Batch(BatchArgs),
    /// Serve an assistant over MCP on standard input and output
    ///
    /// To be started by an assistant that speaks the Model Context Protocol, as its configuration says. Its
    /// tools list what was started from here, and read, wait for and stop runs; with --allow-start they
    /// also start runs, each once for its key, and send messages. Ends with standard input.
    #[cfg(feature = "mcp")]
    Mcp(McpArgs),
    /// List the workspaces that the credentials reach
    ///
    /// A company token needs no workspace for this.
    Workspaces,
    /// Work with the files that define agents
    #[cfg(feature = "emulator")]
    #[command(subcommand)]
    Agents(AgentsCommand),
    /// Ask for the endpoint and credentials, and save them to the credentials file
    Login,
    /// Check the endpoint, the credentials, and what the backend supports
    ///
    /// Starts nothing and sends no message. Each line that failed says what to do about it.
    #[command(after_help = CHECKUP_STATUSES)]
    Doctor,
    /// Generate a completion script for a shell
    Completions {
        /// Shell to generate the script for
        shell: Shell,
    },
    /// Print schemas, check GraphQL documents, show what changed for them
    Schema {
        #[command(subcommand)]
        command: SchemaCommand,
    },
    /// Print version
    #[command(hide = true)]
    Version,
    /// Run an emulator of the API until Ctrl-C is pressed
    #[cfg(feature = "emulator")]
    #[command(disable_help_flag = true)]
    Emulator {
        /// Options of the emulator; to list them: dinoai emulator --help
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "OPTIONS"
        )]
        options: Vec<OsString>,
    },
}

/// What is done with the files that define agents.
#[cfg(feature = "emulator")]
#[derive(Debug, Subcommand)]
pub(crate) enum AgentsCommand {
    /// Check the files that define agents
    ///
    /// Needs no account. What the vendor refuses is an error, with exit status 1; what is probably not
    /// meant so, a key that is not known for one, is a warning.
    Check {
        /// Folder with the files, <AGENT>.yml
        #[arg(default_value = ".dinoai/agents", value_name = "FOLDER")]
        folder: PathBuf,
    },
}
