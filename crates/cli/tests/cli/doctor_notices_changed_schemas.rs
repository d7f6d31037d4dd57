//! `dinoai doctor` and the library's probe say of a schema that changed exactly which documents it breaks.

use std::collections::BTreeSet;

use dinoai::{Client, Credentials, Features, Support};
use dinoai_emulator::{Backend, Emulator, Quirks, RefusalStatus};
use serde_json::{Value, json};

use crate::support::answering::{Answer, answering, dinoai_at};
use crate::support::changed_schemas::{CHANGED_SCHEMAS, ChangedSchema};
use crate::support::program::{dinoai, run};
use crate::support::report::{doctor, good, line};

type Names = BTreeSet<String>;

/// The documents of which the vendor's page has every name.
const OF_THE_PAGE: [&str; 5] = [
    "trigger_dinoai_agent_run",
    "send_dinoai_agent_message",
    "dinoai_agent_run",
    "dinoai_agent_run_status",
    "dinoai_agent_run_digest",
];

/// The document of a place of the table, which has its line and column behind it.
fn document(place: &str) -> String {
    place.split(':').next().unwrap_or_default().to_owned()
}

/// The documents that the new schema breaks, for the backend or for who reads its responses.
fn broken(changed: &ChangedSchema) -> Names {
    let breaking = changed
        .changes
        .iter()
        .filter(|(level, ..)| *level == "breaking");
    breaking
        .flat_map(|(.., places)| places.iter().map(|place| document(place)))
        .collect()
}

/// Those that the backend refuses: by validation, or by what is sent for an input object.
fn refused(changed: &ChangedSchema) -> Names {
    let problems = changed.problems.iter().map(|(place, _)| document(place));
    let breaking = changed.changes.iter().filter(|(level, coordinate, ..)| {
        *level == "breaking" && coordinate.starts_with("DinoAiAgentSlackInput.")
    });
    let inputs = breaking.flat_map(|(.., places)| places.iter().map(|place| document(place)));
    problems.chain(inputs).collect()
}

/// `DinoaiAgentRun` as `dinoai_agent_run`.
fn snake_case(operation: &str) -> String {
    let words = operation.split_inclusive(|_: char| true).map(|character| {
        match character.chars().all(char::is_uppercase) {
            true => format!("_{}", character.to_lowercase()),
            false => character.to_owned(),
        }
    });
    words.collect::<String>().trim_start_matches('_').to_owned()
}

/// `maxChars` of `DinoAiAgentRun.steps(maxChars:)`.
fn last_name(coordinate: &str) -> &str {
    let mut parts = coordinate.split(['.', '(', ')', ':']);
    parts.rfind(|it| !it.is_empty()).unwrap()
}

fn emulator(changed: &ChangedSchema, quirks: Quirks) -> Emulator {
    let builder = Emulator::builder().backend(Backend::sdl(changed.sdl()));
    builder.quirks(quirks).start_blocking().unwrap()
}

fn checkup(emulator: &Emulator) -> (Value, i32) {
    let done = run(dinoai(emulator), &["doctor", "--output", "json"]);
    (done.json(), done.code())
}

/// The documents of the features that are not supported, or are broken.
fn differing(report: &Value) -> Names {
    let features = report["features"].as_array().unwrap().iter();
    let differing = features.filter(|row| row["support"] != "supported");
    differing
        .map(|row| snake_case(row["operation"].as_str().unwrap()))
        .collect()
}

/// What the report says of the types, and whether it is more than a note.
fn said_of_schema(report: &Value) -> (&str, &str) {
    let checks = report["checks"].as_array().unwrap();
    let schema = checks.iter().find(|it| it["name"] == "schema").unwrap();
    let text = |field: &str| schema[field].as_str().unwrap();
    (text("outcome"), text("text"))
}

/// The documents that the backend is too old for.
fn lacking(report: &Value) -> Names {
    let features = report["features"].as_array().unwrap().iter();
    let lacking = features.filter(|row| row["support"] == "not_supported");
    lacking
        .map(|row| snake_case(row["operation"].as_str().unwrap()))
        .collect()
}

