//! The same methods without async, with the feature `blocking`.
//!
//! [`Block::block`] takes the place of `.await`, and [`Iterate::iterate`] makes an iterator of a
//! stream. Use them in programs that are not asynchronous. Inside a tokio runtime they work too, and do
//! not panic, but hold up the thread that they are called on: await there instead.
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
//!     for event in session.watch().events().iterate() {
//!         println!("{:?}", event?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The work is done by one thread of this crate, started with the first call and shared by all
//! of them.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{OnceLock, mpsc};

use futures_util::{FutureExt, StreamExt};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::batch::RunResults;
use crate::error::{Error, FailedCall, Purpose, Result};
use crate::model::SessionId;
use crate::operations::documents::TriggerDinoaiAgentRun;
use crate::session::{Event, Events};
use crate::transport::Operation;
use sealed::{Loss, Readable, Remaining, Requests};

/// Waits for a call, a wait, a follow-up or a tree, holding up the thread.
pub trait Block {
    /// What awaiting it would give.
    type Output;

    /// Waits for it.
    ///
    /// ```no_run
    /// use dinoai::blocking::Block;
    ///
    /// # fn example(client: dinoai::Client) -> dinoai::Result<()> {
    /// let run = client.get_run("xwzdneft6emspe0f").block()?;
    /// println!("{}", run.status);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of awaiting it; [`Error::InvalidConfig`] if no thread could be started for
    /// it; [`Error::OutcomeUnknown`] if the thread ended while it was working, since the call
    /// may have been carried out.
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
        block_on(runtime(), self.into_future())
    }
}

fn block_on<T: Send + 'static>(
    runtime: Result<&Handle>,
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    match wait_for(runtime?, future) {
        Some(Ok(result)) => result,
        Some(Err(panic)) => resume_unwind(panic),
        None => Err(outcome_unknown(FailedCall::new(
            "blocking call",
            Purpose::Unknown,
        ))),
    }
}

/// Reads the events of a watch, or the results of many runs, as an iterator that holds up the thread.
///
/// Implemented for [`Events`] and [`RunResults`], and for nothing else.
pub trait Iterate: Readable {
    /// The stream as an iterator.
    ///
    /// ```no_run
    /// use dinoai::blocking::Iterate;
    ///
    /// # fn example(client: dinoai::Client, ids: Vec<dinoai::SessionId>) -> dinoai::Result<()> {
    /// for (id, run) in client.wait_all(ids)?.results().iterate() {
    ///     match run {
    ///         Ok(run) => println!("{id}: {}", run.answer().unwrap_or("no answer")),
    ///         Err(error) => println!("{id}: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    fn iterate(self) -> Iter<Self> {
        Iter {
            outstanding: self.outstanding(),
            stream: Some(self),
            lost: VecDeque::new(),
        }
    }
}

impl Iterate for Events {}
impl Iterate for RunResults<SessionId> {}
impl Iterate for RunResults<usize> {}

/// A stream as an iterator, made by [`Iterate::iterate`].
///
/// It yields what the stream emits. If no thread can be started to read it, or if the thread
/// ends, it yields an error in place of what is missing, then ends: [`Events`] one error,
/// [`RunResults`] one for each run that has no result yet. Each is
/// [`Error::InvalidConfig`], but [`Error::OutcomeUnknown`] for a run that may have been started.
#[must_use = "an iterator does nothing until it is read"]
pub struct Iter<S: Iterate> {
    /// `None` once there is nothing more to read.
    stream: Option<S>,
    /// What has not been given yet.
    outstanding: S::Outstanding,
    /// What is given in place of what was lost.
    lost: VecDeque<S::Item>,
}

impl<S: Iterate> Iter<S> {
    fn next_on(&mut self, runtime: Result<&Handle>) -> Option<S::Item> {
        let Some(mut stream) = self.stream.take() else {
            return self.lost.pop_front();
        };
        let loss = match runtime {
            Ok(runtime) => {
                let read = wait_for(runtime, async move {
                    let item = stream.next().await;
                    (item, stream)
                });
                match read {
                    Some(Ok((Some(item), stream))) => {
                        S::note(&mut self.outstanding, &item);
                        self.stream = Some(stream);
                        return Some(item);
                    }
                    Some(Ok((None, _))) => return None,
                    Some(Err(panic)) => {
                        let outstanding = std::mem::take(&mut self.outstanding);
                        self.lost = S::lost(outstanding, &Loss::ThreadIsGone);
                        resume_unwind(panic)
                    }
                    None => Loss::ThreadIsGone,
                }
            }
            Err(error) => Loss::NoThread(error),
        };
        self.lost = S::lost(std::mem::take(&mut self.outstanding), &loss);
        self.lost.pop_front()
    }
}

impl<S: Iterate> Iterator for Iter<S> {
    type Item = S::Item;

    fn next(&mut self) -> Option<S::Item> {
        self.next_on(runtime())
    }
}

impl<S: Iterate + fmt::Debug> fmt::Debug for Iter<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Iter")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

const THREAD_IS_GONE: &str = "has ended before its work was done";

/// For what was handed to a thread that is gone.
fn outcome_unknown(call: FailedCall) -> Error {
    Error::lost(
        call,
        format!("the thread for blocking calls {THREAD_IS_GONE}"),
    )
}

