//! The results of a batch. A [`record`] says what has happened to an item. [`results_file`] opens the
//! file, whose records [`recovery`] reads; from then on the [`journal`] has a [`writer`] each write
//! records to it and to [`stdout`].

pub(super) mod journal;
pub(super) mod record;
pub(super) mod recovery;
pub(super) mod results_file;
mod stdout;
pub(super) mod writer;
