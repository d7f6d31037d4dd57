//! The same methods without async: [`Block::block`] on whatever would be awaited,
//! [`Iterate::iterate`] on whatever is a stream. Feature `blocking`.
//!
//! Use it in programs that are not asynchronous. Inside a tokio runtime it works too, and does
//! not panic, but holds up the thread that it is called on: await there instead.
//!
//! ```no_run
//! use std::time::Duration;
//! use dinoai::blocking::{Block, Iterate};
//! use dinoai::{Client, TriggerRun};
//!
//! fn main() -> dinoai::Result<()> {
//!     let client = Client::from_env()?;
//!     let run = client
//!         .trigger_run_and_wait(TriggerRun::agent("data-quality-checker"))
//!         .timeout(Duration::from_secs(1800))
//!         .block()?;
//!
//!     let session = client.session(&run.session_id)?;
//!     session.send("Now also check stg_customers.").block()?;
//!     for event in session.watch().iterate() {
//!         println!("{:?}", event?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The work is done by one thread of this crate's, started with the first call and shared by all
//! of them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{OnceLock, mpsc};

use futures_core::Stream;
use futures_util::{FutureExt, StreamExt};
use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};

/// Waits for a call, a wait, a follow-up or a tree, holding up the thread.
pub trait Block {
    /// What awaiting it would give.
    type Output;

    /// Waits for it.
    ///
    /// # Errors
    ///
    /// What awaiting it would give, and [`Error::InvalidConfig`] where no thread could be
    /// started for it.
    fn block(self) -> Self::Output;
}

impl<F, T> Block for F
where
    F: IntoFuture<Output = Result<T>>,
    F::IntoFuture: Send + 'static,
    T: Send + 'static,
{
    type Output = Result<T>;

    fn block(self) -> Result<T> {
        wait_for(self.into_future())?
    }
}

/// Reads a watch, or the results of many runs, as an iterator that holds up the thread.
pub trait Iterate: Stream + Sized {
    /// The stream as an iterator.
    fn iterate(self) -> Iter<Self>;
}

impl<S> Iterate for S
where
    S: Stream + Unpin + Send + 'static,
    S::Item: Send + 'static,
{
    fn iterate(self) -> Iter<S> {
        Iter { stream: Some(self) }
    }
}

/// A stream as an iterator, made by [`Iterate::iterate`].
///
/// It ends early where no thread can be started to read it.
#[derive(Debug)]
#[must_use = "an iterator does nothing until it is read"]
pub struct Iter<S> {
    stream: Option<S>,
}

impl<S> Iterator for Iter<S>
where
    S: Stream + Unpin + Send + 'static,
    S::Item: Send + 'static,
{
    type Item = S::Item;

    fn next(&mut self) -> Option<S::Item> {
        let mut stream = self.stream.take()?;
        let (item, stream) = wait_for(async move {
            let item = stream.next().await;
            (item, stream)
        })
        .ok()?;
        self.stream = Some(stream);
        item
    }
}

/// What a future gave, or what it panicked with.
type Outcome<T> = std::result::Result<T, Box<dyn Any + Send>>;

/// Lets the thread of this crate's do the work, and waits for it: so it does not matter which
/// runtime, if any, the caller is in.
fn wait_for<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let (sender, receiver) = mpsc::sync_channel::<Outcome<T>>(1);
    runtime()?.spawn(async move {
        let outcome = AssertUnwindSafe(future).catch_unwind().await;
        // A caller that is gone needs no answer.
        let _ = sender.send(outcome);
    });
    let received = if is_here() {
        // A call inside a call, from a callback: the work goes on in another thread.
        tokio::task::block_in_place(|| receiver.recv())
    } else {
        receiver.recv()
    };
    match received {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => Err(Error::config(
            "blocking call",
            "was cut off: the process is ending",
        )),
    }
}

static RUNTIME: OnceLock<std::result::Result<Runtime, String>> = OnceLock::new();

/// Whether this runs in the thread that does the work of blocking calls.
pub(crate) fn is_here() -> bool {
    match (RUNTIME.get(), tokio::runtime::Handle::try_current()) {
        (Some(Ok(ours)), Ok(current)) => ours.handle().id() == current.id(),
        _ => false,
    }
}

fn runtime() -> Result<&'static Runtime> {
    let runtime = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("dinoai-blocking")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())
    });
    let refuse =
        |error: &String| Error::config("blocking thread", format!("cannot be started: {error}"));
    runtime.as_ref().map_err(refuse)
}
