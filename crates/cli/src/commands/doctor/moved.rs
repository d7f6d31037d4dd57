//! What the backend's schema says of documents that it takes: their responses may be others than this
//! version reads.

use std::collections::BTreeMap;

use dinoai::Client;
#[cfg(feature = "emulator")]
use dinoai_emulator::changes::{Changes, Level};

use super::report::Check;
#[cfg(feature = "emulator")]
use crate::commands::schema;

/// What the backend's schema says.
#[derive(Default)]
pub(super) struct Moved {
    /// The line of the report; none where nothing is known.
    pub(super) check: Option<Check>,
    /// By document, what breaks it.
    breaking: BTreeMap<String, Vec<String>>,
}

impl Moved {
    /// What breaks the document of this operation.
    pub(super) fn breaks(&self, operation: &str) -> Option<String> {
        let document = format!("dinoai/{}.graphql", snake_case(operation));
        let changes = self.breaking.get(&document)?;
        Some(changes.join("; "))
    }
}

/// Asks the backend for its schema.
#[cfg(feature = "emulator")]
pub(super) async fn look(client: &Client) -> Moved {
    match schema::changes_of_the_api(client).await {
        Ok(changes) => moved(&changes),
        Err(_) => Moved {
            check: Some(Check::not_tested(
                "schema",
                "the backend does not show it, so that types are not compared".to_owned(),
            )),
            ..Moved::default()
        },
    }
}

/// What compares schemas is part of the emulator.
#[cfg(not(feature = "emulator"))]
pub(super) async fn look(_: &Client) -> Moved {
    Moved::default()
}

#[cfg(feature = "emulator")]
fn moved(changes: &Changes) -> Moved {
    const SHOW: &str = "`dinoai schema diff` shows them";

    let count = |level| changes.list().iter().filter(|it| it.level == level).count();
    let (breaking, dangerous) = (count(Level::Breaking), count(Level::Dangerous));
    let check = match (breaking, dangerous) {
        (0, 0) => Check::ok("schema", "as this version's documents need it".to_owned()),
        _ => {
            let text = format!(
                "changed for this version's documents: {breaking} breaking, {dangerous} dangerous"
            );
            Check::warning("schema", text, SHOW)
        }
    };
    let mut by_document: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for change in changes.list() {
        if change.level != Level::Breaking {
            continue;
        }
        let text = format!("{}: {}", change.coordinate, change.message);
        for place in &change.places {
            let of_document = by_document.entry(place.document.clone()).or_default();
            if !of_document.contains(&text) {
                of_document.push(text.clone());
            }
        }
    }
    Moved {
        check: Some(check),
        breaking: by_document,
    }
}

/// `DinoaiAgentRun` as `dinoai_agent_run`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 8);
    for character in name.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
