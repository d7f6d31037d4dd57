//! How a [`Client`] is made: with default settings, or piece by piece with a [`ClientBuilder`].

use super::Client;
use super::builder::ClientBuilder;
use crate::config::Credentials;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;

impl Client {
    /// A client with default settings, for the endpoint shown when the API key was generated.
    ///
    /// ```
    /// use dinoai::{Client, Credentials};
    ///
    /// let client = Client::new(
    ///     "https://api.paradime.io/api/v1/your-company/graphql",
    ///     Credentials::key_and_secret("key", "secret"),
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] as for [`ClientBuilder::build`].
    pub fn new(endpoint: impl Into<String>, credentials: Credentials) -> Result<Self> {
        Self::builder()
            .endpoint(endpoint)
            .credentials(credentials)
            .build()
    }

    /// A client with default settings, for the endpoint and credentials in the environment.
    ///
    /// [`Credentials`] lists the variables.
    ///
    /// ```no_run
    /// # fn main() -> dinoai::Result<()> {
    /// let client = dinoai::Client::from_env()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] if variables are missing (it says which, and how to set them), and
    /// as for [`ClientBuilder::build`].
    pub fn from_env() -> Result<Self> {
        Self::builder().from_env()?.build()
    }

    /// A client for what the environment and the credentials file `~/.paradime/credentials` say.
    ///
    /// `paradime login` writes the file. It fills what the environment leaves open: see
    /// [`Credentials`](Credentials#the-credentials-file).
    ///
    /// ```no_run
    /// # fn main() -> dinoai::Result<()> {
    /// let client = dinoai::Client::from_env_or_file()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`from_env`](Self::from_env), and if the file is needed but cannot be read or is not
    /// UTF-8.
    pub fn from_env_or_file() -> Result<Self> {
        Self::builder().from_env_or_file()?.build()
    }

    /// Sets up a client piece by piece.
    ///
    /// Endpoint and credentials are needed; [`ClientBuilder`] says what the rest is by default.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai::{Client, Credentials};
    ///
    /// # fn main() -> dinoai::Result<()> {
    /// let client = Client::builder()
    ///     .endpoint("https://api.paradime.io/api/v1/your-company/graphql")
    ///     .credentials(Credentials::key_and_secret("key", "secret"))
    ///     .request_timeout(Duration::from_secs(30))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }
}
