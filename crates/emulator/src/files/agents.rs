//! Agents from a folder of the vendor's YAML files: [`check_agents`] says what is wrong with them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Location;

use super::did_you_mean::did_you_mean;
use super::keys::{Entry, Keys};
use super::{Flaw, read_yaml};
use crate::error::{Diagnostic, Error, Level};
use crate::snippet::Lines;
use crate::text_file;

/// The keys that every agent has.
const REQUIRED: [&str; 5] = ["name", "version", "role", "goal", "backstory"];

/// The keys that an agent may have; `model` is ignored.
const KNOWN: [&str; 11] = [
    "name",
    "version",
    "role",
    "goal",
    "backstory",
    "model_family",
    "environment",
    "tools",
    "slack",
    "agents_squad",
    "model",
];
const KNOWN_IN_TOOLS: [&str; 2] = ["mode", "list"];
const KNOWN_IN_SLACK: [&str; 1] = ["channel"];
const MODES: [&str; 2] = ["allowlist", "denylist"];

/// The ending of an agent's file; its name without it is the agent's.
const ENDING: &str = "yml";

/// A larger file is refused: 1 MiB.
const LARGEST: u64 = 1 << 20;

/// The most that is said of one file, beside one that says how much more there is.
const MOST_FLAWS: usize = 100;

/// What [`check_agents`] has found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckedAgents {
    /// The agents by their files' names, in alphabetical order, right or wrong.
    pub agents: BTreeSet<String>,
    /// What is wrong with the files, in the order of the files and of their lines: at most 100 of each
    /// file, and then that there are more.
    pub diagnostics: Vec<Diagnostic>,
}

impl CheckedAgents {
    /// Whether something is wrong that the vendor refuses, not only probably not meant so.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// std::fs::write(folder.path().join("checker.yml"), "name: another\n")?;
    /// assert!(dinoai_emulator::check_agents(folder.path())?.has_errors());
    /// # Ok(())
    /// # }
    /// ```
    pub fn has_errors(&self) -> bool {
        let mut levels = self.diagnostics.iter().map(|it| it.level);
        levels.any(|level| level == Level::Error)
    }
}

/// Checks the agents of a folder: the vendor's YAML files, `.dinoai/agents/<name>.yml`.
///
/// An agent has `name` (equal to the file's name), `version` (a whole number), `role`, `goal` and
/// `backstory`; it may have `model_family`, `environment`, `tools` (`mode`, which is `allowlist` or
/// `denylist`, and `list`), `slack` (`channel`) and `agents_squad`, of which any value is taken. What
/// differs from that is [`Level::Error`]. A key that is not known here is [`Level::Warning`], since the
/// vendor refuses keys that it does not know, and adds some from time to time; so is `model`, which is
/// ignored, and a file that ends in `.yaml`, which is not read. Folders below are not looked into.
///
/// As one test of a repository with agents:
///
/// ```no_run
/// # fn main() -> Result<(), dinoai_emulator::Error> {
/// let checked = dinoai_emulator::check_agents(".dinoai/agents")?;
/// let said: Vec<_> = checked.diagnostics.iter().map(|it| it.rendered.as_str()).collect();
/// assert!(!checked.agents.is_empty() && said.is_empty(), "{}", said.join("\n"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::File`] if the folder cannot be read. A file in it that cannot be read is a diagnostic.
pub fn check_agents(folder: impl AsRef<Path>) -> Result<CheckedAgents, Error> {
    let folder = folder.as_ref();
    let unread = |source| Error::File {
        file: folder.to_owned(),
        source,
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        files.push(entry.map_err(unread)?.path());
    }
    files.sort();
    let mut checked = CheckedAgents {
        agents: BTreeSet::new(),
        diagnostics: Vec::new(),
    };
    for file in files {
        let ending = file.extension().unwrap_or_default().to_string_lossy();
        if ending != ENDING {
            if ["yml", "yaml"].contains(&&*ending.to_lowercase()) {
                let message =
                    format!("not read, since it ends in .{ending}: agents are .{ENDING} files");
                let flaw = Flaw::of_the_file(message);
                checked
                    .diagnostics
                    .push(flaw.diagnostic(Level::Warning, &file, &Lines::of("")));
            }
            continue;
        }
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        match text_of(&file) {
            Ok(text) => {
                let found = check(&name, &text).into_iter();
                let lines = Lines::of(&text);
                let found = found.map(|(level, flaw)| flaw.diagnostic(level, &file, &lines));
                checked.diagnostics.extend(found);
            }
            Err(problem) => {
                let flaw = Flaw::of_the_file(problem);
                checked
                    .diagnostics
                    .push(flaw.diagnostic(Level::Error, &file, &Lines::of("")));
            }
        }
        checked.agents.insert(name.into_owned());
    }
    Ok(checked)
}

