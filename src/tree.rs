//! [`Tree`]: a run with all its descendants: the runs that it started, those that they started,
//! and so on.
//!
//! Use it where agents start agents. "This run has ended" and "everything under it has ended"
//! are different questions: a run that started another with a callback goes idle, and wakes
//! again when that one ends. [`Session::tree`](crate::Session::tree) reads the tree as it is;
//! [`ReadTree::until_ended`] waits for all of it. For one run without children a
//! [wait](crate::wait) is enough.
//!
//! ```no_run
//! # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
//! println!("{}", session.tree().await?);
//!
//! let tree = session.tree().until_ended().await?;
//! for run in tree.runs().filter(|run| run.status != dinoai::RunStatus::Completed) {
//!     println!("{} ended {}", run.session_id, run.status);
//! }
//! # Ok(())
//! # }
//! ```

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use tracing::Instrument;

use crate::call::{CallFuture, Terms};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::family::{FIRST, walk};
use crate::poll::{Bearing, Pace, Polls};
use crate::run::{Run, RunStatus, SessionId};
use crate::schedule::Schedule;
use crate::session::Handle;
use crate::wait::OnTimeout;

/// A run and its descendants. Its `Display` draws it:
///
/// ```text
/// xwzdneft6emspe0f COMPLETED
/// ├── b2v9q1m4k7c3x8za COMPLETED
/// │   └── r5t8w2y6u1i9o3pa FAILED
/// └── h4g7f1d9s2a6k8ja cannot be read: …
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Tree {
    /// The run's name.
    pub session_id: SessionId,
    /// The run; or why it could not be read, the rest of the tree standing all the same. Never
    /// an error for the tree's first run.
    pub run: Result<Run>,
    /// The runs that it started, each once in the whole tree, even where runs name each other in
    /// a circle.
    pub children: Vec<Tree>,
    /// Children that were not read, being below the 32nd generation or beyond 10,000 runs.
    pub unread: Vec<SessionId>,
}

impl Tree {
    /// All runs that could be read, each before its descendants.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.nodes().filter_map(|node| node.run.as_ref().ok())
    }

    /// The runs that could not be read, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&SessionId, &Error)> {
        self.nodes()
            .filter_map(|node| Some((&node.session_id, node.run.as_ref().err()?)))
    }

    /// Whether all runs that could be read have ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.runs().all(|run| run.status.is_terminal())
    }

    fn nodes(&self) -> impl Iterator<Item = &Self> {
        let mut left = vec![self];
        std::iter::from_fn(move || {
            let node = left.pop()?;
            left.extend(node.children.iter().rev());
            Some(node)
        })
    }

    fn drawing(&self) -> termtree::Tree<String> {
        let label = match &self.run {
            Ok(run) => format!("{} {}", self.session_id, run.status),
            Err(error) => format!("{} cannot be read: {error}", self.session_id),
        };
        let mut tree =
            termtree::Tree::new(label).with_leaves(self.children.iter().map(Self::drawing));
        if !self.unread.is_empty() {
            tree.push(termtree::Tree::new(format!(
                "{} more, not read",
                self.unread.len()
            )));
        }
        tree
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.drawing().to_string().trim_end())
    }
}

/// Reads a run and its descendants as they are now. Await it; nothing is sent before.
///
/// One request a run, several at a time. May be dropped at any time.
///
/// # Errors
///
/// Those of [`Client::get_run`] for the first run. A descendant that cannot be read is reported
/// in the tree.
#[must_use = "nothing is read until it is awaited"]
pub struct ReadTree {
    handle: Handle,
    concurrency: usize,
}

impl ReadTree {
    pub(crate) fn new(handle: Handle) -> Self {
        Self {
            handle,
            concurrency: 8,
        }
    }

    /// How many runs are read at a time. 8 by default; 0 counts as 1.
    pub fn concurrency(mut self, runs: usize) -> Self {
        self.concurrency = runs.max(1);
        self
    }

