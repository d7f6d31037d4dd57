//! What is refused of a document ([`Refusals`]): by a server with the new schema, and by the derive, which
//! does not take some documents that a server takes.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

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
    at: BTreeSet<Point>,
    /// By the derive with the old schema.
    derive_before: HashSet<(Point, Reason)>,
    /// By the derive with the new schema alone, where a server takes it.
    derive_now: Vec<(Point, Reason, String)>,
}

impl Refusals {
    pub(super) fn of(schemas: &Schemas<'_>, document: &Document, source: &Source) -> Self {
        let by_derive = |schema: &Schema| {
            let missing = missing_for_derive(schema, document, source).into_iter();
            let missing = missing.filter(|it| it.kind == ProblemKind::Derive);
            missing.filter_map(|it| Some(((it.line?, it.column?), it.reason, it.message)))
        };
        let before: HashSet<_> = by_derive(schemas.old)
            .map(|(place, reason, _)| (place, reason))
            .collect();
        let read = document::read(schemas.new, &source.text);
        let now = match read {
            Ok(_) => by_derive(schemas.new)
                .filter(|(place, reason, _)| !before.contains(&(*place, *reason)))
                .collect(),
            Err(_) => Vec::new(),
        };
        let server = read.err().unwrap_or_default();
        let locations = server.iter().flat_map(|it| &it.locations);
        Self {
            at: locations.map(|it| (it.line, it.column)).collect(),
            server,
            derive_before: before,
            derive_now: now,
        }
    }

    /// Whether a server refuses the document at a place.
    pub(super) fn is_at(&self, place: Point) -> bool {
        self.at.contains(&place)
    }

    /// Whether a server refuses the document somewhere in a part of it.
    pub(super) fn is_within(&self, part: Range<Point>) -> bool {
        self.at.range(part).next().is_some()
    }

    /// Whether the derive found objects at a place by `__typename`.
    pub(super) fn had_typename(&self, place: Point) -> bool {
        !self.derive_before.contains(&(place, Reason::NoTypename))
    }

    /// Whether the derive misses `__typename` at a place now. It is not among the rest then.
    pub(super) fn take_typename(&mut self, place: Point) -> bool {
        let mut now = self.derive_now.iter();
        let found = now.position(|it| (it.0, it.1) == (place, Reason::NoTypename));
        found.map(|at| self.derive_now.remove(at)).is_some()
    }

    /// What a server says, and what the derive says beside what has been taken.
    pub(super) fn into_rest(self) -> (Vec<GraphQLError>, impl Iterator<Item = (Point, String)>) {
        let derive = self.derive_now.into_iter();
        (
            self.server,
            derive.map(|(place, _, message)| (place, message)),
        )
    }
}
