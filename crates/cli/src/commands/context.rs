//! [`Context`]: what every command gets that talks to the API.

use dinoai::{Client, SessionId};

use crate::args::{FollowArgs, Format};
use crate::follow::{AnswerUse, Follower};
use crate::interrupt::Interrupts;
use crate::output::Output;
use crate::print::Audience;
use crate::report::{ExitStatus, Failure};

/// What every command gets that talks to the API.
pub(crate) struct Context<'a> {
    pub(crate) client: &'a Client,
    pub(crate) output: &'a Output,
    pub(crate) interrupts: &'a mut Interrupts,
    /// Whether the account is an emulator, which ends with the command.
    pub(crate) is_emulated: bool,
}

impl<'a> Context<'a> {
    /// What follows a run as these options say. The conversation is shown while it goes on if its steps
    /// are, in JSON lines, to whoever follows a run that is there, and on a terminal.
    pub(crate) fn follower(
        &self,
        options: FollowArgs,
        audience: Audience,
        answer: &AnswerUse,
    ) -> Follower<'a> {
        let is_live = match self.output.format {
            _ if options.steps => true,
            _ if answer.is_json_alone() => false,
            Format::Jsonl => true,
            // The document comes at the end.
            Format::Json => false,
            Format::Text => audience == Audience::Visitor || self.output.is_on_terminal(),
        };
        Follower {
            client: self.client,
            output: self.output,
            options,
            audience,
            is_live,
            github: answer.github.clone(),
        }
    }

    /// Awaits a call about a run that starts nothing, unless the command is interrupted.
    pub(crate) async fn read<T>(
        &mut self,
        id: &SessionId,
        call: impl IntoFuture<Output = dinoai::Result<T>>,
    ) -> Result<T, Failure> {
        self.output.show_activity_of(id, "reading");
        let done = tokio::select! {
            done = call.into_future() => done.map_err(Failure::from),
            signal = self.interrupts.next() => Err(Failure::interrupted_idle(signal)),
        };
        self.output.clear_progress();
        done.map_err(|failure| failure.about(id))
    }

    /// Waits until what was read of a run has reached its reader. A reader that has enough of it
    /// is none that misses something.
    pub(crate) async fn wait_until_read(&mut self, id: &SessionId) -> Result<ExitStatus, Failure> {
        let shown = tokio::select! {
            () = self.output.until_written() => Ok(ExitStatus::Done),
            signal = self.interrupts.next() => Err(Failure::interrupted_idle(signal)),
        };
        let exit = shown.map_err(|failure| failure.about(id))?;
        match self.output.stdout_error() {
            Some(lost) if !lost.is_closed => Err(lost.failure("").about(id)),
            _ => Ok(exit),
        }
    }
}
