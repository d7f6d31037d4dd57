//! [`Credentials`]: the three kinds, from code, from the environment or from the credentials
//! file; and how they are kept out of everything that is shown.
//!
//! Most programs use [`Client::from_env`](crate::Client::from_env) and need nothing from here.
//!
//! | kind | recognised by | sent as |
//! | --- | --- | --- |
//! | key and secret | a secret without a known prefix; a key is required | `X-API-KEY`, `X-API-SECRET` |
//! | workspace token | starts with `prdm_wsp_` | `Authorization: Bearer …` |
//! | company token | starts with `prdm_cmp_`; a workspace uid is required | `Authorization: Bearer …`, `X-Paradime-Workspace` |
//!
//! The first is on the vendor's page, the other two were read from the vendor's own client.
//! Variables, the first one that is set and not empty:
//!
//! | what | variables |
//! | --- | --- |
//! | endpoint | `PARADIME_API_ENDPOINT`, `API_ENDPOINT` |
//! | key | `PARADIME_API_KEY`, `API_KEY` |
//! | secret or token | `PARADIME_API_SECRET`, `API_SECRET` |
//! | workspace uid | `PARADIME_WORKSPACE_UID`, `WORKSPACE_UID` |
//!
//! The credentials file, `~/.paradime/credentials`, is what `paradime login` writes:
//! `NAME=value` lines with the same names.

use std::collections::HashMap;
use std::env::{self, VarError};
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;

const WORKSPACE_TOKEN_PREFIX: &str = "prdm_wsp_";
const COMPANY_TOKEN_PREFIX: &str = "prdm_cmp_";

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const API_SECRET: HeaderName = HeaderName::from_static("x-api-secret");
const WORKSPACE: HeaderName = HeaderName::from_static("x-paradime-workspace");

/// What proves to the API who is calling. Never printed: its `Debug` shows the kind alone.
///
/// Checked when it is given to a client; bad ones are [`Error::InvalidConfig`] there.
#[derive(Clone)]
pub struct Credentials {
    kind: Kind,
    workspace_uid: Option<String>,
}

#[derive(Clone)]
enum Kind {
    KeyAndSecret {
        key: SecretString,
        secret: SecretString,
    },
    WorkspaceToken(SecretString),
    CompanyToken(SecretString),
}

impl Credentials {
    /// An API key and its secret, as on the vendor's page.
    pub fn key_and_secret(key: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::of(Kind::KeyAndSecret {
            key: secret_text(key),
            secret: secret_text(secret),
        })
    }

    /// A token for one workspace; it starts with `prdm_wsp_`.
    pub fn workspace_token(token: impl Into<String>) -> Self {
        Self::of(Kind::WorkspaceToken(secret_text(token)))
    }

    /// A token for a company, which starts with `prdm_cmp_`, and the workspace to work in.
    pub fn company_token(token: impl Into<String>, workspace_uid: impl Into<String>) -> Self {
        Self::of(Kind::CompanyToken(secret_text(token))).with_workspace_uid(workspace_uid)
    }

