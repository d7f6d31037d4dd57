//! [`JournalError`]: why a journal could not be read or written.

use super::Cause;

/// Why a [journal](crate::journal) could not be read or written.
///
/// Implementations of [`Journal`](crate::journal::Journal) make it with
/// [`unavailable`](Self::unavailable) or [`unusable`](Self::unusable). Its text is shown to people: it
/// names the journal and says what to do, and holds no password.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{problem}")]
pub struct JournalError {
    problem: String,
    is_transient: bool,
    source: Option<Cause>,
}

impl JournalError {
    /// What may work again by itself: a lost connection, a lock that another process holds.
    ///
    /// The same is tried again for a while.
    ///
    /// ```
    /// use dinoai::journal::JournalError;
    ///
    /// let error = JournalError::unavailable("db.example:5432 refused the connection");
    /// assert!(error.is_transient());
    /// ```
    pub fn unavailable(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            is_transient: true,
            source: None,
        }
    }

    /// What works only once somebody has changed something.
    ///
    /// A wrong password, a folder that is read-only, a file that is no journal.
    ///
    /// ```
    /// use dinoai::journal::JournalError;
    ///
    /// let error = JournalError::unusable("runs.jsonl is no journal: name another file");
    /// assert!(!error.is_transient());
    /// ```
    pub fn unusable(problem: impl Into<String>) -> Self {
        Self {
            is_transient: false,
            ..Self::unavailable(problem)
        }
    }

    /// Adds the failure underneath.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dinoai::journal::JournalError;
    ///
    /// let cause = std::io::Error::other("no space left");
    /// let error = JournalError::unavailable("runs.jsonl cannot be written").with_source(Arc::new(cause));
    /// assert!(std::error::Error::source(&error).is_some());
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: Cause) -> Self {
        self.source = Some(source);
        self
    }

    /// Whether the same may work later, without anybody's doing.
    ///
    /// ```
    /// # fn example(error: dinoai::journal::JournalError) {
    /// if error.is_transient() {
    ///     eprintln!("{error}; trying again");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.is_transient
    }
}
