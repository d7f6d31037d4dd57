//! [`Pipe`]: a pipe with a name, held open, and read only by whom it is given to.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::io::ioctl_fionread;
use tempfile::TempDir;

use crate::support::runs::wait_until;

/// A pipe with a name, whose both ends are open, so that nobody waits for somebody to open it.
pub(crate) struct Pipe {
    path: PathBuf,
    end: File,
    /// Held for its drop.
    _folder: TempDir,
}

impl Pipe {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let end = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(i32::try_from(OFlags::NONBLOCK.bits()).unwrap())
            .open(&path)
            .unwrap();
        Self {
            path,
            end,
            _folder: folder,
        }
    }

    /// The end that is written to, for a command.
    pub(crate) fn end(&self) -> File {
        OpenOptions::new().write(true).open(&self.path).unwrap()
    }

    pub(crate) fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }

    pub(crate) fn write(&self, text: &str) {
        (&self.end).write_all(text.as_bytes()).unwrap();
    }

    /// Waits until somebody has read what was written.
    pub(crate) fn wait_until_read(&self) {
        wait_until("what was written is read", || {
            ioctl_fionread(&self.end).unwrap() == 0
        });
    }

    /// Fills what is left of it, so that the next who writes has to wait.
    pub(crate) fn fill(&self) {
        // What has no space for 4,096 bytes may have some for one.
        for piece in [&[b'x'; 4096][..], &[b'x'; 1]] {
            let error = loop {
                if let Err(error) = (&self.end).write(piece) {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
    }

    /// Waits until somebody has filled it.
    pub(crate) fn wait_until_full(&self) {
        wait_until("the pipe is full", || {
            let mut ends = [PollFd::new(&self.end, PollFlags::OUT)];
            poll(&mut ends, Some(&Timespec::default())).unwrap() == 0
        });
    }
}
