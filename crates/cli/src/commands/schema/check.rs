//! `dinoai schema check`: checks documents in full against a schema.

use std::collections::BTreeSet;

use dinoai_emulator::documents::{Documents, Problem, Problems, Schema};
use serde::Serialize;

use super::problems::{Event, ProblemLine, is_unread, unusable};
use super::shipped;
use crate::args::{Format, SchemaCheckArgs};
use crate::output::Output;
use crate::report::{ExitStatus, Failure};

pub(super) fn check(options: &SchemaCheckArgs, output: &Output) -> Result<ExitStatus, Failure> {
    let documents = Documents::read(&options.paths).map_err(|it| unusable(&it))?;
    let chosen = chosen_schema(options, &documents);
    let checked = match chosen {
        Ok((name, schema)) => Ok((name, documents.check(&schema))),
        // What is wrong with a schema among the files is a result, too.
        Err((name, problems)) if !is_unread(&problems) => Err((name, problems)),
        Err((_, problems)) => return Err(unusable(&problems)),
    };
    let is_schema = checked.is_err();
    let (schema, problems) = match checked {
        Ok((name, Ok(()))) => (name, Vec::new()),
        Ok((_, Err(problems))) if is_unread(&problems) => return Err(unusable(&problems)),
        Ok((name, Err(problems))) | Err((name, problems)) => (name, problems.list().to_vec()),
    };
    let names: Vec<_> = documents.names().collect();
    let checked = Checked {
        schema: &schema,
        documents: &names,
        problems: &*problems,
    };
    show(&checked, is_schema, output);
    output.block_until_written(None);
    match output.stdout_error() {
        Some(lost) if !lost.is_closed => Err(lost.failure("")),
        _ if problems.is_empty() => Ok(ExitStatus::Done),
        _ => Ok(ExitStatus::Flawed),
    }
}

/// The schema and what it is called.
type Chosen = Result<(String, Schema), (String, Problems)>;

fn chosen_schema(options: &SchemaCheckArgs, documents: &Documents) -> Chosen {
    if let Some(file) = &options.schema {
        let name = file.display().to_string();
        let schema = Schema::read(file);
        return named(name, schema);
    }
    let names: Vec<_> = documents.definition_names().collect();
    match documents.own_schema() {
        Ok(Some(schema)) => Ok((names.join(", "), schema)),
        Ok(None) => named(shipped::NAME.to_owned(), shipped::schema()),
        Err(problems) => Err((names.join(", "), problems)),
    }
}

fn named(name: String, schema: Result<Schema, Problems>) -> Chosen {
    match schema {
        Ok(schema) => Ok((name, schema)),
        Err(problems) => Err((name, problems)),
    }
}

/// What was checked, for programs.
#[derive(Serialize)]
struct Checked<'a, P> {
    /// Against which schema: its files, or this version's own.
    schema: &'a str,
    documents: &'a [&'a str],
    problems: P,
}

fn show(checked: &Checked<'_, &[Problem]>, is_schema: bool, output: &Output) {
    let &Checked {
        schema,
        documents,
        problems,
    } = checked;
    let lines = problems.iter().map(ProblemLine::from);
    match output.format {
        Format::Json => output.json(&Checked {
            schema,
            documents,
            problems: lines.collect::<Vec<_>>(),
        }),
        Format::Jsonl => {
            for data in lines {
                let event = "problem";
                output.json(&Event { event, data });
            }
            let data = Checked {
                schema,
                documents,
                problems: problems.len(),
            };
            let event = "checked";
            output.json(&Event { event, data });
        }
        Format::Text => {
            for problem in problems {
                output.text(&format!("{problem}\n"));
            }
            output.line(&summary(checked, is_schema));
        }
    }
}

/// What was found, in a line; `is_schema` if it is about the schema, whatever the files are called.
fn summary(checked: &Checked<'_, &[Problem]>, is_schema: bool) -> String {
    let &Checked {
        schema,
        documents,
        problems,
    } = checked;
    let count = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let all = count(documents.len(), "document");
    let (more, listed): (Vec<_>, Vec<_>) = problems.iter().partition(|it| it.says_more());
    let mut errors = count(listed.len(), "error");
    if !more.is_empty() {
        errors.insert_str(0, "more than ");
    }
    match problems.len() {
        0 if documents.len() == 1 => format!("1 document is valid, checked against {schema}"),
        0 => format!("{all} are valid, checked against {schema}"),
        _ if is_schema && documents.is_empty() => format!("{errors} in the schema {schema}"),
        _ if is_schema => format!("{errors} in the schema {schema}; {all} could not be checked"),
        _ => {
            let files: BTreeSet<_> = listed.iter().filter_map(|it| it.file.as_deref()).collect();
            let wrong = documents.iter().filter(|it| files.contains(*it)).count();
            match (wrong, files.len() > wrong) {
                (0, _) => format!("{errors} in the schema {schema}; {all} checked"),
                (_, false) => format!("{errors} in {wrong} of {all}, checked against {schema}"),
                (_, true) => format!("{errors} in {wrong} of {all}, and in the schema {schema}"),
            }
        }
    }
}
