//! Selections: fields, fragments where they are spread, and the arguments and directives of either.

use apollo_compiler::Node;
use apollo_compiler::ast::{
    Argument, DirectiveList, DirectiveLocation, Field, FieldDefinition, FragmentDefinition,
    FragmentSpread, InlineFragment, InputValueDefinition, OperationDefinition, OperationType,
    Selection,
};

use super::check::{Check, SeenDirectives, by_name};
use crate::graphql::types;

/// What selections are in.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The type whose fields are selected; none if it is not known.
    pub(super) parent: Option<&'a str>,
    /// The innermost field around; none if it is not known, or there is none.
    pub(super) field: Option<&'a FieldDefinition>,
}

impl<'a> Check<'a> {
    pub(super) fn operation(&mut self, operation: &'a Node<OperationDefinition>) {
        let location = match operation.operation_type {
            OperationType::Query => DirectiveLocation::Query,
            OperationType::Mutation => DirectiveLocation::Mutation,
            OperationType::Subscription => DirectiveLocation::Subscription,
        };
        self.variable_definitions(operation);
        self.directives(&operation.directives, location, None);
        let parent = types::root(self.schema, operation.operation_type);
        if let (OperationType::Subscription, Some(root)) = (operation.operation_type, parent) {
            self.single_root_field(operation, root);
        }
        let scope = Scope {
            parent: parent.map(|name| name.as_str()),
            field: None,
        };
        self.selections(&operation.selection_set, scope);
    }

    pub(super) fn fragment(&mut self, fragment: &'a Node<FragmentDefinition>) {
        let condition = &fragment.type_condition;
        self.known_type(condition);
        let parent = self.composite(condition);
        if parent.is_none() && self.schema.types.contains_key(condition) {
            let message = format!(
                "Fragment \"{}\" cannot condition on non composite type \"{condition}\".",
                fragment.name
            );
            self.report(message, [condition.location()]);
        }
        self.directives(
            &fragment.directives,
            DirectiveLocation::FragmentDefinition,
            None,
        );
        let scope = Scope {
            parent,
            field: None,
        };
        self.selections(&fragment.selection_set, scope);
    }

    fn selections(&mut self, selections: &'a [Selection], scope: Scope<'a>) {
        for selection in selections {
            match selection {
                Selection::Field(field) => self.field(field, scope),
                Selection::FragmentSpread(spread) => self.spread(spread, scope),
                Selection::InlineFragment(fragment) => self.inline_fragment(fragment, scope),
            }
        }
    }

    fn field(&mut self, field: &'a Node<Field>, scope: Scope<'a>) {
        let name = &field.name;
        let definition = scope
            .parent
            .and_then(|parent| types::field(self.schema, parent, name));
        match (definition, scope.parent) {
            (Some(definition), _) => self.leaf(field, definition),
            (None, Some(parent)) => {
                let message = format!("Cannot query field \"{name}\" on type \"{parent}\".");
                self.report(message, [field.location()]);
            }
            (None, None) => {}
        }
        if matches!(&**name, "__schema" | "__type") {
            self.introspection_depth(field);
        }
        self.unique_arguments(&field.arguments);
        for argument in &field.arguments {
            let known = definition.and_then(|it| it.argument_by_name(&argument.name));
            if let (None, Some(definition), Some(parent)) = (known, definition, scope.parent) {
                let message = format!(
                    "Unknown argument \"{}\" on field \"{parent}.{}\".",
                    argument.name, definition.name
                );
                self.report(message, [argument.location()]);
            }
            self.argument(argument, known.map(|it| &**it));
        }
        self.directives(&field.directives, DirectiveLocation::Field, definition);
        let named = definition.map(|definition| definition.ty.inner_named_type());
        let inner = Scope {
            parent: named.and_then(|named| self.composite(named)),
            field: definition,
        };
        self.selections(&field.selection_set, inner);
        for required in definition.iter().flat_map(|it| &it.arguments) {
            if required.is_required() && !is_given(&field.arguments, &required.name) {
                let message = format!(
                    "Field \"{name}\" argument \"{}\" of type \"{}\" is required, but it was not provided.",
                    required.name, required.ty
                );
                self.report(message, [field.location()]);
            }
        }
    }

    /// A field with fields of its own has a selection, and no other has.
    fn leaf(&mut self, field: &Node<Field>, definition: &FieldDefinition) {
        let (name, ty) = (&field.name, &definition.ty);
        let is_composite = types::is_composite(self.schema, ty.inner_named_type());
        let message = match (is_composite, field.selection_set.is_empty()) {
            (false, false) => format!(
                "Field \"{name}\" must not have a selection since type \"{ty}\" has no subfields."
            ),
            (true, true) => format!(
                "Field \"{name}\" of type \"{ty}\" must have a selection of subfields. Did you mean \"{name} {{ ... }}\"?"
            ),
            _ => return,
        };
        self.report(message, [field.location()]);
    }

