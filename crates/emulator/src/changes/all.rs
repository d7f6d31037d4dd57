//! Everything that differs between two schemas, by its coordinate ([`coordinates`]): what no document
//! uses is counted.

use std::collections::BTreeSet;

use apollo_compiler::ast::{DirectiveList, FieldDefinition, InputValueDefinition, OperationType};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::{Name, Node};

use super::renames::{field_of, fields, same_default, same_kind};
use super::schemas::Schemas;
use crate::graphql::types::is_one_of;

/// The coordinates of what differs, by the names of the old schema. Descriptions do not count.
pub(super) fn coordinates(schemas: &Schemas<'_>) -> BTreeSet<String> {
    let (old, new, renames) = (schemas.old, schemas.new, &schemas.renames);
    let mut search = Search {
        schemas,
        found: BTreeSet::new(),
    };
    let is_own = |name: &Name| !name.starts_with("__");
    for (name, ty) in old.types.iter().filter(|(name, _)| is_own(name)) {
        match renames
            .new_name(new, name)
            .and_then(|name| new.types.get(name))
        {
            Some(now) if same_kind(Some(ty), Some(now)) => {
                if ty.name() != now.name() {
                    search.add(name.to_string());
                }
                search.types(ty, now);
            }
            _ => search.add(name.to_string()),
        }
    }
    for name in new.types.keys().filter(|name| is_own(name)) {
        if !old.types.contains_key(name) && renames.old_name(name).is_none() {
            search.add(name.to_string());
        }
    }
    for operation in [
        OperationType::Query,
        OperationType::Mutation,
        OperationType::Subscription,
    ] {
        let roots = [old.root_operation(operation), new.root_operation(operation)];
        match roots {
            [Some(one), Some(other)] if one == other => {}
            [None, None] => {}
            [Some(root), _] | [None, Some(root)] => search.add(root.to_string()),
        }
    }
    search.directives();
    search.found
}

struct Search<'a> {
    schemas: &'a Schemas<'a>,
    found: BTreeSet<String>,
}

impl<'a> Search<'a> {
    fn add(&mut self, coordinate: String) {
        self.found.insert(coordinate);
    }

    fn types(&mut self, old: &'a ExtendedType, new: &'a ExtendedType) {
        let name = old.name();
        match (old, new) {
            (ExtendedType::Enum(old), ExtendedType::Enum(new)) => {
                for (value, definition) in &old.values {
                    let now = new.values.get(value);
                    let is_same = |it: &DirectiveList| same_deprecation(&definition.directives, it);
                    if !now.is_some_and(|now| is_same(&now.directives)) {
                        self.add(format!("{name}.{value}"));
                    }
                }
                for value in new.values.keys().filter(|it| !old.values.contains_key(*it)) {
                    self.add(format!("{name}.{value}"));
                }
            }
            (ExtendedType::InputObject(old), ExtendedType::InputObject(new)) => {
                self.input_fields(old, new);
            }
            (ExtendedType::Union(_), _) | (ExtendedType::Interface(_), _)
                if self.schemas.old_possible.may_be(name)
                    != self.schemas.new_possible.may_be(new.name()) =>
            {
                self.add(name.to_string());
            }
            _ => {}
        }
        for (field, definition) in fields(old) {
            match field_of(new, field) {
                Some(now) => self.field(&format!("{name}.{field}"), definition, now),
                None => self.add(format!("{name}.{field}")),
            }
        }
        for (field, _) in fields(new) {
            if field_of(old, field).is_none() {
                self.add(format!("{name}.{field}"));
            }
        }
    }

    fn input_fields(&mut self, old: &InputObjectType, new: &InputObjectType) {
        let name = &old.name;
        if is_one_of(old) != is_one_of(new) {
            self.add(name.to_string());
        }
        for (field, definition) in &old.fields {
            let now = new.fields.get(field);
            if !now.is_some_and(|now| same_input(definition, now)) {
                self.add(format!("{name}.{field}"));
            }
        }
        for field in new.fields.keys().filter(|it| !old.fields.contains_key(*it)) {
            self.add(format!("{name}.{field}"));
        }
    }

    fn field(&mut self, coordinate: &str, old: &FieldDefinition, new: &FieldDefinition) {
        if old.ty != new.ty || !same_deprecation(&old.directives, &new.directives) {
            self.add(coordinate.to_owned());
        }
        self.arguments(coordinate, &old.arguments, &new.arguments);
    }

    fn arguments(
        &mut self,
        parent: &str,
        old: &[Node<InputValueDefinition>],
        new: &[Node<InputValueDefinition>],
    ) {
        for argument in old {
            let now = new.iter().find(|it| it.name == argument.name);
            if !now.is_some_and(|now| same_input(argument, now)) {
                self.add(format!("{parent}({}:)", argument.name));
            }
        }
        for argument in new {
            if !old.iter().any(|it| it.name == argument.name) {
                self.add(format!("{parent}({}:)", argument.name));
            }
        }
    }

    fn directives(&mut self) {
        let (old, new) = (
            &self.schemas.old.directive_definitions,
            &self.schemas.new.directive_definitions,
        );
        for (name, definition) in old {
            let Some(now) = new.get(name) else {
                self.add(format!("@{name}"));
                continue;
            };
            if definition.repeatable != now.repeatable || definition.locations != now.locations {
                self.add(format!("@{name}"));
            }
            self.arguments(&format!("@{name}"), &definition.arguments, &now.arguments);
        }
        for name in new.keys().filter(|name| !old.contains_key(*name)) {
            self.add(format!("@{name}"));
        }
    }
}

fn same_input(old: &InputValueDefinition, new: &InputValueDefinition) -> bool {
    old.ty == new.ty && same_default(old, new) && same_deprecation(&old.directives, &new.directives)
}

fn same_deprecation(old: &DirectiveList, new: &DirectiveList) -> bool {
    old.has("deprecated") == new.has("deprecated")
}
