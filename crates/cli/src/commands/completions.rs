//! `dinoai completions`: prints the script that completes the command line in a shell. Needs no account.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
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