    fn spread(&mut self, spread: &'a Node<FragmentSpread>, scope: Scope<'a>) {
        let name = &spread.fragment_name;
        match self.fragments.get(name.as_str()) {
            None => self.report(format!("Unknown fragment \"{name}\"."), [name.location()]),
            Some(fragment) => {
                let own = self.composite(&fragment.type_condition);
                if let (Some(own), Some(parent)) = (own, scope.parent)
                    && !types::overlap(self.schema, own, parent)
                {
                    let message = format!(
                        "Fragment \"{name}\" cannot be spread here as objects of type \"{parent}\" can never be of type \"{own}\"."
                    );
                    self.report(message, [spread.location()]);
                }
            }
        }
        self.directives(
            &spread.directives,
            DirectiveLocation::FragmentSpread,
            scope.field,
        );
    }

    fn inline_fragment(&mut self, fragment: &'a Node<InlineFragment>, scope: Scope<'a>) {
        let mut inner = scope;
        if let Some(condition) = &fragment.type_condition {
            self.known_type(condition);
            inner.parent = self.composite(condition);
            match (inner.parent, scope.parent) {
                (Some(own), Some(parent)) if !types::overlap(self.schema, own, parent) => {
                    let message = format!(
                        "Fragment cannot be spread here as objects of type \"{parent}\" can never be of type \"{own}\"."
                    );
                    self.report(message, [fragment.location()]);
                }
                (None, _) if self.schema.types.contains_key(condition) => {
                    let message =
                        format!("Fragment cannot condition on non composite type \"{condition}\".");
                    self.report(message, [condition.location()]);
                }
                _ => {}
            }
        }
        self.directives(
            &fragment.directives,
            DirectiveLocation::InlineFragment,
            scope.field,
        );
        self.selections(&fragment.selection_set, inner);
    }

    /// A type's name, if the type has fields or members that have.
    pub(super) fn composite(&self, name: &str) -> Option<&'a str> {
        let (name, ty) = self.schema.types.get_key_value(name)?;
        (ty.is_object() || ty.is_interface() || ty.is_union()).then(|| name.as_str())
    }

    pub(super) fn unique_arguments(&mut self, arguments: &[Node<Argument>]) {
        for same in by_name(arguments, |argument| &argument.name) {
            if let [argument, _, ..] = &*same {
                let name = &argument.name;
                let message = format!("There can be only one argument named \"{name}\".");
                self.report(message, same.iter().map(|it| it.name.location()));
            }
        }
    }

    /// The value of an argument; `known` is what the schema says of it.
    pub(super) fn argument(
        &mut self,
        argument: &'a Node<Argument>,
        known: Option<&'a InputValueDefinition>,
    ) {
        let has_default = known.is_some_and(|it| it.default_value.is_some());
        let ty = known.map(|it| (*it.ty).clone());
        self.value(&argument.value, ty.as_ref(), has_default);
    }
}

impl<'a> Check<'a> {
    /// The directives at one place. `field` is the innermost field around: the reference takes the
    /// arguments of a directive that it does not know for that field's.
    pub(super) fn directives(
        &mut self,
        directives: &'a DirectiveList,
        location: DirectiveLocation,
        field: Option<&'a FieldDefinition>,
    ) {
        self.directives_beside(directives, location, field, &mut SeenDirectives::new());
    }

    /// The directives at one place, and those that were seen at others that count as the same.
    pub(super) fn directives_beside(
        &mut self,
        directives: &'a DirectiveList,
        location: DirectiveLocation,
        field: Option<&'a FieldDefinition>,
        seen: &mut SeenDirectives<'a>,
    ) {
        for directive in &directives.0 {
            let name = &directive.name;
            let known = self.directives.get(name);
            match known {
                None => {
                    let message = format!("Unknown directive \"@{name}\".");
                    self.report(message, [directive.location()]);
                }
                Some(known) => {
                    if !known.locations.contains(&location) {
                        let message =
                            format!("Directive \"@{name}\" may not be used on {location}.");
                        self.report(message, [directive.location()]);
                    }
                    let first = *seen.entry(name).or_insert(directive);
                    if !known.repeatable && !std::ptr::eq(first, directive) {
                        let message = format!(
                            "The directive \"@{name}\" can only be used once at this location."
                        );
                        self.report(message, [first.location(), directive.location()]);
                    }
                    for argument in &directive.arguments {
                        if known.argument_by_name(&argument.name).is_none() {
                            let message = format!(
                                "Unknown argument \"{}\" on directive \"@{name}\".",
                                argument.name
                            );
                            self.report(message, [argument.location()]);
                        }
                    }
                }
            }
            self.unique_arguments(&directive.arguments);
            // A directive that only the document defines says nothing about values.
            let declared = self.schema.directive_definitions.get(name);
            for argument in &directive.arguments {
                let known = match (declared, field) {
                    (Some(directive), _) => directive.argument_by_name(&argument.name),
                    (None, Some(field)) => field.argument_by_name(&argument.name),
                    (None, None) => None,
                };
                self.argument(argument, known.map(|it| &**it));
            }
            for required in known.iter().flat_map(|it| &it.arguments) {
                if required.is_required() && !is_given(&directive.arguments, &required.name) {
                    let message = format!(
                        "Directive \"@{name}\" argument \"{}\" of type \"{}\" is required, but it was not provided.",
                        required.name, required.ty
                    );
                    self.report(message, [directive.location()]);
                }
            }
        }
    }
}

pub(super) fn is_given(arguments: &[Node<Argument>], name: &str) -> bool {
    arguments.iter().any(|argument| argument.name == name)
}
