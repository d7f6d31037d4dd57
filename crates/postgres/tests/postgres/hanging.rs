//! Every call ends by itself. The clock stands still in these tests until what hangs has begun to, and then
//! goes on at once to when something happens.

use std::net::Ipv4Addr;
use std::time::Duration;

use dinoai::journal::{Journal, JournalError};
use dinoai_postgres::PostgresJournal;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, pause, resume};

use crate::support::{Proxy, Server, find, started, store};

/// What comes of a call that hangs, and after how long.
async fn outcome<T>(call: JoinHandle<Result<T, JournalError>>) -> (JournalError, Duration) {
    pause();
    let start = Instant::now();
    let error = call.await.unwrap().err().expect("an answer");
    let waited = start.elapsed();
    resume();
    (error, waited)
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgres://u@127.0.0.1:{port}/runs");
    let connecting = tokio::spawn(PostgresJournal::connect(url));
    let _socket = listener.accept().await.unwrap();
    let (error, waited) = outcome(connecting).await;
    assert!(waited < Duration::from_millis(10_100), "{waited:?}");
    assert!(error.is_transient());
    let text = error.to_string();
    assert!(
        text.contains(&format!("127.0.0.1:{port}/runs: it has not answered")),
        "{text}"
    );
}

#[tokio::test]
async fn the_next_host_is_asked_where_one_says_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let silent = listener.local_addr().unwrap().port();
    let url = server.url("postgres", "connect_timeout=1");
    let url = url.replace("@localhost:", &format!("@localhost:{silent},localhost:"));
    let url = url.replace("127.0.0.1", "127.0.0.1,127.0.0.1");
    let start = Instant::now();
    let journal = PostgresJournal::connect(url).await.unwrap();
    let waited = start.elapsed();
    assert!(waited < Duration::from_secs(4), "{waited:?}");
    store(&journal, "key", &started("a")).await;
    let (_socket, _) = listener.accept().await.unwrap();
}

#[tokio::test]
async fn a_statement_that_hangs_is_given_up_with_its_connection() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::before(server.port()).await;
    let journal = PostgresJournal::connect(proxy.url("postgres"))
        .await
        .unwrap();
    proxy.keep_back();
    let storing = tokio::spawn({
        let journal = journal.clone();
        async move { journal.store("key", &started("a"), None).await }
    });
    proxy.was_kept_back().await;
    let (error, waited) = outcome(storing).await;
    assert!((9..=10).contains(&waited.as_secs()), "{waited:?}");
    assert!(error.is_transient());
    let text = error.to_string();
    assert!(
        text.contains("the server has not answered within 10 s"),
        "{text}"
    );
    proxy.let_pass();
    assert_eq!(find(&journal, "key").await, None);
}

/// It is not done later, when nobody knows of it any more.
#[tokio::test]
async fn a_statement_that_was_given_up_is_cancelled() {
    let Some(server) = Server::start() else {
        return;
    };
    let journal = PostgresJournal::connect(server.url("postgres", ""))
        .await
        .unwrap();
    let mut admin = server.admin("postgres").await;
    let lock = admin.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE dinoai_journal")
        .await
        .unwrap();
    let storing = tokio::spawn({
        let journal = journal.clone();
        async move { journal.store("key", &started("a"), None).await }
    });
    server.until_somebody_waits(1).await;
    let (error, _) = outcome(storing).await;
    assert!(error.to_string().contains("locked the table"), "{error}");
    server.until_somebody_waits(0).await;
    lock.commit().await.unwrap();
    assert_eq!(find(&journal, "key").await, None);
}

/// Also where connecting takes most of the time.
#[tokio::test]
async fn a_call_ends_in_time_whatever_it_waits_for() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::before(server.port()).await;
    let url = proxy.url("postgres");
    let journal = PostgresJournal::connect(url).await.unwrap();
    let mut admin = server.admin("postgres").await;
    let lock = admin.transaction().await.unwrap();
    let all = "LOCK TABLE dinoai_journal";
    lock.batch_execute(all).await.unwrap();
    proxy.delay(true);
    proxy.cut();
    let start = Instant::now();
    let loading = tokio::spawn({
        let journal = journal.clone();
        async move { journal.load("key").await }
    });
    while proxy.connections() < 2 {
        proxy.was_kept_back().await;
    }
    pause();
    advance(Duration::from_secs(8)).await;
    resume();
    proxy.delay(false);
    server.until_somebody_waits(1).await;
    let (error, _) = outcome(loading).await;
    assert!(error.is_transient(), "{error}");
    let waited = start.elapsed();
    assert!((14..16).contains(&waited.as_secs()), "{waited:?}");
}

/// A connection that is never made.
#[tokio::test]
async fn a_call_that_has_to_connect_ends_in_time() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::before(server.port()).await;
    let journal = PostgresJournal::connect(proxy.url("postgres"))
        .await
        .unwrap();
    proxy.keep_back();
    proxy.cut();
    let loading = tokio::spawn({
        let journal = journal.clone();
        async move { journal.load("key").await }
    });
    proxy.was_kept_back().await;
    let (error, waited) = outcome(loading).await;
    assert!(waited < Duration::from_millis(15_100), "{waited:?}");
    assert!(error.is_transient(), "{error}");
    proxy.let_pass();
    store(&journal, "key", &started("a")).await;
}
