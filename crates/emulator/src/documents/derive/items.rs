//! Types that the derive calls the same ([`check`]): it joins the names of the fields on the way to each.

use std::collections::{BTreeSet, HashSet};

use apollo_compiler::Schema;
use apollo_compiler::ast::{Definition, Document, OperationDefinition, Selection};
use apollo_compiler::parser::SourceSpan;
use heck::ToUpperCamelCase;

use super::definitions::{Definitions, TYPENAME, key};
use super::names::report_no_name;
use super::report::Report;
use crate::graphql::types;

/// The types that each module has or uses, whatever the document is.
const RESERVED: [&str; 17] = [
    "Boolean",
    "Box",
    "Deserialize",
    "Float",
    "ID",
    "Int",
    "Option",
    "ResponseData",
    "Result",
    "Serialize",
    "String",
    "Variables",
    "Vec",
    "bool",
    "f64",
    "i64",
    "str",
];

pub(super) fn check(document: &Document, definitions: &Definitions<'_>, report: &mut Report<'_>) {
    let mut reported = HashSet::new();
    for definition in &document.definitions {
        let Definition::OperationDefinition(operation) = definition else {
            continue;
        };
        for (name, place) in wrong_names(operation, definitions, report) {
            // Of a fragment that several operations use it is said once.
            if !reported.insert((name.clone(), place.map(|it| it.offset()))) {
                continue;
            }
            match is_name(&name) {
                false => report_no_name(&format!("\"{name}\""), place, report),
                true => report.add(
                    format!("Two types in Rust are called `{name}`."),
                    "the derive makes this one of the names on the way there: give the operation, the fragment \
                     or, by an alias, a field another name",
                    place,
                ),
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
}

/// A name, and where it is made.
type Named = (String, Option<SourceSpan>);

/// What the derive makes one type of.
struct Selected<'a> {
    selections: &'a [Selection],
    on: &'a str,
    /// What the names of the types within it begin with.
    path: String,
    /// The name of the type, which is the path except of a fragment, and where it is made.
    named: Named,
}

/// The names of an operation's types that are there already, or are no names.
fn wrong_names(
    operation: &OperationDefinition,
    definitions: &Definitions<'_>,
    report: &mut Report<'_>,
) -> Vec<Named> {
    let mut wrong = Vec::new();
    let (Some(name), Some(root)) = (
        &operation.name,
        types::root(definitions.schema, operation.operation_type),
    ) else {
        return wrong;
    };
    let mut seen: HashSet<String> = RESERVED.iter().map(|&it| it.to_owned()).collect();
    let mut add = |name: String, place| {
        if !is_name(&name) || !seen.insert(name.clone()) {
            wrong.push((name, place));
        }
    };
    let mut spread = HashSet::new();
    let mut leaves = Vec::new();
    let mut ahead = vec![Selected {
        selections: &operation.selection_set,
        on: root,
        path: name.to_upper_camel_case(),
        named: ("ResponseData".to_owned(), None),
    }];
    while let Some(selected) = ahead.pop() {
        let Selected {
            selections,
            on,
            path,
            named: (name, place),
        } = selected;
        let mut variants = HashSet::new();
        if has_enum_beside_fields(selections, on, definitions) {
            add(format!("{name}On"), place);
        }
        for selection in selections {
            if !report.take_steps(1 + path.len() / 16) {
                return wrong;
            }
            match selection {
                Selection::Field(field) => {
                    let Some(ty) = definitions.type_of(on, field) else {
                        continue;
                    };
                    if field.selection_set.is_empty() {
                        leaves.push(ty.as_str());
                        continue;
                    }
                    let path = format!("{path}{}", key(field).to_upper_camel_case());
                    add(path.clone(), field.location());
                    ahead.push(Selected {
                        selections: &field.selection_set,
                        on: ty,
                        named: (path.clone(), field.location()),
                        path,
                    });
                }
                Selection::InlineFragment(fragment) => {
                    let Some(ty) = definitions.variant(on, fragment) else {
                        continue;
                    };
                    // Another one on the same type is an error of its own.
                    if variants.insert(ty.as_str()) {
                        let named = (format!("{path}On{ty}"), fragment.location());
                        add(named.0.clone(), named.1);
                        ahead.push(Selected {
                            selections: &fragment.selection_set,
                            on: ty,
                            path: format!("{path}On{}", ty.to_upper_camel_case()),
                            named,
                        });
                    }
                }
                Selection::FragmentSpread(it) => {
                    let Some(fragment) = definitions.fragment(&it.fragment_name) else {
                        continue;
                    };
                    let (name, of) = (&fragment.name, &fragment.type_condition);
                    let is_variant = definitions.is_abstract(on) && definitions.is_variant(on, of);
                    if is_variant && variants.insert(of.as_str()) {
                        add(format!("{path}On{of}"), it.location());
                    }
                    if spread.insert(name.as_str()) {
                        let named = (name.to_string(), name.location());
                        add(named.0.clone(), named.1);
                        ahead.push(Selected {
                            selections: &fragment.selection_set,
                            on: of,
                            path: name.to_upper_camel_case(),
                            named,
                        });
                    }
                }
            }
        }
    }
    let variables = operation.variables.iter();
    let variables = variables.map(|it| it.ty.inner_named_type().as_str());
    let mut used = inputs(variables.collect(), definitions.schema);
    used.extend(leaves);
    for ty in used {
        let known = definitions.schema.types.get(ty);
        if known.is_some_and(|it| !it.is_built_in()) {
            add(ty.to_owned(), name.location());
        }
    }
    wrong
}

/// Whether the fragments on types are an enum of their own, beside the fields of a struct.
fn has_enum_beside_fields(
    selections: &[Selection],
    on: &str,
    definitions: &Definitions<'_>,
) -> bool {
    let is_alias = matches!(selections, [Selection::FragmentSpread(_)]);
    let mut selections = selections.iter();
    definitions.is_abstract(on)
        && !is_alias
        && selections.any(|it| match it {
            Selection::Field(field) => field.name != TYPENAME,
            Selection::InlineFragment(_) => false,
            Selection::FragmentSpread(it) => {
                let fragment = definitions.fragment(&it.fragment_name);
                fragment.is_some_and(|it| it.type_condition == on)
            }
        })
        && definitions.has_variants(on)
}

/// These types of input and those within them, which are called as they are.
fn inputs<'a>(mut ahead: Vec<&'a str>, schema: &'a Schema) -> BTreeSet<&'a str> {
    let mut inputs = BTreeSet::new();
    while let Some(ty) = ahead.pop() {
        if inputs.insert(ty) {
            let fields = schema.get_input_object(ty).map(|it| it.fields.values());
            let fields = fields.into_iter().flatten();
            ahead.extend(fields.map(|it| it.ty.inner_named_type().as_str()));
        }
    }
    inputs
}
