//! What rows say.

use std::time::{Duration, SystemTime};

use dinoai::journal::{JournalError, Stored, Version, Written};
use tokio_postgres::Row;

use crate::address::Name;

/// What is stored, in four columns of which this is the first.
pub(crate) fn stored(
    row: &Row,
    first: usize,
    key: &str,
    name: &Name,
) -> Result<Stored, JournalError> {
    let columns = || -> Result<(String, String, SystemTime, f64), tokio_postgres::Error> {
        Ok((
            row.try_get(first)?,
            row.try_get(first + 1)?,
            row.try_get(first + 2)?,
            row.try_get(first + 3)?,
        ))
    };
    let (version, entry, at, age) = columns().map_err(|error| name.failed(error))?;
    let entry = serde_json::from_str(&entry).map_err(|error| {
        name.unusable(&format!(
            "what is stored for key {key:?} is no entry: {error}; use a newer version of dinoai-postgres, or \
             delete the row once it is clear what the key has started"
        ))
    })?;
    // Before zero where the server's clock was set back.
    let age = Duration::try_from_secs_f64(age).unwrap_or_default();
    Ok(Stored::new(entry, Version::new(version), at, age))
}

/// The key, which is after what is stored.
pub(crate) fn key(row: &Row, name: &Name) -> Result<String, JournalError> {
    row.try_get(4).map_err(|error| name.failed(error))
}

/// What came of storing.
pub(crate) fn written(rows: &[Row], key: &str, name: &Name) -> Result<Written, JournalError> {
    let Some(row) = rows.first() else {
        return Ok(Written::conflict(None));
    };
    let is_done = row.try_get(0).map_err(|error| name.failed(error))?;
    if is_done {
        let version: String = row.try_get(1).map_err(|error| name.failed(error))?;
        return Ok(Written::done(Version::new(version)));
    }
    Ok(Written::conflict(Some(stored(row, 1, key, name)?)))
}
