//! [`Credentials`]: the three kinds, and how they are kept out of everything that is shown.

use std::fmt;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;

pub(crate) const WORKSPACE_TOKEN_PREFIX: &str = "prdm_wsp_";
pub(crate) const COMPANY_TOKEN_PREFIX: &str = "prdm_cmp_";

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const API_SECRET: HeaderName = HeaderName::from_static("x-api-secret");
const WORKSPACE: HeaderName = HeaderName::from_static("x-paradime-workspace");

/// Credentials for the API: a key with its secret, or a token.
///
/// Never printed: its `Debug` shows the kind alone.
///
/// Checked when it is given to a client; bad ones are [`Error::InvalidConfig`] there.
///
/// # Kinds
///
/// | kind | recognised by | sent as |
/// | --- | --- | --- |
/// | key and secret | a secret without a known prefix; a key is required | `X-API-KEY`, `X-API-SECRET` |
/// | workspace token | starts with `prdm_wsp_` | `Authorization: Bearer …` |
/// | company token | starts with `prdm_cmp_`; a workspace uid is required, except to list the workspaces | `Authorization: Bearer …`, `X-Paradime-Workspace` |
///
/// The first is on the vendor's page, the other two were read from the vendor's own client.
///
/// # Variables
///
/// [`Client::from_env`](crate::Client::from_env) takes the first one of each row that is set and not
/// empty:
///
/// | what | variables |
/// | --- | --- |
/// | endpoint | `PARADIME_API_ENDPOINT`, `API_ENDPOINT` |
/// | key | `PARADIME_API_KEY`, `API_KEY` |
/// | secret or token | `PARADIME_API_SECRET`, `API_SECRET` |
/// | workspace uid | `PARADIME_WORKSPACE_UID`, `WORKSPACE_UID` |
///
/// A workspace uid that begins or ends with white space is refused, wherever it is from.
///
/// # The credentials file
///
/// `~/.paradime/credentials` is what `paradime login`, `dinoai login` and [`Credentials::save`]
/// write: `NAME=value` lines with the same names. It is read as the vendor's command reads it,
/// which is python-dotenv's `load_dotenv(override=False)`:
///
/// - Each variable is taken from the environment first; one that is set there to nothing hides the
///   file's.
/// - `export`, quotes with their escapes, values over several lines, a comment after white space,
///   `${NAME}` and `${NAME:-default}` (in every value, whatever its quotes), and a byte-order mark
///   are understood.
/// - A line that is no `NAME=value` is passed over. If something is missing in the end, the error
///   says which lines set nothing.
///
/// Two things differ from the vendor's command. An endpoint from `API_ENDPOINT` in the
/// environment, which may be another product's, is refused with a secret from the file. And a file
/// that cannot be read, or is not UTF-8, is an error only where something is needed from it.
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
    ///
    /// Neither is checked here: a client that they are given to is not built if one is blank, or if
    /// the secret is a token.
    ///
    /// ```
    /// let credentials = dinoai::Credentials::key_and_secret("key", "secret");
    /// assert!(!format!("{credentials:?}").contains("secret"));
    /// ```
    pub fn key_and_secret(key: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::of(Kind::KeyAndSecret {
            key: secret_text(key),
            secret: secret_text(secret),
        })
    }

    /// A token for one workspace, which starts with `prdm_wsp_`.
    ///
    /// It is checked when a client is built. Not on the vendor's page; read from the vendor's own
    /// client.
    ///
    /// ```
    /// let credentials = dinoai::Credentials::workspace_token("prdm_wsp_example");
    /// ```
    pub fn workspace_token(token: impl Into<String>) -> Self {
        Self::of(Kind::WorkspaceToken(secret_text(token)))
    }

    /// A token for a company, which starts with `prdm_cmp_`, and the workspace to work in.
    ///
    /// Both are checked when a client is built: the workspace must not be blank, nor begin or end with
    /// white space. Not on the vendor's page; read from the vendor's
    /// own client.
    ///
    /// ```
    /// let credentials = dinoai::Credentials::company_token("prdm_cmp_example", "your-workspace");
    /// ```
    pub fn company_token(token: impl Into<String>, workspace_uid: impl Into<String>) -> Self {
        Self::of(Kind::CompanyToken(secret_text(token))).with_workspace_uid(workspace_uid)
    }

    /// A token for a company, which starts with `prdm_cmp_`, where the workspace is not known yet.
    ///
    /// A client of it lists the workspaces
    /// ([`Client::list_workspaces`](crate::Client::list_workspaces)). Its calls about runs fail with
    /// [`Error::InvalidConfig`], which names the workspace uid, and send nothing. With
    /// [`with_workspace_uid`](Self::with_workspace_uid) they are what
    /// [`company_token`](Self::company_token) makes.
    ///
    /// ```
    /// use dinoai::{Client, Credentials};
    ///
    /// # async fn example() -> dinoai::Result<()> {
    /// let endpoint = "https://api.paradime.io/api/v1/your-company/graphql";
    /// let credentials = Credentials::company_token_without_workspace("prdm_cmp_example");
    /// for workspace in Client::new(endpoint, credentials.clone())?.list_workspaces().await? {
    ///     let client = Client::new(endpoint, credentials.clone().with_workspace_uid(workspace.uid))?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn company_token_without_workspace(token: impl Into<String>) -> Self {
        Self::of(Kind::CompanyToken(secret_text(token)))
    }

    /// Names the workspace in every request, whatever the kind of credentials.
    ///
    /// It is sent as `X-Paradime-Workspace`, and replaces an earlier one. A client is not built with one that
    /// is blank, or begins or ends with white space.
    ///
    /// ```
    /// use dinoai::Credentials;
    ///
    /// let credentials = Credentials::key_and_secret("key", "secret").with_workspace_uid("your-workspace");
    /// ```
    #[must_use]
    pub fn with_workspace_uid(mut self, workspace_uid: impl Into<String>) -> Self {
        self.workspace_uid = Some(workspace_uid.into());
        self
    }

    /// The same, naming no workspace.
    pub(crate) fn without_workspace_uid(self) -> Self {
        Self {
            workspace_uid: None,
            ..self
        }
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            workspace_uid: None,
        }
    }

    /// Whether they are for several workspaces, of which a request about runs has to name one.
    pub(crate) fn is_of_company(&self) -> bool {
        matches!(self.kind, Kind::CompanyToken(_))
    }

    /// Whether they name a workspace.
    pub(super) fn names_workspace(&self) -> bool {
        self.workspace_uid.is_some()
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
            name_workspace(&mut headers, uid)?;
        }
        Ok(headers)
    }

    /// What a credentials file sets, under the names that the vendor's command writes.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let (key, secret) = match &self.kind {
            Kind::KeyAndSecret { key, secret } => (Some(key.expose_secret()), secret),
            Kind::WorkspaceToken(token) | Kind::CompanyToken(token) => (None, token),
        };
        let values = [
            ("API_KEY", key),
            ("WORKSPACE_UID", self.workspace_uid.as_deref()),
            ("API_SECRET", Some(secret.expose_secret())),
        ];
        let values = values.into_iter();
        values.filter_map(|(name, value)| Some((name, value?)))
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
        return Err(Error::config(setting, "is blank: it needs a value"));
    }
    HeaderValue::from_str(text).map_err(|_| {
        let problem = "contains a line break or another character that no HTTP header can carry";
        Error::config(setting, problem)
    })
}

