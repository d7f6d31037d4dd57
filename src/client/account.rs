//! What a [`Client`] says of its account.

use super::Client;

impl Client {
    /// Scheme, host and port of the endpoint, for example `https://api.paradime.io`.
    ///
    /// Never its path, which holds a token.
    ///
    /// ```
    /// use dinoai::{Client, Credentials};
    ///
    /// # fn main() -> dinoai::Result<()> {
    /// let credentials = Credentials::key_and_secret("key", "secret");
    /// let client = Client::new("https://api.paradime.io/api/v1/your-company/graphql", credentials)?;
    /// assert_eq!(client.endpoint_origin(), "https://api.paradime.io");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn endpoint_origin(&self) -> String {
        self.api.executor().http().origin()
    }

    /// Where endpoint and credentials were found: names of variables and files, never their values.
    ///
    /// What the program gave itself is left out, such as the workspace of
    /// [`with_workspace`](Self::with_workspace); `None` if that is all of it.
    ///
    /// ```no_run
    /// # fn main() -> dinoai::Result<()> {
    /// let client = dinoai::Client::from_env_or_file()?;
    /// println!("{}", client.sources().unwrap_or("the program's own"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn sources(&self) -> Option<&str> {
        self.api.executor().context().sources.as_deref()
    }

    /// The workspace that every request names.
    ///
    /// `None` if none does: then it is that of the credentials.
    ///
    /// ```
    /// use dinoai::{Client, Credentials};
    ///
    /// # fn main() -> dinoai::Result<()> {
    /// let credentials = Credentials::company_token("prdm_cmp_example", "your-workspace");
    /// let client = Client::new("https://api.paradime.io/api/v1/your-company/graphql", credentials)?;
    /// assert_eq!(client.workspace_uid().as_deref(), Some("your-workspace"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn workspace_uid(&self) -> Option<String> {
        self.api.executor().http().workspace_uid()
    }
}
