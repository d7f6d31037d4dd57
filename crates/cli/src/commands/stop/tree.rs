//! `dinoai stop --tree`: stops a run and its descendants.

use std::collections::BTreeSet;
use std::time::Duration;

use dinoai::{Error, Run, SessionId, Tree};

use super::super::Context;
use super::super::run_entry::RunEntry;
use super::{Done, Stopping};
use crate::report::{ExitStatus, Failure, Kind, shell};

/// How often what goes on is stopped: what was started just before a stop is found only after it.
const TRIES: usize = 10;

/// The pause before the next look: what was stopped takes a moment to end, and the end of a child
/// wakes the run that has started it.
const PAUSE: Duration = Duration::from_secs(1);

impl Stopping<'_> {
    /// Stops a run, so that it starts nothing more, then its descendants, each before what it has
    /// started, until a look finds none of them going. What has ended is left as it is. Fails only
    /// if it was interrupted.
    pub(super) async fn stop_tree(
        &mut self,
        context: &mut Context<'_>,
        first: &SessionId,
    ) -> Result<(), Failure> {
        let stopped = self.until_at_rest(context, first).await;
        stopped.map_err(|failure| {
            failure
                .about(first)
                .with_hint(again("to stop the rest", first))
        })
    }

    async fn until_at_rest(
        &mut self,
        context: &mut Context<'_>,
        first: &SessionId,
    ) -> Result<(), Failure> {
        let mut failed = BTreeSet::new();
        for tried in 0..=TRIES {
            let tree = match look(context, first).await? {
                Ok(tree) => tree,
                Err(failure) => {
                    self.failed(first, &failure);
                    return Ok(());
                }
            };
            let going = tree.runs().filter(|run| !run.status.is_terminal());
            let going: Vec<_> = going
                .map(|run| run.session_id.clone())
                .filter(|id| !failed.contains(id))
                .collect();
            if going.is_empty() {
                if let (0, Ok(root)) = (tried, &tree.run) {
                    self.at_rest(root);
                }
                self.name_unread(&tree);
                return Ok(());
            }
            if tried == TRIES {
                self.failed(first, &endless(&going, first));
                self.name_unread(&tree);
                return Ok(());
            }
            for id in going {
                // One that still reads as going, or has woken, is stopped again.
                if let Err(failure) = self.carry_out(context, &id).await? {
                    self.failed(&id, &failure);
                    failed.insert(id);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                signal = context.interrupts.next() => return Err(Failure::interrupted_idle(signal)),
            }
        }
        Ok(())
    }

    /// Shows that nothing of a tree was going.
    fn at_rest(&mut self, root: &Run) {
        let id = &root.session_id;
        self.output.note(&format!(
            "no run in the tree of {id} is running; nothing to stop"
        ));
        self.result(RunEntry::Done(Done {
            session_id: id.clone(),
            status: root.status.clone(),
        }));
        self.exits.push(ExitStatus::Done);
    }

    /// Names the runs of a tree of which nobody knows whether they go on.
    fn name_unread(&mut self, tree: &Tree) {
        let failures = tree
            .failures()
            .map(|(id, error)| (id, error.to_string(), error.is_retryable()));
        let beyond = unread(tree).into_iter();
        let beyond = beyond.map(|id| {
            let why = "the tree is too deep or too large".to_owned();
            (id, why, true)
        });
        for (id, why, may_help) in failures.chain(beyond) {
            let text = format!(
                "cannot read the run {id}, so it and its descendants may still be running: {why}"
            );
            let failure = Failure::new(Kind::Unread, ExitStatus::Unavailable, text).about(id);
            let failure = match may_help {
                true => failure.with_hint(again("to stop it", id)),
                false => failure,
            };
            self.failed(id, &failure);
        }
    }
}

/// The tree as it is now, or why its first run cannot be read. Fails only if it was interrupted.
async fn look(
    context: &mut Context<'_>,
    first: &SessionId,
) -> Result<Result<Tree, Failure>, Failure> {
    context.output.show_activity_of(first, "reading");
    let read = async { context.client.session(first)?.tree().await };
    tokio::select! {
        tree = read => Ok(tree.map_err(|error| unreadable(error, first))),
        signal = context.interrupts.next() => Err(Failure::interrupted_idle(signal)),
    }
}

/// The runs that were beyond what is read of a tree.
fn unread(tree: &Tree) -> Vec<&SessionId> {
    let below = tree.children.iter().flat_map(unread);
    tree.unread.iter().chain(below).collect()
}

fn endless(going: &[SessionId], first: &SessionId) -> Failure {
    let ids: Vec<_> = going.iter().map(SessionId::as_str).collect();
    let ids = ids.join(", ");
    let text = format!("some runs of the tree are still running after {TRIES} attempts: {ids}");
    let failure = Failure::new(Kind::StillGoing, ExitStatus::StillGoing, text).about(first);
    failure.with_hint(again("to try again", first))
}

/// Why a tree cannot be read, and how to go on where that may come to more.
fn unreadable(error: Error, first: &SessionId) -> Failure {
    let may_help = error.is_retryable();
    let failure = Failure::from(error).about(first);
    match may_help {
        true => failure.with_hint(again("to try again", first)),
        false => failure,
    }
}

fn again(what: &str, id: &SessionId) -> String {
    format!("{what}: dinoai stop --tree {}", shell::id(id))
}
