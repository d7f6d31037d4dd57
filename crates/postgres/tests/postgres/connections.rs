//! One connection is held, and made again once for all who need it.

use dinoai::journal::Journal;
use dinoai_postgres::PostgresJournal;

use crate::support::{Proxy, Server, find, started, store};

#[tokio::test]
async fn one_that_was_lost_is_made_again_once() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::before(server.port()).await;
    let journal = PostgresJournal::connect(proxy.url("postgres"))
        .await
        .unwrap();
    store(&journal, "key", &started("a")).await;
    for round in 2..6 {
        proxy.cut();
        let calls = (0..20).map(|_| {
            let journal = journal.clone();
            tokio::spawn(async move { find(&journal, "key").await.unwrap() })
        });
        for call in calls.collect::<Vec<_>>() {
            assert_eq!(call.await.unwrap().entry, started("a"));
        }
        assert_eq!(proxy.connections(), round);
    }
}

#[tokio::test]
async fn those_that_the_server_ends_are_made_again() {
    let Some(server) = Server::start() else {
        return;
    };
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    store(&journal, "key", &started("a")).await;
    let admin = server.admin("postgres").await;
    for _ in 0..5 {
        let ended = admin
            .query_one(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE application_name = 'dinoai'",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(ended.get::<_, i64>(0), 1);
        find(&journal, "key").await.unwrap();
    }
}

#[tokio::test]
async fn calls_that_are_dropped_do_no_harm() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::before(server.port()).await;
    let journal = PostgresJournal::connect(proxy.url("postgres"))
        .await
        .unwrap();
    proxy.keep_back();
    proxy.cut();
    // Whoever has begun to connect is gone; the others are not.
    let first = tokio::spawn({
        let journal = journal.clone();
        async move { journal.load("key").await }
    });
    proxy.was_kept_back().await;
    let second = tokio::spawn({
        let journal = journal.clone();
        async move { journal.load("key").await }
    });
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    proxy.let_pass();
    proxy.cut();
    match second.await.unwrap() {
        Ok(found) => assert_eq!(found, None),
        Err(error) => assert!(error.is_transient(), "{error}"),
    }
    store(&journal, "key", &started("a")).await;
}

#[tokio::test]
async fn they_are_closed_with_the_journal() {
    let Some(server) = Server::start() else {
        return;
    };
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    let clone = journal.clone();
    drop(journal);
    store(&clone, "key", &started("a")).await;
    drop(clone);
    let admin = server.admin("postgres").await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dinoai'";
    while admin.query_one(open, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::task::yield_now().await;
    }
}
