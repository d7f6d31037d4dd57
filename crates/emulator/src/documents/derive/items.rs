//! Types that the derive calls the same ([`check`]): it joins the names of the fields on the way to each.

use std::collections::HashSet;

use apollo_compiler::ast::{Definition, Document, OperationDefinition, Selection};
use apollo_compiler::parser::SourceSpan;
use heck::ToUpperCamelCase;

use super::definitions::{Definitions, key};
use super::names::report_no_name;
use super::report::Report;
use crate::graphql::types;

/// What it names itself, or uses by the names that Rust has.
const RESERVED: [&str; 13] = [
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
];

/// Longer names are not compared.
const LONGEST: usize = 512;

/// How many selections are looked at in one document: fragments belong to each operation that uses them.
const MOST_STEPS: usize = 1_000_000;

pub(super) fn check(document: &Document, definitions: &Definitions<'_>, report: &mut Report<'_>) {
    let mut steps = 0;
    let mut reported = HashSet::new();
    for definition in &document.definitions {
        let Definition::OperationDefinition(operation) = definition else {
            continue;
        };
        for (name, place) in items(operation, definitions, &mut steps) {
            // Of a fragment that several operations use it is said once.
            if !reported.insert((name.clone(), place.map(|it| it.offset()))) {
                continue;
            }
            match name.starts_with(|first: char| first.is_ascii_digit()) {
                true => report_no_name(&format!("\"{name}\""), place, report),
                false => report.add(
                    format!("Two types in Rust are called `{name}`."),
                    "the derive makes this one of the names on the way there: give the operation, the fragment \
                     or, by an alias, a field another name",
                    place,
                ),
            }
        }
    }
}

/// A name that is there already, and where it is used again.
type Twice = (String, Option<SourceSpan>);

fn items(
    operation: &OperationDefinition,
    definitions: &Definitions<'_>,
    steps: &mut usize,
) -> Vec<Twice> {
    let mut twice = Vec::new();
    let (Some(name), Some(root)) = (
        &operation.name,
        types::root(definitions.schema, operation.operation_type),
    ) else {
        return twice;
    };
    let mut seen: HashSet<String> = RESERVED.iter().map(|&it| it.to_owned()).collect();
    // Scalars and enums, which are called as they are.
    let mut used = HashSet::new();
    used.extend(
        operation
            .variables
            .iter()
            .map(|it| it.ty.inner_named_type().as_str()),
    );
    let mut add = |name: String, place| {
        let is_name = !name.starts_with(|first: char| first.is_ascii_digit());
        if name.len() <= LONGEST && !(is_name && seen.insert(name.clone())) {
            twice.push((name, place));
        }
    };
    let mut spread = HashSet::new();
    let mut leaves = Vec::new();
    let root = root.as_str();
    let mut ahead = vec![(&*operation.selection_set, root, name.to_upper_camel_case())];
    while let Some((selections, on, path)) = ahead.pop() {
        let mut variants = HashSet::new();
        for selection in selections {
            *steps += 1;
            if *steps > MOST_STEPS || path.len() > LONGEST {
                break;
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
                    ahead.push((&field.selection_set, ty, path));
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.type_condition.as_ref();
                    let Some(ty) = condition.filter(|it| definitions.is_variant(on, it)) else {
                        continue;
                    };
                    // Another one on the same type is an error of its own.
                    if definitions.is_abstract(on) && variants.insert(ty.as_str()) {
                        add(format!("{path}On{ty}"), fragment.location());
                        let path = format!("{path}On{}", ty.to_upper_camel_case());
                        ahead.push((&fragment.selection_set, ty, path));
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
                        add(name.to_string(), fragment.name.location());
                        ahead.push((&fragment.selection_set, of, name.to_upper_camel_case()));
                    }
                }
            }
        }
    }
    used.extend(leaves);
    for name in used {
        let ty = definitions.schema.types.get(name);
        if ty.is_some_and(|ty| !ty.is_built_in()) {
            add(
                name.to_owned(),
                operation.name.as_ref().and_then(|it| it.location()),
            );
        }
    }
    twice
}
