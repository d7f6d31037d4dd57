//! What is wrong with a file, and where.

use std::fmt;
use std::path::PathBuf;

use super::sanitize::sanitize;

/// One thing that is wrong with a file that an emulator was given.
///
/// Shown as `file:line: message`, on one line and without anything that a terminal acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.to_string_lossy();
        let (file, message) = (sanitize(&file), sanitize(&self.message));
        write!(formatter, "{file}:{}: {message}", self.line)
    }
}
