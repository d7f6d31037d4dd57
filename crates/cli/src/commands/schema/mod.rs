//! `dinoai schema`: prints the JSON schema of what the command writes, `output.json`. Needs no account.

use crate::args::SchemaOf;
use crate::output::Output;
use crate::report::{ExitStatus, Failure};

/// A definition for each command and format, and one for a line on standard error.
const OUTPUT: &str = include_str!("output.json");

pub(crate) fn print_schema(of: SchemaOf, output: &Output) -> Result<ExitStatus, Failure> {
    match of {
        SchemaOf::Output => output.print_result(OUTPUT.trim_end()),
    }
}
