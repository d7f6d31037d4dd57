//! The same methods without async, with the feature `blocking`.
//!
//! [`Block::block`] does for whatever would be awaited, [`Iterate::iterate`] for whatever is a
//! stream. Use it in programs that are not asynchronous. Inside a tokio runtime it works too, and does
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
//!     for event in session.watch().events().iterate() {
//!         println!("{:?}", event?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The work is done by one thread of this crate, started with the first call and shared by all
//! of them.

use std::any::Any;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{OnceLock, mpsc};

use futures_util::{FutureExt, StreamExt};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::batch::RunResults;
use crate::error::{Error, Result};
use crate::model::SessionId;
use crate::session::{Event, Events};
use sealed::{Loss, Readable, Requests, Rest};

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
    /// What awaiting it would give; [`Error::InvalidConfig`] where no thread could be started for
    /// it; [`Error::OutcomeUnknown`] where the thread ended while it was at work, since the call
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
        None => Err(outcome_unknown("blocking call")),
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
/// It gives what the stream gives. Where no thread can be started to read it, or where the thread
/// ends, it gives an error in place of what is missing, then ends: [`Events`] one error,
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
fn outcome_unknown(operation: &'static str) -> Error {
    Error::lost(
        operation,
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
    pub enum Rest {
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
    type Outstanding = Rest;

    fn outstanding(&self) -> Rest {
        match self.starts() {
            true => Rest::Start,
            false => Rest::End,
        }
    }

    fn note(outstanding: &mut Rest, item: &Result<Event>) {
        *outstanding = match item {
            Ok(Event::Ended(_)) | Err(_) => Rest::Nothing,
            Ok(_) => Rest::End,
        };
    }

    fn lost(outstanding: Rest, loss: &Loss) -> VecDeque<Result<Event>> {
        let error = match (outstanding, loss) {
            (Rest::Nothing, _) => None,
            (Rest::Start, Loss::ThreadIsGone) => Some(outcome_unknown("blocking watch")),
            (Rest::Start | Rest::End, loss) => Some(loss.error()),
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
            _ => outcome_unknown("TriggerDinoaiAgentRun"),
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::client::Client;
    use crate::config::Credentials;
    use crate::model::TriggerRun;

    const NO_PORT: &str = "http://127.0.0.1:9/graphql";

    fn client(endpoint: &str) -> Client {
        Client::new(endpoint, Credentials::key_and_secret("key", "secret")).unwrap()
    }

    fn ids() -> [SessionId; 3] {
        ["a", "b", "c"].map(|id| SessionId::new(id).unwrap())
    }

    fn requests() -> [TriggerRun; 3] {
        ["a", "b", "c"].map(TriggerRun::agent)
    }

    fn live() -> Runtime {
        Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    }

    /// A runtime whose thread has ended.
    fn gone() -> Handle {
        let runtime = live();
        let handle = runtime.handle().clone();
        runtime.shutdown_background();
        handle
    }

    /// Where no thread could be started.
    fn none() -> Result<&'static Handle> {
        Err(Error::config(
            "blocking thread",
            "cannot be started: for a test",
        ))
    }

    /// All that is still given, asked for twice more than that.
    fn rest<S: Iterate>(mut iter: Iter<S>, runtime: Result<&Handle>) -> Vec<S::Item> {
        let mut items = vec![];
        while let Some(item) = iter.next_on(runtime.clone()) {
            items.push(item);
        }
        assert!(iter.next_on(runtime.clone()).is_none() && iter.next_on(runtime).is_none());
        items
    }

    fn assert_not_started(error: &Error) {
        assert!(matches!(error, Error::InvalidConfig { .. }), "{error:?}");
        assert!(!error.may_have_started() && !error.is_retryable());
    }

    fn assert_unknown(error: &Error) {
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
        assert!(error.may_have_started() && !error.is_retryable());
    }

    fn failed<K>(results: Vec<(K, Result<crate::Run>)>) -> (Vec<K>, Vec<Error>) {
        let results = results.into_iter();
        results
            .map(|(key, result)| (key, result.unwrap_err()))
            .unzip()
    }

    #[test]
    fn a_call_whose_thread_is_gone_may_have_been_carried_out() {
        let call = || client(NO_PORT).get_run("a");
        let error = block_on(Ok(&gone()), call().into_future()).unwrap_err();
        assert_unknown(&error);
        insta::assert_snapshot!(error, @"the call was sent but its outcome is unknown: the thread for blocking calls has ended before its work was done; it may have been carried out and was not sent again, so look in the workspace before you send it again");
        assert_not_started(&block_on(none(), call().into_future()).unwrap_err());
    }

    #[test]
    fn each_run_that_is_waited_for_gets_an_error_once() {
        let iter = || client(NO_PORT).wait_all(ids()).unwrap().results().iterate();
        for results in [rest(iter(), Ok(&gone())), rest(iter(), none())] {
            let (met, errors) = failed(results);
            assert_eq!(met, ids());
            errors.iter().for_each(assert_not_started);
        }
    }

    #[test]
    fn each_request_gets_an_error_once_which_says_whether_it_may_have_been_started() {
        let iter = || client(NO_PORT).run_all(requests(), 2).results().iterate();
        let (places, errors) = failed(rest(iter(), Ok(&gone())));
        assert_eq!(places, [0, 1, 2]);
        errors.iter().for_each(assert_unknown);
        let (places, errors) = failed(rest(iter(), none()));
        assert_eq!(places, [0, 1, 2]);
        errors.iter().for_each(assert_not_started);
    }

    #[test]
    fn a_watch_gives_one_error() {
        let iter = || {
            client(NO_PORT)
                .session("a")
                .unwrap()
                .watch()
                .events()
                .iterate()
        };
        for events in [rest(iter(), Ok(&gone())), rest(iter(), none())] {
            let [Err(error)] = &events[..] else {
                panic!("{events:?}");
            };
            assert_not_started(error);
        }
    }

    #[test]
    fn a_watch_that_starts_its_run_says_that_it_may_have_been_started() {
        let request = || TriggerRun::agent("a");
        let iter = || {
            client(NO_PORT)
                .trigger_run_and_watch(request())
                .events()
                .iterate()
        };
        let events = rest(iter(), Ok(&gone()));
        assert_unknown(events[0].as_ref().unwrap_err());
        let events = rest(iter(), none());
        assert_not_started(events[0].as_ref().unwrap_err());
    }

    /// A timeout of zero is refused for each run without any request.
    #[test]
    fn what_was_given_before_the_thread_ended_is_not_given_again() {
        let runtime = live();
        let mut waits = client(NO_PORT)
            .wait_all(ids())
            .unwrap()
            .timeout(Duration::ZERO)
            .results()
            .iterate();
        let mut runs = client(NO_PORT)
            .run_all(requests(), 2)
            .timeout(Duration::ZERO)
            .results()
            .iterate();
        let session = client(NO_PORT).session("a").unwrap();
        let mut watch = session.watch().timeout(Duration::ZERO).events().iterate();
        let (first, _) = waits.next_on(Ok(runtime.handle())).unwrap();
        assert_eq!(runs.next_on(Ok(runtime.handle())).unwrap().0, 0);
        watch.next_on(Ok(runtime.handle())).unwrap().unwrap_err();
        let gone = runtime.handle().clone();
        runtime.shutdown_background();

        let (mut met, _) = failed(rest(waits, Ok(&gone)));
        met.push(first);
        met.sort();
        assert_eq!(met, ids());
        let (places, errors) = failed(rest(runs, Ok(&gone)));
        assert_eq!(places, [1, 2]);
        errors.iter().for_each(assert_unknown);
        assert!(rest(watch, Ok(&gone)).is_empty());
    }

    #[test]
    fn what_was_awaited_before_is_not_given_again() {
        let mut waits = client(NO_PORT)
            .wait_all(ids())
            .unwrap()
            .timeout(Duration::ZERO)
            .results();
        let mut runs = client(NO_PORT)
            .run_all(requests(), 2)
            .timeout(Duration::ZERO)
            .results();
        let runtime = live();
        let (first, _) = runtime.block_on(waits.next()).unwrap();
        assert_eq!(runtime.block_on(runs.next()).unwrap().0, 0);

        let (mut met, _) = failed(rest(waits.iterate(), none()));
        met.push(first);
        met.sort();
        assert_eq!(met, ids());
        let (places, errors) = failed(rest(runs.iterate(), none()));
        assert_eq!(places, [1, 2]);
        // They may have been started when the stream was awaited.
        errors.iter().for_each(assert_unknown);
    }

    #[test]
    fn a_thread_that_ends_at_work_ends_nothing_silently() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/graphql", listener.local_addr().unwrap());
        // What a reader gets whose thread ends once its request has arrived.
        let interrupted = |read: fn(&str, &Handle) -> Vec<Error>| {
            let runtime = live();
            let (handle, endpoint) = (runtime.handle().clone(), endpoint.clone());
            let reader = thread::spawn(move || read(&endpoint, &handle));
            let connection = listener.accept().unwrap();
            runtime.shutdown_background();
            drop(connection);
            reader.join().unwrap()
        };
        let errors = interrupted(|endpoint, runtime| {
            let call = client(endpoint).trigger_run(TriggerRun::agent("a"));
            vec![block_on(Ok(runtime), call.into_future()).unwrap_err()]
        });
        errors.iter().for_each(assert_unknown);
        let errors = interrupted(|endpoint, runtime| {
            let iter = client(endpoint).run_all(requests(), 2).results().iterate();
            failed(rest(iter, Ok(runtime))).1
        });
        assert_eq!(errors.len(), 3);
        errors.iter().for_each(assert_unknown);
        let errors = interrupted(|endpoint, runtime| {
            let iter = client(endpoint)
                .wait_all(ids())
                .unwrap()
                .results()
                .iterate();
            failed(rest(iter, Ok(runtime))).1
        });
        assert_eq!(errors.len(), 3);
        errors.iter().for_each(assert_not_started);
        let errors = interrupted(|endpoint, runtime| {
            let watch = client(endpoint).session("a").unwrap().watch();
            let events = rest(watch.events().iterate(), Ok(runtime));
            events.into_iter().map(Result::unwrap_err).collect()
        });
        assert_eq!(errors.len(), 1);
        errors.iter().for_each(assert_not_started);
    }
}
