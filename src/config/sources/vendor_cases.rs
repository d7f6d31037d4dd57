//! Cases of credentials files: each is read as the vendor's command reads it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Table {
    environment: BTreeMap<String, String>,
    files: BTreeMap<String, Expected>,
}

/// What the vendor's command makes of a file.
#[derive(Deserialize)]
#[serde(untagged)]
enum Expected {
    Fails {
        #[serde(rename = "fails")]
        _error: String,
    },
    Reads {
        /// What loading the file adds to the environment.
        sets: BTreeMap<String, String>,
        /// What is found for each setting, by its name without prefix.
        finds: BTreeMap<String, Option<String>>,
    },
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/credentials")
}

fn table() -> Table {
    let text = fs::read_to_string(folder().join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn environment(table: &Table) -> Place<'_> {
    Place {
        name: "in the environment".to_owned(),
        is_file: false,
        look_up: Box::new(|name| Ok(table.environment.get(name).cloned())),
    }
}

#[test]
fn every_file_is_read_as_the_vendors_command_reads_it() {
    let table = table();
    assert!(table.files.len() >= 25);
    for (file, expected) in &table.files {
        let path = folder().join(format!("{file}.env"));
        let content = read_file(&path, &environment(&table));
        let Expected::Reads { sets, .. } = expected else {
            continue;
        };
        let content = content.unwrap().unwrap();
        let read: BTreeMap<_, _> = content
            .values()
            .filter(|(name, _)| !table.environment.contains_key(*name))
            .collect();
        let sets: BTreeMap<_, _> = sets
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(read, sets, "{file}");
    }
}

#[test]
fn in_every_file_the_settings_are_found_that_the_vendors_command_finds() {
    let table = table();
    for (file, expected) in &table.files {
        let Expected::Reads { finds, .. } = expected else {
            continue;
        };
        let path = folder().join(format!("{file}.env"));
        let content = read_file(&path, &environment(&table)).unwrap().unwrap();
        let places = [environment(&table), in_file(&content, &path)];
        let values = Values::find(&places, Wanted::ALL).unwrap();
        for (name, found) in [
            ("API_ENDPOINT", values.endpoint),
            ("API_KEY", values.key),
            ("API_SECRET", values.secret),
            ("WORKSPACE_UID", values.workspace_uid),
        ] {
            let found = found.map(|found| found.value);
            assert_eq!(found, finds[name], "{file}: {name}");
        }
    }
}

#[test]
fn a_file_that_the_vendors_command_fails_on_makes_no_client() {
    let table = table();
    let fails = table
        .files
        .iter()
        .filter(|(_, expected)| matches!(expected, Expected::Fails { .. }));
    let mut count = 0;
    for (file, _) in fails {
        let path = folder().join(format!("{file}.env"));
        let account = Account::from_file_alone(&path);
        let credentials = account.and_then(|account| account.credentials.unwrap().headers());
        assert!(credentials.is_err(), "{file}");
        count += 1;
    }
    assert!(count >= 3);
}
