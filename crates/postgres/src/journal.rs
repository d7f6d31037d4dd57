//! [`PostgresJournal`]: a journal in a table, by compare-and-swap in one statement.

use std::fmt;
use std::sync::Arc;

use dinoai::journal::{Entry, Journal, JournalError, JournalFuture, Stored, Version, Written};
use tokio_postgres::types::Type;

use crate::address::Address;
use crate::link::{Answer, Link, Parameters, Repeat};
use crate::{rows, table};

/// A journal in PostgreSQL, in the table `dinoai_journal`.
///
/// Many processes on many machines can share it. A claim is a lease by the server's clock, and one round
/// trip. What is stored has been written to the server's disk, also where `synchronous_commit` is off.
///
/// It holds one connection for each tokio runtime that uses it, over which its calls go without waiting for
/// each other. Once that is lost, the next call connects again. Each call ends within 15 s: 10 s to connect,
/// 10 s for the statement.
///
/// Clones share the connections, which are closed once the last clone is dropped.
#[derive(Clone)]
pub struct PostgresJournal {
    link: Arc<Link>,
}

impl PostgresJournal {
    /// Connects to the database of a URL, and makes the table unless it is there.
    ///
    /// The URL is one of libpq's, `postgres://user:password@host:5432/database`, and may name several hosts.
    /// Without a password in it, that in `PGPASSWORD` is used. Of the parameters, `sslmode` is one of
    /// `disable`, `prefer` (the default), `require`, `verify-ca` and `verify-full`, and `sslrootcert` a PEM
    /// file, or `system`. Only with `sslrootcert` or `verify-full` is it checked whom one talks to.
    ///
    /// Keys whose time is over are deleted, here and by `list`.
    ///
    /// ```no_run
    /// use dinoai_postgres::PostgresJournal;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let url = std::env::var("DATABASE_URL")?;
    /// let journal = PostgresJournal::connect(&url).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`JournalError`] if the URL is malformed, if the server cannot be reached or refuses user or password,
    /// if the table cannot be made, or if it is of a newer format. No text of one has the password in it.
    pub async fn connect(url: impl AsRef<str>) -> Result<Self, JournalError> {
        let password = std::env::var("PGPASSWORD").ok();
        let address = Address::of(url.as_ref(), password.as_deref())?;
        let link = Arc::new(Link::new(address));
        link.connect().await?;
        let journal = Self { link };
        journal.forget_some().await;
        Ok(journal)
    }

    /// Host, port and database, of several servers all: without user and password, to be shown.
    ///
    /// ```
    /// # fn example(journal: dinoai_postgres::PostgresJournal) {
    /// eprintln!("what was started is remembered on {}", journal.place());
    /// # }
    /// ```
    #[must_use]
    pub fn place(&self) -> String {
        self.link.address().to_string()
    }

    /// Forgets keys whose time is over. Whether that works is no matter of the caller's.
    async fn forget_some(&self) {
        match self.read_all(table::OLD).await {
            Ok(old) => self.forget(&old).await,
            Err(error) => tracing::debug!(%error, "the journal's old keys cannot be read"),
        }
    }

    /// Deletes those of these keys whose time is over.
    async fn forget(&self, keys: &[(String, Stored)]) {
        let over = keys.iter().filter(|(_, stored)| is_over(stored));
        let (keys, versions): (Vec<&str>, Vec<&str>) = over
            .map(|(key, stored)| (key.as_str(), stored.version.as_str()))
            .unzip();
        if keys.is_empty() {
            return;
        }
        let parameters: Parameters<'_> =
            &[(&keys, Type::TEXT_ARRAY), (&versions, Type::TEXT_ARRAY)];
        if let Err(error) = self
            .link
            .ask(table::FORGET, parameters, Repeat::Never)
            .await
        {
            tracing::debug!(%error, "the journal's old keys cannot be deleted");
        }
    }

    /// Reads all rows of a statement, with their keys.
    async fn read_all(&self, statement: &str) -> Result<Vec<(String, Stored)>, JournalError> {
        let Answer { rows, name } = self.link.ask(statement, &[], Repeat::Once).await?;
        let each = rows.iter().map(|row| {
            let key = rows::key(row, &name)?;
            let stored = rows::stored(row, 0, &key, &name)?;
            Ok((key, stored))
        });
        each.collect()
    }
}

fn is_over(stored: &Stored) -> bool {
    stored.entry.is_over(stored.age)
}

impl Journal for PostgresJournal {
    fn load<'a>(&'a self, key: &'a str) -> JournalFuture<'a, Option<Stored>> {
        Box::pin(async move {
            let parameters: Parameters<'_> = &[(&key, Type::TEXT)];
            let answer = self.link.ask(table::LOAD, parameters, Repeat::Once).await?;
            let row = answer.rows.first();
            row.map(|row| rows::stored(row, 0, key, &answer.name))
                .transpose()
        })
    }

    fn store<'a>(
        &'a self,
        key: &'a str,
        entry: &'a Entry,
        expected: Option<&'a Version>,
    ) -> JournalFuture<'a, Written> {
        Box::pin(async move {
            let entry = serde_json::to_string(entry).map_err(|error| {
                JournalError::unusable(format!("an entry cannot be written: {error}"))
            })?;
            let version = expected.map(Version::as_str);
            let parameters: Parameters<'_> = &[
                (&key, Type::TEXT),
                (&entry, Type::TEXT),
                (&version, Type::TEXT),
            ];
            // Not twice: whether it was stored is for the caller to find out.
            let asked = match expected {
                Some(_) => self.link.ask(table::UPDATE, parameters, Repeat::Never),
                None => self
                    .link
                    .ask(table::INSERT, &parameters[..2], Repeat::Never),
            };
            let answer = asked.await?;
            rows::written(&answer.rows, key, &answer.name)
        })
    }

    fn list(&self) -> JournalFuture<'_, Vec<(String, Stored)>> {
        Box::pin(async move {
            let mut listed = self.read_all(table::LIST).await?;
            self.forget(&listed).await;
            listed.retain(|(_, stored)| !is_over(stored));
            Ok(listed)
        })
    }
}

impl fmt::Debug for PostgresJournal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PostgresJournal")
            .field("servers", &self.place())
            .finish_non_exhaustive()
    }
}
