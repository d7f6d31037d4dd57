//! `dinoai completions`: the completion script of a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::Arguments;
use crate::output::Output;

pub(crate) fn print(shell: Shell, output: &Output) -> Result<Exit, Failure> {
    let mut script = vec![];
    clap_complete::generate(shell, &mut Arguments::command(), "dinoai", &mut script);
    output.printed(String::from_utf8_lossy(&script).trim_end())
}
