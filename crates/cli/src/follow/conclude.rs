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

/// What can be done about the answer of a run that was not started here.
fn next(run: &Run, options: &str) -> String {
    let id = hint::id(&run.session_id);
    let ask = format!("dinoai send -m 'The JSON alone, please'{options} {id}");
    let messages = || run.messages.iter();
    let asked = messages().filter(|message| WrongAnswer::is_follow_up(message));
    let Some(asked) = asked.map(|message| message.ts).max_by(f64::total_cmp) else {
        return format!(
            "this command has not started the run, so it sends nothing; to ask for it, unless another one does: {ask}"
        );
    };
    match messages().any(|message| !message.is_from_user() && message.ts > asked) {
        true => format!(
            "the run was asked for it already, and has answered this; to ask once more: {ask}"
        ),
        false => format!(
            "the run was asked for it already; once it has answered: dinoai watch{options} {id}"
        ),
    }
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
                failure.message = failure.message.replace(ADVICE, "");
                failure = failure.with_further_hint(&next(&run, &json.options()));
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

#[cfg(test)]
mod tests {
    use dinoai::Message;

    use super::*;

    #[test]
    fn what_is_next_depends_on_whether_it_was_asked_and_has_answered() {
        let mut run = Run::new("r1", RunStatus::Completed);
        run.messages = vec![Message::new(1.0, "agent", "Prose.")];
        let Err(Error::WrongAnswer(wrong)) = run.answer_json::<u64>() else {
            panic!("it has no JSON");
        };
        let ask = "dinoai send -m 'The JSON alone, please' --answer json r1";
        let nobody = next(&run, " --answer json");
        assert!(
            nobody.ends_with(&format!("unless another one does: {ask}")),
            "{nobody}"
        );
        run.messages
            .push(Message::new(2.0, "user", wrong.follow_up_text()));
        let asked = next(&run, " --answer json");
        assert!(
            asked.ends_with(": dinoai watch --answer json r1"),
            "{asked}"
        );
        run.messages.insert(0, Message::new(3.0, "agent", "More."));
        let answered = next(&run, " --answer json");
        assert!(
            answered.ends_with(&format!("to ask once more: {ask}")),
            "{answered}"
        );
    }
}
