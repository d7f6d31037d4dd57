//! [`Kind`]: what kind of failure it is, in a word for programs.

use dinoai::Error;
use serde::Serialize;

/// Defines the kinds once: each with its word, and the list of all of them.
macro_rules! kinds {
    ($($kind:ident = $word:literal,)*) => {
        /// What kind of failure it is. The words do not change between versions, and stand in the
        /// JSON schema of the output.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($kind,)*
        }

        impl Kind {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$kind,)*];

            pub(crate) fn word(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)*
                }
            }
        }
    };
}

kinds! {
    // What the library's errors say.
    InvalidRequest = "invalid_request",
    InvalidConfig = "invalid_config",
    NotSent = "not_sent",
    NotStarted = "not_started",
    NotFound = "not_found",
    OutcomeUnknown = "outcome_unknown",
    Transport = "transport",
    Unauthorized = "unauthorized",
    RateLimited = "rate_limited",
    Http = "http",
    GraphQl = "graphql",
    Unsupported = "unsupported",
    Decode = "decode",
    ResponseTooLarge = "response_too_large",
    NotAccepted = "not_accepted",
    RunFailed = "run_failed",
    WaitTimeout = "wait_timeout",
    TurnNotStarted = "turn_not_started",
    // What the command itself says.
    Usage = "usage",
    System = "system",
    Interrupted = "interrupted",
    Output = "output",
    Results = "results",
    StillGoing = "still_going",
    Unread = "unread",
    Other = "other",
}

impl Kind {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::InvalidRequest { .. } => Self::InvalidRequest,
            Error::InvalidConfig { .. } => Self::InvalidConfig,
            Error::NotSent { .. } => Self::NotSent,
            Error::NotStarted { .. } => Self::NotStarted,
            Error::NotFound { .. } => Self::NotFound,
            Error::OutcomeUnknown { .. } => Self::OutcomeUnknown,
            Error::Transport { .. } => Self::Transport,
            Error::Unauthorized { .. } => Self::Unauthorized,
            Error::RateLimited { .. } => Self::RateLimited,
            Error::Http { .. } => Self::Http,
            Error::GraphQl { .. } => Self::GraphQl,
            Error::Unsupported { .. } => Self::Unsupported,
            Error::Decode { .. } => Self::Decode,
            Error::ResponseTooLarge { .. } => Self::ResponseTooLarge,
            Error::NotAccepted { .. } => Self::NotAccepted,
            Error::RunFailed { .. } => Self::RunFailed,
            Error::WaitTimeout(_) => Self::WaitTimeout,
            Error::TurnNotStarted { .. } => Self::TurnNotStarted,
            _ => Self::Other,
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_schema_has_each_kind() {
        let schema: Value =
            serde_json::from_str(include_str!("../commands/schema/output.json")).unwrap();
        assert_eq!(schema["$defs"]["Kind"]["enum"], json!(Kind::ALL));
    }
}
