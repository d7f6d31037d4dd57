//! A client that starts nothing more, for a program that has to end.

use super::Client;
#[cfg(doc)]
use crate::error::Error;

impl Client {
    /// Closes the client: from now on no trigger and no follow-up of it leaves this machine.
    ///
    /// That holds for its clones and each [`child`](Self::child), too. For a program that has to
    /// end: call it in the handler of the signal, then await what is under way.
    ///
    /// A trigger or a follow-up that has not left by then fails with [`Error::NotSent`] and
    /// [`Obstacle::Closed`](crate::Obstacle::Closed), also one that pauses before another attempt
    /// (that one fails with the last attempt's error): nothing was started, then or later. One that
    /// has left is awaited as ever, so that its session id is not lost. Reads, waits and stops go
    /// on. It takes effect at once, may be called twice, and cannot be undone.
    ///
    /// ```
    /// use dinoai::{Client, Error, Obstacle, TriggerRun};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dinoai::Result<()> {
    /// # let credentials = dinoai::Credentials::key_and_secret("key", "secret");
    /// # let client = Client::new("http://127.0.0.1:9/graphql", credentials)?;
    /// client.start_nothing_more();
    /// let refused = client.trigger_run(TriggerRun::agent("data-quality-checker")).await;
    /// assert!(matches!(refused, Err(Error::NotSent { obstacle: Obstacle::Closed, .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_nothing_more(&self) {
        self.api.closing().close();
    }

    /// A client that shares everything with this one and can be closed alone.
    ///
    /// [`start_nothing_more`](Self::start_nothing_more) on it, or on a clone of it, does not close
    /// this one. Closing this one closes it, too. For work that can be given up while the program
    /// goes on, such as one request of a server or one turn of a conversation.
    ///
    /// ```
    /// use dinoai::{Client, TriggerRun};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dinoai::Result<()> {
    /// # let credentials = dinoai::Credentials::key_and_secret("key", "secret");
    /// # let client = Client::new("http://127.0.0.1:9/graphql", credentials)?;
    /// let job = client.child();
    /// let run = job.trigger_run(TriggerRun::agent("data-quality-checker"));
    /// job.start_nothing_more();
    /// assert!(run.await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            api: self.api.child(),
        }
    }
}
