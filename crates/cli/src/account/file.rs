//! The credentials file: where it is, who can read it, and what it says.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::failure::Failure;
use crate::options::Global;
use crate::output::Output;

/// Where the credentials file is, or would be. `None` where there is no home.
pub(crate) fn path(global: &Global) -> Option<PathBuf> {
    global
        .credentials_file
        .clone()
        .or_else(|| Some(env::home_dir()?.join(".paradime").join("credentials")))
}

/// Warns where somebody else on this machine can read the file.
#[cfg(unix)]
pub(crate) fn warn_if_others_can_read(path: &Path, output: &Output) {
    use std::os::unix::fs::MetadataExt;

    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    if metadata.mode() & 0o077 != 0 {
        let path = path.display();
        output.warning(&format!(
            "others can read the credentials file {path}: chmod 600 {path}"
        ));
    }
}

/// Windows keeps a home folder to its user.
#[cfg(not(unix))]
pub(crate) fn warn_if_others_can_read(_path: &Path, _output: &Output) {}

/// What the file says.
#[derive(Default)]
pub(crate) struct Values(HashMap<String, String>);

impl Values {
    /// Reads `NAME=value` lines as the library does; no file is no values.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                let problem = format!("the credentials file {shown} cannot be read: {error}");
                return Err(Failure::usage(problem));
            }
        };
        let lines = text.lines().map(str::trim);
        let values = lines
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), unquoted(value.trim()).to_owned()))
            .collect();
        Ok(Self(values))
    }

    /// The value of a name, or of the same with the prefix.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        [format!("PARADIME_{name}"), name.to_owned()]
            .iter()
            .find_map(|name| self.0.get(name).filter(|value| !value.is_empty()).cloned())
    }
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}
