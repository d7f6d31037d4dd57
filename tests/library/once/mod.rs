//! A key starts one run, also if the process dies.

mod file_journal;
