//! What the backend's schema says of documents that it takes: their responses may be others than this
//! version reads.

use std::collections::BTreeMap;

#[cfg(feature = "emulator")]
use dinoai::Support;
use dinoai::{Client, Features};
#[cfg(feature = "emulator")]
use dinoai_emulator::changes::{Change, Level};

use super::report::Check;
#[cfg(feature = "emulator")]
use crate::commands::schema;
use crate::sanitize::excerpt;

/// What the backend's schema says.
#[derive(Default)]
pub(super) struct Moved {
    /// The line of the report; none where nothing compares schemas.
    pub(super) check: Option<Check>,
    /// By document, what breaks it.
    breaking: BTreeMap<String, Vec<String>>,
}

impl Moved {
    /// Nothing, and why; what compares schemas is part of the emulator.
    pub(super) fn not_tested(why: String) -> Self {
        let check = Check::not_tested("schema", why);
        Self {
            check: Some(check).filter(|_| cfg!(feature = "emulator")),
            ..Self::default()
        }
    }

    /// What breaks the document of this operation.
    pub(super) fn breaks(&self, operation: &str) -> Option<String> {
        const SHOWN: usize = 20;
        let changes = self.breaking.get(&document(operation))?;
        let shown = changes.iter().take(SHOWN).map(|change| excerpt(change));
        let shown = shown.collect::<Vec<_>>().join("; ");
        Some(match changes.len().saturating_sub(SHOWN) {
            0 => shown,
            more => format!("{shown}; and {more} more"),
        })
    }
}

/// Asks the backend for its schema, and compares it for the documents that are used with it.
#[cfg(feature = "emulator")]
pub(super) async fn look(client: &Client, probed: &Features) -> Moved {
    // What an older backend lacks breaks nothing: these documents are not used with it.
    let is_older = |support: &Support| matches!(support, Support::NotSupported { .. });
    let lacking = probed.iter().filter(|it| is_older(it.support));
    let (lacking, unused): (Vec<_>, Vec<_>) =
        lacking.map(|it| (it.name, document(it.operation))).unzip();
    let is_in_use = |name: &str| unused.iter().all(|it| it != name);
    match schema::changes_of_the_api(client, is_in_use).await {
        Ok(changes) => moved(&changes, &lacking),
        Err(failure) => Moved::not_tested(format!("types are not compared: {}", failure.message)),
    }
}

/// What compares schemas is part of the emulator.
#[cfg(not(feature = "emulator"))]
pub(super) async fn look(_: &Client, _: &Features) -> Moved {
    Moved::default()
}

#[cfg(feature = "emulator")]
fn moved(changes: &[Change], lacking: &[&str]) -> Moved {
    const SHOW: &str = "`dinoai schema diff` shows them";

    let count = |level| changes.iter().filter(|it| it.level == level).count();
    let lacks = match lacking.is_empty() {
        true => String::new(),
        false => format!("does not have {}; ", lacking.join(", ")),
    };
    let check = match (count(Level::Breaking), count(Level::Dangerous)) {
        (0, 0) => {
            let text = match lacking.is_empty() {
                true => "as this version's documents need it",
                false => "all else as this version's documents need it",
            };
            Check::ok("schema", format!("{lacks}{text}"))
        }
        (breaking, dangerous) => {
            let text = format!(
                "{lacks}changed for this version's documents: {breaking} breaking, {dangerous} dangerous"
            );
            Check::warning("schema", text, SHOW)
        }
    };
    let mut by_document: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for change in changes {
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

/// The document of this operation, as changes name it.
fn document(operation: &str) -> String {
    format!("dinoai/{}.graphql", snake_case(operation))
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
