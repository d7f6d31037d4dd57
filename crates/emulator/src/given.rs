//! The values given for a document's variables: whether each is of its type, in the reference
//! implementation's words.

use std::fmt::Write;

use apollo_compiler::Schema;
use apollo_compiler::ast::{Type, VariableDefinition};
use apollo_compiler::executable::Operation;
use apollo_compiler::response::{GraphQLError, JsonMap, JsonValue};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Node};

/// How deep and how wide a value is shown.
const SHOWN_DEPTH: usize = 2;
const SHOWN_ITEMS: usize = 10;

/// Everything that is wrong with the values given for an operation's variables.
pub(crate) fn check(
    schema: &Schema,
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
    given: &JsonMap,
) -> Vec<GraphQLError> {
    let mut errors = Vec::new();
    for variable in &operation.variables {
        for message in check_variable(schema, variable, given) {
            let location = variable.location();
            errors.push(GraphQLError::new(message, location, &document.sources));
        }
    }
    errors
}

fn check_variable(
    schema: &Schema,
    variable: &Node<VariableDefinition>,
    given: &JsonMap,
) -> Vec<String> {
    let (name, ty) = (&variable.name, &*variable.ty);
    match given.get(name.as_str()) {
        None if ty.is_non_null() && variable.default_value.is_none() => {
            vec![format!(
                "Variable \"${name}\" of required type \"{ty}\" was not provided."
            )]
        }
        None => Vec::new(),
        Some(JsonValue::Null) if ty.is_non_null() => {
            vec![format!(
                "Variable \"${name}\" of non-null type \"{ty}\" must not be null."
            )]
        }
        Some(value) => {
            let mut check = Check {
                schema,
                variable: name,
                path: Vec::new(),
                found: Vec::new(),
            };
            check.value(value, ty);
            check.found
        }
    }
}

/// The check of one variable's value.
struct Check<'a> {
    schema: &'a Schema,
    variable: &'a str,
    /// Where in the value the check is: `.field` and `[0]`.
    path: Vec<String>,
    found: Vec<String>,
}

impl Check<'_> {
    fn value(&mut self, value: &JsonValue, ty: &Type) {
        match (ty, value) {
            (Type::NonNullNamed(_) | Type::NonNullList(_), JsonValue::Null) => {
                let wrong = format!("Expected non-nullable type \"{ty}\" not to be null.");
                self.wrong(value, &wrong);
            }
            (_, JsonValue::Null) => {}
            (Type::List(item) | Type::NonNullList(item), JsonValue::Array(values)) => {
                for (place, value) in values.iter().enumerate() {
                    self.at(format!("[{place}]"), value, item);
                }
            }
            // One value stands for a list of it.
            (Type::List(item) | Type::NonNullList(item), value) => self.value(value, item),
            (Type::Named(name) | Type::NonNullNamed(name), value) => {
                match self.schema.types.get(name) {
                    Some(ExtendedType::InputObject(definition)) => self.object(value, definition),
                    Some(ExtendedType::Enum(definition)) => match value.as_str() {
                        Some(text) if definition.values.contains_key(text) => {}
                        Some(text) => {
                            let wrong =
                                format!("Value \"{text}\" does not exist in \"{name}\" enum.");
                            self.wrong(value, &wrong);
                        }
                        None => {
                            let shown = shown(value);
                            let wrong = format!(
                                "Enum \"{name}\" cannot represent non-string value: {shown}."
                            );
                            self.wrong(value, &wrong);
                        }
                    },
                    _ => {
                        if let Some(wrong) = wrong_scalar(name, value) {
                            self.wrong(value, &format!("{wrong}: {}", shown(value)));
                        }
                    }
                }
            }
        }
    }

    fn object(&mut self, value: &JsonValue, definition: &InputObjectType) {
        let name = &definition.name;
        let Some(given) = value.as_object() else {
            let wrong = format!("Expected type \"{name}\" to be an object.");
            return self.wrong(value, &wrong);
        };
        for (field, definition) in &definition.fields {
            match given.get(field.as_str()) {
                Some(value) => self.at(format!(".{field}"), value, &definition.ty),
                None if definition.is_required() => {
                    let ty = &definition.ty;
                    let wrong =
                        format!("Field \"{field}\" of required type \"{ty}\" was not provided.");
                    self.wrong(value, &wrong);
                }
                None => {}
            }
        }
        for field in given.keys() {
            if !definition.fields.contains_key(field.as_str()) {
                let field = field.as_str();
                let wrong = format!("Field \"{field}\" is not defined by type \"{name}\".");
                self.wrong(value, &wrong);
            }
        }
    }

    fn at(&mut self, step: String, value: &JsonValue, ty: &Type) {
        self.path.push(step);
        self.value(value, ty);
        self.path.pop();
    }

    fn wrong(&mut self, value: &JsonValue, wrong: &str) {
        let (name, shown) = (self.variable, shown(value));
        let place = if self.path.is_empty() {
            String::new()
        } else {
            format!(" at \"{name}{}\"", self.path.concat())
        };
        self.found.push(format!(
            "Variable \"${name}\" got invalid value {shown}{place}; {wrong}"
        ));
    }
}

/// Why a value is not of a built-in scalar; `None` where it is, and for a user's own scalars.
fn wrong_scalar(scalar: &str, value: &JsonValue) -> Option<&'static str> {
    let number = value.as_f64();
    let is_integer = number.is_some_and(|number| number.fract() == 0.0);
    let fits =
        number.is_some_and(|number| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number));
    match scalar {
        "String" if !value.is_string() => Some("String cannot represent a non string value"),
        "Boolean" if !value.is_boolean() => Some("Boolean cannot represent a non boolean value"),
        "Float" if number.is_none() => Some("Float cannot represent non numeric value"),
        "ID" if !value.is_string() && !is_integer => Some("ID cannot represent value"),
        "Int" if !is_integer => Some("Int cannot represent non-integer value"),
        "Int" if !fits => Some("Int cannot represent non 32-bit signed integer value"),
        _ => None,
    }
}

/// A value as the reference shows it: like JSON, with keys that are not quoted, and cut.
fn shown(value: &JsonValue) -> String {
    let mut text = String::new();
    show(value, 1, &mut text);
    text
}

fn show(value: &JsonValue, depth: usize, text: &mut String) {
    match value {
        JsonValue::Array(items) if items.is_empty() => text.push_str("[]"),
        JsonValue::Object(fields) if fields.is_empty() => text.push_str("{}"),
        JsonValue::Array(_) if depth > SHOWN_DEPTH => text.push_str("[Array]"),
        JsonValue::Object(_) if depth > SHOWN_DEPTH => text.push_str("[Object]"),
        JsonValue::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().take(SHOWN_ITEMS).enumerate() {
                text.push_str(if place == 0 { "" } else { ", " });
                show(item, depth + 1, text);
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
            for (place, (name, value)) in fields.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { ", " });
                text.push_str(name.as_str());
                text.push_str(": ");
                show(value, depth + 1, text);
            }
            text.push_str(" }");
        }
        value => text.push_str(&value.to_string()),
    }
}
