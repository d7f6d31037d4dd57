//! [`FailureGroups`]: reports a failure once on standard error if several runs have it in common.

use dinoai::SessionId;

use crate::output::Output;
use crate::report::{Failure, FailureKind};

/// Failures that have nothing to do with the run that was asked for: credentials that are refused,
/// an API that is away, the end of a timeout. What differs between two of them is the run's id.
#[derive(Default)]
pub(crate) struct FailureGroups(Vec<Group>);

struct Group {
    kind: FailureKind,
    /// What is said, without an id.
    text: String,
    /// Each with its place among the runs.
    members: Vec<(usize, SessionId, Failure)>,
}

impl FailureGroups {
    /// Keeps a failure until others have come that are like it, if there can be any.
    pub(crate) fn add(&mut self, place: usize, id: &SessionId, failure: &Failure) -> bool {
        let kind = failure.kind;
        if !matches!(
            kind,
            FailureKind::Unauthorized
                | FailureKind::NotSent
                | FailureKind::Transport
                | FailureKind::Http
                | FailureKind::WaitTimeout
        ) {
            return false;
        }
        let text = failure.message.replace(id.as_str(), "");
        let known = self.0.iter_mut();
        let mut known = known.filter(|group| group.kind == kind && group.text == text);
        let member = (place, id.clone(), failure.clone());
        match known.next() {
            Some(group) => group.members.push(member),
            None => self.0.push(Group {
                kind,
                text,
                members: vec![member],
            }),
        }
        true
    }

    /// Says each of them, with the names of all whom it is about.
    pub(crate) fn report(&mut self, output: &Output) {
        for mut group in self.0.drain(..) {
            group.members.sort_by_key(|(place, ..)| *place);
            let mut members = group.members.into_iter();
            let Some((_, _, mut failure)) = members.next() else {
                continue;
            };
            let others: Vec<_> = members.map(|(_, id, _)| id.to_string()).collect();
            if !others.is_empty() {
                let others = others.join(", ");
                failure.message += &format!("; the same applies to {others}");
                // Of several runs it is about none.
                failure.session_id = None;
                failure.hint = None;
            }
            output.failure(&failure);
        }
    }
}
