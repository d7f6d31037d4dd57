//! [`FileIdentity`]: whether two names, or a name and a standard stream, lead to the same file.

use std::fs::File;
use std::path::Path;

/// What a regular file is known by, under whatever name.
#[cfg(unix)]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
}

#[cfg(unix)]
impl FileIdentity {
    pub(crate) fn of(file: &File, _path: &Path) -> Option<Self> {
        Self::of_descriptor(file)
    }

    /// Of what is there under a name.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        Self::from_stat(&rustix::fs::stat(path).ok()?)
    }

    pub(crate) fn of_stdin() -> Option<Self> {
        Self::of_descriptor(std::io::stdin())
    }

    pub(crate) fn of_stdout() -> Option<Self> {
        Self::of_descriptor(std::io::stdout())
    }

    pub(crate) fn of_stderr() -> Option<Self> {
        Self::of_descriptor(std::io::stderr())
    }

    fn of_descriptor(descriptor: impl std::os::fd::AsFd) -> Option<Self> {
        Self::from_stat(&rustix::fs::fstat(descriptor).ok()?)
    }

    fn from_stat(stat: &rustix::fs::Stat) -> Option<Self> {
        use rustix::fs::FileType;

        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        #[allow(
            clippy::cast_sign_loss,
            clippy::unnecessary_cast,
            clippy::useless_conversion,
            trivial_numeric_casts,
            reason = "the types of these two differ between systems"
        )]
        is_file.then_some(Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
        })
    }
}

/// What a file is known by if the standard library cannot say more: its path. It is the same
/// through links, but not under the other name of a hard link.
#[cfg(not(unix))]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity(std::path::PathBuf);

#[cfg(not(unix))]
impl FileIdentity {
    pub(crate) fn of(_file: &File, path: &Path) -> Option<Self> {
        Self::at(path)
    }

    pub(crate) fn at(path: &Path) -> Option<Self> {
        path.canonicalize().ok().map(Self)
    }

    pub(crate) fn of_stdin() -> Option<Self> {
        None
    }

    pub(crate) fn of_stdout() -> Option<Self> {
        None
    }

    pub(crate) fn of_stderr() -> Option<Self> {
        None
    }
}
