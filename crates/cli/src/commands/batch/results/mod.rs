//! The results of a batch. A [`record`] says what has happened to an item. [`results_file`] opens the
//! file, whose records [`recovery`] reads; from then on the [`journal`] writes records to it and to
//! standard output.

pub(super) mod journal;
pub(super) mod record;
pub(super) mod recovery;
pub(super) mod results_file;
