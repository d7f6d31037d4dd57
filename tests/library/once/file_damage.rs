//! A journal's file that is damaged, or is none, is recognised; nothing in it is lost silently.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use dinoai::journal::{FileJournal, Journal, State};
use dinoai::{Error, StartedOnce};
use tempfile::TempDir;

use super::{KEY, triggers};
use crate::support::fault_server::{CANARY, FaultServer, SESSION};
use crate::support::samples::request;

fn journal_file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.jsonl");
    (folder, path)
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// The lines of a file that has started a run for the key.
async fn started(path: &Path) -> (FaultServer, Vec<String>) {
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = FileJournal::open(path).unwrap();
    client.start_once(KEY, request(), &journal).await.unwrap();
    let text = fs::read_to_string(path).unwrap();
    (server, text.lines().map(str::to_owned).collect())
}

async fn state(journal: &FileJournal, key: &str) -> Option<State> {
    journal
        .load(key)
        .await
        .unwrap()
        .map(|stored| stored.entry.state)
}

#[tokio::test]
async fn a_file_is_for_its_user_alone_and_has_no_text_and_no_secret_in_it() {
    let (folder, path) = journal_file();
    let server = FaultServer::start([]).await;
    let (client, _) = server.client();
    let journal = FileJournal::open(&path).unwrap();
    let request = request().with_message("Look at the salaries of stg_people.");
    client.start_once(KEY, request, &journal).await.unwrap();
    let mut files = vec![];
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            files.push(fs::read_to_string(&path).unwrap());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{path:?} {mode:o}");
        }
    }
    assert_eq!(files.len(), 1);
    let text = format!("{}{journal:?}", files[0]);
    for secret in [CANARY, "salaries", "stg_people", "/api/v1"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(
        text.contains(KEY) && text.contains("data-quality-checker"),
        "{text}"
    );
    let locks: Vec<_> = fs::read_dir(folder.path().join("runs.jsonl.locks"))
        .unwrap()
        .collect();
    assert_eq!(locks.len(), 1, "the lock of the key is gone: {locks:?}");
}

#[tokio::test]
async fn a_last_line_that_is_whole_but_for_its_end_counts() {
    let (_folder, path) = journal_file();
    let (server, lines) = started(&path).await;
    fs::write(&path, lines.join("\n")).unwrap();
    let journal = FileJournal::open(&path).unwrap();
    assert_eq!(journal.damage(), None);
    let (client, _) = server.client();
    let found = client.start_once(KEY, request(), &journal).await.unwrap();
    assert_eq!(found.session_id().unwrap().as_str(), SESSION);
    client
        .start_once("other", request(), &journal)
        .await
        .unwrap();
    let again = FileJournal::open(&path).unwrap();
    assert_eq!(again.list().await.unwrap().len(), 2);
    assert_eq!(again.damage(), None);
}

#[tokio::test]
async fn a_last_line_that_was_cut_off_is_reported_and_left_there() {
    let (_folder, path) = journal_file();
    let (server, lines) = started(&path).await;
    let (client, _) = server.client();
    let claim = &lines[1].replace(KEY, "cut");
    for length in [1, 9, claim.len() / 2, claim.len() - 1] {
        let whole = lines.join("\n") + "\n";
        fs::write(&path, format!("{whole}{}", &claim[..length])).unwrap();
        let journal = FileJournal::open(&path).unwrap();
        let damage = journal.damage().unwrap();
        assert!(
            damage.contains(&format!("last {length} bytes, after line 3")),
            "{damage}"
        );
        assert_eq!(state(&journal, "cut").await, None);
        let after_reading = fs::read_to_string(&path).unwrap();
        assert_eq!(
            after_reading.len(),
            whole.len() + length,
            "reading changes nothing"
        );

        let found = client.start_once("cut", request(), &journal).await.unwrap();
        assert!(matches!(found, StartedOnce::Started(_)), "{found:?}");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(&after_reading), "what was there stays");
        let again = FileJournal::open(&path).unwrap();
        assert_eq!(again.damage(), None, "it is marked");
        assert_eq!(again.list().await.unwrap().len(), 2);
        // Those that had read it before go on, too.
        client
            .start_once("next", request(), &journal)
            .await
            .unwrap();
        client.start_once("last", request(), &again).await.unwrap();
        assert_eq!(journal.list().await.unwrap().len(), 4);
    }
}

