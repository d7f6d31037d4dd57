//! A schema that changed is noticed before a run fails: `schema diff` and `schema check` say exactly
//! what differs, and breaking is what a program that runs today would notice, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use dinoai_emulator::{Backend, Emulator, Fault, Quirks};
use graphql_client_codegen::{
    CodegenMode, GraphQLClientCodegenOptions, generate_module_token_stream_from_string,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::answering::{Answer, answering, dinoai_at};
use crate::support::changed_schemas::{CHANGED_SCHEMAS, ChangedSchema, changed_schema};
use crate::support::program::{Done, assert_done, bare, dinoai, run};

const JSON: [&str; 2] = ["--output", "json"];

/// The documents of the library in a folder.
fn documents() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in dinoai::DOCUMENTS {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn parsed(done: &Done) -> Value {
    let parsed = serde_json::from_str(&done.stdout);
    assert!(parsed.is_ok(), "{parsed:?}: {}{}", done.stdout, done.stderr);
    parsed.unwrap()
}

/// The changes of the table as `schema diff` writes them.
fn expected(changed: &ChangedSchema) -> Value {
    let changes = changed.changes.iter();
    let changes = changes.map(|(level, coordinate, message, places)| {
        let places = places.iter().map(|place| {
            let (document, line, column) = parts(place);
            json!({
                "document": format!("dinoai/{document}.graphql"), "line": line, "column": column,
            })
        });
        let places: Vec<_> = places.collect();
        json!({"level": level, "coordinate": coordinate, "message": message, "places": places})
    });
    changes.collect()
}

/// The document, the line and the column of a place.
fn parts(place: &str) -> (&str, usize, usize) {
    let mut parts = place.split(':');
    let mut next = || parts.next().unwrap();
    let document = next();
    (document, next().parse().unwrap(), next().parse().unwrap())
}

fn breaks(changed: &ChangedSchema) -> bool {
    changed.changes.iter().any(|change| change.0 == "breaking")
}

#[test]
fn diff_says_exactly_what_changed_for_the_documents_in_use() {
    for changed in CHANGED_SCHEMAS {
        let (_folder, file) = changed.file();
        let file = file.to_str().unwrap();
        let done = run(
            bare(),
            &[&["schema", "diff", "--against", file][..], &JSON].concat(),
        );
        let said = parsed(&done);
        assert_eq!(said["changes"], expected(changed), "{}", changed.name);
        assert_eq!(said["unused"], changed.unused, "{}", changed.name);
        assert_eq!(done.code(), i32::from(breaks(changed)), "{}", changed.name);
        assert_eq!(done.stderr, "", "{}", changed.name);
    }
}

#[test]
fn diff_says_the_same_of_a_backend_that_is_asked_for_its_schema() {
    for changed in CHANGED_SCHEMAS {
        let backend = Backend::sdl(changed.sdl());
        let emulator = Emulator::builder()
            .backend(backend)
            .start_blocking()
            .unwrap();
        let done = run(
            dinoai(&emulator),
            &[&["schema", "diff"][..], &JSON].concat(),
        );
        let said = parsed(&done);
        assert_eq!(said["changes"], expected(changed), "{}", changed.name);
        assert_eq!(said["unused"], changed.unused, "{}", changed.name);
        assert_eq!(done.code(), i32::from(breaks(changed)), "{}", changed.name);
        assert_eq!(emulator.requests().len(), 1, "{}", changed.name);
        assert_eq!(emulator.runs().len(), 0, "{}", changed.name);
    }
}

/// What `schema check` says of the library's documents by a schema, each with its place, and its exit status.
fn checked(schema: &Path) -> (Vec<(String, String)>, i32) {
    let documents = documents();
    let folder = documents.path().to_str().unwrap();
    let schema = schema.to_str().unwrap();
    let arguments = ["schema", "check", folder, "--schema", schema];
    let done = run(bare(), &[&arguments[..], &JSON].concat());
    let said = parsed(&done);
    let problems = said["problems"].as_array().unwrap().iter();
    let problems = problems.map(|problem| {
        let (file, line, column) = (&problem["file"], &problem["line"], &problem["column"]);
        let file = Path::new(file.as_str().unwrap()).file_stem().unwrap();
        let place = format!("{}:{line}:{column}", file.to_str().unwrap());
        (place, problem["message"].as_str().unwrap().to_owned())
    });
    (problems.collect(), done.code())
}

#[test]
fn check_says_exactly_what_the_new_schema_refuses() {
    for changed in CHANGED_SCHEMAS {
        let (_folder, file) = changed.file();
        let (problems, exit) = checked(&file);
        let expected: Vec<_> = changed
            .problems
            .iter()
            .map(|(place, message)| ((*place).to_owned(), (*message).to_owned()))
            .collect();
        assert_eq!(problems, expected, "{}", changed.name);
        let code = i32::from(!changed.problems.is_empty());
        assert_eq!(exit, code, "{}", changed.name);
    }
}

#[test]
fn check_refuses_what_is_beyond_the_vendors_page_by_the_page_alone() {
    let pages = include_str!("../../../emulator/backends/pages.graphql");
    // The derive reads no description of a schema.
    let pages = &pages[pages.find("schema {").unwrap()..];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pages.graphql");
    fs::write(&file, pages).unwrap();
    let (problems, exit) = checked(&file);
    let problems: Vec<_> = problems
        .iter()
        .map(|(place, message)| format!("{} {message}", parts(place).0))
        .collect();
    let steps = "dinoai_agent_run_steps";
    let with_options = "trigger_dinoai_agent_run_with_options";
    let trigger = "Mutation.triggerDinoaiAgentRun";
    let expected = [
        format!("{steps} Cannot query field \"steps\" on type \"DinoAiAgentRun\"."),
        format!("{steps} Cannot query field \"startupSteps\" on type \"DinoAiAgentRun\"."),
        format!("{steps} Unknown type \"DinoAiAgentStep\"."),
        format!("{steps} Unknown type \"DinoAiAgentStartupStep\"."),
        "list_workspaces Cannot query field \"listWorkspaces\" on type \"Query\".".to_owned(),
        "stop_dinoai_agent_run Cannot query field \"stopDinoaiAgentRun\" on type \"Mutation\"."
            .to_owned(),
        "stop_dinoai_agent_run Unknown type \"StopDinoAiAgentRun\".".to_owned(),
        format!("{with_options} Unknown argument \"baseBranch\" on field \"{trigger}\"."),
        format!("{with_options} Unknown argument \"modelFamily\" on field \"{trigger}\"."),
        format!("{with_options} Cannot query field \"warning\" on type \"TriggerDinoAiAgentRun\"."),
    ];
    assert_eq!((problems, exit), (expected.to_vec(), 1));
}

#[test]
fn a_document_is_refused_or_its_response_not_read_exactly_where_diff_says_breaking() {
    let old = changed_schema("nothing changed");
    let (_old, old) = old.file();
    for changed in CHANGED_SCHEMAS {
        let (_new, new) = changed.file();
        let of = |places: &mut dyn Iterator<Item = &&str>| -> BTreeSet<String> {
            places.map(|place| parts(place).0.to_owned()).collect()
        };
        let breaking = changed
            .changes
            .iter()
            .filter(|change| change.0 == "breaking");
        let breaking = of(&mut breaking.flat_map(|change| change.3));
        let mut failing = of(&mut changed.problems.iter().map(|(place, _)| place));
        for (name, text) in dinoai::DOCUMENTS {
            let types = types_of(text, &old).unwrap();
            let is_compatible = types_of(text, &new).is_some_and(|new| types.read(&new));
            if !is_compatible {
                failing.insert(name.trim_end_matches(".graphql").to_owned());
            }
        }
        assert_eq!(failing, breaking, "{}", changed.name);
    }
}

/// The types that the derive makes of a document: each field with its type.
struct Types(Vec<(String, String, String)>);

/// What the derive makes of a document; none if it fails.
fn types_of(document: &str, schema: &Path) -> Option<Types> {
    let options = GraphQLClientCodegenOptions::new(CodegenMode::Cli);
    let made = catch_unwind(|| generate_module_token_stream_from_string(document, schema, options));
    let made = made.ok()?.ok()?.to_string();
    let mut types = Vec::new();
    for part in made.split("pub struct ").skip(1) {
        let (name, rest) = part.split_once(' ').unwrap();
        let Some(body) = rest.strip_prefix("{ ") else {
            continue;
        };
        let (body, _) = body.split_once(" }").unwrap();
        for field in body.split("pub ").skip(1) {
            let (field, ty) = field.split_once(" : ").unwrap();
            // The attributes of the next one stand behind it.
            let ty = ty.split(" , ").next().unwrap().trim_end_matches(" ,");
            types.push((name.to_owned(), field.to_owned(), ty.trim().to_owned()));
        }
    }
    assert!(!types.is_empty(), "{made}");
    Some(Types(types))
}

impl Types {
    /// Whether these types, made before, read what a server sends by the new ones, and send what it
    /// takes.
    fn read(&self, new: &Self) -> bool {
        let of = |types: &Self, name: &str, field: &str| {
            let mut types = types.0.iter();
            let found = types.find(|it| it.0 == name && it.1 == field);
            found.map(|it| it.2.clone())
        };
        let is_sent = |name: &str| name == "Variables" || name.ends_with("Input");
        let kept = self.0.iter().all(|(name, field, ty)| {
            of(new, name, field).is_some_and(|now| match is_sent(name) {
                true => reads(&now, ty),
                false => reads(ty, &now),
            })
        });
        let mut added = new.0.iter().filter(|it| of(self, &it.0, &it.1).is_none());
        kept && added.all(|it| !is_sent(&it.0) || it.2.starts_with("Option"))
    }
}

/// Whether the first type reads each value of the second, null among them.
fn reads(reader: &str, value: &str) -> bool {
    let inner = |ty: &str, of: &str| {
        let inner = ty
            .strip_prefix(of)?
            .strip_prefix(" < ")?
            .strip_suffix(" >")?;
        Some(inner.to_owned())
    };
    let optional = inner(reader, "Option");
    match (inner(reader, "Vec"), inner(value, "Vec")) {
        _ if reader == value => true,
        (Some(reader), Some(value)) => reads(&reader, &value),
        _ => match (optional, inner(value, "Option")) {
            (Some(reader), Some(value)) => reads(&reader, &value),
            (Some(reader), None) => reads(&reader, value),
            (None, _) => false,
        },
    }
}

#[test]
fn the_comparison_of_types_knows_what_reads_what() {
    for (reader, value, is_read) in [
        ("String", "String", true),
        ("Option < String >", "String", true),
        ("String", "Option < String >", false),
        ("Vec < Option < A > >", "Vec < A >", true),
        (
            "Option < Vec < A > >",
            "Option < Vec < Option < A > > >",
            false,
        ),
        ("Vec < A >", "A", false),
        ("Float", "String", false),
    ] {
        assert_eq!(reads(reader, value), is_read, "{reader} {value}");
    }
}

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
        &[&["schema", "diff", "--against", file][..], &JSON].concat(),
    );
    assert_eq!(done.code(), 1, "{}", done.stderr);
    let said = parsed(&done);
    assert_eq!(said["changes"][0]["level"], "breaking");
}

