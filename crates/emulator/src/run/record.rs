//! What is kept of a run beside how it goes: what it was started with ([`Record`]), and what was said in
//! it ([`TranscriptMessage`]).

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

#[cfg(doc)]
use super::RunState;
use super::Slack;

/// Who says what a run is sent.
pub(super) static USER: LazyLock<Arc<str>> = LazyLock::new(|| "user".into());

/// What a run was started with, and what has been done to it from outside: what its
/// [`report`](RunState::reported) says beside its state.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) number: u64,
    pub(crate) session_id: Arc<str>,
    /// Shared by all runs of the workspace.
    pub(crate) workspace_uid: Arc<str>,
    pub(crate) agent: Option<Box<str>>,
    pub(crate) slack: Option<Box<Slack>>,
    pub(crate) base_branch: Option<Box<str>>,
    pub(crate) checked_out: Cow<'static, str>,
    pub(crate) model_family: Option<Box<str>>,
    pub(crate) parent: Option<Arc<str>>,
    pub(crate) stops: Vec<Duration>,
    pub(crate) texts_dropped: bool,
}

/// How often the messages of a run were returned, and how many of them, from the first on.
#[derive(Default)]
pub(crate) struct Returned {
    pub(crate) transcripts: AtomicU64,
    pub(crate) messages: AtomicUsize,
}

/// One message of a run's transcript.
#[derive(Clone)]
pub(crate) struct TranscriptMessage {
    /// Microseconds since the Unix epoch.
    pub(super) micros: u64,
    pub(crate) role: Arc<str>,
    pub(crate) content: Arc<str>,
}

impl TranscriptMessage {
    /// Seconds since the Unix epoch. Distinct for distinct microseconds until the year 2242,
    /// if seconds and microseconds no longer fit in 53 bits.
    #[expect(clippy::cast_precision_loss, reason = "the claim above")]
    pub(crate) fn ts(&self) -> f64 {
        self.micros as f64 / 1e6
    }
}
