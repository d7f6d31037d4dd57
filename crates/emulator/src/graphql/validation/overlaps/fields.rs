//! The fields of a selection, by what they are called in the answer.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use apollo_compiler::Node;
use apollo_compiler::ast::{Field, FragmentDefinition, Selection, Type};

use super::Overlaps;
use crate::graphql::types;

/// A field, with the type that it is selected on.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) parent: Option<&'a str>,
    pub(super) node: &'a Node<Field>,
    pub(super) ty: Option<&'a Type>,
}

/// What a selection holds, in the order of the text.
pub(super) struct Fields<'a> {
    pub(super) by_key: Vec<(&'a str, Vec<Found<'a>>)>,
    pub(super) places: HashMap<&'a str, usize>,
    pub(super) fragments: Vec<&'a str>,
    /// Those fragments, to look them up.
    spread: HashSet<&'a str>,
}

impl<'a> Overlaps<'_, 'a> {
    pub(super) fn collected_fragment(
        &mut self,
        fragment: &'a FragmentDefinition,
    ) -> Rc<Fields<'a>> {
        let named = self
            .check
            .schema
            .types
            .get_key_value(&fragment.type_condition);
        self.collected(
            named.map(|(name, _)| name.as_str()),
            &fragment.selection_set,
        )
    }

    /// The fields of a selection on a type, with those of inline fragments.
    pub(super) fn collected(
        &mut self,
        parent: Option<&'a str>,
        selections: &'a [Selection],
    ) -> Rc<Fields<'a>> {
        let key = (parent, selections.as_ptr());
        if let Some(known) = self.fields.get(&key) {
            return Rc::clone(known);
        }
        let mut fields = Fields {
            by_key: Vec::new(),
            places: HashMap::new(),
            fragments: Vec::new(),
            spread: HashSet::new(),
        };
        self.collect(parent, selections, &mut fields);
        let fields = Rc::new(fields);
        self.fields.insert(key, Rc::clone(&fields));
        fields
    }

    fn collect(
        &self,
        parent: Option<&'a str>,
        selections: &'a [Selection],
        fields: &mut Fields<'a>,
    ) {
        let schema = self.check.schema;
        for selection in selections {
            match selection {
                Selection::Field(node) => {
                    let key = node.response_name().as_str();
                    let place = *fields.places.entry(key).or_insert_with(|| {
                        fields.by_key.push((key, Vec::new()));
                        fields.by_key.len() - 1
                    });
                    // Fields of introspection have no type here.
                    let ty = parent
                        .filter(|_| !node.name.starts_with("__"))
                        .and_then(|parent| types::field(schema, parent, &node.name))
                        .map(|field| &field.ty);
                    fields.by_key[place].1.push(Found { parent, node, ty });
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    if fields.spread.insert(name) {
                        fields.fragments.push(name);
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let parent = match &fragment.type_condition {
                        Some(condition) => {
                            let named = schema.types.get_key_value(condition);
                            named.map(|(name, _)| name.as_str())
                        }
                        None => parent,
                    };
                    self.collect(parent, &fragment.selection_set, fields);
                }
            }
        }
    }
}
