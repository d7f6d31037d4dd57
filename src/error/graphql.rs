//! [`GraphQlError`]: one error of a GraphQL response, as the server said it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::excerpt::excerpt;

/// One error of a GraphQL response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GraphQlError {
    /// What is wrong, for people.
    pub message: String,
    /// Where in the data, if it concerns a place there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<PathSegment>,
    /// Where in the document, if it concerns a place there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location>,
    /// Whatever else the server says, for programs.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extensions: serde_json::Map<String, serde_json::Value>,
}

impl GraphQlError {
    /// The code in the extensions, for example `BAD_USER_INPUT`; `None` if there is none.
    ///
    /// ```
    /// let error: dinoai::GraphQlError = serde_json::from_str(
    ///     r#"{ "message": "No.", "extensions": { "code": "FORBIDDEN" } }"#,
    /// )?;
    /// assert_eq!(error.code(), Some("FORBIDDEN"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.extensions.get("code")?.as_str()
    }
}

/// A step of a [`GraphQlError`]'s path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum PathSegment {
    /// A field, by its name in the response.
    Field(String),
    /// A place in a list, counted from 0.
    Index(u64),
}

/// A place in a GraphQL document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Location {
    /// The line, counted from 1.
    pub line: u64,
    /// The column, counted from 1.
    pub column: u64,
}

/// The message and the path, each as an excerpt: a server's text must not fill a log, nor speak to
/// a terminal.
impl fmt::Display for GraphQlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&excerpt(&self.message))?;
        if !self.path.is_empty() {
            let segments: Vec<_> = self.path.iter().map(ToString::to_string).collect();
            write!(formatter, " (at {})", excerpt(&segments.join(".")))?;
        }
        Ok(())
    }
}

impl fmt::Display for PathSegment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => formatter.write_str(name),
            Self::Index(index) => write!(formatter, "{index}"),
        }
    }
}
