//! Reads a text file that has a largest size.

use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a file: a schema of a thousand types takes a few of them.
pub(crate) const LARGEST: u64 = 16 << 20;

/// The text of a file that is no larger than `largest` bytes. A pipe is read, too, since a shell makes one of
/// `<(command)`; a device may have no end.
pub(crate) fn text_of(file: &Path, largest: u64) -> io::Result<String> {
    let found = fs::metadata(file)?.file_type();
    if !found.is_file() && !is_pipe(found) {
        return Err(io::Error::other("it is neither a file nor a pipe"));
    }
    let mut bytes = Vec::new();
    // What a pipe has cannot be asked for before.
    File::open(file)?
        .take(largest + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        return Err(io::Error::other(too_large(largest)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        let lines = error.as_bytes()[..start].iter().filter(|it| **it == b'\n');
        let line = 1 + lines.count();
        io::Error::other(format!("it is not UTF-8 (line {line}); save it as UTF-8"))
    })
}

/// What is said of a text of more bytes than this.
pub(crate) fn too_large(largest: u64) -> String {
    format!("it has more than {} MiB", largest >> 20)
}

#[cfg(unix)]
fn is_pipe(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&kind)
}

#[cfg(not(unix))]
fn is_pipe(_: FileType) -> bool {
    false
}
