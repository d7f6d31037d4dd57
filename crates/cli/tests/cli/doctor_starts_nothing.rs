//! `dinoai doctor` says what is wrong and how to fix it, and starts nothing.

use dinoai_emulator::{Backend, Capability, Emulator, Quirks, RefusalStatus};
use serde_json::Value;

use crate::support::answering::{Answer, answering, dinoai_at};
use crate::support::program::{bare, dinoai, run};
use crate::support::report::{doctor, line};

fn emulator(backend: Backend, quirks: Quirks) -> Emulator {
    let builder = Emulator::builder().backend(backend).quirks(quirks);
    builder.start_blocking().unwrap()
}

#[test]
fn a_backend_of_today_has_everything() {
    let emulator = emulator(Backend::Current, Quirks::new());
    let done = doctor(dinoai(&emulator));
    assert_eq!(done.code(), 0, "{}{}", done.stdout, done.stderr);
    let origin = emulator.endpoint().split("/api").next().unwrap().to_owned();
    for (name, parts) in [
        (
            "endpoint",
            vec!["ok", &*origin, "connected to 127.0.0.1:", "plain http"],
        ),
        ("clock", vec!["ok"]),
        (
            "credentials",
            vec!["ok", "PARADIME_API_KEY", "in the environment"],
        ),
        ("read", vec!["ok", "dinoai:agent:read"]),
        ("trigger", vec!["not tested", "dinoai:agent:trigger"]),
        ("steps", vec!["supported", "--steps"]),
    ] {
        let line = line(&done, name);
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
    assert_eq!(done.stdout.matches("\nsupported").count(), 9);
}

#[test]
fn it_starts_nothing_whatever_the_backend_makes_of_it() {
    for backend in [Backend::Current, Backend::PagesOnly] {
        for status in [
            RefusalStatus::Ok,
            RefusalStatus::BadRequest,
            RefusalStatus::UnprocessableContent,
        ] {
            let quirks = Quirks::new().refusal_status(status).ignores_conditions();
            let emulator = emulator(backend.clone(), quirks.without_introspection());
            let started = run(dinoai(&emulator), &["run", "-m", "x", "--detach"]);
            assert_eq!(started.code(), 0, "{}", started.stderr);
            let before = emulator.runs();
            let done = doctor(dinoai(&emulator));
            assert_eq!(done.code(), 0, "{}{}", done.stdout, done.stderr);
            assert_eq!(emulator.runs(), before);
            let has_steps = line(&done, "steps").starts_with("supported");
            assert_eq!(has_steps, backend == Backend::Current);
        }
    }
}

#[test]
fn an_old_backend_is_told_apart_from_a_broken_one() {
    let old = doctor(dinoai(&emulator(Backend::PagesOnly, Quirks::new())));
    assert_eq!(old.code(), 0, "{}", old.stderr);
    let steps = line(&old, "steps");
    assert!(steps.starts_with("not supported"), "{steps}");
    assert!(
        steps.ends_with("the backend does not know steps, startupSteps"),
        "{steps}"
    );

    let moved = dinoai::SCHEMA.replace("  channel: String!", "  channel: String!\n  team: ID!");
    let moved = doctor(dinoai(&emulator(Backend::sdl(moved), Quirks::new())));
    assert_eq!(moved.code(), 5, "{}", moved.stderr);
    let trigger = line(&moved, "trigger_run");
    assert!(
        trigger.starts_with("broken") && trigger.contains("team"),
        "{trigger}"
    );
    assert!(line(&moved, "send_message").starts_with("supported"));

    // Of what the vendor's page has, no backend is too old.
    let renamed = dinoai::SCHEMA.replace("workspaceUid: String!", "workspaceUuid: String!");
    let renamed = doctor(dinoai(&emulator(Backend::sdl(renamed), Quirks::new())));
    assert_eq!(renamed.code(), 5, "{}", renamed.stderr);
    let read = line(&renamed, "get_run");
    assert!(
        read.starts_with("broken") && read.contains("workspaceUid"),
        "{read}"
    );
    assert!(
        renamed
            .stdout
            .contains("look for a newer version of dinoai")
    );
}

#[test]
fn a_run_that_a_backend_starts_all_the_same_is_named() {
    let address = answering(|request| {
        let data = match request.contains("mutation TriggerDinoaiAgentRun") {
            true => r#"{"triggerDinoaiAgentRun":{"ok":true,"agentSessionId":"abc123"}}"#,
            false => r#"{"dinoaiAgentRun":null}"#,
        };
        Answer::json("401 Unauthorized", format!(r#"{{"data":{data}}}"#))
    });
    let done = doctor(dinoai_at("http", address));
    assert_eq!(done.code(), 6, "{}", done.stdout);
    assert!(line(&done, "endpoint").starts_with("ok"), "{}", done.stdout);
    let trigger = line(&done, "trigger");
    assert!(trigger.starts_with("failed"), "{}", done.stdout);
    assert!(trigger.contains("run abc123"), "{trigger}");
}

#[test]
fn a_read_fails_by_every_answer_but_one_about_its_empty_id() {
    let said = |error: &'static str| {
        let address = answering(move |request| {
            let body = match request.contains("@skip") {
                true => r#"{"data":{}}"#.to_owned(),
                false => {
                    format!(r#"{{"data":null,"errors":[{{"path":["dinoaiAgentRun"],{error}}}]}}"#)
                }
            };
            Answer::json("200 OK", body)
        });
        doctor(dinoai_at("http", address))
    };
    let empty = said(r#""message":"The id must not be empty""#);
    assert_eq!(empty.code(), 0, "{}", empty.stdout);
    let read = line(&empty, "read");
    assert!(read.starts_with("not tested"), "{read}");
    assert!(read.contains("The id must not be empty"), "{read}");

    for error in [
        r#""message":"The workspace is suspended""#,
        r#""message":"Internal server error","extensions":{"code":"INTERNAL_SERVER_ERROR"}"#,
    ] {
        let failed = said(error);
        assert_eq!(failed.code(), 5, "{}", failed.stdout);
        let read = line(&failed, "read");
        assert!(read.starts_with("failed"), "{read}");
    }

    let refused = said(r#""message":"Missing capability dinoai:agent:read""#);
    assert_eq!(refused.code(), 3, "{}", refused.stdout);
    assert!(line(&refused, "read").starts_with("failed"));
}

#[test]
fn what_is_refused_is_named_with_what_to_do() {
    let quirks = Quirks::new().without_capability(Capability::Read);
    let done = doctor(dinoai(&emulator(Backend::Current, quirks)));
    assert_eq!(done.code(), 3, "{}{}", done.stdout, done.stderr);
    assert!(line(&done, "credentials").starts_with("ok"));
    assert!(line(&done, "read").starts_with("failed"));
    assert!(
        done.stdout
            .contains("give the key the capability dinoai:agent:read")
    );

    let emulator = emulator(Backend::Current, Quirks::new());
    let mut wrong = dinoai(&emulator);
    wrong.env("PARADIME_API_SECRET", "canary-secret");
    let done = doctor(wrong);
    assert_eq!(done.code(), 3, "{}{}", done.stdout, done.stderr);
    assert!(line(&done, "credentials").starts_with("failed"));
    assert!(done.stdout.contains("dinoai login"));
    assert!(!done.stdout.contains("canary"));
}

#[test]
fn what_is_missing_is_said_and_what_can_be_checked_is() {
    let done = doctor(bare());
    assert_eq!(done.code(), 2, "{}{}", done.stdout, done.stderr);
    let account = line(&done, "account");
    assert!(account.contains("PARADIME_API_ENDPOINT"), "{account}");

    // A company token without a workspace.
    let emulator = emulator(Backend::Current, Quirks::new());
    let mut company = bare();
    company
        .env("PARADIME_API_ENDPOINT", emulator.endpoint())
        .env("PARADIME_API_SECRET", emulator.company_token());
    let done = doctor(company);
    assert_eq!(done.code(), 1, "{}{}", done.stdout, done.stderr);
    let workspace = line(&done, "workspace");
    assert!(workspace.starts_with("failed"), "{}", done.stdout);
    assert!(done.stdout.contains(": dinoai workspaces\n"));
    assert!(line(&done, "list_workspaces").starts_with("supported"));
}

#[test]
fn an_endpoint_that_is_not_there_is_named_by_how_far_it_went() {
    let mut command = bare();
    command
        .env("PARADIME_API_ENDPOINT", "http://127.0.0.1:9/canary")
        .env("PARADIME_API_KEY", "key")
        .env("PARADIME_API_SECRET", "secret");
    let done = doctor(command);
    assert_eq!(done.code(), 5, "{}{}", done.stdout, done.stderr);
    let endpoint = line(&done, "endpoint");
    assert!(
        endpoint.contains("no connection to 127.0.0.1:9"),
        "{endpoint}"
    );
    assert!(line(&done, "read").starts_with("not tested"));
    assert!(!done.stdout.contains("canary"));
}

#[test]
fn programs_get_the_same() {
    let emulator = emulator(Backend::PagesOnly, Quirks::new());
    let done = run(dinoai(&emulator), &["doctor", "--output", "json"]);
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let steps = report["features"].as_array().unwrap();
    let steps = steps.iter().find(|row| row["name"] == "steps").unwrap();
    assert_eq!(steps["support"], "not_supported");
    assert_eq!(
        steps["unknown"],
        serde_json::json!(["steps", "startupSteps"])
    );
    assert_eq!(report["checks"][0]["outcome"], "ok");
}
