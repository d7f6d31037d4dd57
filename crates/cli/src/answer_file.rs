//! [`AnswerFile`]: a file that gets a run's final answer, and nothing else.
//!
//! It is there if, and only if, the run has completed with an answer: one of an earlier run is
//! removed before anything is sent, and the new one takes its name as a whole.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use dinoai::Run;
use tempfile::NamedTempFile;

use crate::exit::Exit;
use crate::failure::{Failure, Kind};
use crate::shell;

/// A file that can be written, as far as can be known before the run.
#[derive(Debug)]
pub(crate) struct AnswerFile {
    /// As it was given.
    name: PathBuf,
    /// Where a link leads.
    path: PathBuf,
}

impl AnswerFile {
    /// Refuses what cannot be written, and removes an answer that is there. Sends nothing.
    pub(crate) fn prepare(name: PathBuf) -> Result<Self, Failure> {
        let file = Self::checked(&name).map_err(|problem| {
            Failure::usage(format!(
                "--answer-file {}: {problem}; nothing was sent",
                name.display()
            ))
        });
        let path = file?;
        Ok(Self { name, path })
    }

    fn checked(name: &Path) -> Result<PathBuf, String> {
        if name.as_os_str() == "-" {
            return Err("name a file: standard output has the answer already".to_owned());
        }
        let path = match fs::metadata(name) {
            Ok(there) if !there.is_file() => return Err("this is no regular file".to_owned()),
            Ok(_) => fs::canonicalize(name).map_err(|error| error.to_string())?,
            Err(error) if error.kind() == ErrorKind::NotFound => name.to_owned(),
            Err(error) => return Err(error.to_string()),
        };
        if path.file_name().is_none() {
            return Err("this names no file".to_owned());
        }
        // What is made here is removed at once.
        let made = NamedTempFile::new_in(folder(&path));
        made.map_err(|error| format!("no file can be made there: {}", plain(&error)))?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(format!(
                "the answer that is there cannot be removed: {error}"
            )),
            _ => Ok(path),
        }
    }

    /// Writes the answer of a run that has completed.
    pub(crate) fn write(&self, run: &Run) -> Result<(), Failure> {
        let id = &run.session_id;
        let name = self.name.display();
        let Some(answer) = run.answer() else {
            let text =
                format!("the run {id} completed without an answer, so {name} was not written");
            return Err(Failure::new(Kind::Output, Exit::Unavailable, text).about(id));
        };
        self.put(answer).map_err(|error| {
            let problem = plain(&error);
            let text =
                format!("the run {id} completed, and {name} could not be written: {problem}");
            Failure::new(Kind::Output, Exit::Unavailable, text)
                .about(id)
                .with_hint(format!("read it with: dinoai get {}", shell::id(id)))
        })
    }

    fn put(&self, answer: &str) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(folder(&self.path))?;
        file.write_all(answer.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// An error without the name of a file that nobody has chosen, which is behind it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((problem, _)) => problem.to_owned(),
        None => text,
    }
}
