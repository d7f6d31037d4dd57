//! A document from its text to the operation that is executed: [`read`], [`choose_operation`],
//! [`with_only`], [`executable`], [`only_operation`].
//!
//! Messages of refusals are those of the reference implementation.

use std::collections::HashMap;

use apollo_compiler::ast::{Definition, Document, OperationDefinition, Selection};
use apollo_compiler::executable::Operation;
use apollo_compiler::parser::Parser;
use apollo_compiler::response::{GraphQLError, JsonMap};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Name, Node, Schema};

use super::{syntax, validation};

/// How deep the parser may go: a level of a document is up to two of its own.
const RECURSION_LIMIT: usize = 2 * syntax::DEEPEST + 50;

/// Why a request was refused before execution.
pub(crate) type Refusal = Vec<GraphQLError>;

/// Reads a document and checks it. What the reference implementation would refuse is refused here,
/// and never seen by the executor.
pub(crate) fn read(schema: &Schema, query: &str) -> Result<Document, Refusal> {
    let text = syntax::check(query).map_err(|wrong| vec![wrong.into_error(query)])?;
    let document = Parser::new()
        .token_limit(usize::MAX)
        .recursion_limit(RECURSION_LIMIT)
        .parse_ast(text.as_str(), "document.graphql")
        .map_err(|refused| unexpected(&refused.errors))?;
    let errors = validation::validate(schema, &document, query);
    if errors.is_empty() {
        Ok(document)
    } else {
        Err(errors)
    }
}

/// The operation to execute.
pub(crate) fn choose_operation<'a>(
    document: &'a Document,
    name: Option<&str>,
) -> Result<&'a Node<OperationDefinition>, Refusal> {
    let mut operations = document.definitions.iter().filter_map(|it| match it {
        Definition::OperationDefinition(operation) => Some(operation),
        _ => None,
    });
    let Some(name) = name else {
        let operation = operations.next();
        if operations.next().is_some() {
            return Err(refusal(
                "Must provide operation name if query contains multiple operations.".to_owned(),
            ));
        }
        return operation.ok_or_else(|| refusal("Must provide an operation.".to_owned()));
    };
    operations
        .find(|operation| operation.name.as_ref().is_some_and(|known| known == name))
        .ok_or_else(|| refusal(format!("Unknown operation named \"{name}\".")))
}

/// The document with this operation alone. Others need not be of a kind that the schema has.
pub(crate) fn with_only(document: &Document, chosen: &Node<OperationDefinition>) -> Document {
    let mut alone = document.clone();
    alone.definitions.retain(|definition| match definition {
        Definition::OperationDefinition(operation) => operation.location() == chosen.location(),
        _ => true,
    });
    alone
}

/// A document as the executor takes it.
pub(crate) fn executable(
    schema: &Valid<Schema>,
    document: &Document,
) -> Result<Valid<ExecutableDocument>, Refusal> {
    document
        .to_executable(schema)
        .map(Valid::assume_valid)
        .map_err(|refused| unexpected(&refused.errors))
}

/// The only operation of a document.
pub(crate) fn only_operation(document: &ExecutableDocument) -> Result<&Node<Operation>, Refusal> {
    let operation = document.operations.get(None);
    operation.map_err(|refused| vec![refused.to_graphql_error(&document.sources)])
}

/// What the executor's library refuses though it has been checked.
fn unexpected(errors: &DiagnosticList) -> Refusal {
    errors
        .iter()
        .map(|it| it.unstable_to_json_compat())
        .collect()
}

/// A refusal without a place.
pub(crate) fn refusal(message: String) -> Refusal {
    vec![GraphQLError {
        message,
        locations: Vec::new(),
        path: Vec::new(),
        extensions: JsonMap::new(),
    }]
}

/// What the first root field of a document's operation is called in a response. The document need
/// not be valid: what can be read of it counts, as far as one is executed, and of several
/// operations without a name the first.
pub(crate) fn first_root_key(query: &str, operation_name: Option<&str>) -> Option<String> {
    let parsed = Parser::new()
        .token_limit(syntax::MOST_TOKENS)
        .recursion_limit(RECURSION_LIMIT)
        .parse_ast(query, "document.graphql");
    let document = parsed.unwrap_or_else(|refused| refused.partial);
    let mut fragments = HashMap::new();
    let mut operation = None;
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(known) => {
                let name = known.name.as_ref().map(Name::as_str);
                let chosen = operation_name.is_none() || name == operation_name;
                operation = operation.or_else(|| chosen.then_some(&known.selection_set));
            }
            Definition::FragmentDefinition(known) => {
                fragments.insert(&known.name, &known.selection_set);
            }
            _ => {}
        }
    }
    // A fragment is looked into once, so that one that spreads itself comes to an end.
    let mut ahead: Vec<_> = operation?.iter().rev().collect();
    while let Some(selection) = ahead.pop() {
        match selection {
            Selection::Field(field) => return Some(field.response_name().to_string()),
            Selection::InlineFragment(fragment) => {
                ahead.extend(fragment.selection_set.iter().rev());
            }
            Selection::FragmentSpread(spread) => {
                let fragment = fragments.remove(&spread.fragment_name);
                ahead.extend(fragment.into_iter().flatten().rev());
            }
        }
    }
    None
}
