//! Rewrites a document for the executor, once the values of its variables are known.
//!
//! If a variable has a default value and is given null all the same, a condition or an argument
//! can be null that must not be. The executor ignores such a condition, and has other words for
//! such an argument. So a field that fails, in the reference implementation's words, takes the
//! place of what the reference does not execute.
//!
//! [`rewrite`] comes before execution; after it, [`Rewritten::placed`] gives the errors of such
//! fields their messages and places.

use std::cell::RefCell;
use std::collections::HashSet;

use apollo_compiler::ast::{
    Argument, Definition, DirectiveList, Document, Field, FieldDefinition, InlineFragment,
    OperationType, Selection, Type, Value,
};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::response::{GraphQLError, JsonMap, JsonValue, ResponseDataPathSegment};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::{Name, Node, Schema};

use super::literals;
use super::literals::print_literal;
use super::object_fields::{BECAUSE, FAILS, FAILS_WITH_NULL, executed_as, failure_number};
use super::skip_include::{self, Condition};
use super::types::{self, is_one_of};

/// What the field is called that stands for all selections of an object. No document can say that.
const ALL: &str = "!";

/// A document whose variables have values.
pub(crate) struct Rewritten {
    pub(crate) document: Document,
    failures: Vec<FieldFailure>,
}

/// Why a field, or all fields of an object, fail, and the place in the document.
struct FieldFailure {
    message: String,
    place: Option<SourceSpan>,
}

/// A document with the failures that these variables lead to.
pub(crate) fn rewrite(schema: &Schema, document: &Document, variables: &JsonMap) -> Rewritten {
    let rewriter = Rewriter {
        schema,
        variables,
        failures: RefCell::default(),
    };
    let mut rewritten = document.clone();
    for definition in &mut rewritten.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                if let Some(root) = schema.root_operation(operation.operation_type) {
                    let selections = rewriter.selections(&operation.selection_set, root);
                    operation.make_mut().selection_set = selections;
                }
            }
            Definition::FragmentDefinition(fragment) => {
                let parent = &fragment.type_condition;
                let selections = rewriter.selections(&fragment.selection_set, parent);
                fragment.make_mut().selection_set = selections;
            }
            _ => {}
        }
    }
    Rewritten {
        document: rewritten,
        failures: rewriter.failures.into_inner(),
    }
}

impl Rewritten {
    /// Errors with the failures that they stand for. That of an object's selections is at the
    /// place of the object, without what the object's other fields said: the reference does not
    /// execute them.
    pub(crate) fn placed(&self, errors: Vec<GraphQLError>) -> Vec<GraphQLError> {
        let stands_for_all = |segment: &ResponseDataPathSegment| matches!(segment, ResponseDataPathSegment::Field(name) if name == ALL);
        let mut placed: Vec<GraphQLError> = Vec::new();
        for mut error in errors {
            if let Some(failure) = self.failure(&error.message) {
                let path = std::mem::take(&mut error.path);
                let sources = &self.document.sources;
                error = GraphQLError::new(&*failure.message, failure.place, sources);
                error.path = path;
            }
            if error.path.last().is_some_and(stands_for_all) {
                error.path.pop();
                let path = &error.path;
                while placed
                    .last()
                    .is_some_and(|it| it.path.len() > path.len() && it.path.starts_with(path))
                {
                    placed.pop();
                }
            }
            placed.push(error);
        }
        placed
    }

    fn failure(&self, message: &str) -> Option<&FieldFailure> {
        self.failures.get(failure_number(message)?)
    }
}

struct Rewriter<'a> {
    schema: &'a Schema,
    variables: &'a JsonMap,
    failures: RefCell<Vec<FieldFailure>>,
}

