//! [`Outages`]: the runs whose polls fail at the moment, since when, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use console::truncate_str;
use dinoai::{Error, Obstacle, Outage, SessionId};

use crate::args::duration::in_words;
use crate::report::FailureKind;
use crate::sanitize::{for_terminal, one_line};

/// The runs whose polls fail at the moment. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Outages(Arc<Mutex<BTreeMap<SessionId, FailingPolls>>>);

struct FailingPolls {
    /// When a poll was last answered.
    answered: Instant,
    why: String,
}

/// The polls that fail, summed up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutageSummary {
    /// Of how many runs they fail.
    pub(crate) runs: usize,
    /// For how long the longest of them has had no response.
    pub(crate) lasted: Duration,
    pub(crate) why: String,
}

impl Outages {
    /// What the library calls while polls fail.
    pub(crate) fn recorder(&self) -> impl FnMut(&SessionId, Option<&Outage>) + Send + 'static {
        let outages = self.clone();
        move |id, outage| match outage {
            Some(outage) => {
                let now = Instant::now();
                let since = FailingPolls {
                    answered: now.checked_sub(outage.lasted).unwrap_or(now),
                    why: why(&outage.last_error),
                };
                outages.all().insert(id.clone(), since);
            }
            None => outages.forget(id),
        }
    }

    /// A run that is not polled any more, or answered.
    pub(crate) fn forget(&self, id: &SessionId) {
        self.all().remove(id);
    }

    /// Nothing is polled any more.
    pub(crate) fn clear(&self) {
        self.all().clear();
    }

    /// The polls that fail now; `None` if none does.
    pub(crate) fn summary(&self) -> Option<OutageSummary> {
        let all = self.all();
        let longest = all.values().min_by_key(|since| since.answered)?;
        Some(OutageSummary {
            runs: all.len(),
            lasted: longest.answered.elapsed(),
            why: longest.why.clone(),
        })
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<SessionId, FailingPolls>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OutageSummary {
    /// The same in a count of runs.
    pub(crate) fn counted(&self) -> String {
        let (runs, time) = (self.runs, in_words(self.lasted));
        format!("{runs} without a usable response for {time}: {}", self.why)
    }

    /// What is put behind a statement that may not hold any more; `seen` says what was seen last.
    pub(crate) fn doubt(&self, seen: Option<&str>) -> String {
        let seen = seen.map(|seen| format!("last seen {seen}; "));
        format!(" as far as known ({}{self})", seen.unwrap_or_default())
    }
}

impl fmt::Display for OutageSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = in_words(self.lasted);
        write!(
            formatter,
            "no usable response from the API for {time}: {}",
            self.why
        )
    }
}

/// Why a poll failed, in as few words as fit into a line.
fn why(error: &Error) -> String {
    let words = match error {
        Error::Http { status, .. } | Error::Unauthorized { status, .. } => {
            return format!("HTTP {status}");
        }
        Error::NotSent { obstacle, .. } => match obstacle {
            Obstacle::NameResolution => "the host name cannot be resolved",
            Obstacle::Connection => "no connection",
            Obstacle::Certificate => "the certificate is refused",
            Obstacle::Proxy => "the proxy cannot connect",
            Obstacle::ProxyCredentials => "the proxy requires credentials",
            _ => "the request was not sent",
        },
        Error::Transport { .. } => "the connection was lost or timed out",
        Error::RateLimited { .. } => "too many requests",
        Error::GraphQl { errors, .. } => match errors.first().map(|error| start(&error.message)) {
            Some(said) if !said.is_empty() => return said,
            _ => "GraphQL errors",
        },
        Error::NotFound { .. } => "no such run",
        Error::Decode { .. } => "it does not match the schema",
        other => FailureKind::of(other).word(),
    };
    words.to_owned()
}

/// The start of what a server said, on one line.
fn start(text: &str) -> String {
    const WIDEST: usize = 80;
    // No more than is needed of a text that may be as long as it likes.
    let start: String = text.chars().take(10 * WIDEST).collect();
    let line = for_terminal(&one_line(&start)).into_owned();
    truncate_str(&line, WIDEST, "…").into_owned()
}
