//! The table is made once, whoever comes first.

use dinoai::journal::Journal;
use dinoai_postgres::PostgresJournal;

use crate::support::{PASSWORD, Server, encoded, error_of, find, started, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_can_make_it_at_once() {
    let Some(server) = Server::start() else {
        return;
    };
    let admin = server.admin("postgres").await;
    for round in 0..4 {
        let url = server.url("postgres", "");
        let calls = (0..8).map(|number| {
            let url = url.clone();
            tokio::spawn(async move {
                let journal = PostgresJournal::connect(url).await.unwrap();
                store(&journal, &format!("key-{number}"), &started("a")).await;
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
        let count = admin
            .query_one("SELECT count(*) FROM dinoai_journal", &[])
            .await
            .unwrap();
        assert_eq!(count.get::<_, i64>(0), 8, "round {round}");
        admin
            .batch_execute("DROP TABLE dinoai_journal")
            .await
            .unwrap();
    }
}

/// The transaction that makes the table is awaited, and its table used.
#[tokio::test]
async fn a_table_that_is_being_made_is_awaited() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.url("postgres", "");
    drop(PostgresJournal::connect(&url).await.unwrap());
    let mut admin = server.admin("postgres").await;
    let made = "CREATE TABLE copy (LIKE dinoai_journal INCLUDING ALL); DROP TABLE dinoai_journal";
    admin.batch_execute(made).await.unwrap();
    let other = admin.transaction().await.unwrap();
    let rename = "ALTER TABLE copy RENAME TO dinoai_journal";
    other.batch_execute(rename).await.unwrap();
    let connecting = tokio::spawn(PostgresJournal::connect(url));
    server.until_somebody_waits(1).await;
    other.commit().await.unwrap();
    let journal = connecting.await.unwrap().unwrap();
    store(&journal, "key", &started("a")).await;
}

#[tokio::test]
async fn the_table_is_enough_for_who_may_not_make_it() {
    let Some(server) = Server::start() else {
        return;
    };
    let admin = server.admin("postgres").await;
    admin
        .batch_execute(&format!(
            "CREATE ROLE ci LOGIN PASSWORD '{PASSWORD}'; REVOKE CREATE ON SCHEMA public FROM PUBLIC"
        ))
        .await
        .unwrap();
    let (password, port) = (encoded(PASSWORD), server.port());
    let url = format!("postgres://ci:{password}@127.0.0.1:{port}/postgres");
    let (error, is_transient) = error_of(&url).await;
    assert!(error.contains("user \"ci\" has not the rights"), "{error}");
    assert!(!is_transient);

    PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    for rights in ["SELECT", "SELECT, INSERT", "SELECT, UPDATE"] {
        let grant =
            format!("REVOKE ALL ON dinoai_journal FROM ci; GRANT {rights} ON dinoai_journal TO ci");
        admin.batch_execute(&grant).await.unwrap();
        let (error, is_transient) = error_of(&url).await;
        assert!(error.contains("user \"ci\" has not the rights"), "{error}");
        assert!(!is_transient);
    }
    // Without DELETE nothing is forgotten, and all else works.
    let grant = "GRANT SELECT, INSERT, UPDATE ON dinoai_journal TO ci";
    admin.batch_execute(grant).await.unwrap();
    let journal = PostgresJournal::connect(&url).await.unwrap();
    let first = store(&journal, "key", &started("a")).await;
    journal
        .store("key", &started("b"), Some(&first))
        .await
        .unwrap();
    let stored = find(&journal, "key").await.unwrap();
    assert_eq!(stored.entry, started("b"));
    assert_eq!(journal.list().await.unwrap().len(), 1);

    // Rights that are taken later.
    admin
        .batch_execute("REVOKE UPDATE ON dinoai_journal FROM ci")
        .await
        .unwrap();
    let error = journal
        .store("key", &started("c"), Some(&first))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("GRANT SELECT, INSERT"),
        "{error}"
    );
    assert!(!error.is_transient());
}
