//! `dinoai tree`: a run with all its descendants.

use dinoai::Tree;
use serde_json::{Value, json};

use super::Desk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::options::{Format, Session};

pub(crate) async fn tree(mut desk: Desk<'_>, options: Session) -> Result<Exit, Failure> {
    let session = desk.client.session(&options.session)?;
    let tree = desk
        .read(session.id(), session.tree().into_future())
        .await?;
    let output = desk.output;
    match output.format {
        Format::Text => output.text(&tree.to_string()),
        Format::Json => output.json(&document(&tree)),
        Format::Jsonl => {
            for run in tree.runs() {
                output.json(run);
            }
        }
    }
    if output.format != Format::Json {
        for (id, error) in tree.failures() {
            output.warning(&format!("the run {id} cannot be read: {error}"));
        }
    }
    desk.shown(session.id()).await
}

/// A run with its children in it, or why there is none.
fn document(tree: &Tree) -> Value {
    let mut value = match &tree.run {
        Ok(run) => json!(run),
        Err(error) => json!({
            "agentSessionId": tree.session_id,
            "error": Failure::from(error.clone()).about(&tree.session_id),
        }),
    };
    value["children"] = tree.children.iter().map(document).collect();
    if !tree.unread.is_empty() {
        value["unread"] = json!(tree.unread);
    }
    value
}
