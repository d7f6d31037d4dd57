//! What is wrong with files of documents, as a failure of the command or as JSON.

use dinoai_emulator::documents::{Problem, ProblemKind, Problems};
use serde::Serialize;

use crate::report::Failure;
use crate::sanitize::one_line;

/// A JSON line.
#[derive(Serialize)]
pub(super) struct Event<T> {
    pub(super) event: &'static str,
    pub(super) data: T,
}

/// A problem for programs.
#[derive(Serialize)]
pub(super) struct ProblemLine<'a> {
    kind: &'static str,
    message: &'a str,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

impl<'a> From<&'a Problem> for ProblemLine<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self {
            kind: problem.kind.word(),
            message: &problem.message,
            file: problem.file.as_deref(),
            line: problem.line,
            column: problem.column,
            help: problem.help.as_deref(),
        }
    }
}

/// Why files are of no use: they cannot be read, or what they are to be they are not.
pub(super) fn unusable(problems: &Problems) -> Failure {
    let failure = Failure::usage(in_lines(problems));
    let mut helps = problems.list().iter().filter_map(|it| it.help.as_ref());
    match (helps.next(), helps.next()) {
        (Some(help), None) => failure.with_hint(help),
        // More than one would be about more than one thing.
        _ => failure,
    }
}

/// Whether nothing could be read, or nothing was there to be read.
pub(super) fn is_unread(problems: &Problems) -> bool {
    let mut kinds = problems.list().iter().map(|it| it.kind);
    kinds.all(|kind| matches!(kind, ProblemKind::Unread | ProblemKind::NoDocuments))
}

/// A problem a line, each with its place, and whatever its file or its server has for a name on that line.
pub(super) fn in_lines(problems: &Problems) -> String {
    let lines = problems.list().iter().map(|problem| {
        let Problem {
            message,
            file,
            line,
            column,
            kind,
            ..
        } = problem;
        let message = one_line(message);
        match (file.as_deref().map(one_line), line, column) {
            (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}: {message}"),
            // It names the file itself.
            (Some(file), ..) if *kind != ProblemKind::Unread => format!("{file}: {message}"),
            _ => message.to_string(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
