//! What is refused of a document ([`Refusals`]): by a server with the new schema, and by the derive, which
//! makes no types of some documents that a server takes.

use std::collections::{BTreeMap, HashSet};

use apollo_compiler::Schema;
use apollo_compiler::ast::Document;
use apollo_compiler::response::GraphQLError;

use super::schemas::Schemas;
use crate::documents::{ProblemKind, Reason, Source, missing_for_derive};
use crate::graphql::document;

/// A line and a column.
pub(super) type Point = (usize, usize);

/// What is refused of one document.
#[derive(Default)]
pub(super) struct Refusals {
    /// By a server with the new schema.
    server: Vec<GraphQLError>,
    at: HashSet<Point>,
    /// By the derive with the old schema: no types have been made there.
    derive_before: HashSet<Point>,
    /// By the derive with the new schema alone, where a server takes it.
    derive_now: BTreeMap<Point, (Reason, String)>,
}

impl Refusals {
    pub(super) fn of(schemas: &Schemas<'_>, document: &Document, source: &Source) -> Self {
        let by_derive = |schema: &Schema| -> BTreeMap<Point, (Reason, String)> {
            let missing = missing_for_derive(schema, document, source).into_iter();
            let missing = missing.filter(|it| it.kind == ProblemKind::Derive);
            let places =
                missing.filter_map(|it| Some(((it.line?, it.column?), (it.reason, it.message))));
            places.collect()
        };
        let before = by_derive(schemas.old);
        let read = document::read(schemas.new, &source.text);
        let mut now = match read {
            Ok(_) => by_derive(schemas.new),
            Err(_) => BTreeMap::new(),
        };
        now.retain(|place, _| !before.contains_key(place));
        let server = read.err().unwrap_or_default();
        let locations = server.iter().flat_map(|it| &it.locations);
        Self {
            at: locations.map(|it| (it.line, it.column)).collect(),
            server,
            derive_before: before.into_keys().collect(),
            derive_now: now,
        }
    }

    /// Whether a server refuses the document at a place.
    pub(super) fn is_at(&self, place: Point) -> bool {
        self.at.contains(&place)
    }

    /// Whether the derive made types of what stands there.
    pub(super) fn had_types(&self, place: Point) -> bool {
        !self.derive_before.contains(&place)
    }

    /// Whether the derive misses `__typename` at a place now. It is not among the rest then.
    pub(super) fn take_typename(&mut self, place: Point) -> bool {
        let known = self.derive_now.get(&place);
        let is_missing = known.is_some_and(|(reason, _)| *reason == Reason::NoTypename);
        if is_missing {
            self.derive_now.remove(&place);
        }
        is_missing
    }

    /// What a server says, and what the derive says beside what has been taken.
    pub(super) fn into_rest(self) -> (Vec<GraphQLError>, impl Iterator<Item = (Point, String)>) {
        let derive = self.derive_now.into_iter();
        (
            self.server,
            derive.map(|(place, (_, message))| (place, message)),
        )
    }
}
