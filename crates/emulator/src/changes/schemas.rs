//! The two schemas ([`Schemas`]), with what is found of them once: the types that have another name, and
//! the objects that each type may be.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use apollo_compiler::Schema;
use apollo_compiler::schema::ExtendedType;

use super::renames::{self, Renames};

/// Two schemas.
pub(super) struct Schemas<'a> {
    pub(super) old: &'a Schema,
    pub(super) new: &'a Schema,
    pub(super) renames: Renames,
    pub(super) old_possible: PossibleTypes<'a>,
    pub(super) new_possible: PossibleTypes<'a>,
}

impl<'a> Schemas<'a> {
    pub(super) fn of(old: &'a Schema, new: &'a Schema) -> Self {
        Self {
            old,
            new,
            renames: renames::between(old, new),
            old_possible: PossibleTypes::of(old),
            new_possible: PossibleTypes::of(new),
        }
    }

    /// Whether it is the same type, which may have another name.
    pub(super) fn is_same(&self, old: &str, new: &str) -> bool {
        old == new || self.renames.of(old) == Some(new)
    }

    /// The new type that has the place of an old one, if it is not the same.
    pub(super) fn instead<'n>(&self, old: &str, new: &'n str) -> Option<&'n str> {
        (!self.is_same(old, new)).then_some(new)
    }
}

/// The object types that each interface and each union of a schema may be.
pub(super) struct PossibleTypes<'a>(HashMap<&'a str, BTreeSet<&'a str>>);

impl<'a> PossibleTypes<'a> {
    fn of(schema: &'a Schema) -> Self {
        let mut members: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        for (name, ty) in &schema.types {
            match ty {
                ExtendedType::Object(object) => {
                    for interface in &object.implements_interfaces {
                        members.entry(interface.as_str()).or_default().insert(name);
                    }
                }
                ExtendedType::Interface(_) => {
                    members.entry(name.as_str()).or_default();
                }
                ExtendedType::Union(union) => {
                    let all = union.members.iter().map(|member| member.as_str());
                    members.entry(name.as_str()).or_default().extend(all);
                }
                _ => {}
            }
        }
        Self(members)
    }

    /// The objects that a type may be: of an object type itself.
    pub(super) fn may_be<'s>(&'s self, name: &'a str) -> Cow<'s, BTreeSet<&'a str>> {
        match self.0.get(name) {
            Some(members) => Cow::Borrowed(members),
            None => Cow::Owned(BTreeSet::from([name])),
        }
    }

    /// Whether whatever is of the first type is of the second one.
    pub(super) fn is_always(&self, name: &'a str, of: &'a str) -> bool {
        name == of || self.may_be(name).is_subset(&self.may_be(of))
    }
}
