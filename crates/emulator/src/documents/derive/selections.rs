//! What the derive reads of a response otherwise than it is there, or not at all ([`SelectionCheck`]): it
//! makes a struct of each selection, an enum of its fragments on the types of an interface or a union, and
//! flattens the structs of fragments into it.

use std::collections::{BTreeMap, HashSet};

use apollo_compiler::ast::{Field, InlineFragment, Selection};
use apollo_compiler::parser::SourceSpan;
use heck::ToSnakeCase;

use super::conditions;
use super::definitions::{Definitions, TYPENAME, key};
use super::extensions;
use super::members::Members;
use super::names::report_keyword;
use super::overlaps::{self, Child};
use super::report::{Reason, Report};

pub(super) struct SelectionCheck<'a, 'b> {
    pub(super) definitions: &'b Definitions<'a>,
    pub(super) report: &'b mut Report<'a>,
}

/// A fragment on one of the types of an interface or a union.
enum Variant<'a> {
    Inline(&'a InlineFragment, Option<SourceSpan>),
    Spread(Child<'a>, String),
}

impl<'a, 'b> SelectionCheck<'a, 'b> {
    pub(super) fn new(definitions: &'b Definitions<'a>, report: &'b mut Report<'a>) -> Self {
        Self {
            definitions,
            report,
        }
    }

    /// The selections on a type, and all within them.
    pub(super) fn check(
        &mut self,
        selections: &'a [Selection],
        on: &'a str,
        place: Option<SourceSpan>,
    ) {
        let mut ahead = vec![(selections, on, place)];
        while let Some((selections, on, place)) = ahead.pop() {
            match self.definitions.is_abstract(on) {
                true => self.on_abstract(selections, on, place),
                false => self.on_object(selections, on, place),
            }
            conditions::check(selections, on, self.definitions, self.report);
            let schema = self.definitions.schema;
            extensions::check_selections(selections, on, place, schema, self.report);
            for selection in selections {
                match selection {
                    Selection::Field(field) if !field.selection_set.is_empty() => {
                        if let Some(ty) = self.definitions.type_of(on, field) {
                            ahead.push((&field.selection_set, ty, field.location()));
                        }
                    }
                    Selection::InlineFragment(fragment) => {
                        if let Some(ty) = self.definitions.variant(on, fragment) {
                            ahead.push((&fragment.selection_set, ty, fragment.location()));
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn on_object(&mut self, selections: &'a [Selection], on: &str, place: Option<SourceSpan>) {
        if let [Selection::FragmentSpread(_)] = selections {
            // It is the fragment's type.
            return;
        }
        let before = self.report.problems.len();
        let mut members = Members::default();
        for selection in selections {
            match selection {
                Selection::Field(field) => self.field(field, field.location(), &mut members),
                Selection::InlineFragment(fragment) => {
                    let help = format!(
                        "the derive looks at fragments on the types of an interface or a union \
                                alone: select the fields on \"{on}\" itself"
                    );
                    self.inline_left_out(fragment, fragment.location(), on, &help);
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    let Some(fragment) = self.definitions.fragment(name) else {
                        continue;
                    };
                    if fragment.type_condition != on {
                        let help = format!(
                            "the derive takes it where nothing else is selected: define the fragment on \"{on}\""
                        );
                        self.left_out(&format!("...{name}"), on, &help, spread.location());
                        continue;
                    }
                    let child = Child::of(name, spread.location(), self.definitions);
                    members.spread(name, child, self.report);
                }
            }
        }
        if members.is_empty() && self.report.problems.len() == before {
            let message = format!("Nothing but `{TYPENAME}` is selected on \"{on}\".");
            let help = "the derive makes a type of it that no response can have: select a field";
            self.report.add(message, help, place);
        }
        overlaps::check(
            &members.keys,
            &members.children,
            self.definitions,
            self.report,
        );
    }

    fn on_abstract(&mut self, selections: &'a [Selection], on: &str, place: Option<SourceSpan>) {
        if !self.has_typename(selections, on) {
            self.report.add_for(
                Reason::NoTypename,
                format!("`{TYPENAME}` is not selected on \"{on}\"."),
                format!("the derive finds the type of an object by it: select `{TYPENAME}` there"),
                place,
            );
        }
        if let [Selection::FragmentSpread(_)] = selections {
            return;
        }
        let mut members = Members::default();
        let mut variants: BTreeMap<&str, Vec<Variant<'a>>> = BTreeMap::new();
        for selection in selections {
            match selection {
                Selection::Field(field) => self.field(field, field.location(), &mut members),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.type_condition.as_ref();
                    let place = fragment.location();
                    match self.definitions.variant(on, fragment) {
                        Some(ty) => {
                            let variant = Variant::Inline(fragment, place);
                            variants.entry(ty).or_default().push(variant);
                        }
                        None => {
                            let help = match condition.is_some_and(|it| it == on) {
                                true => "the derive looks at fragments on the types of objects alone: select \
                                         the fields without a fragment"
                                    .to_owned(),
                                false => only_objects(on),
                            };
                            self.inline_left_out(fragment, place, on, &help);
                        }
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    let Some(fragment) = self.definitions.fragment(name) else {
                        continue;
                    };
                    let (of, place) = (fragment.type_condition.as_str(), spread.location());
                    if of != on && !self.definitions.is_variant(on, of) {
                        self.left_out(&format!("...{name}"), on, &only_objects(on), place);
                        continue;
                    }
                    let child = Child::of(name, place, self.definitions);
                    match of == on {
                        true => members.spread(name, child, self.report),
                        false => {
                            let variant = Variant::Spread(child, name.to_owned());
                            variants.entry(of).or_default().push(variant);
                        }
                    }
                }
            }
        }
        if members.has_on() && self.definitions.has_variants(on) {
            members.enum_of_variants(place, self.report);
        }
        for (ty, variants) in variants {
            self.variant(ty, variants, &mut members);
        }
        overlaps::check(
            &members.keys,
            &members.children,
            self.definitions,
            self.report,
        );
    }

    /// The fragments on one type of an interface or a union. Of several, the derive reads the fields of the
    /// first alone, as often as there are fragments that have no name.
    fn variant(&mut self, ty: &str, variants: Vec<Variant<'a>>, outer: &mut Members<'a>) {
        let count = variants.len();
        let mut members = Members::default();
        let mut is_alias = false;
        for (number, variant) in variants.into_iter().enumerate() {
            match variant {
                Variant::Inline(fragment, place) if number == 0 => {
                    let selections = &*fragment.selection_set;
                    is_alias = matches!(selections, [Selection::FragmentSpread(_)]);
                    outer.children.push(Child {
                        selections,
                        place,
                        taken: Vec::new(),
                    });
                    for selection in selections {
                        match selection {
                            Selection::Field(field) if count > 1 && field.name != TYPENAME => {
                                members.keys.insert(key(field));
                            }
                            Selection::FragmentSpread(spread) if count > 1 => {
                                let child = Child::of(
                                    &spread.fragment_name,
                                    spread.location(),
                                    self.definitions,
                                );
                                members.children.push(child);
                            }
                            _ => {}
                        }
                    }
                }
                Variant::Inline(_, place) => self.report.add(
                    format!("There is another fragment on \"{ty}\" before this one."),
                    "the derive reads the first again in place of it: make one of them",
                    place,
                ),
                Variant::Spread(child, name) if is_alias => self.left_out(
                    &format!("...{name}"),
                    ty,
                    "there is another fragment on it before: put both into one `... on`",
                    child.place,
                ),
                // It is the type.
                Variant::Spread(child, _) if count == 1 => outer.children.push(child),
                Variant::Spread(child, name) => {
                    let shown = format!("`...{name}`");
                    report_keyword(&name.to_snake_case(), &shown, child.place, self.report);
                    outer.children.push(child.clone());
                    members.spread(&name, child, self.report);
                }
            }
        }
        overlaps::check(
            &members.keys,
            &members.children,
            self.definitions,
            self.report,
        );
    }

    fn field(&mut self, field: &'a Field, place: Option<SourceSpan>, members: &mut Members<'a>) {
        let key = key(field);
        if field.name == TYPENAME {
            if key != TYPENAME {
                self.report.add(
                    format!("`{TYPENAME}` is called \"{key}\"."),
                    "the derive makes no field of it, and finds the type of an object by the name alone: \
                     remove the alias",
                    place,
                );
            }
            return;
        }
        if field.name.starts_with("__") {
            self.report.add(
                format!("\"{}\" is selected.", field.name),
                "the derive knows the fields alone that the schema's file defines: send such a query \
                 without it",
                place,
            );
            return;
        }
        members.field(key, place, self.report);
    }

    /// Whether `__typename` is selected directly, or in a fragment on the same type.
    fn has_typename(&self, selections: &'a [Selection], on: &str) -> bool {
        let mut seen = HashSet::new();
        let mut ahead: Vec<_> = selections.iter().collect();
        while let Some(selection) = ahead.pop() {
            match selection {
                Selection::Field(field) if field.name == TYPENAME && key(field) == TYPENAME => {
                    return true;
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.definitions.fragment(&spread.fragment_name);
                    let fragment =
                        fragment.filter(|it| it.type_condition == on && seen.insert(&it.name));
                    ahead.extend(fragment.into_iter().flat_map(|it| &it.selection_set));
                }
                _ => {}
            }
        }
        false
    }

    fn inline_left_out(
        &mut self,
        fragment: &InlineFragment,
        place: Option<SourceSpan>,
        on: &str,
        help: &str,
    ) {
        match &fragment.type_condition {
            Some(ty) => self.left_out(&format!("... on {ty}"), on, help, place),
            None => self.report.add(
                format!("The inline fragment has no type: `... on {on}`."),
                "the derive needs the type there",
                place,
            ),
        }
    }

    fn left_out(&mut self, shown: &str, on: &str, help: &str, place: Option<SourceSpan>) {
        let message = format!("What is in `{shown}` is not read of \"{on}\".");
        self.report.add(message, help, place);
    }
}

fn only_objects(on: &str) -> String {
    format!(
        "the derive takes fragments on \"{on}\" and on its types of objects here: name one of these"
    )
}
