//! The commands, a module each. They share [`context`], [`message`], [`run_entry`] and
//! [`failure_groups`], and `chat` and `batch` start runs by [`run::trigger_run`]. [`compat`] chooses a
//! command if none is named.
//!
//! [`execute`] makes the output and calls [`dispatch`]. Commands that send nothing (login,
//! completions, runs, agents, schema unless it asks for the API's, version, emulator) are called at once.
//! For any other one it reads the
//! message, opens the account, checks what is to be done with the answer, prepares a batch, listens for
//! signals, and only then calls the command, with a [`Context`]. [`finish`] reports a failure and
//! waits until everything is written.

#[cfg(feature = "emulator")]
mod agents;
mod batch;
mod chat;
mod compat;
mod completions;
mod context;
mod doctor;
mod failure_groups;
mod get;
mod keys;
mod login;
#[cfg(feature = "mcp")]
mod mcp;
mod message;
mod run;
mod run_entry;
mod schema;
mod send;
mod stop;
mod tree;
mod wait;
mod watch;
mod workspaces;

use std::time::Duration;

#[cfg(feature = "emulator")]
use crate::account::refuse_outliving;
use crate::account::{Account, Scope};
use crate::args::{Cli, Command};
use crate::follow::AnswerUse;
use crate::interrupt::{Interrupts, Listener};
use crate::output::{Output, show_traces};
use crate::report::{ExitStatus, Failure};
use context::Context;

/// Runs the command that the arguments name, to its exit status.
pub(crate) fn execute(cli: Cli) -> ExitStatus {
    let output = Output::new(&cli.global);
    show_traces(cli.global.verbose, &output);
    let exit = dispatch(cli, &output).unwrap_or_else(|failure| {
        output.clear_progress();
        output.failure(&failure);
        failure.exit
    });
    output.clear_progress();
    // Whoever has interrupted the command does not wait for a reader.
    output.block_until_written(match exit {
        ExitStatus::Interrupted(_) => Some(LAST_WRITE),
        _ => None,
    });
    exit
}

/// How long an interrupted command waits for the readers of its last words.
const LAST_WRITE: Duration = Duration::from_millis(500);

