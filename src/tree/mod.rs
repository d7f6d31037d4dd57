//! A run with all its descendants: read them, or wait for all of them.

mod known_runs;
mod read;
mod run_tree;
mod wait_tree;
mod walk;

pub use read::ReadTree;
pub use run_tree::Tree;
pub use wait_tree::WaitTree;
