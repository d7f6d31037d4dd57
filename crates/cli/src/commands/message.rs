//! The message of a run or a turn: from the command line, from a file or from standard input.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::report::Failure;

/// The message as the options give it: itself, `-` for standard input, or a file. `None` if
/// they give none; standard input is not looked at then, since it may be somebody else's.
///
/// Blocks until it has been read whole.
pub(crate) fn read(
    given: Option<String>,
    file: Option<PathBuf>,
) -> Result<Option<String>, Failure> {
    let (text, source) = match (given, file) {
        (Some(given), _) if given == "-" => (from_stdin()?, "standard input".to_owned()),
        (Some(given), _) => return Ok(Some(given)),
        (None, Some(file)) if file == Path::new("-") => {
            (from_stdin()?, "standard input".to_owned())
        }
        (None, Some(file)) => {
            let shown = file.display().to_string();
            let text = fs::read_to_string(&file).map_err(|error| unreadable(&shown, &error))?;
            (text, shown)
        }
        (None, None) => return Ok(None),
    };
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(Failure::usage(format!("no message in {source}")));
    }
    Ok(Some(text.to_owned()))
}

/// The message given, else what comes from a pipe, as the vendor's command has it.
///
/// A terminal and `/dev/null` are no pipes: who has neither typed a message nor piped one wants
/// none.
pub(crate) fn given_or_piped(given: Option<String>) -> Result<Option<String>, Failure> {
    if given.is_some() || !is_piped() {
        return read(given, None);
    }
    let text = from_stdin()?;
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    match io::stdin().read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(unreadable("standard input", &error)),
    }
}

fn unreadable(source: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot read the message from {source}: {error}"))
}

/// Whether somebody sends something to standard input: a pipe, a file or a socket.
#[cfg(unix)]
fn is_piped() -> bool {
    use rustix::fs::{FileType, fstat};

    fstat(io::stdin()).is_ok_and(|stat| {
        matches!(
            FileType::from_raw_mode(stat.st_mode),
            FileType::Fifo | FileType::RegularFile | FileType::Socket
        )
    })
}

/// Whether somebody sends something to standard input.
#[cfg(not(unix))]
fn is_piped() -> bool {
    use std::io::IsTerminal;

    !io::stdin().is_terminal()
}
