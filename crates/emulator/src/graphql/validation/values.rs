//! Values that are written in a document, and the variables in them: that each is defined, and used
//! where its type fits.

use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{
    DirectiveLocation, FragmentDefinition, OperationDefinition, Type, Value, VariableDefinition,
};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::{Name, Node};

use super::check::{ABORTED, Check, Usage, by_name, node_address};
use super::executable_definitions::Spreads;
use crate::graphql::literals::print_literal;
use crate::graphql::types;
use crate::graphql::types::is_one_of;

impl<'a> Check<'a> {
    /// A value where one of this type is expected; of any type if that is not known.
    pub(super) fn value(&mut self, value: &'a Node<Value>, ty: Option<&Type>, has_default: bool) {
        match (&**value, ty) {
            (Value::Variable(name), _) => self.usages.push(Usage {
                name,
                value,
                ty: ty.cloned(),
                has_default,
                one_of: None,
            }),
            (Value::List(items), Some(ty)) => {
                let item = types::item(ty);
                if item.is_none() {
                    self.single(value, &types::nullable(ty));
                }
                // The reference looks into a list that should not be one.
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
        let shown = || print_literal(value, self.text);
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

/// Why a value is not of a built-in scalar; `None` if it is, and for a user's own scalars.
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

/// The variables that each operation and each fragment uses itself.
#[derive(Default)]
pub(super) struct Usages<'a> {
    pub(super) operations: HashMap<*const OperationDefinition, Vec<Usage<'a>>>,
    pub(super) fragments: HashMap<*const FragmentDefinition, Vec<Usage<'a>>>,
}

impl<'a> Check<'a> {
    pub(super) fn variable_definitions(&mut self, operation: &'a Node<OperationDefinition>) {
        for same in by_name(&operation.variables, |variable| &variable.name) {
            if let [variable, _, ..] = &*same {
                let message = format!(
                    "There can be only one variable named \"${}\".",
                    variable.name
                );
                self.report(message, same.iter().map(|it| it.name.location()));
            }
        }
        for variable in &operation.variables {
            let (name, ty) = (&variable.name, &variable.ty);
            let named = ty.inner_named_type();
            self.known_type(named);
            let is_input = types::is_input(self.schema, named);
            if !is_input && self.schema.types.contains_key(named) {
                let message = format!("Variable \"${name}\" cannot be non-input type \"{ty}\".");
                self.report(message, [named.location()]);
            }
            if let Some(value) = &variable.default_value {
                self.value(value, is_input.then_some(&**ty), false);
            }
            self.directives(
                &variable.directives,
                DirectiveLocation::VariableDefinition,
                None,
            );
        }
    }

    pub(super) fn known_type(&mut self, name: &Name) {
        if !self.schema.types.contains_key(name) && !self.defined_types.contains(name) {
            self.report(format!("Unknown type \"{name}\"."), [name.location()]);
        }
    }

    /// What each operation uses, itself and in fragments, it has defined, and the reverse.
    pub(super) fn variables(&mut self, usages: &Usages<'a>, spreads: &Spreads<'a>) {
        let mut grouped = HashMap::new();
        for (fragment, usages) in &usages.fragments {
            grouped.insert(*fragment, alike(usages));
        }
        for operation in self.operations.clone() {
            if self.is_full() {
                return;
            }
            if self.is_exhausted() {
                return self.report(ABORTED, []);
            }
            let fragments = spreads.reachable(self, [&*operation.selection_set].into_iter());
            let own = usages.operations.get(&node_address(operation));
            let own = own.map(|usages| alike(usages)).unwrap_or_default();
            let others = fragments
                .iter()
                .filter_map(|fragment| grouped.get(&node_address(fragment)));
            let used: Vec<_> = others.flatten().chain(&own).collect();
            self.variables_of(operation, &used);
        }
    }

    fn variables_of(
        &mut self,
        operation: &'a Node<OperationDefinition>,
        used: &[&(&Usage<'a>, Vec<&'a Node<Value>>)],
    ) {
        let mut defined: HashMap<&str, &Node<VariableDefinition>> = HashMap::new();
        for variable in &operation.variables {
            defined.insert(&variable.name, variable);
        }
        let named = |start: &str| match &operation.name {
            Some(name) => format!(" {start} operation \"{name}\""),
            None => String::new(),
        };
        for (usage, values) in used {
            self.count(1);
            let name = usage.name;
            let Some(variable) = defined.get(name.as_str()) else {
                for value in values {
                    let message = format!("Variable \"${name}\" is not defined{}.", named("by"));
                    self.report(message, [value.location(), operation.location()]);
                }
                continue;
            };
            let is_known = self
                .schema
                .types
                .contains_key(variable.ty.inner_named_type());
            let Some(expected) = usage.ty.as_ref().filter(|_| is_known) else {
                continue;
            };
            let mut said = Vec::new();
            let ty = &variable.ty;
            if !self.is_allowed(variable, expected, usage.has_default) {
                said.push(format!(
                    "Variable \"${name}\" of type \"{ty}\" used in position expecting type \"{expected}\"."
                ));
            }
            if let Some(object) = usage.one_of.as_ref().filter(|_| !ty.is_non_null()) {
                said.push(format!(
                    "Variable \"${name}\" is of type \"{ty}\" but must be non-nullable to be used for OneOf Input Object \"{object}\"."
                ));
            }
            for message in said {
                for value in values {
                    self.report(&*message, [variable.location(), value.location()]);
                }
            }
        }
        let used: HashSet<_> = used.iter().map(|(usage, _)| usage.name).collect();
        for variable in &operation.variables {
            let name = &variable.name;
            if !used.contains(name) {
                let message = format!("Variable \"${name}\" is never used{}.", named("in"));
                self.report(message, [variable.location()]);
            }
        }
    }

    /// Whether a variable may stand where a value of this type is expected.
    fn is_allowed(&self, variable: &VariableDefinition, ty: &Type, has_default: bool) -> bool {
        if !ty.is_non_null() || variable.ty.is_non_null() {
            return types::is_subtype(self.schema, &variable.ty, ty);
        }
        let own_default = variable.default_value.as_ref();
        let has_own_default = own_default.is_some_and(|value| !value.is_null());
        (has_own_default || has_default)
            && types::is_subtype(self.schema, &variable.ty, &types::nullable(ty))
    }
}

/// Usages that are right or wrong for the same reason, with the places of each: a fragment may use
/// a variable thousands of times, and be spread by thousands of operations.
fn alike<'u, 'a>(usages: &'u [Usage<'a>]) -> Vec<(&'u Usage<'a>, Vec<&'a Node<Value>>)> {
    let mut places = HashMap::new();
    let mut groups: Vec<(&Usage, Vec<_>)> = Vec::new();
    for usage in usages {
        let place = *places.entry(usage).or_insert_with(|| {
            groups.push((usage, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(usage.value);
    }
    groups
}
