//! What somebody has to change is refused by name.

use std::net::{Ipv4Addr, TcpListener};

use dinoai::journal::Journal;
use dinoai_postgres::PostgresJournal;

use crate::support::{PASSWORD, Server, done, encoded, error_of, started, store};

/// Refused for good, with all of these words.
async fn refused(url: &str, words: &[&str]) {
    let (error, is_transient) = error_of(url).await;
    assert!(!is_transient, "{error}");
    for word in words {
        assert!(error.contains(word), "no {word:?} in: {error}");
    }
}

#[tokio::test]
async fn a_wrong_password() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server
        .url("postgres", "")
        .replace("//postgres:", "//postgres:x");
    let place = format!("localhost:{}/postgres", server.port());
    let problem = "the password for user \"postgres\" was refused; check the URL";
    refused(&url, &[&place, problem]).await;
    let url = server
        .url("postgres", "")
        .replace("//postgres:", "//nobody:");
    refused(&url, &[&place, "user \"nobody\" was refused"]).await;
}

#[tokio::test]
async fn no_password() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port());
    refused(&url, &["asks for a password", "PGPASSWORD"]).await;
}

#[tokio::test]
async fn no_such_database() {
    let Some(server) = Server::start() else {
        return;
    };
    let place = format!("localhost:{}/nowhere", server.port());
    let problem = "there is no database \"nowhere\"; check the URL, or create it";
    refused(&server.url("nowhere", ""), &[&place, problem]).await;
}

#[tokio::test]
async fn a_user_who_may_not_come_in() {
    let Some(server) = Server::start() else {
        return;
    };
    let admin = server.admin("postgres").await;
    let role = format!("CREATE ROLE ci NOLOGIN PASSWORD '{PASSWORD}'");
    admin.batch_execute(&role).await.unwrap();
    let url = server.url("postgres", "").replace("//postgres:", "//ci:");
    refused(
        &url,
        &["user \"ci\" was refused", "not permitted to log in"],
    )
    .await;
}

#[tokio::test]
async fn another_format() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.url("postgres", "");
    PostgresJournal::connect(&url).await.unwrap();
    let admin = server.admin("postgres").await;
    let rename = |from, to| {
        format!(
            "ALTER TABLE dinoai_journal RENAME CONSTRAINT dinoai_journal_{from} TO dinoai_journal_{to}"
        )
    };
    let newer = rename("format_1", "format_12");
    admin.batch_execute(&newer).await.unwrap();
    let problem = "is of format 12, and this version of dinoai-postgres knows formats up to 1 only";
    refused(&url, &[problem, "use a newer version"]).await;
    let none = rename("format_12", "other");
    admin.batch_execute(&none).await.unwrap();
    refused(&url, &["its table dinoai_journal is not a journal's"]).await;
    admin
        .batch_execute("DROP TABLE dinoai_journal; CREATE TABLE dinoai_journal (key text)")
        .await
        .unwrap();
    refused(&url, &["its table dinoai_journal is not a journal's"]).await;
}

#[tokio::test]
async fn an_encoding_without_all_characters() {
    let Some(server) = Server::start() else {
        return;
    };
    let admin = server.admin("postgres").await;
    let database = "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0";
    admin.batch_execute(database).await.unwrap();
    refused(&server.url("latin", ""), &["is encoded in LATIN1"]).await;
}

#[tokio::test]
async fn an_entry_that_is_none() {
    let Some(server) = Server::start() else {
        return;
    };
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    store(&journal, "key", &started("a")).await;
    let admin = server.admin("postgres").await;
    admin
        .batch_execute("UPDATE dinoai_journal SET entry = '{}'")
        .await
        .unwrap();
    for error in [
        journal.load("key").await.unwrap_err(),
        journal.list().await.unwrap_err(),
        journal.store("key", &started("b"), None).await.unwrap_err(),
    ] {
        assert!(
            error
                .to_string()
                .contains("stored for key \"key\" is no entry"),
            "{error}"
        );
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn a_table_that_is_gone() {
    let Some(server) = Server::start() else {
        return;
    };
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    let admin = server.admin("postgres").await;
    admin
        .batch_execute("DROP TABLE dinoai_journal")
        .await
        .unwrap();
    let error = journal.store("key", &started("a"), None).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the table dinoai_journal is gone"),
        "{error}"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_server_that_takes_no_writes_may_take_them_later() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.url("postgres", "");
    let journal = PostgresJournal::connect(&url).await.unwrap();
    let first = store(&journal, "key", &started("a")).await;
    let admin = server.admin("postgres").await;
    let set = |value| format!("ALTER ROLE postgres SET default_transaction_read_only = {value}");
    admin.batch_execute(&set("on")).await.unwrap();
    let reader = PostgresJournal::connect(&url).await.unwrap();
    reader.load("key").await.unwrap().unwrap();
    let error = reader
        .store("key", &started("b"), Some(&first))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("takes no writes: it is a standby"),
        "{error}"
    );
    assert!(error.is_transient());
    let only = server.url("postgres", "target_session_attrs=read-write");
    let (error, is_transient) = error_of(&only).await;
    assert!(error.contains("takes no writes"), "{error}");
    assert!(is_transient);

    // The next call asks anew who takes writes.
    let off = format!("SET transaction_read_only = off; {}", set("off"));
    admin.batch_execute(&off).await.unwrap();
    done(reader.store("key", &started("b"), Some(&first)).await);
}

#[tokio::test]
async fn a_server_that_is_not_there_may_come() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let secret = encoded(PASSWORD);
    let url = format!("postgres://ci:{secret}@127.0.0.1:{port},127.0.0.1:{port}/runs");
    let (error, is_transient) = error_of(&url).await;
    assert!(is_transient, "{error}");
    let place = format!("the journal on 127.0.0.1:{port}/runs: it cannot be reached");
    assert_eq!(error.matches(&place).count(), 2, "{error}");
}

#[tokio::test]
async fn too_many_connections_may_end() {
    let Some(server) = Server::start() else {
        return;
    };
    let admin = server.admin("postgres").await;
    let limit = "CREATE DATABASE narrow CONNECTION LIMIT 0";
    admin.batch_execute(limit).await.unwrap();
    let role = format!("CREATE ROLE ci LOGIN PASSWORD '{PASSWORD}'");
    admin.batch_execute(&role).await.unwrap();
    let url = server.url("narrow", "").replace("//postgres:", "//ci:");
    let (error, is_transient) = error_of(&url).await;
    assert!(error.contains("too many connections"), "{error}");
    assert!(is_transient);
}
