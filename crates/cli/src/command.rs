//! The commands, a module each, and what they have in common: options, signals, the exit status.

mod batch;
mod chat;
mod compat;
mod completions;
mod get;
mod login;
mod run;
mod schema;
mod send;
mod stop;
mod tree;
mod wait;
mod watch;

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, CommandFactory, FromArgMatches, ValueEnum};
use dinoai::{CallFuture, Client, SessionId};

use crate::account::{Account, emulator};
#[cfg(feature = "emulator")]
use crate::args::{Cli, Color, Command, Format};
use crate::follow::AnswerFile;
use crate::interrupt::{Interrupts, Listener};
use crate::output::{Output, Stream, traces};
use crate::report::{ExitStatus, Failure, Kind, Signal};

/// What a command that talks to the API is given.
pub(crate) struct Desk<'a> {
    pub(crate) client: &'a Client,
    pub(crate) output: &'a Output,
    pub(crate) interrupts: &'a mut Interrupts,
}

impl Desk<'_> {
    /// Awaits a call about a run that starts nothing, unless the command is interrupted.
    async fn read<T>(&mut self, id: &SessionId, call: CallFuture<T>) -> Result<T, Failure> {
        self.output.show_activity_of(id, "reading");
        let done = tokio::select! {
            done = call => done.map_err(Failure::from),
            signal = self.interrupts.next() => Err(interrupted(signal)),
        };
        self.output.clear_progress();
        done.map_err(|failure| failure.about(id))
    }

    /// Waits until what was read of a run has reached its reader. A reader that has enough of it
    /// is none that misses something.
    async fn shown(&mut self, id: &SessionId) -> Result<ExitStatus, Failure> {
        let shown = tokio::select! {
            () = self.output.settled() => Ok(ExitStatus::Done),
            signal = self.interrupts.next() => Err(interrupted(signal)),
        };
        let exit = shown.map_err(|failure| failure.about(id))?;
        match self.output.stdout_error() {
            Some(lost) if !lost.is_closed => Err(lost.failure("").about(id)),
            _ => Ok(exit),
        }
    }
}

/// Runs the command with these arguments, the program's name first.
pub(crate) fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitStatus {
    let arguments: Vec<_> = arguments.into_iter().collect();
    match parse(&arguments) {
        Ok(options) => carry_out(options),
        Err(refusal) => refuse(&refusal, &arguments),
    }
}

fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    // Help and refusals have the colours of everything else. What clap makes of the environment
    // differs.
    let color = asked(arguments, "--color").unwrap_or_default();
    let choice = |stream: Stream| match stream.is_coloured {
        true => ColorChoice::Always,
        false => ColorChoice::Never,
    };
    let mut command = Cli::command().color(choice(Stream::stderr(color)));
    let mut matches = command
        .try_get_matches_from_mut(arguments)
        .map_err(|error| match error.use_stderr() {
            true => with_tip(error, arguments),
            false => error.with_cmd(&command.clone().color(choice(Stream::stdout(color)))),
        })?;
    let options = Cli::from_arg_matches_mut(&mut matches);
    options.map_err(|error| error.format(&mut command))
}

/// With the option of a message, where one seems to have been given without it.
fn with_tip(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let Some(ContextValue::String(unexpected)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    if unexpected.starts_with('-') {
        return error;
    }
    let tip = arguments.iter().find_map(|word| match word.to_str()? {
        "run" => Some("the message comes after -m: dinoai run AGENT -m TEXT"),
        "send" => Some("the message comes after -m: dinoai send SESSION -m TEXT"),
        _ => None,
    });
    if let (ErrorKind::UnknownArgument, Some(tip)) = (error.kind(), tip) {
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![tip.into()]),
        );
    }
    error
}

fn carry_out(arguments: Cli) -> ExitStatus {
    let output = Output::new(&arguments.global);
    traces::show(arguments.global.verbose, &output);
    let exit = dispatch(arguments, &output).unwrap_or_else(|failure| {
        output.clear_progress();
        output.failure(&failure);
        failure.exit
    });
    output.clear_progress();
    // Whoever has interrupted the command does not wait for a reader.
    output.finish(match exit {
        ExitStatus::Interrupted(_) => Some(LAST_WRITE),
        _ => None,
    });
    exit
}

/// How long an interrupted command waits for the readers of its last words.
const LAST_WRITE: Duration = Duration::from_millis(500);

