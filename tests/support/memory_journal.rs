//! A journal in memory, whose claims are leases, by a clock that a test moves; and which fails on request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use dinoai::journal::{
    Entry, Journal, JournalError, JournalFuture, State, Stored, Version, Written,
};
use tokio::sync::Notify;

#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryJournal {
    shared: Arc<Mutex<Shared>>,
    /// Told of each store.
    stored: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Shared {
    keys: BTreeMap<String, (Entry, u64, Duration)>,
    versions: u64,
    /// How far its clock is ahead of the first moment.
    now: Duration,
    /// What becomes of the next stores.
    plan: VecDeque<Store>,
    /// How often it was asked.
    loads: usize,
    stores: usize,
}

/// What becomes of a store.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    /// It is made.
    Well,
    /// It fails, and is not made.
    Fails,
    /// It fails for good, and is not made.
    Unusable,
    /// It is not made, and says neither that nor what is stored.
    SaysNothing,
    /// It is made, and fails all the same.
    FailsThoughMade,
    /// It is made, and answers once this is notified.
    MadeAndAnswersAfter(Arc<Notify>),
}

impl MemoryJournal {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, duration: Duration) {
        self.lock().now += duration;
    }

    /// What becomes of the next stores; all after them are made.
    pub(crate) fn plan(&self, plan: impl IntoIterator<Item = Store>) {
        self.lock().plan = plan.into_iter().collect();
    }

    /// Loads and stores so far.
    pub(crate) fn asked(&self) -> (usize, usize) {
        let shared = self.lock();
        (shared.loads, shared.stores)
    }

    /// What is stored of a key.
    pub(crate) fn entry(&self, key: &str) -> Option<Entry> {
        self.lock().keys.get(key).map(|(entry, ..)| entry.clone())
    }

    /// Its state.
    pub(crate) fn state(&self, key: &str) -> Option<State> {
        self.entry(key).map(|entry| entry.state)
    }

    /// Ends once the state of a key is like this.
    pub(crate) async fn until(&self, key: &str, is_it: impl Fn(&State) -> bool) {
        loop {
            let stored = self.stored.notified();
            if self.state(key).as_ref().is_some_and(&is_it) {
                return;
            }
            stored.await;
        }
    }
}

impl Shared {
    fn stored(&self, key: &str) -> Option<Stored> {
        let (entry, version, at) = self.keys.get(key)?;
        let version = Version::new(version.to_string());
        let age = self.now - *at;
        Some(Stored::new(entry.clone(), version, time(*at), age))
    }

    fn store(&mut self, key: &str, entry: &Entry, expected: Option<&Version>) -> Written {
        let stored = self.stored(key);
        if stored.as_ref().map(|stored| &stored.version) != expected {
            return Written::conflict(stored);
        }
        self.versions += 1;
        let kept = (entry.clone(), self.versions, self.now);
        self.keys.insert(key.to_owned(), kept);
        Written::done(Version::new(self.versions.to_string()))
    }
}

fn time(at: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000) + at
}

fn failed() -> JournalError {
    JournalError::unavailable("the journal in memory is out of order")
}

impl Journal for MemoryJournal {
    fn load<'a>(&'a self, key: &'a str) -> JournalFuture<'a, Option<Stored>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut shared = self.lock();
            shared.loads += 1;
            Ok(shared.stored(key))
        })
    }

    fn store<'a>(
        &'a self,
        key: &'a str,
        entry: &'a Entry,
        expected: Option<&'a Version>,
    ) -> JournalFuture<'a, Written> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let (plan, written) = {
                let mut shared = self.lock();
                shared.stores += 1;
                let plan = shared.plan.pop_front().unwrap_or(Store::Well);
                let written = match plan {
                    Store::Fails => return Err(failed()),
                    Store::SaysNothing => return Ok(Written::conflict(None)),
                    Store::Unusable => {
                        return Err(JournalError::unusable("the journal in memory is broken"));
                    }
                    Store::Well | Store::FailsThoughMade | Store::MadeAndAnswersAfter(_) => {
                        shared.store(key, entry, expected)
                    }
                };
                (plan, written)
            };
            self.stored.notify_waiters();
            match plan {
                Store::FailsThoughMade => return Err(failed()),
                Store::MadeAndAnswersAfter(told) => told.notified().await,
                Store::Well | Store::Fails | Store::SaysNothing | Store::Unusable => {}
            }
            Ok(written)
        })
    }

    fn list(&self) -> JournalFuture<'_, Vec<(String, Stored)>> {
        Box::pin(async move {
            let shared = self.lock();
            let keys = shared.keys.keys();
            let listed = keys.filter_map(|key| Some((key.clone(), shared.stored(key)?)));
            Ok(listed.collect())
        })
    }
}
