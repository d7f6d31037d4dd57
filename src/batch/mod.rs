//! Many runs at once, over few requests: [`WaitAll`] waits for them, [`RunAll`] starts them as well;
//! one loop does the work of both, and the client's scheduler polls for it.

mod many_runs;
mod results;
mod run_all;

mod wait_all;
mod waiting_run;

pub use results::RunResults;
pub use run_all::RunAll;
pub use wait_all::WaitAll;
