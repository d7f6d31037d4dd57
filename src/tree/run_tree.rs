//! [`Tree`]: a run with all its descendants, and how it is drawn.

use std::fmt;

use crate::error::{Error, Result};
use crate::model::{Run, SessionId};

/// A run with all its descendants: the runs that it started, those that they started, and so on.
///
/// Use it where agents start agents. "This run has ended" and "everything under it has ended"
/// are different questions: a run that started another with a callback goes idle, and wakes
/// again when that one ends. [`Session::tree`](crate::Session::tree) reads the tree as it is;
/// [`until_ended`](crate::ReadTree::until_ended) waits for all of it. For one run without children a
/// [`Wait`](crate::Wait) is enough.
///
/// ```no_run
/// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
/// println!("{}", session.tree().await?);
///
/// let tree = session.tree().until_ended().await?;
/// for run in tree.runs().filter(|run| run.status != dinoai::RunStatus::Completed) {
///     println!("{} ended {}", run.session_id, run.status);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Its `Display` draws it:
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
    /// The run's session id.
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
    /// A tree of one run for a test.
    ///
    /// Set its fields as you need them.
    ///
    /// ```
    /// use dinoai::{Run, RunStatus, Tree};
    ///
    /// let child = Run::new("b2v9q1m4k7c3x8za", RunStatus::Running);
    /// let mut tree = Tree::new(Run::new("xwzdneft6emspe0f", RunStatus::Completed));
    /// tree.children.push(Tree::new(child));
    /// assert!(!tree.has_ended());
    /// ```
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn new(run: Run) -> Self {
        Self {
            session_id: run.session_id.clone(),
            run: Ok(run),
            children: vec![],
            unread: vec![],
        }
    }

    /// All runs that could be read, each before its descendants.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// for run in session.tree().await?.runs() {
    ///     println!("{} {}", run.session_id, run.status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.nodes().filter_map(|node| node.run.as_ref().ok())
    }

    /// The runs that could not be read, and why.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// for (id, error) in session.tree().await?.failures() {
    ///     eprintln!("{id}: {error}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn failures(&self) -> impl Iterator<Item = (&SessionId, &Error)> {
        self.nodes()
            .filter_map(|node| Some((&node.session_id, node.run.as_ref().err()?)))
    }

    /// Whether all runs that could be read have ended.
    ///
    /// A run that has ended can wake again when one of its children ends.
    ///
    /// ```no_run
    /// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
    /// if !session.tree().await?.has_ended() {
    ///     println!("something is still in progress");
    /// }
    /// # Ok(())
    /// # }
    /// ```
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
