//! One document between two schemas ([`Comparison`]): where its parts are, what the new schema refuses
//! of it, and which of that a change explains.

use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{Definition, DirectiveList, Document, Value, VariableDefinition};
use apollo_compiler::parser::{LineColumn, SourceSpan};
use apollo_compiler::response::GraphQLError;
use apollo_compiler::{Node, Schema};

use super::change::{Found, Level, Place};
use super::renames::Renames;
use crate::documents::Source;
use crate::graphql::syntax::Positions;

/// Where something stands in the document.
pub(super) type Span = Option<SourceSpan>;

/// One document between two schemas.
pub(super) struct Comparison<'a> {
    pub(super) old: &'a Schema,
    pub(super) new: &'a Schema,
    pub(super) renames: &'a Renames,
    source: &'a Source,
    positions: Positions<'a>,
    /// Variables that may be left out by whoever sends the document.
    optional_variables: HashSet<&'a str>,
    /// Where the type of each variable is named.
    variable_types: HashMap<&'a str, Span>,
    refusals: Vec<GraphQLError>,
    /// Where the document is refused for a reason that has been found.
    explained: HashSet<(usize, usize)>,
    found: &'a mut Found,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(
        old: &'a Schema,
        new: &'a Schema,
        renames: &'a Renames,
        document: &'a Document,
        source: &'a Source,
        refusals: Vec<GraphQLError>,
        found: &'a mut Found,
    ) -> Self {
        let mut optional_variables = HashSet::new();
        let mut variable_types = HashMap::new();
        for variable in variables(document) {
            let name = variable.name.as_str();
            if !variable.ty.is_non_null() && variable.default_value.is_none() {
                optional_variables.insert(name);
            }
            variable_types.insert(name, variable.ty.inner_named_type().location());
        }
        Self {
            old,
            new,
            renames,
            source,
            positions: Positions::of(&source.text),
            optional_variables,
            variable_types,
            refusals,
            explained: HashSet::new(),
            found,
        }
    }

    /// Adds a change that concerns this place.
    pub(super) fn add(&mut self, level: Level, coordinate: &str, message: &str, span: Span) {
        let LineColumn { line, column } = self.line_column(span);
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
            let LineColumn { line, column } = self.line_column(*span);
            self.explained.insert((line, column));
        }
    }

    /// Whether the new schema refuses the document at one of these places.
    pub(super) fn is_refused_at(&self, spans: &[Span]) -> bool {
        let places: Vec<_> = spans.iter().map(|span| self.line_column(*span)).collect();
        let mut locations = self.refusals.iter().flat_map(|it| &it.locations);
        locations.any(|location| places.contains(location))
    }

    /// The places at which a value is refused: where it stands, and where the type of its variable is
    /// named.
    pub(super) fn places_of(&self, value: &Node<Value>) -> Vec<Span> {
        let mut places = vec![value.location()];
        if let Value::Variable(name) = &**value {
            places.push(name.location());
            places.extend(self.variable_types.get(name.as_str()));
        }
        places
    }

    /// Whether a value may be left out when the document is sent.
    pub(super) fn may_be_left_out(&self, value: &Value) -> bool {
        match value {
            Value::Variable(name) => self.optional_variables.contains(name.as_str()),
            _ => false,
        }
    }

    /// Adds what the new schema refuses for a reason that is not among the changes so far.
    pub(super) fn add_unexplained(&mut self, document: &Document) {
        for refusal in std::mem::take(&mut self.refusals) {
            let is_explained =
                |place: &LineColumn| self.explained.contains(&(place.line, place.column));
            if refusal.locations.iter().any(is_explained) {
                continue;
            }
            let place = refusal.locations.first();
            let (line, column) = place.map_or((1, 1), |it| (it.line, it.column));
            let around = self.definition_at(document, line, column);
            let place = Place {
                document: self.source.name.clone(),
                line,
                column,
            };
            let message = &refusal.message;
            self.found.add(Level::Breaking, &around, message, place);
        }
    }

    /// The name of the operation or fragment at a place.
    fn definition_at(&self, document: &Document, line: usize, column: usize) -> String {
        let mut before = document.definitions.iter().filter(|definition| {
            let start = self.line_column(definition.location());
            (start.line, start.column) <= (line, column)
        });
        match before.next_back() {
            Some(Definition::OperationDefinition(it)) => match &it.name {
                Some(name) => format!("{} {name}", it.operation_type),
                None => it.operation_type.to_string(),
            },
            Some(Definition::FragmentDefinition(it)) => format!("fragment {}", it.name),
            _ => "document".to_owned(),
        }
    }

    fn line_column(&self, span: Span) -> LineColumn {
        let offset = span.map_or(0, |span| span.offset());
        self.positions.line_column(offset)
    }
}

fn variables(document: &Document) -> impl Iterator<Item = &Node<VariableDefinition>> {
    let variables = document
        .definitions
        .iter()
        .map(|definition| match definition {
            Definition::OperationDefinition(operation) => &*operation.variables,
            _ => &[],
        });
    variables.flatten()
}

/// What became of a deprecation; none if nothing did.
pub(super) fn deprecation(old: &DirectiveList, new: &DirectiveList) -> Option<String> {
    match (old.get("deprecated"), new.get("deprecated")) {
        (None, Some(directive)) => {
            let reason = directive.specified_argument_by_name("reason");
            let reason = reason.and_then(|value| value.as_str());
            Some(match reason {
                Some(reason) => format!("deprecated: {reason}"),
                None => "deprecated".to_owned(),
            })
        }
        (Some(_), None) => Some("no longer deprecated".to_owned()),
        _ => None,
    }
}
