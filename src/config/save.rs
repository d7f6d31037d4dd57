//! Writes a credentials file: for its owner's eyes, and as a whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use reqwest::header::HeaderMap;

use super::credentials::Credentials;
use super::credentials_file::line;
use super::sources::{Account, bad_file};
use crate::error::{Error, Result};

impl Credentials {
    /// Writes a credentials file with this endpoint, as `paradime login` does.
    ///
    /// The vendor's command and [`Client::from_env_or_file`](crate::Client::from_env_or_file) read
    /// it: `~/.paradime/credentials` is where they look for it.
    ///
    /// On Unix only its owner can read the file, and only its owner can open its folder where that
    /// is new; elsewhere both have the permissions of the folder around them, which Windows keeps
    /// to its user in a home. A file that was there before is replaced once the new one is on the
    /// disk and reads back as it was written, or else is left alone. A symbolic link stays one: the
    /// file that it leads to is written.
    ///
    /// ```
    /// use dinoai::{Client, Credentials};
    ///
    /// # fn main() -> dinoai::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a folder");
    /// # let path = folder.path().join("credentials");
    /// let credentials = Credentials::key_and_secret("key", "secret");
    /// credentials.save("https://api.paradime.io/api/v1/your-company/graphql", &path)?;
    /// let client = Client::builder().from_env_or_file_at(&path)?.build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] if the file cannot be written; if the credentials are such as no
    /// client takes, the endpoint is blank, or a company token has no workspace uid; and if a value cannot be written so that it reads
    /// back the same: `${NAME}` in it reads as a variable.
    pub fn save(&self, endpoint: &str, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let headers = self.headers()?;
        if self.is_of_company() && !self.names_workspace() {
            let problem = "is missing: a file with a company token is read with one; \
                           Client::list_workspaces says which there are";
            return Err(Error::config("workspace uid", problem));
        }
        if endpoint.trim().is_empty() {
            return Err(Error::config("endpoint", "is blank: it needs a value"));
        }
        let mut text = String::new();
        for (name, value) in [("API_ENDPOINT", endpoint)]
            .into_iter()
            .chain(self.values())
        {
            text += &line(name, value).ok_or_else(|| {
                let problem = "contains `${`, which reads as a variable in a credentials file: \
                               set it in the environment";
                Error::config(name, problem)
            })?;
        }
        put(path, &text, endpoint, &headers)
    }
}

/// Writes this text, which is to say this endpoint and these credentials.
fn put(path: &Path, text: &str, endpoint: &str, headers: &HeaderMap) -> Result<()> {
    let failed = |error: io::Error| bad_file(path, format!("cannot be written: {error}"));
    let target = target_of(path).map_err(failed)?;
    let draft = Draft::write(&target, text).map_err(failed)?;
    if !reads_back(&draft.path, endpoint, headers) {
        let problem = "cannot be written: it would read back changed".to_owned();
        return Err(bad_file(path, problem));
    }
    draft.put_in_place(&target).map_err(failed)
}

/// The file that a name leads to, there or not. Anything but a file is not to be replaced by one.
fn target_of(path: &Path) -> io::Result<PathBuf> {
    /// As many as systems follow.
    const MOST_LINKS: usize = 40;

    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(found) if found.is_symlink() => {
                let link = fs::read_link(&target)?;
                target = folder_of(&target).map_or(link.clone(), |folder| folder.join(&link));
            }
            Ok(found) if !found.is_file() => return Err(io::Error::other("it is not a file")),
            Ok(_) => return Ok(target),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(target),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("it leads through too many links"))
}

/// Whether the file on the disk has this endpoint, and credentials with these headers.
fn reads_back(path: &Path, endpoint: &str, headers: &HeaderMap) -> bool {
    let Ok(read) = Account::from_file_alone(path) else {
        return false;
    };
    let sent = read.credentials.map(|credentials| credentials.headers());
    read.endpoint.as_deref() == Some(endpoint)
        && sent.is_some_and(|sent| sent.is_ok_and(|sent| sent == *headers))
}

/// A file that is to replace another one. Removed unless it does.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn write(target: &Path, text: &str) -> io::Result<Self> {
        if let Some(folder) = folder_of(target) {
            private_folder().create(folder)?;
        }
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:08x}.new", fastrand::u32(..)));
        let path = target.with_file_name(name);
        let mut file = private_file().open(&path)?;
        let draft = Self { path };
        file.write_all(text.as_bytes())?;
        sync(&file)?;
        Ok(draft)
    }

    fn put_in_place(self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        sync_folder(folder_of(target).unwrap_or(Path::new(".")))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Nothing is there any more where it was put in place.
        let _ = fs::remove_file(&self.path);
    }
}

fn folder_of(path: &Path) -> Option<&Path> {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
}

/// Waits until what was written is on the disk.
fn sync(file: &File) -> io::Result<()> {
    #[cfg(test)]
    tests::note_sync(file);
    file.sync_all()
}

/// Makes a renaming in it last. Not every file system can.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match sync(&File::open(folder)?) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        done => done,
    }
}

/// Elsewhere a folder cannot be opened as a file.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn private_folder() -> DirBuilder {
    let mut folder = DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        folder.mode(0o700);
    }
    folder
}

