//! The schema that documents are checked against ([`Schema`]): from type definitions, or from the
//! response to an introspection.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use apollo_compiler::diagnostic::ToCliReport;

use super::derive::SchemaFiles;
use super::introspection_result;
use super::problem::{Problem, ProblemKind, Problems};
use super::source::{Source, is_json, text_of};
use crate::backend::{RefusedSchema, declare};
use crate::graphql::syntax::{self, Positions};
use crate::snippet::Lines;
use crate::text_file::{LARGEST, too_large};

/// The most tokens of a schema: several thousand types have as many.
const MOST_TOKENS: usize = 2_000_000;

/// A schema that documents are checked against.
///
/// The limits: 16 MiB and two million tokens; types nest up to 200 levels deep.
#[derive(Clone)]
pub struct Schema {
    pub(crate) declared: apollo_compiler::Schema,
    sdl: String,
    parts: Vec<Part>,
}

impl Schema {
    /// Reads a schema from a text: type definitions (SDL), or the JSON of an introspection's response.
    ///
    /// The name stands in errors, as that of a file does.
    ///
    /// # Errors
    ///
    /// [`ProblemKind::Syntax`] or [`ProblemKind::Schema`], with the place in the text.
    ///
    /// ```
    /// use dinoai_emulator::documents::Schema;
    ///
    /// let schema = Schema::parse("schema.graphql", "type Query { status: String! }")?;
    /// let wrong = Schema::parse("schema.graphql", "type Query { status: Status! }").unwrap_err();
    /// assert_eq!(wrong.list()[0].line, Some(1));
    /// # Ok::<(), dinoai_emulator::documents::Problems>(())
    /// ```
    pub fn parse(name: impl Into<String>, text: impl Into<String>) -> Result<Self, Problems> {
        Self::of(&[Source::new(name, text)])
    }

    /// Reads a schema from a file: type definitions (SDL), or the JSON of an introspection's response.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), and [`ProblemKind::Unread`].
    ///
    /// ```no_run
    /// use dinoai_emulator::documents::Schema;
    ///
    /// let schema = Schema::read("graphql/schema.graphql")?;
    /// # Ok::<(), dinoai_emulator::documents::Problems>(())
    /// ```
    pub fn read(file: impl AsRef<Path>) -> Result<Self, Problems> {
        let file = file.as_ref();
        Self::parse(file.to_string_lossy(), text_of(file)?)
    }

    /// The schema as type definitions (SDL).
    ///
    /// They are the text that it was read from, or what an introspection's response comes to.
    ///
    /// ```
    /// use dinoai_emulator::documents::Schema;
    ///
    /// let sdl = "type Query { status: String! }";
    /// assert_eq!(Schema::parse("schema.graphql", sdl)?.sdl(), sdl);
    /// # Ok::<(), dinoai_emulator::documents::Problems>(())
    /// ```
    pub fn sdl(&self) -> &str {
        &self.sdl
    }

    /// The schema whose parts these are.
    pub(super) fn of(parts: &[Source]) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut read = Vec::new();
        for part in parts {
            match definitions(part) {
                Ok(part) => read.push(part),
                Err(wrong) => problems.extend(wrong.into_list()),
            }
        }
        Problems::if_any(problems)?;
        let texts: Vec<_> = read
            .iter()
            .map(|it| (it.source.name.as_str(), it.source.text.as_str()))
            .collect();
        let declared = declare(&texts).map_err(|refused| refusal(&refused, &read))?;
        let texts: Vec<_> = read.iter().map(|it| it.source.text.as_str()).collect();
        Ok(Self {
            declared,
            sdl: texts.join("\n"),
            parts: read,
        })
    }

    /// Its files as the derive can have them.
    pub(super) fn files_for_derive(&self) -> SchemaFiles {
        SchemaFiles::of(&self.declared, self.parts.iter().map(|it| &it.source))
    }
}

