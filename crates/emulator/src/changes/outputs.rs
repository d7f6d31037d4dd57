//! What a document selects, in both schemas: fields, and what fragments are on.

use apollo_compiler::ast::{
    Definition, Document, Field, FragmentDefinition, OperationDefinition, OperationType, Selection,
};
use apollo_compiler::{Name, Node};

use super::change::Level;
use super::comparison::Comparison;
use super::parts::gone;
use super::reads::{Selected, kind_now};
use super::renames::same_kind;
use super::scopes::{Span, scope_of};
use crate::graphql::types;

impl<'a> Comparison<'a> {
    /// Everything that the document defines.
    pub(super) fn definitions(&mut self, document: &'a Document) {
        for definition in &document.definitions {
            match definition {
                Definition::OperationDefinition(operation) => self.operation(operation),
                Definition::FragmentDefinition(fragment) => self.fragment(fragment),
                // A valid document has no others.
                _ => {}
            }
        }
    }

    fn operation(&mut self, operation: &'a Node<OperationDefinition>) {
        self.scope = scope_of(operation);
        self.directives(&operation.directives);
        for variable in &operation.variables {
            self.variable(variable);
        }
        let (kind, place) = (operation.operation_type, operation.location());
        let Some(old) = types::root(self.schemas.old, kind) else {
            return;
        };
        let Some(new) = types::root(self.schemas.new, kind) else {
            let message = format!("the schema has no {} any more", plural(kind));
            return self.add_breaking(old, &message, place, &[]);
        };
        if self.schemas.renames.of(old) == Some(new) {
            let message = format!("the type is named `{new}` now");
            self.add(Level::Safe, old, &message, place);
        } else if old != new {
            let has_selected = match self.has_selected(&operation.selection_set) {
                true => ", which has what is selected",
                false => "",
            };
            let message = format!("{} are of the type `{new}` now{has_selected}", plural(kind));
            self.add(Level::Dangerous, old, &message, place);
        }
        self.selections(Selected {
            selections: &operation.selection_set,
            old,
            new,
            coordinate: old.to_string(),
        });
    }

    fn fragment(&mut self, fragment: &'a Node<FragmentDefinition>) {
        self.scope = self.scopes.of_fragment(&fragment.name);
        self.directives(&fragment.directives);
        let on = &fragment.type_condition;
        if let Some(new) = self.condition(on, fragment.location()) {
            self.selections(Selected {
                selections: &fragment.selection_set,
                old: on,
                new,
                coordinate: on.to_string(),
            });
        }
    }

    /// The new name of the type that a fragment is on, which the document names.
    fn condition(&mut self, on: &'a Name, fragment: Span) -> Option<&'a str> {
        let place = on.location();
        let (was, is) = (
            self.schemas.old.types.get(on),
            self.schemas.new.types.get(on),
        );
        let Some(now) = is else {
            return self.type_is_gone(on);
        };
        if !types::is_composite(self.schemas.new, on) {
            self.add_breaking(on, "it is another kind of type", place, &[place]);
            return None;
        }
        if !same_kind(was, is) {
            let message = self.with_need(kind_now(now), fragment);
            self.add(Level::Dangerous, on, &message, place);
        }
        Some(on)
    }

    fn selections(&mut self, start: Selected<'a>) {
        let mut ahead = vec![start];
        while let Some(parent) = ahead.pop() {
            for selection in parent.selections {
                match selection {
                    Selection::Field(field) => {
                        self.directives(&field.directives);
                        ahead.extend(self.field(field, parent.old, parent.new));
                    }
                    Selection::InlineFragment(fragment) => {
                        self.directives(&fragment.directives);
                        let (old, new) = match &fragment.type_condition {
                            Some(on) => {
                                let place = fragment.location();
                                let Some(new) = self.condition(on, place) else {
                                    continue;
                                };
                                self.spread(&parent, on, None, place);
                                (on.as_str(), new)
                            }
                            None => (parent.old, parent.new),
                        };
                        ahead.push(Selected {
                            selections: &fragment.selection_set,
                            old,
                            new,
                            coordinate: parent.coordinate.clone(),
                        });
                    }
                    // What is in a fragment is looked at by itself.
                    Selection::FragmentSpread(spread) => {
                        self.directives(&spread.directives);
                        if let Some(fragment) = self.scopes.fragment(&spread.fragment_name) {
                            let (on, place) = (&fragment.type_condition, spread.location());
                            self.spread(&parent, on, Some(fragment), place);
                        }
                    }
                }
            }
        }
    }

    /// A field, and what is selected of it.
    fn field(
        &mut self,
        field: &'a Node<Field>,
        old_parent: &'a str,
        new_parent: &'a str,
    ) -> Option<Selected<'a>> {
        let place = field.location();
        let schemas = self.schemas;
        let old = types::field(schemas.old, old_parent, &field.name)?;
        if old.name.starts_with("__") {
            return None;
        }
        let coordinate = format!("{old_parent}.{}", old.name);
        let instead = schemas.instead(old_parent, new_parent);
        let Some(new) = types::field(schemas.new, new_parent, &field.name) else {
            let is_union = schemas
                .new
                .types
                .get(new_parent)
                .is_some_and(|it| it.is_union());
            let message = match instead {
                None if is_union => {
                    format!("the type `{new_parent}` is a union now, which has no fields")
                }
                instead => gone("field", &field.name, instead),
            };
            self.add_breaking(&coordinate, &message, place, &[place]);
            return None;
        };
        self.deprecation(&coordinate, &old.directives, &new.directives, place);
        self.arguments(
            place,
            &field.arguments,
            &coordinate,
            instead.map(|it| format!("{it}.{}", old.name)).as_deref(),
            &old.arguments,
            &new.arguments,
        );
        let is_read = self.read(field, &coordinate, &old.ty, &new.ty);
        let (was, is) = (old.ty.inner_named_type(), new.ty.inner_named_type());
        let coordinate = match schemas.is_same(was, is) {
            true => was.to_string(),
            false => coordinate,
        };
        is_read.then_some(Selected {
            selections: &field.selection_set,
            old: was,
            new: is,
            coordinate,
        })
    }
}

fn plural(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "queries",
        OperationType::Mutation => "mutations",
        OperationType::Subscription => "subscriptions",
    }
}
