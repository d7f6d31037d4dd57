//! [`Response`]: what a document of the user's own is answered with.

use crate::error::GraphQlError;

/// The response to a document of your own: its data, and the errors beside it.
///
/// A GraphQL server may answer a part of a document: a field that failed is null, if its type allows
/// that, and an error names its place in [`path`](GraphQlError::path). What is null and why is for the
/// program to judge. A response without data is no `Response` but an [`Error`](crate::Error).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Response<T> {
    /// The data, in the types that were derived from the document.
    pub data: T,
    /// The errors beside it; empty if every field could be read.
    pub errors: Vec<GraphQlError>,
}

#[cfg(feature = "test-util")]
impl<T> Response<T> {
    /// A response, for a test.
    ///
    /// ```
    /// let response = dinoai::graphql::Response::new("data", vec![]);
    /// assert!(response.errors.is_empty());
    /// ```
    #[must_use]
    pub fn new(data: T, errors: Vec<GraphQlError>) -> Self {
        Self { data, errors }
    }
}
