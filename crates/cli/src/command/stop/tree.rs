//! `dinoai stop --tree`: a run and its descendants.

use std::collections::BTreeSet;
use std::time::Duration;

use dinoai::{SessionId, Tree};

use super::super::{Desk, interrupted};
use super::{Stopping, carry_out};
use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::shell;

/// How often a tree is looked at: what was started just before a stop is stopped at the next look.
const LOOKS: usize = 10;

/// The pause before the next look: what was stopped takes a moment to end, and the end of a child
/// wakes the run that has started it.
const PAUSE: Duration = Duration::from_secs(1);

impl Stopping<'_> {
    /// Stops a run, so that it starts nothing more, then its descendants, each before what it has
    /// started, until a look finds none of them going. What has ended is left as it is. Fails only
    /// if it was interrupted.
    pub(super) async fn tree(
        &mut self,
        desk: &mut Desk<'_>,
        first: &SessionId,
    ) -> Result<(), Failure> {
        let stopped = self.until_at_rest(desk, first).await;
        stopped.map_err(|failure| {
            failure
                .about(first)
                .with_hint(again("stop the rest", first))
        })
    }

    async fn until_at_rest(
        &mut self,
        desk: &mut Desk<'_>,
        first: &SessionId,
    ) -> Result<(), Failure> {
        let (mut shown, mut failed) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..LOOKS {
            let tree = match look(desk, first).await? {
                Ok(tree) => tree,
                Err(failure) => {
                    self.failed(first, &failure.with_hint(again("go on", first)));
                    return Ok(());
                }
            };
            let going = tree.runs().filter(|run| !run.status.is_terminal());
            let going: Vec<_> = going
                .map(|run| run.session_id.clone())
                .filter(|id| !failed.contains(id))
                .collect();
            if going.is_empty() {
                if shown.is_empty() && failed.is_empty() {
                    let text = format!("nothing of {first} is going: it is left as it is");
                    self.output.note(&text);
                }
                self.name_unread(&tree);
                return Ok(());
            }
            for id in going {
                match carry_out(desk, &id).await? {
                    Ok(accepted) if shown.insert(id.clone()) => self.done(accepted),
                    // It still reads as going, or has woken.
                    Ok(_) => {}
                    Err(failure) => {
                        self.failed(&id, &failure);
                        failed.insert(id);
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                signal = desk.interrupts.next() => return Err(interrupted(signal)),
            }
        }
        let text =
            format!("the run {first}, or what it has started, still goes on after {LOOKS} looks");
        let failure = Failure::new(Kind::StillGoing, Exit::StillGoing, text).about(first);
        self.failed(first, &failure.with_hint(again("go on", first)));
        Ok(())
    }

    /// Names the runs of a tree of which nobody knows whether they go on.
    fn name_unread(&mut self, tree: &Tree) {
        let failures = tree.failures().map(|(id, error)| (id, error.to_string()));
        let beyond = unread(tree).into_iter();
        let beyond = beyond.map(|id| (id, "too many runs are above or before it".to_owned()));
        for (id, why) in failures.chain(beyond) {
            let text = format!(
                "the run {id} was not read, so it, and what it has started, may go on: {why}"
            );
            let failure = Failure::new(Kind::Unread, Exit::Unavailable, text).about(id);
            self.failed(id, &failure.with_hint(again("stop it", id)));
        }
    }
}

/// The tree as it is now, or why its first run cannot be read. Fails only if it was interrupted.
async fn look(desk: &mut Desk<'_>, first: &SessionId) -> Result<Result<Tree, Failure>, Failure> {
    desk.output.busy_with(first, "reading");
    let read = async { desk.client.session(first)?.tree().await };
    tokio::select! {
        tree = read => Ok(tree.map_err(|error| Failure::from(error).about(first))),
        signal = desk.interrupts.next() => Err(interrupted(signal)),
    }
}

/// The runs that were beyond what is read of a tree.
fn unread(tree: &Tree) -> Vec<&SessionId> {
    let below = tree.children.iter().flat_map(unread);
    tree.unread.iter().chain(below).collect()
}

fn again(what: &str, id: &SessionId) -> String {
    format!("{what} with: dinoai stop --tree {}", shell::id(id))
}
