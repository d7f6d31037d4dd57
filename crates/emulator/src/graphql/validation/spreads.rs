//! Which fragments each operation and fragment spreads.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use apollo_compiler::Node;
use apollo_compiler::ast::{FragmentDefinition, FragmentSpread, Selection};

use super::Check;

/// The fragments of a document, each looked into once.
pub(super) struct Spreads<'a> {
    fragments: Vec<&'a Node<FragmentDefinition>>,
    /// The place of each name in the list above.
    places: HashMap<&'a str, usize>,
    /// The fragments that each spreads, each of them once.
    inner: Vec<Vec<usize>>,
    /// In which search each fragment was found last.
    found: RefCell<(usize, Vec<usize>)>,
}

impl<'a> Spreads<'a> {
    pub(super) fn of(check: &Check<'a>) -> Self {
        let fragments: Vec<_> = check.fragments.values().copied().collect();
        let named = fragments.iter().enumerate();
        let mut spreads = Self {
            places: named.map(|(place, it)| (it.name.as_str(), place)).collect(),
            inner: Vec::new(),
            found: RefCell::new((0, vec![0; fragments.len()])),
            fragments,
        };
        spreads.inner = spreads
            .fragments
            .iter()
            .map(|fragment| spreads.places_in(&fragment.selection_set))
            .collect();
        spreads
    }

    /// The fragments that are spread in these selections, and in the fragments themselves; in the
    /// reference's order.
    pub(super) fn reachable(
        &self,
        check: &Check<'a>,
        roots: impl Iterator<Item = &'a [Selection]>,
    ) -> Vec<&'a Node<FragmentDefinition>> {
        let (search, found) = &mut *self.found.borrow_mut();
        *search += 1;
        let mut is_new = |place: usize| std::mem::replace(&mut found[place], *search) != *search;
        let mut reached: Vec<_> = roots.flat_map(|root| self.places_in(root)).collect();
        reached.retain(|place| is_new(*place));
        let mut next = 0;
        while let Some(place) = reached.get(next) {
            next += 1;
            let inner = &self.inner[*place];
            check.count(1 + inner.len());
            reached.extend(inner.iter().copied().filter(|place| is_new(*place)));
        }
        reached.iter().map(|place| self.fragments[*place]).collect()
    }

    fn places_in(&self, selections: &[Selection]) -> Vec<usize> {
        let mut seen = HashSet::new();
        within(selections)
            .iter()
            .filter_map(|spread| self.places.get(spread.fragment_name.as_str()).copied())
            .filter(|place| seen.insert(*place))
            .collect()
    }
}

/// The spreads in a selection, those in fields within it too; in the reference's order.
pub(super) fn within(selections: &[Selection]) -> Vec<&Node<FragmentSpread>> {
    let mut found = Vec::new();
    let mut ahead = vec![selections];
    while let Some(selections) = ahead.pop() {
        for selection in selections {
            match selection {
                Selection::FragmentSpread(spread) => found.push(spread),
                Selection::Field(field) => ahead.push(&field.selection_set),
                Selection::InlineFragment(fragment) => ahead.push(&fragment.selection_set),
            }
        }
    }
    found
}
