//! The JSON schema of what the command writes, held to its snapshots.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use dinoai_emulator::{Emulator, Scenario};
use jsonschema::Validator;
use serde_json::{Deserializer, Value, json};

use crate::batch::Folder;
use crate::program::{bare, dinoai, run, run_with_input};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let done = run(bare(), &["schema", "output"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    serde_json::from_str(&done.stdout).unwrap()
});

/// What one of the schema's definitions takes.
fn definition(name: &str) -> Validator {
    assert!(SCHEMA["$defs"].get(name).is_some(), "no {name}");
    let mut schema = SCHEMA.clone();
    let fields = schema.as_object_mut().unwrap();
    fields.remove("anyOf");
    fields.insert("$ref".to_owned(), json!(format!("#/$defs/{name}")));
    jsonschema::validator_for(&schema).unwrap()
}

/// Holds what was written to a definition: one document, or lines. Nothing at all is right on
/// standard error alone.
pub(crate) fn assert_is(name: &str, written: &str) {
    let validator = definition(name);
    let mut values = Deserializer::from_str(written)
        .into_iter::<Value>()
        .peekable();
    assert!(values.peek().is_some() || name == "stderr", "{name}: empty");
    for value in values {
        assert!(value.is_ok(), "{name}: {value:?}: {written}");
        let value = value.unwrap();
        let checked = validator.validate(&value);
        let place = checked.as_ref().err().map(|error| error.instance_path());
        assert!(
            checked.is_ok(),
            "{name}: {checked:?}, at {place:?}: {value:#}"
        );
    }
}

/// What a snapshot says was written on standard output and on standard error, where it is JSON.
struct Snapshot {
    name: String,
    stdout: String,
    stderr: String,
}

fn snapshots() -> Vec<Snapshot> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/snapshots");
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let snapshots = paths.filter_map(|path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        // Numbers that differ between two runs stand there as words.
        let text = fs::read_to_string(&path).unwrap().replace("[ts]", "1.5");
        let (_, written) = text.split_once("\n--- stdout\n")?;
        let (stdout, stderr) = written.split_once("--- stderr\n")?;
        Some(Snapshot {
            name,
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        })
    });
    snapshots.collect()
}

/// The command and the format of a snapshot of results.
fn output_of(name: &str) -> Option<String> {
    if name.starts_with("cli__batch__") {
        return Some("batch.jsonl".to_owned());
    }
    let (what, format) = name.strip_prefix("cli__outputs__")?.rsplit_once('_')?;
    let command = what.split('_').next()?;
    (format != "text").then(|| format!("{command}.{format}"))
}

#[test]
fn every_snapshot_of_json_is_valid_and_every_definition_has_one() {
    let mut seen = BTreeSet::new();
    for snapshot in snapshots() {
        let output = output_of(&snapshot.name);
        let is_json = output.is_some() || snapshot.name.ends_with("_json");
        // A batch whose format is not asked for has JSON lines on standard output alone.
        if is_json && !snapshot.name.starts_with("cli__batch__") {
            assert_is("stderr", &snapshot.stderr);
            if !snapshot.stderr.is_empty() {
                seen.insert("stderr".to_owned());
            }
        }
        if let Some(output) = output {
            assert_is(&output, &snapshot.stdout);
            seen.insert(output);
        }
    }
    let defined = SCHEMA["anyOf"].as_array().unwrap().iter().map(|one| {
        let reference = one["$ref"].as_str().unwrap();
        reference.trim_start_matches("#/$defs/").to_owned()
    });
    assert_eq!(seen, defined.collect());
}

#[test]
#[should_panic(expected = "run.json: empty")]
fn nothing_at_all_is_no_result() {
    assert_is("stderr", "");
    assert_is("run.json", " \n");
}

#[test]
fn what_a_batch_says_beside_its_results_is_in_the_schema() {
    let emulator = Emulator::builder()
        .scenario("broken", Scenario::fails())
        .start_blocking()
        .unwrap();
    let items = "agent,message\nfine,one\nbroken,two\n";
    for format in ["json", "jsonl"] {
        let arguments = ["batch", "-", "--output", format, "--poll-interval", "5ms"];
        let done = run_with_input(dinoai(&emulator), &arguments, items);
        assert_eq!(done.code(), 1, "{}", done.stderr);
        assert!(!done.stderr.is_empty());
        assert_is("stderr", &done.stderr);
        assert_is("batch.jsonl", &done.stdout);
    }
}

#[test]
fn a_field_that_is_not_in_the_schema_is_not_valid() {
    let run = json!({
        "agentSessionId": "a", "status": "COMPLETED", "messages": [], "childSessionIds": [],
        "workspaceUid": "",
    });
    for name in ["run.json", "get.json", "tree.jsonl"] {
        let validator = definition(name);
        assert!(validator.is_valid(&run), "{name}");
        for (field, value) in [("new", json!(1)), ("status", json!(1))] {
            let mut run = run.clone();
            run[field] = value;
            assert!(!validator.is_valid(&run), "{name} {field}");
        }
    }
}

#[test]
fn every_kind_of_line_on_standard_error_is_valid() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let folder = Folder::with("items.csv", "message\none\n");
    let (items, results) = (folder.name("items.csv"), folder.name("results.jsonl"));
    let batch = [
        "batch",
        &items,
        "--resume",
        &results,
        "--poll-interval",
        "5ms",
    ];
    let detach = ["run", "agent", "--detach", "--model-family", "unknown"];
    let json = |arguments: &[&str]| {
        run(
            dinoai(&emulator),
            &[arguments, &["--output", "json"]].concat(),
        )
    };
    let mut closed = Command::new("/bin/sh");
    closed.args([
        "-c",
        "exec \"$0\" \"$@\" --output json >&-",
        env!("CARGO_BIN_EXE_dinoai"),
    ]);
    closed.env_clear().stderr(Stdio::piped());
    for (name, value) in dinoai(&emulator).get_envs() {
        closed.env(name, value.unwrap_or_default());
    }
    for (member, done) in [
        ("Warning", json(&detach)),
        (
            "Accepted",
            json(&["run", "agent", "--poll-interval", "5ms"]),
        ),
        (
            "Trace",
            json(&["run", "agent", "-v", "--poll-interval", "5ms"]),
        ),
        ("Failure", json(&["get", "unknown"])),
        ("Summary", json(&batch)),
        ("Finished", json(&batch)),
        ("SessionIdElsewhere", run(closed, &detach)),
    ] {
        assert_is("stderr", &done.stderr);
        let validator = definition(member);
        let mut lines = done
            .stderr
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        assert!(
            lines.any(|line: Value| validator.is_valid(&line)),
            "{member}: {}",
            done.stderr
        );
    }
}
