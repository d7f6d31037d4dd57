//! What a failure of PostgreSQL's is to the caller of a journal: whether it may pass, and what to do.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use dinoai::journal::JournalError;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::address::Name;
use crate::table::TABLE;

impl Name {
    /// What may pass by itself.
    pub(crate) fn unavailable(&self, problem: &str) -> JournalError {
        JournalError::unavailable(format!("the journal on {}: {problem}", self.place))
    }

    /// What somebody has to change.
    pub(crate) fn unusable(&self, problem: &str) -> JournalError {
        JournalError::unusable(format!("the journal on {}: {problem}", self.place))
    }

    /// A failure of the connection, or of a statement.
    pub(crate) fn failed(&self, error: Error) -> JournalError {
        let failed = match (error.as_db_error(), tls_error(&error)) {
            (Some(db), _) => self.refused(db),
            (None, Some(tls)) => self.unusable(&match tls {
                rustls::Error::InvalidCertificate(_) => format!(
                    "the server's certificate was refused: {tls}; check host, sslmode and sslrootcert in the \
                     URL"
                ),
                other => format!("TLS failed: {other}; check sslmode in the URL, and the server"),
            }),
            (None, None) => self.broken(&error),
        };
        failed.with_source(Arc::new(error))
    }

    /// A failure without an error of the server's.
    fn broken(&self, error: &Error) -> JournalError {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        let io = error.source().and_then(|it| it.downcast_ref::<io::Error>());
        // The library shows its kinds as text alone.
        match (error.to_string().as_str(), io) {
            ("error performing TLS handshake", None) if cause.contains("does not support TLS") => {
                self.unusable(
                    "the server has no TLS, and the URL requires it; turn it on there (ssl = on), or use \
                     sslmode=disable if the network is trusted",
                )
            }
            ("error performing TLS handshake", None) => self.unusable(&format!(
                "TLS failed: {cause}; check host and sslmode in the URL"
            )),
            ("invalid configuration", _) if cause == "password missing" => self.unusable(
                "the server asks for a password; write one into the URL, or set PGPASSWORD",
            ),
            ("invalid configuration" | "authentication error", _) => {
                self.unusable(&format!("{cause}; check the URL"))
            }
            ("error connecting to server", Some(io))
                if io.kind() == io::ErrorKind::PermissionDenied
                    && cause.contains("does not allow writes") =>
            {
                self.read_only()
            }
            ("error connecting to server", _) => self.unavailable(&format!(
                "it cannot be reached: {cause}; check that it runs, and host and port in the URL"
            )),
            ("connection closed" | "error communicating with the server", _) => {
                let cause = if cause.is_empty() {
                    cause
                } else {
                    format!(": {cause}")
                };
                self.unavailable(&format!("the connection was lost{cause}; try again"))
            }
            (other, _) => self.unavailable(&format!(
                "{other}: {cause}; check that the port is PostgreSQL's, then try again"
            )),
        }
    }

    fn read_only(&self) -> JournalError {
        self.unavailable(
            "the server takes no writes: it is a standby, or read-only; name the primary in the URL, or \
             several hosts, of which the one that takes writes is used",
        )
    }

    /// An error of the server's, or of a pooler's.
    fn refused(&self, error: &DbError) -> JournalError {
        let (code, message, user) = (error.code(), error.message(), &self.user);
        match code.code().get(..2).unwrap_or_default() {
            _ if *code == SqlState::INVALID_PASSWORD => self.unusable(&format!(
                "the password for user {user:?} was refused; check the URL"
            )),
            "28" => self.unusable(&format!(
                "user {user:?} was refused: {message}; check the URL, and pg_hba.conf on the server"
            )),
            "3D" => self.unusable(&format!(
                "there is no database {:?}; check the URL, or create it",
                self.database
            )),
            // PgBouncer's, which has one code for everything.
            "08" if is_poolers_refusal(message) => {
                self.unusable(&format!("{message}; check the URL, and the pooler"))
            }
            _ if *code == SqlState::READ_ONLY_SQL_TRANSACTION => self.read_only(),
            _ if *code == SqlState::INSUFFICIENT_PRIVILEGE => self.unusable(&format!(
                "user {user:?} has not the rights: {message}; the owner of {TABLE} can GRANT SELECT, INSERT, \
                 UPDATE, DELETE ON {TABLE}, and whoever may create tables in the schema can make it"
            )),
            _ if *code == SqlState::UNDEFINED_TABLE => self.unusable(&format!(
                "the table {TABLE} is gone, and all keys with it; to make it anew, start again"
            )),
            "57" if code.code().starts_with("57P") => self.unavailable(&format!(
                "the server is starting up or shutting down: {message}; try again"
            )),
            "08" | "25" | "40" | "53" | "55" | "57" | "58" | "XX" => {
                self.unavailable(&format!("{message}; try again"))
            }
            _ => self.unusable(&format!(
                "{message} (SQLSTATE {}); check the table {TABLE}",
                code.code()
            )),
        }
    }
}

/// Whether a pooler's error is about the URL.
fn is_poolers_refusal(message: &str) -> bool {
    let about_the_url = [
        "no such database",
        "no such user",
        "password authentication failed",
        "SASL authentication failed",
        "unsupported startup parameter",
        "not allowed",
    ];
    about_the_url.iter().any(|it| message.contains(it))
}

/// The error of TLS underneath, if there is one.
fn tls_error(error: &Error) -> Option<&rustls::Error> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref() {
            return Some(tls);
        }
        let io = cause.downcast_ref::<io::Error>();
        if let Some(tls) = io.and_then(|io| io.get_ref()?.downcast_ref()) {
            return Some(tls);
        }
        next = cause.source();
    }
    None
}

/// Whether the connection was lost, so that another one may do.
pub(crate) fn is_lost(error: &Error) -> bool {
    let shuts_down = error
        .code()
        .is_some_and(|code| code.code().starts_with("57P"));
    let is_io = error.source().is_some_and(|it| it.is::<io::Error>());
    error.is_closed() || shuts_down || is_io
}

/// Whether the server takes no writes, so that another one may be the primary by now.
pub(crate) fn is_read_only(error: &Error) -> bool {
    error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
}
