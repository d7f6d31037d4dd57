//! Takes a URL apart: what is ours of it, and what is tokio-postgres's. Its errors show no part of a URL that
//! may be a piece of the password.

use std::borrow::Cow;

use dinoai::journal::JournalError;
use percent_encoding::percent_decode_str;
use tokio_postgres::Config;

/// The parameters that tokio-postgres reads.
const PASSED_ON: [&str; 18] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// How much TLS is asked for, as libpq has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SslMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// A URL that was taken apart.
pub(crate) struct Parts {
    /// All but what is beside it here.
    pub(crate) config: Config,
    pub(crate) ssl_mode: Option<SslMode>,
    pub(crate) root_certificate: Option<String>,
    /// The names of the parameters that are given.
    given: Vec<String>,
}

impl Parts {
    pub(crate) fn gives(&self, parameter: &str) -> bool {
        self.given.iter().any(|given| given == parameter)
    }
}

pub(crate) fn take_apart(url: &str) -> Result<Parts, JournalError> {
    let rest = ["postgres://", "postgresql://"].iter();
    let rest = rest.filter_map(|scheme| url.strip_prefix(scheme)).next();
    let rest =
        rest.ok_or_else(|| malformed("it does not begin with postgres:// or postgresql://"))?;
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    check_signs(before, query)?;

    let mut parts = Parts {
        config: Config::new(),
        ssl_mode: None,
        root_certificate: None,
        given: vec![],
    };
    let mut kept = vec![];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| malformed("a parameter in it has no value"))?;
        let name = decoded(name)?.into_owned();
        match name.as_str() {
            "sslmode" => parts.ssl_mode = Some(ssl_mode(&decoded(value)?)?),
            "sslrootcert" => parts.root_certificate = Some(decoded(value)?.into_owned()),
            known if PASSED_ON.contains(&known) => kept.push(pair.replace('@', "%40")),
            unknown => return Err(unknown_parameter(unknown, &parts.given)),
        }
        parts.given.push(name);
    }
    let url = format!("postgresql://{before}?{}", kept.join("&"));
    parts.config = url.parse().map_err(|error: tokio_postgres::Error| {
        // The cause names a parameter, and shows no value.
        let cause = error.into_source().map(|cause| cause.to_string());
        malformed(&cause.unwrap_or_default())
    })?;
    Ok(parts)
}

/// Refuses a URL whose password was not encoded, as far as that can be told.
fn check_signs(before: &str, query: &str) -> Result<(), JournalError> {
    let (authority, path) = before.split_once('/').unwrap_or((before, ""));
    let signs = authority.matches('@').count();
    if signs > 1 || path.contains('@') {
        return Err(malformed(
            "there is an @ too many in it: write the password with %40 for @, %2F for /, %3F for ?",
        ));
    }
    let hosts = authority.rsplit('@').next().unwrap_or_default();
    let is_cut_off = signs == 0 && query.contains('@') && !hosts.is_empty();
    let names_a_user = query.split('&').any(|pair| pair.starts_with("user="));
    if is_cut_off && !names_a_user {
        return Err(malformed(
            "there is a ? before its @: write the password with %3F for ?, %40 for @, %2F for /",
        ));
    }
    Ok(())
}

fn ssl_mode(value: &str) -> Result<SslMode, JournalError> {
    Ok(match value {
        "disable" => SslMode::Disable,
        "allow" | "prefer" => SslMode::Prefer,
        "require" => SslMode::Require,
        "verify-ca" => SslMode::VerifyCa,
        "verify-full" => SslMode::VerifyFull,
        other => {
            return Err(malformed(&format!(
                "there is no sslmode {other:?}: it is one of disable, allow, prefer, require, verify-ca, \
                 verify-full"
            )));
        }
    })
}

/// The name is shown unless it may be the rest of a password.
fn unknown_parameter(name: &str, given: &[String]) -> JournalError {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let follows_password = given.last().is_some_and(|last| last == "password");
    if follows_password || !name.chars().all(is_plain) {
        return malformed(
            "a parameter in it is unknown; in a password, write %26 for &, %3F for ?, %40 for @",
        );
    }
    malformed(&format!(
        "the parameter {name} is unknown; known are sslmode, sslrootcert, {}",
        PASSED_ON.join(", ")
    ))
}

