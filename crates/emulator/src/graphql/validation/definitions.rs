//! Operations and fragments as a whole: their names, and which fragments are used, and by which.

use std::collections::{HashMap, HashSet};

use apollo_compiler::Node;
use apollo_compiler::ast::{Definition, FragmentSpread, Selection};

use super::Check;
use super::spreads::{self, Spreads};
use super::type_system::named;
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
struct Open<'a> {
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
        let mut open = vec![Open::new(name, selections)];
        while let Some(current) = open.last_mut() {
            let Some(spread) = current.spreads.next() else {
                let Open { name, depth, .. } = *current;
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
                report(check, name, &self.path[*place..]);
                self.path.pop();
            } else if let Some(fragment) = check.fragments.get(name) {
                if self.visited.insert(name) {
                    self.path.push(spread);
                    places.insert(name, self.path.len());
                    open.push(Open::new(name, &fragment.selection_set));
                } else {
                    let inner = self.depths.get(name).copied().unwrap_or_default();
                    current.depth = current.depth.max(inner + 1);
                }
            }
        }
    }
}

impl<'a> Open<'a> {
    fn new(name: &'a str, selections: &'a [Selection]) -> Self {
        Self {
            name,
            spreads: spreads::within(selections).into_iter(),
            depth: 1,
        }
    }
}

fn report(check: &mut Check<'_>, name: &str, path: &[&Node<FragmentSpread>]) {
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
