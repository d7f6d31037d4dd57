//! [`OwnTurn`]: which messages belong to the turn of a follow-up.
//!
//! A run that is still in progress accepts a message at once, and its answer to the one before can come
//! while the follow-up's turn is waited for. It comes before the echo of the follow-up then. What
//! comes after the echo counts as the answer: the API does not say which message it is to.

use dinoai::Message;

/// The messages after a follow-up, those of its own turn apart from those of the turn before.
#[derive(Default)]
pub(super) struct OwnTurn {
    /// When the follow-up was sent, as the API has it.
    echo: Option<f64>,
    /// What the agent wrote before that, or before it was known.
    held: Vec<Message>,
    has_answer: bool,
}

impl OwnTurn {
    /// Takes the next message, and returns those of the turn that are known by now.
    pub(super) fn take(&mut self, message: &Message) -> Vec<Message> {
        let mut known = vec![message.clone()];
        match self.echo {
            None if message.is_from_user() => {
                self.echo = Some(message.ts);
                let held = std::mem::take(&mut self.held);
                let (own, before): (Vec<_>, Vec<_>) =
                    held.into_iter().partition(|held| held.ts >= message.ts);
                self.held = before;
                self.has_answer = !own.is_empty();
                known.extend(own);
            }
            Some(_) if message.is_from_user() => {}
            Some(echo) if message.ts >= echo => self.has_answer = true,
            _ => self.held.append(&mut known),
        }
        known
    }

    /// What is shown at the end all the same: without an answer behind the echo it may be the
    /// answer, from a machine whose clock is behind. Without an echo nothing says whose it is.
    pub(super) fn rest(&mut self, has_ended: bool) -> Vec<Message> {
        let is_of_turn_before = self.has_answer || self.echo.is_some() && !has_ended;
        match is_of_turn_before {
            true => vec![],
            false => std::mem::take(&mut self.held),
        }
    }

    /// How many messages are left out.
    pub(super) fn left_out(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(ts: f64, role: &str) -> Message {
        let value = serde_json::json!({ "ts": ts, "role": role, "content": format!("at {ts}") });
        serde_json::from_value(value).unwrap()
    }

    /// The times of what is shown while messages come in this order, and at the end.
    fn shown(messages: &[(f64, &str)], has_ended: bool) -> (Vec<f64>, Vec<f64>, usize) {
        let times = |messages: Vec<Message>| messages.into_iter().map(|message| message.ts);
        let mut turn = OwnTurn::default();
        let at_once = messages
            .iter()
            .flat_map(|(ts, role)| times(turn.take(&message(*ts, role))))
            .collect();
        let rest = times(turn.rest(has_ended)).collect();
        (at_once, rest, turn.left_out())
    }

    #[test]
    fn what_stands_before_the_echo_is_of_the_turn_before() {
        let (before, echo, answer) = ((1.0, "assistant"), (2.0, "user"), (3.0, "assistant"));
        for messages in [
            [before, echo, answer],
            [echo, before, answer],
            [echo, answer, before],
            [answer, before, echo],
        ] {
            for has_ended in [true, false] {
                let shown = shown(&messages, has_ended);
                assert_eq!(shown, (vec![2.0, 3.0], vec![], 1), "{messages:?}");
            }
        }
    }

    #[test]
    fn at_the_end_of_a_turn_without_an_answer_it_is_shown_all_the_same() {
        let messages = [(1.0, "assistant"), (2.0, "user")];
        assert_eq!(shown(&messages, true), (vec![2.0], vec![1.0], 0));
        assert_eq!(shown(&messages, false), (vec![2.0], vec![], 1));
    }

    #[test]
    fn without_an_echo_all_of_it_is_shown_at_the_end() {
        for has_ended in [true, false] {
            let shown = shown(&[(1.0, "assistant")], has_ended);
            assert_eq!(shown, (vec![], vec![1.0], 0));
        }
    }

    #[test]
    fn at_the_very_time_of_the_echo_it_is_the_answer() {
        let messages = [(2.0, "user"), (2.0, "assistant")];
        assert_eq!(shown(&messages, true), (vec![2.0, 2.0], vec![], 0));
    }
}
