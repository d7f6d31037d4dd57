//! The command `dinoai`: Paradime's DinoAI agents from a terminal, CI or a scheduler.

mod account;
mod alike;
mod answer_file;
mod args;
mod command;
mod each;
mod environment;
mod file_identity;
mod follow;
mod interrupt;
mod message;
mod narration;
mod output;
mod progress;
mod report;
mod sanitize;
mod terminal;
mod tool_step;
mod whole;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::main(std::env::args_os()).into()
}
