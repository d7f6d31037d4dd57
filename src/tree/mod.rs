//! A run with all its descendants: read them, or wait for all of them.

mod census;
mod descendants;
mod read;
mod until_ended;
mod walk;

pub use descendants::Tree;
pub use read::ReadTree;
pub use until_ended::WaitTree;
