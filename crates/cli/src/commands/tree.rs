//! `dinoai tree`: shows a run and its descendants as a tree.

use dinoai::{Run, SessionId, Tree};
use serde::Serialize;

use super::context::Context;
use crate::args::{Format, TreeArgs};
use crate::report::{ExitStatus, Failure};

pub(crate) async fn tree(
    mut context: Context<'_>,
    options: TreeArgs,
) -> Result<ExitStatus, Failure> {
    let session = context.client.session(&options.session)?;
    let tree = context.read(session.id(), session.tree()).await?;
    let output = context.output;
    match output.format {
        Format::Text => output.text(&tree.to_string()),
        Format::Json => output.json(&Branch::of(&tree)),
        Format::Jsonl => lines(&tree, &mut |node| output.json(node)),
    }
    if output.format == Format::Text {
        for (id, error) in tree.failures() {
            output.warning(&format!("cannot read the run {id}: {error}"));
        }
    }
    context.wait_until_read(session.id()).await
}

/// A run of the tree, or why it cannot be read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node<'a> {
    #[serde(flatten)]
    run: Option<&'a Run>,
    #[serde(flatten)]
    unread: Option<Unreadable<'a>>,
    /// Children that were not looked at.
    #[serde(rename = "unread", skip_serializing_if = "<[_]>::is_empty")]
    not_looked_at: &'a [SessionId],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unreadable<'a> {
    agent_session_id: &'a SessionId,
    error: Failure,
}

impl<'a> Node<'a> {
    fn of(tree: &'a Tree) -> Self {
        let id = &tree.session_id;
        Self {
            run: tree.run.as_ref().ok(),
            unread: tree.run.as_ref().err().map(|error| Unreadable {
                agent_session_id: id,
                error: Failure::from(error.clone()).about(id),
            }),
            not_looked_at: &tree.unread,
        }
    }
}

/// A run with its children in it.
#[derive(Serialize)]
struct Branch<'a> {
    #[serde(flatten)]
    node: Node<'a>,
    children: Vec<Self>,
}

impl<'a> Branch<'a> {
    fn of(tree: &'a Tree) -> Self {
        Self {
            node: Node::of(tree),
            children: tree.children.iter().map(Self::of).collect(),
        }
    }
}

/// Each run before its children, which it names.
fn lines(tree: &Tree, print: &mut dyn FnMut(&Node<'_>)) {
    print(&Node::of(tree));
    for child in &tree.children {
        lines(child, print);
    }
}
