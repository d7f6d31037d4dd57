//! Each call is one round trip, and leaves no statement behind.

use dinoai::journal::{Journal, Version, Written};
use dinoai_postgres::PostgresJournal;

use crate::support::{Proxy, Server, done, ended, started};

#[tokio::test]
async fn each_call_is_one() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::before(server.port()).await;
    let journal = PostgresJournal::connect(proxy.url("postgres"))
        .await
        .unwrap();
    let mut before = proxy.requests();
    let mut one = |what: &str| {
        let (was, now) = (before, proxy.requests());
        before = now;
        assert_eq!(now - was, 1, "round trips of {what}");
    };

    let first = done(journal.store("key", &started("a"), None).await);
    one("a claim");
    let taken = journal.store("key", &started("b"), None).await.unwrap();
    one("a claim of a key that is taken");
    assert!(matches!(taken, Written::Conflict(Some(other)) if other.version == first));
    let second = done(journal.store("key", &ended("a"), Some(&first)).await);
    one("the next entry");
    let taken = journal
        .store("key", &ended("b"), Some(&first))
        .await
        .unwrap();
    one("the next entry over an old one");
    assert!(matches!(taken, Written::Conflict(Some(other)) if other.version == second));
    let other = Version::new("a version of another journal");
    let taken = journal
        .store("key", &ended("b"), Some(&other))
        .await
        .unwrap();
    one("an entry over a version that is no number");
    assert!(matches!(taken, Written::Conflict(Some(other)) if other.version == second));
    let nothing = journal
        .store("other", &ended("b"), Some(&first))
        .await
        .unwrap();
    one("an entry over nothing");
    assert!(matches!(nothing, Written::Conflict(None)));
    journal.load("key").await.unwrap().unwrap();
    one("a look");
    journal.list().await.unwrap();
    one("the list");

    assert_eq!(proxy.named_statements(), 0);
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn calls_do_not_wait_for_each_other() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::before(server.port()).await;
    let journal = PostgresJournal::connect(proxy.url("postgres"))
        .await
        .unwrap();
    let before = proxy.requests();
    proxy.keep_back();
    let calls = (0..5).map(|number| {
        let journal = journal.clone();
        tokio::spawn(async move { journal.load(&format!("key-{number}")).await })
    });
    let calls: Vec<_> = calls.collect();
    // All are on their way though none is answered.
    while proxy.requests() < before + 5 {
        proxy.was_kept_back().await;
    }
    calls.iter().for_each(tokio::task::JoinHandle::abort);
}
