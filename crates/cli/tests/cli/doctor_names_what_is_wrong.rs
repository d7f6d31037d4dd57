//! `dinoai doctor` says which part of an account is wrong, once, with what to do and an exit status that fits.

use std::process::Command;

use dinoai_emulator::{Backend, Capability, Emulator, Quirks};
use serde_json::{Value, json};

use crate::support::answering::{Answer, answering, dinoai_at};
use crate::support::home::{at_home, home_with};
use crate::support::program::{Done, bare, dinoai, run};
use crate::support::report::{doctor, line};

fn emulator(quirks: Quirks) -> Emulator {
    Emulator::builder().quirks(quirks).start_blocking().unwrap()
}

/// The command with the emulator's company token.
fn company(emulator: &Emulator) -> Command {
    let mut command = bare();
    command
        .env("PARADIME_API_ENDPOINT", emulator.endpoint())
        .env("PARADIME_API_SECRET", emulator.company_token());
    command
}

fn starts(done: &Done, lines: &[(&str, &str)]) {
    for (name, start) in lines {
        let line = line(done, name);
        assert!(line.starts_with(start), "{name} {start}\n{}", done.stdout);
    }
}

/// What a server that obeys `@skip` and has no run says, unless it is said otherwise.
fn good(request: &str) -> Answer {
    match request.contains("@skip") {
        true => Answer::json("200 OK", r#"{"data":{}}"#),
        false => Answer::json("200 OK", r#"{"data":{"dinoaiAgentRun":null}}"#),
    }
}

#[test]
fn a_trigger_capability_that_is_refused_fails() {
    let quirks = Quirks::new().without_capability(Capability::Trigger);
    let done = doctor(dinoai(&emulator(quirks)));
    assert_eq!(done.code(), 3, "{}{}", done.stdout, done.stderr);
    starts(
        &done,
        &[("credentials", "ok"), ("read", "ok"), ("trigger", "failed")],
    );
    let trigger = line(&done, "trigger");
    assert!(
        trigger.contains("refused") && trigger.ends_with("HTTP 403"),
        "{trigger}"
    );
    assert!(
        done.stdout
            .contains("give the key the capability dinoai:agent:trigger"),
        "{}",
        done.stdout
    );
    for name in ["trigger_run", "trigger_options", "send_message", "stop_run"] {
        let row = line(&done, name);
        assert!(
            row.starts_with("not checked") && row.ends_with(": see trigger"),
            "{row}"
        );
    }
    assert_eq!(
        done.stdout.matches("HTTP 403").count(),
        1,
        "{}",
        done.stdout
    );
}

#[test]
fn a_document_that_is_refused_for_itself_counts_as_refused() {
    let address = answering(|request| match request.contains("StopDinoaiAgentRun") {
        true => Answer::json("403 Forbidden", "{}"),
        false => good(request),
    });
    let done = doctor(dinoai_at("http", address));
    assert_eq!(done.code(), 3, "{}", done.stdout);
    let trigger = line(&done, "trigger");
    assert!(trigger.ends_with("HTTP 403: stop_run"), "{trigger}");

    let address = answering(|request| match request.contains("DinoaiAgentRunSteps") {
        true => Answer::json("403 Forbidden", "{}"),
        false => good(request),
    });
    let done = doctor(dinoai_at("http", address));
    assert_eq!(done.code(), 3, "{}", done.stdout);
    let steps = line(&done, "steps");
    assert!(
        steps.starts_with("not checked") && steps.contains("HTTP 403"),
        "{steps}"
    );
}

#[test]
fn a_wrong_workspace_is_told_apart_from_a_wrong_token() {
    let emulator = emulator(Quirks::new());
    let mut by_option = company(&emulator);
    by_option.args(["--workspace", "elsewhere"]);
    let mut by_environment = company(&emulator);
    by_environment.env("PARADIME_WORKSPACE_UID", "elsewhere");
    let home = home_with(&format!(
        "API_ENDPOINT={}\nAPI_SECRET={}\nWORKSPACE_UID=elsewhere\n",
        emulator.endpoint(),
        emulator.company_token()
    ));
    for command in [by_option, by_environment, at_home(home.path())] {
        let done = doctor(command);
        assert_eq!(done.code(), 3, "{}{}", done.stdout, done.stderr);
        starts(
            &done,
            &[
                ("endpoint", "ok"),
                ("credentials", "ok"),
                ("workspace", "failed"),
                ("read", "not tested"),
                ("trigger", "not tested"),
                ("schema", "not tested"),
            ],
        );
        assert!(line(&done, "workspace").contains("elsewhere"));
        assert!(done.stdout.contains("`dinoai workspaces` lists them"));
        assert!(!done.stdout.contains("give the key"), "{}", done.stdout);
        let rows = done.stdout.matches(": see workspace\n").count();
        assert_eq!(rows, 9, "{}", done.stdout);
    }

    let mut wrong = company(&emulator);
    wrong.env("PARADIME_API_SECRET", "prdm_cmp_wrong");
    wrong.env("PARADIME_WORKSPACE_UID", "demo-workspace");
    let done = doctor(wrong);
    assert_eq!(done.code(), 3, "{}", done.stdout);
    starts(
        &done,
        &[("credentials", "failed"), ("workspace", "not tested")],
    );
}

#[test]
fn a_token_without_capabilities_is_right_and_so_is_its_workspace() {
    let quirks = Quirks::new()
        .without_capability(Capability::Trigger)
        .without_capability(Capability::Read);
    let emulator = emulator(quirks);
    let mut command = company(&emulator);
    command.env("PARADIME_WORKSPACE_UID", "demo-workspace");
    let done = doctor(command);
    assert_eq!(done.code(), 3, "{}", done.stdout);
    starts(
        &done,
        &[
            ("credentials", "ok"),
            ("workspace", "ok"),
            ("read", "failed"),
            ("trigger", "failed"),
            ("list_workspaces", "supported"),
        ],
    );
    assert!(line(&done, "get_run").ends_with(": see read"));
}

#[test]
fn a_company_token_without_a_workspace_is_no_invalid_usage() {
    let emulator = emulator(Quirks::new());
    let done = doctor(company(&emulator));
    assert_eq!(done.code(), 1, "{}{}", done.stdout, done.stderr);
    starts(
        &done,
        &[
            ("credentials", "ok"),
            ("workspace", "failed"),
            ("read", "not tested"),
            ("schema", "not tested"),
            ("list_workspaces", "supported"),
        ],
    );
    assert!(line(&done, "schema").ends_with("see workspace"));
    assert!(!emulator.requests().is_empty());

    // Nothing was sent.
    assert_eq!(doctor(bare()).code(), 2);
}

#[test]
fn refused_credentials_are_said_once() {
    let mut wrong = dinoai(&emulator(Quirks::new()));
    let emulator = emulator(Quirks::new());
    wrong
        .env("PARADIME_API_ENDPOINT", emulator.endpoint())
        .env("PARADIME_API_SECRET", "wrong");
    let done = doctor(wrong);
    assert_eq!(done.code(), 3, "{}", done.stdout);
    assert!(line(&done, "credentials").ends_with("the server refuses them, HTTP 401"));
    assert_eq!(
        done.stdout.matches("HTTP 401").count(),
        1,
        "{}",
        done.stdout
    );
    for name in ["workspace", "read", "trigger", "schema"] {
        let line = line(&done, name);
        assert!(line.starts_with("not tested"), "{line}");
        assert!(line.ends_with("see credentials"), "{line}");
    }
    let rows = done.stdout.matches(": see credentials\n").count();
    assert_eq!(rows, 10, "{}", done.stdout);
    assert!(!done.stdout.contains("give the key"), "{}", done.stdout);
}

#[test]
fn a_server_that_executes_what_is_skipped_is_named_with_the_run() {
    for (operation, root) in [
        ("TriggerDinoaiAgentRun", "triggerDinoaiAgentRun"),
        ("SendDinoaiAgentMessage", "sendDinoaiAgentMessage"),
    ] {
        let starts_a_run = format!("mutation {operation}(");
        let address = answering(move |request| match request.contains(&starts_a_run) {
            true => {
                let value = json!({ "ok": true, "agentSessionId": "abc123", "status": "queued" });
                Answer::json("200 OK", json!({ "data": { root: value } }).to_string())
            }
            false => good(request),
        });
        let mut command = dinoai_at("http", address);
        command.args(["--workspace", "finance"]);
        let done = doctor(command);
        assert_eq!(done.code(), 6, "{}", done.stdout);
        starts(
            &done,
            &[
                ("endpoint", "ok"),
                ("credentials", "ok"),
                ("trigger", "failed"),
            ],
        );
        let trigger = line(&done, "trigger");
        assert!(
            trigger.contains(&format!(
                "does not obey @skip: it has executed {operation}, and names run abc123"
            )),
            "{trigger}"
        );
        for hint in [
            "dinoai --workspace finance get abc123\n",
            "dinoai --workspace finance stop abc123\n",
        ] {
            assert!(done.stdout.contains(hint), "{}", done.stdout);
        }
        assert!(
            !done.stdout.contains("check PARADIME_API_ENDPOINT"),
            "{}",
            done.stdout
        );
    }
}

#[test]
fn why_types_are_not_compared_is_said() {
    let hidden = doctor(dinoai(&emulator(Quirks::new().without_introspection())));
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

#[test]
fn programs_get_each_fix_too() {
    let emulator = emulator(Quirks::new());
    let mut command = company(&emulator);
    command.env("PARADIME_WORKSPACE_UID", "elsewhere");
    let done = run(command, &["doctor", "--output", "json"]);
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let failed = |check: &&Value| check["outcome"] == "failed";
    let checks = report["checks"].as_array().unwrap();
    let fixes: Vec<_> = checks.iter().filter(failed).map(|it| &it["fix"]).collect();
    assert_eq!(fixes.len(), 1, "{report:#}");
    assert!(fixes[0].is_string(), "{report:#}");
    assert!(report["features"][0]["fix"].is_null());
    assert_eq!(report["features"][0]["error"], "see workspace");
}
