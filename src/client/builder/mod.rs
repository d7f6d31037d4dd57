//! [`ClientBuilder`]: sets up a client piece by piece; [`account`] takes endpoint, credentials and
//! workspace from where they are set.

mod account;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Client;
use crate::config::{Credentials, Endpoint, Origins};
use crate::error::{Error, Result};
use crate::time::{Clock, SystemClock};
use crate::transport::{Executor, HttpTransport, Retry, Settings};

/// Sets up a [`Client`] piece by piece.
///
/// Endpoint and credentials are needed, the rest has defaults.
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
    workspace: Choice,
    /// Where the settings were found, as far as the caller did not give them.
    origins: Origins,
    plain_http_allowed: bool,
    settings: Settings,
    retry: Retry,
    clock: Arc<dyn Clock>,
}

/// Which workspace requests name.
enum Choice {
    /// That of the credentials, or of the environment beside them.
    AsFound,
    None,
    Named(String),
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            endpoint: None,
            credentials: None,
            workspace: Choice::AsFound,
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
    /// Sets the URL shown when the API key was generated.
    ///
    /// It differs between regions, and its path identifies the company, so it is treated like a
    /// credential: no error, log or `Debug` shows the path. [`build`](Self::build) checks it. A
    /// second call replaces the first.
    ///
    /// ```
    /// use dinoai::Client;
    ///
    /// let builder = Client::builder().endpoint("https://api.paradime.io/api/v1/your-company/graphql");
    /// ```
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self.origins = self.origins.without_endpoint();
        self
    }

    /// Sets the credentials.
    ///
    /// [`build`](Self::build) checks them. A second call replaces the first.
    ///
    /// ```
    /// use dinoai::{Client, Credentials};
    ///
    /// let builder = Client::builder().credentials(Credentials::key_and_secret("key", "secret"));
    /// ```
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self.origins = self.origins.without_credentials();
        self
    }

    /// Sets how long one attempt may take, from the first byte sent to the last one read.
    ///
    /// 60 s by default, as in the vendor's SDK. Zero is [`Error::InvalidConfig`] when the client is
    /// built. A call may take several attempts: see [`Retry`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = dinoai::Client::builder().request_timeout(Duration::from_secs(30));
    /// ```
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout;
        self
    }

    /// Sets how long connecting may take, TLS included.
    ///
    /// 5 s by default. Zero is [`Error::InvalidConfig`] when the client is built.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = dinoai::Client::builder().connect_timeout(Duration::from_secs(2));
    /// ```
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// Sets how often, and for how long, a call is tried.
    ///
    /// [`Retry::default`] unless this is called. A call can have its own:
    /// [`Call::retry`](crate::Call::retry).
    ///
    /// ```
    /// use dinoai::{Client, Retry};
    ///
    /// let builder = Client::builder().retry(Retry::default().with_attempts(6));
    /// ```
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Sets how long a response may be, in bytes after decompression.
    ///
    /// 64 MiB by default. A longer response to a read is [`Error::ResponseTooLarge`]; one to a
    /// trigger or a follow-up is [`Error::OutcomeUnknown`].
    ///
    /// ```
    /// let builder = dinoai::Client::builder().response_limit(256 * 1024 * 1024);
    /// ```
    pub fn response_limit(mut self, bytes: usize) -> Self {
        self.settings.response_limit = bytes;
        self
    }

    /// Appends a text to the `User-Agent` header, for example `nightly-checks/1.4`.
    ///
    /// A text that no HTTP header can carry is [`Error::InvalidConfig`] when the client is built.
    ///
    /// ```
    /// let builder = dinoai::Client::builder().user_agent_suffix("nightly-checks/1.4");
    /// ```
    pub fn user_agent_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.settings.user_agent_suffix = Some(suffix.into());
        self
    }

    /// Sets the time that waits and pauses are measured by.
    ///
    /// [`SystemClock`] by default. Another one is for tests: see [`time`](crate::time).
    ///
    /// ```
    /// use dinoai::Client;
    /// use dinoai::time::VirtualClock;
    ///
    /// let builder = Client::builder().clock(VirtualClock::new());
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Allows `http://` to another machine, which shows the credentials to everyone on the way.
    ///
    /// Plain http to this machine is always allowed: to `127.0.0.0/8`, `::1` and `localhost`, but
    /// not to names below it, such as `api.localhost`.
    ///
    /// ```
    /// use dinoai::{Client, Credentials};
    ///
    /// # fn main() -> dinoai::Result<()> {
    /// let builder = || {
    ///     Client::builder()
    ///         .endpoint("http://emulator.internal:4000/graphql")
    ///         .credentials(Credentials::key_and_secret("key", "secret"))
    /// };
    /// assert!(builder().build().is_err());
    /// builder().allow_plain_http().build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http_allowed = true;
        self
    }

    /// Prepares the HTTP client: proxies, certificates and the like.
    ///
    /// `prepare` is called more than once, as reads and changes use separate connections, and each
    /// tokio runtime has connections of its own.
    ///
    /// ```
    /// use dinoai::Client;
    ///
    /// let builder = Client::builder().http_client(|http| http.tcp_nodelay(true));
    /// ```
    ///
    /// These settings are made afterwards, and cannot be changed: no redirects, no referer, no
    /// retries of the HTTP client's own, HTTP/1.1, no verbose connections, gzip, the connect
    /// timeout, no proxy if the endpoint is this machine, and `localhost` as `127.0.0.1` and `::1`.
    pub fn http_client(
        mut self,
        prepare: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.settings.hook = Some(Box::new(prepare));
        self
    }

    /// Makes the client.
    ///
    /// It sends nothing.
    ///
    /// ```
    /// use dinoai::{Client, Credentials};
    ///
    /// # fn main() -> dinoai::Result<()> {
    /// let client = Client::builder()
    ///     .endpoint("https://api.paradime.io/api/v1/your-company/graphql")
    ///     .credentials(Credentials::key_and_secret("key", "secret"))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`], with the name of what is wrong: endpoint missing, not a URL, with
    /// user info, or plain http to another machine; credentials missing, blank, of another kind
    /// than said, or with a character that no HTTP header can carry; a workspace uid that is blank, or
    /// begins or ends with white space; a timeout of zero; an HTTP client that cannot be set up.
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
                let ways = "set the missing ones on the client's builder, or use from_env";
                return Err(Error::config(what, format!("{are} missing: {ways}")));
            }
        };
        let credentials = match self.workspace {
            Choice::AsFound => credentials,
            Choice::None => credentials.without_workspace_uid(),
            Choice::Named(uid) => credentials.with_workspace_uid(uid),
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
        let http = HttpTransport::new(endpoint, &credentials, self.settings, self.origins)?;
        Ok(Client::of(Executor::new(http, self.retry, self.clock)))
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
    use crate::config::Account;

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
