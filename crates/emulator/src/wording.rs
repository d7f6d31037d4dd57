//! Refusals in the words of the reference implementation, because clients look for those words.
//! Suggestions ("Did you mean") are left out, as the reference leaves them out when it is told to
//! hide them.
//!
//! The parser's own words are close. What differs is rewritten here from its texts: it does not
//! show what they are made of.

use std::ops::Range;

use apollo_compiler::diagnostic::{Diagnostic, ToCliReport};
use apollo_compiler::response::GraphQLError;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::{DiagnosticData, DiagnosticList};
use apollo_compiler::{ExecutableDocument, Schema};

/// Selections that cannot be are left out of a document before it is validated. What only they
/// used then looks unused, and what selected only them looks empty; the reference says neither.
const LOSES_SELECTIONS: [&str; 3] = [
    "UndefinedField",
    "SubselectionOnScalarType",
    "SubselectionOnEnumType",
];
const LOOKS_WRONG_THEN: [&str; 3] = ["UnusedVariable", "UnusedFragment", "MissingSubselection"];

/// What the parser puts between a type's name and a value that is not of the type.
const NOT_OF_TYPE: &str = " cannot represent value: ";

/// The operations of a document, by where they stand in its text.
pub(crate) struct Operations(Vec<(Range<usize>, Option<String>)>);

impl Operations {
    pub(crate) fn of(document: &ExecutableDocument) -> Self {
        let operations = document.operations.iter();
        Self(
            operations
                .filter_map(|operation| {
                    let span = operation.location()?;
                    let name = operation.name.as_ref().map(ToString::to_string);
                    Some((span.offset()..span.end_offset(), name))
                })
                .collect(),
        )
    }

    /// The name of the operation around this place, or of the only one, for places in fragments.
    fn name_at(&self, place: Option<usize>) -> Option<&str> {
        let around = |(span, _): &&(Range<usize>, _)| place.is_some_and(|it| span.contains(&it));
        let only = (self.0.len() == 1).then(|| &self.0[0]);
        self.0.iter().find(around).or(only)?.1.as_deref()
    }
}

/// A refused document.
pub(crate) struct Refused<'a> {
    pub(crate) text: &'a str,
    pub(crate) schema: &'a Schema,
    pub(crate) operations: &'a Operations,
    pub(crate) diagnostics: &'a DiagnosticList,
}

impl Refused<'_> {
    /// Every error of the document, as the reference words it.
    pub(crate) fn worded(&self) -> Vec<GraphQLError> {
        let names: Vec<_> = self.diagnostics.iter().filter_map(|it| name(&it)).collect();
        let nulls = self.places_of_nulls();
        self.diagnostics
            .iter()
            .filter_map(|diagnostic| {
                let mut error = diagnostic.unstable_to_json_compat();
                let span = diagnostic.error.location();
                let place = span.map(|span| span.offset()..span.end_offset());
                let name = name(&diagnostic).unwrap_or_default();
                error.message = self.message(name, &error.message, place, &names, &nulls)?;
                Some(error)
            })
            .collect()
    }

    /// The reference's words for an error with this name; `None` for one that it does not say,
    /// because another one says it.
    fn message(
        &self,
        name: &str,
        message: &str,
        place: Option<Range<usize>>,
        names: &[&str],
        nulls: &[&str],
    ) -> Option<String> {
        let schema = self.schema;
        let selections_lost = names.iter().any(|name| LOSES_SELECTIONS.contains(name));
        if selections_lost && LOOKS_WRONG_THEN.contains(&name) {
            return None;
        }
        let operation = self
            .operations
            .name_at(place.clone().map(|place| place.start));
        let source = place.and_then(|place| self.text.get(place));
        Some(match name {
            "UndefinedField" if !is_composite(quoted(message, 1), schema) => return None,
            "InvalidFragmentSpread" if !is_composite(last_quoted(message), schema) => return None,
            // The reference stops at the first way in which two fields conflict.
            "ConflictingFieldType" if names.contains(&"ConflictingFieldName") => return None,
            "ConflictingFieldType" => message.replacen(" and \"", "\" and \"", 1),
            "ConflictingFieldArgument" => with_alias(message, source),
            "DisallowedVariableUsage" if has_unknown_type(message, schema) => return None,
            "RequiredArgument" if nulls.iter().any(|it| quoted(message, 1) == Some(it)) => {
                return None;
            }
            "RequiredField" if nulls.iter().any(|it| is_attribute(quoted(message, 0), it)) => {
                return None;
            }
            "MissingSubselection" => with_own_type(message, schema),
            "RecursiveFragmentDefinition" => with_detour(message),
            "SubselectionOnScalarType" | "SubselectionOnEnumType" => {
                with_whole_type(message, schema)
            }
            "UndefinedVariable" => in_operation(message, " by operation ", operation),
            "UnusedVariable" => in_operation(message, " in operation ", operation),
            "UnsupportedValueType" => with_reason(message, source, schema),
            _ => message.to_owned(),
        })
    }

    /// The names of the arguments and fields that are null where they must not be. The parser
    /// says of them that they are not given, too.
    fn places_of_nulls(&self) -> Vec<&str> {
        self.diagnostics
            .iter()
            .filter(|diagnostic| name(diagnostic) == Some("UnsupportedValueType"))
            .filter_map(|diagnostic| {
                let span = diagnostic.error.location()?;
                let value = self.text.get(span.offset()..span.end_offset())?;
                let before = self.text.get(..span.offset())?.trim_end();
                let before = before.strip_suffix(':')?.trim_end();
                let is_name = |it: char| it.is_ascii_alphanumeric() || it == '_';
                let start = before.trim_end_matches(is_name).len();
                (value == "null").then(|| &before[start..])
            })
            .collect()
    }
}