mod sealed {
    use std::collections::{BTreeSet, VecDeque};

    use futures_core::Stream;

    use super::THREAD_IS_GONE;
    use crate::error::Error;

    /// A stream of this crate, with what has to be known of it once it is lost.
    pub trait Readable: Stream<Item: Send> + Unpin + Send + Sized + 'static {
        /// What has not been given yet.
        type Outstanding: Default;

        fn outstanding(&self) -> Self::Outstanding;

        /// Notes that an item is given.
        fn note(outstanding: &mut Self::Outstanding, item: &Self::Item);

        /// What is given in place of what was lost.
        fn lost(outstanding: Self::Outstanding, loss: &Loss) -> VecDeque<Self::Item>;
    }

    /// What the results of a `RunAll` still have to give.
    #[derive(Debug, Default)]
    pub struct Requests {
        pub(super) places: BTreeSet<usize>,
        /// Whether it was read before, so that runs may have been started.
        pub(super) have_begun: bool,
    }

    /// What is still to come of a watch.
    #[derive(Debug, Clone, Copy, Default)]
    pub enum Remaining {
        /// It may start something, and emit what came of that.
        Start,
        End,
        #[default]
        Nothing,
    }

    /// Why a stream cannot be read on.
    #[derive(Debug)]
    pub enum Loss {
        /// No thread could be started, and nothing was handed over.
        NoThread(Error),
        /// The thread has ended, and the stream with it.
        ThreadIsGone,
    }

    impl Loss {
        /// The error where nothing can have been started by reading on.
        pub(super) fn error(&self) -> Error {
            match self {
                Self::NoThread(error) => error.clone(),
                Self::ThreadIsGone => Error::config("blocking thread", THREAD_IS_GONE),
            }
        }
    }
}

impl Readable for Events {
    type Outstanding = Remaining;

    fn outstanding(&self) -> Remaining {
        match self.starts() {
            true => Remaining::Start,
            false => Remaining::End,
        }
    }

    fn note(outstanding: &mut Remaining, item: &Result<Event>) {
        *outstanding = match item {
            Ok(Event::Ended(_)) | Err(_) => Remaining::Nothing,
            Ok(_) => Remaining::End,
        };
    }

    fn lost(outstanding: Remaining, loss: &Loss) -> VecDeque<Result<Event>> {
        let error = match (outstanding, loss) {
            (Remaining::Nothing, _) => None,
            (Remaining::Start, Loss::ThreadIsGone) => Some(outcome_unknown(FailedCall::new(
                "blocking watch",
                Purpose::Unknown,
            ))),
            (Remaining::Start | Remaining::End, loss) => Some(loss.error()),
        };
        error.map(Err).into_iter().collect()
    }
}

impl Readable for RunResults<SessionId> {
    type Outstanding = BTreeSet<SessionId>;

    fn outstanding(&self) -> BTreeSet<SessionId> {
        self.outstanding().clone()
    }

    fn note(outstanding: &mut BTreeSet<SessionId>, (id, _): &Self::Item) {
        outstanding.remove(id);
    }

    fn lost(outstanding: BTreeSet<SessionId>, loss: &Loss) -> VecDeque<Self::Item> {
        let ids = outstanding.into_iter();
        ids.map(|id| (id, Err(loss.error()))).collect()
    }
}

impl Readable for RunResults<usize> {
    type Outstanding = Requests;

    fn outstanding(&self) -> Requests {
        Requests {
            places: self.outstanding().clone(),
            have_begun: self.has_begun(),
        }
    }

    fn note(outstanding: &mut Requests, (place, _): &Self::Item) {
        outstanding.places.remove(place);
        outstanding.have_begun = true;
    }

    fn lost(outstanding: Requests, loss: &Loss) -> VecDeque<Self::Item> {
        let error = match loss {
            Loss::NoThread(error) if !outstanding.have_begun => error.clone(),
            _ => outcome_unknown(TriggerDinoaiAgentRun::INFO.call()),
        };
        let places = outstanding.places.into_iter();
        places.map(|place| (place, Err(error.clone()))).collect()
    }
}

/// What a future gave, or what it panicked with.
type Outcome<T> = std::result::Result<T, Box<dyn Any + Send>>;

/// Lets this crate's thread do the work, and waits for it: so it does not matter which
/// runtime, if any, the caller is in. `None` where the thread ends first.
fn wait_for<T: Send + 'static>(
    runtime: &Handle,
    future: impl Future<Output = T> + Send + 'static,
) -> Option<Outcome<T>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        let outcome = AssertUnwindSafe(future).catch_unwind().await;
        // A caller that is gone needs no answer.
        let _ = sender.send(outcome);
    });
    let received = if is_in(runtime) {
        // A call inside a call, from a callback: the work goes on in another thread.
        tokio::task::block_in_place(|| receiver.recv())
    } else {
        receiver.recv()
    };
    received.ok()
}

static RUNTIME: OnceLock<std::result::Result<Runtime, String>> = OnceLock::new();

fn is_in(runtime: &Handle) -> bool {
    Handle::try_current().is_ok_and(|current| current.id() == runtime.id())
}

fn runtime() -> Result<&'static Handle> {
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
    runtime.as_ref().map(Runtime::handle).map_err(refuse)
}
