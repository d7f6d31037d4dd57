//! What becomes of parts alike, wherever they stand: arguments, fields of input objects, values of enums.

use apollo_compiler::Name;
use apollo_compiler::ast::{DirectiveList, InputValueDefinition};
use apollo_compiler::schema::EnumType;

use super::change::Level;
use super::comparison::Comparison;
use super::scopes::Span;

impl<'a> Comparison<'a> {
    /// An argument or a field that is added to what takes values.
    pub(super) fn added(
        &mut self,
        what: &str,
        coordinate: &str,
        new: &InputValueDefinition,
        place: Span,
        refused_at: &[Span],
    ) {
        if new.is_required() {
            let message = format!("a required {what} is added");
            self.add_breaking(coordinate, &message, place, refused_at);
        } else {
            let message = format!("an optional {what} is added");
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
        for (value, definition) in &old.values {
            let coordinate = format!("{name}.{value}");
            match new.values.get(value) {
                None => self.add(removed, &coordinate, "the value is removed", place),
                Some(now) => {
                    self.deprecation(&coordinate, &definition.directives, &now.directives, place);
                }
            }
        }
        for value in new.values.keys().filter(|it| !old.values.contains_key(*it)) {
            let coordinate = format!("{name}.{value}");
            self.add(added, &coordinate, "a value is added", place);
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
