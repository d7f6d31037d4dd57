//! [`ClientBuilder`]: sets up a client piece by piece.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Client;
use crate::config::{Account, Credentials, Endpoint, Origins, Wanted};
use crate::error::{Error, Result};
use crate::time::{Clock, SystemClock};
use crate::transport::{Executor, HttpTransport, Retry, Settings};

/// Sets up a [`Client`] piece by piece. Endpoint and credentials are needed, the rest has
/// defaults.
///
/// ```
/// use std::time::Duration;
/// use dinoai::{Client, Credentials, Retry};
///
/// # fn main() -> dinoai::Result<()> {
/// let client = Client::builder()
///     .endpoint("https://api.us.paradime.io/api/v1/your-company/graphql")
///     .credentials(Credentials::workspace_token("prdm_wsp_…".replace('…', "example")))
///     .request_timeout(Duration::from_secs(30))
///     .retry(Retry::default().with_attempts(6))
///     .user_agent_suffix("nightly-checks/1.4")
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    endpoint: Option<String>,
    credentials: Option<Credentials>,
    /// Where the settings were found, as far as the caller did not give them.
    origins: Origins,
    plain_http_allowed: bool,
    settings: Settings,
    retry: Retry,
    clock: Arc<dyn Clock>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            endpoint: None,
            credentials: None,
            origins: Origins::default(),
            plain_http_allowed: false,
            settings: Settings {
                request_timeout: Duration::from_secs(60),
                connect_timeout: Duration::from_secs(5),
                response_limit: 64 * 1024 * 1024,
                user_agent_suffix: None,
                hook: None,
            },
            retry: Retry::default(),
            clock: Arc::new(SystemClock::new()),
        }
    }
}

