//! All JSON that the command writes is valid under its schema, which has nothing that is never
//! written.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use dinoai_emulator::{Emulator, Fault, Quirks, Scenario, Stage};
use jsonschema::Validator;
use serde_json::{Deserializer, Value, json};

use crate::support::program::{bare, dinoai, run, run_with_input};
use crate::support::runs::Folder;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let done = run(bare(), &["schema", "output"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    done.json()
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

/// The definition of what a snapshot has on standard output; none if it has no JSON there.
fn output_of(Snapshot { name, stdout, .. }: &Snapshot) -> Option<String> {
    let by_name = ["json", "jsonl"].map(|format| name.strip_suffix(&format!("_{format}")));
    let first = Deserializer::from_str(stdout).into_iter().next();
    let is_json = matches!(first, Some(Ok(Value::Object(_) | Value::Array(_))));
    if stdout.is_empty() || (by_name == [None, None] && !is_json) {
        return None;
    }
    if name.starts_with("cli__batch__") {
        return Some("batch.jsonl".to_owned());
    }
    let what = by_name.into_iter().flatten().next().unwrap_or(name);
    let command = match what {
        "cli__failures_and_exit_status__expired"
        | "cli__failures_and_exit_status__failed"
        | "cli__failures_and_exit_status__stopped"
        | "cli__failures_and_exit_status__timeout"
        | "cli__failures_and_exit_status__timeout_stop" => "run",
        _ => {
            let folders = [
                "cli__results_in_each_format__",
                "cli__keys__found_again__",
                "cli__own_documents_are_checked__",
                "cli__schemas_in_files_are_compared__",
            ];
            let what = folders.iter().find_map(|folder| what.strip_prefix(folder));
            assert!(what.is_some(), "{name}: which command wrote this?");
            what.unwrap_or_default().split('_').next().unwrap()
        }
    };
    let format = name.rsplit('_').next().unwrap();
    Some(format!("{command}.{format}"))
}

#[test]
fn every_snapshot_of_json_is_valid_and_every_definition_has_one() {
    let mut seen = BTreeSet::new();
    for snapshot in snapshots() {
        let output = output_of(&snapshot);
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
    assert_eq!(seen, outputs().into_iter().collect());
}

#[test]
#[should_panic(expected = "cli__new__get_json: which command wrote this?")]
fn a_snapshot_of_an_unknown_command_is_noticed() {
    output_of(&Snapshot {
        name: "cli__new__get_json".to_owned(),
        stdout: "{}\n".to_owned(),
        stderr: String::new(),
    });
}

/// The names of the definitions of all outputs.
fn outputs() -> Vec<String> {
    let references = SCHEMA["anyOf"].as_array().unwrap().iter();
    let names = references.map(|one| {
        let reference = one["$ref"].as_str().unwrap();
        reference.trim_start_matches("#/$defs/").to_owned()
    });
    names.collect()
}

/// Adds the places in the schema that a value meets from this one on, which are all that it can
/// meet if there is no value.
fn meet(place: &str, value: Option<&Value>, met: &mut BTreeSet<String>) {
    let is_valid = |value: &Value| {
        let mut schema = SCHEMA.clone();
        let fields = schema.as_object_mut().unwrap();
        fields.remove("anyOf");
        fields.insert("$ref".to_owned(), json!(format!("#{place}")));
        jsonschema::is_valid(&schema, value)
    };
    if value.is_some_and(|value| !is_valid(value)) {
        return;
    }
    // A definition that is in itself has been met for all values.
    if !met.insert(place.to_owned()) && value.is_none() {
        return;
    }
    let schema = SCHEMA.pointer(place).unwrap();
    if let Some(reference) = schema["$ref"].as_str() {
        meet(&reference[1..], value, met);
    }
    for key in ["anyOf", "oneOf"] {
        for number in 0..schema[key].as_array().map_or(0, Vec::len) {
            meet(&format!("{place}/{key}/{number}"), value, met);
        }
    }
    if schema.get("items").is_some() {
        let place = format!("{place}/items");
        match value {
            Some(values) => {
                let values = values.as_array().unwrap().iter();
                values.for_each(|value| meet(&place, Some(value), met));
            }
            None => meet(&place, None, met),
        }
    }
    for name in schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(|it| it.keys())
    {
        let within = value.map(|value| value.get(name));
        // A field that is not there meets nothing.
        if within != Some(None) {
            meet(&format!("{place}/properties/{name}"), within.flatten(), met);
        }
    }
}

/// What commands write that are not all well, for definitions that no snapshot has.
fn written_in_trouble() -> Vec<(&'static str, String)> {
    let emulator = Emulator::builder()
        .agent("agent")
        .agent("broken")
        .scenario("broken", Scenario::failed())
        .quirks(Quirks::new().unreadable_steps())
        .default_scenario(
            Scenario::new()
                .stage(Stage::new("RUNNING").child("child"))
                .stage(Stage::new("COMPLETED")),
        )
        .start_blocking()
        .unwrap();
    let lines = ["--output", "jsonl"];
    let written = |arguments: &[&str]| run(dinoai(&emulator), arguments).stdout;
    let in_lines = |arguments: &[&str]| written(&[arguments, &lines].concat());
    let steps = in_lines(&["run", "agent", "--steps", "--poll-interval", "5ms"]);
    let id = emulator.runs()[0].session_id.clone();
    let [tree, nodes] = ["json", "jsonl"].map(|format| {
        // The run is read, and its child is not.
        for fault in [Fault::pass(), Fault::null_data()] {
            emulator.add_fault(fault.on("dinoaiAgentRun")).unwrap();
        }
        written(&["tree", &id, "--output", format])
    });
    let items = "agent,message\nagent,one\nagent,two\nnone,three\n";
    let batch = ["batch", "-", "--concurrency", "1", "--poll-interval", "5ms"];
    for fault in [Fault::partial_data(), Fault::reset().after_execution()] {
        emulator
            .add_fault(fault.on("triggerDinoaiAgentRun"))
            .unwrap();
    }
    let batch = run_with_input(dinoai(&emulator), &[&batch[..], &lines].concat(), items);
    // By a key: started, found, and started again.
    let once = |agent: &str, more: &[&str]| {
        let key = ["run", agent, "--key", agent, "--poll-interval", "5ms"];
        in_lines(&[&key[..], more].concat())
    };
    once("agent", &[]);
    once("broken", &[]);
    let attached = once("agent", &[]);
    let restarted = once("broken", &["--restart", "failed"]);
    let detached = in_lines(&["run", "agent", "--key", "agent", "--detach"]);
    let compacted = crate::compacted_conversations::watched("jsonl").stdout;
    // The other lines are as those of any run, and many.
    let changed = compacted
        .lines()
        .find(|line| line.contains("historyChanged"));
    vec![
        ("run.jsonl", steps),
        ("run.jsonl", attached),
        ("run.jsonl", restarted),
        ("detach.jsonl", detached),
        ("run.jsonl", changed.unwrap().to_owned()),
        ("tree.json", tree),
        ("tree.jsonl", nodes),
        ("wait.jsonl", in_lines(&["wait", "unknown"])),
        ("stop.jsonl", in_lines(&["stop", "unknown"])),
        ("batch.jsonl", batch.stdout),
    ]
}

#[test]
fn everything_that_standard_output_can_be_is_met() {
    let mut outputs = outputs();
    outputs.retain(|output| output != "stderr");
    let mut all = BTreeSet::new();
    let mut met = BTreeSet::new();
    for output in &outputs {
        meet(&format!("/$defs/{output}"), None, &mut all);
    }
    let snapshots = snapshots()
        .into_iter()
        .filter_map(|snapshot| Some((output_of(&snapshot)?, snapshot.stdout)));
    let live = written_in_trouble().into_iter();
    for (output, written) in snapshots.chain(live.map(|(name, it)| (name.to_owned(), it))) {
        assert_is(&output, &written);
        for value in Deserializer::from_str(&written).into_iter() {
            meet(&format!("/$defs/{output}"), Some(&value.unwrap()), &mut met);
        }
    }
    // Definitions, and alternatives in them; those of an output are definitions, too. A failure on
    // standard output always has a session id.
    let is_counted = |place: &&String| {
        let parts: Vec<_> = place.split('/').skip(2).collect();
        let is_alternative = matches!(parts[..], [.., "anyOf" | "oneOf", _]);
        let is_left_out = parts[0] == "Failure" || outputs.contains(&parts[0].to_owned());
        parts.len() == 1 || (is_alternative && !is_left_out)
    };
    let unmet: Vec<_> = all.difference(&met).filter(is_counted).collect();
    assert!(unmet.is_empty(), "{unmet:#?}");
    assert!(all.contains("/$defs/UnfinishedRun"), "{all:#?}");
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
        .scenario("broken", Scenario::failed())
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
