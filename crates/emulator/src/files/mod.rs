//! The YAML files that an emulator can be given: the vendor's of agents, and ours of scenarios.
//! Both are read by [`read_yaml`], which knows the line of every value.
//!
//! What must hold for any file at all is said in `fuzzing`.

pub(crate) mod agents;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub(crate) mod scenarios;

use serde::de::DeserializeOwned;
use serde_saphyr::{
    Error, MergeKeyPolicy, MessageFormatter, NonFiniteFloatPolicy, Options, UserMessageFormatter,
};

/// What is wrong with a document: the line, and a sentence.
pub(crate) type LineError = (usize, String);

/// A file that nests deeper is refused: it is read by functions that call themselves, and a stack has
/// an end. In a debug build a level takes up to 25 KB of the 2 MiB that a thread has. Eight generations
/// of children are 45 levels.
const DEEPEST: usize = 48;

/// Reads a text that holds one document, or none.
pub(crate) fn read_yaml<T: DeserializeOwned>(text: &str) -> Result<T, LineError> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| line_error(text, &error))
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

fn line_error(text: &str, error: &Error) -> LineError {
    let line = error.location().map_or(1, |location| location.line());
    (line_of(text, line), message(error))
}

/// A line as the reader counts it. What is missing at the end is found beyond the last line.
fn line_of(text: &str, line: u64) -> usize {
    usize::try_from(line).map_or(1, |line| line.clamp(1, count_lines(text)))
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

/// How many lines a text has, by YAML's ends of lines; at least one.
fn count_lines(text: &str) -> usize {
    let ends =
        text.matches('\n').count() + text.matches('\r').count() - text.matches("\r\n").count();
    let is_last_open = !text.ends_with(['\n', '\r']);
    (ends + usize::from(is_last_open)).max(1)
}
