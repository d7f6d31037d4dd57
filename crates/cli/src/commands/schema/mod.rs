//! `dinoai schema`: prints the JSON schema of what the command writes, `output.json`, and the GraphQL
//! schema of the API; checks documents ([`check`]), and shows what a changed schema means for them
//! ([`diff`]), which may ask the API for it ([`live`]). Nothing else here needs an account.

#[cfg(feature = "emulator")]
mod check;
#[cfg(feature = "emulator")]
mod diff;
#[cfg(feature = "emulator")]
mod live;
#[cfg(feature = "emulator")]
mod problems;
#[cfg(feature = "emulator")]
mod shipped;

#[cfg(feature = "emulator")]
use dinoai::Client;
#[cfg(feature = "emulator")]
use dinoai_emulator::changes::{Change, changes};

use super::context::Context;
use crate::args::SchemaCommand;
use crate::output::Output;
use crate::report::{ExitStatus, Failure};

/// A definition for each command and format, and one for a line on standard error.
const OUTPUT: &str = include_str!("output.json");

pub(crate) fn without_account(
    command: SchemaCommand,
    output: &Output,
) -> Result<ExitStatus, Failure> {
    match command {
        SchemaCommand::Output => output.print_result(OUTPUT.trim_end()),
        SchemaCommand::Print => output.print_result(dinoai::SCHEMA.trim_end_matches('\n')),
        #[cfg(feature = "emulator")]
        SchemaCommand::Check(options) => check::check(&options, output),
        #[cfg(feature = "emulator")]
        SchemaCommand::Diff(options) => {
            let exit = diff::against_file(&options, output)?;
            output.block_until_written(None);
            match output.stdout_error() {
                Some(lost) if !lost.is_closed => Err(lost.failure("")),
                _ => Ok(exit),
            }
        }
    }
}

/// The commands that [need an account](SchemaCommand::needs_account).
#[cfg(feature = "emulator")]
pub(super) async fn with_account(
    mut context: Context<'_>,
    command: SchemaCommand,
) -> Result<ExitStatus, Failure> {
    let SchemaCommand::Diff(options) = command else {
        return without_account(command, context.output);
    };
    let documents = diff::InUse::read(&options)?;
    let new = live::schema(&mut context).await?;
    let shown = |text: &str| live::shown(context.client, text);
    diff::compare(documents, "the API", &new, shown, context.output)
}

/// What changed from this version's schema to that of the API, for those of this version's documents that are
/// in use.
#[cfg(feature = "emulator")]
pub(super) async fn changes_of_the_api(
    client: &Client,
    is_in_use: impl Fn(&str) -> bool,
) -> Result<Vec<Change>, Failure> {
    let new = live::read(client).await?;
    let old = shipped::schema().map_err(|it| problems::unusable(&it))?;
    let documents = shipped::documents(is_in_use);
    let found = changes(&old, &new, &documents).map_err(|it| problems::unusable(&it))?;
    let shown = found.list().iter().cloned().map(|mut change| {
        change.coordinate = live::shown(client, &change.coordinate);
        change.message = live::shown(client, &change.message);
        change
    });
    Ok(shown.collect())
}

/// None needs an account here.
#[cfg(not(feature = "emulator"))]
pub(super) async fn with_account(
    context: Context<'_>,
    command: SchemaCommand,
) -> Result<ExitStatus, Failure> {
    without_account(command, context.output)
}