fn name(diagnostic: &Diagnostic<'_, DiagnosticData>) -> Option<&'static str> {
    diagnostic.error.unstable_error_name()
}

/// What stands in the double quotes with this number, from zero.
fn quoted(message: &str, number: usize) -> Option<&str> {
    message.split('"').nth(2 * number + 1)
}

fn last_quoted(message: &str) -> Option<&str> {
    message.rsplit('"').nth(1)
}

/// Whether a type has fields, or there is none of that name.
fn is_composite(ty: Option<&str>, schema: &Schema) -> bool {
    let known = ty.and_then(|ty| schema.types.get(ty));
    known.is_none_or(|ty| ty.is_object() || ty.is_interface() || ty.is_union())
}

/// Whether a coordinate, `Type.name`, ends in this name.
fn is_attribute(coordinate: Option<&str>, name: &str) -> bool {
    coordinate
        .and_then(|it| it.rsplit_once('.'))
        .is_some_and(|(_, it)| it == name)
}

/// The parser names the field, the reference what it is called in the answer.
fn with_alias(message: &str, source: Option<&str>) -> String {
    let alias = source
        .and_then(|field| field.split_once(['(', '{']))
        .and_then(|(head, _)| head.split_once(':'));
    match (alias, quoted(message, 0)) {
        (Some((alias, _)), Some(field)) => message.replacen(field, alias.trim(), 1),
        _ => message.to_owned(),
    }
}

/// The parser's way back to a fragment ends at the fragment, the reference's before it.
fn with_detour(message: &str) -> String {
    let (start, way) = message.split_once(" via ").unwrap_or((message, ""));
    let mut way: Vec<_> = way.trim_end_matches('.').split(", ").collect();
    if way.last().and_then(|last| quoted(last, 0)) == quoted(message, 0) {
        way.pop();
    }
    if way.is_empty() {
        return format!("{start}.");
    }
    format!("{start} via {}.", way.join(", "))
}

fn in_operation(message: &str, joined: &str, operation: Option<&str>) -> String {
    match operation {
        Some(name) => format!("{}{joined}\"{name}\".", message.trim_end_matches('.')),
        None => message.to_owned(),
    }
}

/// Whether a variable is of a type that there is none of, which is an error of its own.
fn has_unknown_type(message: &str, schema: &Schema) -> bool {
    quoted(message, 1).is_some_and(|ty| {
        let name = ty.trim_matches(['[', ']', '!']);
        !schema.types.contains_key(name)
    })
}

/// The parser names the type that a field is in, the reference the type that it has.
fn with_own_type(message: &str, schema: &Schema) -> String {
    let own = quoted(message, 0)
        .zip(quoted(message, 1))
        .and_then(|(field, parent)| Some((parent, schema.type_field(parent, field).ok()?)));
    match own {
        Some((parent, field)) => message.replacen(
            &format!("of type \"{parent}\""),
            &format!("of type \"{}\"", field.ty),
            1,
        ),
        None => message.to_owned(),
    }
}

/// The parser names the type without its `!` and `[]`.
fn with_whole_type(message: &str, schema: &Schema) -> String {
    let whole = quoted(message, 0)
        .zip(quoted(message, 1))
        .and_then(|(field, ty)| {
            let objects = schema.types.values().filter_map(ExtendedType::as_object);
            let mut fields = objects.filter_map(|object| object.fields.get(field));
            let field = fields.find(|field| field.ty.inner_named_type() == ty)?;
            Some((ty, &field.ty))
        });
    let message = match whole {
        Some((ty, whole)) => {
            message.replacen(&format!("type \"{ty}\""), &format!("type \"{whole}\""), 1)
        }
        None => message.to_owned(),
    };
    format!("{}.", message.trim_end_matches('.'))
}

/// The reference says for each type what a value of it would be.
fn with_reason(message: &str, source: Option<&str>, schema: &Schema) -> String {
    let Some((ty, value)) = message.split_once(NOT_OF_TYPE) else {
        return message.to_owned();
    };
    let value = source.unwrap_or(value);
    // Null is of every type but the non-null ones.
    if value == "null" {
        return format!("Expected value of type \"{ty}!\", found null.");
    }
    match schema.types.get(ty) {
        Some(ExtendedType::InputObject(_)) => {
            format!("Expected value of type \"{ty}\", found {value}.")
        }
        Some(ExtendedType::Enum(_)) => {
            format!("Enum \"{ty}\" cannot represent non-enum value: {value}.")
        }
        _ => match ty {
            "String" => format!("String cannot represent a non string value: {value}"),
            "Boolean" => format!("Boolean cannot represent a non boolean value: {value}"),
            "Int" => format!("Int cannot represent non-integer value: {value}"),
            "Float" => format!("Float cannot represent non numeric value: {value}"),
            "ID" => format!("ID cannot represent a non-string and non-integer value: {value}"),
            _ => message.to_owned(),
        },
    }
}
