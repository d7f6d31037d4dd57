//! The fields of objects as the executor sees them, whatever an object's type is called: fields
//! differ by their names alone and types are taken from the schema, so that one set of resolvers
//! serves every backend.
//!
//! An [`object`] has values that are known beforehand. Beside the declared fields the executed
//! schema has internal ones, which no document can name ([`add_internal`]): those of introspection
//! under other names, and those that fail in the place of others.

use apollo_compiler::ast::{FieldDefinition, InputValueDefinition, Type};
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::{Component, ExtendedType};
use apollo_compiler::{Name, Node, Schema, name};

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

/// An object of the type of the field that is resolved, or of its items.
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

/// The value of a field that only a user's own schema has, or that fails.
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

/// An error that a field returns, with its path.
pub(crate) fn error(message: impl Into<String>) -> FieldError {
    FieldError {
        message: message.into(),
    }
}

/// What the root fields of introspection are called where they are executed: their own names are
/// the library's.
pub(super) const SCHEMA: Name = name!("__declaredSchema");
pub(super) const TYPE: Name = name!("__declaredType");

/// Fields that every type of the executed schema has beside its own. Each fails, because of the
/// failure whose number its argument [`BECAUSE`] is; the second one may be null.
pub(super) const FAILS: Name = name!("__fails");
pub(super) const FAILS_WITH_NULL: Name = name!("__failsWithNull");
pub(super) const BECAUSE: Name = name!("because");

/// What the message of an error begins with that stands for a failure: no other can.
const MARK: char = '\0';

/// The name by which a root field of introspection is executed.
pub(super) fn executed_as(root_field: &str) -> Option<Name> {
    match root_field {
        "__schema" => Some(SCHEMA),
        "__type" => Some(TYPE),
        _ => None,
    }
}

/// The message of a field that fails, by which [`failure_number`] finds the failure.
pub(super) fn failure_message(arguments: &JsonMap) -> String {
    let number = arguments.get(BECAUSE.as_str()).and_then(JsonValue::as_u64);
    format!("{MARK}{}", number.unwrap_or_default())
}

/// The number of the failure that a message stands for.
pub(super) fn failure_number(message: &str) -> Option<usize> {
    message.strip_prefix(MARK)?.parse().ok()
}

/// Whether a field fails whatever it is asked for.
pub(super) fn is_failure(field: &str) -> bool {
    FAILS == field || FAILS_WITH_NULL == field
}

/// Adds these fields to a schema.
pub(crate) fn add_internal(schema: &mut Schema) {
    let query = schema
        .schema_definition
        .query
        .as_ref()
        .map(|it| it.name.clone());
    for (name, ty) in &mut schema.types {
        let fields = match ty {
            ExtendedType::Object(ty) => &mut ty.make_mut().fields,
            ExtendedType::Interface(ty) => &mut ty.make_mut().fields,
            _ => continue,
        };
        let mut add = |field: Name, argument: Option<(Name, Name)>, ty: Type| {
            let argument = argument.map(|(name, ty)| {
                Node::new(InputValueDefinition {
                    description: None,
                    name,
                    ty: Node::new(Type::NonNullNamed(ty)),
                    default_value: None,
                    directives: Default::default(),
                })
            });
            let definition = Component::new(FieldDefinition {
                description: None,
                name: field.clone(),
                arguments: argument.into_iter().collect(),
                ty,
                directives: Default::default(),
            });
            fields.insert(field, definition);
        };
        let boolean = name!("Boolean");
        add(
            FAILS,
            Some((BECAUSE, name!("Int"))),
            Type::NonNullNamed(boolean.clone()),
        );
        add(
            FAILS_WITH_NULL,
            Some((BECAUSE, name!("Int"))),
            Type::Named(boolean),
        );
        if query.as_ref() == Some(name) {
            add(SCHEMA, None, Type::NonNullNamed(name!("__Schema")));
            add(
                TYPE,
                Some((name!("name"), name!("String"))),
                Type::Named(name!("__Type")),
            );
        }
    }
}
