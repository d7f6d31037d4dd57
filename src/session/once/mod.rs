//! A run that is started once: [`StartOnce`] starts it, or finds it, and [`RunOnce`] also waits for it.

mod run_once;
mod start_once;

pub use run_once::RunOnce;
pub use start_once::{StartOnce, StartedOnce};
