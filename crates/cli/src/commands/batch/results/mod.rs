//! The results of a batch: what is recorded of each item, the file that keeps the records, how they
//! are read back from it, and how they are written.

pub(super) mod file;
pub(super) mod journal;
pub(super) mod record;
pub(super) mod recovery;
