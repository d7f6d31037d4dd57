//! What a document selects, in both schemas: fields, their types and arguments, and what fragments
//! are on.

use std::collections::BTreeSet;

use apollo_compiler::ast::{
    Argument, Definition, DirectiveList, Document, Field, FieldDefinition, InputValueDefinition,
    OperationDefinition, Selection, Type,
};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{Name, Node, Schema};

use super::change::Level;
use super::comparison::{Comparison, Span, deprecation};
use super::renames::{same_default, same_kind};
use crate::graphql::types;

/// Selections on a type, which has this name in the old and in the new schema.
type Ahead<'a> = (&'a [Selection], String, String);

impl<'a> Comparison<'a> {
    /// Everything that the document defines.
    pub(super) fn definitions(&mut self, document: &'a Document) {
        for definition in &document.definitions {
            match definition {
                Definition::OperationDefinition(operation) => self.operation(operation),
                Definition::FragmentDefinition(fragment) => {
                    self.directives(&fragment.directives);
                    let on = &fragment.type_condition;
                    if let Some(new) = self.condition(on) {
                        self.selections((&fragment.selection_set, on.to_string(), new));
                    }
                }
                // A valid document has no others.
                _ => {}
            }
        }
    }

    fn operation(&mut self, operation: &'a Node<OperationDefinition>) {
        self.directives(&operation.directives);
        for variable in &operation.variables {
            self.variable(variable);
        }
        let kind = operation.operation_type;
        let Some(old) = types::root(self.old, kind) else {
            return;
        };
        let Some(new) = types::root(self.new, kind) else {
            let message = format!("the schema has no {kind}s any more");
            return self.add_breaking(old, &message, operation.location(), &[]);
        };
        if old != new {
            let message = format!("the type is named `{new}` now");
            self.add(Level::Safe, old, &message, operation.location());
        }
        self.selections((&operation.selection_set, old.to_string(), new.to_string()));
    }

    /// The new name of the type that a fragment is on, which the document names.
    fn condition(&mut self, on: &Name) -> Option<String> {
        if self.new.types.contains_key(on) {
            return Some(on.to_string());
        }
        let new = self.renames.of(on).map(str::to_owned);
        let message = match &new {
            Some(new) => format!("the type is named `{new}` now"),
            None => "the type is removed".to_owned(),
        };
        let place = on.location();
        self.add_breaking(on, &message, place, &[place]);
        new
    }

    fn selections(&mut self, start: Ahead<'a>) {
        let mut ahead = vec![start];
        while let Some((selections, old, new)) = ahead.pop() {
            for selection in selections {
                match selection {
                    Selection::Field(field) => {
                        self.directives(&field.directives);
                        if let Some((old, new)) = self.field(field, &old, &new) {
                            ahead.push((&field.selection_set, old, new));
                        }
                    }
                    Selection::InlineFragment(fragment) => {
                        self.directives(&fragment.directives);
                        let names = match &fragment.type_condition {
                            Some(on) => self.condition(on).map(|new| (on.to_string(), new)),
                            None => Some((old.clone(), new.clone())),
                        };
                        if let Some((old, new)) = names {
                            ahead.push((&fragment.selection_set, old, new));
                        }
                    }
                    // Fragments are looked at by themselves.
                    Selection::FragmentSpread(spread) => self.directives(&spread.directives),
                }
            }
        }
    }

    /// A field, and the old and the new name of the type that its own fields are of.
    fn field(
        &mut self,
        field: &'a Node<Field>,
        old_parent: &str,
        new_parent: &str,
    ) -> Option<(String, String)> {
        let place = field.location();
        let old = types::field(self.old, old_parent, &field.name)?;
        if old.name.starts_with("__") {
            return None;
        }
        let coordinate = format!("{old_parent}.{}", old.name);
        let Some(new) = types::field(self.new, new_parent, &field.name) else {
            self.add_breaking(&coordinate, "the field is removed", place, &[place]);
            return None;
        };
        if let Some(message) = deprecation(&old.directives, &new.directives) {
            self.add(Level::Safe, &coordinate, &message, place);
        }
        self.arguments(field, &coordinate, old, new);
        let (was, is) = (old.ty.inner_named_type(), new.ty.inner_named_type());
        if old.ty != new.ty {
            self.type_of_field(field, &coordinate, &old.ty, &new.ty);
        } else if !same_kind(self.old.types.get(was), self.new.types.get(is)) {
            self.add_breaking(was, "it is another kind of type", place, &[place]);
            return None;
        }
        if was == is {
            self.values_and_members(was, place);
        }
        let is_composite = types::is_composite(self.old, was) && types::is_composite(self.new, is);
        is_composite.then(|| (was.to_string(), is.to_string()))
    }

    fn type_of_field(&mut self, field: &Field, coordinate: &str, old: &Type, new: &Type) {
        let (level, reason) = self.read_as(old, new);
        let message = format!("the type `{old}` became `{new}`: {reason}");
        let place = field.name.location();
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
        let start = field.alias.as_ref().map_or(place, |alias| alias.location());
        if level == Level::Breaking || self.is_refused_at(&spreads) {
            let refused_at: Vec<_> = spreads.into_iter().chain([start]).collect();
            self.add_breaking(coordinate, &message, start, &refused_at);
        } else {
            self.add(level, coordinate, &message, start);
        }
    }

