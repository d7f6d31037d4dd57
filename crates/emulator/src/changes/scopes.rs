//! The variables that each operation and each fragment of a document may use ([`Scopes`]). Operations
//! have variables of their own, which may have one name and differ in their types.

use std::collections::{HashMap, HashSet};

use apollo_compiler::Node;
use apollo_compiler::ast::{
    Definition, Document, FragmentDefinition, OperationDefinition, Selection,
};
use apollo_compiler::parser::SourceSpan;

/// Where something stands in the document.
pub(super) type Span = Option<SourceSpan>;

/// A variable, of all operations that may use it here.
#[derive(Default, Clone)]
pub(super) struct Variable {
    /// Whether null may be sent. A default of its own takes the place of what is left out alone.
    pub(super) may_be_null: bool,
    /// Whether nothing may be sent, so that the default of what it is given to counts.
    pub(super) may_be_left_out: bool,
    /// Where its type is named.
    pub(super) types: Vec<Span>,
}

/// Variables by their names.
pub(super) type Scope<'a> = HashMap<&'a str, Variable>;

/// The fragments of a document, and the variables in each.
pub(super) struct Scopes<'a> {
    fragments: HashMap<&'a str, &'a Node<FragmentDefinition>>,
    of_fragments: HashMap<&'a str, Scope<'a>>,
}

impl<'a> Scopes<'a> {
    pub(super) fn of(document: &'a Document) -> Self {
        let fragments = document.definitions.iter().filter_map(|it| match it {
            Definition::FragmentDefinition(it) => Some((it.name.as_str(), it)),
            _ => None,
        });
        let mut scopes = Self {
            fragments: fragments.collect(),
            of_fragments: HashMap::new(),
        };
        for definition in &document.definitions {
            if let Definition::OperationDefinition(operation) = definition
                && !operation.variables.is_empty()
            {
                let own = scope_of(operation);
                for fragment in scopes.reachable(&operation.selection_set) {
                    let scope = scopes.of_fragments.entry(fragment).or_default();
                    for (name, variable) in &own {
                        let known = scope.entry(name).or_default();
                        known.may_be_null |= variable.may_be_null;
                        known.may_be_left_out |= variable.may_be_left_out;
                        known.types.extend(&variable.types);
                    }
                }
            }
        }
        scopes
    }

    pub(super) fn fragment(&self, name: &str) -> Option<&'a Node<FragmentDefinition>> {
        self.fragments.get(name).copied()
    }

    /// The variables of all operations that use a fragment.
    pub(super) fn of_fragment(&self, name: &str) -> Scope<'a> {
        self.of_fragments.get(name).cloned().unwrap_or_default()
    }

    /// The fragments that are used in a selection, by themselves or in one another.
    pub(super) fn reachable(&self, selections: &'a [Selection]) -> HashSet<&'a str> {
        let mut found = HashSet::new();
        let mut ahead = vec![selections];
        while let Some(selections) = ahead.pop() {
            for selection in selections {
                match selection {
                    Selection::Field(field) => ahead.push(&field.selection_set),
                    Selection::InlineFragment(fragment) => ahead.push(&fragment.selection_set),
                    Selection::FragmentSpread(spread) => {
                        let name = spread.fragment_name.as_str();
                        if let Some(fragment) = self.fragment(name)
                            && found.insert(name)
                        {
                            ahead.push(&fragment.selection_set);
                        }
                    }
                }
            }
        }
        found
    }
}

/// The variables of an operation.
pub(super) fn scope_of(operation: &Node<OperationDefinition>) -> Scope<'_> {
    let variables = operation.variables.iter().map(|variable| {
        let may_be_null = !variable.ty.is_non_null();
        let known = Variable {
            may_be_null,
            may_be_left_out: may_be_null && variable.default_value.is_none(),
            types: vec![variable.ty.inner_named_type().location()],
        };
        (variable.name.as_str(), known)
    });
    variables.collect()
}
