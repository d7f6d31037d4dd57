//! The environment variables that the command itself reads. Those of the account are the library's.
//!
//! Colours are read as `anstyle-query`, and with it clap and cargo, reads it
//! (<https://bixense.com/clicolors>): `NO_COLOR` comes first, then what forces colours, then
//! `CLICOLOR=0`, then whether a terminal is there; but a dumb one has no colours for `CLICOLOR=1`
//! either. `FORCE_COLOR` (<https://force-color.org>) stands beside `CLICOLOR_FORCE`, which is
//! older; `0` and `false` in it mean no colours, as Node has it. An empty variable counts as unset.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use hyper_util::client::proxy::matcher::Matcher;

use crate::args::Color;

/// Variables of which each CI system sets one: GitHub, Azure, TeamCity and GitLab.
const CI_SYSTEMS: [&str; 4] = [
    "GITHUB_ACTIONS",
    "TF_BUILD",
    "TEAMCITY_VERSION",
    "GITLAB_CI",
];

/// Whether a CI system reads what is written.
pub(crate) fn is_ci_log() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    CI_SYSTEMS.into_iter().any(is_set)
}

/// A file that a runner of GitHub Actions names for a step.
pub(crate) fn github_file(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// The journal that the environment names.
pub(crate) fn journal() -> Option<String> {
    env::var("DINOAI_JOURNAL").ok().filter(|it| !it.is_empty())
}

/// Whether the disk ends with the job.
pub(crate) fn is_hosted_runner() -> bool {
    env::var("RUNNER_ENVIRONMENT").is_ok_and(|runner| runner == "github-hosted")
}

/// The folder for what this user's programs remember. `None` if there is no home.
pub(crate) fn state_folder() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).map(PathBuf::from);
    // A relative one is to be ignored (XDG Base Directory Specification).
    let named = folder("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let local = || folder("LOCALAPPDATA").filter(|_| cfg!(windows));
    // One that is missing is not made.
    let home = || env::home_dir().filter(|home| home.is_dir());
    let home = || Some(home()?.join(".local").join("state"));
    named.or_else(local).or_else(home)
}

/// The folder of the vendor's files in the user's home. `None` if there is no home.
pub(crate) fn paradime_folder() -> Option<PathBuf> {
    Some(env::home_dir()?.join(".paradime"))
}

/// The API endpoint, as far as the environment has it.
pub(crate) fn endpoint() -> Option<String> {
    let names = ["PARADIME_API_ENDPOINT", "API_ENDPOINT"];
    names.iter().find_map(|name| env::var(name).ok())
}

/// The variable that names the proxy of requests to this origin. `None` if they use none: `NO_PROXY` and
/// all else is decided by what the library's HTTP client decides by, too.
pub(crate) fn proxy(origin: &str) -> Option<&'static str> {
    proxy_by(origin, &Matcher::from_system(), |name| env::var(name).ok())
}

fn proxy_by(
    origin: &str,
    matcher: &Matcher,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<&'static str> {
    let uri = origin.parse().ok()?;
    matcher.intercept(&uri)?;
    let own = match origin.starts_with("https:") {
        true => ["HTTPS_PROXY", "https_proxy"],
        false => ["HTTP_PROXY", "http_proxy"],
    };
    // Of each pair the first one that is set counts, also if it is of no use.
    let first = |names: [&'static str; 2]| {
        let mut set = names
            .into_iter()
            .filter_map(|name| Some((name, variable(name)?)));
        let (name, value) = set.next()?;
        let alone = Matcher::builder().all(value).build();
        alone.intercept(&uri).map(|_| name)
    };
    let named = first(own).or_else(|| first(["ALL_PROXY", "all_proxy"]));
    // Else it is one of the system's settings.
    Some(named.unwrap_or("this machine's configuration"))
}

/// What options and environment ask for, whatever a stream leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColourChoice {
    Always,
    Never,
    /// On a terminal that can show them.
    Auto,
}

impl ColourChoice {
    /// An option comes before the environment.
    pub(crate) fn of(option: Color) -> Self {
        match option {
            Color::Always => Self::Always,
            Color::Never => Self::Never,
            Color::Auto => Self::asked_by(|name| env::var_os(name)),
        }
    }

