//! What `@skip` and `@include` make of a selection ([`condition`]).
//!
//! Their condition can be null if a variable has a default value and is given null all the same. The
//! executor would take that for a condition that was not given. At the root of an operation,
//! [`null_at_root`] finds it before anything is executed; elsewhere [`rewrite`](super::rewrite) does.

use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{
    Definition, DirectiveList, Document, OperationDefinition, Selection, Value,
};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::response::{GraphQLError, JsonMap, JsonValue};

/// What is said of a condition that is null.
pub(crate) const NULL: &str = "Argument \"if\" of non-null type \"Boolean!\" must not be null.";

/// What becomes of a selection.
pub(crate) enum Condition {
    Kept,
    LeftOut,
    /// A condition is null; where it stands.
    Null(Option<SourceSpan>),
}

/// What the directives of a selection make of it.
pub(crate) fn condition(selection: &Selection, variables: &JsonMap) -> Condition {
    for (name, wanted) in [("skip", false), ("include", true)] {
        let directive = directives(selection).get(name);
        let Some(value) = directive.and_then(|it| it.specified_argument_by_name("if")) else {
            continue;
        };
        let condition = match &**value {
            Value::Boolean(condition) => Some(*condition),
            Value::Variable(name) => variables.get(name.as_str()).and_then(JsonValue::as_bool),
            _ => None,
        };
        match condition {
            None => return Condition::Null(value.location()),
            Some(condition) if condition != wanted => return Condition::LeftOut,
            Some(_) => {}
        }
    }
    Condition::Kept
}

pub(crate) fn directives(selection: &Selection) -> &DirectiveList {
    match selection {
        Selection::Field(field) => &field.directives,
        Selection::InlineFragment(fragment) => &fragment.directives,
        Selection::FragmentSpread(spread) => &spread.directives,
    }
}

/// The error of the first condition at the root of an operation that is null, if there is one. The
/// reference executes no field of the operation then.
pub(crate) fn null_at_root(
    document: &Document,
    operation: &OperationDefinition,
    variables: &JsonMap,
) -> Option<GraphQLError> {
    let fragments = document.definitions.iter().filter_map(|it| match it {
        Definition::FragmentDefinition(fragment) => Some((&fragment.name, fragment)),
        _ => None,
    });
    let fragments: HashMap<_, _> = fragments.collect();
    let mut seen = HashSet::new();
    let mut ahead: Vec<&Selection> = operation.selection_set.iter().rev().collect();
    while let Some(selection) = ahead.pop() {
        if let Selection::FragmentSpread(spread) = selection
            && seen.contains(&spread.fragment_name)
        {
            continue;
        }
        match condition(selection, variables) {
            Condition::Kept => {}
            Condition::LeftOut => continue,
            Condition::Null(place) => {
                return Some(GraphQLError::new(NULL, place, &document.sources));
            }
        }
        let inner = match selection {
            Selection::Field(_) => None,
            Selection::InlineFragment(fragment) => Some(&fragment.selection_set),
            Selection::FragmentSpread(spread) => {
                seen.insert(&spread.fragment_name);
                let fragment = fragments.get(&spread.fragment_name);
                fragment.map(|fragment| &fragment.selection_set)
            }
        };
        ahead.extend(inner.into_iter().flat_map(|set| set.iter().rev()));
    }
    None
}

/// The document without its conditions: every selection is kept.
pub(crate) fn without_conditions(document: &Document) -> Document {
    let mut kept = document.clone();
    for definition in &mut kept.definitions {
        match definition {
            Definition::OperationDefinition(it) => keep_all(&mut it.make_mut().selection_set),
            Definition::FragmentDefinition(it) => keep_all(&mut it.make_mut().selection_set),
            _ => {}
        }
    }
    kept
}

/// Selections nest as deep as documents may: see [`syntax::DEEPEST`](super::syntax::DEEPEST).
fn keep_all(selections: &mut [Selection]) {
    for selection in selections {
        let (directives, inner) = match selection {
            Selection::Field(it) => {
                let it = it.make_mut();
                (&mut it.directives, Some(&mut it.selection_set))
            }
            Selection::InlineFragment(it) => {
                let it = it.make_mut();
                (&mut it.directives, Some(&mut it.selection_set))
            }
            Selection::FragmentSpread(it) => (&mut it.make_mut().directives, None),
        };
        directives.retain(|directive| !matches!(directive.name.as_str(), "skip" | "include"));
        if let Some(inner) = inner {
            keep_all(inner);
        }
    }
}
