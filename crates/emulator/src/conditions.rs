//! `@skip` and `@include` at the root of an operation, whose condition can be null where a variable
//! has a default value and is given null all the same.

use std::collections::HashSet;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::ast::Value;
use apollo_compiler::executable::{Operation, Selection};
use apollo_compiler::response::{GraphQLError, JsonMap, JsonValue};
use apollo_compiler::validation::Valid;

/// The error of the first condition that is null, if there is one. The reference executes no field
/// of the operation then; the executor would take null for a condition that was not given.
pub(crate) fn null(
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
    variables: &Valid<JsonMap>,
) -> Option<GraphQLError> {
    let mut seen = HashSet::new();
    let mut ahead: Vec<&Selection> = operation.selection_set.selections.iter().rev().collect();
    while let Some(selection) = ahead.pop() {
        let mut is_wanted = true;
        for (name, wanted) in [("skip", false), ("include", true)] {
            let directive = selection.directives().get(name);
            let Some(value) = directive.and_then(|it| it.specified_argument_by_name("if")) else {
                continue;
            };
            let condition = match &**value {
                Value::Boolean(condition) => Some(*condition),
                Value::Variable(name) => variables.get(name.as_str()).and_then(JsonValue::as_bool),
                _ => None,
            };
            let Some(condition) = condition else {
                let message = "Argument \"if\" of non-null type \"Boolean!\" must not be null.";
                let place = value.location();
                return Some(GraphQLError::new(message, place, &document.sources));
            };
            is_wanted = condition == wanted;
            if !is_wanted {
                break;
            }
        }
        if !is_wanted {
            continue;
        }
        let inner = match selection {
            Selection::Field(_) => None,
            Selection::InlineFragment(fragment) => Some(&fragment.selection_set),
            Selection::FragmentSpread(spread) => seen
                .insert(&spread.fragment_name)
                .then(|| document.fragments.get(&spread.fragment_name))
                .flatten()
                .map(|fragment| &fragment.selection_set),
        };
        ahead.extend(
            inner
                .into_iter()
                .flat_map(|set| set.selections.iter().rev()),
        );
    }
    None
}