impl ClientBuilder {
    /// The URL shown when the API key was generated. It differs between regions, and its path
    /// identifies the company, so it is treated like a credential.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self.origins = self.origins.without_endpoint();
        self
    }

    /// Who is calling.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self.origins = self.origins.without_credentials();
        self
    }

    /// Takes endpoint and credentials from the environment, as [`Client::from_env`] does.
    ///
    /// What was given to the builder before is not looked for: after [`endpoint`](Self::endpoint),
    /// the credentials alone are taken from the environment.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] where variables are missing, with all their names.
    pub fn from_env(self) -> Result<Self> {
        Account::from_env(self.wanted()).map(|account| self.account(account))
    }

    /// Takes endpoint and credentials from the environment, and what is missing there from
    /// `~/.paradime/credentials`, as [`Client::from_env_or_file`] does.
    ///
    /// What was given to the builder before is not looked for:
    ///
    /// ```no_run
    /// use dinoai::Client;
    ///
    /// # fn main() -> dinoai::Result<()> {
    /// // The credentials alone are looked for.
    /// let client = Client::builder()
    ///     .endpoint("https://api.us.paradime.io/api/v1/your-company/graphql")
    ///     .from_env_or_file()?
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] where something is missing in both (all of it is named), the file
    /// is needed but cannot be read or is not UTF-8, or the file's secret would be sent to an
    /// endpoint from `API_ENDPOINT` in the environment: other products use that name too.
    pub fn from_env_or_file(self) -> Result<Self> {
        Account::from_env_or_file(self.wanted()).map(|account| self.account(account))
    }

    /// The same with a credentials file at another place.
    ///
    /// # Errors
    ///
    /// As for [`from_env_or_file`](Self::from_env_or_file).
    pub fn from_env_or_file_at(self, path: impl AsRef<Path>) -> Result<Self> {
        Account::from_env_or_file_at(path.as_ref(), self.wanted())
            .map(|account| self.account(account))
    }

    /// How long one attempt may take, from the first byte sent to the last one read. 60 s by
    /// default, as in the vendor's SDK.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout;
        self
    }

    /// How long connecting may take, TLS included. 5 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How often, and for how long, a call is tried.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// How long an answer may be, in bytes after decompression. 64 MiB by default. A longer one
    /// is [`Error::ResponseTooLarge`].
    pub fn response_limit(mut self, bytes: usize) -> Self {
        self.settings.response_limit = bytes;
        self
    }

    /// What is appended to the `User-Agent` header, for example `nightly-checks/1.4`.
    pub fn user_agent_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.settings.user_agent_suffix = Some(suffix.into());
        self
    }

    /// The time that waits and pauses are measured by; for tests, see [`clock`](crate::time).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Allows `http://` to another machine, which shows the credentials to everyone on the way.
    /// Plain http to this machine is always allowed: to `127.0.0.0/8`, `::1` and `localhost`, but
    /// not to names below it, such as `api.localhost`.
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http_allowed = true;
        self
    }

    /// Prepares the HTTP client: proxies, certificates and the like. Called twice, as reads and
    /// changes use separate connections.
    ///
    /// ```
    /// use dinoai::Client;
    ///
    /// let builder = Client::builder().http_client(|http| http.tcp_nodelay(true));
    /// ```
    ///
    /// These settings are made afterwards, and cannot be changed: no redirects, no referer, no
    /// retries of the HTTP client's own, HTTP/1.1, no verbose connections, gzip, the connect
    /// timeout, no proxy where the endpoint is this machine, and `localhost` as `127.0.0.1` and
    /// `::1`.
    pub fn http_client(
        mut self,
        prepare: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.settings.hook = Some(Box::new(prepare));
        self
    }

    /// The client. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`], with the name of what is wrong: endpoint missing, not a URL,
    /// with user info, or plain http to another machine; credentials missing, blank, of another
    /// kind than said, or with a character that no HTTP header can carry; a timeout of zero; an
    /// HTTP client that cannot be set up.
    pub fn build(self) -> Result<Client> {
        let (endpoint, credentials) = match (self.endpoint, self.credentials) {
            (Some(endpoint), Some(credentials)) => (endpoint, credentials),
            (endpoint, credentials) => {
                let what = match (endpoint, credentials) {
                    (Some(_), _) => "credentials",
                    (None, Some(_)) => "endpoint",
                    (None, None) => "endpoint and credentials",
                };
                let are = if what == "endpoint" { "is" } else { "are" };
                let ways = "give it to the client's builder, or use from_env";
                return Err(Error::config(what, format!("{are} missing: {ways}")));
            }
        };
        let origins = &self.origins;
        let endpoint = Endpoint::parse(&endpoint, self.plain_http_allowed)
            .map_err(|error| origins.explain(error))?;
        let headers = credentials.headers();
        headers.map_err(|error| origins.explain(error))?;
        for (setting, timeout) in [
            ("request timeout", self.settings.request_timeout),
            ("connect timeout", self.settings.connect_timeout),
        ] {
            if timeout.is_zero() {
                return Err(Error::config(setting, "is zero: no request could be made"));
            }
        }
        let sources = origins.describe();
        let http = HttpTransport::new(endpoint, &credentials, self.settings, sources)?;
        Ok(Client::of(Executor::new(http, self.retry, self.clock)))
    }

    /// What was not given in code.
    fn wanted(&self) -> Wanted {
        Wanted {
            endpoint: self.endpoint.is_none() || self.origins.has_endpoint(),
            credentials: self.credentials.is_none() || self.origins.has_credentials(),
        }
    }

    fn account(self, account: Account) -> Self {
        Self {
            endpoint: account.endpoint.or(self.endpoint),
            credentials: account.credentials.or(self.credentials),
            origins: account.origins,
            ..self
        }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientBuilder")
            .field("credentials", &self.credentials)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_given_in_code_has_no_place_and_the_rest_keeps_its_own() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("credentials");
        fs::write(
            &path,
            "API_ENDPOINT=https://host/canary\nAPI_KEY=canary\nAPI_SECRET=canary\n",
        )
        .unwrap();
        let found = || {
            let account = Account::from_file_alone(&path).unwrap();
            Client::builder().account(account)
        };
        let described = |builder: ClientBuilder| {
            let described = builder.origins.describe()?;
            Some(described.replace(&path.display().to_string(), "FILE"))
        };
        let credentials = || Credentials::key_and_secret("key", "secret");
        insta::assert_debug_snapshot!(
            [
                described(found()),
                described(found().endpoint("https://host/graphql")),
                described(found().credentials(credentials())),
                described(found().endpoint("https://host/graphql").credentials(credentials())),
            ],
            @r#"
        [
            Some(
                "endpoint, key and secret from API_ENDPOINT, API_KEY and API_SECRET in FILE",
            ),
            Some(
                "key and secret from API_KEY and API_SECRET in FILE",
            ),
            Some(
                "endpoint from API_ENDPOINT in FILE",
            ),
            None,
        ]
        "#
        );
    }
}
