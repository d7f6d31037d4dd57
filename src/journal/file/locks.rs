//! [`Locks`]: the locks of a journal, in a folder beside its file.
//!
//! They are of the operating system, so that they end with the process that has them. The lock of a key is
//! taken, tried and removed under that of the journal alone.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::folders::{create_folder, failed, private};
use crate::error::JournalError;
use crate::journal::entry::sha256;

/// How long another process may hold the journal's lock.
const LOCKED: Duration = Duration::from_secs(10);

/// A lock, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that this one is just starting has a copy of its descriptor.
        let _ = self.0.unlock();
    }
}

/// The locks of a journal.
#[derive(Debug)]
pub(super) struct Locks {
    folder: PathBuf,
}

impl Locks {
    /// Those of the journal in this file; makes their folder.
    pub(super) fn of(journal: &Path) -> Result<Self, JournalError> {
        let mut name = OsString::from(journal);
        name.push(".locks");
        let folder = PathBuf::from(name);
        create_folder(&folder).map_err(|error| failed(&folder, "cannot be made", error))?;
        Ok(Self { folder })
    }

    /// Takes the lock of the journal, which others hold for as long as a write takes.
    pub(super) fn lock_journal(&self) -> Result<Lock, JournalError> {
        let path = self.folder.join("journal.lock");
        let start = Instant::now();
        let mut pause = Duration::from_micros(100);
        loop {
            // Opened each time: the folder may have been removed and made anew.
            let file = match open_lock(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    create_folder(&self.folder).and_then(|()| open_lock(&path))
                }
                opened => opened,
            };
            let file = file.map_err(|error| failed(&path, "cannot be opened", error))?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => return Ok(Lock(file)),
                // It was removed meanwhile, and others lock another one.
                Ok(()) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(failed(&path, "cannot be locked", error));
                }
                Err(TryLockError::WouldBlock) => {}
            }
            if start.elapsed() >= LOCKED {
                return Err(JournalError::unavailable(format!(
                    "another process has held {} for {LOCKED:?}; is one suspended?",
                    path.display()
                )));
            }
            sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    fn of_key(&self, key: &str) -> PathBuf {
        let mut name = sha256(key.as_bytes());
        name.truncate(32);
        name.push_str(".lock");
        self.folder.join(name)
    }

    /// The lock of a key; `None` if somebody has it.
    pub(super) fn try_lock_key(&self, key: &str) -> Result<Option<Lock>, JournalError> {
        let path = self.of_key(key);
        let file = match open_lock(&path) {
            Ok(file) => file,
            // There a file that is being removed is still in the way.
            Err(error) if cfg!(windows) && error.kind() == ErrorKind::PermissionDenied => {
                return Ok(None);
            }
            Err(error) => return Err(failed(&path, "cannot be made", error)),
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(&path, "cannot be locked", error)),
        }
    }

    /// Whether the owner of a claim is alive.
    pub(super) fn is_key_locked(&self, key: &str) -> Result<bool, JournalError> {
        let path = self.of_key(key);
        // To be written: some file systems lock no other.
        let file = match fs::OpenOptions::new().write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(&path, "cannot be opened", error)),
        };
        match file.try_lock() {
            Ok(()) => {
                drop(Lock(file));
                Ok(false)
            }
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(failed(&path, "cannot be locked", error)),
        }
    }

    /// Removes the lock of a key whose claim is over.
    pub(super) fn remove_key(&self, key: &str) {
        // One that stays is held by nobody.
        let _ = fs::remove_file(self.of_key(key));
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = private();
    options.write(true).create(true).truncate(false).open(path)
}

/// Whether a file is the one that a path leads to.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(at)) => place(file) == place(at),
        _ => false,
    }
}

/// A file that is open is not removed there.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_dropped_is_free_though_a_child_has_a_copy_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let locks = Locks::of(&folder.path().join("runs.jsonl")).unwrap();
        for _ in 0..2 {
            let lock = locks.try_lock_key("key").unwrap().unwrap();
            let copy = lock.0.try_clone().unwrap();
            assert!(locks.is_key_locked("key").unwrap());
            drop(lock);
            assert!(!locks.is_key_locked("key").unwrap());
            drop(copy);
        }
    }
}
