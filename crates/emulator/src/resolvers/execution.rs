//! One GraphQL request, from its document to its response: read and validate, choose the operation,
//! coerce the variables, check the depth of introspection and what the credentials allow, rewrite,
//! execute.
//!
//! Messages of refusals are those of the reference implementation.

use std::cell::RefCell;
use std::sync::Mutex;
use std::time::Duration;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Operation, OperationType};
use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::{ExecutionResponse, GraphQLError, JsonMap};
use apollo_compiler::validation::Valid;

use super::budget::{self, Budget, BudgetedObject};
use super::operations::{Root, Trace};
use crate::backend::Schemas;
use crate::credentials::{Access, Workspaces};
use crate::graphql::coercion;
use crate::graphql::document::{
    Refusal, choose_operation, executable, only_operation, read, refusal, with_only,
};
use crate::graphql::rewrite::{Rewritten, rewrite};
use crate::graphql::skip_include;
use crate::quirks::{Capability, Quirks};
use crate::run::RunStore;

/// What the executor puts before the message of an error that a resolver returned.
const RESOLVER_PREFIX: &str = "resolver error: ";

/// A GraphQL request, as HTTP brought it.
pub(crate) struct GraphqlRequest<'a> {
    pub(crate) query: &'a str,
    pub(crate) operation_name: Option<&'a str>,
    /// The JSON of an object, or null.
    pub(crate) variables: &'a str,
    pub(crate) mutations: Mutations,
    pub(crate) quirks: &'a Quirks,
    pub(crate) workspaces: &'a Workspaces,
    pub(crate) access: &'a Access,
}

/// Whether a request may change anything: one that came by GET may not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutations {
    Allowed,
    Refused,
}

/// What became of a GraphQL request.
pub(crate) struct RequestOutcome {
    /// The name of the operation that was chosen.
    pub(crate) operation_name: Option<String>,
    pub(crate) trace: Trace,
    pub(crate) result: ExecutionResult,
}

pub(crate) enum ExecutionResult {
    /// Execution took place; some fields may have failed.
    Executed(ExecutionResponse),
    /// The request was refused before execution.
    Refused(Refusal),
    /// A mutation, though the HTTP method allows none.
    MutationRefused,
    /// The credentials are not enough without a workspace.
    Unauthorized,
    /// The credentials lack this capability.
    Forbidden(Capability),
}

/// Executes a request against the runs as of `now`.
pub(crate) fn execute(
    schemas: &Schemas,
    runs: &Mutex<RunStore>,
    now: Duration,
    request: &GraphqlRequest<'_>,
) -> RequestOutcome {
    let mut outcome = RequestOutcome {
        operation_name: None,
        trace: Trace::default(),
        result: ExecutionResult::MutationRefused,
    };
    let executed = read(&schemas.declared, request.query).and_then(|document| {
        let document = match request.quirks.conditions_ignored {
            true => skip_include::without_conditions(&document),
            false => document,
        };
        let operation = choose_operation(&document, request.operation_name)?;
        outcome.operation_name = operation.name.as_ref().map(ToString::to_string);
        let kind = operation.operation_type;
        if kind == OperationType::Mutation && request.mutations == Mutations::Refused {
            return Ok(ExecutionResult::MutationRefused);
        }
        let (sources, defined) = (&document.sources, &operation.variables);
        let variables = coercion::coerce(&schemas.declared, sources, defined, request.variables);
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
        let alone = with_only(&document, operation);
        let executable = executable(&schemas.declared, &alone)?;
        let valid = ValidRequest {
            schemas,
            operation: only_operation(&executable)?,
            document: &executable,
            quirks: request.quirks,
        };
        if !valid.is_within(request.access) {
            return Ok(ExecutionResult::Unauthorized);
        }
        valid.check_introspection()?;
        if let Some(capability) = valid.lacking() {
            return Ok(ExecutionResult::Forbidden(capability));
        }
        // What is wrong with the variables is said after these refusals, as by the reference.
        let variables = variables?;
        if let Some(error) = skip_include::null_at_root(&document, operation, &variables) {
            return Ok(ExecutionResult::Executed(ExecutionResponse {
                errors: vec![error],
                data: None,
            }));
        }
        let rewritten = rewrite(&schemas.declared, &alone, &variables);
        valid
            .execute(
                &rewritten,
                runs,
                now,
                &variables,
                request,
                &mut outcome.trace,
            )
            .map(ExecutionResult::Executed)
    });
    outcome.result = executed.unwrap_or_else(ExecutionResult::Refused);
    outcome
}

/// A valid document with the operation to execute.
struct ValidRequest<'a> {
    schemas: &'a Schemas,
    document: &'a Valid<ExecutableDocument>,
    operation: &'a Operation,
    quirks: &'a Quirks,
}

impl ValidRequest<'_> {
    /// If introspection is off, each of its fields is an error, in the reference's words.
    fn check_introspection(&self) -> Result<(), Refusal> {
        if !self.quirks.without_introspection {
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

    /// Whether the credentials allow every root field. Those that are skipped count, as below.
    fn is_within(&self, access: &Access) -> bool {
        let mut fields = self.operation.root_fields(self.document);
        fields.all(|field| access.allows(&field.name))
    }

    /// The first capability that the document needs and the credentials lack. Fields that are
    /// skipped count: a gate looks at the document alone.
    fn lacking(&self) -> Option<Capability> {
        self.operation
            .root_fields(self.document)
            .filter_map(|field| Capability::needed_by(&field.name))
            .find(|capability| self.quirks.lacking.contains(capability))
    }

    /// Executes the document as it was rewritten.
    fn execute(
        &self,
        rewritten: &Rewritten,
        runs: &Mutex<RunStore>,
        now: Duration,
        variables: &Valid<JsonMap>,
        request: &GraphqlRequest<'_>,
        trace: &mut Trace,
    ) -> Result<ExecutionResponse, Refusal> {
        let document = executable(&self.schemas.executed, &rewritten.document)?;
        let resolving = RefCell::new(Trace::default());
        let budget = Budget::new();
        let root = Root {
            type_name: self.operation.object_type().clone(),
            declared: &self.schemas.declared,
            runs,
            quirks: self.quirks,
            workspaces: request.workspaces,
            access: request.access,
            now,
            trace: &resolving,
        };
        let root = BudgetedObject::new(root, &budget);
        let mut response = Execution::new(&self.schemas.executed, &document)
            .operation(only_operation(&document)?)
            .coerced_variable_values(variables)
            .execute_sync(&root)
            .map_err(|refused| vec![refused.to_graphql_error(&document.sources)])?;
        drop(root);
        *trace = resolving.into_inner();
        if budget.is_used_up() {
            return Ok(too_large());
        }
        for error in &mut response.errors {
            if let Some(message) = error.message.strip_prefix(RESOLVER_PREFIX) {
                error.message = message.to_owned();
            }
        }
        response.errors = rewritten.placed(response.errors);
        Ok(response)
    }
}

/// The response in the place of one that would take too much memory. What a mutation did until
/// then is done.
fn too_large() -> ExecutionResponse {
    let most = budget::MOST_BYTES >> 20;
    ExecutionResponse {
        errors: refusal(format!(
            "The response would take more than the {most} MiB of memory that the emulator has for one \
             response: ask for less at a time."
        )),
        data: None,
    }
}

fn is_introspection(root_field: &str) -> bool {
    matches!(root_field, "__schema" | "__type")
}