#[tokio::test]
async fn a_session_id_in_a_line_that_was_cut_off_counts() {
    let (_folder, path) = journal_file();
    let (server, lines) = started(&path).await;
    let (client, _) = server.client();
    let line = &lines[2];
    let end = line.find(SESSION).unwrap() + SESSION.len();
    for (length, is_whole) in [(end, false), (end + 1, true), (line.len() - 3, true)] {
        let text = format!("{}\n{}\n{}", lines[0], lines[1], &line[..length]);
        fs::write(&path, &text).unwrap();
        let journal = FileJournal::open(&path).unwrap();
        let damage = journal.damage().unwrap();
        assert_eq!(damage.contains(SESSION), is_whole, "{damage}");
        let found = client.start_once(KEY, request(), &journal).await.unwrap();
        assert_eq!(found.session_id().is_some(), is_whole, "{found:?}");
        // The same is found once more was written, and by whoever comes later.
        client
            .start_once("other", request(), &journal)
            .await
            .unwrap();
        let again = FileJournal::open(&path).unwrap();
        let found = client.start_once(KEY, request(), &again).await.unwrap();
        assert_eq!(found.session_id().is_some(), is_whole, "{found:?}");
    }
    assert_eq!(triggers(&server), 1 + 3, "one for each `other`");
}

#[tokio::test]
async fn a_line_among_others_that_cannot_be_read_is_refused_by_its_number() {
    let (_folder, path) = journal_file();
    let (server, lines) = started(&path).await;
    let open = FileJournal::open(&path).unwrap();
    let text = format!("{}\n{}\n{}\n", lines[0], &lines[1][..40], lines[2]);
    fs::write(&path, &text).unwrap();
    let refused = FileJournal::open(&path).unwrap_err();
    assert!(refused.to_string().contains("line 2"), "{refused}");
    let (client, _) = server.client();
    let before = server.arrived();
    let error = client
        .start_once("other", request(), &open)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Journal { .. }), "{error}");
    assert_eq!(server.arrived(), before);
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        text,
        "it is left as it is"
    );
}

