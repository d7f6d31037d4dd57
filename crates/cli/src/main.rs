//! The command `dinoai`: Paradime's DinoAI agents from a terminal, CI or a scheduler.

mod account;
mod alike;
mod answer_file;
mod args;
mod awaited;
mod command;
mod each;
mod environment;
mod follow;
mod identity;
mod interrupt;
mod message;
mod narration;
mod outages;
mod output;
mod queue;
mod report;
mod sanitize;
mod stream;
mod terminal;
mod tool_step;
mod traces;
mod vigil;
mod whole;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::main(std::env::args_os()).into()
}
