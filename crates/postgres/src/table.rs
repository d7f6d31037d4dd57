//! The table, its format, and the statements.
//!
//! All statements are unnamed, and nothing is left behind in a session, so that they go through a pooler
//! that hands each transaction to another session.

use dinoai::journal::JournalError;
use tokio_postgres::Client;

use crate::address::Name;

/// The name of the table.
pub(crate) const TABLE: &str = "dinoai_journal";

/// The oldest server, as `server_version_num`.
const OLDEST_SERVER: i32 = 130_000;

/// What leads from each format to the next; the first from no table. Each is carried out in one transaction,
/// and fails where another process was faster.
///
/// The name of the constraint says which format the table has: unlike a comment, every dump has it. The
/// entry is `json`, which keeps it as it was written; `jsonb` refuses `\u0000`. The version comes from a
/// sequence, so that none comes again, also of a key that was deleted.
const STEPS: [&str; 1] = ["
    CREATE TABLE dinoai_journal (
      key text COLLATE \"C\" NOT NULL PRIMARY KEY,
      entry json NOT NULL,
      version bigint GENERATED ALWAYS AS IDENTITY,
      stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      CONSTRAINT dinoai_journal_format_1 CHECK (version > 0)
    );
    COMMENT ON TABLE dinoai_journal IS
      'The keys of the client dinoai, and what each has started. Do not edit it.'"];

/// What there is: the encoding, the version of the server, whether the table is there, the number at the end
/// of its constraint, whether it may be read and written.
const LOOK: &str = "
    SELECT current_setting('server_encoding'),
      current_setting('server_version_num')::int,
      it.id IS NOT NULL,
      (SELECT max(substr(conname::text, 23)) FROM pg_catalog.pg_constraint
        WHERE conrelid = it.id AND starts_with(conname::text, 'dinoai_journal_format_')),
      coalesce(has_table_privilege(it.id, 'SELECT') AND has_table_privilege(it.id, 'INSERT')
        AND has_table_privilege(it.id, 'UPDATE'), true)
    FROM (SELECT to_regclass('dinoai_journal')::oid AS id) AS it";

/// The columns of what is stored.
macro_rules! stored {
    () => {
        "version::text, entry::text, stored_at, extract(epoch FROM clock_timestamp() - stored_at)::float8"
    };
}

pub(crate) const LOAD: &str = concat!("SELECT ", stored!(), " FROM dinoai_journal WHERE key = $1");

pub(crate) const LIST: &str = concat!("SELECT ", stored!(), ", key FROM dinoai_journal");

/// Some of the keys that may be forgotten. Not all at once, and not always the same, since most may be ones
/// that are kept.
pub(crate) const OLD: &str = concat!(
    "SELECT ",
    stored!(),
    ", key FROM dinoai_journal WHERE stored_at < clock_timestamp() - interval '90 days'
     ORDER BY random() LIMIT 500"
);

/// Forgets keys, each if it still has the version.
pub(crate) const FORGET: &str = "
    DELETE FROM dinoai_journal AS journal
    USING unnest($1::text[], $2::text[]) AS old (key, version)
    WHERE journal.key = old.key AND journal.version::text = old.version";

/// Makes the transaction durable where the server or the role says that it need not be, and only it. A
/// stricter setting stays.
macro_rules! durably {
    () => {
        "CASE WHEN current_setting('synchronous_commit') = 'off'
           THEN set_config('synchronous_commit', 'on', true) END"
    };
}

/// Stores a key that is not there, or says what is.
///
/// An update that changes nothing is the one way to see a row that somebody has stored since the statement
/// began. A row that is new has no `xmax`; that it has this entry is asked, too, so that at worst somebody is
/// told of an entry of its own.
pub(crate) const INSERT: &str = concat!(
    "WITH done AS (
       INSERT INTO dinoai_journal AS journal (key, entry) VALUES ($1, $2::json)
       ON CONFLICT (key) DO UPDATE SET key = excluded.key
       RETURNING version, entry, stored_at, journal.xmax = 0 AND journal.entry::text = $2 AS is_new)
     SELECT is_new, ",
    stored!(),
    ", CASE WHEN is_new THEN ",
    durably!(),
    " END FROM done"
);

