//! Tells whether an implementation of [`Journal`] is right, with the feature `test-util`.
//!
//! Call [`check`] in a test of the implementation:
//!
//! ```
//! use dinoai::journal::{FileJournal, conformance};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("runs.jsonl");
//! conformance::check(async || FileJournal::open(&path).unwrap()).await;
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use futures_util::poll;

use super::entry::{Entry, RequestDigest, State};
use super::store::{Hold, Journal, Stored, Version, Written};
use crate::model::{RunStatus, SessionId, TriggerRun};

/// Checks that a journal keeps what [`Journal`] promises.
///
/// `open` opens the journal: the same one each time, as another process would. It is called several times, and
/// the journals are used at once. Keys of other tests do no harm; its own begin with `conformance/`
/// and stay there.
///
/// It checks compare-and-swap, alone and in a race, that what was stored is there when the journal is opened
/// again, that keys and entries come back as they were, the time, the list, and what is said of a claim. It
/// cannot check that what was stored outlasts a loss of power.
///
/// ```
/// use dinoai::journal::{Journal, conformance};
///
/// async fn test<J: Journal>(open: impl AsyncFn() -> J) {
///     conformance::check(open).await;
/// }
/// ```
///
/// # Panics
///
/// If the journal is wrong, or fails.
pub async fn check<J: Journal>(open: impl AsyncFn() -> J) {
    let run = format!("conformance/{:016x}", fastrand::u64(..));
    let journal = open().await;
    let again = open().await;
    swaps(&journal, &again, &format!("{run}/swaps")).await;
    versions(&journal, &format!("{run}/versions")).await;
    keys(&journal, &run, async || open().await).await;
    entries(&journal, &again, &format!("{run}/entries")).await;
    races(&journal, &again, &format!("{run}/race")).await;
    counts(&journal, &again, &format!("{run}/count")).await;
    times(&journal, &format!("{run}/times")).await;
    claims(&journal, &again, &format!("{run}/claims")).await;
    dropped(&journal, &again, &format!("{run}/dropped")).await;
}

/// An entry in this state.
fn entry(state: State) -> Entry {
    Entry {
        state,
        other_runs: vec![],
        claimed_at: None,
        account: "0123456789abcdef".to_owned(),
        request: RequestDigest::of(&TriggerRun::agent("checker").with_message("Focus on orders")),
    }
}

fn started(id: &str) -> Entry {
    let session_id = SessionId::for_test(id);
    entry(State::Started { session_id })
}

fn claim() -> Entry {
    entry(State::Claimed {
        owner: "conformance".to_owned(),
        lease: Duration::from_secs(150),
    })
}

async fn load(journal: &impl Journal, key: &str) -> Option<Stored> {
    let loaded = journal.load(key).await;
    unless_failed("load", loaded)
}

async fn store(
    journal: &impl Journal,
    key: &str,
    entry: &Entry,
    expected: Option<&Version>,
) -> Written {
    let written = journal.store(key, entry, expected).await;
    unless_failed("store", written)
}

#[expect(clippy::panic, reason = "a journal that fails here is wrong")]
fn unless_failed<T>(what: &str, result: Result<T, impl Debug>) -> T {
    result.unwrap_or_else(|error| panic!("{what} failed: {error:?}"))
}

#[expect(clippy::panic, reason = "a journal that stores nothing here is wrong")]
fn done(written: Written, what: &str) -> (Version, Hold) {
    match written {
        Written::Done { version, hold } => (version, hold),
        Written::Conflict(stored) => panic!("{what}: nothing was stored, over {stored:?}"),
    }
}

#[expect(
    clippy::panic,
    reason = "a journal that stores something here is wrong"
)]
fn conflict(written: Written, what: &str) -> Option<Stored> {
    match written {
        Written::Conflict(stored) => stored.map(|stored| *stored),
        Written::Done { .. } => panic!("{what}: it was stored"),
    }
}

/// What is stored is stored once, over the version that was expected.
async fn swaps(journal: &impl Journal, again: &impl Journal, key: &str) {
    assert_eq!(
        load(journal, key).await,
        None,
        "a key that was never stored"
    );
    let version = Version::new("1");
    let other = store(journal, key, &started("a"), Some(&version)).await;
    assert_eq!(conflict(other, "over a version of nothing"), None);
    assert_eq!(load(journal, key).await, None, "a key after a conflict");

    let (first, _) = done(store(journal, key, &started("a"), None).await, "a new key");
    for journal_of in [load(journal, key).await, load(again, key).await] {
        let stored = journal_of.map(|stored| (stored.entry, stored.version));
        assert_eq!(
            stored,
            Some((started("a"), first.clone())),
            "what was stored"
        );
    }
    let other = conflict(store(again, key, &started("b"), None).await, "over nothing");
    assert_eq!(other, load(journal, key).await.map(|it| aged(it, &other)));
    let (second, _) = done(
        store(again, key, &started("b"), Some(&first)).await,
        "over the version that is stored",
    );
    let other = conflict(
        store(journal, key, &started("c"), Some(&first)).await,
        "over a version that is gone",
    );
    let other = other.map(|stored| (stored.entry, stored.version));
    assert_eq!(other, Some((started("b"), second)), "what a conflict says");
}

