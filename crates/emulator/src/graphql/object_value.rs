//! Objects that a field resolves to, whatever their type is called: fields differ by their names alone
//! and types are taken from the schema, so that one set of resolvers serves every backend.

use apollo_compiler::Name;
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;

use super::internal_fields::{failure_message, is_failure};

/// An object whose fields are all known beforehand.
struct FixedObject {
    type_name: Name,
    fields: Vec<(&'static str, JsonValue)>,
}

impl ObjectValue for FixedObject {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let known = self
            .fields
            .iter()
            .find(|(name, _)| *name == info.field_name());
        match known {
            Some((_, value)) => Ok(ResolvedValue::Leaf(value.clone())),
            None => without_value(info),
        }
    }
}

/// An object of the type of the field in progress, or of its items.
pub(crate) fn object<'a>(
    info: &ResolveInfo<'_>,
    fields: Vec<(&'static str, JsonValue)>,
) -> ResolvedValue<'a> {
    ResolvedValue::object(FixedObject {
        type_name: type_of(info),
        fields,
    })
}

pub(crate) fn type_of(info: &ResolveInfo<'_>) -> Name {
    info.field_definition().ty.inner_named_type().clone()
}

/// The answer for a field that only a user's own schema has, or that fails.
pub(crate) fn without_value<'a>(info: &ResolveInfo<'_>) -> Result<ResolvedValue<'a>, FieldError> {
    if is_failure(info.field_name()) {
        return Err(error(failure_message(info.arguments())));
    }
    if info.field_definition().ty.is_non_null() {
        let name = info.field_name();
        return Err(error(format!(
            "The emulator has no value for the field '{name}'."
        )));
    }
    Ok(ResolvedValue::null())
}

/// An error that a field answers, with its path.
pub(crate) fn error(message: impl Into<String>) -> FieldError {
    FieldError {
        message: message.into(),
    }
}
