//! JSON and JSON lines of one command say the same.

use dinoai_emulator::{Emulator, Fault, Quirks, Scenario, Stage, Step};
use serde_json::{Value, json};

use crate::schema_covers_all_json::assert_is;
use crate::support::program::{dinoai, run};
use crate::support::runs::Folder;

const WAIT: [&str; 3] = ["--poll-interval", "5ms", "--steps"];

fn scenario() -> Scenario {
    let work = |text: &str| {
        Stage::new("RUNNING")
            .reads(4)
            .startup_step("Clone the repository", true)
            .step(Step::tool("run_sql_query").input(text))
            .message("assistant", format!("I look at {text}."))
    };
    let end = || Stage::new("COMPLETED").message("assistant", "All well.");
    Scenario::new()
        .stage(work("one").child("child"))
        .stage(end())
        .follow_up([work("two"), end()])
        .follow_up([work("two"), end()])
}

fn start(quirks: Quirks) -> Emulator {
    Emulator::builder()
        .scenario("agent", scenario())
        .quirks(quirks)
        .start_blocking()
        .unwrap()
}

/// What a command that succeeds writes in each of the two formats: a document, and lines.
fn both(emulator: &Emulator, arguments: &[&str]) -> (Value, Vec<Value>) {
    written(emulator, arguments, 0)
}

fn written(emulator: &Emulator, arguments: &[&str], exit: i32) -> (Value, Vec<Value>) {
    let [document, lines] = ["json", "jsonl"].map(|format| {
        let done = run(
            dinoai(emulator),
            &[arguments, &["--output", format]].concat(),
        );
        assert_eq!(done.code(), exit, "{arguments:?}: {}", done.stderr);
        assert_is(&format!("{}.{format}", arguments[0]), &done.stdout);
        assert_is("stderr", &done.stderr);
        done.stdout
    });
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (serde_json::from_str(&document).unwrap(), lines.collect())
}

/// The same without what differs between two runs.
fn without_names(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| match &**key {
                "agentSessionId" | "childSessionIds" | "ts" | "index" => (key.clone(), json!(null)),
                _ => (key.clone(), without_names(value)),
            });
            Value::Object(fields.collect())
        }
        Value::Array(values) => values.iter().map(without_names).collect(),
        other => other.clone(),
    }
}

/// The document that the lines of a run add up to.
fn added_up(lines: &[Value]) -> Value {
    let of = |event: &str| {
        let lines = lines.iter().filter(|line| line["event"] == event);
        lines.map(|line| line["data"].clone()).collect::<Vec<_>>()
    };
    let mut run = of("ended").pop().unwrap();
    assert_eq!(run["messages"], Value::from(of("message")), "{lines:#?}");
    for (key, event) in [("steps", "step"), ("startupSteps", "startup")] {
        run[key] = of(event).into();
    }
    if let Some(reason) = of("stepsMissing").pop() {
        run["stepsMissing"] = reason;
    }
    if let Some(warning) = of("started")
        .pop()
        .and_then(|one| one.get("warning").cloned())
    {
        run["warning"] = warning;
    }
    run
}

/// The id of a run that has ended, as has its child.
fn first_id(emulator: &Emulator) -> String {
    let arguments = ["run", "agent", "-q", "--poll-interval", "5ms"];
    assert_eq!(run(dinoai(emulator), &arguments).code(), 0);
    let runs = emulator.runs();
    let child = ["wait", &runs[1].session_id, "--poll-interval", "5ms"];
    assert_eq!(run(dinoai(emulator), &child).code(), 0);
    runs[0].session_id.clone()
}

#[test]
fn a_run_and_a_turn_are_the_same_in_one_document_and_in_lines() {
    for quirks in [Quirks::new(), Quirks::new().unreadable_steps()] {
        let emulator = start(quirks);
        let id = first_id(&emulator);
        for arguments in [
            &["run", "agent", "-m", "go", "--model-family", "unknown"][..],
            &["send", &id, "-m", "go on"],
            &["watch", &id],
        ] {
            let (document, lines) = both(&emulator, &[arguments, &WAIT].concat());
            let (document, lines) = (without_names(&document), without_names(&added_up(&lines)));
            assert_eq!(document, lines, "{arguments:?}");
        }
    }
}

#[test]
fn a_turn_has_its_own_messages_alone() {
    let emulator = start(Quirks::new());
    let id = first_id(&emulator);
    let (document, lines) = both(&emulator, &["send", &id, "-m", "go on"]);
    let texts = |run: &Value| {
        let messages = run["messages"].as_array().unwrap();
        let texts = messages.iter().map(|message| message["content"].clone());
        texts.collect::<Vec<_>>()
    };
    let turn = ["go on", "I look at two.", "All well."];
    assert_eq!(texts(&document), turn);
    assert_eq!(texts(&lines.last().unwrap()["data"]), turn);
}

