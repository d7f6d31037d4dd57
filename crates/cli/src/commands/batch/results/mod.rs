//! The results of a batch. A [`record`] says what has happened to an item. [`results_file`] opens the
//! file, whose records [`recovery`] reads; from then on the [`results_writer`] has a [`writer_thread`] each
//! write records to it and to [`stdout`].

pub(super) mod record;
pub(super) mod recovery;
pub(super) mod results_file;
pub(super) mod results_writer;
mod stdout;
pub(super) mod writer_thread;
