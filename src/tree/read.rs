//! [`ReadTree`]: reads a run and its descendants as they are now.

use std::collections::HashMap;
use std::fmt;

use super::run_tree::Tree;
use super::walk::{FIRST, walk};
use crate::error::Result;
use crate::model::{Run, SessionId};
use crate::operations::{Api, CallFuture};
use crate::session::{Handle, Session};
use crate::transport::CallOptions;

impl Session {
    /// Reads the run with all its descendants, or waits for all of them: see [`ReadTree`].
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// println!("{}", session.tree().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn tree(&self) -> ReadTree {
        ReadTree::new(self.handle().clone())
    }
}

/// Reads a run and its descendants as they are now.
///
/// Await it; nothing is sent before.
///
/// One request a run, several at a time. May be dropped at any time.
///
/// # Errors
///
/// Those of [`Client::get_run`](crate::Client::get_run) for the first run. A descendant that cannot be read is reported
/// in the tree.
#[must_use = "nothing is read until it is awaited"]
pub struct ReadTree {
    pub(super) handle: Handle,
    pub(super) concurrency: usize,
}

impl ReadTree {
    pub(crate) fn new(handle: Handle) -> Self {
        Self {
            handle,
            concurrency: 8,
        }
    }

    /// Sets how many runs are read at a time.
    ///
    /// 8 by default; 0 counts as 1.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// let tree = session.tree().concurrency(2).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn concurrency(mut self, runs: usize) -> Self {
        self.concurrency = runs.max(1);
        self
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

/// Reads a run and all its descendants, but for those that were read before.
pub(super) async fn read_tree(
    api: &Api,
    root: SessionId,
    call: &CallOptions,
    concurrency: usize,
    read: &mut HashMap<SessionId, Run>,
) -> Result<Tree> {
    let walked = walk(root.clone(), concurrency, |id| {
        let known = read.get(&id).cloned();
        let (api, call) = (api.clone(), call.clone().for_run(id));
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
    for visit in walked.below.into_iter().rev() {
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
    read.insert(root.clone(), walked.first.clone());
    Ok(Tree {
        session_id: root,
        run: Ok(walked.first),
        children: children_of(FIRST, &mut children),
        unread: walked.unread,
    })
}
