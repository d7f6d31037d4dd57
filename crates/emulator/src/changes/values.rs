//! Values that a document has itself: those of arguments, of fields and of directives, and of variables
//! within them. What it does not give counts as well, since defaults take its place.

use apollo_compiler::ast::{Argument, DirectiveList, InputValueDefinition, Type, Value};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::{Name, Node, Schema};

use super::change::Level;
use super::comparison::Comparison;
use super::parts::gone;
use super::renames::{same_default, same_kind};
use super::scopes::Span;
use crate::graphql::types;
use crate::graphql::types::is_one_of;

impl<'a> Comparison<'a> {
    /// The arguments that something at a place takes, whether it has them or not.
    pub(super) fn arguments(
        &mut self,
        place: Span,
        given: &'a [Node<Argument>],
        parent: &str,
        instead: Option<&str>,
        old: &[Node<InputValueDefinition>],
        new: &[Node<InputValueDefinition>],
    ) {
        for argument in old {
            let coordinate = format!("{parent}({}:)", argument.name);
            let given = given.iter().find(|it| it.name == argument.name);
            let now = new.iter().find(|it| it.name == argument.name);
            let gone = || gone("argument", &argument.name, instead);
            match (given, now) {
                (Some(given), None) => {
                    let place = given.location();
                    self.add_breaking(&coordinate, &gone(), place, &[place]);
                }
                (None, None) => {
                    self.add(level_by_default(argument), &coordinate, &gone(), place);
                }
                (given, Some(now)) => {
                    let place = given.map_or(place, |it| it.location());
                    self.given(&coordinate, given.map(|it| &it.value), place, argument, now);
                }
            }
        }
        for added in new {
            if old.iter().any(|it| it.name == added.name) {
                continue;
            }
            let coordinate = format!("{parent}({}:)", added.name);
            self.added("argument", &coordinate, added, instead, place, &[place]);
        }
    }

    pub(super) fn directives(&mut self, directives: &'a DirectiveList) {
        for directive in directives.iter() {
            let (name, place) = (&directive.name, directive.location());
            let of = |schema: &'a Schema| schema.directive_definitions.get(name);
            let coordinate = format!("@{name}");
            match (of(self.schemas.old), of(self.schemas.new)) {
                (Some(old), Some(new)) => {
                    let given = &directive.arguments;
                    self.arguments(
                        place,
                        given,
                        &coordinate,
                        None,
                        &old.arguments,
                        &new.arguments,
                    );
                }
                (Some(_), None) => {
                    self.add_breaking(&coordinate, "the directive is removed", place, &[place]);
                }
                (None, _) => {}
            }
        }
    }

    /// What is given, or is not, where the one was expected and the other is.
    fn given(
        &mut self,
        coordinate: &str,
        value: Option<&'a Node<Value>>,
        place: Span,
        old: &InputValueDefinition,
        new: &InputValueDefinition,
    ) {
        self.deprecation(coordinate, &old.directives, &new.directives, place);
        let refused_at = value.map_or_else(|| vec![place], |it| self.places_of(it));
        if old.ty != new.ty {
            let is_refused = match value {
                Some(value) => {
                    self.is_refused_at(&refused_at) || self.null_is_refused(value, &old.ty, &new.ty)
                }
                None => new.is_required(),
            };
            let mut message = format!("the type `{}` became `{}`", old.ty, new.ty);
            if is_refused {
                self.add_breaking(coordinate, &message, place, &refused_at);
            } else if value.is_some() && self.is_another_scalar(&old.ty, &new.ty) {
                message.push_str(": it may take other values");
                self.add(Level::Dangerous, coordinate, &message, place);
            } else {
                self.add(Level::Safe, coordinate, &message, place);
            }
        } else if let (Some(default), None, true) =
            (&old.default_value, &new.default_value, old.ty.is_non_null())
        {
            let is_refused = match value.map(|it| &**it) {
                None => true,
                // Its type may be nullable only beside a default.
                Some(Value::Variable(_)) => self.is_refused_at(&refused_at),
                Some(_) => false,
            };
            if is_refused {
                let default = shown(default);
                let message =
                    format!("the default `{default}` is removed: a value is required now");
                return self.add_breaking(coordinate, &message, place, &refused_at);
            }
        }
        if !same_default(old, new) {
            let is_left_out = value.is_none_or(|it| self.may_be_left_out(it));
            self.default_value(coordinate, old, new, is_left_out, place);
        }
        if let Some(value) = value {
            self.literal(value, &old.ty, &new.ty);
        }
    }

