//! What was stored outlasts the server, also where it need not write at once.

use dinoai_postgres::PostgresJournal;

use crate::support::{Options, Server, done, find, started, store};
use dinoai::journal::Journal;

/// Nothing is written by itself before the test has ended.
const LAZY: Options = Options {
    has_tls: false,
    settings: &["synchronous_commit=off", "wal_writer_delay=10s"],
};

#[tokio::test]
async fn an_entry_is_there_after_a_crash() {
    let Some(mut server) = Server::with(LAZY) else {
        return;
    };
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    let first = store(&journal, "claimed", &started("a")).await;
    server.kill();
    server.run_again();
    let stored = find(&journal, "claimed").await.expect("the claim is lost");
    assert_eq!(stored.version, first);

    done(journal.store("claimed", &started("b"), Some(&first)).await);
    server.kill();
    server.run_again();
    let stored = find(&journal, "claimed").await.expect("the key is lost");
    assert_eq!(stored.entry, started("b"), "the last entry is lost");
}

/// The setting is the session's again afterwards.
#[tokio::test]
async fn the_session_is_left_as_it_was() {
    let Some(server) = Server::with(LAZY) else {
        return;
    };
    let admin = server.admin("postgres").await;
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    // Notes the setting at each deletion, at which it is left alone, in the same session.
    admin
        .batch_execute(
            "CREATE TABLE noted (setting text, writes text);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               INSERT INTO noted VALUES (current_setting('synchronous_commit'), TG_OP); RETURN NULL;
             END $$;
             CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON dinoai_journal
               DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();",
        )
        .await
        .unwrap();
    let first = store(&journal, "key", &crate::support::free()).await;
    done(
        journal
            .store("key", &crate::support::free(), Some(&first))
            .await,
    );
    let old = "UPDATE dinoai_journal SET stored_at = now() - interval '91 days'";
    admin.batch_execute(old).await.unwrap();
    journal.list().await.unwrap();
    let noted = "SELECT setting FROM noted ORDER BY ctid";
    let rows = admin.query(noted, &[]).await.unwrap();
    let settings: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    // Insert and update of the journal's, the update here, the deletion of the journal's.
    assert_eq!(settings, ["on", "on", "off", "off"]);
}

/// A server that asks for more than a disk keeps it.
#[tokio::test]
async fn a_stricter_setting_stays() {
    let options = Options {
        settings: &["synchronous_commit=remote_apply"],
        ..LAZY
    };
    let Some(server) = Server::with(options) else {
        return;
    };
    let admin = server.admin("postgres").await;
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    admin
        .batch_execute(
            "CREATE TABLE noted (setting text);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               INSERT INTO noted VALUES (current_setting('synchronous_commit')); RETURN NULL;
             END $$;
             CREATE CONSTRAINT TRIGGER note AFTER INSERT ON dinoai_journal
               DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();",
        )
        .await
        .unwrap();
    store(&journal, "key", &started("a")).await;
    let row = admin
        .query_one("SELECT setting FROM noted", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), "remote_apply");
}