impl Rewriter<'_> {
    fn selections(&self, selections: &[Selection], parent: &Name) -> Vec<Selection> {
        self.collected(selections, parent, &mut HashSet::new())
            .unwrap_or_else(|failure| self.all_fail(parent, failure))
    }

    /// What a selection on a type comes to; or why none of it is executed. `seen` are the
    /// fragments that are spread already, whose later spreads the reference does not look at.
    fn collected<'d>(
        &self,
        selections: &'d [Selection],
        parent: &Name,
        seen: &mut HashSet<&'d Name>,
    ) -> Result<Vec<Selection>, FieldFailure> {
        let mut collected = Vec::with_capacity(selections.len());
        for selection in selections {
            if let Selection::FragmentSpread(spread) = selection
                && seen.contains(&spread.fragment_name)
            {
                continue;
            }
            match skip_include::condition(selection, self.variables) {
                Condition::Kept => {}
                // The executor would look at it for each object.
                Condition::LeftOut => continue,
                Condition::Null(place) => {
                    return Err(FieldFailure {
                        message: skip_include::NULL.to_owned(),
                        place,
                    });
                }
            }
            collected.push(match selection {
                Selection::Field(field) => Selection::Field(self.field(field, parent)),
                Selection::FragmentSpread(spread) => {
                    seen.insert(&spread.fragment_name);
                    selection.clone()
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.type_condition.as_ref();
                    let inner = match condition.filter(|condition| *condition != parent) {
                        // Whether it applies is not known here.
                        Some(condition) => self.selections(&fragment.selection_set, condition),
                        None => self.collected(&fragment.selection_set, parent, seen)?,
                    };
                    Selection::InlineFragment(fragment.same_location(InlineFragment {
                        type_condition: condition.cloned(),
                        directives: fragment.directives.clone(),
                        selection_set: inner,
                    }))
                }
            });
        }
        Ok(collected)
    }

    fn field(&self, field: &Node<Field>, parent: &Name) -> Node<Field> {
        let Some(definition) = types::field(self.schema, parent, &field.name) else {
            return field.clone();
        };
        let mut rewritten = (**field).clone();
        match self.arguments(field, definition) {
            Ok(arguments) => {
                let is_root = self.schema.root_operation(OperationType::Query) == Some(parent);
                if let Some(name) = executed_as(&field.name).filter(|_| is_root) {
                    rewritten.alias = Some(field.response_name().clone());
                    rewritten.name = name;
                }
                let inner = definition.ty.inner_named_type();
                rewritten.arguments = arguments;
                rewritten.selection_set = self.selections(&field.selection_set, inner);
            }
            Err(failure) => {
                let name = if definition.ty.is_non_null() {
                    FAILS
                } else {
                    FAILS_WITH_NULL
                };
                rewritten.alias = Some(field.response_name().clone());
                rewritten.name = name;
                rewritten.arguments = self.because(failure);
                rewritten.selection_set = Vec::new();
            }
        }
        field.same_location(rewritten)
    }

    fn all_fail(&self, parent: &Name, failure: FieldFailure) -> Vec<Selection> {
        let because = self.because(failure);
        let fails = || {
            Selection::Field(Node::new(Field {
                alias: Some(Name::new_unchecked(ALL)),
                name: FAILS,
                arguments: because.clone(),
                directives: DirectiveList::new(),
                selection_set: Vec::new(),
            }))
        };
        match self.schema.types.get(parent) {
            // A union has no fields.
            Some(ExtendedType::Union(union)) => union
                .members
                .iter()
                .map(|member| {
                    Selection::InlineFragment(Node::new(InlineFragment {
                        type_condition: Some(member.name.clone()),
                        directives: DirectiveList::new(),
                        selection_set: vec![fails()],
                    }))
                })
                .collect(),
            _ => vec![fails()],
        }
    }

    fn because(&self, failure: FieldFailure) -> Vec<Node<Argument>> {
        let mut failures = self.failures.borrow_mut();
        failures.push(failure);
        // There are not more of them than tokens.
        let number = i32::try_from(failures.len() - 1).unwrap_or_default();
        vec![Node::new(Argument {
            name: BECAUSE,
            value: Node::new(Value::Int(number.into())),
        })]
    }

    fn arguments(
        &self,
        field: &Field,
        definition: &FieldDefinition,
    ) -> Result<Vec<Node<Argument>>, FieldFailure> {
        let mut arguments = Vec::new();
        for argument in &definition.arguments {
            let name = &argument.name;
            let Some(given) = field.arguments.iter().find(|given| given.name == *name) else {
                continue;
            };
            let (ty, value) = (&argument.ty, &given.value);
            let variable = match &**value {
                Value::Variable(variable) => self.variables.get(variable.as_str()),
                _ => None,
            };
            let message = if variable.is_some_and(JsonValue::is_null) && ty.is_non_null() {
                format!("Argument \"{name}\" of non-null type \"{ty}\" must not be null.")
            } else if value.as_variable().is_some() {
                arguments.push(given.clone());
                continue;
            } else if let Some(value) = self.value(value, ty) {
                let name = name.clone();
                arguments.push(given.same_location(Argument { name, value }));
                continue;
            } else {
                format!(
                    "Argument \"{name}\" has invalid value {}.",
                    print_literal(value, "")
                )
            };
            let place = value.location();
            return Err(FieldFailure { message, place });
        }
        Ok(arguments)
    }

    /// A value as one of its type, without the fields whose variables have no value; none if
    /// that is not possible.
    fn value(&self, value: &Node<Value>, ty: &Type) -> Option<Node<Value>> {
        match (&**value, ty) {
            (Value::Variable(name), _) => {
                let given = self.variables.get(name.as_str());
                let is_valid = !given.is_none_or(JsonValue::is_null) || !ty.is_non_null();
                is_valid.then(|| value.clone())
            }
            (Value::List(items), Type::List(item) | Type::NonNullList(item)) => {
                let items: Option<Vec<_>> =
                    items.iter().map(|value| self.value(value, item)).collect();
                Some(value.same_location(Value::List(items?)))
            }
            // One value stands for a list of it.
            (Value::Null, _) => Some(value.clone()),
            (_, Type::List(item) | Type::NonNullList(item)) => self.value(value, item),
            (_, Type::Named(name) | Type::NonNullNamed(name)) => {
                match (self.schema.types.get(name), &**value) {
                    (Some(ExtendedType::InputObject(definition)), Value::Object(fields)) => {
                        let fields = self.object(fields, definition)?;
                        Some(value.same_location(Value::Object(fields)))
                    }
                    _ => Some(value.same_location(self.constant(value))),
                }
            }
        }
    }

    /// A value of a scalar of the user's own, which may have variables anywhere within it: the
    /// executor takes none there.
    fn constant(&self, value: &Value) -> Value {
        let given = |value: &Value| match value {
            Value::Variable(name) => self.variables.get(name.as_str()).map(literals::from_json),
            value => Some(self.constant(value)),
        };
        match value {
            Value::List(items) => {
                let items = items.iter().map(|it| given(it).unwrap_or(Value::Null));
                Value::List(items.map(Node::new).collect())
            }
            Value::Object(fields) => {
                let fields = fields.iter().filter_map(|(name, value)| {
                    given(value).map(|value| (name.clone(), Node::new(value)))
                });
                Value::Object(fields.collect())
            }
            // Infinity for the reference. JSON has none, and so has the executor.
            Value::Float(number) if number.try_to_f64().is_err() => Value::Float(f64::MAX.into()),
            value => value.clone(),
        }
    }

    fn object(
        &self,
        given: &[(Name, Node<Value>)],
        definition: &InputObjectType,
    ) -> Option<Vec<(Name, Node<Value>)>> {
        let mut fields = Vec::new();
        for (field, definition) in &definition.fields {
            let given = given.iter().find(|(name, _)| name == field);
            let given = given.filter(|(_, value)| match &**value {
                Value::Variable(name) => self.variables.contains_key(name.as_str()),
                _ => true,
            });
            match given {
                Some((name, value)) => {
                    fields.push((name.clone(), self.value(value, &definition.ty)?));
                }
                None if definition.is_required() => return None,
                None => {}
            }
        }
        if is_one_of(definition) {
            let [(_, value)] = &*fields else {
                return None;
            };
            let is_null = match &**value {
                Value::Variable(name) => self
                    .variables
                    .get(name.as_str())
                    .is_none_or(JsonValue::is_null),
                value => value.is_null(),
            };
            if is_null {
                return None;
            }
        }
        Some(fields)
    }
}
