//! The account that is used: [`Account::open`] makes a client of the endpoint and credentials that
//! the options, the environment or the credentials file name, or of an emulator in place of both.
//!
//! [`Account::explain`] adds to a failure what may be wrong with the account. Where the
//! credentials file is ([`credentials_file`]), and who can read and write it, is decided here; what
//! is in it, the library reads and writes. With `--emulator`, [`refuse_outliving`] refuses a command
//! that needs a run of another command.

#[cfg(unix)]
use std::fs;
use std::path::{Path, PathBuf};

use dinoai::Client;

use crate::args::GlobalArgs;
#[cfg(feature = "emulator")]
use crate::args::{BatchArgs, ChatArgs, Command, RunArgs};
use crate::environment;
use crate::output::Output;
use crate::report::{Failure, FailureKind};

/// A client, and what it needs to live.
pub(crate) struct Account {
    pub(crate) client: Client,
    /// Held for its drop, which ends it.
    #[cfg(feature = "emulator")]
    _emulator: Option<dinoai_emulator::Emulator>,
}

impl Account {
    /// The account that the options ask for. Sends nothing.
    pub(crate) fn open(
        global: &GlobalArgs,
        scope: Scope,
        output: &Output,
    ) -> Result<Self, Failure> {
        #[cfg(feature = "emulator")]
        if global.is_emulated() {
            return start_emulator();
        }
        if let Some(path) = &credentials_file(global) {
            warn_if_others_can_read(path, output);
        }
        Ok(Self {
            client: client(global, scope)?,
            #[cfg(feature = "emulator")]
            _emulator: None,
        })
    }

    /// The same account without a workspace, once [`open`](Self::open) has said that none is named.
    pub(crate) fn without_workspace(global: &GlobalArgs) -> Result<Self, Failure> {
        Ok(Self {
            client: company_client(global)?,
            #[cfg(feature = "emulator")]
            _emulator: None,
        })
    }

    /// Whether a failure says that nothing names an account.
    pub(crate) fn is_missing(failure: &Failure) -> bool {
        failure.kind == FailureKind::InvalidConfig
            && [" is missing: ", " are missing: "]
                .iter()
                .any(|words| failure.message.contains(words))
    }

    /// Whether a failure says that a company token has no workspace, and nothing else is missing.
    pub(crate) fn lacks_workspace_alone(failure: &Failure) -> bool {
        failure.message.starts_with("PARADIME_WORKSPACE_UID (")
    }

    /// The failure of a command, with what is the likely cause where the account is: credentials
    /// that were refused beside a workspace, or an emulator that has ended.
    pub(crate) fn explain(failure: Failure, global: &GlobalArgs, scope: Scope) -> Failure {
        // What lists the workspaces names none.
        let names_workspace = scope == Scope::Workspace
            && (global.workspace.is_some() || failure.message.contains("workspace uid"));
        match failure.kind == FailureKind::Unauthorized && names_workspace {
            true => failure.with_further_hint(WORKSPACES),
            false => Self::explain_unreached(failure, global),
        }
    }

    /// The same of one that could not reach this very machine.
    fn explain_unreached(failure: Failure, global: &GlobalArgs) -> Failure {
        const LOCAL: [&str; 3] = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];

        let endpoint = global
            .endpoint
            .clone()
            .or_else(environment::endpoint)
            .unwrap_or_default();
        let is_local = LOCAL.iter().any(|start| endpoint.trim().starts_with(start));
        match is_local
            && failure.kind == FailureKind::NotSent
            && failure.message.contains("refused")
        {
            true => failure.with_further_hint("is the emulator still running?"),
            false => failure,
        }
    }
}

/// A client of what options, environment and credentials file name.
fn client(global: &GlobalArgs, scope: Scope) -> Result<Client, Failure> {
    let builder =
        Client::builder().user_agent_suffix(concat!("dinoai-cli/", env!("CARGO_PKG_VERSION")));
    // Beside an endpoint that is given, the credentials alone are looked for.
    let builder = match &global.endpoint {
        Some(endpoint) => builder.endpoint(endpoint),
        None => builder,
    };
    let builder = match (scope, &global.workspace) {
        (Scope::Company, _) => builder.without_workspace(),
        (Scope::Workspace, Some(uid)) => builder.workspace(uid),
        (Scope::Workspace, None) => builder,
    };
    let builder = match credentials_file(global) {
        Some(file) => builder.from_env_or_file_at(file),
        None => builder.from_env(),
    };
    Ok(builder.map_err(missing)?.build()?)
}

