//! The command line as clap reads it: global options here, those of a command in [`commands`].
//!
//! Their comments are the help pages.

mod commands;
pub(crate) mod duration;
mod waiting;

#[cfg(feature = "emulator")]
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use dinoai::SessionId;

use commands::session_id;
pub(crate) use commands::{
    AnswerArgs, BatchArgs, ChatArgs, GetArgs, RequestArgs, RunArgs, SendArgs, StopArgs, TreeArgs,
    WaitArgs, WatchArgs,
};
pub(crate) use waiting::{AtTimeout, FollowArgs, OnInterrupt, PollArgs};

const EXIT_STATUSES: &str = "\
Exit status:
  0         the run (all runs) completed; a read, a stop or --detach succeeded
  1         a run waited for ended failed, stopped or expired
  2         usage or configuration, before anything was sent
  3         credentials refused
  4         time out, or the turn has not started: still going
  5         not done: the API could not be reached, refused (an agent that it does not know, for
            one) or answered unusably, the result could not be written, or a run completed
            without the answer that --answer-file asks for
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

/// Run Paradime's DinoAI agents: start, wait, follow, talk
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
#[command(next_help_heading = "Without a command, as paradime dinoai")]
pub(crate) struct CompatArgs {
    /// Talk to this agent: .dinoai/agents/<AGENT>.yml
    #[arg(short, long)]
    pub(crate) agent: Option<String>,
    /// Send this message, and end after that turn; - reads it from standard input, as does a pipe
    /// without -m
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) message: Option<String>,
    /// Go on with this session
    #[arg(short, long, value_name = "SESSION", value_parser = session_id)]
    pub(crate) session: Option<SessionId>,
    /// Start a new session on this model family
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
#[command(next_help_heading = "Everywhere")]
pub(crate) struct GlobalArgs {
    /// Write results and errors in this format; json and jsonl have the API's field names
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "FORMAT"
    )]
    pub(crate) output: Format,
    /// Send requests to this URL. Its path identifies the company; given here, everybody on this
    /// machine sees it in the list of processes. The variable PARADIME_API_ENDPOINT hides it from
    /// there
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Read credentials that the environment does not have from this file [default:
    /// ~/.paradime/credentials]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) credentials_file: Option<PathBuf>,
    /// Use an emulator of the API that ends with this command: needs no account, starts no agent
    #[cfg(feature = "emulator")]
    #[arg(long, global = true, conflicts_with_all = ["endpoint", "credentials_file"])]
    pub(crate) emulator: bool,
    /// Suppress everything on standard error except errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Show each change of a status; twice, also what failed and is tried again; never texts or
    /// credentials
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Use colours
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

/// How results and errors are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document; of batch, one a line
    Json,
    /// One JSON document a line, as things happen
    Jsonl,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless the environment says otherwise
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
    /// A run that is still at work takes the message at once. What it says before that is left
    /// out; what it says after it counts as the answer, since the API does not say which message
    /// it is to.
    Send(SendArgs),
    /// Show the status and the transcript of a run
    Get(GetArgs),
    /// Follow a run until it finishes; the exit status says how
    Watch(WatchArgs),
    /// Wait for several runs to finish, over few requests
    Wait(WaitArgs),
    /// Stop runs
    Stop(StopArgs),
    /// Show a run and its descendants as a tree
    Tree(TreeArgs),
    /// Talk with an agent, turn by turn
    Chat(ChatArgs),
    /// Start many runs and write their results as JSON lines, or as text on a terminal
    Batch(BatchArgs),
    /// Ask for endpoint and credentials and write the credentials file
    Login,
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the JSON schema of what commands write as JSON
    Schema {
        /// What to print the schema of
        of: SchemaOf,
    },
    /// Print version
    #[command(hide = true)]
    Version,
    /// Run an emulator of the API until Ctrl-C
    #[cfg(feature = "emulator")]
    #[command(disable_help_flag = true)]
    Emulator {
        /// The emulator's own options: dinoai emulator --help lists them
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
    /// Results and errors with --output json and jsonl
    Output,
}
