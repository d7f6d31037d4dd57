//! One call: its connections, its attempts, and what its response means.

mod connections;
mod errors_name_the_request;
mod failures;
mod lenient_reading;
mod obstacles;
mod retries;
pub(crate) mod runtimes;
mod settings_of_one_call;
mod the_right_run;
mod transient_statuses;
