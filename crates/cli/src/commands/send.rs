//! `dinoai send`: sends a follow-up message and follows its turn to the end.

use super::context::Context;
use super::message;
use crate::args::SendArgs;
use crate::follow::AnswerUse;
use crate::journal::Ledger;
use crate::print::Audience;
use crate::report::{ExitStatus, Failure};

impl SendArgs {
    /// The same with the message itself, if it is to be read.
    pub(crate) fn with_message(mut self) -> Result<Self, Failure> {
        self.message = message::read(self.message, self.message_file.clone())?;
        if self.message.is_none() {
            return Err(Failure::usage(
                "no message to send; pass one with -m (-m - reads it from standard input)",
            ));
        }
        Ok(self)
    }
}

pub(crate) async fn send(
    context: Context<'_>,
    options: SendArgs,
    answer: AnswerUse,
) -> Result<ExitStatus, Failure> {
    let id = match options.session {
        Some(id) => id,
        None => {
            let journal = &options.journal;
            let ledger = Ledger::needed(journal, context.is_emulated, context.output).await?;
            ledger.last(context.client).await?
        }
    };
    let session = context.client.session(id)?;
    let follower = context.follower(options.follow, Audience::Author, &answer);
    let message = options.message.unwrap_or_default();
    let watched = follower.watch(session.send_and_watch(message), true);
    follower
        .follow_and_report(watched, context.interrupts, answer)
        .await
}
