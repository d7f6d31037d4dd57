//! `dinoai agents check` says what is wrong with agents' files, where, and in its exit status.

use std::fs;

use serde_json::Value;

use crate::support::program::{Done, bare, run};

const AGENT: &str = "name: a\nversion: 1\nrole: r\ngoal: g\nbackstory: b\n";

/// A check of the agents in a repository with these files, and what is there besides.
fn check(files: &[(&str, &str)], more: &[&str]) -> Done {
    let repository = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = repository.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut command = bare();
    command.current_dir(repository.path());
    run(command, &[&["agents", "check"][..], more].concat())
}

#[test]
fn agents_that_are_right_are_counted_and_an_account_is_not_needed() {
    let done = check(&[(".dinoai/agents/a.yml", AGENT)], &[]);
    assert_eq!((done.code(), &*done.stdout), (0, ""), "{}", done.stderr);
    assert_eq!(done.stderr, "1 agent checked, nothing to report\n");
    let quiet = check(&[(".dinoai/agents/a.yml", AGENT)], &["--quiet"]);
    assert_eq!((quiet.code(), &*quiet.stderr), (0, ""));
}

#[test]
fn an_error_is_said_with_its_line_and_ends_with_one() {
    let text = AGENT.replace("version: 1", "version: one");
    let done = check(&[("here/a.yml", &text)], &["here"]);
    assert_eq!(done.code(), 1, "{}", done.stderr);
    let expected = "error: 'version' must be a whole number, for example 1
 --> here/a.yml:2:10
  |
2 | version: one
  |          ^

";
    assert_eq!(done.stdout, expected);
    assert_eq!(done.stderr, "1 agent checked: 1 error\n");
}

#[test]
fn warnings_alone_end_with_zero() {
    let text = format!("{AGENT}modle_family: fast\n");
    let done = check(
        &[
            (".dinoai/agents/a.yml", &text),
            (".dinoai/agents/b.yaml", ""),
        ],
        &[],
    );
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(
        done.stdout.contains("did you mean 'model_family'?"),
        "{}",
        done.stdout
    );
    assert!(
        done.stdout.contains(" --> .dinoai/agents/a.yml:6:1\n"),
        "{}",
        done.stdout
    );
    assert!(
        done.stdout.contains(" --> .dinoai/agents/b.yaml:1:1\n"),
        "{}",
        done.stdout
    );
    assert_eq!(done.stderr, "1 agent checked: 2 warnings\n");
}

#[test]
fn where_there_is_nothing_to_check_that_is_said_and_ends_with_two() {
    let none = check(&[], &[]);
    assert_eq!(none.code(), 2);
    assert!(
        none.stderr
            .starts_with("error: cannot read .dinoai/agents: "),
        "{}",
        none.stderr
    );
    assert!(
        none.stderr.contains("dinoai agents check FOLDER"),
        "{}",
        none.stderr
    );
    let empty = check(&[("here/b.yaml", AGENT)], &["here"]);
    assert_eq!(empty.code(), 2);
    assert!(empty.stdout.starts_with("warning: "), "{}", empty.stdout);
    assert!(
        empty.stderr.starts_with("error: no agents in here: "),
        "{}",
        empty.stderr
    );
    let as_json = check(&[("here/b.yaml", AGENT)], &["here", "--output", "json"]);
    let document: Value = serde_json::from_str(&as_json.stdout).unwrap();
    assert_eq!(document["agents"], Value::Array(vec![]), "{document}");
    assert_eq!(as_json.code(), 2);
}

#[test]
fn a_hostile_file_is_no_command_for_the_terminal() {
    let text = AGENT.replace("role: r", "role: \"##[error]\u{202e}\"\n\u{202e}::x: 1");
    for format in ["text", "json", "jsonl"] {
        let done = check(&[(".dinoai/agents/a.yml", &text)], &["--output", format]);
        let shown = done.shown();
        assert!(shown.contains("202e"), "{shown}");
        for active in ['\u{202e}', '\u{1b}'] {
            assert!(!shown.contains(active), "{shown}");
        }
        assert!(!shown.contains("##[") || format != "text", "{shown}");
    }
}

#[test]
fn the_hint_for_another_folder_has_no_account_in_it() {
    let done = check(&[], &["--workspace", "w1"]);
    assert!(!done.stderr.contains("w1"), "{}", done.stderr);
}
