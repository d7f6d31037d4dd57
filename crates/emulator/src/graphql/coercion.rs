//! The values given for a document's variables: what each is as a value of its type, or why it is
//! none, in the reference implementation's words.
//!
//! The executor's own coercion refuses what the reference takes: `1.0` for an `Int` in particular,
//! since JSON has but one kind of number.

use std::collections::HashMap;

use apollo_compiler::ast::{Type, VariableDefinition};
use apollo_compiler::parser::SourceMap;
use apollo_compiler::response::{GraphQLError, JsonMap, JsonValue};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Node, Schema};
use serde_json::value::RawValue;

use super::literals::{self, inspect, print_number};
use super::types::is_one_of;

/// The most errors that are said of one request's variables.
const MOST_ERRORS: usize = 50;
const TOO_MANY: &str =
    "Too many errors processing variables, error limit reached. Execution aborted.";

/// The most bytes of such errors: each shows a value, which is as long as it was sent.
const MOST_ERROR_BYTES: usize = 4 << 20;

/// The most lists and objects in the variables that an operation defines: as values they take several
/// hundred bytes each.
const MOST_NESTED: usize = 50_000;

/// The values of the variables that an operation defines, or everything that is wrong with them.
/// Those without a value and without a default are not among them. What is given is the JSON of an
/// object, or null.
pub(crate) fn coerce(
    schema: &Schema,
    sources: &SourceMap,
    defined: &[Node<VariableDefinition>],
    given: &str,
) -> Result<Valid<JsonMap>, Vec<GraphQLError>> {
    let given =
        values(given, defined).map_err(|wrong| vec![GraphQLError::new(wrong, None, sources)])?;
    let mut coerced = JsonMap::new();
    let mut errors = Vec::new();
    let mut left = MOST_ERROR_BYTES;
    for variable in defined {
        if errors.len() > MOST_ERRORS || left == 0 {
            break;
        }
        let location = variable.location();
        match coerce_variable(schema, variable, &given, &mut left) {
            Ok(None) => {}
            Ok(Some(value)) => {
                coerced.insert(variable.name.as_str(), value);
            }
            Err(messages) => errors.extend(
                messages
                    .into_iter()
                    .map(|message| GraphQLError::new(message, location, sources)),
            ),
        }
    }
    if errors.len() > MOST_ERRORS || left == 0 {
        errors.truncate(MOST_ERRORS);
        errors.push(GraphQLError::new(TOO_MANY, None, sources));
    }
    if errors.is_empty() {
        Ok(Valid::assume_valid(coerced))
    } else {
        Err(errors)
    }
}

/// What is given for the variables that are defined. Nobody reads the rest.
fn values(given: &str, defined: &[Node<VariableDefinition>]) -> Result<JsonMap, String> {
    let given: HashMap<String, &RawValue> = serde_json::from_str(given).unwrap_or_default();
    let mut values = JsonMap::new();
    let mut nested = 0;
    for variable in defined {
        let name = variable.name.as_str();
        let Some(json) = given.get(name) else {
            continue;
        };
        nested += opened(json.get());
        if nested > MOST_NESTED {
            return Err(format!(
                "The variables up to \"${name}\" have {nested} lists and objects: the emulator reads \
                 at most {MOST_NESTED}. Nothing was executed."
            ));
        }
        // It has been read before, and is the JSON of a value.
        let value: JsonValue = serde_json::from_str(json.get()).unwrap_or_default();
        values.insert(name, value);
    }
    Ok(values)
}

/// How many lists and objects a JSON text has.
fn opened(json: &str) -> usize {
    let mut count = 0;
    let mut bytes = json.bytes();
    let mut is_quoted = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            // What it escapes can be a quote.
            b'\\' => {
                bytes.next();
            }
            b'[' | b'{' if !is_quoted => count += 1,
            _ => {}
        }
    }
    count
}

