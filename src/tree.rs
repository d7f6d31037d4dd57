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
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::Instrument;

use crate::call::CallFuture;
use crate::error::{Awaited, Error, Result};
use crate::family::{FIRST, walk};
use crate::model::{Run, RunStatus, SessionId};
use crate::operations::Api;
use crate::poll::{Pace, Polls};
use crate::schedule::Schedule;
use crate::session::Handle;
use crate::tolerance::Streak;
use crate::transport::CallOptions;
use crate::turn::{GRACE_TIME, Tracked};
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
        // What the API says has no lines of its own in the drawing.
        let label = label.split_whitespace().collect::<Vec<_>>().join(" ");
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
        let Handle { api, id, .. } = self.handle;
        Box::pin(async move {
            let mut read = HashMap::new();
            read_tree(
                &api,
                id,
                &CallOptions::default(),
                self.concurrency,
                &mut read,
            )
            .await
        })
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
/// a change, for the settle time, or until the deadline. After a follow-up through this session
/// the first run's turn has to have ended, by the rules of [`turn`](crate::turn). What was read
/// is kept, and only what could not be read is read again. A descendant that cannot be read, for
/// good or by the rules for [failing polls](crate::wait#failing-polls), is not waited for, and
/// reported in the tree. How the runs ended is no error: see [`Tree::runs`].
///
/// # Errors
///
/// [`Error::WaitTimeout`] if something is still going; those of a [wait](crate::wait) for the
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
        let handle = self.read.handle;
        let concurrency = self.read.concurrency;
        let mut polls = handle.polls(handle.api.clock().now(), self.pace);
        let mut turn = Tracked::of(handle);
        let mut census = Census::default();
        let mut quiet_since = None;
        // Everything has ended; what is left is to read it whole.
        let mut has_ended = false;
        loop {
            if turn.refresh(&mut polls) {
                has_ended = false;
                census.runs.clear();
                quiet_since = None;
            }
            polls.begin();
            if !has_ended {
                let looked = census.look(&mut polls, &mut turn, concurrency).await;
                let awaited = census.awaited(&turn);
                match looked {
                    Ok(Look::Ended { may_wake }) => {
                        let now = polls.now();
                        let since = *quiet_since.get_or_insert(now);
                        let is_settled = now.saturating_sub(since) >= self.settle_time;
                        has_ended = !may_wake || is_settled || polls.is_at_the_deadline();
                        if !has_ended {
                            polls.pause_after(Ok(()), awaited).await?;
                        }
                    }
                    Ok(Look::Changed) => {
                        quiet_since = None;
                        turn.check_grace(&polls, GRACE_TIME)?;
                        polls.pause_after(Ok(()), awaited).await?;
                    }
                    Ok(Look::Incomplete(error)) => {
                        turn.check_grace(&polls, GRACE_TIME)?;
                        polls.pause_despite(error, awaited).await?;
                    }
                    Err(error) => {
                        turn.failed();
                        polls.pause_after(Err(error), awaited).await?;
                    }
                }
            }
            if !has_ended {
                continue;
            }
            match census.read_all(&mut polls, concurrency).await {
                Ok((tree, None)) => {
                    // A follow-up may have been sent in between.
                    turn.refresh(&mut polls);
                    if let Ok(first) = &tree.run {
                        census.has_first_ended = turn.has_ended(&first.status);
                        polls.read_whole(&first.status);
                    }
                    if tree.has_ended() && census.has_first_ended {
                        turn.close();
                        return Ok(tree);
                    }
                    // Something has woken.
                    has_ended = false;
                    census.runs.clear();
                    quiet_since = None;
                    polls.pause_after(Ok(()), census.awaited(&turn)).await?;
                }
                Ok((_, Some(error))) => polls.pause_despite(error, Awaited::Descendants).await?,
                Err(error) => polls.pause_after(Err(error), Awaited::Run).await?,
            }
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
    /// Whether the first run, or its turn, had ended at the last look.
    has_first_ended: bool,
    /// As they read at the last look.
    statuses: HashMap<SessionId, RunStatus>,
    /// What the look that is under way has read: only what failed is read again.
    read: HashMap<SessionId, (RunStatus, Vec<SessionId>)>,
    streaks: HashMap<SessionId, Streak>,
    /// Descendants that are no longer waited for.
    given_up: HashMap<SessionId, Error>,
    /// Runs that were read whole after everything had ended.
    runs: HashMap<SessionId, Run>,
}

