//! What the command reads files with, from its own sources: it is a program, and no library.

#![allow(
    dead_code,
    unused_imports,
    reason = "a target reads one of the two kinds of file, and starts no run"
)]

#[path = "../../../crates/cli/src/command/batch/item.rs"]
mod item;
#[path = "../../../crates/cli/src/command/batch/properties.rs"]
pub(crate) mod properties;
#[path = "../../../crates/cli/src/command/batch/record.rs"]
mod record;
#[path = "../../../crates/cli/src/command/batch/records.rs"]
mod records;
#[path = "../../../crates/cli/src/sanitize/mod.rs"]
pub(crate) mod sanitize;
#[path = "../../../crates/cli/src/command/batch/table.rs"]
mod table;