    /// Names the workspace in every request, whatever the kind of credentials.
    #[must_use]
    pub fn with_workspace_uid(mut self, workspace_uid: impl Into<String>) -> Self {
        self.workspace_uid = Some(workspace_uid.into());
        self
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            workspace_uid: None,
        }
    }

    /// The headers that carry the credentials, all marked sensitive but the workspace.
    pub(crate) fn headers(&self) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        match &self.kind {
            Kind::KeyAndSecret { key, secret } => {
                let (key, secret) = (key.expose_secret(), secret.expose_secret());
                for (prefix, constructor) in [
                    (WORKSPACE_TOKEN_PREFIX, "Credentials::workspace_token"),
                    (COMPANY_TOKEN_PREFIX, "Credentials::company_token"),
                ] {
                    if secret.starts_with(prefix) {
                        return Err(Error::config(
                            "API secret",
                            format!(
                                "is a token ({prefix}…), not a key's secret: use {constructor}"
                            ),
                        ));
                    }
                }
                headers.insert(API_KEY, header("API key", key)?);
                headers.insert(API_SECRET, header("API secret", secret)?);
            }
            Kind::WorkspaceToken(token) => {
                let value = bearer("workspace token", token, WORKSPACE_TOKEN_PREFIX)?;
                headers.insert(AUTHORIZATION, value);
            }
            Kind::CompanyToken(token) => {
                let value = bearer("company token", token, COMPANY_TOKEN_PREFIX)?;
                headers.insert(AUTHORIZATION, value);
            }
        }
        for value in headers.values_mut() {
            value.set_sensitive(true);
        }
        if let Some(uid) = &self.workspace_uid {
            headers.insert(WORKSPACE, header("workspace uid", uid)?);
        }
        Ok(headers)
    }

    /// The texts that must not be shown.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let secrets = match &self.kind {
            Kind::KeyAndSecret { key, secret } => vec![key, secret],
            Kind::WorkspaceToken(token) | Kind::CompanyToken(token) => vec![token],
        };
        secrets
            .into_iter()
            .map(|secret| secret.expose_secret().to_owned())
            .collect()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::KeyAndSecret { .. } => "KeyAndSecret",
            Kind::WorkspaceToken(_) => "WorkspaceToken",
            Kind::CompanyToken(_) => "CompanyToken",
        };
        formatter
            .debug_struct(kind)
            .field("workspace_uid", &self.workspace_uid)
            .finish_non_exhaustive()
    }
}

fn secret_text(text: impl Into<String>) -> SecretString {
    SecretString::from(text.into())
}

fn bearer(setting: &str, token: &SecretString, prefix: &str) -> Result<HeaderValue, Error> {
    let token = token.expose_secret();
    if !token.trim().is_empty() && !token.starts_with(prefix) {
        return Err(Error::config(
            setting,
            format!("has to start with {prefix}"),
        ));
    }
    header(setting, token)?;
    header(setting, &format!("Bearer {token}"))
}

fn header(setting: &str, text: &str) -> Result<HeaderValue, Error> {
    if text.trim().is_empty() {
        return Err(Error::config(setting, "is blank"));
    }
    HeaderValue::from_str(text).map_err(|_| {
        let problem = "contains a line break or another character that no HTTP header can carry";
        Error::config(setting, problem)
    })
}

/// Endpoint and credentials, from where they were found.
pub(crate) struct Account {
    pub(crate) endpoint: String,
    pub(crate) credentials: Credentials,
}

const ENDPOINT_NAMES: [&str; 2] = ["PARADIME_API_ENDPOINT", "API_ENDPOINT"];
const KEY_NAMES: [&str; 2] = ["PARADIME_API_KEY", "API_KEY"];
const SECRET_NAMES: [&str; 2] = ["PARADIME_API_SECRET", "API_SECRET"];
const WORKSPACE_NAMES: [&str; 2] = ["PARADIME_WORKSPACE_UID", "WORKSPACE_UID"];

impl Account {
    pub(crate) fn from_env() -> Result<Self, Error> {
        Self::find(&[&environment], "set it in the environment")
    }

    pub(crate) fn from_env_or_file() -> Result<Self, Error> {
        let Some(path) = default_file() else {
            return Self::from_env();
        };
        Self::from_env_or_file_at(&path)
    }

    pub(crate) fn from_env_or_file_at(path: &Path) -> Result<Self, Error> {
        Self::from_source_or_file(&environment, path)
    }

    /// What is set wins; the file is read only for what is missing.
    fn from_source_or_file(source: &Source<'_>, path: &Path) -> Result<Self, Error> {
        let ways = format!(
            "set it in the environment, or run `paradime login`, which writes {}",
            path.display()
        );
        let alone = Self::find(&[source], &ways);
        match alone {
            Ok(account) => Ok(account),
            Err(missing) => match read_file(path)? {
                Some(values) => {
                    let file = |name: &str| Ok(values.get(name).cloned());
                    Self::find(&[source, &file], &ways)
                }
                None => Err(missing),
            },
        }
    }

