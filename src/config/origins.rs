//! [`Origins`]: where each setting was found, for errors.

use std::fmt;

use crate::error::Error;

/// Where each setting was found, for errors; `None` where it was given in code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origins {
    pub(super) endpoint: Option<Origin>,
    pub(super) key: Option<Origin>,
    pub(super) secret: Option<Origin>,
    pub(super) workspace_uid: Option<Origin>,
}

/// Where a setting was found: a name, and the environment or the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) name: &'static str,
    /// As it reads after a name.
    pub(super) place: String,
    pub(super) is_file: bool,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name, self.place)
    }
}

impl Origins {
    /// Where the settings were found as one clause, for a refusal by the server; `None` where all
    /// were given in code. Names of variables and the file's path alone, no values.
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

    /// Whether the endpoint was found, not given in code.
    pub(crate) fn has_endpoint(&self) -> bool {
        self.endpoint.is_some()
    }

    /// Whether the credentials were found, not given in code.
    pub(crate) fn has_credentials(&self) -> bool {
        self.secret.is_some()
    }

    /// The same where the endpoint was given in code after all.
    pub(crate) fn without_endpoint(self) -> Self {
        Self {
            endpoint: None,
            ..self
        }
    }

    /// The same where the workspace was given in code after all.
    pub(crate) fn without_workspace(self) -> Self {
        Self {
            workspace_uid: None,
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
pub(crate) fn list(items: &[&str]) -> String {
    match items {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => items.concat(),
    }
}
