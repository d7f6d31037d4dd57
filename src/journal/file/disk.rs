//! [`Disk`]: the file of a journal and its locks. All here holds up the thread.
//!
//! Whoever reads or writes the file holds the journal's lock. Each claim holds the lock of its key as well,
//! until it is over: whoever finds a claim whose lock is free finds a dead one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::folders::{failed, in_folder, private, refused, sync_folder};
use super::lines::{Head, Known, Line, written};
use super::locks::Locks;
use crate::error::JournalError;
use crate::journal::entry::{Entry, State};
use crate::journal::store::{Stored, Version, Written};

/// A file is written anew once it is larger than this, and than twice what is in it.
const SMALL: u64 = 256 * 1024;

/// What is asked of a journal.
#[derive(Debug)]
pub(super) enum Order {
    Load(String),
    Store {
        key: String,
        entry: Box<Entry>,
        expected: Option<Version>,
    },
    List,
}

/// What it answers.
#[derive(Debug)]
pub(super) enum Answer {
    Loaded(Option<Box<Stored>>),
    Written(Written),
    Listed(Vec<(String, Stored)>),
}

/// The file of a journal and its locks.
#[derive(Debug)]
pub(super) struct Disk {
    path: PathBuf,
    locks: Locks,
    known: Known,
    /// What was damaged when it was last read.
    pub(super) damage: Option<String>,
    /// How often it was made sure that something is on the disk.
    #[cfg(test)]
    pub(super) syncs: usize,
    /// What is written to in place of the file.
    #[cfg(test)]
    pub(super) append_to: Option<File>,
}

