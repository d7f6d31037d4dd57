//! How deep introspection goes, and how many root fields a subscription has.

use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{Directive, DirectiveList, Field, OperationDefinition, Selection};
use apollo_compiler::{Name, Node};

use super::{Check, by_name};

/// Lists in introspection, each within another, of which a query may not have as many.
const LISTS: usize = 3;

/// At which depth in lists each fragment, entered there, goes too deep; by its name. Those that
/// never do are not among them.
pub(super) type Limits<'a> = HashMap<&'a str, usize>;

/// What selections hold, but for what the fragments in them hold.
struct Lists<'a> {
    /// How many lists are within one another.
    deepest: usize,
    /// The fragments that are spread, and in how many lists each is.
    spreads: Vec<(&'a str, usize)>,
}

impl<'a> Check<'a> {
    pub(super) fn introspection_depth(&mut self, field: &'a Node<Field>) {
        let limits = match self.limits.take() {
            Some(limits) => limits,
            None => self.introspection_limits(),
        };
        let lists = self.lists(&field.selection_set);
        let is_too_deep = lists.deepest >= LISTS
            || lists
                .spreads
                .iter()
                .any(|(name, depth)| limits.get(name).is_some_and(|limit| limit <= depth));
        self.limits = Some(limits);
        if is_too_deep {
            self.report("Maximum introspection depth exceeded", [field.location()]);
        }
    }

    /// Looks into each fragment once, whatever spreads it: what a fragment holds is passed on to
    /// those that spread it, at most once for each depth.
    fn introspection_limits(&self) -> Limits<'a> {
        let mut limits = Limits::new();
        let mut spread_in: HashMap<&str, Vec<(&str, usize)>> = HashMap::new();
        let mut ahead = Vec::new();
        for (name, fragment) in &self.fragments {
            let lists = self.lists(&fragment.selection_set);
            for (inner, depth) in lists.spreads {
                spread_in.entry(inner).or_default().push((*name, depth));
            }
            if lists.deepest > 0 {
                limits.insert(*name, LISTS - lists.deepest);
                ahead.push(*name);
            }
        }
        while let Some(name) = ahead.pop() {
            let limit = limits.get(name).copied().unwrap_or(LISTS);
            for (outer, depth) in spread_in.get(name).into_iter().flatten() {
                self.count(1);
                let through = limit.saturating_sub(*depth);
                if limits.get(outer).is_none_or(|known| through < *known) {
                    limits.insert(*outer, through);
                    ahead.push(*outer);
                }
            }
        }
        limits
    }

    fn lists(&self, selections: &'a [Selection]) -> Lists<'a> {
        let mut lists = Lists {
            deepest: 0,
            spreads: Vec::new(),
        };
        let mut ahead = vec![(selections, 0)];
        while let Some((selections, depth)) = ahead.pop() {
            self.count(selections.len());
            for selection in selections {
                match selection {
                    Selection::Field(field) => {
                        let is_list = matches!(
                            &*field.name,
                            "fields" | "interfaces" | "possibleTypes" | "inputFields"
                        );
                        let depth = depth + usize::from(is_list);
                        lists.deepest = lists.deepest.max(depth);
                        if depth >= LISTS {
                            return lists;
                        }
                        ahead.push((&field.selection_set, depth));
                    }
                    Selection::InlineFragment(fragment) => {
                        ahead.push((&fragment.selection_set, depth));
                    }
                    Selection::FragmentSpread(spread) => {
                        lists.spreads.push((&spread.fragment_name, depth));
                    }
                }
            }
        }
        lists
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
        let mut visited = HashSet::new();
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
                    if visited.insert(name)
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