#[test]
fn doctor_says_exactly_which_documents_a_changed_schema_breaks() {
    let mut levels = Names::new();
    for changed in CHANGED_SCHEMAS {
        let emulator = emulator(changed, Quirks::new());
        let (report, code) = checkup(&emulator);
        let broken = broken(changed);
        assert_eq!(differing(&report), broken, "{}: {report:#}", changed.name);
        // What an older backend lacks breaks nothing, and is nothing of the vendor's page.
        let lacking = lacking(&report);
        let is_of_the_page = |it: &String| OF_THE_PAGE.contains(&&**it);
        assert!(!lacking.iter().any(is_of_the_page), "{report:#}");
        let is_lasting = broken.is_subset(&lacking);
        assert_eq!(code, if is_lasting { 0 } else { 5 }, "{}", changed.name);
        // Each is broken by what the table says.
        for row in report["features"].as_array().unwrap() {
            let document = snake_case(row["operation"].as_str().unwrap());
            let said = format!("{}{}", row["error"], row["unknown"]).to_lowercase();
            for (level, coordinate, message, places) in changed.changes {
                let is_of_it = places.iter().any(|it| self::document(it) == document);
                if *level != "breaking" || !is_of_it {
                    continue;
                }
                let is_refused = refused(changed).contains(&document);
                let names = match is_refused {
                    // The backend's own words have the last part of it.
                    true => last_name(coordinate).to_owned(),
                    false => serde_json::to_string(&format!("{coordinate}: {message}"))
                        .unwrap()
                        .trim_matches('"')
                        .to_owned(),
                };
                let is_named = said.contains(&names.to_lowercase());
                assert!(is_named, "{}: {names}: {said}", changed.name);
            }
        }
        // The line of the schema counts what concerns the documents that are used.
        let count = |wanted: &str| {
            let changes = changed.changes.iter();
            let counted = changes.filter(|(level, .., places)| {
                let mut documents = places.iter().map(|it| document(it));
                *level == wanted && documents.any(|it| !lacking.contains(&it))
            });
            counted.count()
        };
        let (breaking, dangerous) = (count("breaking"), count("dangerous"));
        let (outcome, text) = said_of_schema(&report);
        match breaking + dangerous {
            0 => {
                let end = "as this version's documents need it";
                assert_eq!(outcome, "ok", "{}: {text}", changed.name);
                assert!(text.ends_with(end), "{}: {text}", changed.name);
            }
            _ => {
                let counts = format!("{breaking} breaking, {dangerous} dangerous");
                assert_eq!(outcome, "warning", "{}: {text}", changed.name);
                assert!(
                    text.ends_with(&counts),
                    "{}: {counts}: {text}",
                    changed.name
                );
            }
        }
        for (level, ..) in changed.changes {
            levels.insert(format!("{level} {outcome}"));
        }
        assert_eq!(emulator.runs().len(), 0);
    }
    for seen in ["breaking warning", "dangerous warning", "safe ok"] {
        assert!(levels.contains(seen), "{seen}: {levels:?}");
    }
}

#[test]
fn a_backend_that_hides_its_schema_shows_what_it_refuses() {
    for (changed, status) in CHANGED_SCHEMAS.iter().zip(
        [
            RefusalStatus::Ok,
            RefusalStatus::BadRequest,
            RefusalStatus::UnprocessableContent,
        ]
        .into_iter()
        .cycle(),
    ) {
        let quirks = Quirks::new().without_introspection().refusal_status(status);
        let emulator = emulator(changed, quirks.ignores_conditions());
        let (report, _) = checkup(&emulator);
        assert_eq!(
            differing(&report),
            refused(changed),
            "{}: {report:#}",
            changed.name
        );
        assert_eq!(said_of_schema(&report).0, "not_tested");
        assert_eq!(emulator.runs().len(), 0);
    }
}

