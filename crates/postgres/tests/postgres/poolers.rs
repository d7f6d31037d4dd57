//! It works through a pooler that gives each transaction another session.

use dinoai::journal::Journal;
use dinoai::journal::conformance::check;
use dinoai_postgres::PostgresJournal;

use crate::support::{Pooler, Server, error_of, started, store};

#[tokio::test]
async fn through_pgbouncer_by_transactions() {
    let Some(server) = Server::start() else {
        return;
    };
    let Some(pooler) = Pooler::before(&server) else {
        return;
    };
    let url = pooler.url("postgres");
    check(async || PostgresJournal::connect(&url).await.unwrap()).await;
    // Several sessions have served it.
    let admin = server.admin("postgres").await;
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%dinoai_journal%' \
                    AND pid <> pg_backend_pid()";
    let row = admin.query_one(sessions, &[]).await.unwrap();
    assert!(row.get::<_, i64>(0) > 1);
}

#[tokio::test]
async fn its_refusals_are_told_by_name() {
    let Some(server) = Server::start() else {
        return;
    };
    let Some(pooler) = Pooler::before(&server) else {
        return;
    };
    let url = pooler.url("postgres");
    let (error, is_transient) = error_of(&url.replace("//postgres:", "//postgres:x")).await;
    assert!(!is_transient, "{error}");
    assert!(error.contains("/postgres: "), "{error}");
    let (error, is_transient) = error_of(&pooler.url("nowhere")).await;
    assert!(!is_transient, "{error}");
    assert!(error.contains("nowhere"), "{error}");
}

/// The server behind it is lost.
#[tokio::test]
async fn its_server_may_be_lost() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let Some(pooler) = Pooler::before(&server) else {
        return;
    };
    let journal = PostgresJournal::connect(pooler.url("postgres"))
        .await
        .unwrap();
    store(&journal, "key", &started("a")).await;
    server.kill();
    server.run_again();
    for _ in 0..100 {
        match journal.load("key").await {
            Ok(found) => return assert_eq!(found.unwrap().entry, started("a")),
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    }
    panic!("the pooler does not find its server again");
}
