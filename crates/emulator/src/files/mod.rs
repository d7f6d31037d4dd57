//! The YAML files that an emulator can be given: the vendor's of agents, and ours of scenarios.
//! Both are read by [`read_yaml`], which knows the place of every value.
//!
//! What must hold for any file at all is said in `fuzzing`.

pub(crate) mod agents;
mod did_you_mean;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod keys;
pub(crate) mod scenarios;

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::{
    Error, Location, MergeKeyPolicy, MessageFormatter, NonFiniteFloatPolicy, Options,
    UserMessageFormatter,
};

use crate::error::{Diagnostic, Level};
use crate::snippet::{Lines, snippet};

/// What is wrong with a document: the place, from 1, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) message: String,
}

impl Flaw {
    /// One of the file as a whole.
    pub(crate) fn of_the_file(message: impl Into<String>) -> Self {
        Self {
            line: 1,
            column: 1,
            message: message.into(),
        }
    }

    /// One at a place as the reader counts it. What is missing at the end is found beyond the last
    /// line.
    pub(crate) fn at(text: &Lines<'_>, place: Location, message: impl Into<String>) -> Self {
        let number = |it: u64| usize::try_from(it).unwrap_or(1).max(1);
        let (line, lines) = (number(place.line()), text.count().max(1));
        Self {
            line: line.min(lines),
            column: match line > lines {
                true => 1,
                false => number(place.column()),
            },
            message: message.into(),
        }
    }

    /// What is said of it to whoever has given the file.
    pub(crate) fn diagnostic(self, level: Level, file: &Path, text: &Lines<'_>) -> Diagnostic {
        let Self {
            line,
            column,
            message,
        } = self;
        let name = file.to_string_lossy();
        Diagnostic {
            level,
            rendered: snippet(&name, text, line, column, level, &message),
            file: file.to_owned(),
            line,
            column,
            message,
        }
    }
}

/// A file that nests deeper is refused: it is read by functions that call themselves, and a stack has
/// an end. In a debug build a level takes up to 25 KB of the 2 MiB that a thread has. Eight generations
/// of children are 45 levels.
const DEEPEST: usize = 48;

/// Reads a text that holds one document, or none.
pub(crate) fn read_yaml<T: DeserializeOwned>(text: &str) -> Result<T, Flaw> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| flaw(text, &error))
}

/// YAML 1.2 as other tools read it: a number is no text, `yes` is no truth value, and `<<` is a key
/// like any other.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEEPEST },
        merge_keys: MergeKeyPolicy::AsOrdinary,
        // Whoever reads it says in which field it stands.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        no_schema: true,
        reject_unsupported_tags: true,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn flaw(text: &str, error: &Error) -> Flaw {
    match error.location() {
        Some(place) => Flaw::at(&Lines::of(text), place, message(error)),
        None => Flaw::of_the_file(message(error)),
    }
}

/// What is wrong, without its place and without the words of a parser.
fn message(error: &Error) -> String {
    let expected = match error {
        Error::Unexpected { expected, .. } => match *expected {
            "sequence start" => "a list",
            "mapping start" => "a mapping",
            "string scalar" => "a text",
            expected => expected,
        },
        Error::InvalidBooleanStrict { .. } | Error::InvalidScalar { ty: "boolean", .. } => {
            "true or false"
        }
        Error::InvalidScalar {
            ty: "floating point",
            ..
        } => "a number",
        Error::InvalidScalar { .. } => "a whole number",
        Error::NullIntoString { .. } => "a text, not null",
        Error::QuotingRequired { value, .. } => {
            return format!("`{value}` is not a text: put it in quotes");
        }
        error => return UserMessageFormatter.format_message(error).into_owned(),
    };
    format!("expected {expected}")
}
