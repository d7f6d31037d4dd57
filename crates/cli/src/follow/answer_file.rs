//! [`AnswerFile`]: a file that gets a run's final answer, and nothing else.
//!
//! It is there if, and only if, the run has completed with an answer. [`AnswerFile::of`] refuses
//! what cannot be written; [`AnswerFile::clear`] removes the answer of an earlier run just before
//! anything is sent; [`AnswerFile::write`] puts the new one in its place as a whole.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{self, Path, PathBuf};

use dinoai::Run;
use tempfile::NamedTempFile;

use crate::args::{Command, GlobalArgs, JournalArgs, OutputFormat};
use crate::file_identity::FileIdentity;
use crate::journal::Ledger;
use crate::report::{Failure, hint};
use crate::{account, environment};

/// More links in a row are followed by no system.
const LINKS: usize = 40;

/// A file that can be written, as far as can be known before the run.
#[derive(Debug)]
pub(crate) struct AnswerFile {
    /// As it was given.
    name: PathBuf,
    /// Where a link leads.
    path: PathBuf,
}

impl AnswerFile {
    /// The file that a command's answer goes to, if it asks for one. Refuses what cannot be
    /// written, and what the command uses itself. Removes nothing, sends nothing.
    pub(crate) fn of(command: &Command, global: &GlobalArgs) -> Result<Option<Self>, Failure> {
        let unnamed = JournalArgs::default();
        let (answer, message_file, journal) = match command {
            Command::Run(run) => (&run.answer, run.message_file.clone(), &run.once.journal),
            Command::Send(send) => (&send.answer, send.message_file.clone(), &send.journal),
            Command::Watch(watch) => (&watch.answer, None, &unnamed),
            _ => return Ok(None),
        };
        let Some(name) = answer.answer_file.clone() else {
            return Ok(None);
        };
        let of_step = |name| {
            let is_step = global.output == OutputFormat::Github;
            is_step.then(|| environment::github_file(name)).flatten()
        };
        let files = [
            ("the message's file", message_file),
            ("the credentials file", account::credentials_file(global)),
            ("the journal", Ledger::file(journal, global.is_emulated())),
            ("the file of GITHUB_OUTPUT", of_step("GITHUB_OUTPUT")),
            (
                "the file of GITHUB_STEP_SUMMARY",
                of_step("GITHUB_STEP_SUMMARY"),
            ),
        ];
        let streams = [
            ("standard input", FileIdentity::of_stdin()),
            ("standard output", FileIdentity::of_stdout()),
            ("standard error", FileIdentity::of_stderr()),
        ];
        let is_same = |(what, file): (_, Option<PathBuf>)| {
            file.is_some_and(|file| are_same(&name, &file))
                .then_some(what)
        };
        if let Some(what) = files.into_iter().find_map(is_same) {
            return Err(refusal(&name, &in_use(what)));
        }
        match checked(&name, &streams) {
            Ok(path) => Ok(Some(Self { name, path })),
            Err(problem) => Err(refusal(&name, &problem)),
        }
    }

    /// Removes an answer that is there. To be called last before something is sent.
    pub(crate) fn clear(&self) -> Result<(), Failure> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let problem = format!("cannot remove the existing answer: {error}");
                Err(refusal(&self.name, &problem))
            }
            _ => Ok(()),
        }
    }

    /// Writes the answer of a run that has completed.
    pub(crate) fn write(&self, run: &Run) -> Result<(), Failure> {
        let id = &run.session_id;
        let name = self.name.display();
        let Some(answer) = run.answer() else {
            let text =
                format!("the run {id} completed without an answer, so {name} was not written");
            return Err(Failure::output(text).about(id));
        };
        self.put(answer).map_err(|error| {
            let problem = plain(&error);
            let text =
                format!("the run {id} completed, and {name} could not be written: {problem}");
            Failure::output(text)
                .about(id)
                .with_hint(format!("to read it: dinoai get {}", hint::id(id)))
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

fn refusal(name: &Path, problem: &str) -> Failure {
    let name = name.display();
    Failure::usage(format!("--answer-file {name}: {problem}; nothing was sent"))
}

/// Where the file is, if it can be written and is none of those in use.
fn checked(name: &Path, streams: &[(&str, Option<FileIdentity>)]) -> Result<PathBuf, String> {
    if name.as_os_str() == "-" {
        return Err("name a file; standard output has the answer already".to_owned());
    }
    let path = match fs::metadata(name) {
        Ok(there) if !there.is_file() => return Err("this is not a regular file".to_owned()),
        Ok(there) => {
            let identity = FileIdentity::at(name);
            for (what, other) in streams {
                if identity.is_some() && identity == *other {
                    return Err(in_use(what));
                }
            }
            // A file that cannot be changed could be replaced all the same.
            let opened = OpenOptions::new().append(true).open(name);
            match opened {
                Ok(_) if !there.permissions().readonly() => {}
                Ok(_) => return Err("the existing file is read-only".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
            fs::canonicalize(name).map_err(|error| error.to_string())?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => end_of_links(name)?,
        Err(error) => return Err(error.to_string()),
    };
    if !names_file(&path) {
        return Err("this is not the name of a file".to_owned());
    }
    // What is made here is removed at once.
    let made = NamedTempFile::new_in(folder(&path));
    made.map_err(|error| format!("cannot create a file there: {}", plain(&error)))?;
    Ok(path)
}

fn in_use(what: &str) -> String {
    format!("this is also {what}; name another file")
}

/// Whether two names lead to the same file, also to one that is not there yet.
fn are_same(one: &Path, other: &Path) -> bool {
    match (FileIdentity::at(one), FileIdentity::at(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => {
            let place = |name| {
                let path = end_of_links(name).ok()?;
                let folder = fs::canonicalize(folder(&path)).ok()?;
                Some(folder.join(path.file_name()?))
            };
            place(one).is_some_and(|one| Some(one) == place(other))
        }
        _ => false,
    }
}

/// Where a link leads to a file that is not there yet. What is no link is that file itself.
fn end_of_links(name: &Path) -> Result<PathBuf, String> {
    let mut path = name.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = folder(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err("too many symbolic links".to_owned())
}

/// Whether the last part of a path is a file's name. The standard library overlooks a separator
/// and a dot at the end.
fn names_file(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    let is_open = bytes
        .last()
        .is_none_or(|last| path::is_separator(char::from(*last)));
    let ends_in_dot = bytes.ends_with(b".")
        && bytes
            .len()
            .checked_sub(2)
            .is_none_or(|before| path::is_separator(char::from(bytes[before])));
    !is_open && !ends_in_dot && path.file_name().is_some()
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
