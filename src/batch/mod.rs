//! Many runs at once, over few requests: [`WaitAll`] waits for them, [`RunAll`] starts them as well;
//! one scheduler does the work of both.

mod results;
mod run_all;
mod scheduler;
mod wait_all;
mod waiting_run;

pub use results::RunResults;
pub use run_all::RunAll;
pub use wait_all::WaitAll;
