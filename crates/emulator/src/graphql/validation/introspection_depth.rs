//! How deep introspection goes: in how many lists, each within another, through any fragments.

use std::collections::HashMap;

use apollo_compiler::Node;
use apollo_compiler::ast::{Field, Selection};

use super::check::{Check, IntrospectionLimits};

/// Lists in introspection, each within another, of which a query may not have as many.
const LISTS: usize = 3;

/// What selections hold, but for what the fragments in them hold.
struct NestedLists<'a> {
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
    fn introspection_limits(&self) -> IntrospectionLimits<'a> {
        let mut limits = IntrospectionLimits::new();
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

    fn lists(&self, selections: &'a [Selection]) -> NestedLists<'a> {
        let mut lists = NestedLists {
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
}