#[test]
fn of_a_backend_that_has_the_vendors_page_alone_what_is_beyond_it_is_missing() {
    let backend = Emulator::builder().backend(Backend::PagesOnly);
    let emulator = backend.start_blocking().unwrap();
    let done = run(
        dinoai(&emulator),
        &[&["schema", "diff"][..], &JSON].concat(),
    );
    assert_eq!(done.code(), 1, "{}", done.stderr);
    let said = parsed(&done);
    let changes = said["changes"].as_array().unwrap();
    let breaking = changes.iter().filter(|it| it["level"] == "breaking");
    let missing: BTreeSet<_> = breaking
        .map(|change| change["coordinate"].as_str().unwrap())
        .collect();
    let beyond = [
        "DinoAiAgentRun.startupSteps",
        "DinoAiAgentRun.steps",
        // Fragments are on these.
        "DinoAiAgentStartupStep",
        "DinoAiAgentStep",
        "Mutation.stopDinoaiAgentRun",
        "Mutation.triggerDinoaiAgentRun(baseBranch:)",
        "Mutation.triggerDinoaiAgentRun(modelFamily:)",
        "Query.listWorkspaces",
        "StopDinoAiAgentRun",
        "TriggerDinoAiAgentRun.warning",
    ];
    assert_eq!(missing, BTreeSet::from(beyond));
    let others = changes.iter().filter(|it| it["level"] != "breaking");
    let others: BTreeSet<_> = others
        .map(|change| (change["level"].as_str(), change["coordinate"].as_str()))
        .collect();
    let removed = ["EXPIRED", "STOPPED"].map(|it| format!("DinoAiAgentRunStatus.{it}"));
    let removed = removed.iter().map(|it| (Some("safe"), Some(&**it)));
    assert_eq!(others, removed.collect());
}

