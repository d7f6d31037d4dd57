//! `dinoai doctor` says which part of an account is wrong, once, with what to do and an exit status that fits.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use dinoai_emulator::{Backend, Capability, Emulator, Quirks};
use serde_json::{Value, json};

use crate::support::answering::{Answer, answering, dinoai_at};
use crate::support::home::{at_home, home_with};
use crate::support::program::{Done, bare, dinoai, run};
use crate::support::report::{doctor, good, line, starts};

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
fn a_wrong_workspace_is_distinguished_from_a_wrong_token() {
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
        assert!(done.stdout.contains(": dinoai workspaces\n"));
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

/// An error at the read of no run.
fn at_the_read(error: Value) -> Answer {
    let mut error = error;
    error["path"] = json!(["dinoaiAgentRun"]);
    let body = json!({ "data": { "dinoaiAgentRun": null }, "errors": [error] });
    Answer::json("200 OK", body.to_string())
}

/// What a server says that has these workspaces.
fn workspaces(uids: &[&str]) -> Answer {
    let named = uids.iter().map(|uid| json!({ "uid": uid, "name": uid }));
    let body = json!({ "data": { "listWorkspaces": { "workspaces": named.collect::<Vec<_>>() } } });
    Answer::json("200 OK", body.to_string())
}

fn is_executed(request: &str, root: &str) -> bool {
    !request.contains("@skip") && request.contains(root)
}

#[test]
fn credentials_that_are_refused_where_something_is_executed_fail() {
    let unauthenticated =
        || json!({ "message": "Invalid API key", "extensions": { "code": "UNAUTHENTICATED" } });
    let address = answering(move |request| match request.contains("@skip") {
        true => Answer::json("200 OK", r#"{"data":{}}"#),
        false => at_the_read(unauthenticated()),
    });
    let done = doctor(dinoai_at("http", address));
    assert_eq!(done.code(), 3, "{}", done.stdout);
    starts(
        &done,
        &[
            ("credentials", "failed"),
            ("read", "not tested"),
            ("get_run", "supported"),
        ],
    );
    let fix = "have the capabilities dinoai:agent:trigger and dinoai:agent:read";
    assert!(done.stdout.contains(fix), "{}", done.stdout);

    // Nor is the status of a response that has the code the reason.
    let body = json!({ "errors": [unauthenticated()] }).to_string();
    let address = answering(move |_| Answer::json("200 OK", body.clone()));
    let done = doctor(dinoai_at("http", address));
    assert_eq!(done.code(), 3, "{}", done.stdout);
    let credentials = line(&done, "credentials");
    assert!(
        credentials.starts_with("failed") && credentials.ends_with("the server refuses them"),
        "{credentials}"
    );
}

#[test]
fn what_is_skipped_shows_nothing_of_the_credentials() {
    let address = answering(|request| match request.contains("@skip") {
        true => Answer::json("200 OK", r#"{"data":{}}"#),
        false => Answer::json("403 Forbidden", "{}"),
    });
    let done = doctor(dinoai_at("http", address));
    assert_eq!(done.code(), 3, "{}", done.stdout);
    starts(&done, &[("credentials", "not tested"), ("read", "failed")]);

    // That they list the workspaces does.
    let address = answering(|request| match is_executed(request, "listWorkspaces") {
        true => workspaces(&["finance"]),
        false if request.contains("@skip") => Answer::json("200 OK", r#"{"data":{}}"#),
        false => Answer::json("403 Forbidden", "{}"),
    });
    let done = doctor(dinoai_at("http", address));
    starts(&done, &[("credentials", "ok"), ("read", "failed")]);
}

#[test]
fn a_key_without_capabilities_on_an_older_backend_is_not_called_wrong() {
    let address = answering(|request| match request.contains("listWorkspaces") {
        true => {
            let message = "Cannot query field 'listWorkspaces' on type 'Query'.";
            let body = json!({ "errors": [{ "message": message }] });
            Answer::json("400 Bad Request", body.to_string())
        }
        false => Answer::json("403 Forbidden", "{}"),
    });
    let done = doctor(dinoai_at("http", address));
    assert_eq!(done.code(), 3, "{}", done.stdout);
    starts(
        &done,
        &[
            ("credentials", "not tested"),
            ("read", "failed"),
            ("trigger", "failed"),
            ("get_run", "not checked"),
            ("list_workspaces", "not supported"),
        ],
    );
    assert!(
        done.stdout
            .contains("give the key the capability dinoai:agent:read"),
        "{}",
        done.stdout
    );
}

#[test]
fn a_workspace_that_is_not_there_is_found_whatever_the_read_says() {
    for (code, message) in [
        ("WORKSPACE_NOT_FOUND", "Workspace elsewhere not found"),
        ("NOT_FOUND", "Not found"),
        ("", "Session not found"),
    ] {
        let error = json!({ "message": message, "extensions": { "code": code } });
        let address = answering(move |request| {
            match (
                request.contains("@skip"),
                request.contains("listWorkspaces"),
            ) {
                (true, _) => Answer::json("200 OK", r#"{"data":{}}"#),
                (false, true) => workspaces(&["finance"]),
                (false, false) => at_the_read(error.clone()),
            }
        });
        let mut command = dinoai_at("http", address);
        command.env("PARADIME_WORKSPACE_UID", "elsewhere");
        let done = doctor(command);
        assert_eq!(done.code(), 3, "{}", done.stdout);
        starts(
            &done,
            &[
                ("credentials", "ok"),
                ("workspace", "failed"),
                ("read", "not tested"),
            ],
        );
    }
}

#[test]
fn a_refusal_without_a_code_is_one_of_the_trigger_too() {
    let address = answering(|request| match request.contains("mutation") {
        true => {
            let message = "Missing capability dinoai:agent:trigger";
            let body = json!({ "errors": [{ "message": message }] });
            Answer::json("200 OK", body.to_string())
        }
        false => good(request),
    });
    let done = doctor(dinoai_at("http", address));
    assert_eq!(done.code(), 3, "{}", done.stdout);
    starts(&done, &[("read", "ok"), ("trigger", "failed")]);
    let rows = done.stdout.matches(": see trigger\n").count();
    assert_eq!(rows, 4, "{}", done.stdout);
}

#[test]
fn what_the_account_does_not_explain_is_said_beside_it() {
    let token = emulator(Quirks::new()).company_token().to_owned();
    for failed in ["502 Bad Gateway", "429 Too Many Requests"] {
        // Without a workspace, and with a wrong one.
        let address = answering(
            move |request| match request.contains("DinoaiAgentRunSteps") {
                true => Answer::json(failed, "{}"),
                false if is_executed(request, "listWorkspaces") => workspaces(&["finance"]),
                false if request.contains("listWorkspaces") => good(request),
                false => Answer::json("403 Forbidden", "{}"),
            },
        );
        for uid in [None, Some("elsewhere")] {
            let mut command = bare();
            command
                .env("PARADIME_API_ENDPOINT", format!("http://{address}/graphql"))
                .env("PARADIME_API_SECRET", &token);
            if let Some(uid) = uid {
                command.env("PARADIME_WORKSPACE_UID", uid);
            }
            steps_failed_beside(&doctor(command), "workspace");
        }
        let address = answering(
            move |request| match request.contains("DinoaiAgentRunSteps") {
                true => Answer::json(failed, "{}"),
                false => Answer::json("401 Unauthorized", "{}"),
            },
        );
        steps_failed_beside(&doctor(dinoai_at("http", address)), "credentials");
    }
}

fn steps_failed_beside(done: &Done, check: &str) {
    assert_eq!(done.code(), 5, "{}", done.stdout);
    starts(done, &[(check, "failed"), ("steps", "not checked")]);
    assert!(!line(done, "steps").contains("see "), "{}", done.stdout);
    let get_run = line(done, "get_run");
    assert!(get_run.ends_with(&format!(": see {check}")), "{get_run}");
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
    let done = doctor(bare());
    assert_eq!(done.code(), 2, "{}", done.stdout);
    let account = line(&done, "account");
    assert!(account.contains("PARADIME_API_ENDPOINT"), "{account}");
}

#[test]
fn a_wrong_company_token_without_a_workspace_is_the_token_that_is_wrong() {
    let nobody = json!([{ "message": "no", "extensions": { "code": "UNAUTHENTICATED" } }]);
    let nobody = json!({ "data": null, "errors": nobody }).to_string();
    for (status, body) in [("401 Unauthorized", "{}"), ("200 OK", &*nobody)] {
        let body = body.to_owned();
        let address = answering(move |request| match request.contains("@skip") {
            true => Answer::json("200 OK", r#"{"data":{}}"#),
            false => Answer::json(status, body.clone()),
        });
        for uid in [None, Some("w1")] {
            let mut command = bare();
            command
                .env("PARADIME_API_ENDPOINT", format!("http://{address}/graphql"))
                .env("PARADIME_API_SECRET", "prdm_cmp_wrong");
            if let Some(uid) = uid {
                command.env("PARADIME_WORKSPACE_UID", uid);
            }
            let done = doctor(command);
            // A bare 401 to what names a workspace is also that of a capability.
            let is_said = uid.is_none() || status == "200 OK";
            assert_eq!(done.code(), 3, "{uid:?} {}", done.stdout);
            let said = if is_said { "failed" } else { "not tested" };
            starts(&done, &[("credentials", said), ("workspace", "not tested")]);
        }
    }
}

#[test]
fn a_backend_that_lists_no_workspaces_is_not_asked_to() {
    let builder = Emulator::builder().backend(Backend::PagesOnly);
    let emulator = builder.start_blocking().unwrap();
    let done = doctor(company(&emulator));
    assert!(
        line(&done, "workspace").starts_with("failed"),
        "{}",
        done.stdout
    );
    assert!(
        !done.stdout.contains("dinoai workspaces"),
        "{}",
        done.stdout
    );
}

#[test]
fn the_command_that_lists_the_workspaces_reaches_the_same_account() {
    let emulator = emulator(Quirks::new());
    let home = home_with(&format!("API_SECRET={}\n", emulator.company_token()));
    let file = home.path().join(".paradime/credentials");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let file = file.to_str().unwrap();
    for workspace in [None, Some("elsewhere")] {
        let mut command = bare();
        command.args([
            "--endpoint",
            emulator.endpoint(),
            "--credentials-file",
            file,
        ]);
        if let Some(uid) = workspace {
            command.args(["--workspace", uid]);
        }
        let done = doctor(command);
        let hint = format!(": dinoai --credentials-file {file} --endpoint URL workspaces\n");
        assert!(done.stdout.contains(&hint), "{}", done.stdout);
        // It is opened twice, and warned of once.
        let warnings = done.stderr.matches("other users can read").count();
        assert_eq!(warnings, 1, "{}", done.stderr);
    }
}

#[test]
fn refused_credentials_are_said_once() {
    let mut wrong = dinoai(&emulator(Quirks::new()));
    let emulator = emulator(Quirks::new());
    wrong
        .env("PARADIME_API_ENDPOINT", emulator.endpoint())
        .env("PARADIME_API_SECRET", "canary-secret");
    let done = doctor(wrong);
    assert_eq!(done.code(), 3, "{}", done.stdout);
    assert!(done.stdout.contains("dinoai login"), "{}", done.stdout);
    assert!(!done.stdout.contains("canary"), "{}", done.stdout);
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
fn programs_get_each_fix_too() {
    let emulator = emulator(Quirks::new());
    let mut command = company(&emulator);
    command.env("PARADIME_WORKSPACE_UID", "elsewhere");
    let done = run(command, &["doctor", "--output", "json"]);
    let report = done.json();
    let failed = |check: &&Value| check["outcome"] == "failed";
    let checks = report["checks"].as_array().unwrap();
    let fixes: Vec<_> = checks.iter().filter(failed).map(|it| &it["fix"]).collect();
    assert_eq!(fixes.len(), 1, "{report:#}");
    assert!(fixes[0].is_string(), "{report:#}");
    assert!(report["features"][0]["fix"].is_null());
    assert_eq!(report["features"][0]["error"], "see workspace");
}
