//! `dinoai doctor` says what is wrong and how to fix it, and starts nothing.

use dinoai_emulator::{Backend, Emulator, Quirks, RefusalStatus};
use serde_json::json;

use crate::support::answering::{Answer, answering, dinoai_at};
use crate::support::program::{dinoai, run};
use crate::support::report::{doctor, good, line, starts};

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
        ("schema", vec!["ok", "as this version's documents need it"]),
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
fn of_the_documents_of_runs_it_has_a_read_of_none_executed_and_no_other() {
    let emulator = emulator(Backend::Current, Quirks::new());
    doctor(dinoai(&emulator));
    let requests = emulator.requests();
    let of_runs = requests.iter().filter_map(|request| {
        let name = request.operation_name.clone()?;
        let is_of_runs = name.contains("Dinoai");
        is_of_runs.then_some((name, request.executed))
    });
    let of_runs: Vec<_> = of_runs.collect();
    assert_eq!(of_runs.len(), 9, "{of_runs:?}");
    let executed = of_runs.iter().filter(|(_, is_executed)| *is_executed);
    let executed: Vec<_> = executed.map(|(name, _)| &**name).collect();
    assert_eq!(executed, ["DinoaiAgentRunStatus"]);
}

#[test]
fn an_old_backend_is_distinguished_from_a_broken_one() {
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
fn a_read_fails_by_every_answer_but_one_about_its_empty_id() {
    let said = |error: &'static str| {
        let address = answering(move |request| {
            if request.contains("__schema") {
                return Answer::page("404 Not Found");
            }
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
        r#""message":"Empty response","extensions":{"code":"INTERNAL_SERVER_ERROR"}"#,
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
fn programs_get_the_same() {
    let emulator = emulator(Backend::PagesOnly, Quirks::new());
    let done = run(dinoai(&emulator), &["doctor", "--output", "json"]);
    let report = done.json();
    let steps = report["features"].as_array().unwrap();
    let steps = steps.iter().find(|row| row["name"] == "steps").unwrap();
    assert_eq!(steps["support"], "not_supported");
    assert_eq!(
        steps["unknown"],
        serde_json::json!(["steps", "startupSteps"])
    );
    assert_eq!(report["checks"][0]["outcome"], "ok");
}

#[test]
fn of_many_runs_that_were_started_the_first_are_named() {
    let ids: Vec<_> = (0..20_000)
        .map(|number| json!({ "agentSessionId": format!("run{number:05}") }))
        .collect();
    let body = json!({ "data": { "triggerDinoaiAgentRun": ids } }).to_string();
    let address = answering(move |request| match request.contains("mutation") {
        true => Answer::json("200 OK", body.clone()),
        false => good(request),
    });
    let done = doctor(dinoai_at("http", address));
    assert_eq!(done.code(), 6, "{}", done.stdout);
    let trigger = line(&done, "trigger");
    assert!(trigger.ends_with("run00019 and 19980 more"), "{trigger}");
    assert_eq!(done.stdout.matches("dinoai stop run").count(), 20);
}

#[test]
fn a_server_that_executes_what_is_skipped_is_named_with_the_run() {
    for (status, operation, root) in [
        ("200 OK", "TriggerDinoaiAgentRun", "triggerDinoaiAgentRun"),
        (
            "401 Unauthorized",
            "TriggerDinoaiAgentRun",
            "triggerDinoaiAgentRun",
        ),
        ("200 OK", "SendDinoaiAgentMessage", "sendDinoaiAgentMessage"),
    ] {
        let starts_a_run = format!("mutation {operation}(");
        let address = answering(move |request| match request.contains(&starts_a_run) {
            true => {
                let value = json!({ "ok": true, "agentSessionId": "abc123", "status": "queued" });
                Answer::json(status, json!({ "data": { root: value } }).to_string())
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
