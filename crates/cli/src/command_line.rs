//! [`parse_arguments`] parses the command line. What it returns in place of one, help, a version or a
//! refusal, is shown by [`refuse`], in the format that was asked for.

use std::ffi::OsString;
use std::io;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, CommandFactory, FromArgMatches, ValueEnum};

use crate::args::{Cli, Color, OutputFormat};
use crate::output::{Output, Stream};
use crate::report::{ExitStatus, Failure};

/// The command line, or help, a version or a refusal that is to be shown by [`refuse`].
pub(crate) fn parse_arguments(arguments: &[OsString]) -> Result<Cli, clap::Error> {
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

/// With the option of a message, if one seems to have been given without it.
fn with_tip(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let Some(ContextValue::String(unexpected)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    if unexpected.starts_with('-') {
        return error;
    }
    let tip = arguments.iter().find_map(|word| match word.to_str()? {
        "run" => Some("pass the message with -m: dinoai run AGENT -m TEXT"),
        "send" => Some("pass the message with -m: dinoai send SESSION -m TEXT"),
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

/// Help and version are results; anything else is a failure, in the format that was asked for.
pub(crate) fn refuse(refusal: &clap::Error, arguments: &[OsString]) -> ExitStatus {
    let format: OutputFormat = asked(arguments, "--output").unwrap_or_default();
    if !refusal.use_stderr() || format == OutputFormat::Text && are_harmless(arguments) {
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
        output.block_until_written(None);
    }
    if refusal.use_stderr() {
        ExitStatus::Usage
    } else {
        ExitStatus::Done
    }
}

/// Whether nothing of them would be obeyed if they are quoted.
fn are_harmless(arguments: &[OsString]) -> bool {
    let stderr = Stream::stderr(Color::Never);
    let mut texts = arguments.iter().map(|text| text.to_string_lossy());
    texts.all(|text| stderr.safe(&text) == text)
}

/// What arguments ask for with an option, if they cannot be understood as a whole, or not yet.
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