#[tokio::test]
async fn what_is_no_journal_is_refused_and_left_as_it_is() {
    let (folder, path) = journal_file();
    for (text, expected) in [
        ("precious", "no journal"),
        ("{\"a\": 1}\n", "no journal"),
        ("\n\n", "no journal"),
        (
            "{\"journal\":\"dinoai\",\"format\":2,\"generation\":\"a\",\"last\":0}\n",
            "format 2",
        ),
        ("{\"journal\":\"dinoai\",\"for", "damaged first line"),
        ("\u{feff}{\"journal\":\"dinoai\"}", "no journal"),
    ] {
        fs::write(&path, text).unwrap();
        let refused = FileJournal::open(&path).unwrap_err();
        assert!(!refused.is_transient(), "{refused}");
        let said = refused.to_string();
        assert!(
            said.contains(expected) && said.contains("runs.jsonl"),
            "{said}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    let refused = FileJournal::open(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("not a regular file"), "{refused}");
    let refused = FileJournal::open(path.join("below"))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("runs.jsonl"), "{refused}");
    fs::write(&path, "").unwrap();
    FileJournal::open(&path).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_or_a_device_is_no_journal_and_holds_nobody_up() {
    let (_folder, path) = journal_file();
    let made = std::process::Command::new("mkfifo")
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    for path in [&*path, Path::new("/dev/null")] {
        let refused = FileJournal::open(path).unwrap_err().to_string();
        assert!(
            refused.contains("not a regular file") || refused.contains("cannot be made"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_file_that_has_become_shorter_is_refused() {
    let (_folder, path) = journal_file();
    let (server, lines) = started(&path).await;
    let open = FileJournal::open(&path).unwrap();
    fs::write(&path, format!("{}\n", lines[0])).unwrap();
    let (client, _) = server.client();
    for _ in 0..3 {
        let error = client.start_once(KEY, request(), &open).await.unwrap_err();
        assert!(error.to_string().contains("has become shorter"), "{error}");
    }
    assert_eq!(triggers(&server), 1);
}

#[tokio::test]
async fn missing_folders_are_made_and_links_are_followed() {
    let (folder, path) = journal_file();
    assert!(!path.exists());
    let deep = folder.path().join("a/b/c/runs.jsonl");
    FileJournal::open(&deep).unwrap();
    assert!(deep.is_file());
    #[cfg(unix)]
    {
        let (server, _) = started(&path).await;
        let link = folder.path().join("link.jsonl");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let journal = FileJournal::open(&link).unwrap();
        let (client, _) = server.client();
        let found = client.start_once(KEY, request(), &journal).await.unwrap();
        assert_eq!(found.session_id().unwrap().as_str(), SESSION);
        assert!(link.is_symlink());
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_damage_like_any_other() {
    let (_folder, path) = journal_file();
    let (_server, _) = started(&path).await;
    append(&path, &[0; 4096]);
    append(&path, &[0xff, b'\n', 0xfe]);
    let journal = FileJournal::open(&path).unwrap();
    assert!(journal.damage().unwrap().contains("last 4099 bytes"));
    assert!(matches!(
        state(&journal, KEY).await,
        Some(State::Started { .. })
    ));
}

#[tokio::test]
async fn a_recovered_session_id_outlasts_what_is_written_after_it() {
    let (_folder, path) = journal_file();
    let (server, lines) = started(&path).await;
    let (client, _) = server.client();
    let cut = &lines[2][..lines[2].len() - 3];
    fs::write(&path, format!("{}\n{}\n{cut}", lines[0], lines[1])).unwrap();
    let journal = FileJournal::open(&path).unwrap();
    client
        .start_once("other", request(), &journal)
        .await
        .unwrap();
    let again = FileJournal::open(&path).unwrap();
    assert_eq!(again.damage(), None);
    let state = state(&again, KEY).await;
    assert!(matches!(state, Some(State::Started { .. })), "{state:?}");
}

#[tokio::test]
async fn a_journal_that_is_removed_emptied_or_replaced_while_it_is_in_use_is_refused() {
    let (_folder, path) = journal_file();
    let (server, lines) = started(&path).await;
    let (client, _) = server.client();
    let open = FileJournal::open(&path).unwrap();
    let before = server.arrived();
    let refused = async |says: &str| {
        for _ in 0..2 {
            let error = client.start_once(KEY, request(), &open).await.unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    };
    fs::remove_file(&path).unwrap();
    refused("removed or emptied").await;
    fs::write(&path, "").unwrap();
    refused("removed or emptied").await;
    FileJournal::open(&path).unwrap();
    refused("replaced by an older one").await;
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    // With a clock that no pause of the calls above moves on while the journal is read.
    let (client, _) = server.client();
    client.start_once(KEY, request(), &open).await.unwrap();
    assert_eq!(triggers(&server), 1);
    assert!(server.arrived() > before);
}

#[tokio::test]
async fn a_whole_line_that_is_not_understood_is_refused_and_stays() {
    let (_folder, path) = journal_file();
    let (server, lines) = started(&path).await;
    let (client, _) = server.client();
    let newer = lines[2].replace("\"started\"", "\"paused\"");
    let text = format!("{}\n{}\n{newer}\n", lines[0], lines[1]);
    fs::write(&path, &text).unwrap();
    let refused = FileJournal::open(&path).unwrap_err().to_string();
    assert!(refused.contains("does not know, line 3"), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    // The highest version is no panic, either.
    let highest = lines[2].replace("\"version\":2", &format!("\"version\":{}", u64::MAX));
    fs::write(&path, format!("{}\n{}\n{highest}\n", lines[0], lines[1])).unwrap();
    FileJournal::open(&path).unwrap_err();
    drop(client);
}

#[tokio::test]
async fn a_folder_of_locks_that_is_removed_is_made_again() {
    let (folder, path) = journal_file();
    let (server, _) = started(&path).await;
    let (client, _) = server.client();
    let journal = FileJournal::open(&path).unwrap();
    fs::remove_dir_all(folder.path().join("runs.jsonl.locks")).unwrap();
    client
        .start_once("other", request(), &journal)
        .await
        .unwrap();
    let found = client.start_once(KEY, request(), &journal).await.unwrap();
    assert_eq!(found.session_id().unwrap().as_str(), SESSION);
}

#[test]
fn arbitrary_content_is_read_or_refused_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.jsonl");
    let head = "{\"journal\":\"dinoai\",\"format\":1,\"generation\":\"a\",\"last\":3}\n";
    let line = "{\"key\":\"k\",\"version\":3,\"at\":\"2026-11-25T02:00:00.000Z\",\"state\":\"started\",\"agentSessionId\":\"a\",\"account\":\"b\",\"request\":{}}\n";
    let whole = format!("{head}{line}{{\"damaged\":0}}\n{line}").into_bytes();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut seed = 7_u64;
    for _ in 0..3_000 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = (seed >> 33) as usize % bytes.len();
            match seed % 4 {
                0 => bytes[place] = (seed >> 40) as u8,
                1 => bytes.truncate(place.max(1)),
                2 => bytes.insert(place, b'\n'),
                _ => drop(bytes.remove(place)),
            }
            if bytes.is_empty() {
                bytes.push(b'{');
            }
        }
        fs::write(&path, &bytes).unwrap();
        if let Ok(journal) = FileJournal::open(&path) {
            // The time that one was stored may be any.
            let _ = runtime.block_on(journal.list());
        }
    }
}
