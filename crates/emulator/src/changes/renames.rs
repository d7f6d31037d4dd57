//! Which types have another name in the new schema ([`Renames`]): one that is gone, where a new one
//! stands in its place.

use std::collections::HashMap;

use apollo_compiler::ast::{OperationType, Type, Value};
use apollo_compiler::collections::IndexMap;
use apollo_compiler::schema::{Component, ExtendedType, FieldDefinition, InputValueDefinition};
use apollo_compiler::{Name, Schema};

/// Types that have another name, by the old and by the new one. Those that keep theirs are not among them.
#[derive(Default)]
pub(super) struct Renames {
    by_old: HashMap<Name, Name>,
    by_new: HashMap<Name, Name>,
}

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
        self.by_old.get(old).map(|name| name.as_str())
    }

    /// The old name of a type that has another one now; of several that became one, the first.
    pub(super) fn old_name(&self, new: &str) -> Option<&str> {
        self.by_new.get(new).map(|name| name.as_str())
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
            && !self.renames.by_old.contains_key(old)
            && same_kind(self.old.types.get(old), self.new.types.get(new));
        if is_renamed {
            let Renames { by_old, by_new } = &mut self.renames;
            by_old.insert(old.clone(), new.clone());
            by_new.entry(new.clone()).or_insert_with(|| old.clone());
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
            let Some(other) = field_of(new, name) else {
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
    all_fields(ty).into_iter().flatten()
}

/// A field of an object or an interface.
pub(super) fn field_of<'a>(
    ty: &'a ExtendedType,
    name: &Name,
) -> Option<&'a Component<FieldDefinition>> {
    all_fields(ty)?.get(name)
}

fn all_fields(ty: &ExtendedType) -> Option<&IndexMap<Name, Component<FieldDefinition>>> {
    match ty {
        ExtendedType::Object(it) => Some(&it.fields),
        ExtendedType::Interface(it) => Some(&it.fields),
        _ => None,
    }
}

pub(super) fn same_kind(old: Option<&ExtendedType>, new: Option<&ExtendedType>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => std::mem::discriminant(old) == std::mem::discriminant(new),
        _ => false,
    }
}

/// Whether the default values are the same, in whatever order the fields of objects are written.
pub(super) fn same_default(old: &InputValueDefinition, new: &InputValueDefinition) -> bool {
    match (&old.default_value, &new.default_value) {
        (Some(old), Some(new)) => same_value(old, new),
        (old, new) => old.is_none() && new.is_none(),
    }
}

/// A value nests no deeper than a schema's syntax allows.
fn same_value(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::List(old), Value::List(new)) => {
            let mut pairs = old.iter().zip(new);
            old.len() == new.len() && pairs.all(|(old, new)| same_value(old, new))
        }
        (Value::Object(old), Value::Object(new)) => {
            let new_fields: HashMap<_, _> = new.iter().map(|(name, value)| (name, value)).collect();
            old.len() == new.len()
                && old.iter().all(|(name, value)| {
                    new_fields
                        .get(name)
                        .is_some_and(|now| same_value(value, now))
                })
        }
        _ => old == new,
    }
}