#[test]
fn the_library_says_the_same_of_what_a_backend_refuses() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    for changed in CHANGED_SCHEMAS {
        let emulator = emulator(changed, Quirks::new());
        let credentials = Credentials::key_and_secret(emulator.key(), emulator.secret());
        let client = Client::new(emulator.endpoint(), credentials).unwrap();
        let features: Features = runtime.block_on(client.probe().into_future()).unwrap();
        let differing = features.iter().filter(|it| !it.support.is_supported());
        let differing: Names = differing
            .inspect(|it| {
                let is_certain = !matches!(it.support, Support::NotChecked { .. });
                assert!(is_certain, "{}: {it:?}", changed.name);
            })
            .map(|it| snake_case(it.operation))
            .collect();
        assert_eq!(differing, refused(changed), "{}", changed.name);
        // Word for word what the doctor says, where no change but that is seen.
        let quirks = Quirks::new().without_introspection();
        let (report, _) = checkup(&self::emulator(changed, quirks));
        let rows = report["features"].as_array().unwrap();
        for (feature, row) in features.iter().zip(rows) {
            let (word, said) = match feature.support {
                Support::Supported => ("supported", String::new()),
                Support::NotSupported { fields, .. } => {
                    assert_eq!(row["unknown"], serde_json::json!(fields), "{row}");
                    ("not_supported", fields.join(" "))
                }
                Support::Broken { error, .. } => ("broken", error.to_string()),
                _ => ("not_checked", String::new()),
            };
            assert_eq!(row["support"], word, "{}: {row}", changed.name);
            let is_older = word == "not_supported";
            let document = snake_case(feature.operation);
            // By each name that the table has for it.
            let changes = changed.changes.iter().filter(|(level, .., places)| {
                let is_of_it = places.iter().any(|it| self::document(it) == document);
                *level == "breaking" && is_of_it && word != "supported"
            });
            for (_, coordinate, ..) in changes {
                let name = last_name(coordinate).to_lowercase();
                let is_named = said.to_lowercase().contains(&name);
                assert!(is_named, "{}: {coordinate}: {said}", changed.name);
            }
            assert!(!is_older || !OF_THE_PAGE.contains(&&*document), "{row}");
        }
        assert_eq!(emulator.runs().len(), 0);
    }
}

#[test]
fn why_types_are_not_compared_is_said() {
    let hidden = Emulator::builder().quirks(Quirks::new().without_introspection());
    let hidden = hidden.start_blocking().unwrap();
    let hidden = doctor(dinoai(&hidden));
    let schema = line(&hidden, "schema");
    assert!(
        schema.starts_with("not tested") && schema.contains("ntrospection"),
        "{schema}"
    );
    let address = answering(|request| match request.contains("__schema") {
        true => Answer::page("404 Not Found"),
        false => good(request),
    });
    let schema = doctor(dinoai_at("http", address));
    let schema = line(&schema, "schema");
    assert!(schema.contains("HTTP 404"), "{schema}");
    let address = answering(|request| match request.contains("__schema") {
        true => Answer::json("200 OK", r#"{"data":{"__schema":{}}}"#),
        false => good(request),
    });
    let schema = doctor(dinoai_at("http", address));
    let schema = line(&schema, "schema");
    assert!(schema.contains("of no use"), "{schema}");
    let long = "x".repeat(2 << 20);
    let body = json!({ "data": { "__schema": null }, "errors": [{ "message": long }] }).to_string();
    let address = answering(move |request| match request.contains("__schema") {
        true => Answer::json("200 OK", body.clone()),
        false => good(request),
    });
    let schema = doctor(dinoai_at("http", address));
    assert!(line(&schema, "schema").len() < 1000);
}

#[test]
fn what_an_older_backend_lacks_is_not_called_breaking() {
    let builder = Emulator::builder().backend(Backend::PagesOnly);
    let emulator = builder.start_blocking().unwrap();
    let done = doctor(dinoai(&emulator));
    assert_eq!(done.code(), 0, "{}", done.stdout);
    let schema = line(&done, "schema");
    assert!(schema.starts_with("ok"), "{schema}");
    for name in ["trigger_options", "steps", "stop_run", "list_workspaces"] {
        assert!(schema.contains(name), "{schema}");
    }
    assert!(!done.stdout.contains("breaking"), "{}", done.stdout);

    // What has moved beside it still is.
    let pages = include_str!("../../../emulator/backends/pages.graphql");
    let moved = pages.replacen("workspaceUid: String!", "workspaceUid: String", 1);
    assert_ne!(moved, pages);
    let builder = Emulator::builder().backend(Backend::sdl(moved));
    let done = doctor(dinoai(&builder.start_blocking().unwrap()));
    assert_eq!(done.code(), 5, "{}", done.stdout);
    let schema = line(&done, "schema");
    assert!(
        schema.starts_with("warning") && schema.contains("steps") && schema.contains("1 breaking"),
        "{schema}"
    );
}
