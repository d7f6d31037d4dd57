//! Operations and fragments as a whole: their names, the only root field of a subscription, which
//! fragments each spreads ([`Spreads`]), and that none is unused or within itself.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{
    Definition, Directive, DirectiveList, Field, FragmentDefinition, FragmentSpread,
    OperationDefinition, Selection,
};
use apollo_compiler::{Name, Node};

use super::check::{Check, by_name, named};
use crate::graphql::syntax::DEEPEST;

impl<'a> Check<'a> {
    /// What is executable, and that no two have one name.
    pub(super) fn names_of_definitions(&mut self) {
        let (mut operations, mut fragments) = (HashMap::new(), HashMap::new());
        for definition in &self.document.definitions {
            match definition {
                Definition::OperationDefinition(operation) => match &operation.name {
                    Some(name) => {
                        let known = *operations.entry(name).or_insert(name);
                        if !std::ptr::eq(known, name) {
                            let message =
                                format!("There can be only one operation named \"{name}\".");
                            self.report(message, [known.location(), name.location()]);
                        }
                    }
                    None if self.operations.len() > 1 => self.report(
                        "This anonymous operation must be the only defined operation.",
                        [operation.location()],
                    ),
                    None => {}
                },
                Definition::FragmentDefinition(fragment) => {
                    let name = &fragment.name;
                    let known = *fragments.entry(name).or_insert(name);
                    if !std::ptr::eq(known, name) {
                        let message = format!("There can be only one fragment named \"{name}\".");
                        self.report(message, [known.location(), name.location()]);
                    }
                }
                other => {
                    let named =
                        named(other).map_or("schema".to_owned(), |name| format!("\"{name}\""));
                    let message = format!("The {named} definition is not executable.");
                    self.report(message, [other.location()]);
                }
            }
        }
    }

    /// No fragment is unused, and none is within itself.
    pub(super) fn use_of_fragments(&mut self, spreads: &Spreads<'a>) {
        let operations = self.operations.iter().map(|it| &*it.selection_set);
        let used = spreads.reachable(self, operations);
        let used: HashSet<_> = used.iter().map(|fragment| &fragment.name).collect();
        let mut walk = Cycles::default();
        for definition in &self.document.definitions {
            let Definition::FragmentDefinition(fragment) = definition else {
                continue;
            };
            if !used.contains(&fragment.name) {
                let message = format!("Fragment \"{}\" is never used.", fragment.name);
                self.report(message, [fragment.location()]);
            }
            walk.from(self, &fragment.name, &fragment.selection_set);
        }
        if walk.deepest > DEEPEST {
            let message = format!("Fragments nest deeper than {DEEPEST} levels.");
            self.report(message, []);
        }
    }
}

/// The search for fragments within themselves. It keeps its own stack: a document may chain more
/// fragments than fit on a thread's stack.
#[derive(Default)]
struct Cycles<'a> {
    visited: HashSet<&'a str>,
    path: Vec<&'a Node<FragmentSpread>>,
    /// How deep fragments are within one another, at the most.
    deepest: usize,
    /// How deep what a fragment spreads is, by its name, once it has been looked at.
    depths: HashMap<&'a str, usize>,
}

/// A fragment that is looked at.
struct OpenFragment<'a> {
    name: &'a str,
    spreads: std::vec::IntoIter<&'a Node<FragmentSpread>>,
    depth: usize,
}

impl<'a> Cycles<'a> {
    fn from(&mut self, check: &mut Check<'a>, name: &'a str, selections: &'a [Selection]) {
        if !self.visited.insert(name) {
            return;
        }
        // Where in the path a fragment that is open begins.
        let mut places = HashMap::from([(name, 0)]);
        let mut open = vec![OpenFragment::new(name, selections)];
        while let Some(current) = open.last_mut() {
            let Some(spread) = current.spreads.next() else {
                let OpenFragment { name, depth, .. } = *current;
                self.deepest = self.deepest.max(depth);
                self.depths.insert(name, depth);
                places.remove(name);
                open.pop();
                self.path.pop();
                if let Some(outer) = open.last_mut() {
                    outer.depth = outer.depth.max(depth + 1);
                }
                continue;
            };
            let name = spread.fragment_name.as_str();
            if let Some(place) = places.get(name) {
                self.path.push(spread);
                report_cycle(check, name, &self.path[*place..]);
                self.path.pop();
            } else if let Some(fragment) = check.fragments.get(name) {
                if self.visited.insert(name) {
                    self.path.push(spread);
                    places.insert(name, self.path.len());
                    open.push(OpenFragment::new(name, &fragment.selection_set));
                } else {
                    let inner = self.depths.get(name).copied().unwrap_or_default();
                    current.depth = current.depth.max(inner + 1);
                }
            }
        }
    }
}

impl<'a> OpenFragment<'a> {
    fn new(name: &'a str, selections: &'a [Selection]) -> Self {
        Self {
            name,
            spreads: within(selections).into_iter(),
            depth: 1,
        }
    }
}

fn report_cycle(check: &mut Check<'_>, name: &str, path: &[&Node<FragmentSpread>]) {
    // There may be as many paths as spreads, each as long as there are fragments.
    if check.is_full() {
        return;
    }
    check.count(path.len());
    let via: Vec<_> = path[..path.len() - 1]
        .iter()
        .map(|spread| format!("\"{}\"", spread.fragment_name))
        .collect();
    let via = match &*via {
        [] => String::new(),
        via => format!(" via {}", via.join(", ")),
    };
    let message = format!("Cannot spread fragment \"{name}\" within itself{via}.");
    check.report(message, path.iter().map(|spread| spread.location()));
}

impl<'a> Check<'a> {
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
