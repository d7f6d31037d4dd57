//! What a response may lack, by `@skip` or `@include`, and the derived types require ([`check`]).

use std::collections::HashSet;

use apollo_compiler::ast::{DirectiveList, Field, Selection, Value};

use super::definitions::{Definitions, TYPENAME, key};
use super::report::{Reason, Report};
use crate::graphql::types;

/// Checks selections on a type, without those that are within their fields.
pub(super) fn check<'a>(
    selections: &'a [Selection],
    on: &'a str,
    definitions: &Definitions<'a>,
    report: &mut Report<'_>,
) {
    if !selections.iter().any(is_conditional) {
        return;
    }
    let is_alone = selections.len() == 1;
    let selections = selections.iter().map(|it| (it, on, is_alone));
    let (conditional, certain): (Vec<_>, Vec<_>) =
        selections.partition(|(it, ..)| is_conditional(it));
    let certain = fields(certain, definitions, report);
    let certain: HashSet<_> = certain.iter().map(|(on, it)| (*on, key(it))).collect();
    for selection in conditional {
        let fields = fields(vec![selection], definitions, report);
        let lacking = fields.into_iter().find(|(of, field)| {
            let key = key(field);
            is_required(field, of, definitions)
                && !certain.contains(&(on, key))
                && !certain.contains(&(*of, key))
        });
        let Some((_, field)) = lacking else {
            continue;
        };
        let key = key(field);
        let fragment = match selection.0 {
            Selection::Field(_) => None,
            Selection::FragmentSpread(it) => Some(format!("...{}", it.fragment_name)),
            Selection::InlineFragment(it) => {
                let of = it.type_condition.as_ref();
                of.map(|of| format!("... on {of}"))
            }
        };
        let message = match fragment {
            None => format!("\"{key}\" may be left out, and is never null."),
            Some(it) => format!("`{it}` may be left out, and \"{key}\" in it is never null."),
        };
        report.add_for(
            Reason::LeftOut,
            message,
            "the derive requires it in every response: remove the directive, or select it in an operation of \
             its own",
            selection.0.location(),
        );
    }
}

/// A selection, the type that it is on, and whether nothing is selected beside it.
type On<'a> = (&'a Selection, &'a str, bool);

/// The fields of selections, and of the fragments in them that nothing else leaves out, each with the type
/// that it is selected on.
fn fields<'a>(
    mut ahead: Vec<On<'a>>,
    definitions: &Definitions<'a>,
    report: &mut Report<'_>,
) -> Vec<(&'a str, &'a Field)> {
    let mut seen = HashSet::new();
    let mut fields = Vec::new();
    while let Some((selection, on, is_alone)) = ahead.pop() {
        if !report.take_steps(1) {
            break;
        }
        let inner = match selection {
            Selection::Field(field) => {
                fields.push((on, &**field));
                None
            }
            Selection::InlineFragment(fragment) => {
                let variant = definitions.variant(on, fragment);
                variant.map(|of| (of.as_str(), &fragment.selection_set))
            }
            Selection::FragmentSpread(spread) => {
                let fragment = definitions.fragment(&spread.fragment_name);
                let fragment = fragment.filter(|it| {
                    let of = &it.type_condition;
                    is_alone || of == on || definitions.is_variant(on, of)
                });
                let fragment = fragment.filter(|it| seen.insert(&it.name));
                fragment.map(|it| (it.type_condition.as_str(), &it.selection_set))
            }
        };
        let Some((of, selections)) = inner else {
            continue;
        };
        let is_alone = selections.len() == 1;
        let selections = selections.iter().filter(|it| !is_conditional(it));
        ahead.extend(selections.map(|it| (it, of, is_alone)));
    }
    fields
}

/// Whether no response is read without a field.
fn is_required(field: &Field, on: &str, definitions: &Definitions<'_>) -> bool {
    if field.name == TYPENAME {
        return definitions.is_abstract(on);
    }
    let known = types::field(definitions.schema, on, &field.name);
    known.is_some_and(|it| it.ty.is_non_null())
}

/// Whether a response may lack a selection.
fn is_conditional(selection: &Selection) -> bool {
    let directives = match selection {
        Selection::Field(it) => &it.directives,
        Selection::FragmentSpread(it) => &it.directives,
        Selection::InlineFragment(it) => &it.directives,
    };
    may_be(directives, "skip", true) || may_be(directives, "include", false)
}

fn may_be(directives: &DirectiveList, name: &str, value: bool) -> bool {
    let directive = directives.get(name);
    directive.is_some_and(|it| {
        let condition = it.specified_argument_by_name("if");
        !condition.is_some_and(|it| **it == Value::Boolean(!value))
    })
}
