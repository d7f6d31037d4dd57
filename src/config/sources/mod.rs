//! Endpoint and credentials from the environment and from the credentials file:
//! [`Credentials`] has the names of the variables.

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vendor_cases;

use std::env::{self, VarError};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::credentials::{COMPANY_TOKEN_PREFIX, Credentials, WORKSPACE_TOKEN_PREFIX};
use super::credentials_file::Content;
use super::origins::{Origin, Origins, list};
use crate::error::Error;

/// Endpoint and credentials, as far as they were looked for, and where they were found.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) endpoint: Option<String>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) origins: Origins,
}

/// What is looked for: not what was given in code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) endpoint: bool,
    pub(crate) credentials: bool,
    /// Beside the credentials; a company token needs one.
    pub(crate) workspace: bool,
}

/// The names of a setting: first the vendor's own, then one that other products use as well.
pub(crate) type VariableNames = [&'static str; 2];

pub(crate) const ENDPOINT_NAMES: VariableNames = ["PARADIME_API_ENDPOINT", "API_ENDPOINT"];
pub(crate) const KEY_NAMES: VariableNames = ["PARADIME_API_KEY", "API_KEY"];
pub(crate) const SECRET_NAMES: VariableNames = ["PARADIME_API_SECRET", "API_SECRET"];
pub(crate) const WORKSPACE_NAMES: VariableNames = ["PARADIME_WORKSPACE_UID", "WORKSPACE_UID"];

impl Account {
    pub(crate) fn from_env(wanted: Wanted) -> Result<Self, Error> {
        let places = [environment()];
        Values::find(&places, wanted)?.account(wanted, "in the environment")
    }

    pub(crate) fn from_env_or_file(wanted: Wanted) -> Result<Self, Error> {
        match default_file() {
            Some(file) => Self::from_env_or_file_at(&file, wanted),
            None => Self::from_env(wanted),
        }
    }

    pub(crate) fn from_env_or_file_at(path: &Path, wanted: Wanted) -> Result<Self, Error> {
        Self::from_place_or_file(environment(), path, wanted)
    }

    /// As in an environment without any variables.
    pub(crate) fn from_file_alone(path: &Path) -> Result<Self, Error> {
        Self::from_place_or_file(nowhere(), path, Wanted::ALL)
    }

    /// As [`from_file_alone`](Self::from_file_alone), where this is in the file.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn from_content_alone(bytes: Vec<u8>, path: &Path) -> Result<Self, Error> {
        let content = content_of(bytes, path, &nowhere()).map(Some);
        Self::from_place_or_content(nowhere(), path, &content, Wanted::ALL)
    }

    /// What is set wins; the file fills what is missing. A bad file is an error only where it is
    /// needed.
    fn from_place_or_file(place: Place<'_>, path: &Path, wanted: Wanted) -> Result<Self, Error> {
        let content = read_file(path, &place);
        Self::from_place_or_content(place, path, &content, wanted)
    }

    fn from_place_or_content(
        place: Place<'_>,
        path: &Path,
        content: &Result<Option<Content>, Error>,
        wanted: Wanted,
    ) -> Result<Self, Error> {
        let shown = path.display();
        let is_default = default_file().is_some_and(|file| file == path);
        let mut ways = match content {
            _ if is_default => format!(
                "in the environment, or run `dinoai login` or `paradime login`, which write {shown}"
            ),
            Ok(None) => format!("in the environment, or in {shown}, which does not exist"),
            _ => format!("in the environment, or in {shown}"),
        };
        let places = match content {
            Ok(Some(content)) => {
                if let Some(lines) = lines(&content.unread) {
                    ways += &format!("; nothing could be read from {lines} of that file");
                }
                vec![place, in_file(content, path)]
            }
            Ok(None) | Err(_) => vec![place],
        };
        let account = Values::find(&places, wanted)?.account(wanted, &ways);
        match (account, content) {
            (Err(_), Err(bad_file)) => Err(bad_file.clone()),
            (account, _) => account,
        }
    }
}

impl Wanted {
    pub(crate) const ALL: Self = Self {
        endpoint: true,
        credentials: true,
        workspace: true,
    };
}

/// Somewhere that names have values.
struct Place<'a> {
    /// As it reads after a name.
    name: String,
    is_file: bool,
    look_up: Box<LookUp<'a>>,
}

