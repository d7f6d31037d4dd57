//! Texts with their names ([`Source`]), what each of them is, and how they are read from files and
//! folders ([`read`]).

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::problem::{Problem, ProblemKind, Problems};
use crate::text_file::{self, LARGEST};

/// The endings of files that are read in a folder.
const ENDINGS: [&str; 3] = ["graphql", "graphqls", "gql"];

/// The file in a folder that is read beside them: a schema as JSON.
const SCHEMA_AS_JSON: &str = "schema.json";

/// Folders of tools, which are not looked into.
const SKIPPED: [&str; 2] = ["node_modules", "target"];

/// A text and what it is called.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Source {
    /// A text without the mark that some editors begin it with, which takes no column there.
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Self {
            name: name.into(),
            text,
        }
    }

    /// Whether it defines types: a document does not begin like this, a schema does. A file with a
    /// mistake in it counts as what it was to be.
    pub(super) fn is_schema(&self) -> bool {
        let text = skip_ignored(&self.text);
        // One that was to be written, and was not.
        let is_empty_schema = || {
            let stem = Path::new(&self.name).file_stem();
            text.is_empty() && stem.is_some_and(|stem| stem == "schema")
        };
        if is_json(&self.name) || is_empty_schema() {
            return true;
        }
        const KEYWORDS: [&str; 9] = [
            "schema",
            "scalar",
            "type",
            "interface",
            "union",
            "enum",
            "input",
            "directive",
            "extend",
        ];
        let text = skip_ignored(skip_description(text));
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let end = text.find(|character| !is_part(character));
        let word = &text[..end.unwrap_or(text.len())];
        KEYWORDS.contains(&word)
    }
}

pub(super) fn is_json(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|ending| ending == "json")
}

/// A text from its first token on.
fn skip_ignored(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',', '\u{feff}']);
        match rest.strip_prefix('#') {
            Some(comment) => {
                let end = comment.find(['\n', '\r']).unwrap_or(comment.len());
                rest = &comment[end..];
            }
            None => return rest,
        }
    }
}

/// A text without the string that it begins with, if it does.
fn skip_description(text: &str) -> &str {
    let (quotes, inner) = match text.strip_prefix("\"\"\"") {
        Some(inner) => ("\"\"\"", inner),
        None => match text.strip_prefix('"') {
            Some(inner) => ("\"", inner),
            None => return text,
        },
    };
    let is_escaped = |end: usize| {
        let slashes = inner[..end].bytes().rev().take_while(|it| *it == b'\\');
        slashes.count() % 2 == 1
    };
    let end = inner.match_indices(quotes).find(|(at, _)| !is_escaped(*at));
    end.map_or("", |(end, _)| &inner[end + quotes.len()..])
}

/// Reads files, and the files of folders, each once.
pub(super) fn read<P: AsRef<Path>>(
    paths: impl IntoIterator<Item = P>,
) -> Result<Vec<Source>, Problems> {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        let path = path.as_ref();
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => files_of(path, &mut files, &mut problems),
            Ok(_) => files.push(path.to_owned()),
            Err(error) => problems.push(unread(path, error.to_string())),
        }
    }
    let mut seen = HashSet::new();
    // One file may be named twice: by itself, and by its folder.
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    let mut sources = Vec::new();
    for file in files {
        match text_of(&file) {
            Ok(text) => sources.push(Source::new(file.to_string_lossy(), text)),
            Err(wrong) => problems.extend(wrong.into_list()),
        }
    }
    Problems::if_any(problems)?;
    Ok(sources)
}

/// The text of one file.
pub(super) fn text_of(file: &Path) -> Result<String, Problems> {
    text_file::text_of(file, LARGEST).map_err(|error| unread(file, error.to_string()).into())
}

/// The files of a folder and of those in it, by name. Links to folders are not followed, since they
/// may lead back.
fn files_of(folder: &Path, files: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) {
    let mut ahead = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = ahead.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                problems.push(unread(&folder, error.to_string()));
                continue;
            }
        };
        for entry in entries {
            let (entry, kind) = match entry.and_then(|it| it.file_type().map(|kind| (it, kind))) {
                Ok(entry) => entry,
                Err(error) => {
                    problems.push(unread(&folder, error.to_string()));
                    continue;
                }
            };
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                if !SKIPPED.contains(&&*name) {
                    ahead.push(path);
                }
                continue;
            }
            let ending = path.extension().map(|it| it.to_string_lossy());
            let is_graphql = ending.is_some_and(|ending| ENDINGS.contains(&&*ending));
            if (is_graphql || name == SCHEMA_AS_JSON) && path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    files.append(&mut found);
}

fn unread(path: &Path, why: String) -> Problem {
    let name = path.to_string_lossy();
    Problem::new(ProblemKind::Unread, format!("cannot read {name}: {why}")).in_file(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_schema_by_its_first_word() {
        let is_schema = |text: &str| {
            let source = Source {
                name: "a.graphql".to_owned(),
                text: text.to_owned(),
            };
            source.is_schema()
        };
        for text in [
            "type A { a: Int }",
            "\u{feff}# first\n, \"\"\"say \\\"\"\" it\"\"\" enum A { B }",
            "\"it is \\\"A\\\\\" extend type A @b",
            "type",
            "input A {",
        ] {
            assert!(is_schema(text), "{text}");
        }
        for text in ["", "{ a }", "query A { type }", "typed", "\"open", "# type"] {
            assert!(!is_schema(text), "{text}");
        }
    }
}
