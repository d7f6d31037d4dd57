//! What a changed schema means for documents, beyond what the schema of the API has: interfaces, unions,
//! values in documents, nested input objects, custom scalars, other roots.

mod objects;
mod reads;
mod refusals;
mod schemas;
mod values;
mod variables;

use dinoai_emulator::changes::{Changes, changes};
use dinoai_emulator::documents::{Documents, Schema};

/// The changes between two schemas for one document, a line each.
fn compared(old: &str, new: &str, document: &str) -> (Vec<String>, usize) {
    let old = Schema::parse("old.graphql", old).unwrap();
    let new = Schema::parse("new.graphql", new).unwrap();
    let documents = Documents::new().with("a.graphql", document);
    let found: Changes = changes(&old, &new, &documents).unwrap();
    let lines = found.list().iter().map(|it| {
        let places = it
            .places
            .iter()
            .map(|it| format!("{}:{}", it.line, it.column));
        let places = places.collect::<Vec<_>>().join(", ");
        format!(
            "{} {} {places}: {}",
            it.level.word(),
            it.coordinate,
            it.message
        )
    });
    (lines.collect(), found.unused())
}

#[track_caller]
fn assert_changes(old: &str, new: &str, document: &str, expected: &[&str]) {
    let (found, _) = compared(old, new, document);
    assert_eq!(found, expected, "{old} -> {new}: {document}");
}
