//! Problems of one document, each with its place ([`Report`]).

use apollo_compiler::parser::SourceSpan;

pub(super) use super::super::problem::Reason;
use super::super::problem::{Problem, ProblemKind};
use super::super::source::Source;
use crate::graphql::syntax::Positions;
use crate::snippet::Lines;

/// The most problems of one document, beside one that says that there are more.
const MOST: usize = 100;

/// How many selections are looked at, those of fragments wherever they are used; longer names count for
/// more.
const MOST_STEPS: usize = 2_000_000;

/// What has been found in a document.
pub(super) struct Report<'a> {
    pub(super) source: &'a Source,
    positions: Positions<'a>,
    lines: Lines<'a>,
    pub(super) problems: Vec<Problem>,
    steps: usize,
}

impl<'a> Report<'a> {
    pub(super) fn of(source: &'a Source) -> Self {
        Self {
            source,
            positions: Positions::of(&source.text),
            lines: Lines::of(&source.text),
            problems: Vec::new(),
            steps: 0,
        }
    }

    /// Whether there is time for so many steps more; see [`finish`](Self::finish).
    pub(super) fn take_steps(&mut self, count: usize) -> bool {
        self.steps = self.steps.saturating_add(count);
        self.steps <= MOST_STEPS
    }

    /// What has been found; and that this is not all, if the check has been cut short.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        if self.steps > MOST_STEPS {
            self.add(
                "It takes too long to check in full what the derive makes of the document.",
                "split the document",
                None,
            );
        }
        self.problems
    }

    /// Adds what the derive makes no types of, or none that compile and read a response.
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
        let at = place.map(|place| place.offset());
        let mut problem = self.problem(ProblemKind::Derive, message, help, at);
        problem.reason = reason;
        self.push(problem);
    }

    pub(super) fn add_at(
        &mut self,
        kind: ProblemKind,
        message: impl Into<String>,
        help: impl Into<String>,
        at: Option<usize>,
    ) {
        let problem = self.problem(kind, message, help, at);
        self.push(problem);
    }

    fn push(&mut self, problem: Problem) {
        match self.problems.len() {
            ..MOST => self.problems.push(problem),
            MOST => {
                let message = "There is more of this kind in the document, which is not listed.";
                let rest = Problem::new(ProblemKind::Derive, message).in_file(&self.source.name);
                self.problems.push(rest.saying_more());
            }
            _ => {}
        }
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
