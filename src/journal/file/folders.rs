//! Files and folders that are there after a loss of power, and what is said of those that fail.

use std::fmt::Display;
#[cfg(unix)]
use std::fs::File;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::JournalError;

/// Where a path leads, through links, and the folder there, which is made if it is missing.
pub(super) fn in_folder(path: &Path) -> Result<(PathBuf, PathBuf), JournalError> {
    let cannot = |error| failed(path, "cannot be found", error);
    let path = match path.canonicalize() {
        Ok(path) => path,
        Err(error) if error.kind() == ErrorKind::NotFound && path.is_symlink() => {
            return Err(refused(path, "is a link that leads nowhere"));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            std::path::absolute(path).map_err(cannot)?
        }
        Err(error) => return Err(cannot(error)),
    };
    let (Some(folder), Some(_)) = (path.parent(), path.file_name()) else {
        return Err(refused(&path, "is not a file: name one".to_owned()));
    };
    create_folder(folder).map_err(|error| failed(folder, "cannot be made", error))?;
    let folder = folder.to_owned();
    Ok((path, folder))
}

/// Makes a folder with those above it, for this user alone, and makes sure that it is on the disk.
pub(super) fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder
        .parent()
        .filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        create_folder(above)?;
    }
    match private_folder().create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made?,
    }
    above.map_or(Ok(()), sync_folder)
}

/// Options to make a file that no other user reads.
#[cfg(unix)]
pub(super) fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(unix)]
fn private_folder() -> fs::DirBuilder {
    use std::os::unix::fs::DirBuilderExt;

    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Who may read a file follows from its folder there.
#[cfg(not(unix))]
pub(super) fn private() -> OpenOptions {
    OpenOptions::new()
}

#[cfg(not(unix))]
fn private_folder() -> fs::DirBuilder {
    fs::DirBuilder::new()
}

/// A file that was made is there after a loss of power only if its folder is on disk, too.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Not every file system can.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        done => done,
    }
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) fn refused(path: &Path, problem: impl Display) -> JournalError {
    JournalError::unusable(format!("the journal {} {problem}", path.display()))
}

pub(super) fn failed(path: &Path, what: &str, error: io::Error) -> JournalError {
    let problem = format!("the journal {} {what}: {error}", path.display());
    let made = match is_transient(&error) {
        true => JournalError::unavailable(problem),
        false => JournalError::unusable(problem),
    };
    made.with_source(Arc::new(error))
}

/// Whether the same may work later: there are too many open files, for one.
fn is_transient(error: &io::Error) -> bool {
    const TOO_MANY_FILES: [i32; 2] = [23, 24];
    let by_kind = matches!(
        error.kind(),
        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut
    );
    let number = error.raw_os_error();
    by_kind || cfg!(unix) && number.is_some_and(|number| TOO_MANY_FILES.contains(&number))
}
