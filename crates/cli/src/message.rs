//! The message that comes from a pipe.

use std::io::{self, Read};

use crate::failure::Failure;

/// The message given, else what comes from the pipe, if there is one.
///
/// A terminal and `/dev/null` are no pipes: who has neither typed a message nor piped one wants
/// none.
pub(crate) fn given_or_piped(given: Option<String>) -> Result<Option<String>, Failure> {
    if given.is_some() || !is_piped() {
        return Ok(given);
    }
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("the message cannot be read: {error}")))?;
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Whether somebody sends something to standard input: a pipe, a file or a socket.
#[cfg(unix)]
pub(crate) fn is_piped() -> bool {
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
pub(crate) fn is_piped() -> bool {
    use std::io::IsTerminal;

    !io::stdin().is_terminal()
}
