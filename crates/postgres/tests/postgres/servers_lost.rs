//! A server that is killed, between calls and during calls.

use std::time::{Duration, Instant};

use dinoai::journal::{Journal, Written};
use dinoai_postgres::PostgresJournal;

use crate::support::{Server, done, find, started, store};

#[tokio::test]
async fn between_calls() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    let mut last = store(&journal, "key", &started("a")).await;
    for round in 0..3 {
        server.kill();
        let error = journal.load("key").await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        let place = format!("localhost:{}/postgres: it cannot be reached", server.port());
        assert!(error.to_string().contains(&place), "{error}");
        server.run_again();
        let stored = find(&journal, "key").await.unwrap();
        assert_eq!(stored.version, last);
        let entry = started(&format!("run-{round}"));
        last = done(journal.store("key", &entry, Some(&last)).await);
    }
}

#[tokio::test]
async fn during_calls() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    for round in 0..3 {
        let mut admin = server.admin("postgres").await;
        let lock = admin.transaction().await.unwrap();
        lock.batch_execute("LOCK TABLE dinoai_journal")
            .await
            .unwrap();
        let calls = (0..10).map(|number| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let key = format!("{round}/{number}");
                journal.store(&key, &started("a"), None).await
            })
        });
        let calls: Vec<_> = calls.collect();
        server.until_somebody_waits(1).await;
        server.kill();
        for call in calls {
            let error = call.await.unwrap().unwrap_err();
            assert!(error.is_transient(), "{error}");
        }
        server.run_again();
        for number in 0..10 {
            let key = format!("{round}/{number}");
            assert_eq!(find(&journal, &key).await, None);
            store(&journal, &key, &started("b")).await;
        }
    }
}

/// Whatever happens to a caller who tries again until it has an answer, nothing is stored twice or lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_any_moment() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    let (says, mut said) = tokio::sync::mpsc::unbounded_channel();
    let storing = tokio::spawn({
        let journal = journal.clone();
        async move {
            let mut keys = 0;
            while !says.is_closed() {
                let (key, entry) = (format!("key-{keys}"), started("a"));
                let mut has_failed = false;
                let start = Instant::now();
                loop {
                    match journal.store(&key, &entry, None).await {
                        Ok(Written::Done { .. }) => break,
                        Ok(Written::Conflict(other)) => {
                            // By a try whose answer was lost.
                            assert!(has_failed, "{key} was stored by nobody: {other:?}");
                            assert_eq!(other.map(|other| other.entry), Some(entry.clone()));
                            break;
                        }
                        Ok(other) => panic!("{other:?}"),
                        Err(error) => {
                            assert!(error.is_transient(), "{error}");
                            let waited = start.elapsed();
                            assert!(waited < Duration::from_secs(40), "{error}");
                            has_failed = true;
                            // It goes on only once the server does.
                            tokio::task::yield_now().await;
                        }
                    }
                }
                keys += 1;
                let _ = says.send(keys);
            }
            keys
        }
    });
    for _ in 0..4 {
        for _ in 0..20 {
            said.recv().await.unwrap();
        }
        server = tokio::task::spawn_blocking(move || {
            server.kill();
            server.run_again();
            server
        })
        .await
        .unwrap();
        while said.try_recv().is_ok() {}
    }
    drop(said);
    let keys = storing.await.unwrap();
    assert_eq!(journal.list().await.unwrap().len(), keys);
}