/// Reads the names of the agents in a folder, and refuses files that the vendor refuses.
pub(crate) fn read(folder: &Path) -> Result<BTreeSet<String>, Error> {
    let CheckedAgents {
        agents,
        mut diagnostics,
    } = check_agents(folder)?;
    diagnostics.retain(|diagnostic| diagnostic.level == Level::Error);
    match diagnostics.is_empty() {
        true => Ok(agents),
        false => Err(Error::Files(diagnostics)),
    }
}

/// The text of an agent's file, or why there is none.
fn text_of(file: &Path) -> Result<String, String> {
    let unread = |error| format!("cannot be read: {error}");
    // A pipe in a folder may have no other end.
    if !fs::metadata(file).map_err(unread)?.is_file() {
        return Err("cannot be read: it is not a file".to_owned());
    }
    text_file::text_of(file, LARGEST).map_err(unread)
}

/// Everything that is wrong with the file of this agent, in the order of its lines.
pub(crate) fn check(agent: &str, text: &str) -> Vec<(Level, Flaw)> {
    let keys = match read_yaml::<Value>(text) {
        Ok(Value::Object(_)) => read_yaml::<Keys>(text),
        Ok(_) => Err(Flaw::of_the_file("an agent is a mapping of keys to values")),
        Err(wrong) => Err(wrong),
    };
    let keys = match keys {
        Ok(keys) => keys,
        Err(wrong) => return vec![(Level::Error, wrong)],
    };
    let mut found = Found {
        text,
        lines: Lines::of(text),
        flaws: Vec::new(),
    };
    for key in REQUIRED {
        match keys.get(key) {
            None => found.error(
                None,
                format!(
                    "the key '{key}' is missing (an agent has {})",
                    REQUIRED.join(", ")
                ),
            ),
            Some(it) if key == "version" => {
                if !(it.value.is_i64() || it.value.is_u64()) {
                    found.error(
                        Some(it.place),
                        "'version' must be a whole number, for example 1",
                    );
                }
            }
            Some(it) => found.check_filled(it),
        }
    }
    if let Some(it) = keys.get("name")
        && let Some(name) = it.value.as_str().filter(|name| *name != agent)
    {
        let message = format!("the name '{name}' must be that of the file, '{agent}'");
        found.error(Some(it.place), message);
    }
    for key in ["model_family", "environment"] {
        if let Some(it) = keys.get(key).filter(|it| !it.value.is_null()) {
            found.check_filled(it);
        }
    }
    if let Some(it) = keys.get("model") {
        let message = "the key 'model' is deprecated and ignored: set 'model_family'";
        found.warning(it.key_place, message);
    }
    found.check_tools(&keys);
    found.check_slack(&keys);
    found.check_known(&keys, "", &KNOWN);
    listed(found.flaws)
}

/// In the order of lines, and not more than anybody reads: errors before warnings, since they decide.
fn listed(mut flaws: Vec<(Level, Flaw)>) -> Vec<(Level, Flaw)> {
    let by_place = |(_, flaw): &(Level, Flaw)| (flaw.line, flaw.column);
    flaws.sort_by_key(by_place);
    if flaws.len() <= MOST_FLAWS {
        return flaws;
    }
    flaws.sort_by_key(|(level, _)| *level != Level::Error);
    let more = flaws.split_off(MOST_FLAWS);
    flaws.sort_by_key(by_place);
    if let Some((level, first)) = more.first() {
        // Behind what is listed, which may go on further down.
        let last = flaws.last().map_or((1, 1), by_place);
        let (line, column) = last.max((first.line, first.column));
        let message = format!(
            "there are {} more like this, which are not listed",
            more.len()
        );
        flaws.push((
            *level,
            Flaw {
                line,
                column,
                message,
            },
        ));
    }
    flaws
}

