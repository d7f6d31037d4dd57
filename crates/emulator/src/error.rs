//! Why an emulator could not be started, or a fault not be planned: [`Error`], with a [`Diagnostic`]
//! for what is wrong in which line of a file.
//!
//! A started emulator responds to every request, so this is the only error of the crate. What comes from
//! files is shown without anything that a terminal acts on: [`one_line`].

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// Why an emulator could not be started, or a fault not be planned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The port could not be listened on, most often because another program has it.
    #[error(
        "cannot listen on {host}, port {port}: {source}; choose another port, or 0 for a free one"
    )]
    Listen {
        /// The address that was asked for.
        host: IpAddr,
        /// The port that was asked for.
        port: u16,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system refused the thread or the event queue that the emulator runs on.
    #[error("cannot start the emulator's thread: {0}")]
    Thread(#[source] io::Error),
    /// The SDL of [`Backend::sdl`](crate::Backend::sdl) is not a valid schema.
    #[error("the backend's SDL is not a valid schema: {0}")]
    Sdl(String),
    /// A file or a folder could not be read.
    #[error("cannot read {}: {source}", one_line(&file.to_string_lossy()))]
    File {
        /// What was to be read.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// What [`Builder::allow_host`](crate::Builder::allow_host) was given is not a host.
    #[error("'{0}' is not a host: write its name or address without scheme, port and path")]
    HostName(String),
    /// A fault that cannot happen, or one more than a [plan](crate::Fault#limits) holds.
    #[error("the fault is not planned: {0}")]
    Fault(String),
    /// Files of agents, or of scenarios, are not what they should be, or one of agents cannot be read.
    #[error("{}", listed(.0))]
    Files(Vec<Diagnostic>),
}

/// One diagnostic a line.
fn listed(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// How much it matters what a [`Diagnostic`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Level {
    /// The file is not what it should be.
    Error,
    /// Something in it is probably not meant so.
    Warning,
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing that is wrong with a file.
///
/// Shown as `file:line: message`, on one line and without anything that a terminal acts on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// How much it matters. What keeps an emulator from starting is an error.
    pub level: Level,
    /// The file, as it was named.
    #[serde(serialize_with = "lossily")]
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in that line, from 1, in characters.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
    /// All of it as the Rust compiler shows it: level and message, place, and the line with a caret
    /// below the column. Several lines, without anything that a terminal acts on. Not in JSON.
    #[serde(skip)]
    pub rendered: String,
}

/// A path in JSON, which cannot hold what is not Unicode.
fn lossily<S: Serializer>(file: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&file.to_string_lossy())
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.to_string_lossy();
        let (file, message) = (one_line(&file), one_line(&self.message));
        write!(formatter, "{file}:{}: {message}", self.line)
    }
}

/// The text on one line, without anything that a terminal would act on or a CI system take for a
/// command: control characters, marks of direction and the second of two `#` are escaped.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    let is_plain = |character| !is_active(character);
    if text.chars().all(is_plain) && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    let mut before = None;
    for character in text.chars() {
        if is_active(character) || (character == '#' && before == Some('#')) {
            // Texts take everything.
            let _ = write!(escaped, "{}", character.escape_unicode());
        } else {
            escaped.push(character);
        }
        before = Some(character);
    }
    Cow::Owned(escaped)
}

/// Control characters, line separators, and what changes the direction of a text.
fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_escaped_and_nothing_else() {
        for plain in ["", "a b", "stg_orders: '#1'", "ä 日本 👩\u{200d}💻"] {
            assert!(matches!(one_line(plain), Cow::Borrowed(same) if same == plain));
        }
        for (text, shown) in [
            ("a\n::b\r\t", r"a\u{a}::b\u{d}\u{9}"),
            ("\u{1b}[31m\u{9b}", r"\u{1b}[31m\u{9b}"),
            ("a\u{202e}b\u{2066}", r"a\u{202e}b\u{2066}"),
            ("##vso[a]", r"#\u{23}vso[a]"),
            ("###", r"#\u{23}\u{23}"),
        ] {
            assert_eq!(one_line(text), shown);
        }
    }
}
