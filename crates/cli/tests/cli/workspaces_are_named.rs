//! `--workspace` names the workspace, whatever is set elsewhere; without one a company token lists them.

use std::process::Command;

use dinoai_emulator::{Emulator, Scenario};
use serde_json::Value;

use crate::support::home::{at_home, home_with};
use crate::support::program::{Done, bare, run};

const FAST: [&str; 2] = ["--poll-interval", "5ms"];

fn emulator() -> Emulator {
    let builder = Emulator::builder().workspace("finance", "Finance");
    builder.start_blocking().unwrap()
}

/// The command with the emulator's company token, and no workspace.
fn by_company_token(emulator: &Emulator) -> Command {
    let mut command = bare();
    command
        .env("PARADIME_API_ENDPOINT", emulator.endpoint())
        .env("PARADIME_API_SECRET", emulator.company_token());
    command
}

fn run_in(emulator: &Emulator, arguments: &[&str]) -> Done {
    run(by_company_token(emulator), arguments)
}

#[test]
fn a_company_token_alone_lists_the_workspaces_also_beside_a_wrong_one() {
    let emulator = emulator();
    let alone = run_in(&emulator, &["workspaces"]);
    assert_eq!(alone.code(), 0, "{}", alone.stderr);
    assert_eq!(
        alone.stdout,
        "demo-workspace  Demo workspace\nfinance         Finance\n"
    );
    let mut beside = by_company_token(&emulator);
    beside.env("PARADIME_WORKSPACE_UID", "wrong");
    let beside = run(beside, &["workspaces", "--workspace", "wrong"]);
    assert_eq!(
        (beside.code(), &beside.stdout),
        (0, &alone.stdout),
        "{}",
        beside.stderr
    );
}

#[test]
fn an_emulator_of_its_own_has_a_workspace_and_takes_no_other() {
    let done = run(bare(), &["workspaces", "--emulator"]);
    assert_eq!(
        done.stdout, "demo-workspace  Demo workspace\n",
        "{}",
        done.stderr
    );
    let done = run(
        bare(),
        &["workspaces", "--emulator", "--workspace", "finance"],
    );
    assert_eq!(done.code(), 2);
    assert!(
        done.stderr.contains("cannot be used with"),
        "{}",
        done.stderr
    );
}

#[test]
fn without_a_workspace_nothing_is_sent_and_the_way_to_one_is_named() {
    let emulator = emulator();
    let home = home_with(&format!("API_SECRET={}\n", emulator.company_token()));
    let refusals = [
        run_in(&emulator, &["run", "a"]),
        run(
            at_home(home.path()),
            &["get", "abc", "--endpoint", emulator.endpoint()],
        ),
    ];
    for (refused, options) in refusals.iter().zip(["", " --endpoint URL"]) {
        assert_eq!(refused.code(), 2, "{}", refused.stderr);
        let said = &refused.stderr;
        assert!(
            said.starts_with("error: PARADIME_WORKSPACE_UID ("),
            "{said}"
        );
        let hint = format!("to see which workspaces there are: dinoai{options} workspaces\n");
        assert!(said.contains(&hint), "{said}");
        assert!(said.contains("add --workspace UID"), "{said}");
        assert!(!said.contains("--emulator"), "{said}");
    }
    assert!(emulator.requests().is_empty());
}

#[test]
fn the_option_beats_the_environment_and_the_file() {
    let emulator = emulator();
    let start = ["run", "a", "--workspace", "finance"];
    let home = home_with(&format!(
        "API_ENDPOINT={}\nAPI_SECRET={}\nWORKSPACE_UID=demo-workspace\n",
        emulator.endpoint(),
        emulator.company_token()
    ));
    let mut in_environment = by_company_token(&emulator);
    in_environment.env("WORKSPACE_UID", "demo-workspace");
    let mut by_key = bare();
    by_key
        .env("PARADIME_API_ENDPOINT", emulator.endpoint())
        .env("PARADIME_API_KEY", emulator.key())
        .env("PARADIME_API_SECRET", emulator.secret());
    for command in [
        by_company_token(&emulator),
        in_environment,
        by_key,
        at_home(home.path()),
    ] {
        let done = run(command, &[&start[..], &FAST].concat());
        assert_eq!(done.code(), 0, "{}", done.stderr);
    }
    let runs = emulator.runs();
    assert_eq!(runs.len(), 4);
    assert!(
        runs.iter().all(|run| run.workspace_uid == "finance"),
        "{runs:?}"
    );
}