    fn find(sources: &[&Source<'_>], ways: &str) -> Result<Self, Error> {
        let look_up = |names: [&str; 2]| -> Result<Option<String>, Error> {
            for source in sources {
                for name in names {
                    if let Some(value) = source(name)?.filter(|value| !value.is_empty()) {
                        return Ok(Some(value));
                    }
                }
            }
            Ok(None)
        };
        let missing = |names: [&str; 2], what: &str| {
            Error::config(names[0], format!("({what}) is missing: {ways}"))
        };

        let endpoint = look_up(ENDPOINT_NAMES)?.ok_or_else(|| {
            missing(
                ENDPOINT_NAMES,
                "the URL shown when the API key was generated",
            )
        })?;
        let secret = look_up(SECRET_NAMES)?
            .ok_or_else(|| missing(SECRET_NAMES, "the API key's secret, or a token"))?;
        let workspace_uid = look_up(WORKSPACE_NAMES)?;

        let credentials = if secret.starts_with(COMPANY_TOKEN_PREFIX) {
            let what = "which a company token needs";
            let uid = workspace_uid
                .clone()
                .ok_or_else(|| missing(WORKSPACE_NAMES, what))?;
            Credentials::company_token(secret, uid)
        } else if secret.starts_with(WORKSPACE_TOKEN_PREFIX) {
            Credentials::workspace_token(secret)
        } else {
            let what = "which a secret that is no token needs";
            let key = look_up(KEY_NAMES)?.ok_or_else(|| missing(KEY_NAMES, what))?;
            Credentials::key_and_secret(key, secret)
        };
        let credentials = match workspace_uid {
            Some(uid) => credentials.with_workspace_uid(uid),
            None => credentials,
        };
        Ok(Self {
            endpoint,
            credentials,
        })
    }
}

type Source<'a> = dyn Fn(&str) -> Result<Option<String>, Error> + 'a;

fn environment(name: &str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::config(name, "is not valid UTF-8")),
    }
}

fn default_file() -> Option<PathBuf> {
    Some(env::home_dir()?.join(".paradime").join("credentials"))
}

