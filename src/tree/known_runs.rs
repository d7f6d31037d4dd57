//! [`KnownRuns`]: what is known of the runs of a tree that is waited for. A look reads the status and
//! the children of each run, up to 50 in a request; once everything has ended, each is read whole.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::read::read_tree;
use super::run_tree::Tree;
use super::walk::walk;
use crate::error::{Awaited, Error, Result};
use crate::model::{Run, RunStatus, SessionId};
use crate::operations::Api;
use crate::operations::scheduler::{self, BATCH, Found, Member, REQUESTS, Reading, Wanted};
use crate::polling::{Poller, Tolerance};
use crate::session::AwaitedTurn;
use crate::transport::CallOptions;

/// How many runs that were not known are looked at at a time.
const LOOKS: usize = REQUESTS * BATCH;

/// What is known of the runs of a tree that is waited for.
#[derive(Default)]
pub(super) struct KnownRuns {
    /// Whether the first run, or its turn, had ended at the last look.
    pub(super) has_first_ended: bool,
    /// As they read at the last look.
    statuses: HashMap<SessionId, RunStatus>,
    /// What the look that is in flight has read: only what failed is read again.
    read: HashMap<SessionId, Reading>,
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

    /// Looks at every run of the tree that this look has not read yet: those that are known
    /// together, then those that they have started. An error is the first run's.
    pub(super) async fn look(
        &mut self,
        polls: &mut Poller,
        turn: &mut AwaitedTurn,
        member: &Member,
    ) -> Result<Look> {
        let root = polls.session_id.clone();
        let is_due = |id: &&SessionId| {
            **id != root && !self.read.contains_key(*id) && !self.given_up.contains_key(*id)
        };
        let known: Vec<_> = self.statuses.keys().filter(is_due).cloned().collect();
        let mut looked: HashMap<SessionId, Result<Reading>> = HashMap::new();
        let mut messages = vec![];
        if known.is_empty() || turn.needs_messages() {
            let call = polls.call_options();
            let over_at = polls.api.over_at(&call, polls.now());
            let digest = polls.api.read_digest(call).await;
            let answered_at = over_at.min(polls.now());
            polls.note_response(answered_at);
            let digest = digest.inspect_err(|error| member.hold_for(error, answered_at))?;
            messages = digest.messages;
            let reading = Reading {
                status: digest.status,
                children: digest.child_session_ids,
            };
            looked.insert(root.clone(), Ok(reading));
        }
        let first = (!looked.contains_key(&root)).then(|| root.clone());
        let looks = Looks::of(member, polls);
        let together = known.into_iter().chain(first);
        let together = together.map(async |id| (id.clone(), looks.at(id).await));
        for (id, outcome) in join_all(together).await {
            if id == root {
                polls.note_response(outcome.answered_at);
            }
            match outcome.reading {
                // Kept, although the first run cannot be read.
                Ok(reading) if id != root => drop(self.read.insert(id, reading)),
                reading => drop(looked.insert(id, reading)),
            }
        }

        let walked = walk(root.clone(), LOOKS, |id| {
            let before = self.read.get(&id).cloned().map(Ok);
            let given_up = self.given_up.get(&id).cloned().map(Err);
            let known = looked.get(&id).cloned().or(before).or(given_up);
            let looks = &looks;
            async move {
                let reading = match known {
                    Some(reading) => reading?,
                    None => looks.at(id).await.reading?,
                };
                let children = reading.children.clone();
                Ok((reading, children))
            }
        })
        .await?;

        let first = walked.first.status;
        let now = polls.now();
        turn.note(&first, &messages, now);
        let mut has_ended = turn.has_ended(&first);
        polls.note_look(&first, turn.may_have_ended(&first));
        self.has_first_ended = has_ended;
        let may_wake = !walked.below.is_empty();
        let mut failure: Option<Error> = None;
        for visit in walked.below {
            match visit.outcome {
                Ok(reading) => {
                    has_ended &= reading.status.is_terminal();
                    self.tolerances.remove(&visit.session_id);
                    self.read.insert(visit.session_id, reading);
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
            .map(|(id, reading)| (id, reading.status))
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
        let over_at = polls.api.over_at(&call, polls.now());
        let tree = read_tree(&polls.api, root, &call, concurrency, &mut self.runs).await;
        let now = polls.now();
        polls.note_response(over_at.min(now));
        let tree = tree?;
        let failure = tree.failures().find_map(|(id, error)| {
            let tolerance = self.tolerances.entry(id.clone()).or_default();
            let is_waited_for =
                !self.given_up.contains_key(id) && tolerance.tolerates(error, now, true, true);
            is_waited_for.then(|| error.clone())
        });
        Ok((tree, failure))
    }
}

/// What was read of a run, and when.
struct LookedAt {
    reading: Result<Reading>,
    answered_at: Duration,
}

/// How a look reads each run.
struct Looks<'a> {
    member: &'a Member,
    api: Api,
    call: CallOptions,
    /// One at the first run.
    look: scheduler::Look,
    pause: Duration,
}

impl<'a> Looks<'a> {
    fn of(member: &'a Member, polls: &Poller) -> Self {
        Self {
            member,
            api: polls.api.clone(),
            call: polls.call_options(),
            look: polls.look_at(polls.session_id.clone(), Wanted::StatusAndChildren),
            pause: polls.pause_of_schedule(),
        }
    }

    /// Looks at one run, in one request with others. If the server refuses so many at a time, again
    /// after the pause of the schedule.
    async fn at(&self, id: SessionId) -> LookedAt {
        let mut look = scheduler::Look {
            id: id.clone(),
            ..self.look.clone()
        };
        loop {
            let Some(looked) = self.member.look(look.clone()).await else {
                // The wait goes on in another runtime.
                return LookedAt {
                    reading: self.alone(id).await,
                    answered_at: self.api.clock().now(),
                };
            };
            look.batch_failures = looked.batch_failures;
            let reading = match looked.found {
                Found::Run(reading) => reading,
                Found::Failed(error) => Err(error.for_run(&id, false)),
                Found::TooMany(_) => {
                    let now = self.api.clock().now();
                    look.soonest = now.saturating_add(self.pause / 2);
                    look.due = now.saturating_add(self.pause).min(look.deadline.max(now));
                    continue;
                }
            };
            return LookedAt {
                reading,
                answered_at: looked.answered_at,
            };
        }
    }

    async fn alone(&self, id: SessionId) -> Result<Reading> {
        let digest = self.api.read_digest(self.call.clone().for_run(id)).await?;
        Ok(Reading {
            status: digest.status,
            children: digest.child_session_ids,
        })
    }
}

fn retry_after(failure: &Option<Error>) -> Option<Duration> {
    failure.as_ref().and_then(Error::retry_after)
}
