//! [`Follower::conclude`]: what the JSON in the answer of a run that has completed comes to, with one more
//! turn to ask for it if need be.

use std::time::Instant;

use dinoai::error::WrongAnswer;
use dinoai::{Error, Run, RunStatus};

use super::json_answer::JsonAnswer;
use super::{CATCH_UP, Follower, WatchedRun};
use crate::interrupt::Interrupts;
use crate::print::EventPrinter;
use crate::report::{Failure, hint};

/// What the library advises, and the command does itself.
const ADVICE: &str = "; ask the run for the block alone";

fn what_is_wrong(wrong: &WrongAnswer) -> String {
    wrong.to_string().replace(ADVICE, "")
}

fn was_asked(run: &Run) -> bool {
    run.messages.iter().any(WrongAnswer::is_follow_up)
}

impl Follower<'_> {
    /// Does with the answer of a run that has completed what was asked for; asks for its JSON once more if
    /// there is none, and the run was started here, or the turn: somebody else may ask it otherwise. Returns
    /// the run as it was read last, or why that is not known, and what the JSON comes to.
    pub(super) async fn conclude(
        &self,
        json: &JsonAnswer,
        run: Run,
        begun: Instant,
        watched: &mut WatchedRun,
        interrupts: &mut Interrupts,
        printer: &mut EventPrinter<'_>,
    ) -> (Result<Run, Failure>, Result<(), Failure>) {
        let wrong = match self.concluded(json, &run, printer) {
            Ok(concluded) => return (Ok(run), concluded),
            Err(wrong) => wrong,
        };
        let left = self.options.poll.timeout.saturating_sub(begun.elapsed());
        let session = watched
            .session()
            .filter(|_| watched.is_own() && !left.is_zero());
        let Some(session) = session else {
            let mut failure = json.failure(wrong);
            if !watched.is_own() {
                let id = hint::id(&run.session_id);
                failure = failure.with_further_hint(&match was_asked(&run) {
                    true => format!(
                        "the run was asked for it already; to wait for that answer: dinoai watch {id} --answer json"
                    ),
                    false => format!(
                        "this command has not started the run, so it sends nothing; to ask for it, unless another \
                         one does: dinoai send {id} -m 'The JSON alone, please' --answer json"
                    ),
                });
            }
            return (Ok(run), Err(failure));
        };
        tokio::select! {
            () = watched.until_recorded() => {}
            () = tokio::time::sleep(CATCH_UP) => {}
        }
        self.output
            .asks_again(&wrong.session_id, &what_is_wrong(&wrong));
        let watch = session.send_and_watch(wrong.follow_up_text());
        *watched = self.watch_within(watch, true, left);
        printer.begin_turn();
        match self.follow(watched, interrupts, printer).await {
            Ok(second) if second.status == RunStatus::Completed => {
                let concluded = match self.concluded(json, &second, printer) {
                    Ok(concluded) => concluded,
                    Err(mut again) => {
                        again.before = Some(wrong);
                        Err(json.failure(again))
                    }
                };
                (Ok(second), concluded)
            }
            Ok(second) => (Ok(second), Ok(())),
            Err(mut failure) => {
                if !self.is_live {
                    self.catch_up(watched, interrupts, printer).await;
                }
                let what = what_is_wrong(&wrong);
                failure.message = format!("{what}; asking once more failed: {}", failure.message);
                (Err(failure), Ok(()))
            }
        }
    }

    /// What the JSON comes to in the turn that was shown last, or what is wrong with the answer.
    fn concluded(
        &self,
        json: &JsonAnswer,
        run: &Run,
        printer: &EventPrinter<'_>,
    ) -> Result<Result<(), Failure>, Box<WrongAnswer>> {
        match json.read(&printer.run_of_turn(run)) {
            Ok(value) => Ok(json.conclude(run, &value, self.output)),
            Err(Error::WrongAnswer(wrong)) => Err(wrong),
            Err(error) => Ok(Err(error.into())),
        }
    }
}
