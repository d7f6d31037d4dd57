//! It is a journal, however it is connected to.

use dinoai::journal::conformance::check;
use dinoai_postgres::PostgresJournal;

use crate::support::{Options, PASSWORD, Server, encoded, started, store};

async fn conforms(url: &str) {
    check(async || PostgresJournal::connect(url).await.unwrap()).await;
}

#[tokio::test]
async fn over_tcp() {
    let Some(server) = Server::start() else {
        return;
    };
    conforms(&server.url("postgres", "sslmode=disable")).await;
}

#[tokio::test]
async fn over_tls() {
    let options = Options {
        has_tls: true,
        ..Options::default()
    };
    let Some(server) = Server::with(options) else {
        return;
    };
    let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/ca.pem");
    let parameters = format!("sslmode=verify-full&sslrootcert={}", encoded(ca));
    conforms(&server.url("postgres", &parameters)).await;
}

#[tokio::test]
async fn over_a_socket_of_the_machine() {
    let Some(server) = Server::start() else {
        return;
    };
    let host = encoded(&server.folder().display().to_string());
    let (port, password) = (server.port(), encoded(PASSWORD));
    // As with libpq, sslmode is for TCP.
    conforms(&format!(
        "postgres://postgres:{password}@{host}:{port}/postgres?sslmode=require"
    ))
    .await;
}

#[tokio::test]
async fn where_the_database_takes_any_bytes() {
    let Some(server) = Server::start() else {
        return;
    };
    let admin = server.admin("postgres").await;
    let database = "CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0";
    admin.batch_execute(database).await.unwrap();
    conforms(&server.url("bytes", "")).await;
}

#[tokio::test]
async fn where_the_language_sorts_otherwise() {
    let Some(server) = Server::start() else {
        return;
    };
    let admin = server.admin("postgres").await;
    // A collation that takes many texts for the same.
    let database = "CREATE DATABASE other TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'und-u-ks-level1' \
                    LOCALE 'C'";
    if let Err(error) = admin.batch_execute(database).await {
        println!("skipped: this server has no such collation: {error}");
        return;
    }
    let url = server.url("other", "");
    conforms(&url).await;
    // So that an update of the machine, which may sort otherwise, does no harm to the index.
    let journal = PostgresJournal::connect(&url).await.unwrap();
    for key in ["sorted/b", "sorted/C"] {
        store(&journal, key, &started("a")).await;
    }
    let admin = server.admin("other").await;
    let sorted = "SELECT key FROM dinoai_journal WHERE key LIKE 'sorted/%' ORDER BY key";
    let rows = admin.query(sorted, &[]).await.unwrap();
    let keys: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(keys, ["sorted/C", "sorted/b"]);
}
