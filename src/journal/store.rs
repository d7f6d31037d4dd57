//! [`Journal`]: the store of the keys, by compare-and-swap; and what it is asked and answers.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::entry::Entry;
use crate::error::JournalError;

/// What the methods of a [`Journal`] return.
pub type JournalFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, JournalError>> + Send + 'a>>;

/// A store of keys: what each has started, by compare-and-swap.
///
/// [`FileJournal`](super::FileJournal) is one in a file. A table or an object store can be one, too: it
/// keeps the [`Entry`] of a key as it is given, which is JSON by serde, beside a [`Version`] that it gives,
/// and the time by its own clock. It decides nothing: all rules of the states are in this crate. The
/// function `conformance::check` (feature `test-util`) tells whether an implementation is right.
///
/// What a method returns is durable: it outlasts the process and the machine. A method ends by itself,
/// within half a minute, also if the store hangs. A future that is dropped may have stored the entry, or
/// not.
pub trait Journal: Send + Sync + 'static {
    /// Reads a key; `None` if it was never stored.
    ///
    /// ```
    /// use dinoai::journal::{Journal, JournalError};
    ///
    /// async fn is_known(journal: &impl Journal, key: &str) -> Result<bool, JournalError> {
    ///     Ok(journal.load(key).await?.is_some())
    /// }
    /// ```
    fn load<'a>(&'a self, key: &'a str) -> JournalFuture<'a, Option<Stored>>;

    /// Stores the entry of a key, if the key's version still is `expected`; `None`: if it was never
    /// stored.
    ///
    /// Else it changes nothing, and returns what is stored instead, so that no second request is
    /// needed. Each version differs from all that the key has had.
    ///
    /// ```
    /// use dinoai::journal::{Entry, Journal, JournalError, Written};
    ///
    /// async fn add(journal: &impl Journal, key: &str, entry: &Entry) -> Result<bool, JournalError> {
    ///     let written = journal.store(key, entry, None).await?;
    ///     Ok(matches!(written, Written::Done { .. }))
    /// }
    /// ```
    fn store<'a>(
        &'a self,
        key: &'a str,
        entry: &'a Entry,
        expected: Option<&'a Version>,
    ) -> JournalFuture<'a, Written>;

    /// Reads all keys, in any order.
    ///
    /// An ended key may be left out once its [time is over](Entry::is_over), and be forgotten.
    ///
    /// ```
    /// use dinoai::journal::{Journal, JournalError};
    ///
    /// async fn print(journal: &impl Journal) -> Result<(), JournalError> {
    ///     for (key, stored) in journal.list().await? {
    ///         println!("{key}: {:?}", stored.entry.state);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    fn list(&self) -> JournalFuture<'_, Vec<(String, Stored)>>;
}

impl<J: Journal + ?Sized> Journal for Arc<J> {
    fn load<'a>(&'a self, key: &'a str) -> JournalFuture<'a, Option<Stored>> {
        (**self).load(key)
    }

    fn store<'a>(
        &'a self,
        key: &'a str,
        entry: &'a Entry,
        expected: Option<&'a Version>,
    ) -> JournalFuture<'a, Written> {
        (**self).store(key, entry, expected)
    }

    fn list(&self) -> JournalFuture<'_, Vec<(String, Stored)>> {
        (**self).list()
    }
}

/// Which store of a key an entry comes from: a number, or an object's tag.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(String);

impl Version {
    /// A version as the store names it.
    ///
    /// ```
    /// use dinoai::journal::Version;
    ///
    /// assert_eq!(Version::new(7.to_string()).as_str(), "7");
    /// ```
    pub fn new(version: impl Into<String>) -> Self {
        Self(version.into())
    }

    /// The version as the store named it.
    ///
    /// ```
    /// # fn example(version: dinoai::journal::Version) {
    /// let number: Option<u64> = version.as_str().parse().ok();
    /// # }
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is stored of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The entry.
    pub entry: Entry,
    /// Its version.
    pub version: Version,
    /// When it was stored, by the store's clock.
    pub at: SystemTime,
    /// How long ago that is, by the same clock.
    pub age: Duration,
    /// Whether the owner of a claim is known to be alive. `None`: its lease decides.
    pub is_held: Option<bool>,
}

impl Stored {
    /// What is stored of a key, by a store whose claims are leases.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use dinoai::journal::{Entry, Stored, Version};
    ///
    /// fn row(entry: Entry, version: i64, at: SystemTime, now: SystemTime) -> Stored {
    ///     let age = now.duration_since(at).unwrap_or(Duration::ZERO);
    ///     Stored::new(entry, Version::new(version.to_string()), at, age)
    /// }
    /// ```
    #[must_use]
    pub fn new(entry: Entry, version: Version, at: SystemTime, age: Duration) -> Self {
        Self {
            entry,
            version,
            at,
            age,
            is_held: None,
        }
    }

    /// The same by a store that knows whether the owner of a claim is alive, by a lock.
    ///
    /// ```
    /// # fn example(stored: dinoai::journal::Stored) {
    /// let dead = stored.held(false);
    /// # }
    /// ```
    #[must_use]
    pub fn held(mut self, is_held: bool) -> Self {
        self.is_held = Some(is_held);
        self
    }
}

/// What came of [`Journal::store`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Written {
    /// The entry is stored.
    #[non_exhaustive]
    Done {
        /// The version that it has now.
        version: Version,
        /// What is held as long as a claim goes on.
        hold: Hold,
    },
    /// The version was another one: what is stored. `None` if nothing is, or if it cannot be said yet.
    Conflict(Option<Box<Stored>>),
}

impl Written {
    /// The entry is stored, with this version.
    ///
    /// ```
    /// use dinoai::journal::{Version, Written};
    ///
    /// let written = Written::done(Version::new("1"));
    /// ```
    #[must_use]
    pub fn done(version: Version) -> Self {
        Self::Done {
            version,
            hold: Hold(None),
        }
    }

    /// The same of a claim, with what is to be dropped once the claim is over: a lock.
    ///
    /// ```
    /// use dinoai::journal::{Version, Written};
    ///
    /// fn claimed(lock: std::fs::File) -> Written {
    ///     Written::claimed(Version::new("1"), lock)
    /// }
    /// ```
    #[must_use]
    pub fn claimed(version: Version, lock: impl Any + Send + Sync) -> Self {
        Self::Done {
            version,
            hold: Hold(Some(Box::new(lock))),
        }
    }

    /// Something else is stored.
    ///
    /// ```
    /// use dinoai::journal::{Stored, Written};
    ///
    /// fn other(stored: Option<Stored>) -> Written {
    ///     Written::conflict(stored)
    /// }
    /// ```
    #[must_use]
    pub fn conflict(stored: Option<Stored>) -> Self {
        Self::Conflict(stored.map(Box::new))
    }
}

/// What is held as long as a claim goes on: dropped once the session id, or that there is none, is
/// stored.
pub struct Hold(Option<Box<dyn Any + Send + Sync>>);

impl fmt::Debug for Hold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.0.as_ref().map(|_| "a lock");
        formatter.debug_tuple("Hold").field(&held).finish()
    }
}