    /// Whether a variable may be null where null was taken and is not any more. Validation allows it beside
    /// a default, which takes the place of nothing and not of null.
    fn null_is_refused(&self, value: &Value, old: &Type, new: &Type) -> bool {
        match value {
            Value::Variable(name) => {
                let may_be_null = self.variable_named(name).is_some_and(|it| it.may_be_null);
                may_be_null && !old.is_non_null() && new.is_non_null()
            }
            Value::List(items) => match (types::item(old), types::item(new)) {
                (Some(old), Some(new)) => items
                    .iter()
                    .any(|item| self.null_is_refused(item, old, new)),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether it is a custom scalar now, of which a schema does not say which values it takes.
    fn is_another_scalar(&self, old: &Type, new: &Type) -> bool {
        let (was, is) = (old.inner_named_type(), new.inner_named_type());
        match self.schemas.new.types.get(is) {
            Some(ExtendedType::Scalar(scalar)) => was != is && !scalar.is_built_in(),
            _ => false,
        }
    }

    /// A value that the document has itself, where these types are expected. A value nests no deeper
    /// than a document's syntax allows.
    pub(super) fn literal(&mut self, value: &'a Node<Value>, old: &Type, new: &Type) {
        let place = value.location();
        let (was, is) = (old.inner_named_type(), new.inner_named_type());
        let schemas = self.schemas;
        let (known, now) = (schemas.old.types.get(was), schemas.new.types.get(is));
        match (&**value, types::item(old), types::item(new)) {
            (Value::Variable(_) | Value::Null, _, _) => return,
            (Value::List(items), Some(old), Some(new)) => {
                for item in items {
                    self.literal(item, old, new);
                }
                return;
            }
            _ => {}
        }
        if !same_kind(known, now) {
            // Of another name that has been said.
            if was == is {
                let message = "it is another kind of type";
                match self.is_refused_at(&[place]) {
                    true => self.add_breaking(was, message, place, &[place]),
                    false => self.add(Level::Dangerous, was, message, place),
                }
            }
            return;
        }
        match (&**value, known, now) {
            (Value::Enum(word), Some(ExtendedType::Enum(old)), Some(ExtendedType::Enum(new))) => {
                let coordinate = format!("{was}.{word}");
                match (old.values.get(word), new.values.get(word)) {
                    (_, None) => {
                        let message = gone("value", word, schemas.instead(was, is));
                        self.add_breaking(&coordinate, &message, place, &[place]);
                    }
                    (Some(old), Some(new)) => {
                        self.deprecation(&coordinate, &old.directives, &new.directives, place);
                    }
                    (None, Some(_)) => {}
                }
            }
            (
                Value::Object(given),
                Some(ExtendedType::InputObject(old)),
                Some(ExtendedType::InputObject(new)),
            ) => self.object(place, given, old, new),
            _ => {}
        }
    }

    fn object(
        &mut self,
        place: Span,
        given: &'a [(Name, Node<Value>)],
        old: &InputObjectType,
        new: &InputObjectType,
    ) {
        match (is_one_of(old), is_one_of(new)) {
            (false, true) => {
                let message = "it takes exactly one field now";
                let values = given
                    .iter()
                    .filter(|(_, value)| value.as_variable().is_some());
                let mut refused_at: Vec<_> = values.map(|(_, value)| value.location()).collect();
                refused_at.push(place);
                match self.is_refused_at(&refused_at) {
                    true => self.add_breaking(&old.name, message, place, &refused_at),
                    false => self.add(Level::Safe, &old.name, message, place),
                }
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
            let given = given.iter().find(|(given, _)| given == name);
            let gone = || gone("field", name, instead);
            match (given, new.fields.get(name)) {
                (Some((name, _)), None) => {
                    let place = name.location();
                    self.add_breaking(&coordinate, &gone(), place, &[place]);
                }
                (None, None) => {
                    self.add(level_by_default(field), &coordinate, &gone(), place);
                }
                (given, Some(now)) => {
                    let place = given.map_or(place, |(name, _)| name.location());
                    self.given(&coordinate, given.map(|(_, it)| it), place, field, now);
                }
            }
        }
        for (name, field) in &new.fields {
            if old.fields.contains_key(name) {
                continue;
            }
            let coordinate = format!("{}.{name}", old.name);
            self.added("field", &coordinate, field, instead, place, &[place]);
        }
    }

    /// Another default value, of what may be left out or not.
    pub(super) fn default_value(
        &mut self,
        coordinate: &str,
        old: &InputValueDefinition,
        new: &InputValueDefinition,
        is_left_out: bool,
        place: Span,
    ) {
        let message = match (&old.default_value, &new.default_value) {
            (Some(old), Some(new)) => {
                format!("the default `{}` became `{}`", shown(old), shown(new))
            }
            (Some(old), None) => format!("the default `{}` is removed", shown(old)),
            (None, Some(new)) => format!("the default `{}` is added", shown(new)),
            (None, None) => return,
        };
        let level = match is_left_out {
            true => Level::Dangerous,
            false => Level::Safe,
        };
        self.add(level, coordinate, &message, place);
    }
}

/// What it means that something is removed that is left out.
fn level_by_default(value: &InputValueDefinition) -> Level {
    match value.default_value {
        Some(_) => Level::Dangerous,
        None => Level::Safe,
    }
}

/// A value in one line.
fn shown(value: &Value) -> String {
    value.serialize().no_indent().to_string()
}
