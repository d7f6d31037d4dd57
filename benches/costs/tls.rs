//! TLS for the server, with the certificates of the tests.

use std::net::TcpStream;
use std::sync::Arc;

use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::server::Stream;

/// For 127.0.0.1.
pub(crate) const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/valid.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/key.pem");

/// Makes connections of TLS.
pub(crate) fn wrap() -> Box<dyn Fn(TcpStream) -> Box<dyn Stream> + Send + Sync> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificate = CertificateDer::from_pem_file(CERTIFICATE).expect("the certificate is there");
    let key = PrivateKeyDer::from_pem_file(KEY).expect("the key is there");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("key and certificate fit");
    let config = Arc::new(config);
    Box::new(move |stream| {
        let connection = rustls::ServerConnection::new(config.clone()).expect("a connection");
        Box::new(rustls::StreamOwned::new(connection, stream))
    })
}

/// What a client has to trust.
pub(crate) fn trusted() -> Vec<reqwest::Certificate> {
    let pem = std::fs::read(CERTIFICATE).expect("the certificate is there");
    vec![reqwest::Certificate::from_pem(&pem).expect("it is one")]
}