fn coerce_variable(
    schema: &Schema,
    variable: &VariableDefinition,
    given: &JsonMap,
    left: &mut usize,
) -> Result<Option<JsonValue>, Vec<String>> {
    let (name, ty) = (&variable.name, &*variable.ty);
    match (given.get(name.as_str()), &variable.default_value) {
        (None, Some(default)) => Ok(Some(literals::coerced(schema, default, ty))),
        (None, None) if ty.is_non_null() => Err(vec![format!(
            "Variable \"${name}\" of required type \"{ty}\" was not provided."
        )]),
        (None, None) => Ok(None),
        (Some(JsonValue::Null), _) if ty.is_non_null() => Err(vec![format!(
            "Variable \"${name}\" of non-null type \"{ty}\" must not be null."
        )]),
        (Some(value), _) => {
            let mut check = ValueCheck {
                schema,
                variable: name,
                path: Vec::new(),
                found: Vec::new(),
                left,
            };
            let value = check.value(value, ty);
            if check.found.is_empty() {
                Ok(Some(value))
            } else {
                Err(check.found)
            }
        }
    }
}

/// The check of one variable's value.
struct ValueCheck<'a> {
    schema: &'a Schema,
    variable: &'a str,
    /// Where in the value the check is: `.field` and `[0]`.
    path: Vec<String>,
    found: Vec<String>,
    /// How long further errors may be.
    left: &'a mut usize,
}

impl ValueCheck<'_> {
    /// The value as one of its type; null if it is none.
    fn value(&mut self, value: &JsonValue, ty: &Type) -> JsonValue {
        match (ty, value) {
            (Type::NonNullNamed(_) | Type::NonNullList(_), JsonValue::Null) => {
                let wrong = format!("Expected non-nullable type \"{ty}\" not to be null.");
                self.wrong(value, &wrong)
            }
            (_, JsonValue::Null) => JsonValue::Null,
            (Type::List(item) | Type::NonNullList(item), JsonValue::Array(values)) => {
                let values = values.iter().enumerate();
                values
                    .map(|(place, value)| self.at(format!("[{place}]"), value, item))
                    .collect()
            }
            // One value stands for a list of it.
            (Type::List(item) | Type::NonNullList(item), value) => {
                JsonValue::Array(vec![self.value(value, item)])
            }
            (Type::Named(name) | Type::NonNullNamed(name), value) => {
                match self.schema.types.get(name) {
                    Some(ExtendedType::InputObject(definition)) => self.object(value, definition),
                    Some(ExtendedType::Enum(definition)) => match value.as_str() {
                        Some(text) if definition.values.contains_key(text) => value.clone(),
                        Some(text) => {
                            let wrong =
                                format!("Value \"{text}\" does not exist in \"{name}\" enum.");
                            self.wrong(value, &wrong)
                        }
                        None => {
                            let shown = inspect(value);
                            let wrong = format!(
                                "Enum \"{name}\" cannot represent non-string value: {shown}."
                            );
                            self.wrong(value, &wrong)
                        }
                    },
                    _ => match scalar(name, value) {
                        Ok(value) => value,
                        Err(wrong) => self.wrong(value, &format!("{wrong}: {}", inspect(value))),
                    },
                }
            }
        }
    }

    fn object(&mut self, value: &JsonValue, definition: &InputObjectType) -> JsonValue {
        let name = &definition.name;
        let Some(given) = value.as_object() else {
            let wrong = format!("Expected type \"{name}\" to be an object.");
            return self.wrong(value, &wrong);
        };
        let mut coerced = JsonMap::new();
        for (field, definition) in &definition.fields {
            let ty = &definition.ty;
            match (given.get(field.as_str()), &definition.default_value) {
                (Some(value), _) => {
                    let value = self.at(format!(".{field}"), value, ty);
                    coerced.insert(field.as_str(), value);
                }
                (None, Some(default)) => {
                    let default = literals::coerced(self.schema, default, ty);
                    coerced.insert(field.as_str(), default);
                }
                (None, None) if ty.is_non_null() => {
                    let wrong =
                        format!("Field \"{field}\" of required type \"{ty}\" was not provided.");
                    self.wrong(value, &wrong);
                }
                (None, None) => {}
            }
        }
        for field in given.keys() {
            if !definition.fields.contains_key(field.as_str()) {
                let field = field.as_str();
                let wrong = format!("Field \"{field}\" is not defined by type \"{name}\".");
                self.wrong(value, &wrong);
            }
        }
        if is_one_of(definition) {
            self.one_of(value, given, definition, &coerced);
        }
        JsonValue::Object(coerced)
    }

    /// An object of a type that has exactly one of its fields.
    fn one_of(
        &mut self,
        value: &JsonValue,
        given: &JsonMap,
        definition: &InputObjectType,
        coerced: &JsonMap,
    ) {
        if coerced.len() != 1 {
            let name = &definition.name;
            let wrong = format!("Exactly one key must be specified for OneOf type \"{name}\".");
            self.wrong(value, &wrong);
        }
        let first = coerced.keys().next().map(|key| key.as_str());
        if let Some(field) = first.filter(|field| given.get(*field).is_some_and(JsonValue::is_null))
        {
            self.path.push(format!(".{field}"));
            self.wrong(
                &JsonValue::Null,
                &format!("Field \"{field}\" must be non-null."),
            );
            self.path.pop();
        }
    }

    fn at(&mut self, step: String, value: &JsonValue, ty: &Type) -> JsonValue {
        self.path.push(step);
        let value = self.value(value, ty);
        self.path.pop();
        value
    }

    fn wrong(&mut self, value: &JsonValue, wrong: &str) -> JsonValue {
        if self.found.len() > MOST_ERRORS || *self.left == 0 {
            return JsonValue::Null;
        }
        let (name, shown) = (self.variable, inspect(value));
        let place = if self.path.is_empty() {
            String::new()
        } else {
            format!(" at \"{name}{}\"", self.path.concat())
        };
        let message = format!("Variable \"${name}\" got invalid value {shown}{place}; {wrong}");
        *self.left = self.left.saturating_sub(message.len());
        self.found.push(message);
        JsonValue::Null
    }
}

