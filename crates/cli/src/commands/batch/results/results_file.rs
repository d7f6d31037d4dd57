//! The results file: [`OpenedResults::open`] reads what is taken for one, [`OpenedResults::ready`] makes it
//! fit for more records, which are written to a [`ResultsFile`].
//!
//! One batch at a time writes to it: each adds whole lines at its end, and takes nothing away.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::record::ResultsHead;
use super::recovery::{RecoveredRecords, recover_records};
use super::writer_thread::Sink;
use crate::file_identity::FileIdentity;
use crate::output::Output;
use crate::report::Failure;
use crate::sanitize::json;

/// A results file that has been opened and read, and of which not a byte has changed. One that is not there
/// is not made before the batch is known to be right.
#[derive(Debug)]
pub(crate) struct OpenedResults {
    path: PathBuf,
    file: Option<File>,
    pub(crate) recovered: RecoveredRecords,
    /// Whether standard output is appended to it, so that it gets each record already.
    pub(crate) is_stdout: bool,
}

impl OpenedResults {
    /// Opens a file, if there is one, and reads the records in it. One that holds anything else is
    /// refused.
    pub(crate) fn open(path: &Path, input: Option<&FileIdentity>) -> Result<Self, Failure> {
        let refuse = |problem| refusal(path, problem);
        // Asked before it is opened: to open a pipe waits for somebody at its other end.
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            let problem = "this is not a regular file, so results could not be read back from it";
            return Err(refuse(problem.to_owned()));
        }
        let mut file = match open(path, false) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self {
                    path: path.to_owned(),
                    file: None,
                    recovered: RecoveredRecords::default(),
                    is_stdout: false,
                });
            }
            Err(error) => return Err(refuse(error.to_string())),
        };
        let identity = FileIdentity::of(&file, path);
        if identity.is_some() && identity.as_ref() == input {
            let problem = "this is the batch file itself; name another file for the results";
            return Err(refuse(problem.to_owned()));
        }
        lock(&file).map_err(refuse)?;
        if identity.is_some() && identity == FileIdentity::of_stderr() {
            let problem = "standard error is redirected into the results; redirect it elsewhere";
            return Err(refuse(problem.to_owned()));
        }
        let is_stdout = identity.is_some() && identity == FileIdentity::of_stdout();
        if is_stdout && !stdout_appends() {
            let problem = "standard output overwrites the results; append to them with >>";
            return Err(refuse(problem.to_owned()));
        }
        let recovered = read(&mut file, path)?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            recovered,
            is_stdout,
        })
    }

    /// Makes it, or makes it ready for more records: adds a head, unless it has one, keeps a last line that was
    /// cut off from others, and makes sure that file and folder are on disk.
    pub(crate) fn ready(
        mut self,
        head: &ResultsHead,
        output: &Output,
    ) -> Result<ResultsFile, Failure> {
        let file = match self.file.take() {
            Some(file) => file,
            None => create(&self.path).map_err(|problem| refusal(&self.path, problem))?,
        };
        if let Err(error) = restrict(&file) {
            output.warning(&format!(
                "other users may read {}, which contains what agents wrote: {error}",
                self.path.display()
            ));
        }
        self.complete(&file, head).map_err(|error| {
            Failure::system(format!(
                "{}: cannot write results: {error}; nothing was started",
                self.path.display()
            ))
        })?;
        let identity = FileIdentity::of(&file, &self.path);
        Ok(ResultsFile {
            file,
            place: identity.map(|identity| (self.path, identity)),
            is_synced: true,
        })
    }

    fn complete(&self, mut file: &File, head: &ResultsHead) -> io::Result<()> {
        let mut lines = String::new();
        if self.recovered.is_cut {
            lines.push('\n');
        }
        if self.recovered.head.is_none() {
            lines.extend([json::line(head)?.as_str(), "\n"]);
        }
        file.seek(SeekFrom::End(0))?;
        file.write_all(lines.as_bytes())?;
        sync(file)?;
        sync_folder(&self.path)
    }
}

fn read(file: &mut File, path: &Path) -> Result<RecoveredRecords, Failure> {
    let mut bytes = vec![];
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_end(&mut bytes))
        .map_err(|error| refusal(path, format!("cannot read this file: {error}")))?;
    recover_records(&bytes).map_err(|problem| refusal(path, problem))
}

