//! `schema diff` with a backend that is asked for its schema, whatever it says in place of one.

use std::collections::BTreeSet;

use dinoai_emulator::{Backend, Emulator, Fault, Quirks};
use serde_json::json;

use crate::support::answering::{Answer, answering, dinoai_at};
use crate::support::changed_schemas::changed_schema;
use crate::support::program::{Done, bare, dinoai, run};

#[test]
fn of_a_backend_that_has_the_vendors_page_alone_what_is_beyond_it_is_missing() {
    let backend = Emulator::builder().backend(Backend::PagesOnly);
    let emulator = backend.start_blocking().unwrap();
    let done = run(dinoai(&emulator), &["schema", "diff", "--output", "json"]);
    assert_eq!(done.code(), 1, "{}", done.stderr);
    let said = done.json();
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
