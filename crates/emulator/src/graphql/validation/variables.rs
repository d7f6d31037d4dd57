//! Variables: how they are defined, and that each is used where its type fits.

use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{
    DirectiveLocation, FragmentDefinition, OperationDefinition, Type, VariableDefinition,
};
use apollo_compiler::{Name, Node};

use super::context::{ABORTED, Check, Usage, address, by_name};
use super::definitions::Spreads;
use crate::graphql::types;

/// The variables that each operation and each fragment uses itself.
#[derive(Default)]
pub(super) struct Usages<'a> {
    pub(super) operations: HashMap<*const OperationDefinition, Vec<Usage<'a>>>,
    pub(super) fragments: HashMap<*const FragmentDefinition, Vec<Usage<'a>>>,
}

impl<'a> Check<'a> {
    pub(super) fn variable_definitions(&mut self, operation: &'a Node<OperationDefinition>) {
        for same in by_name(&operation.variables, |variable| &variable.name) {
            if let [variable, _, ..] = &*same {
                let message = format!(
                    "There can be only one variable named \"${}\".",
                    variable.name
                );
                self.report(message, same.iter().map(|it| it.name.location()));
            }
        }
        for variable in &operation.variables {
            let (name, ty) = (&variable.name, &variable.ty);
            let named = ty.inner_named_type();
            self.known_type(named);
            let is_input = types::is_input(self.schema, named);
            if !is_input && self.schema.types.contains_key(named) {
                let message = format!("Variable \"${name}\" cannot be non-input type \"{ty}\".");
                self.report(message, [named.location()]);
            }
            if let Some(value) = &variable.default_value {
                self.value(value, is_input.then_some(&**ty), false);
            }
            self.directives(
                &variable.directives,
                DirectiveLocation::VariableDefinition,
                None,
            );
        }
    }

    pub(super) fn known_type(&mut self, name: &Name) {
        if !self.schema.types.contains_key(name) && !self.own_types.contains(name) {
            self.report(format!("Unknown type \"{name}\"."), [name.location()]);
        }
    }

    /// What each operation uses, itself and in fragments, it has defined, and the reverse.
    pub(super) fn variables(&mut self, usages: &Usages<'a>, spreads: &Spreads<'a>) {
        let mut grouped = HashMap::new();
        for (fragment, usages) in &usages.fragments {
            grouped.insert(*fragment, alike(usages));
        }
        for operation in self.operations.clone() {
            if self.is_full() {
                return;
            }
            if self.is_exhausted() {
                return self.report(ABORTED, []);
            }
            let fragments = spreads.reachable(self, [&*operation.selection_set].into_iter());
            let own = usages.operations.get(&address(operation));
            let own = own.map(|usages| alike(usages)).unwrap_or_default();
            let others = fragments
                .iter()
                .filter_map(|fragment| grouped.get(&address(fragment)));
            let used: Vec<_> = others.flatten().chain(&own).collect();
            self.variables_of(operation, &used);
        }
    }

    fn variables_of(
        &mut self,
        operation: &'a Node<OperationDefinition>,
        used: &[&(&Usage<'a>, Vec<&'a Name>)],
    ) {
        let mut defined: HashMap<&str, &Node<VariableDefinition>> = HashMap::new();
        for variable in &operation.variables {
            defined.insert(&variable.name, variable);
        }
        let named = |start: &str| match &operation.name {
            Some(name) => format!(" {start} operation \"{name}\""),
            None => String::new(),
        };
        for (usage, names) in used {
            self.count(1);
            let name = usage.name;
            let Some(variable) = defined.get(name.as_str()) else {
                for name in names {
                    let message = format!("Variable \"${name}\" is not defined{}.", named("by"));
                    self.report(message, [name.location(), operation.location()]);
                }
                continue;
            };
            let is_known = self
                .schema
                .types
                .contains_key(variable.ty.inner_named_type());
            let Some(expected) = usage.ty.as_ref().filter(|_| is_known) else {
                continue;
            };
            let mut said = Vec::new();
            let ty = &variable.ty;
            if !self.is_allowed(variable, expected, usage.has_default) {
                said.push(format!(
                    "Variable \"${name}\" of type \"{ty}\" used in position expecting type \"{expected}\"."
                ));
            }
            if let Some(object) = usage.one_of.as_ref().filter(|_| !ty.is_non_null()) {
                said.push(format!(
                    "Variable \"${name}\" is of type \"{ty}\" but must be non-nullable to be used for OneOf Input Object \"{object}\"."
                ));
            }
            for message in said {
                for name in names {
                    self.report(&*message, [variable.location(), name.location()]);
                }
            }
        }
        let used: HashSet<_> = used.iter().map(|(usage, _)| usage.name).collect();
        for variable in &operation.variables {
            let name = &variable.name;
            if !used.contains(name) {
                let message = format!("Variable \"${name}\" is never used{}.", named("in"));
                self.report(message, [variable.location()]);
            }
        }
    }

    /// Whether a variable may stand where a value of this type is expected.
    fn is_allowed(&self, variable: &VariableDefinition, ty: &Type, has_default: bool) -> bool {
        if !ty.is_non_null() || variable.ty.is_non_null() {
            return types::is_subtype(self.schema, &variable.ty, ty);
        }
        let own_default = variable.default_value.as_ref();
        let has_own_default = own_default.is_some_and(|value| !value.is_null());
        (has_own_default || has_default)
            && types::is_subtype(self.schema, &variable.ty, &types::nullable(ty))
    }
}

/// Usages that are right or wrong for the same reason, with the places of each: a fragment may use
/// a variable thousands of times, and be spread by thousands of operations.
fn alike<'u, 'a>(usages: &'u [Usage<'a>]) -> Vec<(&'u Usage<'a>, Vec<&'a Name>)> {
    let mut places = HashMap::new();
    let mut groups: Vec<(&Usage, Vec<_>)> = Vec::new();
    for usage in usages {
        let place = *places.entry(usage).or_insert_with(|| {
            groups.push((usage, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(usage.name);
    }
    groups
}
