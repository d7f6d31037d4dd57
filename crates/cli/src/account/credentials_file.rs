//! The credentials file: where it is, and who can read it. The library reads it.

#[cfg(unix)]
use std::fs;
use std::path::{Path, PathBuf};

use crate::args::GlobalArgs;
use crate::environment;
use crate::output::Output;
use crate::report::Failure;

/// Where the credentials file is, or would be. `None` if there is no home.
pub(crate) fn path(global: &GlobalArgs) -> Option<PathBuf> {
    global
        .credentials_file
        .clone()
        .or_else(|| Some(environment::paradime_folder()?.join("credentials")))
}

/// Refuses a file that cannot be written, as far as can be seen without writing it.
pub(crate) fn refuse_unwritable(path: &Path) -> Result<(), Failure> {
    let refuse = |problem: &dyn std::fmt::Display| {
        let path = path.display();
        Failure::usage(format!(
            "cannot write the credentials file {path}: {problem}"
        ))
    };
    if path.is_dir() {
        return Err(refuse(&"it is a folder"));
    }
    // Where a link leads is where it is written. Folders that are missing are made.
    let target = path.canonicalize().or_else(|_| std::path::absolute(path));
    let target = target.map_err(|error| refuse(&error))?;
    let folder = target.ancestors().skip(1).find(|folder| folder.exists());
    match folder.map(tempfile::tempfile_in) {
        Some(Err(error)) => Err(refuse(&error)),
        _ => Ok(()),
    }
}

/// Warns where somebody else on this machine can read the file.
#[cfg(unix)]
pub(crate) fn warn_if_others_can_read(path: &Path, output: &Output) {
    use std::os::unix::fs::MetadataExt;

    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    if metadata.is_file() && metadata.mode() & 0o077 != 0 {
        let path = path.display();
        output.warning(&format!(
            "other users can read the credentials file {path}; to fix this: chmod 600 {path}"
        ));
    }
}

/// Windows keeps a home folder to its user.
#[cfg(not(unix))]
pub(crate) fn warn_if_others_can_read(_path: &Path, _output: &Output) {}
