//! Certificates, proxies and names that stand in the way are named.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dinoai::time::SystemClock;
use dinoai::{Client, Error, Result};
use tokio_rustls::rustls;

use crate::support::fault_server;
use crate::support::fault_server::{FaultServer, SESSION, client};
use crate::support::operations::READ;
use crate::support::samples::{request, seconds};

/// A server that speaks TLS with the certificate of this name, and the number of connections to
/// it.
///
/// The certificates in `tests/tls` were made with `openssl ca -selfsign` and one key. `valid` is
/// so until 2124; `expired` was valid in January 2020.
async fn tls_server(certificate: &str) -> (String, Arc<AtomicUsize>) {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(certificate_file(certificate)).unwrap()],
            PrivateKeyDer::from_pem_file(certificate_file("key")).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}/graphql", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await.ok()?;
                let mut request = vec![];
                while !request.ends_with(b"}") {
                    stream.read_buf(&mut request).await.ok()?;
                }
                let body = fault_server::good_answer(READ, "COMPLETED").to_string();
                let answer = fault_server::http_response(200, &body);
                stream.write_all(answer.as_bytes()).await.ok()?;
                stream.shutdown().await.ok()
            });
        }
    });
    (endpoint, connections)
}

fn certificate_file(name: &str) -> String {
    format!("{}/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"))
}

fn certificates(names: &[&str]) -> Vec<reqwest::Certificate> {
    names
        .iter()
        .map(|name| {
            let pem = std::fs::read(certificate_file(name)).unwrap();
            reqwest::Certificate::from_pem(&pem).unwrap()
        })
        .collect()
}

/// What comes of a read, a trigger and a follow-up with the same client.
async fn of_every_kind(client: &Client) -> [Result<()>; 3] {
    [
        client.get_run(SESSION).await.map(drop),
        client.trigger_run(request()).await.map(drop),
        client.send_message(SESSION, "go on").await.map(drop),
    ]
}

#[tokio::test]
async fn a_certificate_that_is_trusted_is_no_obstacle() {
    let (endpoint, connections) = tls_server("valid").await;
    let (client, _) = client(&endpoint, |builder| {
        builder
            .request_timeout(seconds(10))
            .connect_timeout(seconds(5))
            .http_client(|http| http.tls_certs_only(certificates(&["valid"])))
    });
    client.get_run(SESSION).await.unwrap();
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_certificate_that_is_refused_is_met_once_and_named() {
    for (certificate, trusted) in [("valid", &[][..]), ("expired", &["expired"])] {
        let (endpoint, connections) = tls_server(certificate).await;
        let (client, clock) = client(&endpoint, |builder| {
            builder
                .request_timeout(seconds(10))
                .connect_timeout(seconds(5))
                .http_client(|http| http.tls_certs_only(certificates(trusted)))
        });
        for result in of_every_kind(&client).await {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
            assert!(
                !error.may_have_started() && !error.is_retryable(),
                "{error:?}"
            );
            let text = error.to_string();
            assert!(text.contains("certificate"), "{text}");
            assert!(!text.contains("check the endpoint's host"), "{text}");
        }
        assert_eq!(connections.load(Ordering::Relaxed), 3, "{certificate}");
        assert!(clock.sleeps().is_empty(), "{certificate}");
    }
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_is_asked_once_and_named() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    std::thread::spawn(move || {
        for mut stream in proxy.incoming().flatten() {
            counted.fetch_add(1, Ordering::Relaxed);
            fault_server::read_request(&mut stream).unwrap();
            let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.write_all(refusal.as_bytes());
        }
    });
    let (client, clock) = client("https://api.example/graphql", |builder| {
        builder
            .request_timeout(seconds(10))
            .connect_timeout(seconds(5))
            .http_client(move |http| http.proxy(reqwest::Proxy::all(&proxy_url).unwrap()))
    });
    for result in of_every_kind(&client).await {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
        assert!(
            !error.may_have_started() && !error.is_retryable(),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.contains("proxy"), "{text}");
        assert!(!text.contains("check the endpoint's host"), "{text}");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 3);
    assert!(clock.sleeps().is_empty());
}

/// A resolver that knows no name.
#[derive(Clone)]
struct KnowsNone(Arc<AtomicUsize>);

impl reqwest::dns::Resolve for KnowsNone {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Err(std::io::Error::other("nothing here").into()) })
    }
}

#[tokio::test]
async fn a_host_that_no_resolver_knows_is_looked_for_again_and_named() {
    let asked = KnowsNone(Arc::default());
    let resolver = asked.clone();
    let (client, clock) = client("https://api.example/graphql", |builder| {
        builder.http_client(move |http| http.no_proxy().dns_resolver(resolver.clone()))
    });
    let error = client.trigger_run(request()).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    assert!(
        error.is_retryable() && !error.may_have_started(),
        "{error:?}"
    );
    assert!(error.to_string().contains("name"), "{error}");
    assert_eq!(
        (asked.0.load(Ordering::Relaxed), clock.sleeps().len()),
        (4, 3)
    );
}

#[tokio::test]
async fn a_timeout_that_leaves_no_time_is_not_blamed_on_the_network() {
    let server = FaultServer::start([]).await;
    let (client, _) = client(&server.endpoint(), |builder| {
        builder.clock(SystemClock::new())
    });
    let wait = client.trigger_run_and_wait(request());
    let error = wait.timeout(Duration::from_nanos(1)).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    assert!(!error.may_have_started());
    let text = error.to_string();
    assert!(text.contains("no time was left"), "{text}");
    assert!(!text.contains("check the endpoint's host"), "{text}");
    assert_eq!(server.arrived(), 0);
}
