//! The command `dinoai`: Paradime's DinoAI agents from a terminal, CI or a scheduler.

mod account;
mod alike;
mod args;
mod command;
mod each;
mod environment;
mod file_identity;
mod follow;
mod interrupt;
mod message;
mod output;
mod print;
mod progress;
mod report;
mod sanitize;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::main(std::env::args_os()).into()
}