#[test]
fn messages_that_the_api_no_longer_lists_are_in_both() {
    let emulator = start(Quirks::new().compacted_transcript(1));
    let (document, _) = both(
        &emulator,
        &["run", "agent", "-m", "go", "--poll-interval", "5ms"],
    );
    let last = &document["messages"].as_array().unwrap().last().unwrap()["content"];
    assert_eq!(last, "All well.");
    assert!(
        document["messages"].as_array().unwrap().len() > 1,
        "{document:#}"
    );
}

#[test]
fn reads_are_the_same_in_one_document_and_in_lines() {
    let emulator = start(Quirks::new());
    let id = first_id(&emulator);
    for (arguments, exit) in [
        (&["wait", &id, &id][..], 0),
        (&["stop", &id, &id], 0),
        (&["stop", &id, "unknown"], 5),
    ] {
        let (document, lines) = written(&emulator, arguments, exit);
        assert_eq!(document, Value::from(lines), "{arguments:?}");
    }
    for arguments in [&["get", &id][..], &["get", &id, "--steps"]] {
        let (document, lines) = both(&emulator, arguments);
        assert_eq!([document], *lines, "{arguments:?}");
    }
}

#[test]
fn a_tree_is_the_same_in_one_document_and_in_lines() {
    fn add(mut node: Value, found: &mut Vec<Value>) {
        let children = node.as_object_mut().unwrap().remove("children");
        found.push(node);
        let children = children.unwrap();
        let children = children.as_array().unwrap().iter();
        children.for_each(|child| add(child.clone(), found));
    }
    let emulator = start(Quirks::new());
    let id = first_id(&emulator);
    let child = emulator.runs()[1].session_id.clone();
    for is_broken in [false, true] {
        if is_broken {
            // The first read is that of the run itself; the child's fails in both formats.
            for _ in 0..2 {
                emulator
                    .add_fault(Fault::pass().on("dinoaiAgentRun"))
                    .unwrap();
                emulator
                    .add_fault(Fault::null_data().on("dinoaiAgentRun"))
                    .unwrap();
            }
        }
        let (document, lines) = both(&emulator, &["tree", &id]);
        let mut nodes = vec![];
        add(document, &mut nodes);
        assert_eq!(nodes, lines);
        assert_eq!(nodes.len(), 2);
        assert_eq!(nodes[1]["agentSessionId"], *child);
        assert_eq!(nodes[1].get("error").is_some(), is_broken, "{nodes:#?}");
    }
}

#[test]
fn json_keeps_the_order_of_the_apis_fields() {
    const ORDER: [&str; 6] = [
        "agentSessionId",
        "status",
        "messages",
        "childSessionIds",
        "workspaceUid",
        // What is ours comes last.
        "children",
    ];
    let emulator = start(Quirks::new());
    let id = first_id(&emulator);
    for command in ["get", "watch", "tree", "wait"] {
        for format in ["json", "jsonl"] {
            let done = run(dinoai(&emulator), &[command, &id, "--output", format]);
            let mut lines = done.stdout.lines();
            let text = match format {
                "json" => &done.stdout,
                _ => lines
                    .rfind(|line| line.contains("\"content\"") && line.contains(ORDER[4]))
                    .unwrap(),
            };
            let places: Vec<_> = ORDER
                .iter()
                .filter_map(|key| text.find(&format!("\"{key}\"")))
                .collect();
            assert!(places.len() >= 5, "{command} {format}: {text}");
            assert!(places.is_sorted(), "{command} {format}: {text}");
            let [ts, role, content] =
                ["ts", "role", "content"].map(|key| text.find(&format!("\"{key}\"")));
            assert!(ts < role && role < content, "{command} {format}: {text}");
        }
    }
}

#[test]
fn what_starts_runs_and_leaves_them_writes_the_same_in_both_formats() {
    let emulator = start(Quirks::new());
    let folder = Folder::with("items.csv", "agent,message\nagent,one\n");
    let items = folder.name("items.csv");
    for (arguments, definition) in [
        (&["run", "agent", "--detach"][..], "detach"),
        (&["batch", &items, "--poll-interval", "5ms"], "batch"),
    ] {
        let written = ["json", "jsonl"].map(|format| {
            let done = run(
                dinoai(&emulator),
                &[arguments, &["--output", format]].concat(),
            );
            assert_eq!(done.code(), 0, "{arguments:?}: {}", done.stderr);
            assert_is(&format!("{definition}.jsonl"), &done.stdout);
            assert_is("stderr", &done.stderr);
            let values = serde_json::Deserializer::from_str(&done.stdout).into_iter();
            let values = values.map(|value| without_names(&value.unwrap()));
            values.collect::<Vec<_>>()
        });
        assert_eq!(written[0], written[1], "{arguments:?}");
        assert!(!written[0].is_empty(), "{arguments:?}");
    }
}
