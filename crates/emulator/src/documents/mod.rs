//! Documents of files, checked in full against a schema: [`check_documents`] is one line in a test.
//!
//! ```no_run
//! #[test]
//! fn the_documents_are_valid() {
//!     dinoai_emulator::check_documents("graphql").unwrap();
//! }
//! ```
//!
//! It prints what is wrong as `rustc` does, with file, line and column:
//!
//! ```text
//! error: Unknown argument "id" on field "Query.dinoaiAgentRun".
//!  --> graphql/run_status.graphql:2:18
//!   |
//! 2 |   dinoaiAgentRun(id: $id) {
//!   |                  ^^
//! ```
//!
//! # What the derive checks
//!
//! The derive `GraphQLQuery` checks that the fields exist, and the types that fragments and variables
//! name: it needs them to make Rust of them. It checks little else. A document with one of these
//! compiles, and fails at the first call:
//!
//! | in a document | the derive | here |
//! | --- | --- | --- |
//! | a field that the type does not have | an error, without a place | an error |
//! | an argument that the field does not have | compiles | an error |
//! | a required argument that is missing | compiles | an error |
//! | a variable or a value of another type than the argument | compiles | an error |
//! | a variable that is not used, or not defined | compiles | an error |
//! | a directive that the schema does not have | compiles | an error |
//! | a fragment that is not used, or cannot apply where it is spread | compiles | an error |
//! | two fields of one name that cannot be one | compiles, or an error about Rust | an error |
//! | a syntax error | an error without the file's name; the derives after it report a `PoisonError` | an error |
//!
//! The rules, and the words, are those of the reference implementation, npm `graphql`: what is valid
//! here, a server with this schema executes. It also reports, as [`ProblemKind::Derive`], what is valid and
//! of which the derive makes no types, types that do not compile, or types that do not read what the document
//! asks for:
//!
//! | in a document | the derive (`graphql_client` 0.16) |
//! | --- | --- |
//! | an operation without a name; an inline fragment without a type; more than 50 levels | panics, or an error |
//! | a description, a directive on a variable; an escape or a number that its parser does not know | a syntax error |
//! | `__typename` that is missing on an interface or a union, or has an alias | an error; or every response fails |
//! | nothing but `__typename` on an object, also as the whole of `... on Run { … }` | every response fails |
//! | `... on Run` or `... on Node` on an object `Run`; beside other fields, `...F` of a fragment on `Node` | what is in it is not read |
//! | `... on Node` on the interface `Node` itself | what is in it is not read |
//! | a fragment on one interface in another one, or in a union | an error |
//! | two fragments on one type of an interface or a union, of which the second has no name | the first is read twice, the second not: does not compile |
//! | a field beside a fragment, and in it | one of the two lacks it: the response fails, or the field is `None` |
//! | two fields, or two variables, of one name in Rust, `fooBar` and `foo_bar`; a field twice | does not compile |
//! | two types of one name in Rust: operation `Run` with the field `next`, and a fragment `RunNext` | does not compile |
//! | a name of no letters, `_1` | panics |
//! | an operation that is a keyword in snake case, `Type`; a fragment that is one, or, beside others on one type of an interface or a union, is one in snake case | panics, or does not compile |
//! | an operation in snake case, `workspaces`: reported also where `normalization = "rust"` is set, with which it compiles | does not compile |
//! | a default value that is null, an enum value, or in Rust of another type, as `[1]` for `[Int]`, or `1` for `Float` | panics, or does not compile |
//! | a default value of an input object that has itself within it, or exactly one of its fields, or a field of another name in Rust, `type` | does not compile |
//! | `@skip` or `@include` at a field that is never null, or at a fragment that has one | a response without it fails |
//! | a field of an interface, a type of a union, or a field of a variable's input object that stands in `extend …` | an error; a response of that type fails; or it cannot be sent |
//! | a schema in several files, or one that its parser does not know, as `extend schema` | an error, or panics |
//! | `__schema`, `__type` | an error: the schema's file does not define them |
//!
//! The schema's own names are not checked: types that are called by a keyword, input objects and enums whose
//! fields or values have one name in Rust. A document that takes too long to check in full is reported as well.
//!
//! # Files
//!
//! Each file is a document of its own, as it is for the derive: a fragment of another file is not
//! known. A file whose first definition is one of types is a part of the schema; several such files are one
//! schema. In a folder the files that end in `.graphql`, `.graphqls` and `.gql` are read, and
//! `schema.json` (the response to an introspection), those of its folders too. What begins with a dot,
//! `target`, `node_modules` and links to folders are left out. A file has up to 16 MiB, a document up
//! to 100,000 tokens. A pipe is read like a file, as of `<(command)` in a shell; a device is not.