/// A part of a schema as type definitions.
#[derive(Clone)]
struct Part {
    source: Source,
    /// Whether they are what its JSON comes to: their places are not those of a file.
    is_converted: bool,
}

impl fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Schema").field(&self.sdl).finish()
    }
}

/// A part of a schema as type definitions, whose syntax is right.
fn definitions(part: &Source) -> Result<Part, Problems> {
    let problem = |kind, why| Problem::new(kind, why).in_file(&part.name);
    if part.text.len() as u64 > LARGEST {
        let message = format!("no schema: {}", too_large(LARGEST));
        return Err(problem(ProblemKind::Schema, message).into());
    }
    let is_converted = is_json(&part.name) || part.text.trim_start().starts_with('{');
    let source = match is_converted {
        false => part.clone(),
        true => Source {
            name: part.name.clone(),
            text: introspection_result::as_definitions(&part.text)
                .map_err(|why| problem(ProblemKind::Schema, format!("no schema: {why}")))?,
        },
    };
    let Err(wrong) = syntax::check_up_to(&source.text, MOST_TOKENS) else {
        return Ok(Part {
            source,
            is_converted,
        });
    };
    let error = wrong.into_error(&source.text);
    let kind = ProblemKind::Syntax;
    Err(match is_converted {
        true => problem(kind, error.message).into(),
        false => Problem::said(kind, &error, &source.name, &Lines::of(&source.text)).into(),
    })
}

fn refusal(refused: &RefusedSchema, parts: &[Part]) -> Problems {
    let diagnostics = match refused {
        RefusedSchema::Diagnostics(diagnostics) => diagnostics,
        RefusedSchema::OneOf(message) => {
            let problem = Problem::new(ProblemKind::Schema, message);
            return match parts {
                [only] => problem.in_file(&only.source.name).into(),
                _ => problem.into(),
            };
        }
    };
    // Made once for each text that has a problem.
    let mut indices: HashMap<&str, (Positions<'_>, Lines<'_>)> = HashMap::new();
    let mut problems = Vec::new();
    for diagnostic in diagnostics.iter().take(MOST_PROBLEMS) {
        let message = diagnostic.error.to_string();
        let problem = Problem::new(ProblemKind::Schema, message);
        let span = diagnostic.error.location();
        let found = span.and_then(|span| {
            let path = diagnostic.sources.get(&span.file_id())?.path();
            let mut parts = parts.iter();
            let part = parts.find(|it| Path::new(&it.source.name) == path)?;
            Some((part, span))
        });
        problems.push(match (found, parts) {
            (Some((part, span)), _) => {
                let Source { name, text } = &part.source;
                let problem = problem.in_file(name);
                match part.is_converted {
                    true => problem,
                    false => {
                        let (positions, lines) = indices
                            .entry(name)
                            .or_insert_with(|| (Positions::of(text), Lines::of(text)));
                        let place = positions.line_column(span.offset());
                        problem.at(lines, place.line, place.column)
                    }
                }
            }
            (None, [only]) => problem.in_file(&only.source.name),
            (None, _) => problem,
        });
    }
    if parts.len() > 1
        && let Some(last) = problems.iter_mut().rfind(|it| it.message.contains(TWICE))
    {
        last.help = Some(format!(
            "the {} files of type definitions are taken for parts of one schema: name the schema with --schema, \
             or check one folder at a time",
            parts.len()
        ));
    }
    if diagnostics.len() > MOST_PROBLEMS {
        let message = "There are more errors in the schema, which are not listed.";
        problems.push(Problem::new(ProblemKind::Schema, message).saying_more());
    }
    match Problems::if_any(problems) {
        Err(problems) => problems,
        // A refusal without a reason; none is known.
        Ok(()) => Problem::new(ProblemKind::Schema, "the type definitions are no schema").into(),
    }
}

/// What is said of a type that two files define.
const TWICE: &str = "is defined multiple times";

/// The most that is said of one schema.
const MOST_PROBLEMS: usize = 100;
