//! [`Outcome`]: what a step is given of a run.

use dinoai::{Run, SessionId};

use crate::report::Failure;

/// What came of a run.
pub(crate) struct Outcome<'a> {
    pub(crate) session_id: Option<&'a SessionId>,
    /// As it was read last.
    pub(crate) status: Option<&'a str>,
    /// A run that has ended, with the messages that were shown.
    pub(crate) run: Option<&'a Run>,
    /// Whether the output `answer` is the JSON in the answer.
    pub(crate) is_json: bool,
    pub(crate) failure: Option<&'a Failure>,
}
