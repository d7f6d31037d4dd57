//! [`Journal`]: the records of a batch, on disk before what they tell of goes on.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use indicatif::ProgressBar;

use super::record::{Record, What};
use super::records::{self, Records};
use crate::failure::Failure;
use crate::output::Output;

/// Writes records to standard output and, where there is one, to the result file.
pub(super) struct Journal {
    file: Option<File>,
    to_stdout: bool,
    spinner: ProgressBar,
    /// The items that are being started.
    in_flight: BTreeSet<usize>,
    is_closed: bool,
    broken: Option<Failure>,
}

impl Journal {
    /// Opens the result file, if one is asked for, and reads what it says.
    pub(super) fn open(
        path: Option<&Path>,
        output: &Output,
    ) -> Result<(Self, Vec<Record>), Failure> {
        let mut journal = Self {
            file: None,
            to_stdout: true,
            spinner: output.spinner(),
            in_flight: BTreeSet::new(),
            is_closed: false,
            broken: None,
        };
        let Some(path) = path else {
            return Ok((journal, vec![]));
        };
        let refuse = |problem: &dyn std::fmt::Display| {
            Failure::usage(format!(
                "{}: {problem}; nothing was started",
                path.display()
            ))
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| refuse(&error))?;
        claim(&file).map_err(|problem| refuse(&problem))?;
        journal.to_stdout = match is_stdout(&file) {
            Sameness::Other => true,
            Sameness::Appended => false,
            Sameness::Emptied => {
                let problem = "standard output writes over the results: append to them with >>";
                return Err(refuse(&problem));
            }
        };
        let records = read(&mut file).map_err(|problem| refuse(&problem))?;
        journal.file = Some(file);
        Ok((journal, records))
    }

    /// Writes a record; it is on disk when this returns.
    pub(super) fn write(&mut self, item: usize, what: What) -> Result<(), Failure> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        match what {
            What::Starting { .. } => self.in_flight.insert(item),
            _ => self.in_flight.remove(&item),
        };
        let record = Record { item, what };
        self.put(&record).map_err(|error| {
            let failure = Failure::system(format!(
                "the results cannot be written, so nothing more is started: {error}"
            ));
            let failure = match &record.what {
                What::Started { session_id } => failure.about(session_id),
                _ => failure,
            };
            self.is_closed = true;
            self.broken = Some(failure.clone());
            failure
        })
    }

    fn put(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_string(record)?;
        line.push('\n');
        if let Some(file) = &mut self.file {
            file.write_all(line.as_bytes())?;
            file.sync_data()?;
        }
        if !self.to_stdout {
            return Ok(());
        }
        let written = self.spinner.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(line.as_bytes())?;
            out.flush()
        });
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.to_stdout = false;
                // Nobody keeps the results any more.
                self.is_closed |= self.file.is_none();
                Ok(())
            }
            Err(error) => Err(error),
            Ok(()) => {
                sync_stdout();
                Ok(())
            }
        }
    }

    /// Nothing more is to be started.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// How many triggers have not been answered yet.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }
}

/// Reads the records, and takes away a last line that was cut off.
fn read(file: &mut File) -> Result<Vec<Record>, String> {
    let mut bytes = vec![];
    let read = file.read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    let Records { records, length } = records::parse(&bytes)?;
    if length < bytes.len() {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let cut = file
            .set_len(length)
            .and_then(|()| file.seek(SeekFrom::End(0)));
        cut.map_err(|error| format!("cannot be mended: {error}"))?;
    }
    Ok(records)
}

/// Whether a file is where standard output goes.
#[cfg_attr(not(unix), expect(dead_code, reason = "not found out there"))]
enum Sameness {
    Other,
    Appended,
    /// It is written over from its beginning.
    Emptied,
}

#[cfg(unix)]
fn is_stdout(file: &File) -> Sameness {
    use rustix::fs::{OFlags, fcntl_getfl, fstat};

    let (Ok(file), Ok(out)) = (fstat(file), fstat(io::stdout())) else {
        return Sameness::Other;
    };
    if (file.st_dev, file.st_ino) != (out.st_dev, out.st_ino) {
        return Sameness::Other;
    }
    match fcntl_getfl(io::stdout()) {
        Ok(flags) if flags.contains(OFlags::APPEND) => Sameness::Appended,
        _ => Sameness::Emptied,
    }
}

#[cfg(not(unix))]
fn is_stdout(_file: &File) -> Sameness {
    Sameness::Other
}

/// Makes sure that no other batch writes to the same results, and starts the same runs.
#[cfg(unix)]
fn claim(file: &File) -> Result<(), &'static str> {
    use rustix::fs::{FlockOperation, flock};

    flock(file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| "another batch is at work on these results")
}

#[cfg(not(unix))]
fn claim(_file: &File) -> Result<(), &'static str> {
    Ok(())
}

/// Where standard output is a file, the record is on its disk.
#[cfg(unix)]
fn sync_stdout() {
    // A pipe or a terminal has no disk, and says so.
    let _ = rustix::fs::fsync(io::stdout());
}

#[cfg(not(unix))]
fn sync_stdout() {}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a result file, and what is in it afterwards.
    fn read_and_kept(content: &[u8]) -> (Result<usize, String>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.jsonl");
        std::fs::write(&path, content).unwrap();
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(&path)
            .unwrap();
        let read = read(&mut file).map(|records| records.len());
        (read, std::fs::read(&path).unwrap())
    }

    #[test]
    fn a_record_that_was_cut_off_is_taken_away_and_nothing_else() {
        let started = br#"{"item":1,"event":"started","agentSessionId":"a"}"#;
        for length in 1..=started.len() {
            let content = [started, &b"\n"[..], &started[..length]].concat();
            let (read, kept) = read_and_kept(&content);
            assert_eq!(read, Ok(1));
            assert_eq!(kept, content[..=started.len()]);
        }
        // After a loss of power.
        let content = [started, &b"\n"[..], &[0; 100]].concat();
        assert_eq!(
            read_and_kept(&content),
            (Ok(1), content[..=started.len()].to_vec())
        );
    }

    #[test]
    fn a_file_that_is_no_result_file_is_left_as_it_is() {
        for content in [
            &b"{\"agent\":\"checker\",\"message\":\"m\"}"[..],
            b"[1, 2]",
            b"A page of notes",
            b"\x1f\x8b\x08\0",
            b"\n",
            b"{\"item\":1,\"event\":\"started\",\"agentSessionId\":\"a\"}\nnotes",
        ] {
            let (read, kept) = read_and_kept(content);
            assert!(read.is_err(), "{}", content.escape_ascii());
            assert_eq!(kept, content);
        }
    }
}
