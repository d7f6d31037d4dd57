//! A server that answers each request as a test says, with TLS or without.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::program::bare;

/// What comes back: the first line without its version, further headers, and the body.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) headers: &'static str,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(status: &'static str, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: "Content-Type: application/json\r\n",
            body: body.into(),
        }
    }

    pub(crate) fn page(status: &'static str) -> Self {
        Self {
            status,
            headers: "Content-Type: text/html\r\n",
            body: "<html>A page</html>".to_owned(),
        }
    }

    fn text(&self) -> String {
        let Self {
            status,
            headers,
            body,
        } = self;
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        )
    }
}

/// A server that answers the body of each request so.
pub(crate) fn answering(answer: impl Fn(&str) -> Answer + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = serve(&mut stream.unwrap(), &answer);
        }
    });
    address
}

/// The same by TLS, with the certificate of the library's tests that is valid and signed by itself.
pub(crate) fn answering_by_tls(answer: impl Fn(&str) -> Answer + Send + 'static) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(certificate("valid")).unwrap()],
            PrivateKeyDer::from_pem_file(certificate("key")).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            let _ = serve(&mut stream, &answer);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    address
}

/// A certificate, or the key, of the library's tests.
pub(crate) fn certificate(name: &str) -> String {
    format!("{}/../../tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"))
}

/// The program with a key for this server.
pub(crate) fn dinoai_at(scheme: &str, address: SocketAddr) -> Command {
    let mut command = bare();
    command
        .env(
            "PARADIME_API_ENDPOINT",
            format!("{scheme}://{address}/graphql"),
        )
        .env("PARADIME_API_KEY", "key")
        .env("PARADIME_API_SECRET", "secret");
    command
}

/// `None` where nothing whole came: it was only a connection.
fn serve(stream: &mut (impl Read + Write), answer: impl Fn(&str) -> Answer) -> Option<()> {
    let request = request(stream)?;
    stream.write_all(answer(&request).text().as_bytes()).ok()?;
    stream.flush().ok()
}

/// The body of a request, once it is whole.
fn request(stream: &mut impl Read) -> Option<String> {
    let mut request = vec![];
    let mut part = [0; 4096];
    loop {
        let length = stream.read(&mut part).ok().filter(|length| *length > 0)?;
        request.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_lowercase();
        let (_, expected) = head.split_once("content-length: ")?;
        let expected: usize = expected.lines().next()?.trim().parse().ok()?;
        if body.len() >= expected {
            return Some(body.to_owned());
        }
    }
}

/// The address of a port on which nothing listens.
pub(crate) fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A server that accepts connections and says this, which is no TLS.
pub(crate) fn saying(words: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(words);
        }
    });
    address
}
