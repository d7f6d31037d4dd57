//! What the responses to the probe prove, and the [`Barrier`] that stands in the way of everything else.

use dinoai::{Access, Error, Features, Support, Workspace};

/// What stands in the way of everything else. Each is the failure of one check, to which other lines refer.
#[derive(Debug, Clone)]
pub(super) enum Barrier {
    /// No request has got through.
    Unreached(Error),
    /// No response is a GraphQL response of the API.
    NotTheApi(Error),
    /// The server has executed what it should have skipped.
    Executed(Error),
    /// The credentials are refused.
    Refused(Error),
    /// The credentials are for several workspaces, and none is named.
    NoWorkspace,
    /// The credentials work, and do not reach the workspace that is named.
    WrongWorkspace,
}

impl Barrier {
    /// The check that says so.
    pub(super) fn check(&self) -> &'static str {
        match self {
            Self::Unreached(_) | Self::NotTheApi(_) => "endpoint",
            Self::Executed(_) => "trigger",
            Self::Refused(_) => "credentials",
            Self::NoWorkspace | Self::WrongWorkspace => "workspace",
        }
    }

    /// What a line says that depends on it.
    pub(super) fn see(&self) -> String {
        format!("see {}", self.check())
    }

    /// Why there is no probe.
    pub(super) fn of_error(error: Error) -> Self {
        match error {
            _ if error.may_have_started() => Self::Executed(error),
            Error::Http { .. } => Self::NotTheApi(error),
            _ => Self::Unreached(error),
        }
    }

    /// What a probe shows, beside what came of asking for the workspaces that the credentials reach, if they
    /// were asked for.
    pub(super) fn of(
        probed: &Features,
        uid: Option<&str>,
        listed: Option<&Result<Vec<Workspace>, Error>>,
    ) -> Option<Self> {
        if !is_the_api(probed) {
            return first_error(probed).map(Self::NotTheApi);
        }
        match (uid, listed) {
            (Some(uid), Some(Ok(known))) if known.iter().all(|it| it.uid != uid) => {
                return Some(Self::WrongWorkspace);
            }
            // They are accepted, whatever they may not do.
            (_, Some(Ok(_))) => {}
            (_, listed) => {
                let of_list = listed.and_then(|it| it.as_ref().err());
                // Where nothing else was executed, nothing but the credentials can be wrong.
                let is_alone = needs_workspace(&probed.read);
                let of_list = of_list.filter(|it| {
                    is_unauthenticated(it) || is_alone && matches!(it, Error::Unauthorized { .. })
                });
                if let Some(error) = refusal_of_credentials(probed).or(of_list) {
                    return Some(Self::Refused(error.clone()));
                }
            }
        }
        needs_workspace(&probed.read).then_some(Self::NoWorkspace)
    }

    /// Whether it is why a request ended like this.
    pub(super) fn explains(&self, error: &Error) -> bool {
        match self {
            Self::Unreached(_) | Self::NotTheApi(_) | Self::Executed(_) => true,
            // The backend has answered, and not that it is busy.
            Self::Refused(_) | Self::NoWorkspace | Self::WrongWorkspace => {
                is_answer(error) && !error.is_retryable()
                    || matches!(error, Error::InvalidConfig { .. })
            }
        }
    }
}

/// Whether there was no read, since the credentials are for several workspaces and none is named.
fn needs_workspace(read: &Access) -> bool {
    matches!(
        read,
        Access::NotChecked {
            error: Error::InvalidConfig { .. },
            ..
        }
    )
}

/// Whether an error is what a GraphQL API says.
fn is_answer(error: &Error) -> bool {
    matches!(error, Error::GraphQl { .. } | Error::NotAccepted { .. })
}

/// Whether a response is one of a GraphQL API, or refuses the credentials.
fn is_the_api(probed: &Features) -> bool {
    let by_reading = match &probed.read {
        Access::NotChecked { error, .. } => is_answer(error),
        _ => true,
    };
    by_reading
        || probed.iter().any(|feature| match feature.support {
            Support::NotChecked { error, .. } => is_answer(error),
            _ => true,
        })
}

/// The error that refuses the credentials, and not only one of their capabilities: it says so, or no document
/// has got any further.
fn refusal_of_credentials(probed: &Features) -> Option<&Error> {
    let of_reading = match &probed.read {
        Access::Refused { error, .. } => Some(error),
        read if needs_workspace(read) => None,
        _ => return None,
    };
    if let Some(error) = of_reading.filter(|error| is_unauthenticated(error)) {
        return Some(error);
    }
    let is_validated = |support: &Support| {
        matches!(
            support,
            Support::Supported | Support::NotSupported { .. } | Support::Broken { .. }
        )
    };
    if probed.iter().any(|feature| is_validated(feature.support)) {
        return None;
    }
    let of_document = probed.iter().find_map(|feature| match feature.support {
        Support::Refused { error, .. } => Some(error),
        _ => None,
    })?;
    Some(of_reading.unwrap_or(of_document))
}

/// Whether an error says that nobody is known by these credentials. HTTP 401 alone does not: it is also the
/// status of a capability that is missing.
fn is_unauthenticated(error: &Error) -> bool {
    match error {
        Error::Unauthorized { status, .. } => !matches!(status, 401 | 403),
        Error::GraphQl { errors, .. } => {
            let mut codes = errors.iter().filter_map(|error| error.code());
            codes.any(|code| code.eq_ignore_ascii_case("UNAUTHENTICATED"))
        }
        _ => false,
    }
}

/// The error of the first request.
fn first_error(probed: &Features) -> Option<Error> {
    let of_reading = match &probed.read {
        Access::NotChecked { error, .. } => {
            Some(error).filter(|error| !matches!(error, Error::InvalidConfig { .. }))
        }
        _ => None,
    };
    let of_features = probed.iter().find_map(|feature| match feature.support {
        Support::NotChecked { error, .. } => Some(error),
        _ => None,
    });
    of_reading.or(of_features).cloned()
}
