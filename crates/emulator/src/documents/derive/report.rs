//! Problems of one document, each with its place ([`Report`]).

use apollo_compiler::parser::SourceSpan;

pub(super) use super::super::problem::Reason;
use super::super::problem::{Problem, ProblemKind};
use super::super::source::Source;
use crate::graphql::syntax::Positions;
use crate::snippet::Lines;

/// The most that the derive makes nothing of in one document, beside one that says that there is more.
const MOST: usize = 100;

/// What has been found in a document.
pub(super) struct Report<'a> {
    pub(super) source: &'a Source,
    positions: Positions<'a>,
    lines: Lines<'a>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    pub(super) fn of(source: &'a Source) -> Self {
        Self {
            source,
            positions: Positions::of(&source.text),
            lines: Lines::of(&source.text),
            problems: Vec::new(),
        }
    }

    /// What the derive makes nothing of, or what is of no use.
    pub(super) fn add(
        &mut self,
        message: impl Into<String>,
        help: impl Into<String>,
        place: Option<SourceSpan>,
    ) {
        self.add_for(Reason::Other, message, help, place);
    }

    pub(super) fn add_for(
        &mut self,
        reason: Reason,
        message: impl Into<String>,
        help: impl Into<String>,
        place: Option<SourceSpan>,
    ) {
        match self.problems.len() {
            MOST => {
                let message = "There is more of this kind in the document, which is not listed.";
                let rest = Problem::new(ProblemKind::Derive, message).in_file(&self.source.name);
                self.problems.push(rest.saying_more());
                return;
            }
            count if count > MOST => return,
            _ => {}
        }
        let at = place.map(|place| place.offset());
        let mut problem = self.problem(ProblemKind::Derive, message, help, at);
        problem.reason = reason;
        self.problems.push(problem);
    }

    pub(super) fn add_at(
        &mut self,
        kind: ProblemKind,
        message: impl Into<String>,
        help: impl Into<String>,
        at: Option<usize>,
    ) {
        let problem = self.problem(kind, message, help, at);
        self.problems.push(problem);
    }

    fn problem(
        &self,
        kind: ProblemKind,
        message: impl Into<String>,
        help: impl Into<String>,
        at: Option<usize>,
    ) -> Problem {
        let mut problem = Problem::new(kind, message)
            .in_file(&self.source.name)
            .with_help(help);
        if let Some(at) = at {
            let place = self.positions.line_column(at);
            problem = problem.at(&self.lines, place.line, place.column);
        }
        problem
    }
}