/// What a look at all runs of a tree has shown.
enum Look {
    /// Something is going on, or has happened since the look before.
    Changed,
    /// Everything has ended, and nothing has changed; whether there is anything that could wake
    /// it.
    Ended { may_wake: bool },
    /// Some descendants could not be read, and are due again.
    Incomplete(Error),
}

impl Census {
    fn awaited(&self, turn: &Tracked) -> Awaited {
        match self.has_first_ended {
            true => Awaited::Descendants,
            false => turn.awaited(),
        }
    }

    /// Looks at every run of the tree that this look has not read yet. An error is the first
    /// run's.
    async fn look(
        &mut self,
        polls: &mut Polls,
        turn: &mut Tracked,
        concurrency: usize,
    ) -> Result<Look> {
        // A look that is under way at the deadline is the last one: its reads may begin until it
        // has to end.
        let mut call = polls.call_options();
        let overrun = std::mem::take(&mut call.overrun);
        call.deadline = call
            .deadline
            .map(|deadline| deadline.saturating_add(overrun));
        let api = polls.api.clone();
        let root = polls.session_id.clone();
        let root_messages = Mutex::new(None);
        let family = walk(root.clone(), concurrency, |id| {
            let (api, known) = (api.clone(), self.read.get(&id).cloned());
            let given_up = self.given_up.get(&id).cloned();
            let (call, is_root) = (call.for_run(id.clone()), id == root);
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

        let (first, _) = family.first;
        let now = polls.now();
        let messages = root_messages
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        turn.note(&first, &messages.unwrap_or_default(), now);
        let mut has_ended = turn.has_ended(&first);
        polls.read(&first, turn.may_have_ended(&first));
        self.has_first_ended = has_ended;
        let may_wake = !family.below.is_empty();
        let mut failure: Option<Error> = None;
        for visit in family.below {
            match visit.outcome {
                Ok((status, children)) => {
                    has_ended &= status.is_terminal();
                    self.streaks.remove(&visit.session_id);
                    self.read.insert(visit.session_id, (status, children));
                }
                Err(_) if self.given_up.contains_key(&visit.session_id) => {}
                Err(error) => {
                    let streak = self.streaks.entry(visit.session_id.clone()).or_default();
                    if !streak.tolerates(&error, now, true, true) {
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
        let is_settling = may_wake && has_changed && !polls.is_at_the_deadline();
        Ok(match has_ended && !is_settling {
            true => Look::Ended { may_wake },
            false => Look::Changed,
        })
    }

    /// Reads all runs whole that were not read before; and a failure that the next try may not
    /// meet again.
    async fn read_all(
        &mut self,
        polls: &mut Polls,
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
            let streak = self.streaks.entry(id.clone()).or_default();
            let is_waited_for =
                !self.given_up.contains_key(id) && streak.tolerates(error, now, true, true);
            is_waited_for.then(|| error.clone())
        });
        Ok((tree, failure))
    }
}

fn retry_after(failure: &Option<Error>) -> Option<Duration> {
    failure.as_ref().and_then(Error::retry_after)
}

/// Reads a run and all its descendants, but for those that were read before.
async fn read_tree(
    api: &Api,
    root: SessionId,
    call: &CallOptions,
    concurrency: usize,
    read: &mut HashMap<SessionId, Run>,
) -> Result<Tree> {
    let family = walk(root.clone(), concurrency, |id| {
        let known = read.get(&id).cloned();
        let (api, call) = (api.clone(), call.for_run(id));
        async move {
            let run = match known {
                Some(run) => run,
                None => api.read_run(call).await?,
            };
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
        if let Ok(run) = &visit.outcome {
            read.insert(visit.session_id.clone(), run.clone());
        }
        let tree = Tree {
            session_id: visit.session_id,
            run: visit.outcome,
            children: children_of(visit.number, &mut children),
            unread: visit.unread,
        };
        children.entry(visit.parent).or_default().push(tree);
    }
    read.insert(root.clone(), family.first.clone());
    Ok(Tree {
        session_id: root,
        run: Ok(family.first),
        children: children_of(FIRST, &mut children),
        unread: family.unread,
    })
}
