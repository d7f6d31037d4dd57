//! Variables that the derive makes no Rust of, or none that compiles ([`check`]).

use std::collections::{HashMap, HashSet};

use apollo_compiler::Schema;
use apollo_compiler::ast::{OperationDefinition, Type, Value};
use apollo_compiler::schema::ExtendedType;
use heck::ToSnakeCase;

use super::names::{in_rust, is_escaped, twice};
use super::report::Report;
use crate::graphql::types;

pub(super) fn check(operation: &OperationDefinition, schema: &Schema, report: &mut Report<'_>) {
    let mut names: HashMap<String, String> = HashMap::new();
    for variable in &operation.variables {
        let name = &variable.name;
        let shown = format!("\"${name}\"");
        if let Some(in_rust) = in_rust(name, &shown, variable.location(), report) {
            match names.get(&in_rust) {
                Some(first) => {
                    let (message, help) = twice(first, &shown, &in_rust);
                    report.add(message, help, variable.location());
                }
                None => {
                    names.insert(in_rust, shown);
                }
            }
        }
        if let Some(directive) = variable.directives.iter().next() {
            report.add(
                format!("The variable \"${name}\" has a directive."),
                "the derive cannot read directives there: remove it",
                directive.location(),
            );
        }
        let Some(default) = &variable.default_value else {
            continue;
        };
        let why = match &**default {
            Value::Null => "null",
            value if has_enum_value(value) => "an enum value",
            value if !fits(schema, value, &variable.ty) => "of another type in Rust",
            _ => continue,
        };
        report.add(
            format!("The default value of the variable \"${name}\" is {why}."),
            "the derive makes no Rust of it: remove the default, and pass the value with the variables",
            default.location(),
        );
    }
}

/// A value nests no deeper than a document's syntax allows.
fn has_enum_value(value: &Value) -> bool {
    match value {
        Value::Enum(_) => true,
        Value::List(items) => items.iter().any(|item| has_enum_value(item)),
        Value::Object(fields) => fields.iter().any(|(_, value)| has_enum_value(value)),
        _ => false,
    }
}

/// Whether the derive writes a value as one of the type that it gives the variable: it looks at the value
/// alone, and takes what is in a list for never null.
fn fits(schema: &Schema, value: &Value, ty: &Type) -> bool {
    if let Value::List(items) = value {
        return types::item(ty).is_some_and(|item| {
            items.is_empty()
                || (item.is_non_null() && items.iter().all(|it| fits(schema, it, item)))
        });
    }
    if ty.is_list() {
        return false;
    }
    let name = ty.inner_named_type().as_str();
    match (name, value) {
        ("Int", value) => matches!(value, Value::Int(_)),
        ("Float", value) => matches!(value, Value::Float(_)),
        ("Boolean", value) => matches!(value, Value::Boolean(_)),
        ("String" | "ID", value) => matches!(value, Value::String(_)),
        (_, Value::Object(given)) => match schema.types.get(name) {
            Some(ExtendedType::InputObject(input)) if !types::is_one_of(input) => {
                input.fields.iter().all(|(field, definition)| {
                    let given = given.iter().find(|(name, _)| name == field);
                    // It does not know here how it has called the field, and that it has put it into a `Box`.
                    field.to_snake_case() == field.as_str()
                        && !is_escaped(field)
                        && !has_itself(schema, definition.ty.inner_named_type())
                        && match given {
                            Some((_, value)) => {
                                !value.is_null() && fits(schema, value, &definition.ty)
                            }
                            None => !definition.ty.is_non_null(),
                        }
                })
            }
            _ => false,
        },
        // A custom scalar is what the user's code says.
        _ => schema.get_input_object(name).is_none(),
    }
}

/// Whether an input object has itself within it, other than in lists.
fn has_itself(schema: &Schema, name: &str) -> bool {
    let mut seen = HashSet::new();
    let mut ahead = vec![name];
    while let Some(ty) = ahead.pop() {
        let Some(input) = schema.get_input_object(ty) else {
            continue;
        };
        let fields = input.fields.values().filter(|it| !it.ty.is_list());
        for ty in fields.map(|it| it.ty.inner_named_type().as_str()) {
            if ty == name {
                return true;
            }
            if seen.insert(ty) {
                ahead.push(ty);
            }
        }
    }
    false
}
