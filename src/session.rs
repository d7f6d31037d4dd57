//! [`Session`]: a handle on one run, by its id.
//!
//! Use it to go on with a run that you started, or that someone else did. To start one and wait
//! for it in one breath, [`Client::trigger_run_and_wait`] is shorter.
//!
//! ```no_run
//! use dinoai::{Client, TriggerRun};
//!
//! # async fn example() -> dinoai::Result<()> {
//! let client = Client::from_env()?;
//! let session = client.start(TriggerRun::agent("data-quality-checker")).await?;
//! println!("started {}", session.id()); // store it: it is all you need to go on elsewhere
//!
//! let again = client.session(session.id())?;
//! let run = again.wait().await?;
//! # Ok(())
//! # }
//! ```

use crate::client::Client;
use crate::error::Result;
use crate::run::{Accepted, Run, SessionId};
use crate::wait::Wait;

/// A handle on one run. Costs nothing to make: [`Client::session`] makes another.
///
/// Dropping it does nothing to the run.
#[derive(Debug)]
pub struct Session {
    client: Client,
    id: SessionId,
    warning: Option<String>,
}

impl Session {
    pub(crate) fn started(client: Client, accepted: Accepted) -> Self {
        Self {
            client,
            id: accepted.session_id,
            warning: accepted.warning,
        }
    }

    pub(crate) fn resumed(client: Client, id: SessionId) -> Self {
        Self {
            client,
            id,
            warning: None,
        }
    }

    /// The run's name. Store it to go on later, or elsewhere, with [`Client::session`].
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// What the API changed about the request that started the run here, as
    /// [`Accepted::warning`]; `None` for a session made from an id.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Reads the run as it is now.
    ///
    /// # Errors
    ///
    /// As for [`Client::get_run`].
    pub async fn run(&self) -> Result<Run> {
        self.client.get_run(&self.id).await
    }

    /// Waits until the run has ended, and reads it: see [`Wait`].
    ///
    /// Right after a follow-up the run can still read as the previous turn's end, which this
    /// takes for the end: it asks whether *the run* is at an end, not whether your message has
    /// been answered.
    pub fn wait(&self) -> Wait {
        Wait::for_run(self.client.clone(), self.id.clone())
    }

    /// Stops the run.
    ///
    /// # Errors
    ///
    /// As for [`Client::stop_run`].
    pub async fn stop(&self) -> Result<Accepted> {
        self.client.stop_run(&self.id).await
    }
}
