//! Which types have another name in the new schema ([`Renames`]): one that is gone, where a new one
//! stands in its place.

use std::collections::HashMap;

use apollo_compiler::ast::{OperationType, Type};
use apollo_compiler::schema::{Component, ExtendedType, FieldDefinition, InputValueDefinition};
use apollo_compiler::{Name, Node, Schema};

/// The new names of types, by the old ones. Types that keep their name are not among them.
#[derive(Default)]
pub(super) struct Renames(HashMap<Name, Name>);

impl Renames {
    /// What an old type is called now; none if it is gone.
    pub(super) fn new_name<'a>(&'a self, new: &'a Schema, old: &str) -> Option<&'a str> {
        match new.types.get_key_value(old) {
            Some((name, _)) => Some(name),
            None => self.of(old),
        }
    }

    /// The other name of an old type.
    pub(super) fn of(&self, old: &str) -> Option<&str> {
        self.0.get(old).map(|name| name.as_str())
    }

    /// Whether it is a new name of an old type.
    pub(super) fn has_new(&self, name: &str) -> bool {
        self.0.values().any(|it| it == name)
    }
}

/// The types that have another name: found where fields, arguments and roots have them.
pub(super) fn between(old: &Schema, new: &Schema) -> Renames {
    let mut search = Search {
        old,
        new,
        renames: Renames::default(),
        ahead: Vec::new(),
    };
    for operation in [
        OperationType::Query,
        OperationType::Mutation,
        OperationType::Subscription,
    ] {
        let roots = (old.root_operation(operation), new.root_operation(operation));
        if let (Some(one), Some(other)) = roots {
            search.pair(one, other);
        }
    }
    for name in old
        .types
        .keys()
        .filter(|name| new.types.contains_key(*name))
    {
        search.ahead.push((name.clone(), name.clone()));
    }
    while let Some((one, other)) = search.ahead.pop() {
        search.within(&one, &other);
    }
    search.renames
}

struct Search<'a> {
    old: &'a Schema,
    new: &'a Schema,
    renames: Renames,
    ahead: Vec<(Name, Name)>,
}

impl Search<'_> {
    fn pair(&mut self, old: &Name, new: &Name) {
        let is_renamed = old != new
            && !self.new.types.contains_key(old)
            && !self.old.types.contains_key(new)
            && !self.renames.0.contains_key(old)
            && same_kind(self.old.types.get(old), self.new.types.get(new));
        if is_renamed {
            self.renames.0.insert(old.clone(), new.clone());
            self.ahead.push((old.clone(), new.clone()));
        }
    }

    fn pair_types(&mut self, old: &Type, new: &Type) {
        self.pair(old.inner_named_type(), new.inner_named_type());
    }

    fn within(&mut self, old: &Name, new: &Name) {
        let (Some(old), Some(new)) = (self.old.types.get(old), self.new.types.get(new)) else {
            return;
        };
        if let (ExtendedType::InputObject(old), ExtendedType::InputObject(new)) = (old, new) {
            for (name, field) in &old.fields {
                if let Some(other) = new.fields.get(name) {
                    self.pair_types(&field.ty, &other.ty);
                }
            }
        }
        for (name, field) in fields(old) {
            let Some(other) = fields(new).find(|(it, _)| *it == name).map(|(_, it)| it) else {
                continue;
            };
            self.pair_types(&field.ty, &other.ty);
            for argument in &field.arguments {
                if let Some(other) = other.argument_by_name(&argument.name) {
                    self.pair_types(&argument.ty, &other.ty);
                }
            }
        }
    }
}

/// The fields of an object or an interface.
pub(super) fn fields(
    ty: &ExtendedType,
) -> impl Iterator<Item = (&Name, &Component<FieldDefinition>)> {
    let fields = match ty {
        ExtendedType::Object(it) => Some(&it.fields),
        ExtendedType::Interface(it) => Some(&it.fields),
        _ => None,
    };
    fields.into_iter().flatten()
}

pub(super) fn same_kind(old: Option<&ExtendedType>, new: Option<&ExtendedType>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => std::mem::discriminant(old) == std::mem::discriminant(new),
        _ => false,
    }
}

/// Whether the default values are written alike.
pub(super) fn same_default(old: &InputValueDefinition, new: &InputValueDefinition) -> bool {
    let written = |value: &InputValueDefinition| value.default_value.as_ref().map(Node::to_string);
    written(old) == written(new)
}
