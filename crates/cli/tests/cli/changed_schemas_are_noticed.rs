//! A schema that changed is noticed before a run fails: `schema diff` and `schema check` say exactly
//! what differs, and breaking is what a program that runs today would notice, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use dinoai_emulator::{Backend, Emulator};
use graphql_client_codegen::{
    CodegenMode, GraphQLClientCodegenOptions, generate_module_token_stream_from_string,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::changed_schemas::{CHANGED_SCHEMAS, ChangedSchema, changed_schema};
use crate::support::program::{bare, dinoai, run};

const JSON: [&str; 2] = ["--output", "json"];

/// The documents of the library in a folder.
fn documents() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in dinoai::DOCUMENTS {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
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
        let said = done.json();
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
        let said = done.json();
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
    let said = done.json();
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
