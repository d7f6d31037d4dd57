//! A line that the command writes with the API's words in it is never two lines.

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use serde_json::json;

use super::everywhere;
use crate::support::program::{dinoai, run};

const FORGED: &str = "a\nforged b\u{2028}forged c\rforged d\r\nforged e";

fn assert_one_line(written: &[String], what: &[&str]) {
    for text in written {
        let mut lines = text.split(['\n', '\r', '\u{2028}']);
        assert!(
            !lines.any(|line| line.starts_with("forged")),
            "{what:?}: {text:?}"
        );
        assert!(text.contains("a forged b"), "{what:?}: {text:?}");
    }
}

fn emulator() -> Emulator {
    let in_progress = Stage::new("RUNNING")
        .startup_step(FORGED, true)
        .startup_step(format!("{FORGED} again"), false);
    let ends = Stage::new("COMPLETED");
    Emulator::builder()
        .scenario("hostile", Scenario::new().stage(in_progress).stage(ends))
        .start_blocking()
        .unwrap()
}

#[test]
fn what_is_prepared_is_named_on_one_line() {
    let emulator = emulator();
    let go = ["run", "hostile", "--steps", "--poll-interval", "5ms"];
    let done = run(dinoai(&emulator), &go);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_one_line(&[done.stderr], &go);
    let id = emulator.runs().swap_remove(0).session_id;
    let get = ["get", &id, "--steps"];
    assert_one_line(&everywhere(&emulator, &get), &get);
}

#[test]
fn a_status_and_an_id_are_on_one_line() {
    let emulator = emulator();
    let run_to_end = ["run", "hostile", "--poll-interval", "5ms"];
    run(dinoai(&emulator), &run_to_end);
    let id = emulator.runs().swap_remove(0).session_id;
    for (field, value, command) in [
        ("status", json!(FORGED), &["get", &id][..]),
        ("status", json!(FORGED), &["stop", &id]),
        ("childSessionIds", json!([FORGED]), &["get", &id]),
        (
            "agentSessionId",
            json!(FORGED),
            &["run", "hostile", "--detach"],
        ),
    ] {
        // Once on a terminal, and once not.
        emulator
            .add_fault(Fault::replaced(field, value).times(2))
            .unwrap();
        assert_one_line(&everywhere(&emulator, command), command);
    }
    for (field, value) in [
        ("status", json!(FORGED)),
        ("childSessionIds", json!([FORGED])),
    ] {
        emulator
            .add_fault(Fault::replaced(field, value).times(3))
            .unwrap();
        let watch = ["watch", &id, "--poll-interval", "5ms"];
        let done = run(dinoai(&emulator), &watch);
        assert_one_line(&[done.stderr], &watch);
    }
    for (field, value) in [
        ("status", json!(FORGED)),
        ("childSessionIds", json!([FORGED])),
    ] {
        emulator.add_fault(Fault::replaced(field, value)).unwrap();
        let tree = ["tree", &id];
        assert_one_line(&[run(dinoai(&emulator), &tree).stdout], &tree);
    }
}
