//! Endpoint and credentials from the environment and from the credentials file: see
//! [`credentials`](crate::credentials) for the names.

use std::collections::HashMap;
use std::env::{self, VarError};
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::credentials::{COMPANY_TOKEN_PREFIX, Credentials, WORKSPACE_TOKEN_PREFIX};
use crate::error::Error;

/// Endpoint and credentials, and where they were found.
pub(crate) struct Account {
    pub(crate) endpoint: String,
    pub(crate) credentials: Credentials,
    pub(crate) origins: Origins,
}

/// Where each setting was found, for errors; `None` where it was given in code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origins {
    endpoint: Option<Origin>,
    key: Option<Origin>,
    secret: Option<Origin>,
    workspace_uid: Option<Origin>,
}

/// Where a setting was found: a name, and the environment or the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    name: &'static str,
    /// As it reads after a name.
    place: String,
    is_file: bool,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name, self.place)
    }
}

impl Origins {
    /// Where the settings were found as one clause, for a refusal by the server; `None` where all
    /// were given in code. Names and the file's path alone, no values.
    ///
    /// `endpoint from API_ENDPOINT in the environment, key and secret from API_KEY and API_SECRET
    /// in …/credentials`
    pub(crate) fn describe(&self) -> Option<String> {
        let found: Vec<_> = [
            ("endpoint", &self.endpoint),
            ("key", &self.key),
            ("secret", &self.secret),
            ("workspace uid", &self.workspace_uid),
        ]
        .into_iter()
        .filter_map(|(setting, origin)| Some((setting, origin.as_ref()?)))
        .collect();
        let clause = |place: &str| {
            let here = found.iter().filter(|(_, origin)| origin.place == place);
            let (settings, names): (Vec<_>, Vec<_>) = here
                .map(|(setting, origin)| (*setting, origin.name))
                .unzip();
            format!("{} from {} {place}", list(&settings), list(&names))
        };
        let mut places: Vec<&str> = vec![];
        for (_, origin) in &found {
            if !places.contains(&origin.place.as_str()) {
                places.push(&origin.place);
            }
        }
        let clauses: Vec<_> = places.into_iter().map(clause).collect();
        (!clauses.is_empty()).then(|| clauses.join(", "))
    }

    /// The same where the endpoint was given in code after all.
    pub(crate) fn without_endpoint(self) -> Self {
        Self {
            endpoint: None,
            ..self
        }
    }

    /// The same where the credentials were given in code after all.
    pub(crate) fn without_credentials(self) -> Self {
        Self {
            endpoint: self.endpoint,
            ..Self::default()
        }
    }

