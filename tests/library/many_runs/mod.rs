//! Many runs at once: over how many requests, how they are spread, and what one bad run, a refused
//! batch or a dead host does to the others.

pub(crate) mod alike;
pub(crate) mod api;
mod batches;
mod dead_hosts;
pub(crate) mod deadlines;
mod each_run_once;
mod memory;
mod moves;
mod neighbours;
mod no_further_starts;
mod one_bad_run;
mod outages;
mod pauses;
mod reads_in_flight;
mod shared_reads;
mod slow_readers;
mod starting;
mod waits;
