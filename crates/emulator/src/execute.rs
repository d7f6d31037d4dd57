//! One GraphQL request, from its document to its response: parse, validate, coerce, execute.
//!
//! Messages of refusals are worded as the reference implementation words them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use apollo_compiler::ast::{Definition, Selection};
use apollo_compiler::executable::{Operation, OperationType};
use apollo_compiler::introspection;
use apollo_compiler::parser::Parser;
use apollo_compiler::request::{RequestError, coerce_variable_values};
use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::{ExecutionResponse, GraphQLError, JsonMap, JsonValue};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Name};

use crate::backend::Schemas;
use crate::edges::{Capability, Edges};
use crate::given;
use crate::operations::{Root, Trace};
use crate::wording::{Operations, Refused};
use crate::world::World;

/// The most tokens that a document may have: a thousand aliased runs fit in several times over.
const MAX_TOKENS: usize = 100_000;

/// What the executor puts before the message of an error that a resolver returned.
const RESOLVER_PREFIX: &str = "resolver error: ";

/// What the parser puts before the message of a syntax error.
const SYNTAX_PREFIX: &str = "syntax error: ";

/// A GraphQL request, as HTTP brought it.
pub(crate) struct Call<'a> {
    pub(crate) query: &'a str,
    pub(crate) operation_name: Option<&'a str>,
    pub(crate) variables: JsonMap,
    pub(crate) mutations: Mutations,
    pub(crate) edges: &'a Edges,
}

/// Whether a request may change anything: one that came by GET may not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutations {
    Allowed,
    Refused,
}

/// Why a request was refused before execution.
pub(crate) type Refusal = Vec<GraphQLError>;

/// What became of a GraphQL request.
pub(crate) struct Outcome {
    /// The name of the operation that was chosen.
    pub(crate) operation_name: Option<String>,
    pub(crate) trace: Trace,
    pub(crate) answer: Answer,
}

pub(crate) enum Answer {
    /// Execution took place; some fields may have failed.
    Executed(ExecutionResponse),
    /// The request was refused before execution.
    Refused(Refusal),
    /// A mutation where none is allowed.
    MutationRefused,
    /// The credentials lack this capability.
    Forbidden(Capability),
}

/// Executes a request against the world as of `now`.
pub(crate) fn execute(
    schemas: &Schemas,
    world: &Mutex<World>,
    now: Duration,
    call: &Call<'_>,
) -> Outcome {
    let mut outcome = Outcome {
        operation_name: None,
        trace: Trace::default(),
        answer: Answer::MutationRefused,
    };
    let executed = parse(schemas, call.query).and_then(|document| {
        let operation = choose(&document, call.operation_name)?;
        outcome.operation_name = operation.name.as_ref().map(ToString::to_string);
        if operation.is_mutation() && call.mutations == Mutations::Refused {
            return Ok(Answer::MutationRefused);
        }
        let run = Run {
            schemas,
            document: &document,
            operation,
            edges: call.edges,
        };
        run.check_introspection()?;
        if let Some(capability) = run.lacking() {
            return Ok(Answer::Forbidden(capability));
        }
        run.execute(world, now, &call.variables, &mut outcome.trace)
            .map(Answer::Executed)
    });
    outcome.answer = executed.unwrap_or_else(Answer::Refused);
    outcome
}

fn parse(schemas: &Schemas, query: &str) -> Result<Valid<ExecutableDocument>, Refusal> {
    let parsed = Parser::new().token_limit(MAX_TOKENS).parse_executable(
        &schemas.declared,
        query,
        "document.graphql",
    );
    let (document, mut refused) = match parsed {
        Ok(document) => (document, None),
        Err(refused) => match unparsed(&refused.errors) {
            Some(error) => return Err(vec![error]),
            None => (refused.partial, Some(refused.errors)),
        },
    };
    let operations = Operations::of(&document);
    // A document that lost its unknown fields still says what else is wrong.
    match (document.validate(&schemas.declared), &mut refused) {
        (Ok(document), None) => return Ok(document),
        (Ok(_), Some(_)) => {}
        (Err(more), Some(known)) => known.merge(more.errors),
        (Err(more), none) => *none = Some(more.errors),
    }
    let errors = refused.map(|diagnostics| {
        let refused = Refused {
            text: query,
            schema: &schemas.declared,
            operations: &operations,
            diagnostics: &diagnostics,
        };
        refused.worded()
    });
    Err(errors.unwrap_or_default())
}

/// The first error of a text that is not a GraphQL document at all, or too long a one. What
/// validation would say about the rest of it is noise.
fn unparsed(errors: &DiagnosticList) -> Option<GraphQLError> {
    let diagnostic = errors
        .iter()
        .find(|diagnostic| diagnostic.error.unstable_error_name().is_none())?;
    let mut error = diagnostic.unstable_to_json_compat();
    if let Some(message) = error.message.strip_prefix(SYNTAX_PREFIX) {
        error.message = format!("Syntax Error: {message}");
    }
    Some(error)
}

