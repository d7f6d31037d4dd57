//! [`SessionId`]: the id of a run.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The id of a run: the API's `agentSessionId`.
///
/// Returned by a trigger, and all that is needed to go on with the run later or elsewhere: store
/// it as a string, read it back with [`str::parse`], give it to
/// [`Client::session`](crate::Client::session) on another machine. It never is blank. Clones share
/// the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// Takes an id as the API gave it.
    ///
    /// ```
    /// use dinoai::SessionId;
    ///
    /// assert!(SessionId::new("xwzdneft6emspe0f").is_ok());
    /// assert!(SessionId::new(" ").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidSessionId`] if it is blank. `?` makes an
    /// [`Error::InvalidRequest`](crate::Error::InvalidRequest) of it.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidSessionId> {
        let id = id.into();
        if id.trim().is_empty() {
            return Err(InvalidSessionId);
        }
        Ok(Self(id.into()))
    }

    /// An id that a test names.
    #[cfg(any(test, feature = "test-util"))]
    #[track_caller]
    #[expect(clippy::panic, reason = "a test that names no run is wrong")]
    pub(crate) fn for_test(id: impl AsRef<str>) -> Self {
        let id = id.as_ref();
        Self::new(id).unwrap_or_else(|_| panic!("the session id {id:?} for a test is blank"))
    }

    /// The id as text.
    ///
    /// ```
    /// # fn main() -> Result<(), dinoai::InvalidSessionId> {
    /// let id: dinoai::SessionId = "xwzdneft6emspe0f".parse()?;
    /// assert_eq!(id.as_str(), "xwzdneft6emspe0f");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for SessionId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(id: &str) -> Result<Self, InvalidSessionId> {
        Self::new(id)
    }
}

impl TryFrom<String> for SessionId {
    type Error = InvalidSessionId;

    fn try_from(id: String) -> Result<Self, InvalidSessionId> {
        Self::new(id)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0.as_ref().to_owned()
    }
}

/// The error for a blank session id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("session id is blank")]
#[non_exhaustive]
pub struct InvalidSessionId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_session_id_is_refused_everywhere() {
        for blank in ["", "  ", "\n\t"] {
            assert!(SessionId::new(blank).is_err());
            assert!(blank.parse::<SessionId>().is_err());
            let json = serde_json::to_string(blank).unwrap();
            assert!(serde_json::from_str::<SessionId>(&json).is_err());
        }
    }
}