    /// Waits until everything has ended, and reads it then: see [`WaitTree`].
    pub fn until_ended(self) -> WaitTree {
        WaitTree {
            read: self,
            pace: Pace::default(),
            settle_time: Duration::from_secs(10),
        }
    }
}

impl IntoFuture for ReadTree {
    type Output = Result<Tree>;
    type IntoFuture = CallFuture<Tree>;

    fn into_future(self) -> CallFuture<Tree> {
        let Handle { client, id, .. } = self.handle;
        Box::pin(read_tree(client, id, Terms::default(), self.concurrency))
    }
}

impl fmt::Debug for ReadTree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReadTree")
            .field("session_id", &self.handle.id)
            .field("concurrency", &self.concurrency)
            .finish()
    }
}

/// Waits until a run and all its descendants have ended, those included that appear while it
/// waits, and reads them. Await it; nothing is sent before.
///
/// A run with children may wake again when they end, so everything has to read as ended, without
/// a change, for the settle time. A descendant that cannot be read, for more than ten polls or
/// for good, is not waited for, and reported in the tree. How the runs ended is no error: see
/// [`Tree::runs`].
///
/// # Errors
///
/// [`Error::WaitTimeout`] where something is still going; those of a [wait](crate::wait) for the
/// first run.
#[must_use = "a wait does nothing until it is awaited"]
pub struct WaitTree {
    read: ReadTree,
    pace: Pace,
    settle_time: Duration,
}

impl WaitTree {
    /// How long to wait. 3600 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.pace.timeout = timeout;
        self
    }

    /// Polls at a fixed interval. Without it the interval adapts: see
    /// [`schedule`](crate::schedule).
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.pace.schedule = Schedule::every(interval);
        self
    }

    /// What to do with the first run, where it is still going at the timeout.
    pub fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.pace.on_timeout = on_timeout;
        self
    }

    /// How long everything has to read as ended before it is believed, where there are children.
    /// 10 s by default.
    pub fn settle_time(mut self, settle_time: Duration) -> Self {
        self.settle_time = settle_time;
        self
    }

    async fn run(self) -> Result<Tree> {
        self.pace.check()?;
        let client = self.read.handle.client.clone();
        let concurrency = self.read.concurrency;
        let clock = client.clock().clone();
        let mut polls = self.read.handle.polls(clock.now(), self.pace);
        let mut census = Census::default();
        let mut quiet_since = None;
        loop {
            polls.begin();
            let looked = census.take(&mut polls, concurrency).await;
            let is_over = match looked {
                Ok(Change::None) => {
                    let since = *quiet_since.get_or_insert_with(|| clock.now());
                    clock.now().saturating_sub(since) >= self.settle_time
                }
                Ok(Change::Final) => true,
                Ok(Change::Some) | Err(_) => {
                    quiet_since = None;
                    false
                }
            };
            let mut poll = looked.map(drop);
            if is_over {
                let (client, root) = (client.clone(), polls.session_id.clone());
                // Nothing comes after it, so each run is tried as often as in any call.
                let terms = Terms {
                    once: false,
                    ..polls.terms()
                };
                match read_tree(client, root, terms, concurrency).await {
                    Ok(tree) if tree.has_ended() => return Ok(tree),
                    read => poll = read.map(drop),
                }
            }
            polls.pause_after(poll).await?;
        }
    }
}

impl IntoFuture for WaitTree {
    type Output = Result<Tree>;
    type IntoFuture = CallFuture<Tree>;

    fn into_future(self) -> CallFuture<Tree> {
        Box::pin(async move {
            let session_id = self.read.handle.id.as_str();
            let span = tracing::info_span!("dinoai.wait", session_id);
            self.run().instrument(span).await
        })
    }
}

impl fmt::Debug for WaitTree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WaitTree")
            .field("read", &self.read)
            .field("pace", &self.pace)
            .field("settle_time", &self.settle_time)
            .finish()
    }
}

