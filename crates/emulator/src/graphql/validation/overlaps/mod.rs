//! Fields with one name in the response must be one field: the same field of the same type, with the
//! same arguments, and so on with what they select.
//!
//! The order of comparisons, and what is compared once only, are the reference's: they decide
//! which conflicts a message names. [`Check::overlaps`] goes through every selection, and compares the
//! [`field_conflicts`] in it with each other, with those of fragments, and with what they select.

mod field_conflicts;

use std::collections::HashMap;
use std::rc::Rc;

use apollo_compiler::ast::{Definition, Selection, Type};

use super::check::{ABORTED, Check, MOST_ERRORS};
use crate::graphql::types;
use field_conflicts::{Conflict, FoundField, Overlaps, SelectedFields, abbreviated, joined};

/// How much may be compared in one document.
const BUDGET: usize = 500_000;
/// How deep comparisons may nest.
const DEEPEST: usize = 450;

/// The comparison has used up what it may.
struct Exhausted;

type Compared = Result<(), Exhausted>;

impl<'a> Check<'a> {
    pub(super) fn overlaps(&mut self) {
        let mut overlaps = Overlaps {
            check: self,
            fields: HashMap::new(),
            with_fragment: HashMap::new(),
            between_fragments: HashMap::new(),
            arguments: HashMap::new(),
            budget: BUDGET,
            depth: 0,
        };
        let mut conflicts = Vec::new();
        let compared = overlaps.document(&mut conflicts);
        for Conflict {
            key,
            reason,
            places: [ones, others],
        } in conflicts
        {
            let key = abbreviated(key.to_owned());
            let message = format!(
                "Fields \"{key}\" conflict because {reason}. Use different aliases on the fields to fetch both if this was intentional."
            );
            self.report(message, ones.into_iter().chain(others));
        }
        if compared.is_err() {
            self.report(ABORTED, []);
        }
    }
}

/// Adds a conflict, while conflicts count.
fn keep<'a>(conflicts: &mut Vec<Conflict<'a>>, conflict: Option<Conflict<'a>>) {
    if conflicts.len() <= MOST_ERRORS {
        conflicts.extend(conflict);
    }
}

