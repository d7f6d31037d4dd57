//! One GraphQL request, from its document to its response: parse, validate, coerce, execute.
//!
//! Messages of refusals are worded as the reference implementation words them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use apollo_compiler::ast::{Definition, Document, OperationDefinition, Selection};
use apollo_compiler::executable::{Operation, OperationType};
use apollo_compiler::parser::Parser;
use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::{ExecutionResponse, GraphQLError, JsonMap};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Name, Node, Schema};

use crate::allowance::{self, Allowance, Counted};
use crate::backend::Schemas;
use crate::conditions;
use crate::edges::{Capability, Edges};
use crate::given;
use crate::operations::{Root, Trace};
use crate::settled::{self, Settled};
use crate::world::World;
use crate::{syntax, validation};

/// How deep the parser may go: a level of a document is up to two of its own.
const RECURSION_LIMIT: usize = 2 * syntax::DEEPEST + 50;

/// What the executor puts before the message of an error that a resolver returned.
const RESOLVER_PREFIX: &str = "resolver error: ";

/// A GraphQL request, as HTTP brought it.
pub(crate) struct Call<'a> {
    pub(crate) query: &'a str,
    pub(crate) operation_name: Option<&'a str>,
    /// The JSON of an object, or null.
    pub(crate) variables: &'a str,
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
    let executed = read(schemas, call.query).and_then(|document| {
        let operation = choose(&document, call.operation_name)?;
        outcome.operation_name = operation.name.as_ref().map(ToString::to_string);
        let kind = operation.operation_type;
        if kind == OperationType::Mutation && call.mutations == Mutations::Refused {
            return Ok(Answer::MutationRefused);
        }
        let (sources, defined) = (&document.sources, &operation.variables);
        let variables = given::coerce(&schemas.declared, sources, defined, call.variables);
        if schemas.declared.root_operation(kind).is_none() {
            variables?;
            let kind = kind.name();
            return Err(refusal(format!(
                "Schema is not configured to execute {kind} operation."
            )));
        }
        if kind == OperationType::Subscription {
            variables?;
            return Err(refusal("Subscriptions are not served.".to_owned()));
        }
        let alone = alone(&document, operation);
        let executable = executable(&schemas.declared, &alone)?;
        let run = Run {
            schemas,
            operation: chosen(&executable)?,
            document: &executable,
            edges: call.edges,
        };
        run.check_introspection()?;
        if let Some(capability) = run.lacking() {
            return Ok(Answer::Forbidden(capability));
        }
        let variables = variables?;
        if let Some(error) = conditions::null_at_root(&document, operation, &variables) {
            return Ok(Answer::Executed(ExecutionResponse {
                errors: vec![error],
                data: None,
            }));
        }
        let settled = settled::settled(&schemas.declared, &alone, &variables);
        run.execute(&settled, world, now, &variables, &mut outcome.trace)
            .map(Answer::Executed)
    });
    outcome.answer = executed.unwrap_or_else(Answer::Refused);
    outcome
}

/// Reads a document and checks it. What the reference implementation would refuse is refused here,
/// and never seen by the executor.
fn read(schemas: &Schemas, query: &str) -> Result<Document, Refusal> {
    let text = syntax::check(query).map_err(|wrong| vec![wrong.into_error(query)])?;
    let document = Parser::new()
        .token_limit(usize::MAX)
        .recursion_limit(RECURSION_LIMIT)
        .parse_ast(text.as_str(), "document.graphql")
        .map_err(|refused| unexpected(&refused.errors))?;
    let errors = validation::validate(&schemas.declared, &document, query);
    if errors.is_empty() {
        Ok(document)
    } else {
        Err(errors)
    }
}

/// The operation to execute.
fn choose<'a>(
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
fn alone(document: &Document, chosen: &Node<OperationDefinition>) -> Document {
    let mut alone = document.clone();
    alone.definitions.retain(|definition| match definition {
        Definition::OperationDefinition(operation) => operation.location() == chosen.location(),
        _ => true,
    });
    alone
}

/// A document as the executor takes it.
fn executable(
    schema: &Valid<Schema>,
    document: &Document,
) -> Result<Valid<ExecutableDocument>, Refusal> {
    document
        .to_executable(schema)
        .map(Valid::assume_valid)
        .map_err(|refused| unexpected(&refused.errors))
}

/// The only operation of a document.
fn chosen(document: &ExecutableDocument) -> Result<&Node<Operation>, Refusal> {
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

    /// Executes the document as it was settled.
    fn execute(
        &self,
        settled: &Settled,
        world: &Mutex<World>,
        now: Duration,
        variables: &Valid<JsonMap>,
        trace: &mut Trace,
    ) -> Result<ExecutionResponse, Refusal> {
        let document = executable(&self.schemas.executed, &settled.document)?;
        let resolving = RefCell::new(Trace::default());
        let allowance = Allowance::new();
        let root = Root {
            type_name: self.operation.object_type().clone(),
            declared: &self.schemas.declared,
            world,
            edges: self.edges,
            now,
            trace: &resolving,
        };
        let root = Counted::new(root, &allowance);
        let mut response = Execution::new(&self.schemas.executed, &document)
            .operation(chosen(&document)?)
            .coerced_variable_values(variables)
            .execute_sync(&root)
            .map_err(|refused| vec![refused.to_graphql_error(&document.sources)])?;
        drop(root);
        *trace = resolving.into_inner();
        if allowance.is_used_up() {
            return Ok(too_large());
        }
        for error in &mut response.errors {
            if let Some(message) = error.message.strip_prefix(RESOLVER_PREFIX) {
                error.message = message.to_owned();
            }
        }
        response.errors = settled.placed(response.errors);
        Ok(response)
    }
}

/// The response in the place of one that would take too much memory. What a mutation did until
/// then is done.
fn too_large() -> ExecutionResponse {
    let most = allowance::MOST_BYTES >> 20;
    ExecutionResponse {
        errors: refusal(format!(
            "The answer would take more than the {most} MiB of memory that the emulator has for one \
             answer: ask for less at a time."
        )),
        data: None,
    }
}

/// What the first root field of a document's operation is called in an answer. The document need
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
