//! What becomes of parts alike, wherever they stand: arguments, fields of input objects, values of enums.

use apollo_compiler::Name;
use apollo_compiler::ast::{DirectiveList, InputValueDefinition};
use apollo_compiler::schema::EnumType;

use super::change::Level;
use super::comparison::Comparison;
use super::scopes::Span;

impl<'a> Comparison<'a> {
    /// An argument or a field that is added, or that what has the place of the old one has beside it.
    pub(super) fn added(
        &mut self,
        what: &str,
        coordinate: &str,
        new: &InputValueDefinition,
        instead: Option<&str>,
        place: Span,
        refused_at: &[Span],
    ) {
        let name = &new.name;
        if new.is_required() {
            let message = match instead {
                Some(other) => format!("`{other}` requires the {what} `{name}`"),
                None => format!("a required {what} is added"),
            };
            self.add_breaking(coordinate, &message, place, refused_at);
        } else {
            let message = match instead {
                Some(other) => format!("`{other}` takes the {what} `{name}`, too"),
                None => format!("an optional {what} is added"),
            };
            self.add(Level::Safe, coordinate, &message, place);
        }
    }

    /// The values of an enum, with the levels of those that are removed and added.
    pub(super) fn enum_values(
        &mut self,
        old: &EnumType,
        new: &EnumType,
        place: Span,
        [removed, added]: [Level; 2],
    ) {
        let name = &old.name;
        let instead = self.schemas.instead(name, &new.name);
        for (value, definition) in &old.values {
            let coordinate = format!("{name}.{value}");
            match new.values.get(value) {
                None => self.add(removed, &coordinate, &gone("value", value, instead), place),
                Some(now) => {
                    self.deprecation(&coordinate, &definition.directives, &now.directives, place);
                }
            }
        }
        for value in new.values.keys().filter(|it| !old.values.contains_key(*it)) {
            let coordinate = format!("{name}.{value}");
            let message = match instead {
                Some(other) => format!("`{other}` has the value `{value}`, too"),
                None => "a value is added".to_owned(),
            };
            self.add(added, &coordinate, &message, place);
        }
    }

    /// A type that the document names, and that is not there by this name: what it is called now.
    pub(super) fn type_is_gone(&mut self, name: &Name) -> Option<&'a str> {
        let (new, place) = (self.schemas.renames.of(name), name.location());
        let message = match new {
            Some(new) => format!("the type is named `{new}` now"),
            None => "the type is removed".to_owned(),
        };
        self.add_breaking(name, &message, place, &[place]);
        new
    }

    /// What became of a deprecation, if anything did.
    pub(super) fn deprecation(
        &mut self,
        coordinate: &str,
        old: &DirectiveList,
        new: &DirectiveList,
        place: Span,
    ) {
        let message = match (old.get("deprecated"), new.get("deprecated")) {
            (None, Some(directive)) => {
                let reason = directive.specified_argument_by_name("reason");
                match reason.and_then(|value| value.as_str()) {
                    Some(reason) => format!("deprecated: {reason}"),
                    None => "deprecated".to_owned(),
                }
            }
            (Some(_), None) => "no longer deprecated".to_owned(),
            _ => return,
        };
        self.add(Level::Safe, coordinate, &message, place);
    }
}

/// What is said of a part that is removed, or that what has the place of the old one does not have.
pub(super) fn gone(what: &str, name: &str, instead: Option<&str>) -> String {
    match instead {
        Some(other) => format!("`{other}` has no {what} `{name}`"),
        None => format!("the {what} is removed"),
    }
}
