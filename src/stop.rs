//! [`StopOnDrop`]: stops a run when its guard goes out of scope.
//!
//! Use it where a run is of no use once the program has lost interest in it, for example when a
//! test or a request ends early. For a run that takes too long,
//! [`on_timeout`](crate::Wait::on_timeout) is surer; for Ctrl-C, stop the run and await it, as
//! the example `stop` does.

use std::fmt;

use tokio::runtime::Handle as Runtime;

use crate::session::Handle;

/// Stops its run when it is dropped, unless it is disarmed before.
///
/// Best effort: dropping cannot wait, so the request to stop is handed to the tokio runtime that
/// the guard is dropped in. It is not sent where there is none, or where the runtime ends before
/// it is sent; what comes of it is only logged. To be sure, await
/// [`Session::stop`](crate::Session::stop).
#[must_use = "a guard that is dropped at once stops the run at once"]
pub struct StopOnDrop {
    handle: Option<Handle>,
}

impl StopOnDrop {
    pub(crate) fn new(handle: Handle) -> Self {
        Self {
            handle: Some(handle),
        }
    }

    /// Lets the run go on.
    pub fn disarm(mut self) {
        self.handle = None;
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else {
            return;
        };
        let Ok(runtime) = Runtime::try_current() else {
            tracing::warn!(session_id = %handle.id, "not stopped: dropped outside a runtime");
            return;
        };
        runtime.spawn(async move {
            match handle.client.stop_run(&handle.id).await {
                Ok(accepted) => {
                    tracing::info!(session_id = %handle.id, status = accepted.status, "stopped");
                }
                Err(error) => tracing::warn!(session_id = %handle.id, %error, "not stopped"),
            }
        });
    }
}

impl fmt::Debug for StopOnDrop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.handle.as_ref().map(|handle| &handle.id);
        formatter
            .debug_struct("StopOnDrop")
            .field("session_id", &id)
            .finish()
    }
}