fn choose<'a>(
    document: &'a Valid<ExecutableDocument>,
    name: Option<&str>,
) -> Result<&'a Operation, Refusal> {
    document
        .operations
        .get(name)
        .map(AsRef::as_ref)
        .map_err(|_| {
            refusal(match name {
                Some(name) => format!("Unknown operation named \"{name}\"."),
                None if document.operations.is_empty() => "Must provide an operation.".to_owned(),
                None => {
                    "Must provide operation name if query contains multiple operations.".to_owned()
                }
            })
        })
}

/// A valid document with the operation to execute.
struct Run<'a> {
    schemas: &'a Schemas,
    document: &'a Valid<ExecutableDocument>,
    operation: &'a Operation,
    edges: &'a Edges,
}

impl Run<'_> {
    /// Where introspection is off, each of its fields is an error, in the reference's words.
    fn check_introspection(&self) -> Result<(), Refusal> {
        if !self.edges.without_introspection {
            return Ok(());
        }
        let errors: Refusal = self
            .operation
            .root_fields(self.document)
            .filter(|field| is_introspection(&field.name))
            .map(|field| {
                let message = format!(
                    "GraphQL introspection has been disabled, but the requested query contained the field \"{}\".",
                    field.name
                );
                GraphQLError::new(message, field.name.location(), &self.document.sources)
            })
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// The first capability that the document needs and the credentials lack. Fields that are
    /// skipped count: a gate looks at the document alone.
    fn lacking(&self) -> Option<Capability> {
        self.operation
            .root_fields(self.document)
            .filter_map(|field| Capability::needed_by(&field.name))
            .find(|capability| self.edges.lacking.contains(capability))
    }

    fn execute(
        &self,
        world: &Mutex<World>,
        now: Duration,
        variables: &JsonMap,
        trace: &mut Trace,
    ) -> Result<ExecutionResponse, Refusal> {
        let to_error =
            |refused: RequestError| vec![refused.to_graphql_error(&self.document.sources)];
        if self.operation.operation_type == OperationType::Subscription {
            return Err(refusal("Subscriptions are not served.".to_owned()));
        }
        introspection::check_max_depth(self.document, self.operation).map_err(to_error)?;
        let wrong = given::check(
            &self.schemas.declared,
            self.document,
            self.operation,
            variables,
        );
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let variables = coerce_variable_values(&self.schemas.declared, self.operation, variables)
            .map_err(to_error)?;
        let resolving = RefCell::new(Trace::default());
        let root = Root {
            type_name: self.operation.object_type().clone(),
            world,
            edges: self.edges,
            now,
            trace: &resolving,
        };
        let mut response = Execution::new(&self.schemas.executed, self.document)
            .operation(self.operation)
            .coerced_variable_values(&variables)
            .enable_schema_introspection(true)
            .execute_sync(&root)
            .map_err(to_error)?;
        *trace = resolving.into_inner();
        self.declare(&variables, &mut response).map_err(to_error)?;
        for error in &mut response.errors {
            if let Some(message) = error.message.strip_prefix(RESOLVER_PREFIX) {
                error.message = message.to_owned();
            }
        }
        Ok(response)
    }

    /// Replaces what introspection found in the executed schema by what the declared one says.
    fn declare(
        &self,
        variables: &Valid<JsonMap>,
        response: &mut ExecutionResponse,
    ) -> Result<(), RequestError> {
        let introspects = self
            .operation
            .root_fields(self.document)
            .any(|field| is_introspection(&field.name));
        let Some(data) = response.data.as_mut().filter(|_| introspects) else {
            return Ok(());
        };
        let declared = introspection::partial_execute(
            &self.schemas.declared,
            &self.schemas.declared.implementers_map(),
            self.document,
            self.operation,
            variables,
        )?;
        for (key, value) in declared.data.into_iter().flatten() {
            if let Some(known) = data.get_mut(key.as_str()) {
                *known = value;
            }
        }
        Ok(())
    }
}

/// What the first root field of a document's operation is called in an answer. The document need
/// not be valid: what can be read of it counts, and of several operations without a name the
/// first.
pub(crate) fn first_root_key(query: &str, operation_name: Option<&str>) -> Option<String> {
    let parsed = Parser::new()
        .token_limit(MAX_TOKENS)
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

fn is_introspection(root_field: &str) -> bool {
    matches!(root_field, "__schema" | "__type")
}

fn refusal(message: String) -> Refusal {
    vec![GraphQLError {
        message,
        locations: Vec::new(),
        path: Vec::new(),
        extensions: JsonMap::new(),
    }]
}

/// The variables as the executor wants them; anything but an object is none.
pub(crate) fn variables(given: &serde_json::Value) -> JsonMap {
    match JsonValue::from(given.clone()) {
        JsonValue::Object(map) => map,
        _ => JsonMap::new(),
    }
}