fn dispatch(cli: Cli, output: &Output) -> Result<ExitStatus, Failure> {
    let Cli {
        compat,
        global,
        command,
    } = cli;
    if command.is_some() && compat.is_used() {
        return Err(Failure::usage(
            "options of a command go after its name: dinoai run … -m TEXT",
        ));
    }
    let is_bare = command.is_none() && !compat.is_used();
    let command = match command {
        Some(Command::Login) => return login::login(&global, output),
        Some(Command::Completions { shell }) => {
            return completions::print_completions(shell, output);
        }
        Some(Command::Runs(options)) => return keys::list(&options, &global, output),
        #[cfg(feature = "emulator")]
        Some(Command::Agents(command)) => return agents::agents(command, output),
        Some(Command::Schema { command }) if !command.needs_account() => {
            return schema::without_account(command, output);
        }
        Some(Command::Version) => {
            return output.print_result(concat!("dinoai ", env!("CARGO_PKG_VERSION")));
        }
        #[cfg(feature = "emulator")]
        Some(Command::Emulator { options }) => return Ok(run_emulator(options)),
        Some(command) => command,
        None => compat::command(compat)?,
    };
    #[cfg(feature = "emulator")]
    if global.emulator {
        refuse_outliving(&command)?;
    }
    // What may block is read before anything is sent, and while Ctrl-C just ends the command.
    let command = match command {
        Command::Run(run) => Command::Run(run.with_message()?),
        Command::Send(send) => Command::Send(send.with_message()?),
        command => command,
    };
    let scope = match command {
        Command::Workspaces => Scope::Company,
        _ => Scope::Workspace,
    };
    let account = match command {
        Command::Doctor => match doctor::open(&global, output) {
            Ok(account) => account,
            // It has said why there is none.
            Err(exit) => return Ok(exit),
        },
        _ => Account::open(&global, scope, output).map_err(|failure| match is_bare {
            true => failure.with_further_hint("for usage, see `dinoai --help`"),
            false => failure,
        })?,
    };
    let answer = AnswerUse::of(&command, &global)?;
    let client = &account.client;
    // Reads files and pipes: while nothing listens for signals yet, they end the process.
    let prepared = match &command {
        Command::Batch(options) => Some(batch::prepare(options)?),
        _ => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::system(format!("cannot start: {error}")))?;
    let mut interrupts = Listener::start(output)
        .map_err(|error| Failure::system(format!("cannot listen for signals: {error}")))?;
    let carried_out = async {
        let context = Context {
            client,
            output,
            interrupts: &mut interrupts,
            is_emulated: global.is_emulated(),
        };
        let done = match command {
            Command::Batch(_) => match prepared {
                Some(prepared) => batch::batch(context, prepared).await,
                None => Ok(ExitStatus::Done),
            },
            Command::Run(options) => run::run(context, options, answer).await,
            Command::Send(options) => send::send(context, options, answer).await,
            Command::Get(options) => get::get(context, options).await,
            Command::Watch(options) => watch::watch(context, options, answer).await,
            Command::Wait(options) => wait::wait(context, options).await,
            Command::Stop(options) => stop::stop(context, options).await,
            Command::Tree(options) => tree::tree(context, options).await,
            Command::Chat(options) => chat::chat(context, options).await,
            Command::Resolve(options) => keys::resolve(context, options).await,
            Command::Retry(options) => keys::retry(context, options).await,
            #[cfg(feature = "mcp")]
            Command::Mcp(options) => mcp::mcp(context, options, &global).await,
            Command::Workspaces => workspaces::workspaces(context).await,
            Command::Doctor => doctor::doctor(context, &global).await,
            Command::Schema { command } => schema::with_account(context, command).await,
            Command::Login | Command::Completions { .. } | Command::Runs(_) | Command::Version => {
                Ok(ExitStatus::Done)
            }
            #[cfg(feature = "emulator")]
            Command::Emulator { .. } | Command::Agents(_) => Ok(ExitStatus::Done),
        };
        let done = done.map_err(|failure| Account::explain(failure, &global, scope));
        finish(done, output, &mut interrupts).await
    };
    let done = runtime.block_on(async {
        tokio::select! {
            done = carried_out => done,
            never = output.heartbeats() => match never {},
        }
    });
    // Whatever still hangs, a look-up of a host's name for one, is not waited for.
    runtime.shutdown_background();
    done
}

/// Says what went wrong, and waits for the readers of what was written.
async fn finish(
    done: Result<ExitStatus, Failure>,
    output: &Output,
    interrupts: &mut Interrupts,
) -> Result<ExitStatus, Failure> {
    let exit = match done {
        Ok(exit) => exit,
        Err(failure) => {
            output.clear_progress();
            // At once: the reader of the result may never read on.
            output.failure(&failure);
            if let ExitStatus::Interrupted(_) = failure.exit {
                return Ok(failure.exit);
            }
            return Ok(tokio::select! {
                () = output.until_written() => failure.exit,
                signal = interrupts.next() => ExitStatus::Interrupted(signal),
            });
        }
    };
    tokio::select! {
        () = output.until_written() => Ok(exit),
        signal = interrupts.next() => Err(Failure::interrupted_idle(signal)),
    }
}

#[cfg(feature = "emulator")]
fn run_emulator(options: Vec<std::ffi::OsString>) -> ExitStatus {
    let name = std::ffi::OsString::from("dinoai emulator");
    let done = dinoai_emulator::program::main([name].into_iter().chain(options));
    if done == std::process::ExitCode::SUCCESS {
        return ExitStatus::Done;
    }
    ExitStatus::Usage
}