impl Disk {
    /// Opens a journal, or makes one.
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let (path, folder) = in_folder(path)?;
        let mut disk = Self {
            locks: Locks::of(&path)?,
            path,
            known: Known::default(),
            damage: None,
            #[cfg(test)]
            syncs: 0,
            #[cfg(test)]
            append_to: None,
        };
        let _lock = disk.locks.lock_journal()?;
        if let Err(error) = disk.open_file() {
            return Err(failed(&disk.path, "cannot be opened", error));
        }
        disk.refresh()?;
        sync_folder(&folder).map_err(|error| failed(&folder, "cannot be synced", error))?;
        Ok(disk)
    }

    /// Carries out orders, all of them with one sync.
    pub(super) fn carry_out(&mut self, orders: Vec<Order>) -> Vec<Result<Answer, JournalError>> {
        if orders.is_empty() {
            return vec![];
        }
        let count = orders.len();
        let all = |error: JournalError| (0..count).map(|_| Err(error.clone())).collect();
        let _lock = match self.locks.lock_journal() {
            Ok(lock) => lock,
            Err(error) => return all(error),
        };
        let mut file = match self.refresh() {
            Ok(file) => file,
            Err(error) => return all(error),
        };
        let mut added = vec![];
        let mut answers: Vec<_> = orders
            .into_iter()
            .map(|order| self.carry_out_one(order, &mut added))
            .collect();
        if added.is_empty() {
            return answers;
        }
        if let Err(error) = self.append(&mut file, &added) {
            // No number of theirs comes again.
            self.known.last += added.len() as u64;
            // What was answered may follow from what was not stored.
            answers.fill_with(|| Err(error.clone()));
            return answers;
        }
        for line in &added {
            if !is_claim(&line.entry) {
                self.locks.remove_key(&line.key);
            }
        }
        self.compact(&file);
        answers
    }

    fn carry_out_one(
        &mut self,
        order: Order,
        added: &mut Vec<Line>,
    ) -> Result<Answer, JournalError> {
        let last = |added: &[Line], key: &str| {
            let line = added.iter().rev().find(|line| line.key == key);
            line.or_else(|| self.known.keys.get(key)).cloned()
        };
        match order {
            Order::Load(key) => {
                let line = last(added, &key);
                let stored = line.map(|line| self.stored(&line)).transpose()?;
                Ok(Answer::Loaded(stored.map(Box::new)))
            }
            Order::List => {
                let lines = self.known.keys.values();
                let listed = lines.map(|line| Ok((line.key.clone(), self.stored(line)?)));
                let listed = listed.filter(|listed| match listed {
                    Ok((_, stored)) => !stored.entry.is_over(stored.age),
                    Err(_) => true,
                });
                Ok(Answer::Listed(listed.collect::<Result<_, _>>()?))
            }
            Order::Store {
                key,
                entry,
                expected,
            } => {
                let line = last(added, &key);
                let known = line.as_ref().map(|line| version(line.version));
                let conflict = |line: Option<Line>| {
                    let stored = line.map(|line| self.stored(&line)).transpose()?;
                    Ok(Answer::Written(Written::conflict(stored)))
                };
                if known != expected {
                    return conflict(line);
                }
                let lock = match is_claim(&entry) {
                    true => match self.locks.try_lock_key(&key)? {
                        Some(lock) => Some(lock),
                        // Whoever had it is about to let go.
                        None => return conflict(line),
                    },
                    false => None,
                };
                let number = self.known.last.saturating_add(1 + added.len() as u64);
                added.push(Line {
                    key,
                    version: number,
                    at: now(),
                    entry: *entry,
                });
                let version = version(number);
                Ok(Answer::Written(match lock {
                    Some(lock) => Written::claimed(version, lock),
                    None => Written::done(version),
                }))
            }
        }
    }

    fn stored(&self, line: &Line) -> Result<Stored, JournalError> {
        let age = SystemTime::now().duration_since(line.at);
        let age = age.unwrap_or_default();
        let stored = Stored::new(line.entry.clone(), version(line.version), line.at, age);
        Ok(match is_claim(&line.entry) {
            true => stored.held(self.locks.is_key_locked(&line.key)?),
            false => stored,
        })
    }

    /// Opens the file, or makes it where it was not there yet. It is not empty after that.
    fn open_file(&mut self) -> io::Result<File> {
        let file = match open_journal(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Ok(file) if file.metadata()?.is_file() && file.metadata()?.len() == 0 => None,
            other => Some(other?),
        };
        if let Some(file) = file {
            let is_file = file.metadata()?.is_file();
            let problem = || io::Error::new(ErrorKind::InvalidInput, "it is not a regular file");
            return is_file.then_some(file).ok_or_else(problem);
        }
        if !self.known.generation.is_empty() {
            let problem =
                "it was removed or emptied while it was in use; start again if that was meant";
            return Err(io::Error::new(ErrorKind::NotFound, problem));
        }
        self.replace(&Head::new(0), &[])?;
        open_journal(&self.path)
    }

    /// Puts a file with this head and these lines in the place of the one that is there, if any is.
    fn replace(&mut self, head: &Head, lines: &[u8]) -> io::Result<()> {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{}.new", head.generation));
        let draft = PathBuf::from(name);
        let made = (|| {
            let head = written(head).map_err(io::Error::other)?;
            let mut file = private().write(true).create_new(true).open(&draft)?;
            if let Ok(before) = fs::metadata(&self.path) {
                file.set_permissions(before.permissions())?;
            }
            file.write_all(&head)?;
            file.write_all(lines)?;
            file.sync_all()?;
            fs::rename(&draft, &self.path)
        })();
        if made.is_err() {
            let _ = fs::remove_file(&draft);
        }
        made?;
        self.path.parent().map_or(Ok(()), sync_folder)
    }

    /// Reads what others have added.
    fn refresh(&mut self) -> Result<File, JournalError> {
        let path = self.path.clone();
        let mut file = self
            .open_file()
            .map_err(|error| failed(&path, "cannot be opened", error))?;
        self.read(&mut file)?;
        let damage = self.known.damage();
        if damage.is_some() && damage != self.damage {
            let damage = damage.as_deref().unwrap_or_default();
            tracing::warn!(journal = %path.display(), damage, "the journal's file is damaged at its end");
        }
        if damage.is_some() {
            self.damage = damage;
        }
        Ok(file)
    }

    fn read(&mut self, file: &mut File) -> Result<(), JournalError> {
        let path = self.path.clone();
        let cannot = |error| failed(&path, "cannot be read", error);
        let refuse = |problem: String| refused(&path, problem);
        let length = file.metadata().map_err(cannot)?.len();
        let is_same = match self.known.generation.is_empty() {
            true => false,
            false => {
                let mut start = [0; 256];
                let read = read_up_to(file, &mut start).map_err(cannot)?;
                let line = start[..read].split(|byte| *byte == b'\n').next();
                let head = line.map(Head::read).transpose().map_err(refuse)?;
                head.is_some_and(|head| head.generation == self.known.generation)
            }
        };
        if is_same && length < self.known.bytes {
            return Err(refuse(
                "has become shorter: keys may be missing, so move the file away, and look in the workspace which runs it was for".to_owned(),
            ));
        }
        let start = if is_same { self.known.bytes } else { 0 };
        let mut bytes = vec![];
        file.seek(SeekFrom::Start(start)).map_err(cannot)?;
        file.read_to_end(&mut bytes).map_err(cannot)?;
        if is_same {
            return self.known.take(&bytes).map_err(refuse);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let end = end.map_or(bytes.len(), |end| end + 1);
        let (head, rest) = bytes.split_at(end);
        let head = Head::read(head.trim_ascii_end()).map_err(refuse)?;
        if head.last < self.known.last {
            return Err(refuse(
                "was replaced by an older one while it was in use; start again if that was meant"
                    .to_owned(),
            ));
        }
        self.known = Known::after(&head, end);
        self.known.take(rest).map_err(refuse)
    }

    /// Adds lines, and makes sure that they are on the disk.
    fn append(&mut self, file: &mut File, lines: &[Line]) -> Result<(), JournalError> {
        let path = self.path.clone();
        let cannot = |error| failed(&path, "cannot be written", error);
        let other = |problem: String| cannot(io::Error::other(problem));
        let mut text = self.known.before_more().map_err(other)?;
        for line in lines {
            text.extend(written(line).map_err(other)?);
        }
        let end = self.known.bytes + self.known.tail.length;
        let added = (|| {
            if file.metadata()?.len() != end {
                return Err(io::Error::other(
                    "somebody else has changed it without its lock",
                ));
            }
            #[cfg(test)]
            let file = self.append_to.as_mut().unwrap_or(&mut *file);
            file.seek(SeekFrom::Start(end))?;
            file.write_all(&text)?;
            #[cfg(test)]
            {
                self.syncs += 1;
            }
            file.sync_data()
        })();
        if let Err(error) = added {
            // Nobody may take for stored what is reported as failed. Where even that fails, it is a
            // damaged tail, or a dead claim.
            let _ = file.set_len(end);
            return Err(cannot(error));
        }
        self.known.added(text.len(), lines.to_vec());
        Ok(())
    }

    /// Writes the file anew without what is outdated, if that is worth it. If it cannot be, it stays as
    /// it is.
    fn compact(&mut self, file: &File) {
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        if length <= SMALL {
            return;
        }
        let now = SystemTime::now();
        let is_kept = |line: &&Line| {
            let age = now.duration_since(line.at).unwrap_or_default();
            !line.entry.is_over(age)
        };
        let kept: Vec<_> = self.known.keys.values().filter(is_kept).cloned().collect();
        let mut text = vec![];
        for line in &kept {
            let Ok(line) = written(line) else { return };
            text.extend(line);
        }
        if length < 2 * text.len() as u64 {
            return;
        }
        let head = Head::new(self.known.last);
        match self.replace(&head, &text) {
            Ok(()) => {
                let bytes = written(&head).map_or(0, |head| head.len()) + text.len();
                self.known.replaced(&head, bytes as u64, kept);
            }
            Err(error) => tracing::debug!(%error, "the journal could not be written anew"),
        }
    }
}

/// The time as it can be written.
fn now() -> SystemTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = now.unwrap_or_default().as_millis();
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

fn is_claim(entry: &Entry) -> bool {
    matches!(entry.state, State::Claimed { .. })
}

fn version(number: u64) -> Version {
    Version::new(number.to_string())
}

/// Opens a journal's file, without waiting for another end if it is a pipe.
fn open_journal(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        let problem = "it is not a regular file";
        return Err(io::Error::new(ErrorKind::InvalidInput, problem));
    }
    OpenOptions::new().read(true).write(true).open(path)
}

/// Reads from the start, until the buffer is full or the file ends.
fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(0))?;
    let mut read = 0;
    while read < buffer.len() {
        match file.read(&mut buffer[read..])? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}
