//! `sslmode` and `sslrootcert` mean what they mean to libpq. The server's certificate is for `localhost`.

use dinoai_postgres::PostgresJournal;

use crate::support::{Options, PASSWORD, Server, encoded, error_of, started, store};

fn with_tls() -> Option<Server> {
    Server::with(Options {
        has_tls: true,
        ..Options::default()
    })
}

/// The URL with these parameters, and with a certificate of `tests/tls` as `sslrootcert`.
fn url(server: &Server, host: &str, parameters: &str, root: Option<&str>) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");
    let root = root.map(|root| format!("&sslrootcert={}", encoded(&format!("{folder}/{root}"))));
    let root = root.unwrap_or_default();
    let url = server.url("postgres", &format!("{parameters}{root}"));
    url.replace("@localhost:", &format!("@{host}:"))
}

/// Whether the connection is one of TLS.
async fn is_encrypted(server: &Server, url: &str) -> bool {
    let journal = PostgresJournal::connect(url).await.unwrap();
    store(&journal, &format!("key of {url}"), &started("a")).await;
    let admin = server.admin("postgres").await;
    let found = admin
        .query_one(
            "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'dinoai' \
             ORDER BY backend_start DESC LIMIT 1",
            &[],
        )
        .await
        .unwrap();
    found.get(0)
}

#[tokio::test]
async fn the_authority_is_checked_where_it_is_given() {
    let Some(server) = with_tls() else { return };
    for mode in [
        "sslmode=verify-full",
        "sslmode=verify-ca",
        "sslmode=require",
        "sslmode=prefer",
        "",
    ] {
        let good = url(&server, "localhost", mode, Some("ca.pem"));
        assert!(is_encrypted(&server, &good).await, "{mode}");
        let bad = url(&server, "localhost", mode, Some("other-ca.pem"));
        let (error, is_transient) = error_of(&bad).await;
        assert!(
            error.contains("the server's certificate was refused"),
            "{mode}: {error}"
        );
        assert!(
            error.contains("check host, sslmode and sslrootcert"),
            "{mode}: {error}"
        );
        assert!(!is_transient);
    }
}

#[tokio::test]
async fn the_host_is_checked_by_verify_full_alone() {
    let Some(server) = with_tls() else { return };
    for host in ["127.0.0.1", "db.example"] {
        let (error, is_transient) =
            error_of(&url(&server, host, "sslmode=verify-full", Some("ca.pem"))).await;
        assert!(
            error.contains("the server's certificate was refused"),
            "{error}"
        );
        assert!(error.contains("not valid for name"), "{error}");
        assert!(!is_transient);
        for mode in ["sslmode=verify-ca", "sslmode=require"] {
            let url = url(&server, host, mode, Some("ca.pem"));
            assert!(is_encrypted(&server, &url).await, "{mode}");
        }
    }
}

#[tokio::test]
async fn nobody_is_checked_where_nothing_is_given() {
    let Some(server) = with_tls() else { return };
    for mode in ["sslmode=require", "sslmode=prefer", "sslmode=allow", ""] {
        let url = url(&server, "db.example", mode, None);
        assert!(is_encrypted(&server, &url).await, "{mode}");
    }
    let plain = url(&server, "db.example", "sslmode=disable", None);
    assert!(!is_encrypted(&server, &plain).await);
}

#[tokio::test]
async fn the_systems_authorities_do_not_know_the_server() {
    let Some(server) = with_tls() else { return };
    for parameters in [
        "sslrootcert=system",
        "sslmode=verify-full&sslrootcert=system",
        "sslmode=verify-full",
    ] {
        let (error, is_transient) = error_of(&url(&server, "localhost", parameters, None)).await;
        assert!(!error.contains("malformed"), "{error}");
        assert!(error.contains("certificate"), "{error}");
        assert!(!is_transient);
    }
    let weak = url(
        &server,
        "localhost",
        "sslmode=require&sslrootcert=system",
        None,
    );
    assert!(error_of(&weak).await.0.contains("too weak"));
    let none = url(&server, "localhost", "sslmode=verify-ca", None);
    assert!(error_of(&none).await.0.contains("needs sslrootcert"));
}

