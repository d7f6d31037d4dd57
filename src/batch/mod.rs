//! Many runs at once, over few requests.
//!
//! One request reads the status of up to 50 runs. If the server refuses that, or such a request
//! fails three times in a row while others succeed, batches become smaller, down to a request for
//! each run. Polls are spread over time, so that many runs are never asked for in one burst; a
//! delay that the server asks for holds for all of them, and HTTP 429 to a trigger for all
//! triggers. A run that cannot be read concerns that run only, by the rules for [failing
//! polls](crate::Wait#failing-polls). At its deadline each run is looked at once more.

mod run_all;
mod scheduler;
mod wait_all;
mod waiting;

pub use run_all::RunAll;
pub use wait_all::WaitAll;
