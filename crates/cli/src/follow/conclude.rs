//! [`Follower::conclude`]: what the JSON in the answer of a run that has completed comes to, with one more
//! turn to ask for it if need be.

use std::time::Instant;

use dinoai::error::WrongAnswer;
use dinoai::{Error, Run, RunStatus};

use super::json_answer::JsonAnswer;
use super::{CATCH_UP, Follower, WatchedRun};
use crate::interrupt::Interrupts;
use crate::print::EventPrinter;
use crate::report::Failure;

/// What the library advises, and the command does itself.
const ADVICE: &str = "; ask the run for the block alone";

fn what_is_wrong(wrong: &WrongAnswer) -> String {
    wrong.to_string().replace(ADVICE, "")
}

impl Follower<'_> {
    /// Does with the answer of a run that has completed what was asked for; asks for its JSON once more if
    /// there is none. Returns the run as it was read last.
    pub(super) async fn conclude(
        &self,
        json: &JsonAnswer,
        run: Run,
        begun: Instant,
        watched: &mut WatchedRun,
        interrupts: &mut Interrupts,
        printer: &mut EventPrinter<'_>,
    ) -> (Run, Result<(), Failure>) {
        let wrong = match json.read(&run) {
            Ok(value) => {
                let concluded = json.conclude(&run, &value, self.output);
                return (run, concluded);
            }
            Err(Error::WrongAnswer(wrong)) => wrong,
            Err(error) => return (run, Err(error.into())),
        };
        let left = self.options.poll.timeout.saturating_sub(begun.elapsed());
        let message = json.follow_up(&run, &wrong).filter(|_| !left.is_zero());
        let (Some(message), Some(session)) = (message, watched.session()) else {
            return (run, Err(json.failure(wrong)));
        };
        tokio::select! {
            () = watched.until_recorded() => {}
            () = tokio::time::sleep(CATCH_UP) => {}
        }
        self.output
            .asks_again(&wrong.session_id, &what_is_wrong(&wrong));
        *watched = self.watch_within(session.send_and_watch(message), true, left);
        printer.begin_turn();
        let second = match self.follow(watched, interrupts, printer).await {
            Ok(second) => second,
            Err(mut failure) => {
                let what = what_is_wrong(&wrong);
                failure.message = format!("{what}; asking once more failed: {}", failure.message);
                return (run, Err(failure));
            }
        };
        if second.status != RunStatus::Completed {
            return (second, Ok(()));
        }
        let concluded = match json.read(&second) {
            Ok(value) => json.conclude(&second, &value, self.output),
            Err(Error::WrongAnswer(mut again)) => {
                again.before = Some(wrong);
                Err(json.failure(again))
            }
            Err(error) => Err(error.into()),
        };
        (second, concluded)
    }
}
