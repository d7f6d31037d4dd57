//! What types that were made from the old schema read of what a server with the new one sends.
//!
//! They are those of the derive: an object is a struct of what is selected of it; an interface or a union
//! an enum of the objects that it may be, by what `__typename` says; an enum a text, of which some are
//! known. A fragment on a type is a struct within that of the type, so that all of it has to be there.

use apollo_compiler::Name;
use apollo_compiler::ast::{Field, Selection, Type};
use apollo_compiler::schema::ExtendedType;

use super::change::Level;
use super::comparison::Comparison;
use super::renames::same_kind;
use super::scopes::Span;
use crate::graphql::types;

/// Selections on a type, which has these names in the old and in the new schema.
pub(super) struct Selected<'a> {
    pub(super) selections: &'a [Selection],
    pub(super) old: &'a str,
    pub(super) new: &'a str,
    /// What changed if it is not the same type any more: the field, or the type.
    pub(super) coordinate: String,
}

impl<'a> Comparison<'a> {
    /// What became of the type of a field that is selected, and whether it has fields of its own as before.
    pub(super) fn read(
        &mut self,
        field: &'a Field,
        coordinate: &str,
        old: &'a Type,
        new: &'a Type,
    ) -> bool {
        let schemas = self.schemas;
        let place = field.name.location();
        let start = field.alias.as_ref().map_or(place, |alias| alias.location());
        if old != new {
            self.type_of_field(field, coordinate, old, new, start);
        }
        let (was, is) = (old.inner_named_type(), new.inner_named_type());
        let (Some(known), Some(now)) = (schemas.old.types.get(was), schemas.new.types.get(is))
        else {
            return false;
        };
        let is_composite = [
            types::is_composite(schemas.old, was),
            types::is_composite(schemas.new, is),
        ];
        if was == is && !same_kind(Some(known), Some(now)) {
            if is_composite != [true, true] {
                self.add_breaking(was, "it is another kind of type", start, &[start]);
                return false;
            }
            let message = self.with_need(kind_now(now), start);
            self.add(Level::Dangerous, was, &message, start);
        }
        let is_same = schemas.is_same(was, is);
        match (known, now) {
            (ExtendedType::Enum(old), ExtendedType::Enum(new)) if is_same => {
                self.enum_values(old, new, start, [Level::Safe, Level::Dangerous]);
            }
            (ExtendedType::Interface(_) | ExtendedType::Union(_), _)
                if is_composite == [true, true] =>
            {
                let coordinate = if is_same { was } else { coordinate };
                let has_typename = self.had_typename(start);
                self.new_objects(coordinate, was, is, start, has_typename);
                if is_same {
                    self.lost_objects(was, is, start);
                }
            }
            _ => {}
        }
        is_composite == [true, true]
    }

    fn type_of_field(
        &mut self,
        field: &'a Field,
        coordinate: &str,
        old: &Type,
        new: &Type,
        start: Span,
    ) {
        let (level, reason) = self.read_as(old, new, &field.selection_set);
        let message = format!("the type `{old}` became `{new}`: {reason}");
        let message = match old.inner_named_type() == new.inner_named_type() {
            // What is needed is said of the type itself.
            true => message,
            false => self.with_need(&message, start),
        };
        // A fragment on the old type that cannot apply any more.
        let spreads: Vec<Span> = field
            .selection_set
            .iter()
            .filter_map(|selection| match selection {
                Selection::FragmentSpread(spread) => Some(spread.location()),
                Selection::InlineFragment(fragment) => Some(fragment.location()),
                Selection::Field(_) => None,
            })
            .collect();
        if level == Level::Breaking || self.is_refused_at(&spreads) {
            let refused_at: Vec<_> = spreads.into_iter().chain([start]).collect();
            self.add_breaking(coordinate, &message, start, &refused_at);
        } else {
            self.add(level, coordinate, &message, start);
        }
    }

    /// Whether types made of the first read what has the second, and why not.
    fn read_as(
        &self,
        old: &Type,
        new: &Type,
        selections: &'a [Selection],
    ) -> (Level, &'static str) {
        let inner = match (types::item(old), types::item(new)) {
            (Some(old), Some(new)) => match self.read_as(old, new, selections) {
                (level, "it may be null") => (level, "an item may be null"),
                (level, "it is never null") => (level, "no item is null"),
                inner => inner,
            },
            (Some(_), None) => (Level::Breaking, "it is no list any more"),
            (None, Some(_)) => (Level::Breaking, "it is a list now"),
            (None, None) => {
                self.read_named_as(old.inner_named_type(), new.inner_named_type(), selections)
            }
        };
        let own = match (old.is_non_null(), new.is_non_null()) {
            (true, false) => (Level::Breaking, "it may be null"),
            (false, true) => (Level::Safe, "it is never null"),
            _ => (Level::Safe, ""),
        };
        // The worse of both; of the same level the one that says something.
        match (own, inner) {
            (own, (_, "")) => own,
            ((_, ""), inner) => inner,
            (own, inner) if own.0 <= inner.0 => own,
            (_, inner) => inner,
        }
    }

    fn read_named_as(
        &self,
        old: &Name,
        new: &Name,
        selections: &'a [Selection],
    ) -> (Level, &'static str) {
        // Whether it is of another kind is said of the type itself.
        if old == new {
            return (Level::Safe, "");
        }
        // The derive reads an ID as a text, and any number as a Float.
        if matches!(
            (old.as_str(), new.as_str()),
            ("ID", "String") | ("String", "ID") | ("Float", "Int")
        ) {
            return (Level::Safe, "it is read alike");
        }
        let schemas = self.schemas;
        let types = (schemas.old.types.get(old), schemas.new.types.get(new));
        let (Some(was), Some(is)) = types else {
            return (Level::Breaking, "it is another type");
        };
        let is_composite =
            types::is_composite(schemas.old, old) && types::is_composite(schemas.new, new);
        let is_same = schemas.is_same(old, new);
        match (was, is) {
            // Its values are compared as well.
            (ExtendedType::Enum(_), ExtendedType::Enum(_)) if is_same => {
                (Level::Safe, "it has another name")
            }
            _ if !is_composite => (Level::Breaking, "it is another type"),
            _ if !same_kind(Some(was), Some(is)) => (Level::Dangerous, kind_now(is)),
            _ if is_same => (Level::Safe, "it has another name"),
            _ if self.has_selected(selections) => {
                (Level::Dangerous, "another type, which has what is selected")
            }
            _ => (Level::Dangerous, "it is another type"),
        }
    }
}

/// What another kind of type with fields or members is now.
pub(super) fn kind_now(ty: &ExtendedType) -> &'static str {
    match ty {
        ExtendedType::Interface(_) => "it is an interface now",
        ExtendedType::Union(_) => "it is a union now",
        _ => "it is an object type now",
    }
}
