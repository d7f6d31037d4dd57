//! What is wrong with files of documents ([`Problem`], [`Problems`]), shown as `rustc` shows it.

use std::fmt;

use apollo_compiler::response::GraphQLError;

use crate::error::one_line;
use crate::snippet::{Lines, Shown};

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A file or a folder cannot be read: it is not there, not UTF-8, or too large.
    Unread,
    /// Nothing was to be checked: no file has a document.
    NoDocuments,
    /// No file has type definitions, so there is no schema to check against.
    NoSchema,
    /// The type definitions are not a valid schema.
    Schema,
    /// A text is not GraphQL.
    Syntax,
    /// A server with this schema would refuse the document.
    Invalid,
    /// The document is valid, but the derive `GraphQLQuery` makes no types of it, or types that do not compile or
    /// do not read all of a response.
    Derive,
}

impl ProblemKind {
    /// The kind as a word for programs, `no_schema` for one.
    ///
    /// ```
    /// use dinoai_emulator::documents::ProblemKind;
    ///
    /// assert_eq!(ProblemKind::NoSchema.word(), "no_schema");
    /// ```
    pub fn word(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::NoDocuments => "no_documents",
            Self::NoSchema => "no_schema",
            Self::Schema => "schema",
            Self::Syntax => "syntax",
            Self::Invalid => "invalid",
            Self::Derive => "derive",
        }
    }
}

/// Why the derive does not take something, as far as a comparison of two schemas asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// `__typename` is missing on an interface or a union, so that no types are made.
    NoTypename,
    /// What is never null may be left out: types are made, which do not read a response without it.
    LeftOut,
    /// Any other.
    Other,
}

/// One thing that is wrong with a file of documents.
///
/// Shown in the style of `rustc`, with the line of the file, and without anything that a terminal
/// acts on.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// What is wrong, in the words of the reference implementation where a server would say it.
    pub message: String,
    /// The file or folder, as it was named; none if it is about all of them.
    pub file: Option<String>,
    /// The line, from 1; none if the problem is about the file as a whole.
    pub line: Option<usize>,
    /// The column, from 1, in UTF-16 units, as GraphQL servers and most editors count.
    pub column: Option<usize>,
    /// What to do, if that does not follow from the message.
    pub help: Option<String>,
    pub(crate) reason: Reason,
    excerpts: Vec<Excerpt>,
    is_rest: bool,
}

/// A line of a file, and the place in it.
#[derive(Clone, PartialEq, Eq)]
struct Excerpt {
    line: usize,
    column: usize,
    shown: Shown,
}

impl Problem {
    pub(crate) fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            file: None,
            line: None,
            column: None,
            help: None,
            reason: Reason::Other,
            excerpts: Vec::new(),
            is_rest: false,
        }
    }

    /// Whether it says only that there are more problems than are listed.
    ///
    /// ```
    /// use dinoai_emulator::documents::{Documents, Schema};
    ///
    /// let schema = Schema::parse("schema.graphql", "type Query { status: String }")?;
    /// let text = format!("query A {{ {} }}", "state ".repeat(1_000));
    /// let problems = Documents::new().with("a.graphql", text).check(&schema).unwrap_err();
    /// assert_eq!(problems.list().iter().filter(|it| !it.says_more()).count(), 100);
    /// # Ok::<(), dinoai_emulator::documents::Problems>(())
    /// ```
    pub fn says_more(&self) -> bool {
        self.is_rest
    }

    /// Says that there are more than are listed.
    pub(crate) fn saying_more(mut self) -> Self {
        self.is_rest = true;
        self
    }

    pub(crate) fn in_file(mut self, file: &str) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a place: the first is the problem's own.
    pub(crate) fn at(mut self, text: &Lines<'_>, line: usize, column: usize) -> Self {
        self.line = self.line.or(Some(line));
        self.column = self.column.or(Some(column));
        self.excerpts.push(Excerpt::of(text, line, column));
        self
    }

    /// What the reference implementation says of a text.
    pub(crate) fn said(
        kind: ProblemKind,
        error: &GraphQLError,
        file: &str,
        text: &Lines<'_>,
    ) -> Self {
        let problem = Self::new(kind, &*error.message).in_file(file);
        let places = error.locations.iter();
        places.fold(problem, |problem, place| {
            problem.at(text, place.line, place.column)
        })
    }
}

