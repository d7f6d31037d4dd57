//! What a batch reads its items from: a file, or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::items::{self, Item};
use crate::file_identity::FileIdentity;
use crate::report::Failure;

/// The items, and the file that they are from.
pub(super) struct Input {
    pub(super) items: Vec<Item>,
    pub(super) identity: Option<FileIdentity>,
}

/// Reads all items, before any is started; `-` is standard input.
///
/// Waits for as long as whoever writes to a pipe does.
pub(super) fn read(file: &Path) -> Result<Input, Failure> {
    let shown = match is_stdin(file) {
        true => "standard input".to_owned(),
        false => file.display().to_string(),
    };
    let (bytes, identity) = read_bytes(file)
        .map_err(|error| Failure::usage(format!("cannot read {shown}: {error}")))?;
    for (stream, other) in [
        ("standard output", FileIdentity::of_stdout()),
        ("standard error", FileIdentity::of_stderr()),
    ] {
        if identity.is_some() && identity == other {
            return Err(Failure::usage(format!(
                "{stream} is redirected into the batch file; redirect it elsewhere; nothing was started"
            )));
        }
    }
    let refuse = |problem: &str| Failure::usage(format!("{shown}, {problem}; nothing was started"));
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let before = bytes.iter().take(error.valid_up_to());
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        refuse(&format!("line {line}: the text is not valid UTF-8"))
    })?;
    let items = items::parse(file, text).map_err(|problem| refuse(&problem))?;
    if items.is_empty() {
        return Err(Failure::usage(format!(
            "nothing to do: {shown} has no items; nothing was started"
        )));
    }
    Ok(Input { items, identity })
}

pub(super) fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn read_bytes(file: &Path) -> io::Result<(Vec<u8>, Option<FileIdentity>)> {
    let mut bytes = vec![];
    let identity = if is_stdin(file) {
        io::stdin().lock().read_to_end(&mut bytes)?;
        FileIdentity::of_stdin()
    } else {
        let mut opened = File::open(file)?;
        opened.read_to_end(&mut bytes)?;
        FileIdentity::of(&opened, file)
    };
    Ok((bytes, identity))
}
