//! Whether a document may be executed: the rules of the reference implementation, in its words,
//! because clients look for those words. Suggestions ("Did you mean") are left out, as the
//! reference leaves them out where it is set to hide them.
//!
//! The executor's own validation goes by other words, and loses what is wrong with selections
//! that it has left out before.

mod definitions;
mod directives;
mod introspection;
mod overlaps;
mod selections;
mod spreads;
mod type_system;
mod values;
mod variables;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{Definition, Document, FragmentDefinition, OperationDefinition};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::response::{GraphQLError, JsonMap};
use apollo_compiler::{Name, Node, Schema};

use super::syntax::Positions;
use directives::{KnownDirectives, Seen};
use introspection::Limits;
use spreads::Spreads;
use variables::{Usage, Usages};

/// The most errors that are said of one document.
const MOST_ERRORS: usize = 100;
const TOO_MANY: &str = "Too many validation errors, error limit reached. Validation aborted.";

/// The most that is looked at in one document. What is looked at once for each operation can be
/// the square of the document's size; the rest is a few times that size.
const MOST_STEPS: usize = 2_000_000;

/// Why validation ends before its end.
const ABORTED: &str = "Validation aborted.";

/// Everything that is wrong with a document; nothing where it may be executed.
///
/// The document must have been read without an error.
pub(crate) fn validate(schema: &Schema, document: &Document, text: &str) -> Vec<GraphQLError> {
    check(schema, document, text).into_errors()
}

/// The check of one document, from its beginning to its end.
fn check<'a>(schema: &'a Schema, document: &'a Document, text: &'a str) -> Check<'a> {
    let mut check = Check::new(schema, document, text);
    check.names_of_definitions();
    let mut usages = Usages::default();
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                check.operation(operation);
                let used = std::mem::take(&mut check.usages);
                usages.operations.insert(address(operation), used);
            }
            Definition::FragmentDefinition(fragment) => {
                check.fragment(fragment);
                let used = std::mem::take(&mut check.usages);
                usages.fragments.insert(address(fragment), used);
            }
            other => check.type_system_definition(other),
        }
    }
    let spreads = Spreads::of(&check);
    check.variables(&usages, &spreads);
    check.use_of_fragments(&spreads);
    check.overlaps();
    check
}

/// What tells one definition from another with the same content.
fn address<T>(definition: &Node<T>) -> *const T {
    std::ptr::from_ref(&**definition)
}

/// The items that have one name, for each name; in the order of the text.
fn by_name<'i, T>(items: &'i [T], name: impl Fn(&'i T) -> &'i Name) -> Vec<Vec<&'i T>> {
    let mut places = HashMap::new();
    let mut groups: Vec<Vec<_>> = Vec::new();
    for item in items {
        let place = *places.entry(name(item)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(item);
    }
    groups
}

/// The check of one document.
struct Check<'a> {
    schema: &'a Schema,
    document: &'a Document,
    text: &'a str,
    operations: Vec<&'a Node<OperationDefinition>>,
    /// By name; of several with one name the last.
    fragments: HashMap<&'a str, &'a Node<FragmentDefinition>>,
    /// The types that the document itself defines.
    own_types: HashSet<&'a Name>,
    directives: KnownDirectives<'a>,
    /// The directives on each type that the document defines or extends, and on the schema.
    on_types: HashMap<Option<&'a Name>, Seen<'a>>,
    /// The variables that the definition in progress uses.
    usages: Vec<Usage<'a>>,
    /// How deep in lists fragments may be spread, once that has been asked.
    limits: Option<Limits<'a>>,
    /// How much has been looked at.
    steps: Cell<usize>,
    places: Positions<'a>,
    errors: Vec<GraphQLError>,
}

impl<'a> Check<'a> {
    fn new(schema: &'a Schema, document: &'a Document, text: &'a str) -> Self {
        let mut operations = Vec::new();
        let mut fragments = HashMap::new();
        for definition in &document.definitions {
            match definition {
                Definition::OperationDefinition(operation) => operations.push(operation),
                Definition::FragmentDefinition(fragment) => {
                    fragments.insert(fragment.name.as_str(), fragment);
                }
                _ => {}
            }
        }
        Self {
            schema,
            document,
            text,
            operations,
            fragments,
            own_types: type_system::defined(document),
            directives: KnownDirectives::of(schema, document),
            on_types: HashMap::new(),
            usages: Vec::new(),
            limits: None,
            steps: Cell::new(0),
            places: Positions::of(text),
            errors: Vec::new(),
        }
    }

    fn into_errors(mut self) -> Vec<GraphQLError> {
        if self.is_full() {
            self.errors.truncate(MOST_ERRORS);
            self.report(TOO_MANY, []);
        }
        self.errors
    }

    /// Whether no more errors count.
    fn is_full(&self) -> bool {
        self.errors.len() > MOST_ERRORS
    }

    fn count(&self, steps: usize) {
        self.steps.set(self.steps.get() + steps);
    }

    fn is_exhausted(&self) -> bool {
        self.steps.get() > MOST_STEPS
    }

    /// Adds an error about these places, while errors count.
    fn report(
        &mut self,
        message: impl Into<String>,
        places: impl IntoIterator<Item = Option<SourceSpan>>,
    ) {
        if self.is_full() {
            return;
        }
        let places = places.into_iter().flatten();
        self.errors.push(GraphQLError {
            message: message.into(),
            locations: places
                .map(|place| self.places.line_column(place.offset()))
                .collect(),
            path: Vec::new(),
            extensions: JsonMap::new(),
        });
    }
}

#[cfg(test)]
mod tests;
