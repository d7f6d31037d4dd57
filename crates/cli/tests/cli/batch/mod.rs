//! A batch starts each item at most once, and loses no run that it has started.

mod bench;
mod checks_items_first;
mod items_have_keys;
mod keeps_results;
mod outlives_its_files;
mod protects_files;
mod reports_runs_at_a_signal;
mod restarts_by_key;
mod resumes;
mod retries_on_request;
mod shares_requests;
pub(crate) mod stops_starting;
mod survives_a_kill;
