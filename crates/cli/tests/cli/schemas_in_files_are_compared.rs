//! `schema diff` with schemas from files: one's own beside the documents, and a new one, as type definitions or
//! as an introspection that was saved.

use std::fs;

use dinoai_emulator::Emulator;
use serde_json::json;

use crate::support::changed_schemas::ChangedSchema;
use crate::support::program::{assert_done, bare, dinoai, run};

#[test]
fn documents_of_a_folder_are_compared_by_the_schema_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().to_str().unwrap();
    let query = "query Mine { mine(kind: OLD) { id } }";
    fs::write(folder.path().join("mine.graphql"), query).unwrap();
    let types = "type Query { mine(kind: Kind): Mine } type Mine { id: ID } enum Kind { OLD NEW }";
    fs::write(folder.path().join("schema.graphql"), types).unwrap();
    let new = tempfile::tempdir().unwrap();
    let file = new.path().join("new.graphql");
    let both = format!(
        "{}\nextend type Query {{ mine(kind: Kind): Mine }} type Mine {{ id: ID! }} enum Kind {{ NEW }}",
        dinoai::SCHEMA
    );
    fs::write(&file, both).unwrap();
    let file = file.to_str().unwrap();
    let done = run(bare(), &["schema", "diff", own, "--against", file]);
    assert_eq!(done.code(), 1, "{}", done.stderr);
    let shown = done
        .stdout
        .replace(own, "mine")
        .replace(file, "new.graphql");
    assert!(
        shown.starts_with("breaking: Kind.OLD: the value is removed\n  --> mine/mine.graphql:1:25\n\nsafe: Mine.id: "),
        "{shown}"
    );
    // The library's own documents are compared as well, from the library's own schema.
    assert!(
        shown.contains(&format!(
            "1 breaking, 0 dangerous, 1 safe from dinoai 0.1.0 and mine/schema.graphql to \
             new.graphql, for {} documents; ",
            1 + dinoai::DOCUMENTS.len()
        )),
        "{shown}"
    );
    let without = run(
        bare(),
        &["schema", "diff", own, "--against", file, "--schema", file],
    );
    assert_eq!(without.code(), 1, "{}", without.stderr);
    assert!(
        without
            .stderr
            .contains("mine.graphql:1:25: Value \"OLD\" does not exist in \"Kind\" enum."),
        "{}",
        without.stderr
    );
    assert!(
        without.stderr.contains("dinoai schema check"),
        "{}",
        without.stderr
    );
}

#[test]
fn an_introspection_that_was_saved_is_a_schema_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new.json");
    let saved = json!({"data": {"__schema": {
        "queryType": {"name": "Query"},
        "types": [{"kind": "OBJECT", "name": "Query", "interfaces": [], "fields": [{
            "name": "id", "args": [], "isDeprecated": false,
            "type": {"kind": "SCALAR", "name": "ID"},
        }]}],
    }}});
    fs::write(&file, saved.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let done = run(
        bare(),
        &["schema", "diff", "--against", file, "--output", "json"],
    );
    assert_eq!(done.code(), 1, "{}", done.stderr);
    let said = done.json();
    assert_eq!(said["changes"][0]["level"], "breaking");
}

#[test]
fn a_schema_as_json_has_no_places_in_what_it_comes_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.json");
    let field = json!({"name": "a", "args": [], "type": {"kind": "OBJECT", "name": "Nope"}});
    let query = json!({"kind": "OBJECT", "name": "Query", "fields": [field]});
    let schema = json!({"queryType": {"name": "Query"}, "types": [query]});
    fs::write(&file, json!({"data": {"__schema": schema}}).to_string()).unwrap();
    let done = run(
        bare(),
        &["schema", "diff", "--against", file.to_str().unwrap()],
    );
    assert_eq!(done.code(), 2, "{}", done.stdout);
    assert!(
        done.stderr.contains("x.json: cannot find type `Nope`"),
        "{}",
        done.stderr
    );
}

#[test]
fn differences_in_each_format() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new.graphql");
    let names = [
        "field made nullable",
        "enum value added",
        "field added that no document selects",
    ];
    let sdl = ChangedSchema::with_edits_of(&names);
    fs::write(&file, sdl).unwrap();
    let diff = ["schema", "diff", "--against", "new.graphql"];
    for format in ["text", "json", "jsonl"] {
        let mut command = bare();
        command.current_dir(folder.path());
        let done = run(command, &[&diff[..], &["--output", format]].concat());
        assert_done!(format!("schema-diff_{format}"), done);
    }
}

#[test]
fn a_new_schema_that_is_none_and_an_account_that_is_refused_are_failures() {
    let folder = tempfile::tempdir().unwrap();
    for (text, words) in [
        ("type Query { a: B }", "new.graphql:1:17: "),
        (
            "{}",
            "new.graphql: no schema: it is JSON without `__schema`",
        ),
        ("type", "new.graphql:1:5: Syntax Error: "),
        (
            "{\"errors\": [{\"message\": \"not allowed\"}]}",
            "without `__schema`: not allowed",
        ),
        (
            "{\"data\": {\"__schema\": null}, \"errors\": [{\"message\": \"not allowed\"}]}",
            "without `__schema`: not allowed",
        ),
    ] {
        let file = folder.path().join("new.graphql");
        fs::write(&file, text).unwrap();
        let done = run(
            bare(),
            &["schema", "diff", "--against", file.to_str().unwrap()],
        );
        assert_eq!(
            (done.code(), &*done.stdout),
            (2, ""),
            "{text}: {}",
            done.stderr
        );
        assert!(done.stderr.contains(words), "{text}: {}", done.stderr);
    }
    let emulator = Emulator::builder().start_blocking().unwrap();
    let mut refused = dinoai(&emulator);
    refused.env("PARADIME_API_SECRET", "wrong");
    assert_eq!(run(refused, &["schema", "diff"]).code(), 3);
    let without = run(bare(), &["schema", "diff"]);
    assert_eq!(without.code(), 2);
    assert!(
        without.stderr.contains("PARADIME_API_ENDPOINT"),
        "{}",
        without.stderr
    );
}