/// Names a workspace in the headers, in the place of another one.
pub(crate) fn name_workspace(headers: &mut HeaderMap, uid: &str) -> Result<(), Error> {
    let setting = "workspace uid";
    let value = header(setting, uid)?;
    // No part of the header's value for the server, but of the account for a journal.
    if uid.trim() != uid {
        let problem = "begins or ends with white space: leave that out";
        return Err(Error::config(setting, problem));
    }
    headers.insert(WORKSPACE, value);
    Ok(())
}

/// Whether the headers name a workspace.
pub(crate) fn names_workspace(headers: &HeaderMap) -> bool {
    headers.contains_key(WORKSPACE)
}

/// The workspace that the headers name.
pub(crate) fn workspace(headers: &HeaderMap) -> Option<String> {
    let uid = headers.get(WORKSPACE)?;
    Some(String::from_utf8_lossy(uid.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

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
                refusal(Credentials::company_token("prdm_cmp_canary", "w1 ")),
                refusal(Credentials::company_token("prdm_cmp_canary", "w1\n")),
                refusal(Credentials::company_token("prdm_cmp_canary\r\n", "w1")),
            ]
            .join("\n"),
@r"
API key is blank: it needs a value
API secret is blank: it needs a value
API key contains a line break or another character that no HTTP header can carry
API secret is a token (prdm_wsp_…), not a key's secret: use Credentials::workspace_token
API secret is a token (prdm_cmp_…), not a key's secret: use Credentials::company_token
workspace token is blank: it needs a value
workspace token has to start with prdm_wsp_
company token has to start with prdm_cmp_
workspace uid is blank: it needs a value
workspace uid begins or ends with white space: leave that out
workspace uid contains a line break or another character that no HTTP header can carry
company token contains a line break or another character that no HTTP header can carry
");
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
}