    fn asked_by(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let value = |name| variable(name).filter(|value| !value.is_empty());
        let is_forced = |name| value(name).map(|value| value != "0" && value != "false");
        if value("NO_COLOR").is_some() {
            return Self::Never;
        }
        match (is_forced("FORCE_COLOR"), is_forced("CLICOLOR_FORCE")) {
            (Some(false), _) => Self::Never,
            (Some(true), _) | (None, Some(true)) => Self::Always,
            _ if value("CLICOLOR").is_some_and(|value| value == "0") => Self::Never,
            // If CLICOLOR=1 is set, clap would colour its help there.
            _ if value("TERM").is_some_and(|value| value == "dumb") => Self::Never,
            _ => Self::Auto,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_where_the_http_client_uses_it() {
        const TO: &str = "http://proxy.example:3128";

        for (variables, origin, expected) in [
            (&[][..], "https://api.example", None),
            (
                &[("HTTPS_PROXY", TO)],
                "https://api.example",
                Some("HTTPS_PROXY"),
            ),
            (&[("HTTPS_PROXY", TO)], "http://api.example", None),
            (
                &[("http_proxy", TO)],
                "http://api.example",
                Some("http_proxy"),
            ),
            (
                &[("all_proxy", TO)],
                "https://api.example",
                Some("all_proxy"),
            ),
            (
                &[("HTTPS_PROXY", "ftp://x"), ("ALL_PROXY", TO)],
                "https://api.example",
                Some("ALL_PROXY"),
            ),
            (
                &[("HTTPS_PROXY", ""), ("https_proxy", TO)],
                "https://api.example",
                None,
            ),
            (
                &[("HTTPS_PROXY", TO), ("NO_PROXY", "192.0.2.2")],
                "https://192.0.2.2:4700",
                None,
            ),
            (
                &[("HTTPS_PROXY", TO), ("NO_PROXY", "192.0.2.0/24")],
                "https://192.0.2.2:4700",
                None,
            ),
            (
                &[("ALL_PROXY", TO), ("NO_PROXY", "example")],
                "https://api.example",
                None,
            ),
            (
                &[("ALL_PROXY", TO), ("NO_PROXY", "ample")],
                "https://api.example",
                Some("ALL_PROXY"),
            ),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let first = |names: [&str; 2]| names.into_iter().find_map(variable).unwrap_or_default();
            let matcher = Matcher::builder()
                .all(first(["ALL_PROXY", "all_proxy"]))
                .http(first(["HTTP_PROXY", "http_proxy"]))
                .https(first(["HTTPS_PROXY", "https_proxy"]))
                .no(first(["NO_PROXY", "no_proxy"]))
                .build();
            assert_eq!(
                proxy_by(origin, &matcher, variable),
                expected,
                "{variables:?}"
            );
        }
    }

    #[test]
    fn the_environment_is_read_as_others_read_it() {
        use ColourChoice::{Always, Auto, Never};

        for (variables, expected) in [
            (&[][..], Auto),
            (&[("NO_COLOR", "1")], Never),
            (&[("NO_COLOR", "0")], Never),
            (&[("NO_COLOR", "")], Auto),
            (&[("FORCE_COLOR", "1")], Always),
            (&[("FORCE_COLOR", "3")], Always),
            (&[("FORCE_COLOR", "true")], Always),
            (&[("FORCE_COLOR", "")], Auto),
            (&[("FORCE_COLOR", "0")], Never),
            (&[("FORCE_COLOR", "false")], Never),
            (&[("CLICOLOR_FORCE", "1")], Always),
            (&[("CLICOLOR_FORCE", "0")], Auto),
            (&[("CLICOLOR_FORCE", "")], Auto),
            (&[("CLICOLOR", "0")], Never),
            (&[("CLICOLOR", "1")], Auto),
            (&[("CLICOLOR", "1"), ("TERM", "dumb")], Never),
            (&[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], Always),
            (&[("CLICOLOR", "0"), ("CLICOLOR_FORCE", "1")], Always),
            (&[("CLICOLOR_FORCE", "1"), ("FORCE_COLOR", "0")], Never),
            (&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], Never),
            (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], Never),
            (&[("NO_COLOR", ""), ("FORCE_COLOR", "1")], Always),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(ColourChoice::asked_by(variable), expected, "{variables:?}");
        }
    }
}
