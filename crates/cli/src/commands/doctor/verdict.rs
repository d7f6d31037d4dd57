//! What the responses to the probe prove, and the [`Barrier`] that stands in the way of everything else.

use dinoai::{Access, Error, Feature, Features, Support, Workspace};

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

    /// What a probe shows.
    pub(super) fn of(probed: &Features) -> Option<Self> {
        if !is_the_api(probed) {
            return first_error(probed).map(Self::NotTheApi);
        }
        if !is_accepted(probed) && is_nothing_but_refused(probed) {
            return first_error(probed).map(Self::Refused);
        }
        match probed.read {
            Access::NotChecked {
                error: Error::InvalidConfig { .. },
                ..
            } => Some(Self::NoWorkspace),
            _ => None,
        }
    }

    /// The same, where it is known which workspaces the credentials reach by themselves.
    pub(super) fn of_workspace(
        barrier: Option<Self>,
        uid: &str,
        known: &[Workspace],
    ) -> Option<Self> {
        match known.iter().any(|workspace| workspace.uid == uid) {
            // The credentials are right, whatever they may not do.
            true => barrier.filter(|it| !matches!(it, Self::Refused(_))),
            false => Some(Self::WrongWorkspace),
        }
    }
}

/// Whether it may be the workspace that is refused.
pub(super) fn may_be_the_workspace(probed: &Features) -> bool {
    matches!(probed.read, Access::Refused { .. })
}

/// Whether a response shows that the credentials are accepted.
pub(super) fn is_accepted(probed: &Features) -> bool {
    let is_granted = matches!(probed.read, Access::Granted);
    is_granted || probed.iter().any(|feature| feature.support.is_supported())
}

/// Whether an error refuses the credentials.
pub(super) fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Unauthorized { .. } => true,
        Error::GraphQl { errors, .. } => {
            let mut codes = errors.iter().map(|error| error.code());
            codes.any(|code| matches!(code, Some("FORBIDDEN" | "UNAUTHENTICATED")))
        }
        _ => false,
    }
}

/// What a feature was refused with, if the credentials were.
pub(super) fn refused_with<'a>(feature: &Feature<'a>) -> Option<&'a Error> {
    match feature.support {
        Support::NotChecked { error, .. } => Some(error).filter(|error| is_refusal(error)),
        _ => None,
    }
}

/// Whether a response is one of a GraphQL API, or refuses the credentials.
fn is_the_api(probed: &Features) -> bool {
    let says_so = |error: &Error| {
        is_refusal(error) || matches!(error, Error::GraphQl { .. } | Error::NotAccepted { .. })
    };
    let by_reading = match &probed.read {
        Access::Granted | Access::Refused { .. } => true,
        Access::NotChecked { error, .. } => says_so(error),
        _ => false,
    };
    by_reading
        || probed.iter().any(|feature| match feature.support {
            Support::NotChecked { error, .. } => says_so(error),
            _ => true,
        })
}

/// Whether each document that the server says anything of is refused for its credentials.
fn is_nothing_but_refused(probed: &Features) -> bool {
    let is_read_refused = match &probed.read {
        Access::Refused { .. } => true,
        Access::NotChecked { error, .. } => matches!(error, Error::InvalidConfig { .. }),
        _ => false,
    };
    let mut refused = probed.iter().filter_map(|feature| refused_with(&feature));
    is_read_refused && refused.next().is_some()
}

/// The error of the first request.
fn first_error(probed: &Features) -> Option<Error> {
    let of_reading = match &probed.read {
        Access::Refused { error, .. } => Some(error),
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
