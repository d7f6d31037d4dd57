//! Agents from a folder of the vendor's YAML files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::{LineError, line_of, read_yaml};
use crate::error::{Diagnostic, Error};

/// The keys that every agent has.
const REQUIRED: [&str; 5] = ["name", "version", "role", "goal", "backstory"];

/// The ending of an agent's file; its name without it is the agent's.
const ENDING: &str = "yml";

/// Reads the names of the agents in a folder, and checks their files.
pub(crate) fn read(folder: &Path) -> Result<BTreeSet<String>, Error> {
    let unread = |source| Error::File {
        file: folder.to_owned(),
        source,
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            files.push(path);
        }
    }
    files.sort();
    let mut names = BTreeSet::new();
    let mut diagnostics = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|source| Error::File {
            file: file.clone(),
            source,
        })?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        diagnostics.extend(
            check(&name, &text)
                .into_iter()
                .map(|(line, message)| Diagnostic {
                    file: file.clone(),
                    line,
                    message,
                }),
        );
        names.insert(name.into_owned());
    }
    if diagnostics.is_empty() {
        Ok(names)
    } else {
        Err(Error::Files(diagnostics))
    }
}

/// Everything that is wrong with the file of this agent, in the order of its lines. Keys that
/// are not known here are let pass: the vendor adds some from time to time.
pub(crate) fn check(agent: &str, text: &str) -> Vec<LineError> {
    let keys = match read_yaml::<Value>(text) {
        Ok(Value::Object(_)) => read_yaml::<Keys>(text),
        Ok(_) => Err((1, "an agent is a mapping of keys to values".to_owned())),
        Err(wrong) => Err(wrong),
    };
    let keys = match keys {
        Ok(keys) => keys,
        Err(wrong) => return vec![wrong],
    };
    let value = |key| keys.get(key).map_or(&Value::Null, |it| &it.value);
    let mut wrong: Vec<(Option<&str>, String)> = Vec::new();
    for key in REQUIRED {
        match keys.get(key).map(|it| &it.value) {
            None => wrong.push((
                None,
                format!(
                    "the key '{key}' is missing (an agent has {})",
                    REQUIRED.join(", ")
                ),
            )),
            Some(value) if !is_filled(value, key == "version") => {
                wrong.push((
                    Some(key),
                    format!("'{key}' must be a text that is not empty"),
                ));
            }
            Some(_) => {}
        }
    }
    if let Some(name) = value("name").as_str().filter(|name| *name != agent) {
        wrong.push((
            Some("name"),
            format!("the name '{name}' must be that of the file, '{agent}'"),
        ));
    }
    for key in ["model_family", "environment"] {
        let value = value(key);
        if !value.is_null() && !is_filled(value, false) {
            wrong.push((
                Some(key),
                format!("'{key}' must be a text that is not empty"),
            ));
        }
    }
    let inner = tools(value("tools"))
        .into_iter()
        .chain(slack(value("slack")));
    wrong.extend(inner.map(|(place, message)| (Some(place), message)));
    let mut wrong: Vec<LineError> = wrong
        .into_iter()
        .map(|(place, message)| (place.map_or(1, |place| line(text, &keys, place)), message))
        .collect();
    wrong.sort_by_key(|(line, _)| *line);
    wrong
}

/// The values of a mapping by their keys, with their places.
type Keys = BTreeMap<String, Spanned<Value>>;

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

/// The line of the value at `key` or `key/inner`; the first if there is none.
fn line(text: &str, keys: &Keys, place: &str) -> usize {
    let line = |keys: &Keys, key: &str| keys.get(key).map(|value| value.referenced.line());
    let found = match place.split_once('/') {
        None => line(keys, place),
        Some(("tools", inner)) => {
            let file = read_yaml::<ToolsKey>(text).ok();
            file.and_then(|file| line(&file.tools, inner))
        }
        Some((_, inner)) => {
            let file = read_yaml::<SlackKey>(text).ok();
            file.and_then(|file| line(&file.slack, inner))
        }
    };
    found.map_or(1, |line| line_of(text, line))
}

fn tools(tools: &Value) -> Option<(&'static str, String)> {
    if tools.is_null() {
        return None;
    }
    let modes = ["allowlist", "denylist"];
    if !tools["mode"]
        .as_str()
        .is_some_and(|mode| modes.contains(&mode))
    {
        let place = if tools["mode"].is_null() {
            "tools"
        } else {
            "tools/mode"
        };
        return Some((
            place,
            "the mode of 'tools' must be allowlist or denylist".to_owned(),
        ));
    }
    let listed = tools["list"].as_array();
    if !listed.is_some_and(|list| list.iter().all(|name| is_filled(name, false))) {
        let place = if tools["list"].is_null() {
            "tools"
        } else {
            "tools/list"
        };
        return Some((place, "'tools' must have a list of tool names".to_owned()));
    }
    None
}

fn slack(slack: &Value) -> Option<(&'static str, String)> {
    if slack.is_null() || is_filled(&slack["channel"], false) {
        return None;
    }
    let place = if slack["channel"].is_null() {
        "slack"
    } else {
        "slack/channel"
    };
    Some((place, "'slack' must have a channel".to_owned()))
}

fn is_filled(value: &Value, or_number: bool) -> bool {
    let text = value.as_str().is_some_and(|text| !text.trim().is_empty());
    text || or_number && value.is_number()
}
