//! [`StopOnDrop`]: stops a run when its guard goes out of scope.

use std::fmt;

use tokio::runtime::Handle as Runtime;

use super::handle::Handle;
use crate::error::excerpt;
use crate::transport::CallOptions;

/// Stops its run when it is dropped, unless it is disarmed before.
///
/// Use it where a run is of no use once the program has lost interest in it, for example when a
/// test or a request ends early. For a run that takes too long,
/// [`on_timeout`](crate::Wait::on_timeout) is surer; for Ctrl-C, stop the run and await it, as
/// the example `stop` does.
///
/// ```no_run
/// # async fn example(session: dinoai::Session) -> dinoai::Result<()> {
/// let guard = session.stop_on_drop();
/// session.wait().await?; // An error here, or dropping this future, stops the run.
/// guard.disarm();
/// # Ok(())
/// # }
/// ```
///
/// What a drop can do depends on where it happens:
///
/// - Inside a tokio runtime the request to stop is handed to that runtime, and the drop does not
///   wait for it. It is not sent where the runtime ends before.
/// - Outside of one, with the feature `blocking`, the drop sends the request and waits for the
///   response, since the process may end right after: for as long as a call takes at most, two
///   minutes by default.
/// - Outside of one, without that feature, the run is not stopped.
///
/// What comes of it is only logged. To be sure, await [`Session::stop`](crate::Session::stop).
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
    ///
    /// ```no_run
    /// # fn example(guard: dinoai::StopOnDrop) {
    /// guard.disarm();
    /// # }
    /// ```
    pub fn disarm(mut self) {
        self.handle = None;
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else {
            return;
        };
        match Runtime::try_current() {
            Ok(runtime) => {
                runtime.spawn(stop(handle));
            }
            Err(_) => stop_outside_a_runtime(handle),
        }
    }
}

async fn stop(handle: Handle) {
    match handle.stop(CallOptions::default()).await {
        Ok(accepted) => {
            tracing::info!(session_id = %handle.id, status = %excerpt(&accepted.status), "stopped");
        }
        Err(error) => tracing::warn!(session_id = %handle.id, %error, "not stopped"),
    }
}

#[cfg(feature = "blocking")]
fn stop_outside_a_runtime(handle: Handle) {
    let id = handle.id.clone();
    // On a thread of its own: this one may be ending.
    let thread = std::thread::Builder::new().name("dinoai-stop".to_owned());
    let stopping = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(stop(handle));
        std::io::Result::Ok(())
    });
    match stopping.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(())) | Err(_)) => {}
        Ok(Ok(Err(error))) | Err(error) => {
            tracing::warn!(session_id = %id, %error, "not stopped");
        }
    }
}

#[cfg(not(feature = "blocking"))]
fn stop_outside_a_runtime(handle: Handle) {
    tracing::warn!(session_id = %handle.id, "not stopped: dropped outside a runtime");
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
