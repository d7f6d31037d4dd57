//! What the derive `GraphQLQuery` of `graphql_client` 0.16 needs beside a valid document: where it is
//! missing, the compiler reports a panic, or names no place.

use std::collections::{HashMap, HashSet};

use apollo_compiler::Schema;
use apollo_compiler::ast::{
    Definition, Document, FragmentDefinition, OperationDefinition, Selection, Value,
};
use apollo_compiler::parser::SourceSpan;

use super::problem::{Problem, ProblemKind};
use super::source::Source;
use crate::graphql::syntax::{self, Positions};
use crate::graphql::types;

/// How deep the derive's parser goes: braces, brackets and parentheses within one another.
const DEEPEST: usize = 50;

/// What keeps the derive from making types of a valid document.
pub(super) fn missing(schema: &Schema, document: &Document, source: &Source) -> Vec<Problem> {
    let fragments = document.definitions.iter().filter_map(|it| match it {
        Definition::FragmentDefinition(it) => Some((it.name.as_str(), &**it)),
        _ => None,
    });
    let mut check = DeriveCheck {
        schema,
        source,
        positions: Positions::of(&source.text),
        fragments: fragments.collect(),
        problems: Vec::new(),
    };
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                check.operation(operation, definition.location());
            }
            Definition::FragmentDefinition(fragment) => {
                check.selections(
                    &fragment.selection_set,
                    &fragment.type_condition,
                    definition.location(),
                );
            }
            _ => {}
        }
    }
    check.descriptions();
    check.depth();
    if check.problems.is_empty() {
        check.parser();
    }
    check.problems
}

struct DeriveCheck<'a> {
    schema: &'a Schema,
    source: &'a Source,
    positions: Positions<'a>,
    fragments: HashMap<&'a str, &'a FragmentDefinition>,
    problems: Vec<Problem>,
}

impl<'a> DeriveCheck<'a> {
    fn operation(&mut self, operation: &'a OperationDefinition, place: Option<SourceSpan>) {
        if operation.name.is_none() {
            self.report(
                "The operation has no name.",
                "the derive takes the operation that is named as the struct: `query Name { … }` for \
                 `struct Name;`",
                place,
            );
        }
        for variable in &operation.variables {
            let name = &variable.name;
            let directive = variable.directives.iter().next();
            if let Some(directive) = directive {
                self.report(
                    format!("The variable \"${name}\" has a directive."),
                    "the derive cannot read directives there: remove it",
                    directive.location(),
                );
            }
            let Some(default) = &variable.default_value else {
                continue;
            };
            let why = match &**default {
                Value::Null => "null",
                value if has_enum_value(value) => "an enum value",
                _ => continue,
            };
            self.report(
                format!("The default value of the variable \"${name}\" is {why}."),
                "the derive makes no Rust of it: remove the default, and pass the value with the variables",
                default.location(),
            );
        }
        match types::root(self.schema, operation.operation_type) {
            Some(root) => self.selections(&operation.selection_set, root, place),
            None => self.report_at(
                ProblemKind::Invalid,
                format!("The schema has no {}s.", operation.operation_type),
                "it needs a type for them, named in its `schema { … }`",
                place.map(|place| place.offset()),
            ),
        }
    }

    /// The selections on a type, and all within them.
    fn selections(&mut self, selections: &'a [Selection], on: &str, place: Option<SourceSpan>) {
        let mut ahead = vec![(selections, on.to_owned(), place, true)];
        while let Some((selections, on, place, is_whole)) = ahead.pop() {
            let is_abstract = self
                .schema
                .types
                .get(on.as_str())
                .is_some_and(|ty| ty.is_interface() || ty.is_union());
            if is_whole && is_abstract && !self.has_typename(selections, &on) {
                self.report(
                    format!("`__typename` is not selected on \"{on}\"."),
                    "the derive finds the type of an object by it: select `__typename` there",
                    place,
                );
            }
            for selection in selections {
                match selection {
                    Selection::Field(field) => {
                        let known = types::field(self.schema, &on, &field.name);
                        if let Some(known) = known.filter(|_| !field.selection_set.is_empty()) {
                            let named = known.ty.inner_named_type().to_string();
                            ahead.push((&field.selection_set, named, field.location(), true));
                        }
                    }
                    Selection::InlineFragment(fragment) => match &fragment.type_condition {
                        Some(condition) => {
                            let on = condition.to_string();
                            ahead.push((&fragment.selection_set, on, fragment.location(), false));
                        }
                        None => self.report(
                            format!("The inline fragment has no type: `... on {on}`."),
                            "the derive needs the type there",
                            fragment.location(),
                        ),
                    },
                    Selection::FragmentSpread(_) => {}
                }
            }
        }
    }

    /// Whether `__typename` is selected directly, or in a fragment on the same type.
    fn has_typename(&self, selections: &'a [Selection], on: &str) -> bool {
        let mut seen = HashSet::new();
        let mut ahead: Vec<_> = selections.iter().collect();
        while let Some(selection) = ahead.pop() {
            match selection {
                Selection::Field(field) if field.name == "__typename" => return true,
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    let fragment = self.fragments.get(name);
                    let fragment =
                        fragment.filter(|it| it.type_condition == on && seen.insert(name));
                    ahead.extend(fragment.into_iter().flat_map(|it| &it.selection_set));
                }
                _ => {}
            }
        }
        false
    }

    /// Descriptions of operations, fragments and variables.
    fn descriptions(&mut self) {
        let found = syntax::descriptions(&self.source.text, syntax::MOST_TOKENS);
        for description in found.unwrap_or_default() {
            self.report_at(
                ProblemKind::Derive,
                "There is a description.",
                "the derive reads none here: make it a comment, with `#`",
                Some(description.start),
            );
        }
    }

    fn depth(&mut self) {
        if let Some(at) = syntax::first_deeper_than(&self.source.text, DEEPEST) {
            self.report_at(
                ProblemKind::Derive,
                format!("The document nests deeper than {DEEPEST} levels."),
                "the derive reads no deeper: move what is deep into a fragment",
                Some(at),
            );
        }
    }

    /// What its parser, which is older than the language here, reads otherwise.
    fn parser(&mut self) {
        let Err(error) = graphql_parser::parse_query::<&str>(&self.source.text) else {
            return;
        };
        let said = error.to_string();
        // Its places are not those of an editor: a tab is eight columns wide.
        let said: Vec<_> = said.split_whitespace().collect();
        let help = format!(
            "write it in another way, an escape as the character itself; its parser says: {}",
            said.join(" ")
        );
        let message = "The derive cannot read the document.";
        self.report_at(ProblemKind::Derive, message, &help, None);
    }

    fn report(&mut self, message: impl Into<String>, help: &str, place: Option<SourceSpan>) {
        let at = place.map(|place| place.offset());
        self.report_at(ProblemKind::Derive, message, help, at);
    }

    fn report_at(
        &mut self,
        kind: ProblemKind,
        message: impl Into<String>,
        help: &str,
        at: Option<usize>,
    ) {
        let mut problem = Problem::new(kind, message)
            .in_file(&self.source.name)
            .with_help(help);
        if let Some(at) = at {
            let place = self.positions.line_column(at);
            problem = problem.at(&self.source.text, place.line, place.column);
        }
        self.problems.push(problem);
    }
}

/// A value nests no deeper than a document's syntax allows.
fn has_enum_value(value: &Value) -> bool {
    match value {
        Value::Enum(_) => true,
        Value::List(items) => items.iter().any(|item| has_enum_value(item)),
        Value::Object(fields) => fields.iter().any(|(_, value)| has_enum_value(value)),
        _ => false,
    }
}
