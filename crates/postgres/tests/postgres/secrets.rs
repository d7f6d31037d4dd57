//! The password is in no error and in no `Debug`, whatever goes wrong.

use std::error::Error;
use std::process::Command;

use dinoai::journal::{Journal, JournalError};
use dinoai_postgres::PostgresJournal;

use crate::support::{Options, PASSWORD, Server, encoded, find, started, store};

/// All texts of an error and of what is underneath.
fn texts(error: &JournalError) -> String {
    let mut texts = format!("{error} {error:?} {error:#?}");
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push_str(&format!(" {cause} {cause:?} {cause:#?}"));
        next = cause.source();
    }
    texts
}

#[track_caller]
fn hides(text: &str) {
    assert!(!text.contains("canary"), "{text}");
    assert!(!text.contains(&encoded(PASSWORD)), "{text}");
}

#[tokio::test]
async fn the_password_is_in_no_text() {
    let options = Options {
        has_tls: true,
        ..Options::default()
    };
    let Some(mut server) = Server::with(options) else {
        return;
    };
    let url = server.url("postgres", "");
    let journal = PostgresJournal::connect(&url).await.unwrap();
    hides(&format!("{journal:?} {journal:#?}"));
    let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/other-ca.pem");
    let wrong_ca = format!("sslmode=verify-full&sslrootcert={}", encoded(ca));
    for url in [
        url.replace("//postgres:", "//postgres:x"),
        url.replace("//postgres:", "//nobody:"),
        url.replace("/postgres?", "/nowhere?"),
        url.replace("localhost:", "localhost:1"),
        url.replace("hostaddr=127.0.0.1", "hostaddr=nowhere"),
        server.url("postgres", "sslmode=no"),
        server.url("postgres", "sslrootcert=/nowhere"),
        server.url("postgres", "connect_timeout=soon"),
        server.url("postgres", "sslmode=verify-full"),
        server.url("postgres", "options=-c%20no_such=1"),
        server.url("postgres", &wrong_ca),
    ] {
        hides(&texts(&PostgresJournal::connect(url).await.unwrap_err()));
    }
    server.kill();
    let error = journal.store("key", &started("a"), None).await.unwrap_err();
    hides(&texts(&error));
    hides(&texts(&journal.load("key").await.unwrap_err()));
    hides(&format!("{journal:?}"));
}

/// A process of its own has the password in its environment.
#[test]
fn the_password_of_the_environment_is_used() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port());
    let name = "secrets::in_another_process";
    let said = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--ignored", "--nocapture"])
        .env("PGPASSWORD", PASSWORD)
        .env("TEST_URL", url)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "only as a process of another test"]
async fn in_another_process() {
    let Ok(url) = std::env::var("TEST_URL") else {
        return;
    };
    let journal = PostgresJournal::connect(url).await.unwrap();
    store(&journal, "key", &started("a")).await;
    find(&journal, "key").await.unwrap();
    hides(&format!("{journal:?}"));
}
