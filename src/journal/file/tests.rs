//! What a journal in a file costs, and what it forgets.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::join_all;
use tempfile::TempDir;

use super::disk::{Answer, Disk, Order};
use super::lines::{Head, Line, written};
use super::{FileJournal, lock};
use crate::journal::entry::{Entry, RequestDigest, State};
use crate::journal::store::{Journal, Version, Written};
use crate::model::{RunStatus, SessionId, TriggerRun};

fn file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.jsonl");
    (folder, path)
}

fn entry(state: State) -> Entry {
    Entry {
        state,
        other_runs: vec![],
        claimed_at: None,
        account: "0123456789abcdef".to_owned(),
        request: RequestDigest::of(&TriggerRun::agent("checker").with_message("Focus on orders")),
    }
}

fn claim() -> Entry {
    entry(State::Claimed {
        owner: "1-a".to_owned(),
        lease: Duration::from_secs(150),
    })
}

fn ended(id: &str) -> Entry {
    entry(State::Ended {
        session_id: SessionId::for_test(id),
        status: RunStatus::Completed,
    })
}

fn store(disk: &mut Disk, key: &str, entry: Entry, expected: Option<Version>) -> Written {
    let order = Order::Store {
        key: key.to_owned(),
        entry: Box::new(entry),
        expected,
    };
    let answer = disk.carry_out(vec![order]).pop().unwrap().unwrap();
    let Answer::Written(written) = answer else {
        panic!("{answer:?}");
    };
    written
}

fn done(written: Written) -> Version {
    let Written::Done { version, .. } = written else {
        panic!("{written:?}");
    };
    version
}

fn keys(disk: &mut Disk) -> Vec<String> {
    let answer = disk.carry_out(vec![Order::List]).pop().unwrap().unwrap();
    let Answer::Listed(listed) = answer else {
        panic!("{answer:?}");
    };
    listed.into_iter().map(|(key, _)| key).collect()
}

#[tokio::test]
async fn a_claim_is_one_sync_and_what_comes_at_once_shares_one() {
    let (_folder, path) = file();
    let journal = FileJournal::open(path).unwrap();
    let syncs = || lock(&journal.shared.disk).syncs;
    let before = syncs();
    let written = journal.store("a", &claim(), None).await.unwrap();
    assert_eq!(syncs() - before, 1);
    drop(written);

    journal.load("a").await.unwrap();
    journal.list().await.unwrap();
    journal.store("a", &claim(), None).await.unwrap();
    assert_eq!(syncs() - before, 1, "what changes nothing");

    // Held up, so that all of them come before the first is done.
    let keys: Vec<_> = (0..50).map(|number| format!("key-{number}")).collect();
    let entry = claim();
    let held = lock(&journal.shared.disk);
    let mut stores: Vec<_> = keys
        .iter()
        .map(|key| journal.store(key, &entry, None))
        .collect();
    for store in &mut stores {
        assert!(store.now_or_never().is_none());
    }
    drop(held);
    for written in join_all(stores).await {
        done(written.unwrap());
    }
    assert!(syncs() - before <= 3, "{}", syncs() - before);
}

#[test]
fn a_file_is_written_anew_once_most_of_it_is_outdated_and_others_notice() {
    let (_folder, path) = file();
    let mut disk = Disk::open(&path).unwrap();
    let mut other = Disk::open(&path).unwrap();
    let (mut longest, mut last) = (0, None);
    for round in 0..2_000 {
        let disk = if round % 2 == 0 {
            &mut disk
        } else {
            &mut other
        };
        let written = store(disk, "a", ended(&format!("run-{round}")), last);
        last = Some(done(written));
        let length = std::fs::metadata(&path).unwrap().len();
        longest = longest.max(length);
    }
    assert!((200_000..300_000).contains(&longest), "{longest}");
    // No version comes again, as the file says of those before.
    assert_eq!(last.unwrap().as_str(), "2000");
    assert_eq!(keys(&mut other), ["a"]);
    let drafts = std::fs::read_dir(path.parent().unwrap()).unwrap();
    assert_eq!(drafts.count(), 2, "the file and its locks");
}

#[test]
fn an_ended_key_is_forgotten_after_90_days_and_an_unknown_one_never() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let (_folder, path) = file();
    let old = |key: &str, days: u32, entry| Line {
        key: key.to_owned(),
        version: 1,
        at: SystemTime::now() - DAY * days,
        entry,
    };
    let unknown = entry(State::Unknown {
        owner: "1-a".to_owned(),
        since: SystemTime::now(),
        reason: "killed".to_owned(),
    });
    let free = entry(State::Free {
        reason: "refused".to_owned(),
        retried: false,
    });
    let started = entry(State::Started {
        session_id: SessionId::for_test("b"),
    });
    let mut text = written(&Head::new(9)).unwrap();
    for line in [
        old("ended-89", 89, ended("a")),
        old("ended-91", 91, ended("a")),
        old("free-91", 91, free),
        old("started-1000", 1000, started),
        old("unknown-1000", 1000, unknown),
        old("claimed-1000", 1000, claim()),
    ] {
        text.extend(written(&line).unwrap());
    }
    std::fs::write(&path, text).unwrap();
    let kept = ["claimed-1000", "ended-89", "started-1000", "unknown-1000"];
    let mut disk = Disk::open(&path).unwrap();
    assert_eq!(keys(&mut disk), kept);

    let mut last = None;
    while std::fs::read_to_string(&path).unwrap().contains("ended-91") {
        last = Some(done(store(&mut disk, "a", ended("run"), last)));
    }
    let mut all = vec!["a"];
    all.extend(kept);
    assert_eq!(keys(&mut disk), all);
    assert_eq!(keys(&mut Disk::open(&path).unwrap()), all);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_by_name_and_stores_nothing() {
    let (_folder, path) = file();
    let mut disk = Disk::open(&path).unwrap();
    done(store(&mut disk, "a", ended("a"), None));
    let before = std::fs::read(&path).unwrap();
    // A file that takes nothing more.
    disk.append_to = Some(
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap(),
    );
    let order = Order::Store {
        key: "b".to_owned(),
        entry: Box::new(claim()),
        expected: None,
    };
    let error = disk.carry_out(vec![order]).pop().unwrap().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("runs.jsonl cannot be written: No space left"),
        "{text}"
    );
    assert!(!error.is_transient());
    disk.append_to = None;
    assert_eq!(keys(&mut disk), ["a"]);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}
