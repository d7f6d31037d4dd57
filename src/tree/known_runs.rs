//! [`KnownRuns`]: what is known of the runs of a tree that is waited for. A look reads the digest of
//! each run; once everything has ended, each is read whole.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::read::read_tree;
use super::run_tree::Tree;
use super::walk::walk;
use crate::error::{Awaited, Error, Result};
use crate::model::{Run, RunStatus, SessionId};
use crate::polling::{Poller, Tolerance};
use crate::session::AwaitedTurn;
use crate::transport::CallOptions;

/// What is known of the runs of a tree that is waited for.
#[derive(Default)]
pub(super) struct KnownRuns {
    /// Whether the first run, or its turn, had ended at the last look.
    pub(super) has_first_ended: bool,
    /// As they read at the last look.
    statuses: HashMap<SessionId, RunStatus>,
    /// What the look that is in flight has read: only what failed is read again.
    read: HashMap<SessionId, (RunStatus, Vec<SessionId>)>,
    tolerances: HashMap<SessionId, Tolerance>,
    /// Descendants that are no longer waited for.
    given_up: HashMap<SessionId, Error>,
    /// Runs that were read whole after everything had ended.
    pub(super) runs: HashMap<SessionId, Run>,
}

/// What a look at all runs of a tree has shown.
pub(super) enum Look {
    /// Something is in progress, or has happened since the look before.
    Changed,
    /// Everything has ended, and nothing has changed; whether there is anything that could wake
    /// it.
    Ended { may_wake: bool },
    /// Some descendants could not be read, and are due again.
    Incomplete(Error),
}

impl KnownRuns {
    pub(super) fn awaited(&self, turn: &AwaitedTurn) -> Awaited {
        match self.has_first_ended {
            true => Awaited::Descendants,
            false => turn.awaited(),
        }
    }

    /// Looks at every run of the tree that this look has not read yet. An error is the first
    /// run's.
    pub(super) async fn look(
        &mut self,
        polls: &mut Poller,
        turn: &mut AwaitedTurn,
        concurrency: usize,
    ) -> Result<Look> {
        // A look that is in flight at the deadline is the last one: its reads may begin until it
        // has to end.
        let mut call = polls.call_options();
        let overrun = std::mem::take(&mut call.overrun);
        call.deadline = call
            .deadline
            .map(|deadline| deadline.saturating_add(overrun));
        let api = polls.api.clone();
        let root = polls.session_id.clone();
        let root_messages = Mutex::new(None);
        let walked = walk(root.clone(), concurrency, |id| {
            let (api, known) = (api.clone(), self.read.get(&id).cloned());
            let given_up = self.given_up.get(&id).cloned();
            let (call, is_root) = (call.clone().for_run(id.clone()), id == root);
            let root_messages = &root_messages;
            async move {
                let read = |status, children: Vec<_>| ((status, children.clone()), children);
                match (known, given_up) {
                    (Some((status, children)), _) => return Ok(read(status, children)),
                    (_, Some(error)) => return Err(error),
                    _ => {}
                }
                let digest = api.read_digest(call).await?;
                if is_root {
                    *root_messages.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(digest.messages);
                }
                Ok(read(digest.status, digest.child_session_ids))
            }
        })
        .await?;

        let (first, _) = walked.first;
        let now = polls.now();
        let messages = root_messages
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        turn.note(&first, &messages.unwrap_or_default(), now);
        let mut has_ended = turn.has_ended(&first);
        polls.note_look(&first, turn.may_have_ended(&first));
        self.has_first_ended = has_ended;
        let may_wake = !walked.below.is_empty();
        let mut failure: Option<Error> = None;
        for visit in walked.below {
            match visit.outcome {
                Ok((status, children)) => {
                    has_ended &= status.is_terminal();
                    self.tolerances.remove(&visit.session_id);
                    self.read.insert(visit.session_id, (status, children));
                }
                Err(_) if self.given_up.contains_key(&visit.session_id) => {}
                Err(error) => {
                    let tolerance = self.tolerances.entry(visit.session_id.clone()).or_default();
                    if !tolerance.tolerates(&error, now, true, true) {
                        self.given_up.insert(visit.session_id, error);
                    } else if failure.is_none() || error.retry_after() > retry_after(&failure) {
                        // The one with the longest delay stands for all.
                        failure = Some(error);
                    }
                }
            }
        }
        if let Some(error) = failure {
            return Ok(Look::Incomplete(error));
        }
        let mut statuses: HashMap<_, _> = self
            .read
            .drain()
            .map(|(id, (status, _))| (id, status))
            .collect();
        statuses.insert(root, first);
        let has_changed = self.statuses != statuses;
        self.statuses = statuses;
        let may_change = may_wake && has_changed && !polls.is_at_the_deadline();
        Ok(match has_ended && !may_change {
            true => Look::Ended { may_wake },
            false => Look::Changed,
        })
    }

    /// Reads all runs whole that were not read before; and a failure that the next try may not
    /// meet again.
    pub(super) async fn read_all(
        &mut self,
        polls: &mut Poller,
        concurrency: usize,
    ) -> Result<(Tree, Option<Error>)> {
        // Each run is tried as often as in any call, unless it is time for the last look.
        let call = CallOptions {
            once: polls.is_at_the_deadline(),
            ..polls.call_options()
        };
        let root = polls.session_id.clone();
        let tree = read_tree(&polls.api, root, &call, concurrency, &mut self.runs).await?;
        let now = polls.now();
        let failure = tree.failures().find_map(|(id, error)| {
            let tolerance = self.tolerances.entry(id.clone()).or_default();
            let is_waited_for =
                !self.given_up.contains_key(id) && tolerance.tolerates(error, now, true, true);
            is_waited_for.then(|| error.clone())
        });
        Ok((tree, failure))
    }
}

fn retry_after(failure: &Option<Error>) -> Option<Duration> {
    failure.as_ref().and_then(Error::retry_after)
}
