//! The program `dinoai-emulator` as a function, so that another program can have it as a command of
//! its own.

// `main` parses the `options`; `run` starts the emulator that they ask for, listens for `Signals`,
// prints the `introduction`, and waits for a signal.

mod introduction;
mod options;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

use clap::{CommandFactory, Parser};

use crate::emulator::Emulator;
use crate::error::one_line;
use crate::files::scenarios::scenario_schema;
use crate::json;
use introduction::Caller;
use options::Options;

/// Runs the program with these arguments, of which the first is the program's name as its help
/// shows it.
///
/// Returns after Ctrl-C or SIGTERM, or when the program cannot start.
///
/// It prints `export` lines on standard output and everything else on standard error. It uses no
/// runtime of the caller's, and may be called from within one, which it then blocks.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     let arguments = std::env::args_os().skip(2);
///     dinoai_emulator::program::main(["my-tool emulator".into()].into_iter().chain(arguments))
/// }
/// ```
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter().peekable();
    let caller = Caller::of(arguments.peek());
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(refused) => {
            // Nobody is left to read that this cannot be printed.
            let _ = refused.print();
            return u8::try_from(refused.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    // A thread of its own: a runtime cannot wait within another.
    let program = thread::spawn(move || run(options, caller));
    match program.join() {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(reason)) => {
            // A schema's text can stand in it; what is on several lines stays so.
            let lines: Vec<_> = reason.lines().map(one_line).collect();
            let _ = writeln!(io::stderr(), "{}: {}", caller.prefix(), lines.join("\n"));
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::FAILURE,
    }
}

/// The program's command line, for shell completions and manuals of another program that has it as
/// a command.
///
/// To run it, call [`main`].
///
/// ```
/// let command = dinoai_emulator::program::command();
/// assert!(command.get_arguments().any(|option| option.get_long() == Some("port")));
/// ```
pub fn command() -> clap::Command {
    Options::command()
}

fn run(options: Options, caller: Caller) -> Result<(), String> {
    if options.print_schema {
        let _ = writeln!(io::stdout(), "{}", json::pretty(&scenario_schema()));
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let has_demo_agents = options.has_demo_agents();
    let emulator: Emulator = options
        .builder()?
        .start_blocking()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        // Before anything is printed: whoever reads it may stop the program at once.
        let signals =
            Signals::listen().map_err(|error| format!("cannot wait for signals: {error}"))?;
        introduction::print(&emulator, has_demo_agents, caller);
        signals.wait().await;
        Ok(())
    })
}

/// Ctrl-C, or SIGTERM on Unix.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ctrl-C.
#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn wait(mut self) {
        self.0.recv().await;
    }
}