/// The same with the age of another, since time passes.
fn aged(mut stored: Stored, other: &Option<Stored>) -> Stored {
    if let Some(other) = other {
        stored.age = other.age;
    }
    stored
}

/// No version comes again.
async fn versions(journal: &impl Journal, key: &str) {
    let mut seen = BTreeSet::new();
    let mut last: Option<Version> = None;
    for place in 0..6 {
        let id = ["a", "b"][place % 2];
        let (version, _) = done(
            store(journal, key, &started(id), last.as_ref()).await,
            "the next version",
        );
        let is_new = seen.insert(version.as_str().to_owned());
        assert!(is_new, "version {version:?} comes again");
        last = Some(version);
    }
}

/// Keys are compared byte by byte, and all are in the list, also when the journal is opened again.
async fn keys<J: Journal>(journal: &impl Journal, run: &str, open: impl AsyncFn() -> J) {
    let odd = [
        "a", "A", "a ", "a/b", "a\\b", "a'b", "a\"b", "a%b", "a_b", "a;b", "$1", "ä", "a\u{308}",
        "日本", "🦖", "null",
    ];
    let mut keys: Vec<_> = odd.iter().map(|odd| format!("{run}/key/{odd}")).collect();
    keys.push(format!("{run}/{}", "k".repeat(511 - run.len())));
    for (place, key) in keys.iter().enumerate() {
        let entry = started(&format!("run-{place}"));
        done(store(journal, key, &entry, None).await, key);
    }
    let journal = open().await;
    let listed = unless_failed("list", journal.list().await);
    for (place, key) in keys.iter().enumerate() {
        let expected = Some(started(&format!("run-{place}")));
        let stored = load(&journal, key).await;
        assert_eq!(stored.map(|stored| stored.entry), expected, "{key:?}");
        let its = listed.iter().filter(|(listed, _)| listed == key);
        let its: Vec<_> = its.map(|(_, stored)| Some(stored.entry.clone())).collect();
        assert_eq!(its, [expected], "{key:?} in the list");
    }
}

/// Entries come back as they were.
async fn entries(journal: &impl Journal, again: &impl Journal, key: &str) {
    let session_id = || SessionId::for_test("xwzdneft6emspe0f");
    let mut long = started("last");
    long.other_runs = (0..500)
        .map(|n| SessionId::for_test(format!("run-{n}")))
        .collect();
    let free = |reason: &str, retried| {
        entry(State::Free {
            reason: reason.to_owned(),
            retried,
        })
    };
    let slack = TriggerRun::message("🦖 ' \" \\ \u{0}")
        .with_slack("C0123456789", "1714142436.001200")
        .with_base_branch("feature/ä")
        .with_model_family("fast");
    let mut request = started("with-a-request");
    request.request = RequestDigest::of(&slack);
    let all = [
        free("it was refused: \"no\"\n\t\u{1b}[31m ✗", false),
        free("", true),
        entry(State::Ended {
            session_id: session_id(),
            status: RunStatus::Failed,
        }),
        entry(State::Ended {
            session_id: session_id(),
            status: RunStatus::from("PAUSED".to_owned()),
        }),
        entry(State::Unknown {
            owner: "1-2".to_owned(),
            since: SystemTime::UNIX_EPOCH + Duration::from_millis(1_714_142_436_001),
            reason: "nobody knows".to_owned(),
        }),
        request,
        long,
    ];
    let mut last: Option<Version> = None;
    for entry in &all {
        let written = store(journal, key, entry, last.as_ref()).await;
        last = Some(done(written, "an entry").0);
        let stored = load(again, key).await.map(|stored| stored.entry);
        assert_eq!(stored.as_ref(), Some(entry), "an entry comes back");
    }
}

/// Of those who store at once, one does.
async fn races(journal: &impl Journal, again: &impl Journal, key: &str) {
    for round in 0..8 {
        let key = &format!("{key}/{round}");
        let entries: Vec<_> = (0..8).map(|n| started(&format!("run-{n}"))).collect();
        let first = entries.iter().map(|entry| store(journal, key, entry, None));
        let second = entries.iter().map(|entry| store(again, key, entry, None));
        let (first, second) = futures_util::join!(join_all(first), join_all(second));
        let written: Vec<_> = first.into_iter().chain(second).collect();
        let won = |written: &&Written| matches!(written, Written::Done { .. });
        assert_eq!(written.iter().filter(won).count(), 1, "winners of a race");
    }
}

