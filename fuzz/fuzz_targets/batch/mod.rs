//! What the command reads files with, from its own sources: it is a program, and no library.

#![allow(
    dead_code,
    unused_imports,
    reason = "a target reads one of the two kinds of file, and starts no run"
)]

#[path = "../../../crates/cli/src/commands/batch/items.rs"]
mod items;
#[path = "../../../crates/cli/src/commands/batch/properties.rs"]
pub(crate) mod properties;

#[path = "."]
mod results {
    #[path = "../../../crates/cli/src/commands/batch/results/record.rs"]
    pub(super) mod record;
    #[path = "../../../crates/cli/src/commands/batch/results/recovery.rs"]
    pub(super) mod recovery;
}