impl<'a> Overlaps<'_, 'a> {
    fn document(&mut self, conflicts: &mut Vec<Conflict<'a>>) -> Compared {
        let check = self.check;
        for definition in &check.document.definitions {
            let (parent, selections) = match definition {
                Definition::OperationDefinition(operation) => (
                    types::root(check.schema, operation.operation_type).map(|name| name.as_str()),
                    &operation.selection_set,
                ),
                Definition::FragmentDefinition(fragment) => (
                    check.composite(&fragment.type_condition),
                    &fragment.selection_set,
                ),
                _ => continue,
            };
            self.selections(parent, selections, true, conflicts)?;
        }
        Ok(())
    }

    /// Every selection within this one, each against itself. What an inline fragment holds counts
    /// as what is around it.
    fn selections(
        &mut self,
        parent: Option<&'a str>,
        selections: &'a [Selection],
        is_whole: bool,
        conflicts: &mut Vec<Conflict<'a>>,
    ) -> Compared {
        let is_alone = matches!(
            selections,
            [Selection::Field(_) | Selection::FragmentSpread(_)]
        );
        if is_whole && !is_alone {
            self.within(parent, selections, conflicts)?;
        }
        for selection in selections {
            match selection {
                Selection::Field(field) if !field.selection_set.is_empty() => {
                    let parent = parent
                        .and_then(|parent| types::field(self.check.schema, parent, &field.name))
                        .and_then(|field| self.check.composite(field.ty.inner_named_type()));
                    self.selections(parent, &field.selection_set, true, conflicts)?;
                }
                Selection::InlineFragment(fragment) => {
                    let parent = match &fragment.type_condition {
                        Some(condition) => self.check.composite(condition),
                        None => parent,
                    };
                    self.selections(parent, &fragment.selection_set, false, conflicts)?;
                }
                Selection::Field(_) | Selection::FragmentSpread(_) => {}
            }
        }
        Ok(())
    }

    fn within(
        &mut self,
        parent: Option<&'a str>,
        selections: &'a [Selection],
        conflicts: &mut Vec<Conflict<'a>>,
    ) -> Compared {
        let fields = self.collected(parent, selections);
        for (key, found) in &fields.by_key {
            for (place, one) in found.iter().enumerate() {
                for other in &found[place + 1..] {
                    keep(conflicts, self.conflict(false, key, *one, *other)?);
                }
            }
        }
        let fragments = &fields.fragments;
        if fields.by_key.is_empty() && fragments.len() < 2 {
            return Ok(());
        }
        for (place, one) in fragments.iter().enumerate() {
            self.fields_and_fragment(false, &fields, one, conflicts)?;
            for other in &fragments[place + 1..] {
                self.fragments(false, one, other, conflicts)?;
            }
        }
        Ok(())
    }

    fn fields_and_fragment(
        &mut self,
        exclusive: bool,
        fields: &Rc<SelectedFields<'a>>,
        name: &'a str,
        conflicts: &mut Vec<Conflict<'a>>,
    ) -> Compared {
        self.spend(1)?;
        if fields.by_key.is_empty() {
            return Ok(());
        }
        let key = (Rc::as_ptr(fields), name);
        match self.with_fragment.get(&key) {
            Some(false) => return Ok(()),
            Some(true) if exclusive => return Ok(()),
            _ => {}
        }
        self.with_fragment.insert(key, exclusive);
        let Some(fragment) = self.check.fragments.get(name) else {
            return Ok(());
        };
        let others = self.collected_fragment(fragment);
        if Rc::ptr_eq(fields, &others) {
            return Ok(());
        }
        self.deeper(|this| {
            this.between(exclusive, fields, &others, conflicts)?;
            for name in &others.fragments {
                this.fields_and_fragment(exclusive, fields, name, conflicts)?;
            }
            Ok(())
        })
    }

    fn fragments(
        &mut self,
        exclusive: bool,
        one: &'a str,
        other: &'a str,
        conflicts: &mut Vec<Conflict<'a>>,
    ) -> Compared {
        self.spend(2)?;
        if one == other {
            return Ok(());
        }
        for key in [(one, other), (other, one)] {
            match self.between_fragments.get(&key) {
                Some(false) => return Ok(()),
                Some(true) if exclusive => return Ok(()),
                _ => {}
            }
        }
        self.between_fragments.insert((one, other), exclusive);
        let fragments = &self.check.fragments;
        let (Some(first), Some(second)) = (fragments.get(one), fragments.get(other)) else {
            return Ok(());
        };
        let ones = self.collected_fragment(first);
        let others = self.collected_fragment(second);
        self.deeper(|this| {
            this.between(exclusive, &ones, &others, conflicts)?;
            for inner in &others.fragments {
                this.fragments(exclusive, one, inner, conflicts)?;
            }
            for inner in &ones.fragments {
                this.fragments(exclusive, inner, other, conflicts)?;
            }
            Ok(())
        })
    }

    fn between(
        &mut self,
        exclusive: bool,
        ones: &SelectedFields<'a>,
        others: &SelectedFields<'a>,
        conflicts: &mut Vec<Conflict<'a>>,
    ) -> Compared {
        if others.by_key.is_empty() {
            return Ok(());
        }
        for (key, found) in &ones.by_key {
            self.spend(1)?;
            let Some(place) = others.places.get(key) else {
                continue;
            };
            for one in found {
                for other in &others.by_key[*place].1 {
                    keep(conflicts, self.conflict(exclusive, key, *one, *other)?);
                }
            }
        }
        Ok(())
    }

    fn conflict(
        &mut self,
        exclusive: bool,
        key: &'a str,
        one: FoundField<'a>,
        other: FoundField<'a>,
    ) -> Result<Option<Conflict<'a>>, Exhausted> {
        self.spend(2)?;
        let is_object = |parent: Option<&str>| {
            parent.is_some_and(|parent| self.check.schema.get_object(parent).is_some())
        };
        let exclusive = exclusive
            || (one.parent != other.parent && is_object(one.parent) && is_object(other.parent));
        let reason = if exclusive {
            None
        } else {
            self.difference(one.node, other.node)
        };
        let reason = match (reason, one.ty, other.ty) {
            (Some(reason), _, _) => Some(reason),
            (None, Some(ty), Some(of)) if self.types_conflict(ty, of) => Some(format!(
                "they return conflicting types \"{ty}\" and \"{of}\""
            )),
            _ => None,
        };
        let places = [vec![one.node.location()], vec![other.node.location()]];
        if let Some(reason) = reason {
            return Ok(Some(Conflict {
                key,
                reason,
                places,
            }));
        }
        if one.node.selection_set.is_empty() || other.node.selection_set.is_empty() {
            return Ok(None);
        }
        let mut inner = Vec::new();
        self.deeper(|this| this.sub_selections(exclusive, one, other, &mut inner))?;
        Ok(joined(key, places, &inner))
    }

    fn sub_selections(
        &mut self,
        exclusive: bool,
        one: FoundField<'a>,
        other: FoundField<'a>,
        conflicts: &mut Vec<Conflict<'a>>,
    ) -> Compared {
        let named = |ty: Option<&'a Type>| ty.map(|ty| ty.inner_named_type().as_str());
        let ones = self.collected(named(one.ty), &one.node.selection_set);
        let others = self.collected(named(other.ty), &other.node.selection_set);
        self.between(exclusive, &ones, &others, conflicts)?;
        for name in &others.fragments {
            self.fields_and_fragment(exclusive, &ones, name, conflicts)?;
        }
        for name in &ones.fragments {
            self.fields_and_fragment(exclusive, &others, name, conflicts)?;
        }
        for one in &ones.fragments {
            for other in &others.fragments {
                self.fragments(exclusive, one, other, conflicts)?;
            }
        }
        Ok(())
    }

    fn spend(&mut self, cost: usize) -> Compared {
        self.budget = self.budget.checked_sub(cost).ok_or(Exhausted)?;
        Ok(())
    }

    fn deeper(&mut self, inner: impl FnOnce(&mut Self) -> Compared) -> Compared {
        if self.depth == DEEPEST {
            return Err(Exhausted);
        }
        self.depth += 1;
        let compared = inner(self);
        self.depth -= 1;
        compared
    }
}
