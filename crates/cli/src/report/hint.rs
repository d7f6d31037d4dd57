//! Hints: commands to paste, each with the options that reach the account of this command
//! ([`AccountOptions::complete`]), and with its words as a shell reads them ([`quoted`], [`id`], [`ids`]).

use dinoai::{Error, RunStatus, SessionId};

use super::ExitStatus;
use crate::args::GlobalArgs;

/// What is said in place of a command that would find its run gone.
pub(crate) const GONE: &str = "the emulator of --emulator has stopped, and the run with it; \
                               `dinoai emulator` in another terminal keeps runs between commands";

/// The end of a hint to list the workspaces.
const WORKSPACES: &str = ": dinoai workspaces";

/// The options that chose the account of this command.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccountOptions {
    /// As they stand before a command.
    options: String,
    /// The same of a command about all workspaces: the one that is named may be the wrong one.
    without_workspace: String,
    /// Whether the account is an emulator, which ends with the command.
    ends: bool,
}

impl AccountOptions {
    pub(crate) fn of(global: &GlobalArgs) -> Self {
        let mut options = String::new();
        if let Some(file) = &global.credentials_file {
            let file = quoted(&file.display().to_string());
            options = format!(" --credentials-file {file}");
        }
        if global.endpoint.is_some() {
            // Its path is a secret. A placeholder is refused before anything is sent.
            options += " --endpoint URL";
        }
        let without_workspace = options.clone();
        if let Some(uid) = &global.workspace {
            let gap = if uid.starts_with('-') { "=" } else { " " };
            options += &format!(" --workspace{gap}{}", quoted(uid));
        }
        Self {
            options,
            without_workspace,
            ends: global.is_emulated(),
        }
    }

    /// What is said of a run that is left.
    pub(crate) fn left(&self) -> &'static str {
        match self.ends {
            true => "was in progress",
            false => "is still in progress",
        }
    }

    /// A hint whose commands, at most one on a line, reach the same account; `None` if none can.
    pub(crate) fn complete(&self, hint: &str) -> Option<String> {
        if !hint.contains(": dinoai ") {
            return Some(hint.to_owned());
        }
        if self.ends {
            return None;
        }
        // Before the command's own arguments, of which the last may be an id behind `--`, or a
        // file of any name.
        let complete = |line: &str| {
            let options = match line.ends_with(WORKSPACES) {
                true => &self.without_workspace,
                false => &self.options,
            };
            line.replacen(": dinoai ", &format!(": dinoai{options} "), 1)
        };
        let lines: Vec<_> = hint.split('\n').map(complete).collect();
        Some(lines.join("\n"))
    }
}

/// The command that waits for this run.
pub(crate) fn resume_run(session_id: &SessionId) -> String {
    format!("to resume: dinoai watch {}", id(session_id))
}

/// What to do next after this error about a run.
pub(super) fn of_error(error: &Error, session_id: &SessionId) -> Option<String> {
    match error {
        Error::WaitTimeout(timeout) => match &timeout.stopped {
            None => Some(resume_run(session_id)),
            Some(Err(_)) => Some(format!("to stop it: dinoai stop {}", id(session_id))),
            Some(Ok(_)) => None,
        },
        Error::TurnNotStarted { .. } => Some(resume_run(session_id)),
        Error::RunFailed { run, .. } if run.status == RunStatus::Stopped => Some(format!(
            "to continue it: dinoai send -m TEXT {}",
            id(session_id)
        )),
        _ if error.may_have_started() && ExitStatus::of(error) == ExitStatus::Unknown => {
            Some(format!(
                "before sending it again, check what it did: dinoai get {}",
                id(session_id)
            ))
        }
        _ => None,
    }
}

/// A word as a shell reads it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:=@%+,".contains(letter);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A session id as an argument of a command; what the API sends for one can be anything.
pub(crate) fn id(id: &SessionId) -> String {
    match id.as_str().starts_with('-') {
        true => format!("-- {}", quoted(id.as_str())),
        false => quoted(id.as_str()),
    }
}

/// Several of them.
pub(crate) fn ids<'a>(ids: impl IntoIterator<Item = &'a SessionId>) -> String {
    let (hyphened, plain): (Vec<_>, Vec<_>) = ids
        .into_iter()
        .map(|id| quoted(id.as_str()))
        .partition(|id| id.starts_with('-'));
    let gap = (!hyphened.is_empty()).then(|| "--".to_owned());
    let all: Vec<_> = plain.into_iter().chain(gap).chain(hyphened).collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_reaches_the_same_account_or_is_none() {
        let complete = |options: &str, ends, hint: &str| {
            let options = options.to_owned();
            let without_workspace = " --account".to_owned();
            let account = AccountOptions {
                options,
                without_workspace,
                ends,
            };
            account.complete(hint)
        };
        let hint = "to resume: dinoai batch a --resume b\n  with the same items";
        let expected = "to resume: dinoai --endpoint URL batch a --resume b\n  with the same items";
        assert_eq!(
            complete(" --endpoint URL", false, hint).as_deref(),
            Some(expected)
        );
        let two = "to see it: dinoai get a\n  to stop the others: dinoai stop -- 'x: dinoai '";
        let expected = "to see it: dinoai --endpoint URL get a\n  \
                        to stop the others: dinoai --endpoint URL stop -- 'x: dinoai '";
        assert_eq!(
            complete(" --endpoint URL", false, two).as_deref(),
            Some(expected)
        );
        assert_eq!(complete("", false, hint).as_deref(), Some(hint));
        assert_eq!(complete("", true, hint), None);
        let text = "check the workspace";
        assert_eq!(complete(" -x", true, text).as_deref(), Some(text));
        // The workspace that is named may be the wrong one.
        let expected = "to see which: dinoai --account workspaces\n  add --workspace UID";
        let hint = "to see which: dinoai workspaces\n  add --workspace UID";
        assert_eq!(
            complete(" --workspace x", false, hint).as_deref(),
            Some(expected)
        );
    }

    #[test]
    fn ids_are_arguments_whatever_is_in_them() {
        let [plain, evil, hyphen] =
            ["abc", "$(touch x)", "-abc"].map(|text| SessionId::new(text).unwrap());
        assert_eq!(id(&plain), "abc");
        assert_eq!(id(&evil), "'$(touch x)'");
        assert_eq!(id(&hyphen), "-- -abc");
        assert_eq!(ids([&hyphen, &plain, &evil]), "abc '$(touch x)' -- -abc");
    }

    #[test]
    fn a_shell_reads_what_was_meant() {
        assert_eq!(quoted("items.csv"), "items.csv");
        assert_eq!(quoted("my items"), "'my items'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