/// A client of the same account that names no workspace. Sends nothing.
pub(crate) fn company_client(global: &GlobalArgs) -> Result<Client, Failure> {
    client(global, Scope::Company)
}

/// What a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The runs of one workspace.
    Workspace,
    /// All workspaces: none is named, since the one that is set may be the wrong one.
    Company,
}

/// The command that says which workspaces there are.
pub(crate) const WORKSPACES: &str = "to see which workspaces there are: dinoai workspaces";

/// Why there is no account, and what works without one.
fn missing(error: dinoai::Error) -> Failure {
    let failure = Failure::from(error);
    // Nothing else is.
    if Account::lacks_workspace_alone(&failure) {
        return failure
            .with_hint(WORKSPACES)
            .with_further_hint("to use one of them, add --workspace UID");
    }
    match Account::is_missing(&failure) && cfg!(feature = "emulator") {
        true => failure.with_hint(
            "without an account, use --emulator for one command or `dinoai emulator` for several",
        ),
        false => failure,
    }
}

/// Where the credentials file is, or would be. `None` if there is no home.
pub(crate) fn credentials_file(global: &GlobalArgs) -> Option<PathBuf> {
    global
        .credentials_file
        .clone()
        .or_else(|| Some(environment::paradime_folder()?.join("credentials")))
}

/// Refuses a file that cannot be written, as far as can be seen without writing it.
pub(crate) fn refuse_unwritable(path: &Path) -> Result<(), Failure> {
    let refuse = |problem: &dyn std::fmt::Display| {
        let path = path.display();
        Failure::usage(format!(
            "cannot write the credentials file {path}: {problem}"
        ))
    };
    if path.is_dir() {
        return Err(refuse(&"it is a folder"));
    }
    // Where a link leads is where it is written. Folders that are missing are made.
    let target = path.canonicalize().or_else(|_| std::path::absolute(path));
    let target = target.map_err(|error| refuse(&error))?;
    let folder = target.ancestors().skip(1).find(|folder| folder.exists());
    match folder.map(tempfile::tempfile_in) {
        Some(Err(error)) => Err(refuse(&error)),
        _ => Ok(()),
    }
}

/// Warns if somebody else on this machine can read the file.
#[cfg(unix)]
fn warn_if_others_can_read(path: &Path, output: &Output) {
    use std::os::unix::fs::MetadataExt;

    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    if metadata.is_file() && metadata.mode() & 0o077 != 0 {
        let path = path.display();
        output.warning(&format!(
            "other users can read the credentials file {path}; to fix this: chmod 600 {path}"
        ));
    }
}

/// Windows keeps a home folder to its user.
#[cfg(not(unix))]
fn warn_if_others_can_read(_path: &Path, _output: &Output) {}

/// Starts the emulator, with agents that can be tried.
#[cfg(feature = "emulator")]
fn start_emulator() -> Result<Account, Failure> {
    let emulator = dinoai_emulator::Emulator::builder()
        .demo_agents()
        .start_blocking()
        .map_err(|error| Failure::system(format!("cannot start the emulator: {error}")))?;
    let credentials = dinoai::Credentials::key_and_secret(emulator.key(), emulator.secret());
    Ok(Account {
        client: Client::new(emulator.endpoint(), credentials)?,
        _emulator: Some(emulator),
    })
}

/// Refuses, with `--emulator`, a command about a run of an earlier command, and one that leaves a
/// run for a later command.
#[cfg(feature = "emulator")]
pub(crate) fn refuse_outliving(command: &Command) -> Result<(), Failure> {
    let problem = match command {
        Command::Run(RunArgs { detach: true, .. }) => "--detach leaves a run behind",
        Command::Batch(BatchArgs {
            resume: Some(_), ..
        }) => "--resume is for a later command",
        Command::Chat(ChatArgs {
            session: Some(_), ..
        })
        | Command::Chat(ChatArgs {
            continues: true, ..
        })
        | Command::Resolve(_)
        | Command::Retry(_)
        | Command::Send(_)
        | Command::Get(_)
        | Command::Watch(_)
        | Command::Wait(_)
        | Command::Stop(_)
        | Command::Tree(_) => "a session belongs to an earlier command",
        _ => return Ok(()),
    };
    Err(Failure::usage(format!(
        "{problem}, but the emulator of --emulator lasts for one command only; run `dinoai emulator` \
         in another terminal, and set the variables that it prints in this one instead"
    )))
}
