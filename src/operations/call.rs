//! What a client's calls return.

use std::pin::Pin;

use crate::error::Result;

/// A call under way: it owns what it needs, so that it can be spawned. Nothing is sent before it
/// is awaited.
pub type CallFuture<T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'static>>;
