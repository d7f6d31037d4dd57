//! One document between two schemas ([`Comparison`]): where its parts are, what is refused of it, and
//! which of that a change explains.

use std::collections::HashSet;

use apollo_compiler::Node;
use apollo_compiler::ast::{Definition, Document, Selection, Value};

use super::change::{Found, Level, Place};
use super::refusals::{Point, Refusals};
use super::schemas::Schemas;
use super::scopes::{Scope, Scopes, Span, Variable};
use crate::documents::Source;
use crate::graphql::syntax::Positions;

/// One document between two schemas.
pub(super) struct Comparison<'a> {
    pub(super) schemas: &'a Schemas<'a>,
    pub(super) scopes: Scopes<'a>,
    /// The variables of the operation, or of those that use the fragment, that is looked at.
    pub(super) scope: Scope<'a>,
    source: &'a Source,
    positions: Positions<'a>,
    refusals: Refusals,
    /// Where the document is refused for a reason that has been found.
    explained: HashSet<Point>,
    found: &'a mut Found,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(
        schemas: &'a Schemas<'a>,
        document: &'a Document,
        source: &'a Source,
        found: &'a mut Found,
    ) -> Self {
        Self {
            schemas,
            scopes: Scopes::of(document),
            scope: Scope::new(),
            source,
            positions: Positions::of(&source.text),
            refusals: Refusals::of(schemas, document, source),
            explained: HashSet::new(),
            found,
        }
    }

    /// Adds a change that concerns this place.
    pub(super) fn add(&mut self, level: Level, coordinate: &str, message: &str, span: Span) {
        self.add_at(level, coordinate, message, self.point(span));
    }

    fn add_at(
        &mut self,
        level: Level,
        coordinate: &str,
        message: &str,
        (line, column): (usize, usize),
    ) {
        let place = Place {
            document: self.source.name.clone(),
            line,
            column,
        };
        self.found.add(level, coordinate, message, place);
    }

    /// Adds a breaking change, by which the document is refused at these places.
    pub(super) fn add_breaking(
        &mut self,
        coordinate: &str,
        message: &str,
        span: Span,
        refused_at: &[Span],
    ) {
        self.add(Level::Breaking, coordinate, message, span);
        for span in refused_at {
            self.explained.insert(self.point(*span));
        }
    }

    /// Whether the new schema refuses the document at one of these places.
    pub(super) fn is_refused_at(&self, spans: &[Span]) -> bool {
        let mut places = spans.iter().map(|span| self.point(*span));
        places.any(|place| self.refusals.is_at(place))
    }

    /// Whether the new schema refuses nothing of selections, and of the fragments that they use.
    pub(super) fn has_selected(&self, selections: &'a [Selection]) -> bool {
        let fragments = self.scopes.reachable(selections).into_iter();
        let fragments = fragments.filter_map(|name| self.scopes.fragment(name));
        let spans = selections.iter().map(|it| it.location());
        let mut spans = spans.chain(fragments.map(|it| it.location()));
        !spans.any(|span| self.is_refused_within(span))
    }

    fn is_refused_within(&self, span: Span) -> bool {
        span.is_some_and(|span| {
            let [start, end] = [span.offset(), span.end_offset()].map(|at| self.point_at(at));
            self.refusals.is_within(start..end)
        })
    }

    /// The places at which a value is refused, of which it is one if it is no object: where it stands,
    /// where it is in a list, and where the type of its variable is named.
    pub(super) fn places_of(&self, value: &Node<Value>) -> Vec<Span> {
        let mut places = vec![value.location()];
        match &**value {
            Value::Variable(name) => {
                places.push(name.location());
                let variable = self.variable_named(name);
                places.extend(variable.into_iter().flat_map(|it| &it.types));
            }
            Value::List(items) => places.extend(items.iter().flat_map(|it| self.places_of(it))),
            _ => {}
        }
        places
    }

    /// A variable by its name, in what is looked at.
    pub(super) fn variable_named(&self, name: &str) -> Option<&Variable> {
        self.scope.get(name)
    }

    /// Whether a value may be left out when the document is sent.
    pub(super) fn may_be_left_out(&self, value: &Value) -> bool {
        match value {
            Value::Variable(name) => self
                .variable_named(name)
                .is_some_and(|it| it.may_be_left_out),
            _ => false,
        }
    }

    /// Whether the derive found objects at a place by `__typename`, by the old schema.
    pub(super) fn had_typename(&self, span: Span) -> bool {
        self.refusals.had_typename(self.point(span))
    }

    /// What became of a type, and what the derive needs for it at a place, if that is not there.
    pub(super) fn with_need(&mut self, message: &str, span: Span) -> String {
        let need = match self.refusals.take_typename(self.point(span)) {
            true => ": the derive needs `__typename` beside what is selected",
            false => "",
        };
        format!("{message}{need}")
    }

    /// Adds what is refused for a reason that is not among the changes so far.
    pub(super) fn add_unexplained(mut self, document: &Document) {
        let starts: Vec<_> = document
            .definitions
            .iter()
            .map(|it| (self.point(it.location()), it))
            .collect();
        let refusals = std::mem::take(&mut self.refusals);
        let (server, derive) = refusals.into_rest();
        for refusal in server {
            let mut places = refusal.locations.iter().map(|it| (it.line, it.column));
            if places.any(|place| self.explained.contains(&place)) {
                continue;
            }
            let place = refusal.locations.first();
            let place = place.map_or((1, 1), |it| (it.line, it.column));
            let around = definition_at(&starts, place);
            self.add_at(Level::Breaking, &around, &refusal.message, place);
        }
        for (place, message) in derive {
            let around = definition_at(&starts, place);
            let message = format!("the derive does not take it any more: {message}");
            self.add_at(Level::Safe, &around, &message, place);
        }
    }

    fn point(&self, span: Span) -> Point {
        self.point_at(span.map_or(0, |span| span.offset()))
    }

    fn point_at(&self, offset: usize) -> Point {
        let place = self.positions.line_column(offset);
        (place.line, place.column)
    }
}

/// The name of the operation or fragment at a place, by where they start.
fn definition_at(starts: &[(Point, &Definition)], place: Point) -> String {
    let before = starts.partition_point(|(start, _)| *start <= place);
    match starts[..before].last() {
        Some((_, Definition::OperationDefinition(it))) => match &it.name {
            Some(name) => format!("{} {name}", it.operation_type),
            None => it.operation_type.to_string(),
        },
        Some((_, Definition::FragmentDefinition(it))) => format!("fragment {}", it.name),
        _ => "document".to_owned(),
    }
}