#[test]
fn a_workspace_with_white_space_at_an_end_is_refused_before_anything_is_sent() {
    let emulator = emulator();
    let by_option = run_in(&emulator, &["get", "abc", "--workspace", " finance"]);
    let mut set = by_company_token(&emulator);
    set.env("WORKSPACE_UID", "finance ");
    let by_variable = run(set, &["get", "abc"]);
    for (done, place) in [
        (by_option, ""),
        (by_variable, " (WORKSPACE_UID in the environment)"),
    ] {
        assert_eq!(done.code(), 2, "{}", done.stderr);
        let refusal = format!("error: workspace uid{place} begins or ends with white space");
        assert!(done.stderr.starts_with(&refusal), "{}", done.stderr);
    }
    assert!(emulator.requests().is_empty());
}

#[test]
fn a_workspace_that_is_refused_names_the_way_to_the_others() {
    let emulator = emulator();
    let done = run_in(&emulator, &["get", "abc", "--workspace", "elsewhere"]);
    assert_eq!(done.code(), 3, "{}", done.stderr);
    // Without the workspace that is refused.
    assert!(
        done.stderr.contains(": dinoai workspaces\n"),
        "{}",
        done.stderr
    );
    let mut set = by_company_token(&emulator);
    set.env("PARADIME_WORKSPACE_UID", "elsewhere");
    let done = run(set, &["get", "abc", "--output", "json"]);
    let said: Value = serde_json::from_str(&done.stderr).unwrap();
    let hint = "to see which workspaces there are: dinoai workspaces";
    assert_eq!(said["hint"], hint, "{said}");
    // Of no use where none is named.
    let mut wrong = bare();
    wrong
        .env("PARADIME_API_ENDPOINT", emulator.endpoint())
        .env("PARADIME_API_SECRET", "prdm_wsp_wrong");
    let done = run(wrong, &["get", "abc"]);
    assert!(!done.stderr.contains("workspaces"), "{}", done.stderr);
    // It leads to itself.
    let mut wrong = by_company_token(&emulator);
    wrong.env("PARADIME_API_SECRET", "prdm_cmp_wrong");
    let done = run(wrong, &["workspaces", "--workspace", "elsewhere"]);
    assert_eq!(done.code(), 3, "{}", done.stderr);
    assert!(!done.stderr.contains("to see which"), "{}", done.stderr);
}

#[test]
fn a_hint_carries_the_workspace_along() {
    let running = Scenario::new().stage(dinoai_emulator::Stage::new("RUNNING"));
    let builder = Emulator::builder()
        .workspace("it's 2", "Two")
        .default_scenario(running);
    let emulator = builder.start_blocking().unwrap();
    let done = run_in(
        &emulator,
        &["run", "a", "--workspace", "it's 2", "--timeout", "300ms"],
    );
    assert_eq!(done.code(), 4, "{}", done.stderr);
    let id = &emulator.runs()[0].session_id;
    assert_eq!(
        done.hint(),
        format!(r"dinoai --workspace 'it'\''s 2' watch {id}")
    );
}

#[test]
fn one_key_in_two_workspaces_is_refused_by_name() {
    let emulator = emulator();
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("runs.jsonl");
    let journal = journal.to_str().unwrap();
    let in_workspace = |uid| {
        let once = ["run", "a", "--key", "nightly", "--journal", journal];
        let workspace = ["--workspace", uid];
        run_in(&emulator, &[&once[..], &workspace, &FAST].concat())
    };
    assert_eq!(in_workspace("finance").code(), 0);
    let other = in_workspace("demo-workspace");
    assert_eq!(other.code(), 2, "{}", other.stderr);
    assert!(other.stderr.contains("\"nightly\""), "{}", other.stderr);
    assert!(other.stderr.contains("workspace"), "{}", other.stderr);
    assert_eq!(emulator.runs().len(), 1);
    // It is the account's own still.
    assert_eq!(in_workspace("finance").code(), 0);
    assert_eq!(emulator.runs().len(), 1);
}

#[test]
fn a_backend_without_workspaces_says_so() {
    let builder = Emulator::builder().backend(dinoai_emulator::Backend::PagesOnly);
    let emulator = builder.start_blocking().unwrap();
    let mut command = bare();
    command
        .env("PARADIME_API_ENDPOINT", emulator.endpoint())
        .env("PARADIME_API_SECRET", emulator.workspace_token());
    let done = run(command, &["workspaces"]);
    assert_eq!(done.code(), 5, "{}", done.stderr);
    assert!(
        done.stderr.contains("listing workspaces"),
        "{}",
        done.stderr
    );
}