    /// Adds to a refusal where the refused setting was found.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let Error::InvalidConfig { setting, problem } = error else {
            return error;
        };
        let origin = match setting.as_str() {
            "endpoint" => &self.endpoint,
            "API key" => &self.key,
            "workspace uid" => &self.workspace_uid,
            _ => &self.secret,
        };
        match origin {
            Some(origin) => Error::config(format!("{setting} ({origin})"), problem),
            None => Error::config(setting, problem),
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(items: &[&str]) -> String {
    match items {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => items.concat(),
    }
}

/// The names of a setting: first the vendor's own, then one that other products use as well.
type Names = [&'static str; 2];

const ENDPOINT_NAMES: Names = ["PARADIME_API_ENDPOINT", "API_ENDPOINT"];
const KEY_NAMES: Names = ["PARADIME_API_KEY", "API_KEY"];
const SECRET_NAMES: Names = ["PARADIME_API_SECRET", "API_SECRET"];
const WORKSPACE_NAMES: Names = ["PARADIME_WORKSPACE_UID", "WORKSPACE_UID"];

impl Account {
    pub(crate) fn from_env() -> Result<Self, Error> {
        let places = [environment()];
        Values::find(&places)?.account("in the environment")
    }

    pub(crate) fn from_env_or_file() -> Result<Self, Error> {
        match env::home_dir() {
            Some(home) => Self::from_env_or_file_at(&home.join(".paradime").join("credentials")),
            None => Self::from_env(),
        }
    }

    pub(crate) fn from_env_or_file_at(path: &Path) -> Result<Self, Error> {
        Self::from_place_or_file(environment(), path)
    }

    /// As in an environment without any of the names.
    #[cfg(test)]
    pub(crate) fn from_file_alone(path: &Path) -> Result<Self, Error> {
        Self::from_place_or_file(nowhere(), path)
    }

    /// As [`from_file_alone`](Self::from_file_alone), where this is in the file.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn from_content_alone(bytes: Vec<u8>, path: &Path) -> Result<Self, Error> {
        Self::from_place_or_values(nowhere(), path, &values_of(bytes, path).map(Some))
    }

    /// What is set wins; the file fills what is missing. A bad file is an error only where it is
    /// needed.
    fn from_place_or_file(place: Place<'_>, path: &Path) -> Result<Self, Error> {
        Self::from_place_or_values(place, path, &read_file(path))
    }

    fn from_place_or_values(
        place: Place<'_>,
        path: &Path,
        file: &Result<Option<HashMap<String, String>>, Error>,
    ) -> Result<Self, Error> {
        let shown = path.display();
        let ways = format!(
            "in the environment, or run `dinoai login` or `paradime login`, which write {shown}"
        );
        let places = match file {
            Ok(Some(values)) => vec![
                place,
                Place {
                    name: format!("in {shown}"),
                    is_file: true,
                    look_up: Box::new(|name| Ok(values.get(name).cloned())),
                },
            ],
            Ok(None) | Err(_) => vec![place],
        };
        let account = Values::find(&places)?.account(&ways);
        match (account, file) {
            (Err(_), Err(bad_file)) => Err(bad_file.clone()),
            (account, _) => account,
        }
    }
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

#[cfg(any(test, fuzzing))]
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
struct Values {
    endpoint: Option<Found>,
    key: Option<Found>,
    secret: Option<Found>,
    workspace_uid: Option<Found>,
}

impl Values {
    fn find(places: &[Place<'_>]) -> Result<Self, Error> {
        let look_up = |names: Names| {
            for place in places {
                for name in names {
                    let value = (place.look_up)(name)?;
                    if let Some(value) = value.filter(|value| !value.is_empty()) {
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
        };
        Ok(Self {
            endpoint: look_up(ENDPOINT_NAMES)?,
            key: look_up(KEY_NAMES)?,
            secret: look_up(SECRET_NAMES)?,
            workspace_uid: look_up(WORKSPACE_NAMES)?,
        })
    }

    /// The account, or all that is missing for it, with the ways to set it.
    fn account(self, ways: &str) -> Result<Account, Error> {
        let kind = self.secret.as_ref().map(|secret| secret.value.as_str());
        let is_workspace = kind.is_some_and(|secret| secret.starts_with(WORKSPACE_TOKEN_PREFIX));
        let is_company = kind.is_some_and(|secret| secret.starts_with(COMPANY_TOKEN_PREFIX));
        let needs_key = kind.is_some() && !is_workspace && !is_company;

        let mut missing = vec![];
        let mut need = |is_needed: bool, found: &Option<Found>, names: Names, what: &str| {
            if is_needed && found.is_none() {
                missing.push(format!("{} ({what})", names[0]));
            }
        };
        let what = "the URL shown when the API key was generated";
        need(true, &self.endpoint, ENDPOINT_NAMES, what);
        let what = "the API key, which a secret that is no token needs";
        need(needs_key, &self.key, KEY_NAMES, what);
        need(
            true,
            &self.secret,
            SECRET_NAMES,
            "the API key's secret, or a token",
        );
        let what = "which a company token needs";
        need(is_company, &self.workspace_uid, WORKSPACE_NAMES, what);
        let (Some(endpoint), Some(secret), true) = (self.endpoint, self.secret, missing.is_empty())
        else {
            let (are, them) = match missing.len() {
                1 => ("is", "it"),
                _ => ("are", "them"),
            };
            let problem = format!("{are} missing: set {them} {ways}");
            return Err(Error::config(missing.join(" and "), problem));
        };

        refuse_a_mix(&endpoint.origin, &secret.origin)?;

        let origin = |found: &Option<Found>| found.as_ref().map(|found| found.origin.clone());
        let origins = Origins {
            key: origin(&self.key).filter(|_| needs_key),
            workspace_uid: origin(&self.workspace_uid),
            endpoint: Some(endpoint.origin),
            secret: Some(secret.origin),
        };
        let uid = self.workspace_uid.map(|uid| uid.value);
        let credentials = match (self.key, &uid) {
            (_, Some(uid)) if is_company => Credentials::company_token(secret.value, uid),
            (Some(key), _) if needs_key => Credentials::key_and_secret(key.value, secret.value),
            _ => Credentials::workspace_token(secret.value),
        };
        Ok(Account {
            endpoint: endpoint.value,
            credentials: match uid {
                Some(uid) => credentials.with_workspace_uid(uid),
                None => credentials,
            },
            origins,
        })
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

/// The values of a credentials file; `None` where there is no such file.
///
/// The vendor's command writes values as they are, without quotes or escapes, and a secret may
/// hold a `$`, a `#` or a backslash: a dotenv parser would change them.
fn read_file(path: &Path) -> Result<Option<HashMap<String, String>>, Error> {
    match fs::read(path) {
        Ok(bytes) => values_of(bytes, path).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(bad_file(path, format!("cannot be read: {error}"))),
    }
}

/// The values that a credentials file with this content sets.
pub(crate) fn values_of(bytes: Vec<u8>, path: &Path) -> Result<HashMap<String, String>, Error> {
    let text = String::from_utf8(bytes)
        .map_err(|_| bad_file(path, "is not a text file (UTF-8)".to_owned()))?;
    let mut values = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        match line.split_once('=') {
            Some((name, value)) if is_name(name.trim()) => {
                values.insert(name.trim().to_owned(), unquoted(value.trim()).to_owned());
            }
            _ => {
                let problem = format!("line {} is not NAME=value", index + 1);
                return Err(bad_file(path, problem));
            }
        }
    }
    Ok(values)
}

fn bad_file(path: &Path, problem: String) -> Error {
    Error::config(format!("credentials file {}", path.display()), problem)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_')
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    fn place<'a>(variables: &'a [(&'a str, &'a str)]) -> Place<'a> {
        Place {
            name: "in the test".to_owned(),
            is_file: false,
            look_up: Box::new(|name| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                Ok(found.map(|(_, value)| (*value).to_owned()))
            }),
        }
    }

    fn find(variables: &[(&str, &str)]) -> Result<Account, Error> {
        Values::find(&[place(variables)])?.account("in the environment")
    }

    fn sent(credentials: &Credentials) -> Vec<(String, String)> {
        let headers = credentials.headers().unwrap();
        headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect()
    }

    #[test]
    fn the_kind_follows_from_the_secrets_prefix() {
        let endpoint = ("API_ENDPOINT", "https://host/graphql");
        let key = ("API_KEY", "k");
        let workspace = ("WORKSPACE_UID", "w1");
        let headers = |variables: &[(&str, &str)]| sent(&find(variables).unwrap().credentials);
        insta::assert_debug_snapshot!([
            headers(&[endpoint, key, ("API_SECRET", "s")]),
            headers(&[endpoint, key, ("API_SECRET", "s"), workspace]),
            headers(&[endpoint, key, ("API_SECRET", "prdm_wsp_t")]),
            headers(&[endpoint, ("API_SECRET", "prdm_cmp_t"), workspace]),
        ]);
    }

    #[test]
    fn the_prefixed_name_wins_and_an_empty_variable_is_unset() {
        let account = find(&[
            ("PARADIME_API_ENDPOINT", ""),
            ("API_ENDPOINT", "https://old/graphql"),
            ("PARADIME_API_KEY", "new"),
            ("API_KEY", "old"),
            ("PARADIME_API_SECRET", "s"),
            ("PARADIME_WORKSPACE_UID", ""),
        ])
        .unwrap();
        assert_eq!(account.endpoint, "https://old/graphql");
        assert_eq!(account.credentials.secrets(), ["new", "s"]);
        assert_eq!(account.credentials.headers().unwrap().len(), 2);
    }

    #[test]
    fn what_is_missing_is_named_with_the_ways_to_set_it() {
        let endpoint = ("PARADIME_API_ENDPOINT", "https://host/graphql");
        let refusal = |variables: &[(&str, &str)]| find(variables).err().unwrap().to_string();
        insta::assert_snapshot!(
            [
                refusal(&[]),
                refusal(&[endpoint]),
                refusal(&[("PARADIME_API_SECRET", "s")]),
                refusal(&[endpoint, ("PARADIME_API_SECRET", "s")]),
                refusal(&[endpoint, ("PARADIME_API_SECRET", "prdm_cmp_t")]),
            ]
            .join("\n")
        );
    }

    /// A credentials file in a folder of its own.
    fn file(text: &[u8]) -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("credentials");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn the_environment_wins_and_the_file_fills_what_is_missing() {
        let (_folder, path) = file(
            b"# written by hand\n\nexport API_ENDPOINT = 'https://file/graphql'\nAPI_KEY=file\n\
              API_SECRET=a$b#c\\d=e\n",
        );
        let variables = [("PARADIME_API_KEY", "environment")];
        let account = Account::from_place_or_file(place(&variables), &path).unwrap();
        assert_eq!(account.endpoint, "https://file/graphql");
        assert_eq!(account.credentials.secrets(), ["environment", "a$b#c\\d=e"]);
    }

    /// `API_ENDPOINT` is a name that any product may use: what the file holds was never meant for
    /// the address in it.
    #[test]
    fn an_endpoint_that_may_be_anothers_does_not_get_the_files_secret() {
        let (_folder, path) =
            file(b"API_ENDPOINT=https://canary-file/graphql\nAPI_KEY=canary\nAPI_SECRET=canary\n");
        let other = ("API_ENDPOINT", "https://canary-other/graphql");
        let refusal = |variables: &[(&str, &str)]| {
            let account = Account::from_place_or_file(place(variables), &path);
            let refusal = account.err().unwrap().to_string();
            refusal.replace(&path.display().to_string(), "FILE")
        };
        insta::assert_snapshot!(
            [
                refusal(&[other]),
                refusal(&[other, ("PARADIME_API_KEY", "canary")]),
            ]
            .join("\n"),
            @"
            endpoint (API_ENDPOINT in the test) may be another product's, so it does not get the secret (API_SECRET in FILE): set PARADIME_API_ENDPOINT, or put endpoint and secret in one place
            endpoint (API_ENDPOINT in the test) may be another product's, so it does not get the secret (API_SECRET in FILE): set PARADIME_API_ENDPOINT, or put endpoint and secret in one place
            "
        );
    }

    #[test]
    fn an_endpoint_and_a_secret_that_belong_together_are_used() {
        let (_folder, path) =
            file(b"API_ENDPOINT=https://file/graphql\nAPI_KEY=k\nAPI_SECRET=file\n");
        for (variables, endpoint, secret) in [
            (vec![], "https://file/graphql", "file"),
            (
                vec![("PARADIME_API_ENDPOINT", "https://prefixed/graphql")],
                "https://prefixed/graphql",
                "file",
            ),
            (
                vec![
                    ("PARADIME_API_ENDPOINT", "https://prefixed/graphql"),
                    ("API_ENDPOINT", "https://other/graphql"),
                ],
                "https://prefixed/graphql",
                "file",
            ),
            (
                vec![("API_ENDPOINT", ""), ("PARADIME_API_KEY", "k")],
                "https://file/graphql",
                "file",
            ),
            (
                vec![("API_SECRET", "environment")],
                "https://file/graphql",
                "environment",
            ),
            (
                vec![
                    ("API_ENDPOINT", "https://environment/graphql"),
                    ("API_SECRET", "environment"),
                ],
                "https://environment/graphql",
                "environment",
            ),
        ] {
            let account = Account::from_place_or_file(place(&variables), &path).unwrap();
            assert_eq!(account.endpoint, endpoint, "{variables:?}");
            assert_eq!(
                account.credentials.secrets().last().unwrap(),
                secret,
                "{variables:?}"
            );
        }
    }

    #[test]
    fn the_places_of_what_is_used_read_as_one_clause_without_any_value() {
        let (_folder, path) = file(
            b"API_ENDPOINT=https://canary/graphql\nAPI_KEY=canary\nAPI_SECRET=canary\n\
              WORKSPACE_UID=canary\n",
        );
        let described = |variables: &[(&str, &str)]| {
            let account = Account::from_place_or_file(place(variables), &path).unwrap();
            let described = account.origins.describe().unwrap();
            described.replace(&path.display().to_string(), "FILE")
        };
        let endpoint = ("PARADIME_API_ENDPOINT", "https://canary/graphql");
        let key = ("API_KEY", "canary");
        let secret = ("API_SECRET", "canary");
        let token = ("API_SECRET", "prdm_wsp_canary");
        let uid = ("WORKSPACE_UID", "canary");
        insta::assert_snapshot!(
            [
                described(&[]),
                described(&[endpoint]),
                described(&[key]),
                described(&[endpoint, key, secret]),
                described(&[endpoint, key, secret, uid]),
                described(&[endpoint, key, token, uid]),
            ]
            .join("\n"),
            @"
            endpoint, key, secret and workspace uid from API_ENDPOINT, API_KEY, API_SECRET and WORKSPACE_UID in FILE
            endpoint from PARADIME_API_ENDPOINT in the test, key, secret and workspace uid from API_KEY, API_SECRET and WORKSPACE_UID in FILE
            endpoint, secret and workspace uid from API_ENDPOINT, API_SECRET and WORKSPACE_UID in FILE, key from API_KEY in the test
            endpoint, key and secret from PARADIME_API_ENDPOINT, API_KEY and API_SECRET in the test, workspace uid from WORKSPACE_UID in FILE
            endpoint, key, secret and workspace uid from PARADIME_API_ENDPOINT, API_KEY, API_SECRET and WORKSPACE_UID in the test
            endpoint, secret and workspace uid from PARADIME_API_ENDPOINT, API_SECRET and WORKSPACE_UID in the test
            "
        );
        assert_eq!(Origins::default().describe(), None);
    }

    #[test]
    fn a_bad_file_that_is_not_needed_does_no_harm() {
        let (_folder, path) = file(b"\xff");
        let variables = [
            ("API_ENDPOINT", "https://host/graphql"),
            ("API_SECRET", "prdm_wsp_t"),
        ];
        assert!(Account::from_place_or_file(place(&variables), &path).is_ok());
    }

    #[test]
    fn a_bad_file_is_named_with_the_line_and_without_its_text() {
        let refusal = |path: &Path| {
            let error = Account::from_place_or_file(place(&[]), path).err().unwrap();
            error
                .to_string()
                .replace(&path.display().to_string(), "FILE")
        };
        let (_malformed, malformed) = file(b"API_KEY=k\ncanary\n");
        let (_binary, binary) = file(b"API_KEY=\xff\n");
        let (folder, incomplete) = file(b"API_KEY=k\n");
        insta::assert_snapshot!(
            [
                refusal(&malformed),
                refusal(&binary),
                refusal(&incomplete),
                refusal(folder.path()),
                refusal(&folder.path().join("missing")),
            ]
            .join("\n")
        );
    }
}
