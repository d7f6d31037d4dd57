//! Fields that are selected beside a fragment, and in it ([`check`]): one of the structs gets them.

use std::collections::HashSet;

use apollo_compiler::ast::Selection;
use apollo_compiler::parser::SourceSpan;

use super::definitions::{Definitions, TYPENAME, key};
use super::report::Report;

/// A fragment that is flattened into a struct.
#[derive(Clone)]
pub(super) struct Child<'a> {
    pub(super) selections: &'a [Selection],
    pub(super) place: Option<SourceSpan>,
    /// What those behind it do not get any more.
    pub(super) taken: Vec<&'a str>,
}

impl<'a> Child<'a> {
    /// A fragment as its struct reads it.
    pub(super) fn of(name: &str, place: Option<SourceSpan>, definitions: &Definitions<'a>) -> Self {
        let Some(fragment) = definitions.fragment(name) else {
            return Self {
                selections: &[],
                place,
                taken: Vec::new(),
            };
        };
        let (on, selections) = (&fragment.type_condition, &*fragment.selection_set);
        let (on, inner) = definitions.resolved(on, selections);
        let mut taken = Vec::new();
        let is_spread = |it: &Selection| matches!(it, Selection::FragmentSpread(_));
        // A struct that others are flattened into leaves all fields to those beside it.
        if !definitions.is_abstract(on) && !inner.iter().any(is_spread) {
            let fields = inner.iter().filter_map(|it| it.as_field());
            taken.extend(fields.map(|it| key(it)).filter(|it| *it != TYPENAME));
        }
        Self {
            selections,
            place,
            taken,
        }
    }
}

/// Checks the fields that a struct reads itself, and the fragments that are flattened into it.
pub(super) fn check<'a>(
    keys: &HashSet<&'a str>,
    children: &[Child<'a>],
    definitions: &Definitions<'a>,
    report: &mut Report<'_>,
) {
    let mut taken = keys.clone();
    for child in children {
        if let Some(twice) = first_of(child.selections, &taken, definitions, report) {
            report.add(
                format!("\"{twice}\" is selected here, and beside this fragment."),
                "the derive reads it for one of the two, and the other lacks it: select it in one of them",
                child.place,
            );
        }
        taken.extend(child.taken.iter().copied());
    }
}

/// The first field of selections, and of the fragments in them, that is one of these.
fn first_of<'a>(
    selections: &'a [Selection],
    keys: &HashSet<&'a str>,
    definitions: &Definitions<'a>,
    report: &mut Report<'_>,
) -> Option<&'a str> {
    if keys.is_empty() {
        return None;
    }
    let mut seen = HashSet::new();
    let mut ahead = vec![selections];
    while let Some(selections) = ahead.pop() {
        for selection in selections {
            if !report.take_steps(1) {
                return None;
            }
            match selection {
                Selection::Field(field) => {
                    let key = key(field);
                    if field.name != TYPENAME && keys.contains(key) {
                        return Some(key);
                    }
                }
                Selection::InlineFragment(fragment) => ahead.push(&fragment.selection_set),
                Selection::FragmentSpread(spread) => {
                    let fragment = definitions.fragment(&spread.fragment_name);
                    let new = fragment.filter(|it| seen.insert(&it.name));
                    ahead.extend(new.map(|it| &*it.selection_set));
                }
            }
        }
    }
    None
}