type LookUp<'a> = dyn Fn(&str) -> Result<Option<String>, Error> + 'a;

fn environment() -> Place<'static> {
    Place {
        name: "in the environment".to_owned(),
        is_file: false,
        look_up: Box::new(|name| match env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(Error::config(name, "is not valid UTF-8")),
        }),
    }
}

fn in_file<'a>(content: &'a Content, path: &Path) -> Place<'a> {
    Place {
        name: format!("in {}", path.display()),
        is_file: true,
        look_up: Box::new(|name| Ok(content.get(name).map(str::to_owned))),
    }
}

fn nowhere() -> Place<'static> {
    Place {
        name: "nowhere".to_owned(),
        is_file: false,
        look_up: Box::new(|_| Ok(None)),
    }
}

/// A value and where it was found.
struct Found {
    value: String,
    origin: Origin,
}

/// What was found.
#[derive(Default)]
struct Values {
    endpoint: Option<Found>,
    key: Option<Found>,
    secret: Option<Found>,
    workspace_uid: Option<Found>,
    /// The names that are set to nothing, and set to something further down.
    hidden: Vec<&'static str>,
}

impl Values {
    fn find(places: &[Place<'_>], wanted: Wanted) -> Result<Self, Error> {
        let mut values = Self::default();
        if wanted.endpoint {
            values.endpoint = values.look_up(places, ENDPOINT_NAMES)?;
        }
        if wanted.credentials {
            values.key = values.look_up(places, KEY_NAMES)?;
            values.secret = values.look_up(places, SECRET_NAMES)?;
        }
        if wanted.credentials && wanted.workspace {
            values.workspace_uid = values.look_up(places, WORKSPACE_NAMES)?;
        }
        Ok(values)
    }

    /// As the vendor's command does: each name in the environment before the file, where one that
    /// is set to nothing hides the file's; the first name that has a value counts.
    fn look_up(
        &mut self,
        places: &[Place<'_>],
        names: VariableNames,
    ) -> Result<Option<Found>, Error> {
        for name in names {
            let mut is_set_to_nothing = false;
            for place in places {
                let Some(value) = (place.look_up)(name)? else {
                    continue;
                };
                if value.is_empty() {
                    is_set_to_nothing = true;
                } else if is_set_to_nothing {
                    self.hidden.push(name);
                } else {
                    let origin = Origin {
                        name,
                        place: place.name.clone(),
                        is_file: place.is_file,
                    };
                    return Ok(Some(Found { value, origin }));
                }
            }
        }
        Ok(None)
    }

    /// The account, or all that is missing for it, with the ways to set it.
    fn account(self, wanted: Wanted, ways: &str) -> Result<Account, Error> {
        let kind = self.secret.as_ref().map(|secret| secret.value.as_str());
        let is_workspace = kind.is_some_and(|secret| secret.starts_with(WORKSPACE_TOKEN_PREFIX));
        let is_company = kind.is_some_and(|secret| secret.starts_with(COMPANY_TOKEN_PREFIX));
        let is_token = is_workspace || is_company;
        self.refuse_if_incomplete(wanted, is_token, is_company, ways)?;
        if let (Some(endpoint), Some(secret)) = (&self.endpoint, &self.secret) {
            refuse_a_mix(&endpoint.origin, &secret.origin)?;
        }

        let origin = |found: &Option<Found>| found.as_ref().map(|found| found.origin.clone());
        let origins = Origins {
            endpoint: origin(&self.endpoint),
            key: origin(&self.key).filter(|_| !is_token),
            secret: origin(&self.secret),
            workspace_uid: origin(&self.workspace_uid),
        };
        let uid = self.workspace_uid.map(|uid| uid.value);
        let credentials = self.secret.map(|secret| {
            let credentials = match self.key {
                _ if is_company => Credentials::company_token_without_workspace(secret.value),
                Some(key) if !is_token => Credentials::key_and_secret(key.value, secret.value),
                _ => Credentials::workspace_token(secret.value),
            };
            match uid {
                Some(uid) => credentials.with_workspace_uid(uid),
                None => credentials,
            }
        });
        Ok(Account {
            endpoint: self.endpoint.map(|endpoint| endpoint.value),
            credentials,
            origins,
        })
    }

    fn refuse_if_incomplete(
        &self,
        wanted: Wanted,
        is_token: bool,
        is_company: bool,
        ways: &str,
    ) -> Result<(), Error> {
        let key = match self.secret {
            Some(_) => "the API key, which a secret that is no token needs",
            None => "the API key, unless the secret is a token",
        };
        let settings = [
            (
                wanted.endpoint,
                &self.endpoint,
                ENDPOINT_NAMES,
                "the URL shown when the API key was generated",
            ),
            (wanted.credentials && !is_token, &self.key, KEY_NAMES, key),
            (
                wanted.credentials,
                &self.secret,
                SECRET_NAMES,
                "the API key's secret, or a token",
            ),
            (
                is_company && wanted.workspace,
                &self.workspace_uid,
                WORKSPACE_NAMES,
                "which a company token needs",
            ),
        ];
        let missing: Vec<_> = settings
            .into_iter()
            .filter(|(is_needed, found, ..)| *is_needed && found.is_none())
            .map(|(_, _, [name, _], what)| format!("{name} ({what})"))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let (are, them) = match missing.len() {
            1 => ("is", "it"),
            _ => ("are", "them"),
        };
        let mut problem = format!("{are} missing: set {them} {ways}");
        if !self.hidden.is_empty() {
            problem += &format!(
                "; the environment sets {} to nothing, which hides what the file says",
                list(&self.hidden)
            );
        }
        let missing: Vec<_> = missing.iter().map(String::as_str).collect();
        Err(Error::config(list(&missing), problem))
    }
}

/// Refuses to send the file's secret to an endpoint that may be another product's: the names
/// without prefix are anyone's. A departure from the vendor's own client, which sends it.
fn refuse_a_mix(endpoint: &Origin, secret: &Origin) -> Result<(), Error> {
    let [prefixed, unprefixed] = ENDPOINT_NAMES;
    if endpoint.is_file || endpoint.name != unprefixed || !secret.is_file {
        return Ok(());
    }
    let setting = format!("endpoint ({endpoint})");
    let problem = format!(
        "may be another product's, so it does not get the secret ({secret}): set {prefixed}, or \
         put endpoint and secret in one place"
    );
    Err(Error::config(setting, problem))
}

/// The file that both commands write. `None` if there is no home.
fn default_file() -> Option<PathBuf> {
    Some(env::home_dir()?.join(".paradime").join("credentials"))
}

/// What a credentials file says; `None` if there is no such file.
fn read_file(path: &Path, environment: &Place<'_>) -> Result<Option<Content>, Error> {
    match read_at_most(path, LARGEST_FILE) {
        Ok(bytes) if bytes.len() > LARGEST_FILE => {
            let problem = format!("is larger than {} KiB", LARGEST_FILE / 1024);
            Err(bad_file(path, problem))
        }
        Ok(bytes) => content_of(bytes, path, environment).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(bad_file(path, format!("cannot be read: {error}"))),
    }
}

/// Four settings, and whatever else stands beside them.
const LARGEST_FILE: usize = 1024 * 1024;

/// The bytes of a file; one more than `limit` where it is longer. Some files have no end.
fn read_at_most(path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![];
    let end = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(end).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a credentials file with these bytes says. The vendor's command fails on a file that is
/// not UTF-8, too.
fn content_of(bytes: Vec<u8>, path: &Path, environment: &Place<'_>) -> Result<Content, Error> {
    let text = String::from_utf8(bytes)
        .map_err(|_| bad_file(path, "is not a text file (UTF-8)".to_owned()))?;
    Ok(Content::read(&text, |name| {
        (environment.look_up)(name).ok().flatten()
    }))
}

pub(crate) fn bad_file(path: &Path, problem: String) -> Error {
    Error::config(format!("credentials file {}", path.display()), problem)
}

/// `line 2`, `lines 2 and 5`; `None` of no lines.
fn lines(numbers: &[usize]) -> Option<String> {
    const SHOWN: usize = 5;
    let mut shown: Vec<_> = numbers.iter().take(SHOWN).map(usize::to_string).collect();
    if numbers.len() > SHOWN {
        shown.push("more".to_owned());
    }
    let shown: Vec<_> = shown.iter().map(String::as_str).collect();
    let word = match shown.len() {
        0 => return None,
        1 => "line",
        _ => "lines",
    };
    Some(format!("{word} {}", list(&shown)))
}
