//! The objects that an interface or a union may be, and those that a fragment applies to. Types that were
//! made before find them by the names that they had.

use std::collections::HashSet;

use apollo_compiler::ast::{FragmentDefinition, Selection};
use apollo_compiler::{Name, Node};

use super::change::Level;
use super::comparison::Comparison;
use super::reads::Selected;
use super::scopes::Span;
use crate::graphql::types;

impl<'a> Comparison<'a> {
    /// The objects that what was an interface or a union may be now. The types find them by their names, if
    /// they found `__typename` in what is selected.
    pub(super) fn new_objects(
        &mut self,
        coordinate: &str,
        was: &'a str,
        is: &'a str,
        place: Span,
        has_typename: bool,
    ) {
        let schemas = self.schemas;
        let (known, now) = (
            schemas.old_possible.may_be(was),
            schemas.new_possible.may_be(is),
        );
        let unread = match has_typename {
            true => Level::Breaking,
            false => Level::Dangerous,
        };
        let is_abstract = !schemas.new.types.get(is).is_some_and(|it| it.is_object());
        let mut is_explained = false;
        for member in now.difference(&known) {
            let old_name = schemas.renames.old_name(member);
            match old_name.filter(|it| known.contains(it)) {
                Some(old) => {
                    let message = format!(
                        "`{old}` is named `{member}` now, which types made before do not know"
                    );
                    self.add(unread, coordinate, &message, place);
                    is_explained = true;
                }
                None if is_abstract => {
                    let message = format!("it may be `{member}`, too");
                    self.add(Level::Dangerous, coordinate, &message, place);
                }
                None => {}
            }
        }
        if !now.is_empty() && now.is_disjoint(&known) && !is_explained {
            let message = "none of the types that it may be is known to types made before";
            self.add(unread, coordinate, message, place);
        }
    }

    /// The objects that an interface or a union never is any more.
    pub(super) fn lost_objects(&mut self, was: &'a str, is: &'a str, place: Span) {
        let schemas = self.schemas;
        let (known, now) = (
            schemas.old_possible.may_be(was),
            schemas.new_possible.may_be(is),
        );
        for member in known.difference(&now) {
            let new_name = schemas.renames.of(member);
            if !new_name.is_some_and(|it| now.contains(it)) {
                let message = format!("it is never `{member}`");
                self.add(Level::Safe, was, &message, place);
            }
        }
    }

    /// What is selected on another type than its parent's. It may have applied to all that the parent might
    /// be, and not apply to all of it now.
    pub(super) fn spread(
        &mut self,
        parent: &Selected<'a>,
        on: &'a Name,
        fragment: Option<&'a Node<FragmentDefinition>>,
        place: Span,
    ) {
        let schemas = self.schemas;
        let is_object = |name: &str| schemas.old.get_object(name).is_some();
        let only = fragment.filter(|_| parent.selections.len() == 1);
        let is_only = only.is_some();
        let Some(new) = schemas.renames.new_name(schemas.new, on) else {
            return;
        };
        if !schemas.old_possible.is_always(parent.old, on) || self.is_refused_at(&[place]) {
            return;
        }
        // The type of the fragment is that of the object then, and finds the object by its name.
        if let Some(fragment) = only
            && is_object(parent.old)
            && !is_object(on)
        {
            let has_typename = self.had_typename(fragment.location());
            self.new_objects(&parent.coordinate, on, parent.new, place, has_typename);
        }
        if schemas.new_possible.is_always(parent.new, new) {
            return;
        }
        let is_within = on == parent.old || is_only;
        let level = match fragment {
            Some(fragment) if is_within && self.is_needed(fragment) => Level::Breaking,
            _ if !is_object(parent.old) && !is_within => return,
            _ => Level::Dangerous,
        };
        let message = format!("what is selected on `{on}` may be missing");
        self.add(level, &parent.coordinate, &message, place);
    }

    /// Whether a fragment cannot be read where nothing of it is there.
    fn is_needed(&self, fragment: &'a Node<FragmentDefinition>) -> bool {
        let mut seen = HashSet::new();
        let mut ahead = vec![fragment];
        while let Some(fragment) = ahead.pop() {
            let on = &fragment.type_condition;
            if !seen.insert(fragment.name.as_str()) {
                continue;
            }
            // `__typename` says what it is.
            if self
                .schemas
                .old
                .types
                .get(on)
                .is_some_and(|it| !it.is_object())
            {
                return true;
            }
            for selection in &fragment.selection_set {
                match selection {
                    Selection::Field(field) => {
                        let known = types::field(self.schemas.old, on, &field.name);
                        if known.is_some_and(|it| it.ty.is_non_null() && !it.name.starts_with("__"))
                        {
                            return true;
                        }
                    }
                    Selection::FragmentSpread(spread) => {
                        let inner = self.scopes.fragment(&spread.fragment_name);
                        let is_only = fragment.selection_set.len() == 1;
                        ahead.extend(inner.filter(|it| is_only || it.type_condition == *on));
                    }
                    Selection::InlineFragment(_) => {}
                }
            }
        }
        false
    }
}
