//! `--emulator`: an emulator in place of the account, for the time of one command, and which
//! commands that is too short for.

use dinoai::Client;

use super::Account;
use crate::args::{BatchArgs, ChatArgs, Command, RunArgs};
use crate::report::Failure;

/// Starts the emulator, with agents that can be tried.
pub(super) fn start() -> Result<Account, Failure> {
    let emulator = dinoai_emulator::Emulator::builder()
        .demo_agents()
        .start_blocking()
        .map_err(|error| Failure::system(format!("cannot start the emulator: {error}")))?;
    let credentials = dinoai::Credentials::key_and_secret(emulator.key(), emulator.secret());
    Ok(Account {
        client: Client::new(emulator.endpoint(), credentials)?,
        _emulator: Some(emulator),
    })
}

/// Refuses, with `--emulator`, a command about a run of an earlier command, and one that leaves a
/// run for a later command.
pub(crate) fn refuse_outliving(command: &Command) -> Result<(), Failure> {
    let problem = match command {
        Command::Run(RunArgs { detach: true, .. }) => "--detach leaves a run behind",
        Command::Batch(BatchArgs {
            resume: Some(_), ..
        }) => "--resume is for a later command",
        Command::Chat(ChatArgs {
            session: Some(_), ..
        })
        | Command::Send(_)
        | Command::Get(_)
        | Command::Watch(_)
        | Command::Wait(_)
        | Command::Stop(_)
        | Command::Tree(_) => "a session belongs to an earlier command",
        _ => return Ok(()),
    };
    Err(Failure::usage(format!(
        "{problem}, but the emulator of --emulator lasts for one command only; run `dinoai emulator` \
         in another terminal, and set the variables that it prints in this one instead"
    )))
}