/// A results file that records are added to.
#[derive(Debug)]
pub(crate) struct ResultsFile {
    file: File,
    /// Where it is, and what is there.
    place: Option<(PathBuf, FileIdentity)>,
    /// Whether all that was written is on disk.
    is_synced: bool,
}

impl Sink for ResultsFile {
    /// Adds whole lines, or none, if the file is where it was: one that was moved must not say that
    /// something begins which then does not.
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.check_in_place()?;
        self.is_synced &= lines.is_empty();
        self.file.write_all(lines)
    }

    /// Waits until they are on disk, and the file is still where it was.
    fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced {
            self.file.sync_data()?;
            self.is_synced = true;
        }
        self.check_in_place()
    }
}

impl ResultsFile {
    /// Fails with "not found" once its name leads to no file, or to another one.
    fn check_in_place(&self) -> io::Result<()> {
        match &self.place {
            Some((path, identity)) if FileIdentity::at(path).as_ref() != Some(identity) => {
                let path = path.display();
                let problem = format!("{path} was removed, renamed or replaced in the meantime");
                Err(io::Error::new(io::ErrorKind::NotFound, problem))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
impl From<File> for ResultsFile {
    fn from(file: File) -> Self {
        Self {
            file,
            place: None,
            is_synced: true,
        }
    }
}

fn refusal(path: &Path, problem: impl Display) -> Failure {
    let path = path.display();
    Failure::usage(format!("{path}: {problem}; nothing was started"))
}

fn open(path: &Path, creates: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(creates);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a file that was not there when it was looked for.
fn create(path: &Path) -> Result<File, String> {
    let file = open(path, true).map_err(|error| error.to_string())?;
    lock(&file)?;
    // Another batch may have made it since, and even have ended.
    match file.metadata() {
        Ok(metadata) if metadata.len() == 0 => Ok(file),
        Ok(_) => Err("another batch has just created this file".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Makes sure that no other batch writes to the same results.
fn lock(file: &File) -> Result<(), String> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => "another batch is using these results".to_owned(),
        TryLockError::Error(error) => format!("cannot lock this file: {error}"),
    })
}

/// Takes away other users' access to a file: there are transcripts in it.
#[cfg(unix)]
fn restrict(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mut permissions = file.metadata()?.permissions();
    if permissions.mode() & 0o077 == 0 {
        return Ok(());
    }
    permissions.set_mode(permissions.mode() & 0o700);
    file.set_permissions(permissions)
}

/// Who may read a file follows from its folder there.
#[cfg(not(unix))]
fn restrict(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Waits until what was written is on the disk.
fn sync(file: &File) -> io::Result<()> {
    #[cfg(test)]
    tests::note_sync(file);
    file.sync_all()
}

/// A file that was made is there after a loss of power only if its folder is on disk, too.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let path = path.canonicalize()?;
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    match sync(&File::open(folder)?) {
        // Not every file system can.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        done => done,
    }
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether standard output, a file, is appended to, not written over.
#[cfg(unix)]
fn stdout_appends() -> bool {
    use rustix::fs::{OFlags, fcntl_getfl};

    fcntl_getfl(io::stdout()).is_ok_and(|flags| flags.contains(OFlags::APPEND))
}

#[cfg(not(unix))]
fn stdout_appends() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    thread_local! {
        /// What this thread has synced: whether it was a folder.
        static SYNCED: RefCell<Vec<bool>> = const { RefCell::new(vec![]) };
    }

    pub(crate) fn note_sync(file: &File) {
        let is_folder = file.metadata().unwrap().is_dir();
        SYNCED.with_borrow_mut(|synced| synced.push(is_folder));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_synced_and_then_its_folder_before_anything_is_added() {
        use crate::args::OutputFormat;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.jsonl");
        let opened = OpenedResults::open(&path, None).unwrap();
        assert_eq!(SYNCED.take(), Vec::<bool>::new());
        let head = ResultsHead::Batch {
            key: "batch/1".to_owned(),
            journal: "runs.jsonl".to_owned(),
        };
        opened
            .ready(&head, &Output::plain(OutputFormat::Text))
            .unwrap();
        assert_eq!(SYNCED.take(), [false, true]);
    }
}