fn private_file() -> OpenOptions {
    let mut file = OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        file.mode(0o600);
    }
    file
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const ENDPOINT: &str = "https://host/api/v1/company/graphql";

    thread_local! {
        /// What this thread has synced: whether it was a folder.
        static SYNCED: RefCell<Vec<bool>> = const { RefCell::new(vec![]) };
    }

    pub(super) fn note_sync(file: &File) {
        let is_folder = file.metadata().unwrap().is_dir();
        SYNCED.with_borrow_mut(|synced| synced.push(is_folder));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_synced_and_then_its_folder() {
        saved(&Credentials::key_and_secret("key", "secret"));
        assert_eq!(SYNCED.take(), [false, true]);
    }

    fn saved(credentials: &Credentials) -> (String, Account) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/credentials");
        credentials.save(ENDPOINT, &path).unwrap();
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
        let text = fs::read_to_string(&path).unwrap();
        (text, Account::from_file_alone(&path).unwrap())
    }

    #[test]
    fn each_kind_is_read_as_it_was_saved() {
        for credentials in [
            Credentials::key_and_secret("key", "secret"),
            Credentials::key_and_secret("key", "secret").with_workspace_uid("w1"),
            Credentials::workspace_token("prdm_wsp_token"),
            Credentials::workspace_token("prdm_wsp_token").with_workspace_uid("w1"),
            Credentials::company_token("prdm_cmp_token", "w1"),
        ] {
            let (text, read) = saved(&credentials);
            assert!(!text.contains(['\'', '"']), "{text}");
            assert_eq!(read.endpoint.as_deref(), Some(ENDPOINT));
            let headers = read.credentials.unwrap().headers().unwrap();
            assert_eq!(headers, credentials.headers().unwrap());
        }
    }

    #[test]
    fn a_file_that_says_something_else_does_not_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        let credentials = Credentials::key_and_secret("key", "secret");
        credentials.save(ENDPOINT, &path).unwrap();
        let headers = credentials.headers().unwrap();
        assert!(reads_back(&path, ENDPOINT, &headers));
        assert!(!reads_back(&path, "https://other/graphql", &headers));
        let text = fs::read_to_string(&path).unwrap();
        for other in [
            text.replace("=secret", "=other"),
            text.replace("=key", "=other"),
            text.replace("API_SECRET", "SECRET"),
            format!("{text}WORKSPACE_UID=w1\n"),
            String::new(),
        ] {
            fs::write(&path, other).unwrap();
            assert!(!reads_back(&path, ENDPOINT, &headers));
        }
    }

    #[test]
    fn a_text_that_reads_back_changed_leaves_the_old_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        let credentials = Credentials::key_and_secret("key", "secret");
        credentials.save(ENDPOINT, &path).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        let changed = before.replace("=secret", "=other");
        let error = put(&path, &changed, ENDPOINT, &credentials.headers().unwrap());
        assert!(error.unwrap_err().to_string().contains("read back"));
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one_and_what_is_no_file_is_left_alone() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("dot")).unwrap();
        fs::write(at("dot/old"), "API_KEY=old\n").unwrap();
        symlink("dot/old", at("link")).unwrap();
        symlink("dot/new", at("dangling")).unwrap();
        symlink("link", at("twice")).unwrap();
        symlink("endless", at("endless")).unwrap();
        let credentials = Credentials::key_and_secret("key", "secret");
        for (link, file) in [("link", "old"), ("dangling", "new"), ("twice", "old")] {
            credentials.save(ENDPOINT, at(link)).unwrap();
            assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink());
            let text = fs::read_to_string(at("dot").join(file)).unwrap();
            assert!(text.contains("API_KEY=key"), "{text}");
            fs::write(at("dot").join(file), "API_KEY=old\n").unwrap();
        }
        for no_file in ["dot", "endless"] {
            let error = credentials.save(ENDPOINT, at(no_file)).unwrap_err();
            assert!(error.to_string().contains(no_file), "{error}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
    }

    #[test]
    fn what_would_read_back_changed_is_written_in_quotes() {
        for (secret, line) in [
            ("ab$cd", "API_SECRET=ab$cd\n"),
            ("a#b", "API_SECRET=a#b\n"),
            ("a #b", "API_SECRET='a #b'\n"),
            (" a ", "API_SECRET=' a '\n"),
            ("'a'", "API_SECRET='\\'a\\''\n"),
            ("\"a\"", "API_SECRET='\"a\"'\n"),
            ("'a\\", "API_SECRET='\\'a\\\\'\n"),
            ("a\\nb", "API_SECRET=a\\nb\n"),
            ("${a", "API_SECRET=${a\n"),
            ("#a", "API_SECRET=#a\n"),
        ] {
            let (text, read) = saved(&Credentials::key_and_secret("key", secret));
            assert!(text.ends_with(line), "{text}");
            let secrets = read.credentials.unwrap().secrets();
            assert_eq!(secrets, ["key", secret]);
        }
    }

    #[test]
    fn what_cannot_be_saved_is_refused_by_name_and_leaves_the_old_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        fs::write(&path, "old").unwrap();
        let key = |secret: &str| Credentials::key_and_secret("key", secret);
        let refusals = [
            key("canary${HOME}").save(ENDPOINT, &path),
            key("canary\n").save(ENDPOINT, &path),
            key("secret").save("https://host/${canary}", &path),
            key("secret").save(" ", &path),
            key("secret").save(ENDPOINT, folder.path()),
            key("secret").save(ENDPOINT, path.join("below")),
        ];
        let refusals = refusals.map(|refusal| {
            let refusal = refusal.unwrap_err().to_string();
            refusal.replace(&folder.path().display().to_string(), "FOLDER")
        });
        insta::assert_snapshot!(refusals.join("\n"),
@r"
API_SECRET contains `${`, which reads as a variable in a credentials file: set it in the environment
API secret contains a line break or another character that no HTTP header can carry
API_ENDPOINT contains `${`, which reads as a variable in a credentials file: set it in the environment
endpoint is blank: it needs a value
credentials file FOLDER cannot be written: it is not a file
credentials file FOLDER/credentials/below cannot be written: Not a directory (os error 20)
");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
