//! Messages: none repeated, none lost, in watches, turns and whole reads.

use dinoai_emulator::Run;

use super::ledger::{Answered, Followed, Said};
use super::{Books, all};
use crate::campaign::lane::Quirk;
use crate::campaign::report::Kind;

impl Books<'_> {
    pub(super) fn judge_followed(&mut self, followed: &Followed) {
        if let Some(run) = self.run(&followed.id).cloned() {
            let there = all(&run);
            self.compare(&run, followed.emitted.clone(), there, followed.is_complete);
        }
    }

    pub(super) fn judge_conversation(&mut self, conversation: &[Answered]) {
        let mut has_failed = false;
        let mut emitted = vec![];
        for (place, answered) in conversation.iter().enumerate() {
            let Some(run) = self.run(&answered.id).cloned() else {
                continue;
            };
            let Some((status, messages)) = &answered.turn else {
                has_failed = true;
                continue;
            };
            emitted.extend(messages.clone());
            let is_marker = |text: &str| text.starts_with("marker-");
            if has_failed {
                // It may have emitted what belongs to a turn before.
                let mut there = all(&run);
                there.retain(|(_, text)| !is_marker(text));
                self.compare(&run, emitted.clone(), there, false);
            } else {
                let there = all(&run);
                let from = there.iter().position(|(_, text)| *text == answered.marker);
                let turn = there.iter().skip(from.map_or(0, |from| from + 1));
                let turn = turn
                    .take_while(|(_, text)| !is_marker(text))
                    .cloned()
                    .collect();
                self.compare(&run, messages.clone(), turn, true);
            }
            let is_last = place + 1 == conversation.len();
            if is_last && !has_failed {
                self.check("the last turn ended, with this status");
                if run.status != *status {
                    let text = format!(
                        "run {} is {}, its last turn {status}",
                        run.session_id, run.status
                    );
                    self.find(Kind::WrongEnd, text);
                }
            }
        }
    }

    /// Holds messages that were emitted against those that there are.
    pub(super) fn compare(
        &mut self,
        run: &Run,
        emitted: Vec<Said>,
        there: Vec<Said>,
        is_complete: bool,
    ) {
        // Once a transcript is compacted nobody can read all of it.
        let is_complete = is_complete && self.lane.quirk != Quirk::CompactedTranscript;
        self.check(match is_complete {
            true => "messages: none repeated, none lost",
            false => "messages: none repeated",
        });
        let id = &run.session_id;
        let mut left = there.clone();
        let mut repeated = vec![];
        for message in &emitted {
            match left.iter().position(|known| known == message) {
                Some(place) => drop(left.remove(place)),
                None => repeated.push(message.clone()),
            }
        }
        let is_in_order = |pair: &[Said]| f64::from_bits(pair[0].0) <= f64::from_bits(pair[1].0);
        if !repeated.is_empty() {
            let text =
                format!("run {id}: {repeated:?} too often in {emitted:?}, there are {there:?}");
            self.find(Kind::MessageRepeated, text);
        } else if self.lane.quirk != Quirk::ReorderedMessages
            && !emitted.windows(2).all(is_in_order)
        {
            self.find(
                Kind::MessageRepeated,
                format!("run {id}: out of order in {emitted:?}"),
            );
        }
        if is_complete && !left.is_empty() {
            self.find(
                Kind::MessageLost,
                format!("run {id}: {left:?} missing in {emitted:?}"),
            );
        }
    }
}