impl Excerpt {
    fn of(text: &Lines<'_>, line: usize, column: usize) -> Self {
        let whole = text.line(line).unwrap_or_default();
        let mut units = 1;
        let before = whole.chars().take_while(|character| {
            let is_before = units < column;
            units += character.len_utf16();
            is_before
        });
        Self {
            line,
            column,
            shown: Shown::of(whole, before.count()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: {}", one_line(&self.message))?;
        let lines = self.excerpts.iter().map(|it| it.line.to_string().len());
        let width = lines.max().unwrap_or(1);
        let gutter = " ".repeat(width);
        let file = self.file.as_deref().map(one_line);
        if let (Some(file), []) = (&file, &*self.excerpts) {
            write!(formatter, "\n{gutter}--> {file}")?;
        }
        for (number, excerpt) in self.excerpts.iter().enumerate() {
            let arrow = if number == 0 { "-->" } else { ":::" };
            let Excerpt {
                line,
                column,
                shown,
            } = excerpt;
            let file = file.as_deref().unwrap_or_default();
            write!(formatter, "\n{gutter}{arrow} {file}:{line}:{column}")?;
            let (indent, mark) = (" ".repeat(shown.before), "^".repeat(shown.marked));
            write!(formatter, "\n{gutter} |")?;
            write!(formatter, "\n{line:width$} | {}", shown.text)?;
            write!(formatter, "\n{gutter} | {indent}{mark}")?;
        }
        if let Some(help) = &self.help {
            if !self.excerpts.is_empty() {
                write!(formatter, "\n{gutter} |")?;
            }
            write!(formatter, "\n{gutter} = help: {}", one_line(help))?;
        }
        Ok(())
    }
}

/// As it is displayed: a test that unwraps a result of it shows what is wrong.
impl fmt::Debug for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Everything that is wrong with files of documents, at least one [`Problem`].
///
/// Displayed, and printed by `unwrap`, as `rustc` shows errors, one after the other.
#[derive(Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems, by file and then by line, as far as they have one.
    ///
    /// ```
    /// use dinoai_emulator::documents::{Documents, ProblemKind};
    ///
    /// let problems = Documents::read(["no/such/folder"]).unwrap_err();
    /// assert_eq!(problems.list()[0].kind, ProblemKind::Unread);
    /// ```
    pub fn list(&self) -> &[Problem] {
        &self.0
    }

    pub(super) fn into_list(self) -> Vec<Problem> {
        self.0
    }

    /// An error if there are any.
    pub(crate) fn if_any(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        Err(Self(problems))
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                formatter.write_str("\n\n")?;
            }
            fmt::Display::fmt(problem, formatter)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // On a line of its own, below what `unwrap` says.
        formatter.write_str("\n")?;
        fmt::Display::fmt(self, formatter)
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_marked_in_its_line_as_rustc_marks_it() {
        let text = "query Q {\r\n\ta: é😀state\r}";
        let problem = Problem::new(ProblemKind::Invalid, "no")
            .in_file("q.graphql")
            .at(&Lines::of(text), 2, 8)
            .at(&Lines::of(text), 1, 7)
            .with_help("yes");
        let shown = "error: no\n --> q.graphql:2:8\n  |\n2 |     a: é😀state\n  |           ^^^^^\n \
                     ::: q.graphql:1:7\n  |\n1 | query Q {\n  |       ^\n  |\n  = help: yes";
        assert_eq!(problem.to_string(), shown);
        assert_eq!((problem.line, problem.column), (Some(2), Some(8)));
    }

    #[test]
    fn a_place_in_a_long_line_or_none_is_shown() {
        let text = format!("{}state{}", "x ".repeat(5_000), " y".repeat(5_000));
        let shown = Problem::new(ProblemKind::Invalid, "no")
            .at(&Lines::of(&text), 1, 10_001)
            .to_string();
        assert!(shown.contains("state"), "{shown}");
        assert!(
            shown.lines().all(|line| line.chars().count() < 180),
            "{shown}"
        );
        let beyond = Problem::new(ProblemKind::Invalid, "no").at(&Lines::of("a"), 9, 9);
        assert!(beyond.to_string().ends_with("9 | \n  | ^"), "{beyond}");
    }

    #[test]
    fn nothing_that_a_terminal_acts_on_is_shown() {
        let text = "\u{1b}[31m \u{202e}state";
        let shown = Problem::new(ProblemKind::Invalid, "\u{1b}]0;x\u{7}")
            .in_file("\u{9b}")
            .at(&Lines::of(text), 1, 8)
            .to_string();
        let is_safe = |character: char| {
            character == '\n' || one_line(&character.to_string()).len() == character.len_utf8()
        };
        assert!(shown.chars().all(is_safe), "{shown:?}");
    }
}
