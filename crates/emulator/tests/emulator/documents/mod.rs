//! Documents of files are checked in full: what a server would refuse, and what the derive needs.

mod derived;
mod derived_types;
mod files;
mod introspection;
mod needs_of_the_derive;
mod places;
mod schemas;

use std::fs;

use dinoai_emulator::documents::{Documents, ProblemKind, Schema};
use tempfile::TempDir;

const SCHEMA: &str = "type Query { run(id: ID!, of: Kind, in: In): Run, any: Any, one: Named, numbers(of: [Int]): Int }
type Mutation { stop: Run } type Run implements Named { status: String!, name: String }
interface Named { name: String } type Other { other: Int } union Any = Run | Other
enum Kind { A, B } input In { a: Int! }
";

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn schema() -> Schema {
    Schema::parse("schema.graphql", SCHEMA).unwrap()
}

/// What is said of a document beside what a server would refuse: the column, and the message.
fn said(schema: &str, text: &str) -> Vec<String> {
    let schema = Schema::parse("schema.graphql", schema).unwrap();
    let Err(problems) = Documents::new().with("a.graphql", text).check(&schema) else {
        return Vec::new();
    };
    let problems = problems.list().iter().map(|it| {
        assert_eq!(it.kind, ProblemKind::Derive, "{it}");
        assert!(it.help.is_some(), "{it}");
        format!("{}: {}", it.column.unwrap_or_default(), it.message)
    });
    problems.collect()
}

/// What is wrong with one document: line, column and message.
fn problems(text: &str) -> Vec<(usize, usize, String)> {
    let documents = Documents::new().with("a.graphql", text);
    let Err(problems) = documents.check(&schema()) else {
        return Vec::new();
    };
    let problems = problems
        .list()
        .iter()
        .map(|it| (it.line.unwrap(), it.column.unwrap(), it.message.clone()));
    problems.collect()
}
