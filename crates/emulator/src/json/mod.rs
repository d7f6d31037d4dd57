//! JSON as it is read, kept and written: as text, since a tree of small values takes up to a hundred
//! times the memory that its text takes.

mod seconds;
mod text;
mod write;

pub(crate) use seconds::{Seconds, of_each, of_option};
pub(crate) use text::{AsJson, Json, compact, replaced};
#[cfg(feature = "program")]
pub(crate) use write::pretty;
pub(crate) use write::{buffer, length, long_text, text};
