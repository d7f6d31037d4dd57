//! A wait ends with the run, on time, and continues through an outage.

mod large_transcripts;
mod last_look;
mod limits_of_a_call;
pub(crate) mod moves;
mod outages_are_shown;
pub(crate) mod polled;
pub(crate) mod possibly_permanent_failures;
mod refused_keys;
mod requested_pauses;
pub(crate) mod requests_of_a_wait;
pub(crate) mod slow_readers;
mod stalls;
mod stopping;
mod timeouts;
mod tolerated_failures;
mod transient_failures;
pub(crate) mod ways;
