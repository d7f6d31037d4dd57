//! Whether a document may be executed: the rules of the reference implementation, in its words,
//! because clients look for those words. Suggestions ("Did you mean") are left out, as the
//! reference leaves them out when it is told to hide them.
//!
//! The executor's own validation goes by other words, and loses what is wrong with selections
//! that it has left out before.

mod definitions;
mod directives;
mod introspection;
mod overlaps;
mod selections;
mod type_system;
mod types;
mod values;
mod variables;

use std::collections::HashMap;

use apollo_compiler::ast::{Definition, Document, FragmentDefinition, OperationDefinition};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::response::GraphQLError;
use apollo_compiler::{Name, Node, Schema};

use directives::{KnownDirectives, Seen};
use variables::{Usage, Usages};

/// The most errors that are said of one document.
const MOST_ERRORS: usize = 100;
const TOO_MANY: &str = "Too many validation errors, error limit reached. Validation aborted.";

/// Everything that is wrong with a document; nothing where it may be executed.
///
/// The document must have been read without an error.
pub(crate) fn validate(schema: &Schema, document: &Document, text: &str) -> Vec<GraphQLError> {
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
    check.variables(&usages);
    check.use_of_fragments();
    check.overlaps();
    if check.errors.len() > MOST_ERRORS {
        check.errors.truncate(MOST_ERRORS);
        check.report(TOO_MANY, []);
    }
    check.errors
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
    directives: KnownDirectives<'a>,
    /// The directives on each type that the document defines or extends, and on the schema.
    on_types: HashMap<Option<&'a Name>, Seen<'a>>,
    /// The variables that the definition in progress uses.
    usages: Vec<Usage<'a>>,
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
            directives: KnownDirectives::of(schema, document),
            on_types: HashMap::new(),
            usages: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Adds an error about these places.
    fn report(
        &mut self,
        message: impl Into<String>,
        places: impl IntoIterator<Item = Option<SourceSpan>>,
    ) {
        let sources = &self.document.sources;
        let mut error = GraphQLError::new(message, None, sources);
        let places = places.into_iter().flatten();
        error.locations = places
            .filter_map(|place| place.line_column(sources))
            .collect();
        self.errors.push(error);
    }
}
