//! [`Waits`]: the waits of a client that go on at the same time.

use super::Client;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::session::Wait;

impl Client {
    /// The waits of this client, which share requests: see [`Waits`].
    ///
    /// ```no_run
    /// # async fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let run = client.waits().wait("xwzdneft6emspe0f")?.await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn waits(&self) -> Waits {
        Waits {
            client: self.clone(),
        }
    }
}

/// The waits of a client, which runs join and leave while they go on.
///
/// All waits of a client, and of its clones, for the end of a run that go on at the same time in a tokio
/// runtime share requests, whatever made them: [`Waits::wait`], [`Session::wait`](crate::Session::wait),
/// [`Client::trigger_run_and_wait`], [`Client::wait_all`], [`Client::run_all`] and
/// [`WaitTree`](crate::WaitTree). One request reads the status of up to 50 runs. So a service that
/// waits for each run in a task of its own polls as rarely as one wait for all of them:
///
/// - A wait among others looks first within a second, and then as its
///   [`Schedule`](crate::Schedule) says. It is taken along with a request that is sent anyway, once
///   half of its interval is over.
/// - A delay that the server asks for in response to one of these requests holds for all of them, for
///   60 s at the longest.
/// - At most 8 of these requests, and of the reads of runs that have ended, are in flight at a time; those
///   for runs whose deadline has come do not wait for the others.
/// - If the server refuses so many runs in a request, or such a request fails three times in a row
///   while others succeed, requests become smaller, down to one for each run. While nothing succeeds,
///   one run is looked at alone each 10 s, to find that out.
/// - A wait that ends within a minute shares requests with others that do, since its deadline bounds
///   them.
/// - Each wait keeps its own timeout, schedule, hooks and
///   [tolerance](crate::Wait#failing-polls), and learns what concerns its run. A caller that is slow
///   holds up no other; a wait that is dropped has left.
///
/// A wait that goes on alone polls by itself, with a request for its run. So does a
/// [`Watch`](crate::Watch), which reads more than the status, an [ask](crate::Session::ask) until it
/// can send, and the wait for the turn of a follow-up until that has shown activity.
#[derive(Clone)]
pub struct Waits {
    client: Client,
}

impl Waits {
    /// Waits until a run has ended.
    ///
    /// The same as [`Client::session`] and then [`Session::wait`](crate::Session::wait); nothing is
    /// sent until it is awaited.
    ///
    /// ```no_run
    /// use dinoai::{Client, SessionId};
    ///
    /// async fn report(client: &Client, started: Vec<SessionId>) -> dinoai::Result<()> {
    ///     for id in started {
    ///         let wait = client.waits().wait(&id)?;
    ///         tokio::spawn(async move {
    ///             match wait.await {
    ///                 Ok(run) => println!("{id}: {}", run.answer().unwrap_or("no answer")),
    ///                 Err(error) => eprintln!("{error}"),
    ///             }
    ///         });
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] if the id is blank. Awaited, those of a [`Wait`].
    pub fn wait(&self, id: impl AsRef<str>) -> Result<Wait> {
        Ok(self.client.session(id)?.wait())
    }
}

impl std::fmt::Debug for Waits {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Waits").finish_non_exhaustive()
    }
}
