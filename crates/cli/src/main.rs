//! The command `dinoai`: Paradime's DinoAI agents from a terminal, CI or a scheduler.

mod account;
mod alike;
mod answer_file;
mod args;
mod awaited;
mod colour;
mod command;
mod each;
mod exit;
mod failure;
mod follow;
mod identity;
mod interrupt;
mod json;
mod message;
mod narration;
mod neutral;
mod outages;
mod output;
mod queue;
mod shell;
mod stream;
mod terminal;
mod tool_step;
mod traces;
mod vigil;
mod whole;
mod workflow;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::main(std::env::args_os()).into()
}