#[test]
fn where_introspection_is_refused_it_is_said_with_what_to_do() {
    let quirks = Quirks::new().without_introspection();
    let emulator = Emulator::builder().quirks(quirks).start_blocking().unwrap();
    let done = run(dinoai(&emulator), &["schema", "diff"]);
    assert_eq!(done.code(), 5, "{}", done.stdout);
    for words in [
        "introspection has been disabled",
        "--against FILE",
        "`dinoai doctor`",
    ] {
        assert!(done.stderr.contains(words), "{words}: {}", done.stderr);
    }
    assert_eq!(done.stdout, "");
}

#[test]
fn a_backend_that_knows_less_of_introspection_is_asked_for_less() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let unknown =
        Fault::graphql_error(400).message("Cannot query field \"isOneOf\" on type \"__Type\".");
    emulator.add_fault(unknown).unwrap();
    let done = run(dinoai(&emulator), &["schema", "diff"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(emulator.requests().len(), 2);
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

/// An endpoint that answers every request alike, until the test ends.
fn endpoint_of(body: String) -> String {
    let address = answering(move |_| Answer::json("200 OK", body.clone()));
    format!("http://{address}/api/canary-of-the-path/graphql")
}

fn diff_of(body: String, format: &str) -> Done {
    let mut command = bare();
    command
        .env("PARADIME_API_ENDPOINT", endpoint_of(body))
        .env("PARADIME_API_KEY", "canary_key_a1")
        .env("PARADIME_API_SECRET", "canary_secret_b2");
    run(command, &["schema", "diff", "--output", format])
}

#[test]
fn a_backend_that_echoes_the_request_in_its_schema_gives_no_secret_away() {
    let echo = "/api/canary-of-the-path/graphql canary_secret_b2 canary_key_a1\nnext";
    let fields =
        json!([{"name": "canary_key_a1", "args": [], "type": {"kind": "SCALAR", "name": "Int"}}]);
    let types = [
        json!({"kind": echo, "name": "Query"}),
        json!({"kind": "OBJECT", "name": echo}),
        json!({"kind": "OBJECT", "name": "Query", "fields": fields}),
    ];
    for ty in types {
        let schema = json!({"queryType": {"name": "Query"}, "types": [ty]});
        let body = json!({"data": {"__schema": schema}}).to_string();
        for format in ["text", "json"] {
            let done = diff_of(body.clone(), format);
            let said = format!("{}{}", done.stdout, done.stderr);
            assert_ne!(done.code(), 0, "{said}");
            assert!(!said.contains("canary"), "{said}");
            assert!(!said.contains("\nnext"), "{said}");
        }
    }
}

#[test]
fn what_a_backend_says_in_place_of_its_schema_is_said() {
    let body =
        json!({"data": {"__schema": null}, "errors": [{"message": "introspection is for admins"}]});
    let done = diff_of(body.to_string(), "text");
    assert_eq!(done.code(), 5, "{}", done.stdout);
    for words in [
        "without `__schema`: introspection is for admins",
        "--against FILE",
    ] {
        assert!(done.stderr.contains(words), "{}", done.stderr);
    }
}

#[test]
fn a_backend_that_refuses_an_introspection_beside_data_is_asked_for_less() {
    let field = json!({"name": "id", "args": [], "type": {"kind": "SCALAR", "name": "ID"}});
    let query = json!({"kind": "OBJECT", "name": "Query", "fields": [field], "interfaces": []});
    let schema = json!({"queryType": {"name": "Query"}, "types": [query]});
    let address = answering(move |request| {
        let body = match request.contains("isOneOf") {
            true => {
                let message = "Unknown argument 'includeDeprecated' on field '__Field.args'.";
                json!({"data": {}, "errors": [{"message": message}]})
            }
            false => json!({"data": {"__schema": schema}}),
        };
        Answer::json("200 OK", body.to_string())
    });
    let done = run(dinoai_at("http", address), &["schema", "diff"]);
    assert_eq!(done.code(), 1, "{}{}", done.stdout, done.stderr);
    assert!(
        done.stdout.contains("Query.dinoaiAgentRun"),
        "{}",
        done.stdout
    );
}

#[test]
fn what_is_hidden_is_compared_all_the_same() {
    let changed = changed_schema("items made nullable");
    let backend = Emulator::builder().backend(Backend::sdl(changed.sdl()));
    let emulator = backend.start_blocking().unwrap();
    let mut command = dinoai(&emulator);
    let endpoint = format!("{}?workspaces=messages", emulator.endpoint());
    command.env("PARADIME_API_ENDPOINT", endpoint);
    let done = run(command, &["schema", "diff"]);
    assert_eq!(done.code(), 1, "{}{}", done.stdout, done.stderr);
    assert!(
        done.stdout
            .contains("breaking: DinoAiAgentRun.[hidden]: the type "),
        "{}",
        done.stdout
    );
    assert!(
        done.stdout.contains("1 breaking, 0 dangerous"),
        "{}",
        done.stdout
    );
    assert!(!done.stdout.contains("messages"), "{}", done.stdout);
}

#[test]
fn a_backend_says_no_more_than_fits() {
    let long = "x".repeat(2 << 20);
    let errors = json!([{"message": format!("{long} {long}")}]);
    let done = diff_of(
        json!({"data": {"__schema": null}, "errors": errors}).to_string(),
        "text",
    );
    assert_eq!(done.code(), 5, "{}", done.stdout);
    assert!(done.stderr.len() < 1000, "{}", done.stderr.len());
}

#[test]
fn a_schema_of_a_backend_has_the_limit_of_a_file() {
    let schema = json!({"queryType": {"name": "x".repeat(17 << 20)}, "types": []});
    let done = diff_of(json!({"data": {"__schema": schema}}).to_string(), "text");
    assert_eq!(done.code(), 5, "{}", done.stdout);
    assert!(
        done.stderr.contains("it has more than 16 MiB"),
        "{}",
        done.stderr
    );
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
