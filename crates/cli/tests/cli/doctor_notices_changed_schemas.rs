//! `dinoai doctor` and the library's probe say of a schema that changed exactly which documents it breaks.

use std::collections::BTreeSet;

use dinoai::{Client, Credentials, Features, Support};
use dinoai_emulator::{Backend, Emulator, Quirks, RefusalStatus};
use serde_json::Value;

use crate::support::changed_schemas::{CHANGED_SCHEMAS, ChangedSchema};
use crate::support::program::{dinoai, run};

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

fn emulator(changed: &ChangedSchema, quirks: Quirks) -> Emulator {
    let builder = Emulator::builder().backend(Backend::sdl(changed.sdl()));
    builder.quirks(quirks).start_blocking().unwrap()
}

fn checkup(emulator: &Emulator) -> (Value, i32) {
    let done = run(dinoai(emulator), &["doctor", "--output", "json"]);
    let report = serde_json::from_str(&done.stdout);
    assert!(report.is_ok(), "{}{}", done.stdout, done.stderr);
    (report.unwrap(), done.code())
}

/// The documents of the features that are not supported, or are broken.
fn differing(report: &Value) -> Names {
    let features = report["features"].as_array().unwrap().iter();
    let differing = features.filter(|row| row["support"] != "supported");
    differing
        .map(|row| snake_case(row["operation"].as_str().unwrap()))
        .collect()
}

#[test]
fn doctor_says_exactly_which_documents_a_changed_schema_breaks() {
    for changed in CHANGED_SCHEMAS {
        let emulator = emulator(changed, Quirks::new());
        let (report, code) = checkup(&emulator);
        let broken = broken(changed);
        assert_eq!(differing(&report), broken, "{}: {report:#}", changed.name);
        // Each is broken by what the table says.
        for row in report["features"].as_array().unwrap() {
            let said = format!("{}{}", row["error"], row["unknown"]);
            let document = snake_case(row["operation"].as_str().unwrap());
            let is_of_it = |places: &[&str]| places.iter().any(|it| self::document(it) == document);
            let mut changes = changed.changes.iter();
            let names =
                changes.find(|(level, _, _, places)| *level == "breaking" && is_of_it(places));
            // An older backend lacks none of these.
            let is_older = row["support"] == "not_supported";
            assert!(
                !is_older || !OF_THE_PAGE.contains(&&*document),
                "{}: {row}",
                changed.name
            );
            if let Some((_, coordinate, ..)) = names {
                let name = coordinate
                    .split(['.', '(', ')', ':'])
                    .rfind(|it| !it.is_empty());
                let name = name.unwrap().to_lowercase();
                assert!(
                    said.to_lowercase().contains(&name),
                    "{}: {said}",
                    changed.name
                );
            }
        }
        let on_the_page = broken.iter().any(|it| OF_THE_PAGE.contains(&&**it));
        assert!(code == 5 || !on_the_page, "{}", changed.name);
        assert!(
            code == 0 || !broken.is_empty(),
            "{}: {report:#}",
            changed.name
        );
        assert_eq!(emulator.runs().len(), 0);
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
        let checks = report["checks"].as_array().unwrap();
        let schema = checks.iter().find(|it| it["name"] == "schema").unwrap();
        assert_eq!(schema["outcome"], "not_tested");
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
            let word = match feature.support {
                Support::Supported => "supported",
                Support::NotSupported { .. } => "not_supported",
                Support::Broken { .. } => "broken",
                _ => "not_checked",
            };
            assert_eq!(row["support"], word, "{}: {row}", changed.name);
            let is_older = word == "not_supported";
            let document = snake_case(feature.operation);
            assert!(!is_older || !OF_THE_PAGE.contains(&&*document), "{row}");
        }
        assert_eq!(emulator.runs().len(), 0);
    }
}
