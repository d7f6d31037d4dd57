//! What is wrong with agents' files is said with its place, and what is probably not meant so beside it.

use std::fs;

use dinoai_emulator::{Emulator, Error, Level, check_agents};
use tempfile::TempDir;

const AGENT: &str = "name: a
version: 1
role: Checker
goal: Find what is missing.
backstory: >
  You have seen many warehouses.
model_family: fast
environment: production
tools:
  mode: allowlist
  list: [run_sql_query]
slack:
  channel: \"#alerts\"
agents_squad:
  - lineage-reader
";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What is said of an agent with this text in the place of another: level, place and message.
fn said_of(text: &str) -> Vec<(Level, String, String)> {
    let folder = folder(&[("a.yml", text)]);
    let checked = check_agents(folder.path()).unwrap();
    assert!(checked.agents.contains("a"));
    let said = checked.diagnostics.into_iter();
    said.map(|it| (it.level, format!("{}:{}", it.line, it.column), it.message))
        .collect()
}

#[test]
fn an_agent_with_everything_that_is_known_is_right() {
    assert_eq!(said_of(AGENT), []);
    for squad in ["agents_squad: a", "agents_squad: {a: [1]}", "agents_squad:"] {
        let text = AGENT.replace("agents_squad:\n  - lineage-reader", squad);
        assert_eq!(said_of(&text), []);
    }
}

#[test]
fn each_flaw_is_said_with_its_level_and_place() {
    use Level::{Error, Warning};
    for (instead, of, level, place, message) in [
        (
            "name: b",
            "name: a",
            Error,
            "1:7",
            "the name 'b' must be that of the file, 'a'",
        ),
        (
            "version: '1'",
            "version: 1",
            Error,
            "2:10",
            "'version' must be a whole number, for example 1",
        ),
        (
            "version: 1.0",
            "version: 1",
            Error,
            "2:10",
            "'version' must be a whole number, for example 1",
        ),
        (
            "version:",
            "version: 1",
            Error,
            "2:8",
            "'version' must be a whole number, for example 1",
        ),
        (
            "role: ' '",
            "role: Checker",
            Error,
            "3:7",
            "'role' must be a text that is not empty",
        ),
        (
            "model_family: 3",
            "model_family: fast",
            Error,
            "7:15",
            "'model_family' must be a text that is not empty",
        ),
        (
            "  mode: some",
            "  mode: allowlist",
            Error,
            "10:9",
            "the mode of 'tools' must be allowlist or denylist",
        ),
        (
            "  mode:",
            "  mode: allowlist",
            Error,
            "9:1",
            "the mode of 'tools' must be allowlist or denylist",
        ),
        (
            "  list: [1]",
            "  list: [run_sql_query]",
            Error,
            "11:9",
            "'tools' must have a list of tool names",
        ),
        (
            "  channel: []",
            "  channel: \"#alerts\"",
            Error,
            "13:12",
            "'slack' must have a channel",
        ),
        (
            "gaol: Find it.\ngoal: g",
            "goal: Find what is missing.",
            Warning,
            "4:1",
            "the key 'gaol' is not known, and the vendor refuses such; did you mean 'goal'?",
        ),
        (
            "model: gpt\nrole: Checker",
            "role: Checker",
            Warning,
            "3:1",
            "the key 'model' is deprecated and ignored: set 'model_family'",
        ),
        (
            "  mode: allowlist\n  lists: []",
            "  mode: allowlist",
            Warning,
            "11:3",
            "the key 'lists' in 'tools' is not known, and the vendor refuses such; did you mean 'list'?",
        ),
        (
            "slack:\n  thread: x",
            "slack:",
            Warning,
            "13:3",
            "the key 'thread' in 'slack' is not known, and the vendor refuses such; the known ones are channel",
        ),
        (
            "temperature: 1\nrole: Checker",
            "role: Checker",
            Warning,
            "3:1",
            "the key 'temperature' is not known, and the vendor refuses such; the known ones are name, version, role, goal, backstory, model_family, environment, tools, slack, agents_squad, model",
        ),
    ] {
        let text = AGENT.replace(of, instead);
        assert_ne!(text, AGENT, "{of}");
        let expected = [(level, place.to_owned(), message.to_owned())];
        assert_eq!(said_of(&text), expected, "{instead}");
    }
    for key in ["name", "version", "role", "goal", "backstory"] {
        let said = said_of(&AGENT.replace(&format!("{key}:"), "agents_squid:"));
        let message = format!(
            "the key '{key}' is missing (an agent has name, version, role, goal, backstory)"
        );
        assert_eq!(said[0], (Error, "1:1".to_owned(), message));
        assert!(
            said[1].2.ends_with("did you mean 'agents_squad'?"),
            "{said:?}"
        );
    }
}

