//! What the derive `GraphQLQuery` of `graphql_client` 0.16 needs beside a valid document: where it is
//! missing, the compiler reports a panic, or names no place; or what compiles reads no response, or a part of it.
//!
//! The derive is a program like any other: what is said here of it was read in `graphql_client_codegen`, and
//! the tests hold it to what that makes of each document.

mod conditions;
mod definitions;
mod extensions;
mod items;
mod members;
mod names;
mod overlaps;
mod parser;
mod report;
mod schema_files;
mod selections;
mod variables;

use apollo_compiler::ast::{Definition, Document, OperationDefinition};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::{Name, Schema};
use heck::ToUpperCamelCase;

use super::problem::{Problem, ProblemKind};
use super::source::Source;
use crate::graphql::syntax;
use crate::graphql::types;
use definitions::Definitions;
use report::Report;
pub(crate) use schema_files::SchemaFiles;
use selections::SelectionCheck;

/// How deep the derive's parser goes: braces, brackets and parentheses within one another.
const DEEPEST: usize = 50;

/// What keeps the derive from making types of a valid document that read its responses.
pub(crate) fn missing(schema: &Schema, document: &Document, source: &Source) -> Vec<Problem> {
    let definitions = Definitions::of(schema, document);
    let mut report = Report::of(source);
    let mut selections = SelectionCheck::new(&definitions, &mut report);
    for definition in &document.definitions {
        let place = definition.location();
        match definition {
            Definition::OperationDefinition(operation) => {
                check_operation(operation, place, &mut selections);
            }
            Definition::FragmentDefinition(fragment) => {
                struct_name(&fragment.name, selections.report);
                selections.check(&fragment.selection_set, &fragment.type_condition, place);
            }
            _ => {}
        }
    }
    items::check(document, &definitions, &mut report);
    descriptions(&mut report);
    depth(&mut report);
    if report.problems.is_empty() {
        unreadable(&mut report);
    }
    report.finish()
}

fn check_operation<'a>(
    operation: &'a OperationDefinition,
    place: Option<SourceSpan>,
    selections: &mut SelectionCheck<'a, '_>,
) {
    let schema = selections.definitions.schema;
    match &operation.name {
        Some(name) => module_name(name, selections.report),
        None => selections.report.add(
            "The operation has no name.",
            "the derive takes the operation that is named as the struct: `query Name { … }` for \
             `struct Name;`",
            place,
        ),
    }
    variables::check(operation, schema, selections.report);
    extensions::check_variables(operation, schema, selections.report);
    match types::root(schema, operation.operation_type) {
        Some(root) => selections.check(&operation.selection_set, root, place),
        None => selections.report.add_at(
            ProblemKind::Invalid,
            format!("The schema has no {}s.", operation.operation_type),
            "it needs a type for them, named in its `schema { … }`",
            place.map(|place| place.offset()),
        ),
    }
}

/// The name of an operation: the user's struct has it, and beside that a module in snake case.
fn module_name(name: &Name, report: &mut Report<'_>) {
    let (shown, place) = (format!("\"{name}\""), name.location());
    let Some(module) = names::in_rust(name, &shown, place, report) else {
        return;
    };
    if !names::report_keyword(&module, &shown, place, report) && module == name.as_str() {
        let camel = name.to_upper_camel_case();
        report.add(
            format!("{shown} is the name of a struct and of its module."),
            format!(
                "the derive makes `mod {module}` beside `struct {name};`, which does not compile: call it \
                 `{camel}`"
            ),
            place,
        );
    }
}

/// The name of a fragment: its struct has it as it is.
fn struct_name(name: &Name, report: &mut Report<'_>) {
    let (shown, place) = (format!("\"{name}\""), name.location());
    match name.as_str() {
        "_" => names::report_no_name(&shown, place, report),
        name => {
            names::report_keyword(name, &shown, place, report);
        }
    }
}

/// Descriptions of operations, fragments and variables.
fn descriptions(report: &mut Report<'_>) {
    let found = syntax::descriptions(&report.source.text, syntax::MOST_TOKENS);
    for description in found.unwrap_or_default() {
        report.add_at(
            ProblemKind::Derive,
            "There is a description.",
            "the derive reads none here: make it a comment, with `#`",
            Some(description.start),
        );
    }
}

fn depth(report: &mut Report<'_>) {
    if let Some(at) = syntax::first_deeper_than(&report.source.text, DEEPEST) {
        report.add_at(
            ProblemKind::Derive,
            format!("The document nests deeper than {DEEPEST} levels."),
            "the derive reads no deeper: move what is deep into a fragment",
            Some(at),
        );
    }
}

/// What its parser reads otherwise.
fn unreadable(report: &mut Report<'_>) {
    let Err(said) = parser::reads_document(&report.source.text) else {
        return;
    };
    let help = format!(
        "write it in another way, an escape as the character itself; its parser says: {said}"
    );
    let message = "The derive cannot read the document.";
    report.add(message, help, None);
}