fn decoded(text: &str) -> Result<Cow<'_, str>, JournalError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map_err(|_| malformed("a parameter in it is not UTF-8"))
}

pub(crate) fn malformed(problem: &str) -> JournalError {
    JournalError::unusable(format!(
        "the URL of the journal is malformed: {problem} (expected is \
         postgres://user:password@host:5432/database)"
    ))
}

#[cfg(test)]
mod tests {
    use super::{SslMode, take_apart};

    const CANARY: &str = "canary";

    #[track_caller]
    fn refused(url: &str) -> String {
        let error = take_apart(url).err().expect(url);
        let text = format!("{error} {error:?}");
        assert!(!error.is_transient(), "{text}");
        assert!(!text.contains(CANARY), "{text}");
        text
    }

    #[test]
    fn takes_ours_out() {
        let url = "postgres://u@db/runs?sslmode=verify-ca&sslrootcert=%2Fca.pem&connect_timeout=3";
        let parts = take_apart(url).unwrap();
        assert_eq!(parts.ssl_mode, Some(SslMode::VerifyCa));
        assert_eq!(parts.root_certificate.as_deref(), Some("/ca.pem"));
        assert_eq!(parts.config.get_dbname(), Some("runs"));
        let timeout = parts.config.get_connect_timeout().unwrap();
        assert_eq!(timeout.as_secs(), 3);
        assert!(parts.gives("connect_timeout") && !parts.gives("port"));
    }

    #[test]
    fn knows_all_of_libpqs_modes() {
        let of = |mode: &str| take_apart(&format!("postgresql://db/runs?sslmode={mode}"));
        let modes = [
            ("disable", SslMode::Disable),
            ("allow", SslMode::Prefer),
            ("prefer", SslMode::Prefer),
            ("require", SslMode::Require),
            ("verify-ca", SslMode::VerifyCa),
            ("verify-full", SslMode::VerifyFull),
        ];
        for (name, mode) in modes {
            assert_eq!(of(name).unwrap().ssl_mode, Some(mode), "{name}");
        }
        assert!(refused("postgres://db/runs?sslmode=verify_full").contains("\"verify_full\""));
    }

    #[test]
    fn decodes_passwords() {
        let parts = take_apart("postgres://u:p%40s%2Fs%3A%3F%C3%A4@db/runs").unwrap();
        assert_eq!(parts.config.get_password(), Some("p@s/s:?ä".as_bytes()));
        let parts = take_apart("postgres://db/runs?user=u@tenant&password=p%26s").unwrap();
        assert_eq!(parts.config.get_user(), Some("u@tenant"));
        assert_eq!(parts.config.get_password(), Some(&b"p&s"[..]));
    }

    #[test]
    fn names_what_it_does_not_know() {
        let text = refused("postgres://u:canary@db/runs?sslmod=require");
        assert!(text.contains("parameter sslmod is unknown"), "{text}");
        let text = refused("postgres://u:canary@db/runs?sslcert=me.pem");
        assert!(text.contains("parameter sslcert is unknown"), "{text}");
        let text = refused("postgres://u:canary@db/runs?target_session_attrs=primary");
        assert!(text.contains("target_session_attrs"), "{text}");
        let text = refused("https://u:canary@db/runs");
        assert!(text.contains("postgres://"), "{text}");
    }

    #[test]
    fn shows_nothing_of_a_password_that_was_not_encoded() {
        for url in [
            "postgres://u:p@canary@db/runs",
            "postgres://u:canary@x@db/runs",
            "postgres://u:p/canary@db/runs",
            "postgres://u:12/canary@db/runs",
            "postgres://u:canary/x@db/runs",
            "postgres://u:p?canary@db/runs",
            "postgres://u:12?canary=1@db/runs",
            "postgres://u:12?x=canary@db/runs",
            "postgres://u:canary?x=1@db/runs",
            "postgres://u:canary",
            "postgres://u:canary/runs",
            "postgres://db/runs?user=u&password=p&canary=1",
            "postgres://db/runs?user=u&password=p&canary",
            "postgres://db/runs?user=u&password=p?&canary@=1",
            "postgres://u:canary@db:port/runs",
            "postgres://u:canary@db:99999/runs",
            "postgres://u:canary@[::1/runs",
            "postgres://u:canary@db/runs?port=x",
            "canary",
            "user=u password=canary host=db",
        ] {
            refused(url);
        }
    }
}