fn dispatch(arguments: Cli, output: &Output) -> Result<ExitStatus, Failure> {
    let Cli {
        compat,
        global,
        command,
    } = arguments;
    if command.is_some() && compat.is_used() {
        return Err(Failure::usage(
            "options of the command come after its name: dinoai run … -m TEXT",
        ));
    }
    let is_bare = command.is_none() && !compat.is_used();
    let command = match command {
        Some(Command::Login) => return login::login(&global, output),
        Some(Command::Completions { shell }) => return completions::print(shell, output),
        Some(Command::Schema { of }) => return schema::print(of, output),
        Some(Command::Version) => {
            return output.print_result(concat!("dinoai ", env!("CARGO_PKG_VERSION")));
        }
        #[cfg(feature = "emulator")]
        Some(Command::Emulator { options }) => return Ok(emulator(options)),
        Some(command) => command,
        None => compat::command(compat)?,
    };
    #[cfg(feature = "emulator")]
    if global.emulator {
        emulator::refuse_outliving(&command)?;
    }
    // What may block is read before anything is sent, and while Ctrl-C just ends the command.
    let command = match command {
        Command::Run(run) => Command::Run(run.with_message()?),
        Command::Send(send) => Command::Send(send.with_message()?),
        command => command,
    };
    let account = Account::open(&global, output).map_err(|failure| match is_bare {
        true => failure.with_further_hint("what there is: `dinoai --help`"),
        false => failure,
    })?;
    let answer_file = AnswerFile::of(&command, &global)?;
    let client = &account.client;
    // Reads files and pipes: while nothing listens for signals yet, they end the process.
    let prepared = match &command {
        Command::Batch(options) => Some(batch::prepare(options, output)?),
        _ => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::system(format!("cannot start: {error}")))?;
    let mut interrupts = Listener::start(output)
        .map_err(|error| Failure::system(format!("cannot listen for signals: {error}")))?;
    let carried_out = async {
        let desk = Desk {
            client,
            output,
            interrupts: &mut interrupts,
        };
        let done = match command {
            Command::Batch(_) => match prepared {
                Some(prepared) => batch::batch(desk, prepared).await,
                None => Ok(ExitStatus::Done),
            },
            Command::Run(options) => run::run(desk, options, answer_file).await,
            Command::Send(options) => send::send(desk, options, answer_file).await,
            Command::Get(options) => get::get(desk, options).await,
            Command::Watch(options) => watch::watch(desk, options, answer_file).await,
            Command::Wait(options) => wait::wait(desk, options).await,
            Command::Stop(options) => stop::stop(desk, options).await,
            Command::Tree(options) => tree::tree(desk, options).await,
            Command::Chat(options) => chat::chat(desk, options).await,
            Command::Login
            | Command::Completions { .. }
            | Command::Schema { .. }
            | Command::Version => Ok(ExitStatus::Done),
            #[cfg(feature = "emulator")]
            Command::Emulator { .. } => Ok(ExitStatus::Done),
        };
        let done = done.map_err(|failure| Account::explain_unreached(failure, &global));
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
                () = output.settled() => failure.exit,
                signal = interrupts.next() => ExitStatus::Interrupted(signal),
            });
        }
    };
    tokio::select! {
        () = output.settled() => Ok(exit),
        signal = interrupts.next() => Err(interrupted(signal)),
    }
}

/// Interrupted while nothing was started, stopped or waited for.
fn interrupted(signal: Signal) -> Failure {
    Failure::new(
        Kind::Interrupted,
        ExitStatus::Interrupted(signal),
        "interrupted",
    )
}

#[cfg(feature = "emulator")]
fn emulator(options: Vec<OsString>) -> ExitStatus {
    let name = OsString::from("dinoai emulator");
    let done = dinoai_emulator::program::main([name].into_iter().chain(options));
    if done == std::process::ExitCode::SUCCESS {
        return ExitStatus::Done;
    }
    ExitStatus::Usage
}

/// Help and version are results; anything else is a failure, in the format that was asked for.
fn refuse(refusal: &clap::Error, arguments: &[OsString]) -> ExitStatus {
    let format: Format = asked(arguments, "--output").unwrap_or_default();
    if !refusal.use_stderr() || format == Format::Text && are_harmless(arguments) {
        if let Err(error) = refusal.print()
            && !refusal.use_stderr()
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return ExitStatus::Unavailable;
        }
    } else {
        let message = refusal.to_string();
        let message = message.trim().trim_start_matches("error: ");
        let output = Output::plain(format);
        output.failure(&Failure::usage(message));
        output.finish(None);
    }
    if refusal.use_stderr() {
        ExitStatus::Usage
    } else {
        ExitStatus::Done
    }
}

/// Whether nothing of them would be obeyed where they are quoted.
fn are_harmless(arguments: &[OsString]) -> bool {
    let stderr = Stream::stderr(Color::Never);
    let mut texts = arguments.iter().map(|text| text.to_string_lossy());
    texts.all(|text| stderr.safe(&text) == text)
}

/// What arguments ask for with an option, where they cannot be understood as a whole, or not yet.
fn asked<T: ValueEnum>(arguments: &[OsString], option: &str) -> Option<T> {
    let texts: Vec<_> = arguments
        .iter()
        .map(|text| text.to_string_lossy())
        .collect();
    let joined = texts.iter().filter_map(|text| {
        let value = text.strip_prefix(option)?.strip_prefix('=')?;
        Some(value.to_owned())
    });
    let apart = texts
        .windows(2)
        .filter(|pair| pair[0] == option)
        .map(|pair| pair[1].clone().into_owned());
    joined
        .chain(apart)
        .find_map(|value| T::from_str(&value, false).ok())
}