/// One that is not whom it says is not passed over.
#[tokio::test]
async fn no_other_host_is_asked_instead() {
    let Some(server) = with_tls() else {
        return;
    };
    let url = url(&server, "localhost", "sslmode=verify-full", Some("ca.pem"));
    let two = format!("@db.example:{},localhost:", server.port());
    let url = url.replace("@localhost:", &two);
    let url = url.replace("hostaddr=127.0.0.1", "hostaddr=127.0.0.1,127.0.0.1");
    let (error, is_transient) = error_of(&url).await;
    assert!(error.contains("not valid for name"), "{error}");
    assert!(!is_transient);
}

/// A certificate that no authority has signed can be named itself.
#[tokio::test]
async fn the_servers_own_certificate_can_be_named() {
    let Some(server) = with_tls() else { return };
    let good = url(
        &server,
        "localhost",
        "sslmode=verify-full",
        Some("server.pem"),
    );
    assert!(is_encrypted(&server, &good).await);
    let bad = url(
        &server,
        "db.example",
        "sslmode=verify-full",
        Some("server.pem"),
    );
    assert!(error_of(&bad).await.0.contains("not valid for name"));
}

#[tokio::test]
async fn a_root_certificate_that_is_none() {
    let Some(server) = with_tls() else { return };
    let (error, _) = error_of(&url(&server, "localhost", "", Some("nowhere.pem"))).await;
    assert!(error.contains("nowhere.pem cannot be read"), "{error}");
    let (error, _) = error_of(&url(&server, "localhost", "", Some("server.key"))).await;
    assert!(error.contains("server.key holds no certificate"), "{error}");
}

/// A password is bound to the certificate, so that nobody in between can use it.
#[tokio::test]
async fn channel_binding_works() {
    let Some(server) = with_tls() else { return };
    let bound = "sslmode=require&channel_binding=require";
    assert!(is_encrypted(&server, &url(&server, "localhost", bound, None)).await);
    let without = "sslmode=disable&channel_binding=require";
    let (error, is_transient) = error_of(&url(&server, "localhost", without, None)).await;
    assert!(error.contains("did not use channel binding"), "{error}");
    assert!(!is_transient);
}

#[tokio::test]
async fn a_server_without_tls() {
    let Some(server) = Server::start() else {
        return;
    };
    for mode in ["sslmode=require", "sslmode=verify-full"] {
        let (error, is_transient) =
            error_of(&url(&server, "localhost", mode, Some("ca.pem"))).await;
        assert!(
            error.contains("the server has no TLS, and the URL requires it"),
            "{error}"
        );
        assert!(!is_transient);
    }
    for mode in ["sslmode=prefer", "sslmode=allow", "sslmode=disable", ""] {
        let url = url(&server, "localhost", mode, None);
        assert!(!is_encrypted(&server, &url).await, "{mode}");
    }
}

/// A server that takes nobody without it says so.
#[tokio::test]
async fn a_server_that_requires_tls() {
    let Some(mut server) = with_tls() else { return };
    let rules = server.folder().join("data/pg_hba.conf");
    std::fs::write(
        &rules,
        "local all all scram-sha-256\nhostssl all all all scram-sha-256\n",
    )
    .unwrap();
    server.kill();
    server.run_again();
    let plain = server.url("postgres", "sslmode=disable");
    let (error, is_transient) = error_of(&plain).await;
    assert!(error.contains("user \"postgres\" was refused"), "{error}");
    // In the words of PostgreSQL 14 and up, and of 13.
    let says = ["no encryption", "SSL off"]
        .iter()
        .any(|it| error.contains(it));
    assert!(says, "{error}");
    assert!(!error.contains(PASSWORD) && !is_transient, "{error}");
    PostgresJournal::connect(server.url("postgres", "sslmode=prefer"))
        .await
        .unwrap();
}
