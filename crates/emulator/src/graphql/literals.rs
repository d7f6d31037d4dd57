//! Literals: the values that stand in a document or a schema, as the JSON that they mean; and back.

use apollo_compiler::ast::{FloatValue, IntValue, Type, Value};
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::{Name, Node, Schema};

/// The value of a literal that has been found to be of this type, and holds no variable.
pub(crate) fn coerced(schema: &Schema, value: &Value, ty: &Type) -> JsonValue {
    match (ty, value) {
        (_, Value::Null) => JsonValue::Null,
        (Type::List(item) | Type::NonNullList(item), Value::List(values)) => values
            .iter()
            .map(|value| coerced(schema, value, item))
            .collect(),
        // One value stands for a list of it.
        (Type::List(item) | Type::NonNullList(item), value) => {
            JsonValue::Array(vec![coerced(schema, value, item)])
        }
        (Type::Named(name) | Type::NonNullNamed(name), value) => {
            match (schema.types.get(name), value) {
                (Some(ExtendedType::InputObject(definition)), Value::Object(given)) => {
                    let mut object = JsonMap::new();
                    for (field, definition) in &definition.fields {
                        let given = given.iter().find(|(name, _)| name == field);
                        let given = given.map(|(_, value)| value);
                        if let Some(value) = given.or(definition.default_value.as_ref()) {
                            let value = coerced(schema, value, &definition.ty);
                            object.insert(field.as_str(), value);
                        }
                    }
                    JsonValue::Object(object)
                }
                (_, Value::Int(number)) if name == "ID" => number.as_str().into(),
                _ => as_written(value),
            }
        }
    }
}

/// The value of a literal, whatever its type.
fn as_written(value: &Value) -> JsonValue {
    match value {
        // A variable has no value here.
        Value::Null | Value::Variable(_) => JsonValue::Null,
        Value::Boolean(value) => (*value).into(),
        Value::String(text) => text.as_str().into(),
        Value::Enum(name) => name.as_str().into(),
        Value::Int(number) => number_of(number.as_str()),
        Value::Float(number) => number_of(number.as_str()),
        Value::List(values) => values.iter().map(|value| as_written(value)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.as_str(), as_written(value)))
            .collect(),
    }
}

/// A value as a literal of no type in particular. Its keys need not be names.
pub(crate) fn of(value: &JsonValue) -> Value {
    match value {
        JsonValue::Null => Value::Null,
        JsonValue::Bool(value) => Value::Boolean(*value),
        JsonValue::String(text) => Value::String(text.as_str().to_owned()),
        JsonValue::Number(number) => {
            let text = number.to_string();
            if text.contains(['.', 'e', 'E']) {
                Value::Float(FloatValue::new_parsed(&text))
            } else {
                Value::Int(IntValue::new_parsed(&text))
            }
        }
        JsonValue::Array(items) => Value::List(items.iter().map(of).map(Node::new).collect()),
        JsonValue::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let name = Name::new_unchecked(name.as_str());
                (name, Node::new(of(value)))
            });
            Value::Object(fields.collect())
        }
    }
}

/// JSON has the grammar's numbers, but none that are too large for it.
fn number_of(text: &str) -> JsonValue {
    text.parse().map_or(JsonValue::Null, JsonValue::Number)
}

/// Whether an object of this type has exactly one of its fields.
pub(crate) fn is_one_of(definition: &InputObjectType) -> bool {
    definition.directives.has("oneOf")
}
