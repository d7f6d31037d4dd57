//! The check of one document ([`Check`]): what all rules look at, what they count, and the errors
//! that they report.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{
    Definition, Directive, DirectiveDefinition, Document, FragmentDefinition, OperationDefinition,
    Type, Value,
};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::response::{GraphQLError, JsonMap};
use apollo_compiler::{Name, Node, Schema};

use crate::graphql::syntax::Positions;

/// The most errors that are said of one document.
pub(super) const MOST_ERRORS: usize = 100;
pub(crate) const TOO_MANY: &str =
    "Too many validation errors, error limit reached. Validation aborted.";

/// The most that is looked at in one document. What is looked at once for each operation can be
/// the square of the document's size; the rest is a few times that size.
pub(super) const MOST_STEPS: usize = 2_000_000;

/// Why validation is cut short.
pub(crate) const ABORTED: &str = "Validation aborted.";

/// The check of one document.
pub(super) struct Check<'a> {
    pub(super) schema: &'a Schema,
    pub(super) document: &'a Document,
    pub(super) text: &'a str,
    pub(super) operations: Vec<&'a Node<OperationDefinition>>,
    /// By name; of several with one name the last.
    pub(super) fragments: HashMap<&'a str, &'a Node<FragmentDefinition>>,
    /// The types that the document itself defines.
    pub(super) defined_types: HashSet<&'a Name>,
    pub(super) directives: KnownDirectives<'a>,
    /// The directives on each type that the document defines or extends, and on the schema.
    pub(super) type_directives: HashMap<Option<&'a Name>, SeenDirectives<'a>>,
    /// The variables that the definition being checked uses.
    pub(super) usages: Vec<Usage<'a>>,
    /// How deep in lists fragments may be spread, once that has been asked.
    pub(super) limits: Option<IntrospectionLimits<'a>>,
    /// How much has been looked at.
    pub(super) steps: Cell<usize>,
    positions: Positions<'a>,
    pub(super) errors: Vec<GraphQLError>,
}

impl<'a> Check<'a> {
    pub(super) fn new(schema: &'a Schema, document: &'a Document, text: &'a str) -> Self {
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
            defined_types: defined(document),
            directives: KnownDirectives::of(schema, document),
            type_directives: HashMap::new(),
            usages: Vec::new(),
            limits: None,
            steps: Cell::new(0),
            positions: Positions::of(text),
            errors: Vec::new(),
        }
    }

    pub(super) fn into_errors(mut self) -> Vec<GraphQLError> {
        if self.is_full() {
            self.errors.truncate(MOST_ERRORS);
            self.report(TOO_MANY, []);
        }
        self.errors
    }

    /// Whether no more errors count.
    pub(super) fn is_full(&self) -> bool {
        self.errors.len() > MOST_ERRORS
    }

    pub(super) fn count(&self, steps: usize) {
        self.steps.set(self.steps.get() + steps);
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.steps.get() > MOST_STEPS
    }

    /// Adds an error about these places, while errors count.
    pub(super) fn report(
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
                .map(|place| self.positions.line_column(place.offset()))
                .collect(),
            path: Vec::new(),
            extensions: JsonMap::new(),
        });
    }
}

/// The directives that the schema or the document itself defines.
pub(super) struct KnownDirectives<'a> {
    schema: &'a Schema,
    defined: HashMap<&'a str, &'a Node<DirectiveDefinition>>,
}

/// The first directive of each name.
pub(super) type SeenDirectives<'a> = HashMap<&'a Name, &'a Node<Directive>>;

impl<'a> KnownDirectives<'a> {
    pub(super) fn of(schema: &'a Schema, document: &'a Document) -> Self {
        let defined = document.definitions.iter().filter_map(|it| match it {
            Definition::DirectiveDefinition(known) => Some((known.name.as_str(), known)),
            _ => None,
        });
        Self {
            schema,
            defined: defined.collect(),
        }
    }

    /// What the document says goes before what the schema says.
    pub(super) fn get(&self, name: &str) -> Option<&'a Node<DirectiveDefinition>> {
        let defined = self.defined.get(name).copied();
        defined.or_else(|| self.schema.directive_definitions.get(name))
    }
}

/// A place where a variable stands.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Usage<'a> {
    pub(super) name: &'a Name,
    /// The variable as a value, which begins with its `$`.
    pub(super) value: &'a Node<Value>,
    /// The type that is expected there, if it is known.
    pub(super) ty: Option<Type>,
    /// Whether the place has a default value of its own.
    pub(super) has_default: bool,
    /// The type of the object around, if it has exactly one of its fields.
    pub(super) one_of: Option<Name>,
}

/// At which depth in lists each fragment, entered there, goes too deep; by its name. Those that
/// never do are not among them.
pub(super) type IntrospectionLimits<'a> = HashMap<&'a str, usize>;

/// The name of what is defined or extended; none for the schema itself.
pub(super) fn named(definition: &Definition) -> Option<&Name> {
    match definition {
        Definition::OperationDefinition(it) => it.name.as_ref(),
        Definition::SchemaDefinition(_) | Definition::SchemaExtension(_) => None,
        Definition::FragmentDefinition(it) => Some(&it.name),
        Definition::DirectiveDefinition(it) => Some(&it.name),
        Definition::ScalarTypeDefinition(it) => Some(&it.name),
        Definition::ObjectTypeDefinition(it) => Some(&it.name),
        Definition::InterfaceTypeDefinition(it) => Some(&it.name),
        Definition::UnionTypeDefinition(it) => Some(&it.name),
        Definition::EnumTypeDefinition(it) => Some(&it.name),
        Definition::InputObjectTypeDefinition(it) => Some(&it.name),
        Definition::ScalarTypeExtension(it) => Some(&it.name),
        Definition::ObjectTypeExtension(it) => Some(&it.name),
        Definition::InterfaceTypeExtension(it) => Some(&it.name),
        Definition::UnionTypeExtension(it) => Some(&it.name),
        Definition::EnumTypeExtension(it) => Some(&it.name),
        Definition::InputObjectTypeExtension(it) => Some(&it.name),
    }
}

/// The types that a document defines.
fn defined(document: &Document) -> HashSet<&Name> {
    let types = document.definitions.iter().filter(|definition| {
        matches!(
            definition,
            Definition::ScalarTypeDefinition(_)
                | Definition::ObjectTypeDefinition(_)
                | Definition::InterfaceTypeDefinition(_)
                | Definition::UnionTypeDefinition(_)
                | Definition::EnumTypeDefinition(_)
                | Definition::InputObjectTypeDefinition(_)
        )
    });
    types.filter_map(named).collect()
}

/// What tells one definition from another with the same content.
pub(super) fn node_address<T>(definition: &Node<T>) -> *const T {
    std::ptr::from_ref(&**definition)
}

/// The items that have one name, for each name; in the order of the text.
pub(super) fn by_name<'i, T>(items: &'i [T], name: impl Fn(&'i T) -> &'i Name) -> Vec<Vec<&'i T>> {
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
