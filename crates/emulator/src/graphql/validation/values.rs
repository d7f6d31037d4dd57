//! Values that are written in a document.

use apollo_compiler::ast::{Type, Value};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::{Name, Node};

use super::context::{Check, Usage, by_name};
use crate::graphql::literals::printed;
use crate::graphql::types;
use crate::graphql::types::is_one_of;

impl<'a> Check<'a> {
    /// A value where one of this type is expected; of any type where that is not known.
    pub(super) fn value(&mut self, value: &'a Node<Value>, ty: Option<&Type>, has_default: bool) {
        match (&**value, ty) {
            (Value::Variable(name), _) => self.usages.push(Usage {
                name,
                ty: ty.cloned(),
                has_default,
                one_of: None,
            }),
            (Value::List(items), Some(ty)) => {
                let item = types::item(ty);
                if item.is_none() {
                    self.single(value, &types::nullable(ty));
                }
                // The reference goes on into a list that should not be one.
                let item = item.cloned().unwrap_or_else(|| types::nullable(ty));
                for value in items {
                    self.inner_value(value, &item, types::item(ty).is_some());
                }
            }
            (Value::List(items), None) => {
                for value in items {
                    self.value(value, None, false);
                }
            }
            (Value::Object(fields), _) => {
                self.unique_fields(fields);
                let definition = ty.and_then(|ty| types::input_object(self.schema, ty));
                match (definition, ty) {
                    (Some(definition), Some(ty)) => {
                        return self.object(value, fields, definition, !ty.is_non_null());
                    }
                    (None, Some(ty)) => self.single(value, ty),
                    (_, None) => {}
                }
                for (_, value) in fields {
                    self.value(value, None, false);
                }
            }
            (Value::Null, Some(ty)) => {
                if ty.is_non_null() {
                    let message = format!("Expected value of type \"{ty}\", found null.");
                    self.report(message, [value.location()]);
                }
            }
            (_, Some(ty)) => self.single(value, ty),
            (_, None) => {}
        }
    }

    /// A value in a list. In one that should not be a list only variables and what objects
    /// repeat count: the list as a whole has been refused.
    fn inner_value(&mut self, value: &'a Node<Value>, item: &Type, in_list: bool) {
        let known = self.errors.len();
        if in_list {
            return self.value(value, Some(item), false);
        }
        match &**value {
            Value::Variable(_) => self.value(value, Some(item), false),
            Value::List(items) => {
                let inner = types::item(item).cloned();
                let inner = inner.unwrap_or_else(|| types::nullable(item));
                for value in items {
                    self.inner_value(value, &inner, false);
                }
            }
            Value::Object(fields) => {
                self.unique_fields(fields);
                let definition = types::input_object(self.schema, item);
                for (name, value) in fields {
                    let field = definition.and_then(|it| it.fields.get(name));
                    match field {
                        Some(field) => self.inner_value(value, &field.ty, false),
                        None => self.value(value, None, false),
                    }
                }
            }
            _ => debug_assert_eq!(known, self.errors.len()),
        }
    }

    fn object(
        &mut self,
        value: &'a Node<Value>,
        fields: &'a [(Name, Node<Value>)],
        definition: &InputObjectType,
        is_nullable: bool,
    ) {
        let name = &definition.name;
        for (field, definition) in &definition.fields {
            if definition.is_required() && !fields.iter().any(|(given, _)| given == field) {
                let message = format!(
                    "Field \"{name}.{field}\" of required type \"{}\" was not provided.",
                    definition.ty
                );
                self.report(message, [value.location()]);
            }
        }
        let is_one_of = is_one_of(definition);
        if is_one_of {
            self.one_of(value, fields, name);
        }
        for (field, value) in fields {
            let definition = definition.fields.get(field);
            if definition.is_none() {
                let message = format!("Field \"{field}\" is not defined by type \"{name}\".");
                self.report(message, [field.location()]);
            }
            let has_default = definition.is_some_and(|it| it.default_value.is_some());
            self.value(value, definition.map(|it| &*it.ty), has_default);
            // The reference looks at the type of the object as it is written: `In`, but not `In!`.
            if let (Value::Variable(_), true, true) = (&**value, is_one_of, is_nullable)
                && let Some(usage) = self.usages.last_mut()
            {
                usage.one_of = Some(name.clone());
            }
        }
    }

    /// An object of a type that has exactly one of its fields.
    fn one_of(&mut self, value: &Node<Value>, fields: &[(Name, Node<Value>)], name: &Name) {
        let message = match &*by_name(fields, |(name, _)| name) {
            [same] => match same.last() {
                Some((field, value)) if value.is_null() => {
                    format!("Field \"{name}.{field}\" must be non-null.")
                }
                _ => return,
            },
            _ => format!("OneOf Input Object \"{name}\" must specify exactly one key."),
        };
        self.report(message, [value.location()]);
    }

    fn unique_fields(&mut self, fields: &[(Name, Node<Value>)]) {
        for same in by_name(fields, |(name, _)| name) {
            for (name, _) in &same[1..] {
                let message = format!("There can be only one input field named \"{name}\".");
                self.report(message, [same[0].0.location(), name.location()]);
            }
        }
    }

    /// A value that stands for itself: neither a list of the type, nor an object with its fields.
    fn single(&mut self, value: &Node<Value>, ty: &Type) {
        let name = ty.inner_named_type();
        let shown = || printed(value, self.text);
        let message = match self.schema.types.get(name) {
            Some(ExtendedType::Enum(definition)) => match &**value {
                Value::Enum(word) if definition.values.contains_key(word) => return,
                Value::Enum(word) => {
                    format!("Value \"{word}\" does not exist in \"{name}\" enum.")
                }
                _ => format!(
                    "Enum \"{name}\" cannot represent non-enum value: {}.",
                    shown()
                ),
            },
            Some(ExtendedType::Scalar(_)) => match wrong_scalar(name, value) {
                Some(wrong) => format!("{wrong}: {}", shown()),
                None => return,
            },
            _ => format!("Expected value of type \"{ty}\", found {}.", shown()),
        };
        self.report(message, [value.location()]);
    }
}

/// Why a value is not of a built-in scalar; `None` where it is, and for a user's own scalars.
fn wrong_scalar(scalar: &str, value: &Value) -> Option<&'static str> {
    match (scalar, value) {
        ("String", Value::String(_))
        | ("Boolean", Value::Boolean(_))
        | ("Float", Value::Float(_) | Value::Int(_))
        | ("ID", Value::String(_) | Value::Int(_)) => None,
        ("Int", Value::Int(number)) if number.as_str().parse::<i32>().is_ok() => None,
        ("Int", Value::Int(_)) => Some("Int cannot represent non 32-bit signed integer value"),
        ("Int", _) => Some("Int cannot represent non-integer value"),
        ("String", _) => Some("String cannot represent a non string value"),
        ("Boolean", _) => Some("Boolean cannot represent a non boolean value"),
        ("Float", _) => Some("Float cannot represent non numeric value"),
        ("ID", _) => Some("ID cannot represent a non-string and non-integer value"),
        _ => None,
    }
}
