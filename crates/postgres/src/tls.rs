//! [`Connector`]: TLS for tokio-postgres by rustls, which checks what `sslmode` and `sslrootcert` say.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use dinoai::journal::JournalError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature,
    verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::config::SslNegotiation;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use crate::certificate::end_point;
use crate::url::{Parts, SslMode, malformed};

/// Makes TLS connections.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Arc<ClientConfig>,
}

impl Connector {
    /// As a URL says.
    pub(crate) fn of(parts: &Parts) -> Result<Self, JournalError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = verifier(parts, &provider)?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(no_tls)?;
        let mut config = config
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        if parts.config.get_ssl_negotiation() == SslNegotiation::Direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(Self {
            config: Arc::new(config),
        })
    }
}

fn no_tls(error: rustls::Error) -> JournalError {
    JournalError::unusable(format!(
        "TLS cannot be used on this machine: {error}; use sslmode=disable if the network is trusted"
    ))
}

fn verifier(
    parts: &Parts,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, JournalError> {
    let root = parts.root_certificate.as_deref();
    let is_system = match (root, parts.ssl_mode) {
        (Some("system"), None | Some(SslMode::VerifyFull)) => true,
        (Some("system"), Some(_)) => {
            return Err(malformed(
                "sslrootcert=system is too weak with an sslmode other than verify-full: use that",
            ));
        }
        // Stricter than what libpq takes in place of a file that is not given.
        (None, Some(SslMode::VerifyFull)) => true,
        (None, Some(SslMode::VerifyCa)) => {
            return Err(malformed(
                "sslmode=verify-ca needs sslrootcert, the path of a PEM file; or use sslmode=verify-full",
            ));
        }
        _ => false,
    };
    if is_system {
        let system = rustls_platform_verifier::Verifier::new(provider.clone()).map_err(no_tls)?;
        return Ok(Arc::new(system));
    }
    let roots = match root {
        Some(path) if parts.ssl_mode != Some(SslMode::Disable) => Some(Roots::read(path)?),
        _ => None,
    };
    Ok(Arc::new(Verifier {
        roots,
        checks_name: parts.ssl_mode == Some(SslMode::VerifyFull),
        algorithms: provider.signature_verification_algorithms,
    }))
}

/// The certificates of a file.
#[derive(Debug)]
struct Roots {
    store: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
}

impl Roots {
    fn read(path: &str) -> Result<Self, JournalError> {
        let unusable = |problem: &str| {
            JournalError::unusable(format!(
                "sslrootcert {path} {problem}; name a PEM file of certificates in the URL"
            ))
        };
        let pem =
            std::fs::read(path).map_err(|error| unusable(&format!("cannot be read: {error}")))?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let certificates =
            certificates.map_err(|error| unusable(&format!("is damaged: {error}")))?;
        if certificates.is_empty() {
            return Err(unusable("holds no certificate"));
        }
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates.iter().cloned());
        Ok(Self {
            store,
            certificates,
        })
    }
}

/// Checks a server's certificate as far as it is asked for.
#[derive(Debug)]
struct Verifier {
    /// Whose certificates are trusted; `None`: anybody's.
    roots: Option<Roots>,
    checks_name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(roots) = &self.roots else {
            return Ok(ServerCertVerified::assertion());
        };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        // A server's own certificate may be named as the one to trust, as with libpq.
        let is_named = roots.certificates.iter().any(|it| it == end_entity);
        if !is_named {
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                &roots.store,
                intermediates,
                now,
                self.algorithms.all,
            )?;
        }
        if self.checks_name {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl MakeTlsConnect<Socket> for Connector {
    type Stream = Stream;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Handshake> {
        // A host with a dot at its end is the same host.
        let name = ServerName::try_from(host.trim_end_matches('.').to_owned());
        Ok(Handshake {
            connector: TlsConnector::from(self.config.clone()),
            name,
        })
    }
}

/// A connection of TLS that is to be made.
pub(crate) struct Handshake {
    connector: TlsConnector,
    name: Result<ServerName<'static>, rustls::pki_types::InvalidDnsNameError>,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let name = self.name.map_err(io::Error::other)?;
            let stream = self.connector.connect(name, socket).await?;
            Ok(Stream(Box::new(stream)))
        })
    }
}

/// A connection of TLS.
pub(crate) struct Stream(Box<tokio_rustls::client::TlsStream<Socket>>);

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        let (_, session) = self.0.get_ref();
        let certificates = session.peer_certificates().unwrap_or_default();
        match certificates.first().and_then(|first| end_point(first)) {
            Some(hash) => ChannelBinding::tls_server_end_point(hash),
            None => ChannelBinding::none(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connector").finish_non_exhaustive()
    }
}
