//! The files of type definitions as the derive can have them ([`SchemaFiles`]): it reads one, by a parser that
//! is older than the language here.

use apollo_compiler::Schema;

use super::super::problem::{Problem, ProblemKind};
use super::super::source::{Source, is_json};
use crate::backend::declare;
use crate::graphql::document;

pub(crate) enum SchemaFiles {
    Readable,
    /// The file cannot be read: its name, and what is said of it.
    Unreadable(String, String),
    /// Of several files those that are a schema by themselves.
    Several(Vec<Schema>),
}

impl SchemaFiles {
    /// Those of a schema, each as type definitions.
    pub(crate) fn of<'a>(files: impl ExactSizeIterator<Item = &'a Source>) -> Self {
        if files.len() > 1 {
            let readable = files.filter(|it| parse(it).is_ok());
            let schemas = readable.filter_map(|it| declare(&[(&it.name, &it.text)]).ok());
            return Self::Several(schemas.collect());
        }
        let mut files = files.filter_map(|it| Some((it, parse(it).err()?)));
        files.next().map_or(Self::Readable, |(file, said)| {
            Self::Unreadable(file.name.clone(), said)
        })
    }

    /// What keeps the derive from making types of any document.
    pub(crate) fn problem(&self) -> Option<Problem> {
        let Self::Unreadable(file, said) = self else {
            return None;
        };
        let problem = Problem::new(ProblemKind::Derive, "The derive cannot read the schema.");
        let help = format!("write it in another way; the derive's parser says: {said}");
        Some(problem.in_file(file).with_help(help))
    }

    /// What keeps the derive from making types of a valid document.
    pub(crate) fn problem_of(&self, document: &Source) -> Option<Problem> {
        let Self::Several(schemas) = self else {
            return None;
        };
        let is_enough = |it| document::read(it, &document.text).is_ok();
        if schemas.iter().any(is_enough) {
            return None;
        }
        let message = "It needs several files of the schema.";
        let problem = Problem::new(ProblemKind::Derive, message).in_file(&document.name);
        let help = "the derive reads one: put the type definitions into one file";
        Some(problem.with_help(help))
    }
}

fn parse(file: &Source) -> Result<(), String> {
    // JSON has no such parser.
    if is_json(&file.name) {
        return Ok(());
    }
    match graphql_parser::parse_schema::<&str>(&file.text) {
        Ok(_) => Ok(()),
        Err(error) => Err(super::in_a_line(&error.to_string())),
    }
}