/// Nothing that is stored is lost under those who store at once.
async fn counts(journal: &impl Journal, again: &impl Journal, key: &str) {
    const EACH: usize = 5;
    async fn add(journal: &impl Journal, key: &str, name: &str) {
        for number in 0..EACH {
            loop {
                let stored = load(journal, key).await;
                let (entry, version) = match stored {
                    Some(stored) => (stored.entry, Some(stored.version)),
                    None => (started("first"), None),
                };
                let mut entry = entry;
                entry
                    .other_runs
                    .push(SessionId::for_test(format!("{name}-{number}")));
                let written = store(journal, key, &entry, version.as_ref()).await;
                if matches!(written, Written::Done { .. }) {
                    break;
                }
            }
        }
    }
    futures_util::join!(
        add(journal, key, "a"),
        add(again, key, "b"),
        add(journal, key, "c"),
        add(again, key, "d"),
    );
    let stored = load(journal, key).await;
    let runs = stored.map_or(vec![], |stored| stored.entry.other_runs);
    let distinct: BTreeSet<_> = runs.iter().collect();
    assert_eq!(
        (runs.len(), distinct.len()),
        (4 * EACH, 4 * EACH),
        "nothing is lost"
    );
}

/// The age of an entry is counted from when it was stored last.
async fn times(journal: &impl Journal, key: &str) {
    const SOON: Duration = Duration::from_secs(20);
    let start = SystemTime::now();
    let (first, _) = done(store(journal, key, &started("a"), None).await, "a new key");
    let age = async || load(journal, key).await.map_or(SOON, |stored| stored.age);
    let (earlier, mut later) = (age().await, Duration::ZERO);
    assert!(earlier < SOON, "a new entry has an age of {earlier:?}");
    while later <= earlier + Duration::from_millis(50) {
        let waited = start.elapsed().unwrap_or_default();
        assert!(waited < SOON, "the age stays {later:?}");
        later = age().await;
    }
    done(
        store(journal, key, &started("b"), Some(&first)).await,
        "again",
    );
    let renewed = age().await;
    assert!(
        renewed < later || renewed < Duration::from_millis(50),
        "an entry that was stored again has an age of {renewed:?}"
    );
}

/// A claim is alive for all until it is dropped, or until its lease is over.
async fn claims(journal: &impl Journal, again: &impl Journal, key: &str) {
    let (version, hold) = done(store(journal, key, &claim(), None).await, "a claim");
    for stored in [load(journal, key).await, load(again, key).await] {
        let held = stored.map(|stored| (stored.entry, stored.is_held));
        let is_alive = matches!(&held, Some((_, None | Some(true))));
        assert!(is_alive, "a claim that is held: {held:?}");
    }
    drop(hold);
    let held = load(again, key).await.and_then(|stored| stored.is_held);
    assert_ne!(held, Some(true), "a claim that was dropped");
    let (version, hold) = done(
        store(again, key, &claim(), Some(&version)).await,
        "a claim over a dead one",
    );
    let (_, _) = done(
        store(again, key, &started("a"), Some(&version)).await,
        "what became of a claim",
    );
    drop(hold);
    let stored = load(journal, key)
        .await
        .map(|stored| (stored.entry, stored.is_held));
    assert_eq!(stored, Some((started("a"), None)), "what is no claim");
}

/// A call that is dropped has stored the whole entry, or nothing, and does not hold up others.
async fn dropped(journal: &impl Journal, again: &impl Journal, key: &str) {
    for round in 0..20 {
        let key = &format!("{key}/{round}");
        let entry = started("dropped");
        let mut writing = journal.store(key, &entry, None);
        for _ in 0..round % 3 {
            if poll!(&mut writing).is_ready() {
                break;
            }
        }
        drop(writing);
        let stored = load(again, key).await;
        let version = stored.as_ref().map(|stored| stored.version.clone());
        let written = store(again, key, &started("next"), version.as_ref()).await;
        match (written, stored) {
            // It was stored after it was looked for.
            (Written::Conflict(Some(other)), None) => assert_eq!(other.entry, entry),
            // It could not be said yet.
            (Written::Conflict(None), None) => {}
            (written, stored) => {
                let before = stored.map(|stored| stored.entry);
                assert!(before.is_none() || before == Some(entry), "{before:?}");
                done(written, "after a call that was dropped");
            }
        }
    }
}