mod derive;
mod introspection_result;
mod problem;
mod schema;
mod source;

use std::path::Path;

use apollo_compiler::response::GraphQLError;

pub use problem::{Problem, ProblemKind, Problems};
pub use schema::Schema;

use crate::graphql::{document, validation};
use crate::snippet::Lines;
pub(crate) use derive::missing as missing_for_derive;
pub(crate) use problem::Reason;
pub(crate) use source::Source;

/// Checks every document of a folder against the schema in the same folder.
///
/// # Errors
///
/// Everything that is wrong, which `unwrap` prints as `rustc` would; see [the module](self). Also a
/// folder that does not exist, has no schema, or has no documents.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let graphql = folder.path();
/// std::fs::write(graphql.join("schema.graphql"), "type Query { status(id: ID!): String }")?;
/// std::fs::write(graphql.join("status.graphql"), "query Status { status }")?;
/// let problems = dinoai_emulator::check_documents(graphql).unwrap_err();
/// assert_eq!(
///     problems.list()[0].message,
///     r#"Field "status" argument "id" of type "ID!" is required, but it was not provided."#
/// );
/// # Ok(())
/// # }
/// ```
pub fn check_documents(folder: impl AsRef<Path>) -> Result<(), Problems> {
    let folder = folder.as_ref();
    let documents = Documents::read([folder])?;
    let name = folder.to_string_lossy();
    match documents.own_schema()? {
        Some(schema) => documents.check(&schema),
        None => {
            let message = format!("{name} has no schema: no file begins with type definitions");
            Err(Problem::new(ProblemKind::NoSchema, message)
                .in_file(&name)
                .with_help("put one there: dinoai schema print > schema.graphql")
                .into())
        }
    }
}

/// Documents, each with its name, and the type definitions that came with them.
///
/// ```
/// use dinoai_emulator::documents::{Documents, Schema};
///
/// let schema = Schema::parse("schema.graphql", "type Query { status(id: ID!): String }")?;
/// let documents = Documents::new().with("status.graphql", "query Status { status(id: 1) }");
/// documents.check(&schema)?;
/// # Ok::<(), dinoai_emulator::documents::Problems>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Documents {
    documents: Vec<Source>,
    definitions: Vec<Source>,
}

impl Documents {
    /// No documents yet.
    ///
    /// ```
    /// assert!(dinoai_emulator::documents::Documents::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the documents, and the type definitions, of files and folders.
    ///
    /// Their syntax is looked at later, by [`own_schema`](Self::own_schema) and [`check`](Self::check).
    ///
    /// # Errors
    ///
    /// [`ProblemKind::Unread`] for each file and folder that cannot be read.
    ///
    /// ```no_run
    /// use dinoai_emulator::documents::Documents;
    ///
    /// let documents = Documents::read(["graphql", "more/status.graphql"])?;
    /// # Ok::<(), dinoai_emulator::documents::Problems>(())
    /// ```
    pub fn read<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self, Problems> {
        let sources = source::read(paths)?.into_iter();
        Ok(sources.fold(Self::new(), Self::with_source))
    }

    /// Adds a text under a name, which stands in errors as that of a file does.
    ///
    /// ```
    /// use dinoai_emulator::documents::Documents;
    ///
    /// let documents = Documents::new().with("schema.graphql", "type Query { status: String }");
    /// assert!(documents.is_empty(), "it is a schema");
    /// assert!(documents.own_schema()?.is_some());
    /// # Ok::<(), dinoai_emulator::documents::Problems>(())
    /// ```
    #[must_use]
    pub fn with(self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.with_source(Source::new(name, text))
    }

    fn with_source(mut self, source: Source) -> Self {
        match source.is_schema() {
            true => self.definitions.push(source),
            false => self.documents.push(source),
        }
        self
    }