/// What has been found in a text.
struct Found<'a> {
    text: &'a str,
    lines: Lines<'a>,
    flaws: Vec<(Level, Flaw)>,
}

impl Found<'_> {
    /// An error at a place, or in the file as a whole.
    fn error(&mut self, place: Option<Location>, message: impl Into<String>) {
        let flaw = match place {
            Some(place) => Flaw::at(&self.lines, place, message),
            None => Flaw::of_the_file(message),
        };
        self.flaws.push((Level::Error, flaw));
    }

    fn warning(&mut self, place: Location, message: impl Into<String>) {
        let flaw = Flaw::at(&self.lines, place, message);
        self.flaws.push((Level::Warning, flaw));
    }

    fn check_filled(&mut self, it: &Entry) {
        if !is_filled(&it.value) {
            let message = format!("'{}' must be a text that is not empty", it.key);
            self.error(Some(it.place), message);
        }
    }

    /// Warns of keys that are not known, and whose file the vendor refuses therefore.
    fn check_known(&mut self, keys: &Keys, within: &str, known: &[&str]) {
        for it in keys.0.iter().filter(|it| !known.contains(&&*it.key)) {
            let meant = match did_you_mean(&it.key, known) {
                Some(meant) => format!("did you mean '{meant}'?"),
                None => format!("the known ones are {}", known.join(", ")),
            };
            let message = format!(
                "the key '{}'{within} is not known, and the vendor refuses such; {meant}",
                it.key
            );
            self.warning(it.key_place, message);
        }
    }

    fn check_tools(&mut self, keys: &Keys) {
        let Some(tools) = keys.get("tools").filter(|it| !it.value.is_null()) else {
            return;
        };
        let within = match read_yaml::<ToolsKey>(self.text) {
            Ok(file) if tools.value.is_object() => file.tools,
            _ => Keys::default(),
        };
        let mode = within.get("mode").filter(|it| !it.value.is_null());
        if !mode.is_some_and(|it| it.value.as_str().is_some_and(|mode| MODES.contains(&mode))) {
            let place = mode.map_or(tools.key_place, |it| it.place);
            self.error(
                Some(place),
                "the mode of 'tools' must be allowlist or denylist",
            );
        }
        let list = within.get("list").filter(|it| !it.value.is_null());
        let is_list = |it: &Entry| {
            let names = it.value.as_array();
            names.is_some_and(|names| names.iter().all(is_filled))
        };
        if !list.is_some_and(is_list) {
            let place = list.map_or(tools.key_place, |it| it.place);
            self.error(Some(place), "'tools' must have a list of tool names");
        }
        self.check_known(&within, " in 'tools'", &KNOWN_IN_TOOLS);
    }

    fn check_slack(&mut self, keys: &Keys) {
        let Some(slack) = keys.get("slack").filter(|it| !it.value.is_null()) else {
            return;
        };
        let within = match read_yaml::<SlackKey>(self.text) {
            Ok(file) if slack.value.is_object() => file.slack,
            _ => Keys::default(),
        };
        let channel = within.get("channel").filter(|it| !it.value.is_null());
        if !channel.is_some_and(|it| is_filled(&it.value)) {
            let place = channel.map_or(slack.key_place, |it| it.place);
            self.error(Some(place), "'slack' must have a channel");
        }
        self.check_known(&within, " in 'slack'", &KNOWN_IN_SLACK);
    }
}

/// An agent's file, for the places within `tools`.
#[derive(Deserialize)]
struct ToolsKey {
    tools: Keys,
}

/// An agent's file, for the places within `slack`.
#[derive(Deserialize)]
struct SlackKey {
    slack: Keys,
}

fn is_filled(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}
