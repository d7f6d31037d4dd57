//! [`Restart`]: whether a key whose run has ended is started again.

/// Whether a key whose run has ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Restart {
    /// Never: the run that has ended is the result, however it ended.
    #[default]
    Never,
    /// If it failed, expired or was stopped. The run before is kept among
    /// [`Entry::other_runs`](super::Entry::other_runs).
    Failed,
}
