//! `dinoai completions` and `dinoai schema`: print what describes the command itself, for a shell and
//! for programs. Neither needs an account.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::{Cli, SchemaOf};
use crate::output::Output;
use crate::report::{ExitStatus, Failure};

pub(crate) fn print_completions(shell: Shell, output: &Output) -> Result<ExitStatus, Failure> {
    let mut script = vec![];
    clap_complete::generate(shell, &mut whole(), "dinoai", &mut script);
    output.print_result(String::from_utf8_lossy(&script).trim_end())
}

/// The command line with that of the emulator in it, which the emulator reads itself.
fn whole() -> clap::Command {
    let command = Cli::command();
    #[cfg(feature = "emulator")]
    let command = {
        let mut command = command.bin_name("dinoai");
        // Gives each command the options that hold everywhere, which the emulator does not take:
        // its own command line comes after.
        command.build();
        command.mut_subcommand("emulator", |command| {
            let mut own = dinoai_emulator::program::command()
                .name("emulator")
                .bin_name("dinoai emulator");
            if let Some(about) = command.get_about() {
                own = own.about(about.clone());
            }
            own
        })
    };
    command
}

/// A definition for each command and format, and one for a line on standard error.
const OUTPUT: &str = include_str!("schema/output.json");

pub(crate) fn print_schema(of: SchemaOf, output: &Output) -> Result<ExitStatus, Failure> {
    match of {
        SchemaOf::Output => output.print_result(OUTPUT.trim_end()),
    }
}
