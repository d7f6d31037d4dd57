//! Values as documents and schemas write them: literals as the JSON that they mean ([`coerced`]),
//! and values as text, as the reference implementation prints them ([`print_literal`],
//! [`print_as_literal`], [`inspect`]).

use std::fmt::Write;

use apollo_compiler::ast::{FloatValue, IntValue, Type, Value};
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::ExtendedType;
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
pub(crate) fn from_json(value: &JsonValue) -> Value {
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
        JsonValue::Array(items) => {
            Value::List(items.iter().map(from_json).map(Node::new).collect())
        }
        JsonValue::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let name = Name::new_unchecked(name.as_str());
                (name, Node::new(from_json(value)))
            });
            Value::Object(fields.collect())
        }
    }
}

/// JSON has the grammar's numbers, but none that are too large for it.
fn number_of(text: &str) -> JsonValue {
    text.parse().map_or(JsonValue::Null, JsonValue::Number)
}

/// How deep and how wide a value is shown.
const SHOWN_DEPTH: usize = 2;
const SHOWN_ITEMS: usize = 10;

/// A value as the reference writes it.
pub(super) fn print_literal(value: &Node<Value>, text: &str) -> String {
    match &**value {
        Value::Null => "null".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Enum(name) => name.to_string(),
        Value::Variable(name) => format!("${name}"),
        Value::Int(number) => number.as_str().to_owned(),
        Value::Float(number) => number.as_str().to_owned(),
        Value::String(content) if is_block(value, text) => block(content),
        Value::String(content) => quoted(content),
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(|item| print_literal(item, text)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name}: {}", print_literal(value, text)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// Whether a text is written between three quotes.
pub(super) fn is_block(value: &Node<Value>, text: &str) -> bool {
    value
        .location()
        .and_then(|place| text.get(place.offset()..))
        .is_some_and(|source| source.starts_with("\"\"\""))
}

pub(crate) fn quoted(content: &str) -> String {
    let mut text = String::from("\"");
    for next in content.chars() {
        match next {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
                text.push_str(&format!("\\u{:04X}", u32::from(next)));
            }
            next => text.push(next),
        }
    }
    text.push('"');
    text
}

/// A text between three quotes, laid out as the reference does it.
fn block(content: &str) -> String {
    /// Longer texts, in UTF-16 units, have lines of their own.
    const LONGEST_LINE: usize = 70;
    let is_blank = |first: Option<char>| matches!(first, Some(' ' | '\t'));
    let escaped = content.replace("\"\"\"", "\\\"\"\"");
    let lines: Vec<_> = escaped.split('\n').collect();
    let is_single = lines.len() == 1;
    let is_indented = !is_single
        && lines[1..]
            .iter()
            .all(|line| line.is_empty() || is_blank(line.chars().next()));
    let ends_in_quotes = escaped.ends_with("\\\"\"\"");
    let needs_end = (content.ends_with('"') && !ends_in_quotes) || content.ends_with('\\');
    let is_long = content.encode_utf16().count() > LONGEST_LINE;
    let has_lines = !is_single || is_long || needs_end || is_indented || ends_in_quotes;
    let keeps_blank = is_single && is_blank(content.chars().next());
    let start = if (has_lines && !keeps_blank) || is_indented {
        "\n"
    } else {
        ""
    };
    let end = if has_lines || needs_end { "\n" } else { "" };
    format!("\"\"\"{start}{escaped}{end}\"\"\"")
}

/// A value as a document writes it, of a type if that is known.
pub(super) fn print_as_literal(schema: &Schema, value: &JsonValue, ty: Option<&Type>) -> String {
    let item = match ty {
        Some(Type::List(item) | Type::NonNullList(item)) => Some(&**item),
        _ => None,
    };
    let named = ty.map(|ty| ty.inner_named_type());
    let definition = named.and_then(|name| schema.types.get(name));
    match value {
        JsonValue::Array(values) => {
            let values: Vec<_> = values
                .iter()
                .map(|it| print_as_literal(schema, it, item))
                .collect();
            format!("[{}]", values.join(", "))
        }
        JsonValue::Object(given) => {
            let fields: Vec<_> = given
                .iter()
                .map(|(name, value)| {
                    let field = match definition {
                        Some(ExtendedType::InputObject(it)) => it.fields.get(name.as_str()),
                        _ => None,
                    };
                    let value = print_as_literal(schema, value, field.map(|it| &*it.ty));
                    format!("{}: {value}", name.as_str())
                })
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        JsonValue::Number(number) => number.as_f64().map(print_number).unwrap_or_default(),
        JsonValue::String(content) => {
            let content = content.as_str();
            let is_number = || {
                content
                    .parse::<i64>()
                    .is_ok_and(|it| it.to_string() == content)
            };
            match definition {
                Some(ExtendedType::Enum(_)) => content.to_owned(),
                Some(ty) if ty.name() == "ID" && is_number() => content.to_owned(),
                _ => quoted(content),
            }
        }
        JsonValue::Null | JsonValue::Bool(_) => value.to_string(),
    }
}

/// A value as the reference shows it: like JSON, with keys that are not quoted, and cut.
pub(super) fn inspect(value: &JsonValue) -> String {
    let mut text = String::new();
    inspect_into(value, 1, &mut text);
    text
}

fn inspect_into(value: &JsonValue, depth: usize, text: &mut String) {
    match value {
        JsonValue::Array(items) if items.is_empty() => text.push_str("[]"),
        JsonValue::Object(fields) if fields.is_empty() => text.push_str("{}"),
        JsonValue::Array(_) if depth > SHOWN_DEPTH => text.push_str("[Array]"),
        JsonValue::Object(_) if depth > SHOWN_DEPTH => text.push_str("[Object]"),
        JsonValue::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().take(SHOWN_ITEMS).enumerate() {
                text.push_str(if place == 0 { "" } else { ", " });
                inspect_into(item, depth + 1, text);
            }
            // Writing into memory does not fail.
            let _ = match items.len().saturating_sub(SHOWN_ITEMS) {
                0 => Ok(()),
                1 => write!(text, ", ... 1 more item"),
                more => write!(text, ", ... {more} more items"),
            };
            text.push(']');
        }
        JsonValue::Object(fields) => {
            text.push_str("{ ");
            let (mut first, others): (Vec<_>, Vec<_>) = fields
                .iter()
                .partition(|(name, _)| as_index(name.as_str()).is_some());
            first.sort_by_key(|(name, _)| as_index(name.as_str()));
            for (place, (name, value)) in first.into_iter().chain(others).enumerate() {
                text.push_str(if place == 0 { "" } else { ", " });
                text.push_str(name.as_str());
                text.push_str(": ");
                inspect_into(value, depth + 1, text);
            }
            text.push_str(" }");
        }
        JsonValue::Number(number) => {
            text.push_str(&number.as_f64().map(print_number).unwrap_or_default());
        }
        value => text.push_str(&value.to_string()),
    }
}

/// A number as JavaScript writes it.
pub(super) fn print_number(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&size) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    if size < 1.0 {
        text
    } else {
        text.replace('e', "e+")
    }
}

/// Keys that JavaScript takes for the places of a list go before all others.
fn as_index(key: &str) -> Option<u32> {
    let number: u32 = key.parse().ok()?;
    (number != u32::MAX && number.to_string() == key).then_some(number)
}