/// A value as one of a built-in scalar, or why it is none. A user's own scalars take any.
fn scalar(scalar: &str, value: &JsonValue) -> Result<JsonValue, &'static str> {
    let number = value.as_f64();
    let integer = number.filter(|number| number.fract() == 0.0);
    match scalar {
        "String" if !value.is_string() => Err("String cannot represent a non string value"),
        "Boolean" if !value.is_boolean() => Err("Boolean cannot represent a non boolean value"),
        "Float" => match number {
            Some(number) => Ok(number.into()),
            None => Err("Float cannot represent non numeric value"),
        },
        "ID" => match (value.is_string(), integer) {
            (true, _) => Ok(value.clone()),
            (false, Some(number)) => Ok(print_number(number).into()),
            (false, None) => Err("ID cannot represent value"),
        },
        "Int" => match integer {
            Some(number) if number >= f64::from(i32::MIN) && number <= f64::from(i32::MAX) => {
                // Whole and in range: nothing is cut.
                Ok((number as i32).into())
            }
            Some(_) => Err("Int cannot represent non 32-bit signed integer value"),
            None => Err("Int cannot represent non-integer value"),
        },
        _ => Ok(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_made_of_errors_than_is_said() {
        let sdl = "type Query { a(b: In): Int } input In { c: Int }";
        let schema = Schema::parse_and_validate(sdl, "schema.graphql").unwrap();
        let value: JsonValue = (0..5_000).map(|it| (format!("x{it}"), it)).collect();
        let mut left = usize::MAX;
        let mut check = ValueCheck {
            schema: &schema,
            variable: "v",
            path: Vec::new(),
            found: Vec::new(),
            left: &mut left,
        };
        check.value(&value, &Type::Named(apollo_compiler::name!("In")));
        assert_eq!(check.found.len(), MOST_ERRORS + 1);
    }
}