/// What is known of the runs of a tree that is waited for.
#[derive(Default)]
struct Census {
    statuses: HashMap<SessionId, RunStatus>,
    failures: HashMap<SessionId, u32>,
}

/// What a look at all runs of a tree has shown.
enum Change {
    /// Something is going on, or has happened since the last look.
    Some,
    /// Everything has ended, and nothing has changed since the last look.
    None,
    /// Everything has ended, and there is nothing that could wake it.
    Final,
}

impl Census {
    /// Looks at every run of the tree once. An error is the first run's, or a temporary one of a
    /// descendant.
    async fn take(&mut self, polls: &mut Polls, concurrency: usize) -> Result<Change> {
        let (client, terms) = (polls.client.clone(), polls.terms());
        let root = polls.session_id.clone();
        let family = walk(root.clone(), concurrency, |id| {
            let client = client.clone();
            let terms = terms.for_run(id);
            async move {
                let digest = client.read_digest(terms).await?;
                Ok((digest.status, digest.child_session_ids))
            }
        })
        .await?;

        polls.read(&family.first);
        let is_alone = family.below.is_empty();
        let mut has_changed = self.note(root, &family.first);
        let mut has_ended = family.first.is_terminal();
        let mut passing: Option<Error> = None;
        for visit in family.below {
            match visit.outcome {
                Ok(status) => {
                    has_ended &= status.is_terminal();
                    self.failures.remove(&visit.session_id);
                    has_changed |= self.note(visit.session_id, &status);
                }
                Err(error) => {
                    has_ended &= self.is_given_up(visit.session_id, &error);
                    let before = passing.as_ref().and_then(Error::retry_after);
                    if error.is_temporary() && error.retry_after() >= before {
                        passing = Some(error);
                    }
                }
            }
        }
        // The one with the longest delay that the server asks for stands for all.
        if let Some(error) = passing {
            return Err(error);
        }
        Ok(match (has_ended, is_alone, has_changed) {
            (true, true, _) => Change::Final,
            (true, false, false) => Change::None,
            _ => Change::Some,
        })
    }

    /// Notes a status; whether it is another than before.
    fn note(&mut self, id: SessionId, status: &RunStatus) -> bool {
        let before = self.statuses.insert(id, status.clone());
        before.as_ref() != Some(status)
    }

    /// Whether a descendant that could not be read is no longer waited for.
    fn is_given_up(&mut self, id: SessionId, error: &Error) -> bool {
        match Bearing::of(error) {
            Bearing::Temporary => false,
            Bearing::Final => true,
            Bearing::Doubtful => {
                let failures = self.failures.entry(id).or_default();
                *failures += 1;
                *failures > Polls::DOUBTFUL_IN_A_ROW
            }
        }
    }
}

/// Reads a run and all its descendants.
async fn read_tree(
    client: Client,
    root: SessionId,
    terms: Terms,
    concurrency: usize,
) -> Result<Tree> {
    let family = walk(root.clone(), concurrency, |id| {
        let client = client.clone();
        let terms = terms.for_run(id);
        async move {
            let run = client.read_run(terms).await?;
            let children = run.child_session_ids.clone();
            Ok((run, children))
        }
    })
    .await?;

    // From the last run up, since each comes after its parent.
    let mut children: HashMap<usize, Vec<Tree>> = HashMap::new();
    let children_of = |number, children: &mut HashMap<_, Vec<Tree>>| {
        let mut below = children.remove(&number).unwrap_or_default();
        below.reverse();
        below
    };
    for visit in family.below.into_iter().rev() {
        let tree = Tree {
            session_id: visit.session_id,
            run: visit.outcome,
            children: children_of(visit.number, &mut children),
            unread: visit.unread,
        };
        children.entry(visit.parent).or_default().push(tree);
    }
    Ok(Tree {
        session_id: root,
        run: Ok(family.first),
        children: children_of(FIRST, &mut children),
        unread: family.unread,
    })
}
