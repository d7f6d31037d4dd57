//! No version comes again.

use dinoai::journal::{Journal, Written};
use dinoai_postgres::PostgresJournal;

use crate::support::{Server, done, find, started, store};

#[tokio::test]
async fn not_of_a_key_that_was_deleted() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.url("postgres", "");
    let journal = PostgresJournal::connect(&url).await.unwrap();
    let old = store(&journal, "key", &started("a")).await;
    let admin = server.admin("postgres").await;
    admin
        .batch_execute("DELETE FROM dinoai_journal")
        .await
        .unwrap();
    let new = store(&journal, "key", &started("b")).await;
    assert_ne!(old, new);
    let late = journal
        .store("key", &started("c"), Some(&old))
        .await
        .unwrap();
    assert!(matches!(late, Written::Conflict(Some(_))), "{late:?}");
    let stored = find(&journal, "key").await.unwrap();
    assert_eq!(stored.entry, started("b"));
}

/// A conflict says what the others have made of it, not what was there before.
#[tokio::test]
async fn a_conflict_waits_for_those_who_are_storing() {
    let Some(server) = Server::start() else {
        return;
    };
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    let first = store(&journal, "key", &started("a")).await;
    let mut admin = server.admin("postgres").await;
    let other = admin.transaction().await.unwrap();
    let update = "UPDATE dinoai_journal SET version = DEFAULT RETURNING version::text";
    let row = other.query_one(update, &[]).await.unwrap();
    let storing = tokio::spawn({
        let (journal, first) = (journal.clone(), first.clone());
        async move { journal.store("key", &started("b"), Some(&first)).await }
    });
    server.until_somebody_waits(1).await;
    other.commit().await.unwrap();
    let Written::Conflict(Some(stored)) = storing.await.unwrap().unwrap() else {
        panic!("it was stored over a version that it has not seen");
    };
    assert_eq!(stored.version.as_str(), row.get::<_, &str>(0));
    done(
        journal
            .store("key", &started("c"), Some(&stored.version))
            .await,
    );
}

/// The same of a key that nobody had stored when the call began.
#[tokio::test]
async fn a_claim_waits_for_those_who_are_claiming() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.url("postgres", "");
    let journal = PostgresJournal::connect(url).await.unwrap();
    let mut admin = server.admin("postgres").await;
    let other = admin.transaction().await.unwrap();
    let entry = serde_json::to_string(&started("a")).unwrap();
    let insert =
        "INSERT INTO dinoai_journal VALUES ('key', $1::text::json) RETURNING version::text";
    let row = other.query_one(insert, &[&entry]).await.unwrap();
    // Also the same entry is another's.
    let claims = ["a", "b"].map(|id| {
        let journal = journal.clone();
        tokio::spawn(async move { journal.store("key", &started(id), None).await })
    });
    server.until_somebody_waits(1).await;
    other.commit().await.unwrap();
    for claim in claims {
        let Written::Conflict(Some(stored)) = claim.await.unwrap().unwrap() else {
            panic!("it was stored over what it has not seen");
        };
        assert_eq!(stored.version.as_str(), row.get::<_, &str>(0));
        assert_eq!(stored.entry, started("a"));
    }
}
