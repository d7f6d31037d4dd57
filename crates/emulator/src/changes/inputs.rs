//! Variables in both schemas. Their types were made from the old one. A server checks them only when it is
//! called, so that validation does not find what it refuses of them.

use std::collections::HashSet;

use apollo_compiler::ast::{Type, VariableDefinition};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::{Name, Node};

use super::change::Level;
use super::comparison::Comparison;
use super::parts::gone;
use super::renames::{same_default, same_kind};
use super::scopes::Span;
use crate::graphql::types;
use crate::graphql::types::is_one_of;

impl<'a> Comparison<'a> {
    /// A variable: its type, and all that it may hold.
    pub(super) fn variable(&mut self, variable: &'a Node<VariableDefinition>) {
        let name = variable.ty.inner_named_type();
        self.directives(&variable.directives);
        if !self.schemas.new.types.contains_key(name) {
            self.type_is_gone(name);
            return;
        }
        self.held(name, variable.location());
        if let Some(default) = &variable.default_value {
            self.literal(default, &variable.ty, &variable.ty);
        }
    }

    /// What a variable of this type, which the document names, may hold.
    fn held(&mut self, ty: &Name, place: Span) {
        let named = ty.location();
        let mut seen = HashSet::new();
        let mut ahead = vec![(ty.clone(), ty.clone())];
        while let Some((old, new)) = ahead.pop() {
            if !seen.insert((old.clone(), new.clone())) {
                continue;
            }
            match (
                self.schemas.old.types.get(&old),
                self.schemas.new.types.get(&new),
            ) {
                (Some(ExtendedType::Enum(old)), Some(ExtendedType::Enum(new))) => {
                    self.enum_values(old, new, place, [Level::Breaking, Level::Safe]);
                }
                (Some(ExtendedType::InputObject(old)), Some(ExtendedType::InputObject(new))) => {
                    ahead.extend(self.sent_fields(old, new, place));
                }
                // Of another name that has been said.
                (was, is) if old == new && !same_kind(was, is) => {
                    let message = "it is another kind of type";
                    match is {
                        // It says of no value that it takes it.
                        Some(ExtendedType::Scalar(_)) => {
                            self.add(Level::Dangerous, &old, message, place);
                        }
                        _ => self.add_breaking(&old, message, place, &[named]),
                    }
                }
                _ => {}
            }
        }
    }

    /// The fields of an input object, and the types of those that have fields or values themselves.
    fn sent_fields(
        &mut self,
        old: &InputObjectType,
        new: &InputObjectType,
        place: Span,
    ) -> Vec<(Name, Name)> {
        let mut inner = Vec::new();
        match (is_one_of(old), is_one_of(new)) {
            (false, true) => {
                self.add_breaking(&old.name, "it takes exactly one field now", place, &[]);
            }
            (true, false) => {
                let message = "it takes any number of fields now";
                self.add(Level::Safe, &old.name, message, place);
            }
            _ => {}
        }
        let instead = self.schemas.instead(&old.name, &new.name);
        for (name, field) in &old.fields {
            let coordinate = format!("{}.{name}", old.name);
            let Some(now) = new.fields.get(name) else {
                self.add_breaking(&coordinate, &gone("field", name, instead), place, &[]);
                continue;
            };
            self.deprecation(&coordinate, &field.directives, &now.directives, place);
            if field.ty != now.ty {
                let (level, reason) = self.sent_as(&field.ty, &now.ty);
                let (was, is) = (&field.ty, &now.ty);
                let message = format!("the type `{was}` became `{is}`: {reason}");
                self.add(level, &coordinate, &message, place);
            }
            if !same_default(field, now) {
                // The derive's types always have what is never null, whatever its default is.
                let is_left_out = !field.ty.is_non_null();
                self.default_value(&coordinate, field, now, is_left_out, place);
            }
            let named = |ty: &Type| ty.inner_named_type().clone();
            inner.push((named(&field.ty), named(&now.ty)));
        }
        for (name, field) in &new.fields {
            if old.fields.contains_key(name) {
                continue;
            }
            let coordinate = format!("{}.{name}", old.name);
            self.added("field", &coordinate, field, instead, place, &[]);
        }
        inner
    }

    /// Whether a server takes as the second what was made as the first.
    fn sent_as(&self, old: &Type, new: &Type) -> (Level, &'static str) {
        if !old.is_non_null() && new.is_non_null() {
            return (Level::Breaking, "null is refused");
        }
        match (types::item(old), types::item(new)) {
            (Some(old), Some(new)) => match self.sent_as(old, new) {
                (level, "null is refused") => (level, "a null in the list is refused"),
                inner => inner,
            },
            (Some(_), None) => (Level::Breaking, "a list is refused"),
            // One value stands for a list of it.
            (None, Some(item)) => {
                match self.sent_as(&old.clone().nullable(), &item.clone().nullable()) {
                    (Level::Safe, _) => (Level::Safe, "one value stands for a list"),
                    inner => inner,
                }
            }
            (None, None) => {
                let named = self.sent_named_as(old.inner_named_type(), new.inner_named_type());
                match named {
                    (Level::Safe, "") => (Level::Safe, "null is taken, too"),
                    named => named,
                }
            }
        }
    }

    fn sent_named_as(&self, old: &Name, new: &Name) -> (Level, &'static str) {
        if old == new {
            return (Level::Safe, "");
        }
        let (was, is) = (
            self.schemas.old.types.get(old),
            self.schemas.new.types.get(new),
        );
        match (old.as_str(), new.as_str()) {
            ("Int", "Float" | "ID") | ("String", "ID") | ("ID", "String") => {
                return (Level::Safe, "it takes the same values");
            }
            _ => {}
        }
        let is_same = self.schemas.is_same(old, new);
        match (was, is) {
            // What they hold is compared as well.
            (Some(ExtendedType::Enum(_)), Some(ExtendedType::Enum(_)))
            | (Some(ExtendedType::InputObject(_)), Some(ExtendedType::InputObject(_))) => {
                match is_same {
                    true => (Level::Safe, "it has another name"),
                    false => (Level::Safe, "another one, which is compared in its place"),
                }
            }
            (_, Some(ExtendedType::Scalar(scalar))) if !scalar.is_built_in() => {
                (Level::Dangerous, "it may take other values")
            }
            _ => (Level::Breaking, "it takes other values"),
        }
    }
}
