//! What a document uses of the schema's extensions (`extend …`): the derive reads those of object types alone,
//! and an enum has a value for what it does not know.

use std::collections::HashSet;

use apollo_compiler::Schema;
use apollo_compiler::ast::{OperationDefinition, Selection};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::schema::{ComponentOrigin, ExtendedType};

use super::report::Report;

/// Checks selections on a type, without those that are within their fields.
pub(super) fn check_selections(
    selections: &[Selection],
    on: &str,
    place: Option<SourceSpan>,
    schema: &Schema,
    report: &mut Report<'_>,
) {
    match schema.types.get(on) {
        Some(ExtendedType::Interface(interface)) => {
            for field in selections.iter().filter_map(|it| it.as_field()) {
                let known = interface.fields.get(&field.name);
                if known.is_some_and(|it| is_extension(&it.origin)) {
                    report.add(
                        format!("\"{}\" of \"{on}\" is in `extend interface`.", field.name),
                        into_definition(on),
                        field.location(),
                    );
                }
            }
        }
        Some(ExtendedType::Union(union))
            if union.members.iter().any(|it| is_extension(&it.origin)) =>
        {
            report.add(
                format!("There are types of \"{on}\" in `extend union`."),
                into_definition(on),
                place,
            );
        }
        _ => {}
    }
}

/// Checks what an operation's variables can have within them.
pub(super) fn check_variables(
    operation: &OperationDefinition,
    schema: &Schema,
    report: &mut Report<'_>,
) {
    let mut seen = HashSet::new();
    for variable in &operation.variables {
        let mut ahead = vec![variable.ty.inner_named_type()];
        while let Some(ty) = ahead.pop() {
            let Some(input) = schema.get_input_object(ty).filter(|_| seen.insert(ty)) else {
                continue;
            };
            let mut fields = input.fields.values();
            if fields.any(|it| is_extension(&it.origin)) {
                report.add(
                    format!("There are fields of \"{ty}\" in `extend input`."),
                    into_definition(ty),
                    variable.location(),
                );
            }
            let is_one_of = input.directives.iter().find(|it| it.name == "oneOf");
            if is_one_of.is_some_and(|it| is_extension(&it.origin)) {
                report.add(
                    format!("\"{ty}\" has `@oneOf` in `extend input`."),
                    into_definition(ty),
                    variable.location(),
                );
            }
            ahead.extend(input.fields.values().map(|it| it.ty.inner_named_type()));
        }
    }
}

fn is_extension(origin: &ComponentOrigin) -> bool {
    matches!(origin, ComponentOrigin::Extension(_))
}

fn into_definition(ty: &str) -> String {
    format!("the derive does not read it: write it into the definition of \"{ty}\"")
}