    /// Whether there are no documents; type definitions are none.
    ///
    /// ```
    /// use dinoai_emulator::documents::Documents;
    ///
    /// assert!(!Documents::new().with("a.graphql", "query A { a }").is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// The names of the documents, in the order in which they were added.
    ///
    /// ```
    /// use dinoai_emulator::documents::Documents;
    ///
    /// let documents = Documents::new().with("a.graphql", "query A { a }");
    /// assert_eq!(documents.names().collect::<Vec<_>>(), ["a.graphql"]);
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.documents.iter().map(|it| it.name.as_str())
    }

    /// The names of the files of type definitions that came with the documents.
    ///
    /// ```
    /// use dinoai_emulator::documents::Documents;
    ///
    /// let documents = Documents::new().with("a.graphql", "type A { a: Int }");
    /// assert_eq!(documents.definition_names().collect::<Vec<_>>(), ["a.graphql"]);
    /// ```
    pub fn definition_names(&self) -> impl Iterator<Item = &str> {
        self.definitions.iter().map(|it| it.name.as_str())
    }

    /// The schema whose parts came with the documents; none if there are no type definitions.
    ///
    /// # Errors
    ///
    /// [`ProblemKind::Syntax`] and [`ProblemKind::Schema`], each with its file.
    ///
    /// ```
    /// use dinoai_emulator::documents::Documents;
    ///
    /// assert!(Documents::new().own_schema()?.is_none());
    /// # Ok::<(), dinoai_emulator::documents::Problems>(())
    /// ```
    pub fn own_schema(&self) -> Result<Option<Schema>, Problems> {
        match &*self.definitions {
            [] => Ok(None),
            parts => Schema::of(parts).map(Some),
        }
    }

    /// Checks each document against a schema, in full.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them: at most 100 errors a document, and then that
    /// there are more. Without a document it
    /// is [`ProblemKind::NoDocuments`].
    ///
    /// ```
    /// use dinoai_emulator::documents::{Documents, ProblemKind, Schema};
    ///
    /// let schema = Schema::parse("schema.graphql", "type Query { status: String }")?;
    /// let documents = Documents::new().with("a.graphql", "query A { state }");
    /// let problem = &documents.check(&schema).unwrap_err().list()[0].clone();
    /// assert_eq!(problem.kind, ProblemKind::Invalid);
    /// assert_eq!((problem.line, problem.column), (Some(1), Some(11)));
    /// # Ok::<(), dinoai_emulator::documents::Problems>(())
    /// ```
    pub fn check(&self, schema: &Schema) -> Result<(), Problems> {
        if self.documents.is_empty() {
            let message = "there are no documents to check";
            let help = "a document is a file of operations and fragments, which in a folder ends in .graphql, \
                        .graphqls or .gql; files of type definitions are the schema";
            return Err(Problem::new(ProblemKind::NoDocuments, message)
                .with_help(help)
                .into());
        }
        let problems = self.problems(schema).collect();
        Problems::if_any(problems)
    }

    /// As [`check`](Self::check), of what a server would refuse alone.
    pub(crate) fn validate(&self, schema: &Schema) -> Result<(), Problems> {
        let problems = self.problems(schema);
        let problems = problems.filter(|problem| problem.kind != ProblemKind::Derive);
        Problems::if_any(problems.collect())
    }

    fn problems(&self, schema: &Schema) -> impl Iterator<Item = Problem> {
        let files = schema.files_for_derive();
        let of_schema = files.problem();
        let of_documents = self.documents.iter().flat_map(move |source| {
            let mut problems = match document::read(&schema.declared, &source.text) {
                Ok(document) => {
                    let mut problems = derive::missing(&schema.declared, &document, source);
                    problems.extend(files.problem_of(&schema.declared, &document, source));
                    problems
                }
                Err(errors) => self.refusals(source, &errors),
            };
            // What is about the whole document comes last.
            problems.sort_by_key(|it| (it.line.is_none(), it.line, it.column));
            problems
        });
        of_schema.into_iter().chain(of_documents)
    }

    /// The documents with their texts.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.documents
    }

    /// What a server with this schema would say of a document that it refuses.
    fn refusals(&self, source: &Source, errors: &[GraphQLError]) -> Vec<Problem> {
        let lines = Lines::of(&source.text);
        let problems = errors.iter().map(|error| {
            let kind = match error.message.starts_with("Syntax Error: ") {
                true => ProblemKind::Syntax,
                false => ProblemKind::Invalid,
            };
            let problem = Problem::said(kind, error, &source.name, &lines);
            if error.message == validation::TOO_MANY {
                return problem.saying_more();
            }
            if error.message == validation::ABORTED {
                return problem.with_help(
                    "it takes too long to check, and a server may refuse it, too: split the document",
                );
            }
            match self.with_fragment(&error.message, source) {
                Some(other) => problem.with_help(format!(
                    "{other} has it, but each file is a document of its own: copy the fragment"
                )),
                None => problem,
            }
        });
        problems.collect()
    }

    /// The other document that has the fragment which an error says is not known.
    fn with_fragment(&self, message: &str, but: &Source) -> Option<&str> {
        let name = message.strip_prefix("Unknown fragment \"")?;
        let name = name.strip_suffix("\".")?;
        let definition = format!("fragment {name} on ");
        let others = self.documents.iter().filter(|it| it.name != but.name);
        let mut with = others.filter(|it| it.text.contains(&definition));
        with.next().map(|it| it.name.as_str())
    }
}
