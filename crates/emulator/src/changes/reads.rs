//! What types that were made from the old schema read of what a server with the new one sends.
//!
//! They are those of the derive: an object is a struct of what is selected of it; an interface or a union
//! an enum of the objects that it may be, by what `__typename` says; an enum a text, of which some are
//! known. A fragment on a type is a struct within that of the type, so that all of it has to be there.

use std::collections::HashSet;

use apollo_compiler::ast::{Field, FragmentDefinition, Selection, Type};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{Name, Node};

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

    /// The objects that what was an interface or a union may be now. The types find them by their names, if
    /// they found `__typename` in what is selected.
    fn new_objects(
        &mut self,
        coordinate: &str,
        was: &'a str,
        is: &'a str,
        place: Span,
        has_typename: bool,
    ) {
        let schemas = self.schemas;
        let (known, now) = (
            schemas.old_members.may_be(was),
            schemas.new_members.may_be(is),
        );
        let unread = match has_typename {
            true => Level::Breaking,
            false => Level::Dangerous,
        };
        let is_abstract = !schemas.new.types.get(is).is_some_and(|it| it.is_object());
        let mut is_explained = false;
        for member in now.difference(&known) {
            let old_name = schemas.renames.old_name(member);
            match old_name.filter(|it| known.contains(it)) {
                Some(old) => {
                    let message = format!(
                        "`{old}` is named `{member}` now, which types made before do not know"
                    );
                    self.add(unread, coordinate, &message, place);
                    is_explained = true;
                }
                None if is_abstract => {
                    let message = format!("it may be `{member}`, too");
                    self.add(Level::Dangerous, coordinate, &message, place);
                }
                None => {}
            }
        }
        if !now.is_empty() && now.is_disjoint(&known) && !is_explained {
            let message = "none of the types that it may be is known to types made before";
            self.add(unread, coordinate, message, place);
        }
    }

    /// The objects that an interface or a union never is any more.
    fn lost_objects(&mut self, was: &'a str, is: &'a str, place: Span) {
        let schemas = self.schemas;
        let (known, now) = (
            schemas.old_members.may_be(was),
            schemas.new_members.may_be(is),
        );
        for member in known.difference(&now) {
            let new_name = schemas.renames.of(member);
            if !new_name.is_some_and(|it| now.contains(it)) {
                let message = format!("it is never `{member}`");
                self.add(Level::Safe, was, &message, place);
            }
        }
    }

    /// What is selected on another type than its parent's. It may have applied to all that the parent might
    /// be, and not apply to all of it now.
    pub(super) fn spread(
        &mut self,
        parent: &Selected<'a>,
        on: &'a Name,
        fragment: Option<&'a Node<FragmentDefinition>>,
        place: Span,
    ) {
        let schemas = self.schemas;
        let is_object = |name: &str| schemas.old.get_object(name).is_some();
        let only = fragment.filter(|_| parent.selections.len() == 1);
        let is_only = only.is_some();
        let Some(new) = schemas.renames.new_name(schemas.new, on) else {
            return;
        };
        if !schemas.old_members.is_always(parent.old, on) || self.is_refused_at(&[place]) {
            return;
        }
        // The type of the fragment is that of the object then, and finds the object by its name.
        if let Some(fragment) = only
            && is_object(parent.old)
            && !is_object(on)
        {
            let has_typename = self.had_typename(fragment.location());
            self.new_objects(&parent.coordinate, on, parent.new, place, has_typename);
        }
        if schemas.new_members.is_always(parent.new, new) {
            return;
        }
        let is_within = on == parent.old || is_only;
        let level = match fragment {
            Some(fragment) if is_within && self.is_needed(fragment) => Level::Breaking,
            _ if !is_object(parent.old) && !is_within => return,
            _ => Level::Dangerous,
        };
        let message = format!("what is selected on `{on}` may be missing");
        self.add(level, &parent.coordinate, &message, place);
    }

    /// Whether a fragment cannot be read where nothing of it is there.
    fn is_needed(&self, fragment: &'a Node<FragmentDefinition>) -> bool {
        let mut seen = HashSet::new();
        let mut ahead = vec![fragment];
        while let Some(fragment) = ahead.pop() {
            let on = &fragment.type_condition;
            if !seen.insert(fragment.name.as_str()) {
                continue;
            }
            // `__typename` says what it is.
            if self
                .schemas
                .old
                .types
                .get(on)
                .is_some_and(|it| !it.is_object())
            {
                return true;
            }
            for selection in &fragment.selection_set {
                match selection {
                    Selection::Field(field) => {
                        let known = types::field(self.schemas.old, on, &field.name);
                        if known.is_some_and(|it| it.ty.is_non_null() && !it.name.starts_with("__"))
                        {
                            return true;
                        }
                    }
                    Selection::FragmentSpread(spread) => {
                        let inner = self.scopes.fragment(&spread.fragment_name);
                        let is_only = fragment.selection_set.len() == 1;
                        ahead.extend(inner.filter(|it| is_only || it.type_condition == *on));
                    }
                    Selection::InlineFragment(_) => {}
                }
            }
        }
        false
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