/// Stores a key over a version, or says what is there. By the lock, that is what is there once others are done.
pub(crate) const UPDATE: &str = concat!(
    "WITH found AS (
       SELECT key, version, entry, stored_at FROM dinoai_journal WHERE key = $1 FOR UPDATE),
     done AS (
       UPDATE dinoai_journal AS journal
       SET entry = $2::json, version = DEFAULT, stored_at = clock_timestamp()
       FROM found WHERE journal.key = found.key AND found.version::text = $3
       RETURNING journal.version, journal.entry, journal.stored_at)
     SELECT true, ",
    stored!(),
    ", ",
    durably!(),
    " FROM done UNION ALL SELECT false, ",
    stored!(),
    ", NULL FROM found WHERE NOT EXISTS (SELECT FROM done)"
);

/// What was found of the table.
struct Look {
    /// `None`: there is no table. Zero: it has no format.
    format: Option<usize>,
    has_rights: bool,
}

/// Sees to it that the table is there, in this format. Others may do the same at the same time.
pub(crate) async fn ensure(client: &Client, name: &Name) -> Result<(), JournalError> {
    let mut look = self::look(client, name).await?;
    if look.format == Some(0) {
        // The name is looked up after the statement has begun, and the constraint as it was then: a table that
        // was made in between has none yet.
        look = self::look(client, name).await?;
    }
    loop {
        let format = match look.format {
            Some(0) => {
                return Err(name.unusable(&format!(
                    "its table {TABLE} is not a journal's, or has lost its constraint {TABLE}_format_1; use \
                     another database or schema"
                )));
            }
            Some(format) if format > STEPS.len() => {
                return Err(name.unusable(&format!(
                    "its table {TABLE} is of format {format}, and this version of dinoai-postgres knows formats \
                     up to {} only; use a newer version",
                    STEPS.len()
                )));
            }
            format => format.unwrap_or(0),
        };
        let Some(step) = STEPS.get(format) else { break };
        let done = client.batch_execute(step).await;
        let before = look.format;
        look = self::look(client, name).await?;
        if let (Err(error), true) = (done, look.format == before) {
            return Err(name.failed(error));
        }
    }
    match look.has_rights {
        true => Ok(()),
        false => Err(name.unusable(&format!(
            "user {:?} has not the rights on {TABLE}: its owner can GRANT SELECT, INSERT, UPDATE, DELETE ON \
             {TABLE}",
            name.user
        ))),
    }
}

/// Refuses a server that is too old, by its `server_version_num`.
fn check_version(version: i32) -> Result<(), String> {
    match version < OLDEST_SERVER {
        true => Err(format!(
            "the server is PostgreSQL {}, and 13 is the oldest that is known to work; use a newer server",
            version / 10_000
        )),
        false => Ok(()),
    }
}

async fn look(client: &Client, name: &Name) -> Result<Look, JournalError> {
    let row = client.query_typed_one(LOOK, &[]).await;
    let parts = row.and_then(|row| {
        let format: (bool, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
        Ok((row.try_get(0)?, row.try_get(1)?, format, row.try_get(4)?))
    });
    let (encoding, version, (is_there, format), has_rights): (String, i32, _, _) =
        parts.map_err(|error| name.failed(error))?;
    check_version(version).map_err(|problem| name.unusable(&problem))?;
    // SQL_ASCII keeps bytes as they are.
    if !["UTF8", "SQL_ASCII"].contains(&encoding.as_str()) {
        return Err(name.unusable(&format!(
            "the database is encoded in {encoding}, which has not all characters; use one in UTF8"
        )));
    }
    let format = format.and_then(|format| format.parse().ok()).unwrap_or(0);
    Ok(Look {
        format: is_there.then_some(format),
        has_rights,
    })
}

#[cfg(test)]
mod tests {
    use super::check_version;

    #[test]
    fn a_server_older_than_13_is_refused_by_its_version() {
        for (version, is_old) in [(120_022, true), (130_000, false), (180_001, false)] {
            let checked = check_version(version);
            assert_eq!(checked.is_err(), is_old, "{checked:?}");
        }
        assert!(check_version(96_024).unwrap_err().contains("PostgreSQL 9"));
    }
}
