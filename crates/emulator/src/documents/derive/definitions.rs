//! What a document and its schema define ([`Definitions`]), as far as the derive asks for it.

use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{
    Definition, Document, Field, FragmentDefinition, InlineFragment, Selection,
};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{Name, Schema};

use crate::graphql::types;

/// The field that every object has.
pub(super) const TYPENAME: &str = "__typename";

pub(super) struct Definitions<'a> {
    pub(super) schema: &'a Schema,
    fragments: HashMap<&'a str, &'a FragmentDefinition>,
}

impl<'a> Definitions<'a> {
    pub(super) fn of(schema: &'a Schema, document: &'a Document) -> Self {
        let fragments = document.definitions.iter().filter_map(|it| match it {
            Definition::FragmentDefinition(it) => Some((it.name.as_str(), &**it)),
            _ => None,
        });
        Self {
            schema,
            fragments: fragments.collect(),
        }
    }

    pub(super) fn fragment(&self, name: &str) -> Option<&'a FragmentDefinition> {
        self.fragments.get(name).copied()
    }

    pub(super) fn is_abstract(&self, name: &str) -> bool {
        let ty = self.schema.types.get(name);
        ty.is_some_and(|ty| ty.is_interface() || ty.is_union())
    }

    /// Whether objects of the one type, which is abstract, can be of the other one.
    pub(super) fn is_variant(&self, on: &str, object: &str) -> bool {
        self.schema.get_object(object).is_some() && types::overlap(self.schema, on, object)
    }

    /// The type of an inline fragment that the derive reads: one of the types of an interface or a union.
    pub(super) fn variant(&self, on: &str, fragment: &'a InlineFragment) -> Option<&'a Name> {
        let ty = fragment.type_condition.as_ref()?;
        (self.is_abstract(on) && self.is_variant(on, ty)).then_some(ty)
    }

    pub(super) fn has_variants(&self, on: &str) -> bool {
        match self.schema.types.get(on) {
            Some(ExtendedType::Union(union)) => !union.members.is_empty(),
            Some(ExtendedType::Interface(_)) => {
                let mut types = self.schema.types.iter();
                types.any(|(name, ty)| ty.is_object() && types::overlap(self.schema, on, name))
            }
            _ => false,
        }
    }

    /// The type of a field without lists; none if there is no such field.
    pub(super) fn type_of(&self, on: &str, field: &Field) -> Option<&'a Name> {
        let known = types::field(self.schema, on, &field.name)?;
        Some(known.ty.inner_named_type())
    }

    /// What stands for selections in Rust: those of a fragment that is alone in them.
    pub(super) fn resolved(
        &self,
        mut on: &'a str,
        mut selections: &'a [Selection],
    ) -> (&'a str, &'a [Selection]) {
        let mut seen = HashSet::new();
        while let [Selection::FragmentSpread(spread)] = selections {
            match self.fragment(&spread.fragment_name) {
                Some(fragment) if seen.insert(&fragment.name) => {
                    (on, selections) = (&fragment.type_condition, &fragment.selection_set);
                }
                _ => break,
            }
        }
        (on, selections)
    }
}

/// What a field is called in a response.
pub(super) fn key(field: &Field) -> &str {
    field.alias.as_ref().unwrap_or(&field.name)
}
