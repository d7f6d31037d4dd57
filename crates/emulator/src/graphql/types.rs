//! What the types of a schema allow: which overlap, which are subtypes of others, which take input.

use apollo_compiler::ast::{FieldDefinition, OperationType, Type};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::{Name, Schema};

/// A type without its outermost `!`.
pub(super) fn nullable(ty: &Type) -> Type {
    ty.clone().nullable()
}

/// The type of a list's items; none for what is no list.
pub(crate) fn item(ty: &Type) -> Option<&Type> {
    match ty {
        Type::List(item) | Type::NonNullList(item) => Some(item),
        Type::Named(_) | Type::NonNullNamed(_) => None,
    }
}

pub(crate) fn root(schema: &Schema, operation: OperationType) -> Option<&Name> {
    schema.root_operation(operation)
}

/// A type that has fields, or members that have.
pub(crate) fn is_composite(schema: &Schema, name: &str) -> bool {
    schema
        .types
        .get(name)
        .is_some_and(|ty| ty.is_object() || ty.is_interface() || ty.is_union())
}

pub(crate) fn is_input(schema: &Schema, name: &str) -> bool {
    schema
        .types
        .get(name)
        .is_some_and(|ty| ty.is_scalar() || ty.is_enum() || ty.is_input_object())
}

pub(crate) fn input_object<'a>(schema: &'a Schema, ty: &Type) -> Option<&'a InputObjectType> {
    match schema.types.get(ty.inner_named_type()) {
        Some(ExtendedType::InputObject(definition)) => Some(definition),
        _ => None,
    }
}

/// The definition of a field, `__typename` and its like among them.
pub(crate) fn field<'a>(
    schema: &'a Schema,
    parent: &str,
    name: &str,
) -> Option<&'a FieldDefinition> {
    let definition = schema.type_field(parent, name).ok()?;
    Some(definition)
}

/// Whether an object can be of both types.
pub(crate) fn overlap(schema: &Schema, one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let is_object = |name: &str| schema.get_object(name).is_some();
    match (is_object(one), is_object(other)) {
        (true, true) => false,
        (false, true) => schema.is_subtype(one, other),
        (true, false) => schema.is_subtype(other, one),
        (false, false) => schema
            .types
            .iter()
            .filter(|(_, ty)| ty.is_object())
            .any(|(name, _)| schema.is_subtype(one, name) && schema.is_subtype(other, name)),
    }
}

/// Whether a value of the first type is of the second one, too.
pub(super) fn is_subtype(schema: &Schema, ty: &Type, of: &Type) -> bool {
    if ty == of {
        return true;
    }
    match (of.is_non_null(), ty.is_non_null()) {
        (true, true) => return is_subtype(schema, &nullable(ty), &nullable(of)),
        (true, false) => return false,
        (false, true) => return is_subtype(schema, &nullable(ty), of),
        (false, false) => {}
    }
    match (item(ty), item(of)) {
        (Some(ty), Some(of)) => is_subtype(schema, ty, of),
        (None, None) => schema.is_subtype(of.inner_named_type(), ty.inner_named_type()),
        _ => false,
    }
}

/// Whether an object of this type has exactly one of its fields.
pub(crate) fn is_one_of(definition: &InputObjectType) -> bool {
    definition.directives.has("oneOf")
}