    /// Whether types made of the first read what has the second, and why not.
    fn read_as(&self, old: &Type, new: &Type) -> (Level, &'static str) {
        let inner = match (types::item(old), types::item(new)) {
            (Some(old), Some(new)) => match self.read_as(old, new) {
                (level, "it may be null") => (level, "an item may be null"),
                (level, "it is never null") => (level, "no item is null"),
                inner => inner,
            },
            (Some(_), None) => (Level::Breaking, "it is no list any more"),
            (None, Some(_)) => (Level::Breaking, "it is a list now"),
            (None, None) => self.read_named_as(old.inner_named_type(), new.inner_named_type()),
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

    fn read_named_as(&self, old: &Name, new: &Name) -> (Level, &'static str) {
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
        let are_composite = [
            types::is_composite(self.old, old),
            types::is_composite(self.new, new),
        ];
        match are_composite {
            [true, true] if self.renames.of(old) == Some(new) => {
                (Level::Safe, "it has another name")
            }
            [true, true] => (Level::Dangerous, "another type, which has what is selected"),
            _ => (Level::Breaking, "it is another type"),
        }
    }

    /// The values of an enum that is selected; the types that an interface or a union may be.
    fn values_and_members(&mut self, name: &Name, place: Span) {
        match (self.old.types.get(name), self.new.types.get(name)) {
            (Some(ExtendedType::Enum(old)), Some(ExtendedType::Enum(new))) => {
                for (value, definition) in &old.values {
                    let coordinate = format!("{name}.{value}");
                    match new.values.get(value) {
                        None => self.add(Level::Safe, &coordinate, "the value is removed", place),
                        Some(new) => {
                            if let Some(message) =
                                deprecation(&definition.directives, &new.directives)
                            {
                                self.add(Level::Safe, &coordinate, &message, place);
                            }
                        }
                    }
                }
                for value in new.values.keys().filter(|it| !old.values.contains_key(*it)) {
                    let coordinate = format!("{name}.{value}");
                    self.add(Level::Dangerous, &coordinate, "a value is added", place);
                }
            }
            (Some(old), Some(_)) if old.is_interface() || old.is_union() => {
                let (old, new) = (members(self.old, name), members(self.new, name));
                for member in new.difference(&old).filter(|it| !self.renames.has_new(it)) {
                    let message = format!("it may be `{member}`, too");
                    self.add(Level::Dangerous, name, &message, place);
                }
                for member in old
                    .difference(&new)
                    .filter(|it| self.renames.of(it).is_none())
                {
                    let message = format!("it is never `{member}`");
                    self.add(Level::Safe, name, &message, place);
                }
            }
            _ => {}
        }
    }

    fn arguments(
        &mut self,
        field: &'a Node<Field>,
        parent: &str,
        old: &FieldDefinition,
        new: &FieldDefinition,
    ) {
        for argument in &old.arguments {
            let coordinate = format!("{parent}({}:)", argument.name);
            let given = field.arguments.iter().find(|it| it.name == argument.name);
            let now = new.argument_by_name(&argument.name);
            match (given, now) {
                (Some(given), None) => {
                    let place = given.location();
                    self.add_breaking(&coordinate, "the argument is removed", place, &[place]);
                }
                (None, None) => {
                    let level = match argument.default_value {
                        Some(_) => Level::Dangerous,
                        None => Level::Safe,
                    };
                    self.add(
                        level,
                        &coordinate,
                        "the argument is removed",
                        field.location(),
                    );
                }
                (given, Some(now)) => self.argument(field, &coordinate, given, argument, now),
            }
        }
        for added in &new.arguments {
            if old.argument_by_name(&added.name).is_some() {
                continue;
            }
            let (coordinate, place) = (format!("{parent}({}:)", added.name), field.location());
            if added.is_required() {
                self.add_breaking(&coordinate, "a required argument is added", place, &[place]);
            } else {
                self.add(
                    Level::Safe,
                    &coordinate,
                    "an optional argument is added",
                    place,
                );
            }
        }
    }

    fn argument(
        &mut self,
        field: &'a Node<Field>,
        coordinate: &str,
        given: Option<&'a Node<Argument>>,
        old: &InputValueDefinition,
        new: &InputValueDefinition,
    ) {
        let place = given.map_or(field.location(), Node::location);
        if let Some(message) = deprecation(&old.directives, &new.directives) {
            self.add(Level::Safe, coordinate, &message, place);
        }
        if old.ty != new.ty {
            let message = format!("the type `{}` became `{}`", old.ty, new.ty);
            let refused_at = match given {
                Some(given) => self.places_of(&given.value),
                None => vec![field.location()],
            };
            let is_refused = match given {
                // A variable may be null, whatever default would take its place were it left out.
                Some(given) => {
                    self.is_refused_at(&refused_at)
                        || new.ty.is_non_null() && self.may_be_left_out(&given.value)
                }
                None => new.is_required(),
            };
            match is_refused {
                true => self.add_breaking(coordinate, &message, place, &refused_at),
                false => self.add(Level::Safe, coordinate, &message, place),
            }
        }
        if !same_default(old, new) {
            let is_left_out = given.is_none_or(|given| self.may_be_left_out(&given.value));
            self.default_value(coordinate, old, new, is_left_out, place);
        }
        if let Some(given) = given {
            self.literal(&given.value, &old.ty, &new.ty);
        }
    }

    fn directives(&mut self, directives: &'a DirectiveList) {
        for directive in directives.iter() {
            let known =
                |schema: &Schema| schema.directive_definitions.contains_key(&directive.name);
            if known(self.old) && !known(self.new) {
                let (name, place) = (format!("@{}", directive.name), directive.location());
                self.add_breaking(&name, "the directive is removed", place, &[place]);
            }
        }
    }
}

/// The object types that an interface or a union may be.
pub(super) fn members<'a>(schema: &'a Schema, name: &str) -> BTreeSet<&'a str> {
    let objects = schema.types.iter().filter(|(_, ty)| ty.is_object());
    let members = objects.filter(|(object, _)| schema.is_subtype(name, object));
    members.map(|(object, _)| object.as_str()).collect()
}
