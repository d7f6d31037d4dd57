//! Values that were asked for: a run is asked again once at most, where its answer is wrong, and never
//! after an unknown outcome.

use dinoai::error::WrongAnswer;
use dinoai::{Error, Message};

use super::Books;
use super::ledger::Valued;
use crate::campaign::report::Kind;

impl Books<'_> {
    pub(super) fn judge_value(&mut self, valued: &Valued) {
        let ids = self.ids(&valued.marker).to_vec();
        let again = ids
            .first()
            .and_then(|id| self.run(id))
            .map_or(0, asked_again);
        let [first, second] = valued.answers;
        if again > 1 {
            self.find(
                Kind::Duplicate,
                format!("asked {again} times more: {valued:?}"),
            );
        }
        if again > 0 && first {
            self.find(
                Kind::WrongEnd,
                format!("asked again after a right answer: {valued:?}"),
            );
        }
        let (check, is_wrong) = match &valued.result {
            Ok(()) if first => ("a value at once", false),
            Ok(()) => ("a value to the second question", !second || again != 1),
            Err(Error::WrongAnswer(wrong)) => match (&wrong.before, &wrong.follow_up) {
                (Some(_), _) => (
                    "no value, also to the second question",
                    first || second || again != 1,
                ),
                // Reported as not sent, and executed.
                (None, Some(error)) if !error.may_have_started() && again > 0 => {
                    self.find(Kind::Loss, format!("asked again, but {valued:?}"));
                    ("the second question failed", false)
                }
                (None, Some(_)) => ("the second question failed", first),
                // The turn has not completed.
                (None, None) => ("no value, and no second question", again > 0),
            },
            Err(Error::OutcomeUnknown { .. }) => ("asked, and unknown", again > 0),
            Err(_) => ("asked, and failed before an answer", again > 0),
        };
        self.check(check);
        if is_wrong {
            self.find(
                Kind::WrongEnd,
                format!("{again} more questions, and {valued:?}"),
            );
        }
        let has_value = valued.result.is_ok();
        if valued.is_certain && has_value != (first || second) {
            self.find(
                Kind::WrongEnd,
                format!("nothing had failed, but {valued:?}"),
            );
        }
    }
}

/// How often a run was asked again for its value.
fn asked_again(run: &dinoai_emulator::Run) -> usize {
    let is_again =
        |text: &&String| WrongAnswer::is_follow_up(&Message::new(0.0, "user", text.as_str()));
    run.follow_ups.iter().filter(is_again).count()
}
