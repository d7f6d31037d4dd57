//! What a client's account is, and where it is found: the workspace, and what environment and
//! credentials file say.

use std::path::Path;

use super::{Choice, ClientBuilder};
#[cfg(doc)]
use crate::client::Client;
use crate::config::{Account, Wanted};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;

impl ClientBuilder {
    /// Sets the workspace that every request names, whatever the credentials or the environment say.
    ///
    /// Called before [`from_env`](Self::from_env) and its like, which then look for no workspace uid,
    /// also beside a company token. [`build`](Self::build) checks it: one that is blank, or begins or ends
    /// with white space, is [`Error::InvalidConfig`]. A second call replaces the first.
    ///
    /// ```no_run
    /// use dinoai::Client;
    ///
    /// # fn main() -> dinoai::Result<()> {
    /// let client = Client::builder().workspace("your-workspace").from_env()?.build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn workspace(mut self, uid: impl Into<String>) -> Self {
        self.workspace = Choice::Named(uid.into());
        self.origins = self.origins.without_workspace();
        self
    }

    /// Names no workspace in any request, whatever the credentials or the environment say.
    ///
    /// Called before [`from_env`](Self::from_env) and its like, which then look for no workspace uid and
    /// take a company token alone. Such a client lists the workspaces
    /// ([`Client::list_workspaces`]); its calls about runs fail with [`Error::InvalidConfig`] and send
    /// nothing, unless the credentials are for one workspace.
    ///
    /// ```no_run
    /// use dinoai::Client;
    ///
    /// # async fn example() -> dinoai::Result<()> {
    /// let client = Client::builder().without_workspace().from_env()?.build()?;
    /// for workspace in client.list_workspaces().await? {
    ///     println!("{} {}", workspace.uid, workspace.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn without_workspace(mut self) -> Self {
        self.workspace = Choice::None;
        self.origins = self.origins.without_workspace();
        self
    }

    /// Takes endpoint and credentials from the environment, as [`Client::from_env`] does.
    ///
    /// What was given to the builder before is not looked for: after [`endpoint`](Self::endpoint),
    /// the credentials alone are taken from the environment.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use dinoai::Client;
    ///
    /// # fn main() -> dinoai::Result<()> {
    /// let client = Client::builder().from_env()?.request_timeout(Duration::from_secs(30)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] if variables are missing, with all their names.
    pub fn from_env(self) -> Result<Self> {
        Account::from_env(self.wanted()).map(|account| self.account(account))
    }

    /// Takes endpoint and credentials from the environment, and the rest from
    /// `~/.paradime/credentials`.
    ///
    /// It reads both as [`Client::from_env_or_file`] does. What was given to the builder before is
    /// not looked for:
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
    /// [`Error::InvalidConfig`] if something is missing in both (all of it is named), the file is
    /// needed but cannot be read or is not UTF-8, or the file's secret would be sent to an endpoint
    /// from `API_ENDPOINT` in the environment: other products use that name too.
    pub fn from_env_or_file(self) -> Result<Self> {
        Account::from_env_or_file(self.wanted()).map(|account| self.account(account))
    }

    /// Takes endpoint and credentials from the environment, and the rest from a credentials file.
    ///
    /// The same as [`from_env_or_file`](Self::from_env_or_file) with the file at another place.
    ///
    /// ```no_run
    /// use dinoai::Client;
    ///
    /// # fn main() -> dinoai::Result<()> {
    /// let client = Client::builder().from_env_or_file_at("secrets/dinoai.env")?.build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`from_env_or_file`](Self::from_env_or_file).
    pub fn from_env_or_file_at(self, path: impl AsRef<Path>) -> Result<Self> {
        Account::from_env_or_file_at(path.as_ref(), self.wanted())
            .map(|account| self.account(account))
    }

    /// What was not given in code.
    fn wanted(&self) -> Wanted {
        Wanted {
            endpoint: self.endpoint.is_none() || self.origins.has_endpoint(),
            credentials: self.credentials.is_none() || self.origins.has_credentials(),
            workspace: matches!(self.workspace, Choice::AsFound),
        }
    }

    pub(super) fn account(self, account: Account) -> Self {
        Self {
            endpoint: account.endpoint.or(self.endpoint),
            credentials: account.credentials.or(self.credentials),
            origins: account.origins,
            ..self
        }
    }
}
