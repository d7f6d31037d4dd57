//! How deep introspection goes, and how many root fields a subscription has.

use std::collections::HashMap;

use apollo_compiler::ast::{Directive, DirectiveList, Field, OperationDefinition, Selection};
use apollo_compiler::{Name, Node};

use super::{Check, by_name};

/// Lists in introspection, each within another, of which a query may not have as many.
const LISTS: usize = 3;

/// How deep in lists the search has been in each fragment, by its name.
type Depths<'a> = HashMap<&'a str, usize>;

impl<'a> Check<'a> {
    pub(super) fn introspection_depth(&mut self, field: &'a Node<Field>) {
        if self.is_too_deep(&field.selection_set, 0, &mut Depths::new()) {
            self.report("Maximum introspection depth exceeded", [field.location()]);
        }
    }

    fn is_too_deep(
        &self,
        selections: &'a [Selection],
        depth: usize,
        visited: &mut Depths<'a>,
    ) -> bool {
        let mut ahead = vec![(selections, depth)];
        while let Some((selections, depth)) = ahead.pop() {
            for selection in selections {
                match selection {
                    Selection::Field(field) => {
                        let is_list = matches!(
                            &*field.name,
                            "fields" | "interfaces" | "possibleTypes" | "inputFields"
                        );
                        let depth = depth + usize::from(is_list);
                        if depth >= LISTS {
                            return true;
                        }
                        ahead.push((&field.selection_set, depth));
                    }
                    Selection::InlineFragment(fragment) => {
                        ahead.push((&fragment.selection_set, depth));
                    }
                    Selection::FragmentSpread(spread) => {
                        let name = spread.fragment_name.as_str();
                        let deeper = visited.get(name).is_none_or(|known| *known < depth);
                        if let Some(fragment) = self.fragments.get(name).filter(|_| deeper) {
                            visited.insert(name, depth);
                            ahead.push((&fragment.selection_set, depth));
                        }
                    }
                }
            }
        }
        false
    }

    /// A subscription has one root field, and none of introspection.
    pub(super) fn single_root_field(
        &mut self,
        operation: &'a Node<OperationDefinition>,
        root: &Name,
    ) {
        let schema = self.schema;
        let applies = |condition: &Name| condition == root || schema.is_subtype(condition, root);
        let mut fields: Vec<&Node<Field>> = Vec::new();
        let mut visited = Depths::new();
        let mut ahead: Vec<_> = operation.selection_set.iter().rev().collect();
        while let Some(selection) = ahead.pop() {
            let directives = match selection {
                Selection::Field(field) => &field.directives,
                Selection::InlineFragment(fragment) => &fragment.directives,
                Selection::FragmentSpread(spread) => &spread.directives,
            };
            if is_left_out(directives) {
                continue;
            }
            match selection {
                Selection::Field(field) => fields.push(field),
                Selection::InlineFragment(fragment) => {
                    if fragment.type_condition.as_ref().is_none_or(applies) {
                        ahead.extend(fragment.selection_set.iter().rev());
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    if visited.insert(name, 0).is_none()
                        && let Some(fragment) = self.fragments.get(name)
                        && applies(&fragment.type_condition)
                    {
                        ahead.extend(fragment.selection_set.iter().rev());
                    }
                }
            }
        }
        let subject = match &operation.name {
            Some(name) => format!("Subscription \"{name}\""),
            None => "Anonymous Subscription".to_owned(),
        };
        let Some(first) = fields.first().map(|field| field.response_name().clone()) else {
            return;
        };
        let others: Vec<_> = fields
            .iter()
            .filter(|field| *field.response_name() != first)
            .map(|field| field.location())
            .collect();
        if !others.is_empty() {
            let message = format!("{subject} must select only one top level field.");
            self.report(message, others);
        }
        for same in by_name(&fields, |field| field.response_name()) {
            if same[0].name.starts_with("__") {
                let message =
                    format!("{subject} must not select an introspection top level field.");
                self.report(message, same.iter().map(|field| field.location()));
            }
        }
    }
}

/// Whether a selection is skipped, whatever the variables are.
fn is_left_out(directives: &DirectiveList) -> bool {
    let says = |directive, value| {
        let condition = directives.get(directive).and_then(|it: &Node<Directive>| {
            let condition = it.arguments.iter().find(|argument| argument.name == "if");
            condition.and_then(|argument| argument.value.to_bool())
        });
        condition == Some(value)
    };
    says("skip", true) || says("include", false)
}
