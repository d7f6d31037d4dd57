//! Keys whose time is over are forgotten, and no others.

use std::collections::BTreeSet;

use dinoai::journal::Journal;
use dinoai_postgres::PostgresJournal;

use crate::support::{Server, ended, free, started, store};

/// Stores keys of all kinds, of which some are too old to be kept.
async fn fill(server: &Server, journal: &PostgresJournal) -> tokio_postgres::Client {
    for age in ["old", "new"] {
        store(journal, &format!("{age}/ended"), &ended("a")).await;
        store(journal, &format!("{age}/free"), &free()).await;
        store(journal, &format!("{age}/started"), &started("a")).await;
        let claimed = serde_json::json!({
            "state": "claimed", "owner": "1-2", "leaseSeconds": 150, "account": "", "request": {}
        });
        let claimed = serde_json::from_value(claimed).unwrap();
        store(journal, &format!("{age}/claimed"), &claimed).await;
        let unknown = serde_json::json!({
            "state": "unknown", "owner": "1-2", "since": "2026-11-25T02:00:00.000Z", "reason": "",
            "account": "", "request": {}
        });
        let unknown = serde_json::from_value(unknown).unwrap();
        store(journal, &format!("{age}/unknown"), &unknown).await;
    }
    let admin = server.admin("postgres").await;
    let age = "UPDATE dinoai_journal SET stored_at = stored_at - CASE WHEN key LIKE 'old/%' \
               THEN interval '91 days' ELSE interval '89 days' END";
    admin.batch_execute(age).await.unwrap();
    admin
}

fn all_but_over() -> BTreeSet<String> {
    let all = ["old/started", "old/claimed", "old/unknown"]
        .into_iter()
        .chain([
            "new/ended",
            "new/free",
            "new/started",
            "new/claimed",
            "new/unknown",
        ]);
    all.map(str::to_owned).collect()
}

async fn there_are(admin: &tokio_postgres::Client) -> BTreeSet<String> {
    let rows = admin
        .query("SELECT key FROM dinoai_journal", &[])
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn by_the_list() {
    let Some(server) = Server::start() else {
        return;
    };
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    let admin = fill(&server, &journal).await;
    let listed = journal.list().await.unwrap();
    let listed: BTreeSet<_> = listed.into_iter().map(|(key, _)| key).collect();
    assert_eq!(listed, all_but_over());
    assert_eq!(there_are(&admin).await, all_but_over());
}

#[tokio::test]
async fn by_connecting() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.url("postgres", "");
    let journal = PostgresJournal::connect(&url).await.unwrap();
    let admin = fill(&server, &journal).await;
    PostgresJournal::connect(&url).await.unwrap();
    assert_eq!(there_are(&admin).await, all_but_over());
}

/// One that is stored again in between is kept.
#[tokio::test]
async fn not_what_was_stored_again() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.url("postgres", "");
    let journal = PostgresJournal::connect(&url).await.unwrap();
    store(&journal, "key", &free()).await;
    let mut admin = server.admin("postgres").await;
    let age = "UPDATE dinoai_journal SET stored_at = now() - interval '91 days'";
    admin.batch_execute(age).await.unwrap();
    let claim = admin.transaction().await.unwrap();
    let claimed = "UPDATE dinoai_journal SET version = DEFAULT, stored_at = now()";
    claim.batch_execute(claimed).await.unwrap();
    let listing = tokio::spawn(async move { journal.list().await.unwrap() });
    server.until_somebody_waits(1).await;
    claim.commit().await.unwrap();
    listing.await.unwrap();
    assert_eq!(there_are(&admin).await.len(), 1);
}
