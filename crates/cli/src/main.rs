//! The command `dinoai`: Paradime's DinoAI agents from a terminal, CI or a scheduler.
//!
//! The modules in the order of their floors; each imports only those above it:
//!
//! | module | which question it answers |
//! | --- | --- |
//! | [`args`] | What does the command line look like? Options, commands, and their help pages |
//! | [`environment`] | Which variables does the command itself read? |
//! | [`sanitize`] | How is text of others made harmless for a terminal, the log of a CI system, JSON? |
//! | [`file_identity`] | Do two names lead to the same file? |
//! | [`report`] | What is a failure, with its hint and its exit status? Writes nothing |
//! | [`terminal`] | How is the terminal on standard input set, read and put back? |
//! | [`progress`] | What is waited for, since when, and do polls fail? Shows nothing |
//! | [`output`] | How do results, notes, failures and the live line get onto standard output and error? |
//! | [`github`] | What does a step of GitHub Actions get: outputs, a summary, annotations? |
//! | [`account`] | Which endpoint and credentials are used, or which emulator in their place? |
//! | [`journal`] | Where is it remembered what was started, and by which key? |
//! | [`interrupt`] | Which signals are heard, and what becomes of a run then? |
//! | [`print`] | What is shown of a run, and in which form? Events, transcripts, documents |
//! | [`follow`] | How is one run followed to its end, a signal, a timeout? |
//! | [`command_line`] | How are arguments parsed, or refused? |
//! | [`commands`] | What does each command do? |
//!
//! [`print`]: mod@print

mod account;
mod args;
mod command_line;
mod commands;
mod environment;
mod file_identity;
mod follow;
mod github;
mod interrupt;
mod journal;
mod output;
mod print;
mod progress;
mod report;
mod sanitize;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let exit_status = match command_line::parse_arguments(&arguments) {
        Ok(cli) => commands::execute(cli),
        Err(refusal) => command_line::refuse(&refusal, &arguments),
    };
    exit_status.into()
}
