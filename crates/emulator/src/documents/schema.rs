//! The schema that documents are checked against ([`Schema`]): from type definitions, or from the
//! response to an introspection.

use std::fmt;
use std::path::Path;

use apollo_compiler::diagnostic::ToCliReport;

use super::introspection_result;
use super::problem::{Problem, ProblemKind, Problems};
use super::source::{Source, is_json, text_of};
use crate::backend::{RefusedSchema, declare};
use crate::graphql::syntax::{self, Positions};

/// The most tokens of a schema: several thousand types have as many.
const MOST_TOKENS: usize = 2_000_000;

/// A schema that documents are checked against.
///
/// The limits: 16 MiB and two million tokens; types nest up to 200 levels deep.
#[derive(Clone)]
pub struct Schema {
    pub(crate) declared: apollo_compiler::Schema,
    sdl: String,
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
        Self::of(&[Source {
            name: name.into(),
            text: text.into(),
        }])
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
        let mut sources = Vec::new();
        for part in parts {
            match definitions(part) {
                Ok(source) => sources.push(source),
                Err(wrong) => problems.extend(wrong.into_list()),
            }
        }
        Problems::if_any(problems)?;
        let texts: Vec<_> = sources
            .iter()
            .map(|it| (it.name.as_str(), it.text.as_str()))
            .collect();
        let declared = declare(&texts).map_err(|refused| refusal(&refused, &sources))?;
        let texts: Vec<_> = sources.into_iter().map(|it| it.text).collect();
        Ok(Self {
            declared,
            sdl: texts.join("\n"),
        })
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Schema").field(&self.sdl).finish()
    }
}

/// A part of a schema as type definitions, whose syntax is right.
fn definitions(part: &Source) -> Result<Source, Problems> {
    let is_json = is_json(&part.name)
        || part
            .text
            .trim_start_matches('\u{feff}')
            .trim_start()
            .starts_with('{');
    let source = match is_json {
        false => part.clone(),
        true => Source {
            name: part.name.clone(),
            text: introspection_result::as_definitions(&part.text).map_err(|why| {
                Problem::new(ProblemKind::Schema, format!("no schema: {why}")).in_file(&part.name)
            })?,
        },
    };
    match syntax::check_up_to(&source.text, MOST_TOKENS) {
        Ok(_) => Ok(source),
        Err(wrong) => {
            let error = wrong.into_error(&source.text);
            let kind = ProblemKind::Syntax;
            Err(Problem::said(kind, &error, &source.name, &source.text).into())
        }
    }
}

fn refusal(refused: &RefusedSchema, sources: &[Source]) -> Problems {
    let diagnostics = match refused {
        RefusedSchema::Diagnostics(diagnostics) => diagnostics,
        RefusedSchema::OneOf(message) => {
            let problem = Problem::new(ProblemKind::Schema, message);
            return match sources {
                [only] => problem.in_file(&only.name).into(),
                _ => problem.into(),
            };
        }
    };
    let problems = diagnostics.iter().map(|diagnostic| {
        let problem = Problem::new(ProblemKind::Schema, diagnostic.error.to_string());
        let span = diagnostic.error.location();
        let place = span.and_then(|span| {
            let path = diagnostic.sources.get(&span.file_id())?.path();
            let source = sources.iter().find(|it| Path::new(&it.name) == path)?;
            let place = Positions::of(&source.text).line_column(span.offset());
            Some((source, place))
        });
        match (place, sources) {
            (Some((source, place)), _) => {
                problem
                    .in_file(&source.name)
                    .at(&source.text, place.line, place.column)
            }
            (None, [only]) => problem.in_file(&only.name),
            (None, _) => problem,
        }
    });
    let problems: Vec<_> = problems.take(MOST_PROBLEMS).collect();
    match Problems::if_any(problems) {
        Err(problems) => problems,
        // A refusal without a reason; none is known.
        Ok(()) => Problem::new(ProblemKind::Schema, "the type definitions are no schema").into(),
    }
}

/// The most that is said of one schema.
const MOST_PROBLEMS: usize = 100;