/// The values of a credentials file; `None` where there is no such file.
///
/// The vendor's command writes values as they are, without quotes or escapes, and a secret may
/// hold a `$`, a `#` or a backslash: a dotenv parser would change them.
fn read_file(path: &Path) -> Result<Option<HashMap<String, String>>, Error> {
    let refuse = |problem: String| {
        let setting = format!("credentials file {}", path.display());
        Err(Error::config(setting, problem))
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return refuse(format!("cannot be read: {error}")),
    };
    let mut values = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        match line.split_once('=') {
            Some((name, value)) if is_name(name.trim()) => {
                values.insert(name.trim().to_owned(), unquoted(value.trim()).to_owned());
            }
            _ => return refuse(format!("line {} is not NAME=value", index + 1)),
        }
    }
    Ok(Some(values))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_')
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn set<'a>(
        variables: &'a [(&'a str, &'a str)],
    ) -> impl Fn(&str) -> Result<Option<String>, Error> + 'a {
        |name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        }
    }

    fn find(variables: &[(&str, &str)]) -> Result<Account, Error> {
        Account::find(&[&set(variables)], "set it in the environment")
    }

    fn sent(credentials: &Credentials) -> Vec<(String, String)> {
        let headers = credentials.headers().unwrap();
        headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect()
    }

    #[test]
    fn the_kind_follows_from_the_secrets_prefix() {
        let endpoint = ("API_ENDPOINT", "https://host/graphql");
        let key = ("API_KEY", "k");
        let workspace = ("WORKSPACE_UID", "w1");
        let headers = |variables: &[(&str, &str)]| sent(&find(variables).unwrap().credentials);
        insta::assert_debug_snapshot!([
            headers(&[endpoint, key, ("API_SECRET", "s")]),
            headers(&[endpoint, key, ("API_SECRET", "s"), workspace]),
            headers(&[endpoint, key, ("API_SECRET", "prdm_wsp_t")]),
            headers(&[endpoint, ("API_SECRET", "prdm_cmp_t"), workspace]),
        ]);
    }

    #[test]
    fn the_prefixed_name_wins_and_an_empty_variable_is_unset() {
        let account = find(&[
            ("PARADIME_API_ENDPOINT", ""),
            ("API_ENDPOINT", "https://old/graphql"),
            ("PARADIME_API_KEY", "new"),
            ("API_KEY", "old"),
            ("PARADIME_API_SECRET", "s"),
            ("PARADIME_WORKSPACE_UID", ""),
        ])
        .unwrap();
        assert_eq!(account.endpoint, "https://old/graphql");
        assert_eq!(account.credentials.secrets(), ["new", "s"]);
        assert_eq!(account.credentials.workspace_uid, None);
    }

    #[test]
    fn what_is_missing_is_named_with_the_ways_to_set_it() {
        let endpoint = ("PARADIME_API_ENDPOINT", "https://host/graphql");
        let refusal = |variables: &[(&str, &str)]| find(variables).err().unwrap().to_string();
        insta::assert_snapshot!(
            [
                refusal(&[]),
                refusal(&[endpoint]),
                refusal(&[endpoint, ("PARADIME_API_SECRET", "s")]),
                refusal(&[endpoint, ("PARADIME_API_SECRET", "prdm_cmp_t")]),
            ]
            .join("\n")
        );
    }

    #[test]
    fn what_no_header_can_carry_is_refused_by_name() {
        let refusal = |credentials: Credentials| credentials.headers().unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                refusal(Credentials::key_and_secret(" ", "canary")),
                refusal(Credentials::key_and_secret("canary", "")),
                refusal(Credentials::key_and_secret("canary\n", "canary")),
                refusal(Credentials::key_and_secret("canary", "prdm_wsp_canary")),
                refusal(Credentials::key_and_secret("canary", "prdm_cmp_canary")),
                refusal(Credentials::workspace_token("")),
                refusal(Credentials::workspace_token("canary")),
                refusal(Credentials::company_token("canary", "w1")),
                refusal(Credentials::company_token("prdm_cmp_canary", "")),
                refusal(Credentials::company_token("prdm_cmp_canary\r\n", "w1")),
            ]
            .join("\n")
        );
    }

    #[test]
    fn credentials_are_sensitive_and_debug_shows_the_kind_alone() {
        for credentials in [
            Credentials::key_and_secret("canary", "canary"),
            Credentials::workspace_token("prdm_wsp_canary"),
            Credentials::company_token("prdm_cmp_canary", "w1"),
        ] {
            let shown = format!("{credentials:?} {:?}", credentials.headers().unwrap());
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    /// A credentials file in a folder of its own.
    fn file(text: &[u8]) -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("credentials");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn the_environment_wins_and_the_file_fills_what_is_missing() {
        let (_folder, path) = file(
            b"# written by hand\n\nexport API_ENDPOINT = 'https://file/graphql'\nAPI_KEY=file\n\
              API_SECRET=a$b#c\\d=e\n",
        );
        let variables = [("PARADIME_API_KEY", "environment")];
        let account = Account::from_source_or_file(&set(&variables), &path).unwrap();
        assert_eq!(account.endpoint, "https://file/graphql");
        assert_eq!(account.credentials.secrets(), ["environment", "a$b#c\\d=e"]);
    }

    #[test]
    fn a_file_that_is_not_needed_is_not_read() {
        let (_folder, path) = file(b"\xff");
        let variables = [
            ("API_ENDPOINT", "https://host/graphql"),
            ("API_SECRET", "prdm_wsp_t"),
        ];
        assert!(Account::from_source_or_file(&set(&variables), &path).is_ok());
    }

    #[test]
    fn a_bad_file_is_named_with_the_line_and_without_its_text() {
        let refusal = |path: &Path| {
            let error = Account::from_source_or_file(&set(&[]), path).err().unwrap();
            error
                .to_string()
                .replace(&path.display().to_string(), "FILE")
        };
        let (_malformed, malformed) = file(b"API_KEY=k\ncanary\n");
        let (_binary, binary) = file(b"API_KEY=\xff\n");
        let (folder, incomplete) = file(b"API_KEY=k\n");
        insta::assert_snapshot!(
            [
                refusal(&malformed),
                refusal(&binary),
                refusal(&incomplete),
                refusal(folder.path()),
                refusal(&folder.path().join("missing")),
            ]
            .join("\n")
        );
    }
}