#[test]
fn a_diagnostic_is_rendered_with_its_line_and_a_caret() {
    let folder = folder(&[(
        "a.yml",
        &AGENT.replace("mode: allowlist", "mode: allow\u{202e}list"),
    )]);
    let checked = check_agents(folder.path()).unwrap();
    assert!(checked.has_errors());
    let name = folder.path().display().to_string();
    let rendered = checked.diagnostics[0].rendered.replace(&name, "FOLDER");
    let expected = [
        "error: the mode of 'tools' must be allowlist or denylist",
        "  --> FOLDER/a.yml:10:9",
        "   |",
        r"10 |   mode: allow\u{202e}list",
        "   |         ^",
    ];
    assert_eq!(rendered, expected.join("\n"));
}

#[test]
fn files_that_are_not_read_are_warned_of_and_others_are_none_of_its_business() {
    let folder = folder(&[
        ("b.yaml", "name: b"),
        ("c.YML", ""),
        ("notes.md", ""),
        ("a.yml", AGENT),
    ]);
    fs::create_dir(folder.path().join("below")).unwrap();
    fs::write(folder.path().join("below/d.yml"), "").unwrap();
    let checked = check_agents(folder.path()).unwrap();
    assert_eq!(checked.agents.iter().collect::<Vec<_>>(), ["a"]);
    assert!(!checked.has_errors());
    let said: Vec<_> = checked.diagnostics.iter().map(|it| &*it.message).collect();
    let message = |ending| format!("not read, since it ends in .{ending}: agents are .yml files");
    assert_eq!(said, [message("yaml"), message("YML")]);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_beside_the_others() {
    let folder = folder(&[("a.yml", AGENT), ("large.yml", &" ".repeat((1 << 20) + 1))]);
    fs::write(folder.path().join("binary.yml"), b"name: \xff\n").unwrap();
    fs::create_dir(folder.path().join("folder.yml")).unwrap();
    let checked = check_agents(folder.path()).unwrap();
    assert_eq!(checked.agents.len(), 4);
    let said: Vec<_> = checked
        .diagnostics
        .iter()
        .map(|it| (it.level, &*it.message))
        .collect();
    assert_eq!(
        said,
        [
            (
                Level::Error,
                "cannot be read: it is not UTF-8 (line 1); save it as UTF-8"
            ),
            (Level::Error, "cannot be read: it is not a file"),
            (Level::Error, "cannot be read: it has more than 1 MiB"),
        ]
    );
}

#[test]
fn a_folder_that_is_not_there_is_an_error_that_names_it() {
    let error = check_agents("no/such/folder").unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error:?}");
}

#[test]
fn an_emulator_starts_beside_warnings_and_not_beside_errors() {
    let warned = folder(&[
        ("a.yml", &format!("{AGENT}temperature: 1\n")),
        ("b.yaml", ""),
    ]);
    let start = |folder: &TempDir| {
        let builder = Emulator::builder().agents_folder(folder.path());
        builder.start_blocking().map(drop)
    };
    start(&warned).unwrap();
    let wrong = folder(&[(
        "a.yml",
        &format!("{AGENT}temperature: 1\n").replace("version: 1", "version: one"),
    )]);
    let Err(Error::Files(diagnostics)) = start(&wrong) else {
        panic!("it has started");
    };
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert_eq!(diagnostics[0].line, 2);
}

#[test]
fn of_many_flaws_a_hundred_are_said_and_how_many_more_there_are() {
    let unknown: String = (0..20_000).map(|it| format!("k{it}: 1\n")).collect();
    // An error behind all of them.
    let text = format!("{unknown}{}", AGENT.replace("version: 1", "version: one"));
    let said = said_of(&text);
    assert_eq!(said.len(), 101);
    assert!(
        said.iter()
            .any(|it| it.0 == Level::Error && it.1 == "20002:10"),
        "{said:?}"
    );
    let (level, _, message) = &said[100];
    assert_eq!(
        (*level, &**message),
        (
            Level::Warning,
            "there are 19901 more like this, which are not listed"
        )
    );
    // The same in one line.
    let keys: Vec<_> = (0..20_000).map(|it| format!("k{it}: 1")).collect();
    assert_eq!(said_of(&format!("{{{}}}", keys.join(", "))).len(), 101);
}

#[test]
fn a_mark_at_the_start_of_a_file_takes_no_column() {
    let text = format!("\u{feff}{}", AGENT.replace("name: a", "name: b"));
    let folder = folder(&[("a.yml", &text)]);
    let checked = check_agents(folder.path()).unwrap();
    let [said] = &checked.diagnostics[..] else {
        panic!("{:?}", checked.diagnostics);
    };
    assert_eq!((said.line, said.column), (1, 7));
    assert!(
        said.rendered.ends_with("1 | name: b\n  |       ^"),
        "{}",
        said.rendered
    );
}
