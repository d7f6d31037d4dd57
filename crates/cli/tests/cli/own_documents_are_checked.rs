//! Documents of the user's own are checked in full, each with its file, line and column.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::changed_schemas::ChangedSchema;
use crate::support::program::{Done, assert_done, bare, run};

const SCHEMA: &str = "type Query { run(id: ID!, first: Int): Run }\ntype Run { status: String! }\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> Done {
    let mut command = bare();
    command.current_dir(folder);
    run(command, &[&["schema", "check"][..], arguments].concat())
}

const WRONG: &[(&str, &str)] = &[
    ("graphql/schema.graphql", SCHEMA),
    (
        "graphql/status.graphql",
        "query Status($id: String!, $first: Int) {\n  run(id: $id, last: 1) {\n    state\n  }\n}\n",
    ),
    (
        "graphql/more/open.graphql",
        "query Open {\n  run(id: 1) { status }\n",
    ),
    ("graphql/nameless.graphql", "{ run(id: 1) { status } }\n"),
    (
        "graphql/right.gql",
        "query Right { run(id: 1) { status } }\n",
    ),
    ("graphql/notes.md", "# no document"),
];

#[test]
fn what_is_wrong_is_shown_with_its_line_in_each_format() {
    let folder = folder(WRONG);
    for format in ["text", "json", "jsonl"] {
        let done = check(folder.path(), &["graphql", "--output", format]);
        assert_eq!(done.code(), 1, "{}", done.stderr);
        assert_done!(format!("schema-check_{format}"), done);
    }
}

#[test]
fn the_schema_is_that_of_the_option_or_of_the_files_or_the_one_that_is_shipped() {
    let run_status = "query A { dinoaiAgentRun(agentSessionId: \"a\") { status } }";
    let folder = folder(&[
        ("a.graphql", run_status),
        ("b.graphql", "query B { run(id: 1) { status } }"),
        ("types/query.graphql", "type Query { run(id: ID!): Run }"),
        (
            "types/run.graphql",
            "\"A part of it.\"\ntype Run { status: String! }",
        ),
        ("other.graphql", SCHEMA),
    ]);
    for (arguments, summary) in [
        (
            &["a.graphql"][..],
            "1 document is valid, checked against dinoai 0.1.0\n",
        ),
        (
            &[
                "b.graphql",
                "types",
                "b.graphql",
                "--schema",
                "other.graphql",
            ],
            "1 document is valid, checked against other.graphql\n",
        ),
    ] {
        let done = check(folder.path(), arguments);
        assert_eq!(
            (done.code(), &*done.stdout),
            (0, summary),
            "{}",
            done.stderr
        );
    }
    // The derive reads one file.
    let done = check(folder.path(), &["b.graphql", "types"]);
    let summary =
        "1 error in 1 of 1 document, checked against types/query.graphql, types/run.graphql\n";
    assert!(
        done.stdout
            .contains("It needs several files of the schema.")
            && done.stdout.ends_with(summary),
        "{}",
        done.stdout
    );
    let done = check(folder.path(), &["a.graphql", "b.graphql"]);
    assert!(
        done.stdout
            .ends_with("1 error in 1 of 2 documents, checked against dinoai 0.1.0\n"),
        "{}",
        done.stdout
    );
}

#[test]
fn each_file_is_a_document_of_its_own() {
    let folder = folder(&[
        ("schema.graphql", SCHEMA),
        ("a.graphql", "query A { run(id: 1) { ...F } }"),
        ("f.graphql", "fragment F on Run { status }"),
    ]);
    let done = check(folder.path(), &["."]);
    assert_eq!(done.code(), 1);
    for words in [
        "Unknown fragment \"F\".",
        "help: ./f.graphql has it, but each file is a document of its own: copy the fragment",
        "Fragment \"F\" is never used.",
    ] {
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
    }
}

#[test]
fn a_schema_that_is_wrong_is_an_error_of_its_own() {
    for (text, words) in [
        ("type Query { a: B }", "--> ./schema.graphql:1:17"),
        ("type Query { a: ", "--> ./schema.graphql:1:17"),
        ("type A { a: Int }", "--> ./schema.graphql"),
        (
            "type Query { a(b: I): Int } input I @oneOf { c: Int! }",
            "OneOf input field I.c must be nullable.",
        ),
    ] {
        let folder = folder(&[("schema.graphql", text), ("a.graphql", "query A { a }")]);
        let done = check(folder.path(), &["."]);
        assert_eq!(done.code(), 1, "{text}: {}{}", done.stdout, done.stderr);
        assert!(done.stdout.contains(words), "{text}: {}", done.stdout);
        let summary = "1 error in the schema ./schema.graphql; 1 document could not be checked\n";
        assert!(done.stdout.ends_with(summary), "{text}: {}", done.stdout);
    }
}

#[test]
fn the_summary_says_whether_the_schema_or_the_documents_are_wrong() {
    let many = format!("query A {{ {} }}", "no ".repeat(200));
    let folder = folder(&[
        ("a.graphql", "query A { a }"),
        ("more/many.graphql", &many),
        ("more/s.graphql", SCHEMA),
        ("two/one.graphql", "type Query { a(b: I): Int }"),
        ("two/other.graphql", "input I @oneOf { c: Int! }"),
    ]);
    for (arguments, summary) in [
        (
            &["a.graphql", "two"][..],
            "1 error in the schema two/one.graphql, two/other.graphql; 1 document could not be checked\n",
        ),
        (
            &["a.graphql", "--schema", "a.graphql"],
            "1 error in the schema a.graphql; 1 document could not be checked\n",
        ),
        (
            &["more"],
            "more than 100 errors in 1 of 1 document, checked against more/s.graphql\n",
        ),
    ] {
        let done = check(folder.path(), arguments);
        assert_eq!(done.code(), 1, "{arguments:?}: {}", done.stderr);
        assert!(
            done.stdout.ends_with(summary),
            "{arguments:?}: {}",
            done.stdout
        );
    }
}

#[test]
fn copies_of_a_schema_are_not_one_schema_and_the_way_out_is_said() {
    let document = "query A { run(id: 1) { status } }";
    let folder = folder(&[
        ("a/a.graphql", document),
        ("a/schema.graphql", SCHEMA),
        ("b/b.graphql", document),
        ("b/schema.graphql", SCHEMA),
    ]);
    let done = check(folder.path(), &["a", "b"]);
    assert_eq!(done.code(), 1, "{}", done.stderr);
    let help = "= help: the 2 files of type definitions are taken for parts of one schema: name the schema with \
                --schema, or check one folder at a time";
    assert_eq!(done.stdout.matches(help).count(), 1, "{}", done.stdout);
    let done = check(folder.path(), &["a", "b", "--schema", "a/schema.graphql"]);
    assert_eq!(done.code(), 0, "{}", done.stdout);
    let mut command = bare();
    command.current_dir(folder.path());
    let done = run(
        command,
        &["schema", "diff", "a", "b", "--against", "a/schema.graphql"],
    );
    assert_eq!(done.code(), 2, "{}", done.stdout);
    assert!(
        done.stderr.contains("--schema, or check one folder"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_schema_that_the_derive_cannot_read_is_counted_apart() {
    let schema = format!("\"Of runs.\" schema {{ query: Query }} {SCHEMA}");
    let folder = folder(&[
        ("schema.graphql", &schema),
        ("a.graphql", "query A { nothing }"),
    ]);
    let check = |file: &str| {
        let mut command = bare();
        command.current_dir(folder.path());
        run(
            command,
            &["schema", "check", file, "--schema", "schema.graphql"],
        )
    };
    let both = check("a.graphql");
    assert_eq!(both.code(), 1, "{}", both.stderr);
    let end = "2 errors in 1 of 1 document, and in the schema schema.graphql\n";
    assert!(both.stdout.ends_with(end), "{}", both.stdout);
    fs::write(
        folder.path().join("b.graphql"),
        "query B { run(id: 1) { status } }",
    )
    .unwrap();
    let one = check("b.graphql");
    let end = "1 error in the schema schema.graphql; 1 document checked\n";
    assert!(one.stdout.ends_with(end), "{}", one.stdout);
}

#[test]
fn nothing_to_read_is_wrong_usage() {
    let folder = folder(&[("schema.graphql", SCHEMA), ("empty/notes.md", "")]);
    fs::write(
        folder.path().join("latin1.graphql"),
        b"# \xe9\nquery A { a }",
    )
    .unwrap();
    for (arguments, words) in [
        (&["none"][..], "cannot read none: No such file"),
        (&["empty"], "there are no documents to check"),
        (&["schema.graphql"], "there are no documents to check"),
        (
            &["latin1.graphql"],
            "cannot read latin1.graphql: it is not UTF-8 (line 1); save it as UTF-8",
        ),
        (
            &["schema.graphql", "--schema", "none"],
            "cannot read none: No such file",
        ),
        (
            &["schema.graphql", "--schema", "/dev/zero"],
            "cannot read /dev/zero: it is neither a file nor a pipe",
        ),
        (
            &["/dev/zero"],
            "cannot read /dev/zero: it is neither a file nor a pipe",
        ),
        (&[], "required arguments"),
    ] {
        let done = check(folder.path(), arguments);
        assert_eq!(
            (done.code(), &*done.stdout),
            (2, ""),
            "{arguments:?} {}",
            done.stderr
        );
        assert!(done.stderr.contains(words), "{arguments:?} {}", done.stderr);
    }
}

#[test]
fn nothing_in_a_file_reaches_the_terminal_as_a_command() {
    let text = "query A { \u{1b}]0;title\u{7} }\n##vso[task.setvariable]";
    let folder = folder(&[("a\u{1b}[31m.graphql", text)]);
    let done = check(folder.path(), &["."]);
    assert_eq!(done.code(), 1, "{}", done.stderr);
    assert!(
        !done.stdout.contains('\u{1b}') && !done.stdout.contains("##vso"),
        "{:?}",
        done.stdout
    );
}

#[test]
fn deep_and_long_documents_are_errors_and_no_crash() {
    let folder = folder(&[(
        "schema.graphql",
        "type Query { a: Query, b(c: [[Int]]): Int }",
    )]);
    let file = folder.path().join("a.graphql");
    for text in [
        format!("query A {}a{}", "{ a ".repeat(100_000), "}".repeat(100_000)),
        format!(
            "query A {{ b(c: {}1{}) }}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        ),
        format!(
            "query A($c: {}Int{}) {{ b(c: $c) }}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        ),
        "a ".repeat(200_000),
    ] {
        fs::write(&file, text).unwrap();
        let done = check(folder.path(), &["."]);
        assert_eq!(done.code(), 1, "{}", done.stderr);
        assert!(
            done.stdout.contains("error: Syntax Error: "),
            "{}",
            done.stdout
        );
    }
}

#[test]
fn the_schema_that_is_printed_is_the_library_s() {
    let done = run(bare(), &["schema", "print"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(done.stdout, dinoai::SCHEMA);
}

#[test]
fn the_readme_shows_what_check_and_diff_print() {
    const README: &str = include_str!("../../README.md");
    let wrong =
        "query RunStatus {\n  dinoaiAgentRun(id: \"xwzdneft6emspe0f\") {\n    status\n  }\n}\n";
    let names = [
        "field made nullable",
        "enum value added",
        "field added that no document selects",
    ];
    let folder = folder(&[
        ("graphql/schema.graphql", dinoai::SCHEMA),
        ("graphql/run_status.graphql", wrong),
        ("new.graphql", &ChangedSchema::with_edits_of(&names)),
    ]);
    let done = check(folder.path(), &["graphql"]);
    assert!(README.contains(&done.stdout), "{}", done.stdout);
    let right = wrong.replace("(id:", "(agentSessionId:");
    fs::write(folder.path().join("graphql/run_status.graphql"), right).unwrap();
    let mut command = bare();
    command.current_dir(folder.path());
    let diff = ["schema", "diff", "graphql", "--against", "new.graphql"];
    let done = run(command, &diff);
    assert!(README.contains(&done.stdout), "{}", done.stdout);
}

#[test]
fn a_schema_that_is_empty_is_said_to_be_that() {
    let folder = folder(&[("schema.graphql", "")]);
    let said = |folder: &TempDir| check(folder.path(), &["."]);
    let done = said(&folder);
    assert_eq!(done.code(), 1, "{}", done.stdout);
    assert!(
        done.stdout
            .ends_with("\n1 error in the schema ./schema.graphql\n"),
        "{}",
        done.stdout
    );
    fs::write(folder.path().join("a.graphql"), "query A { a }").unwrap();
    let done = said(&folder);
    assert!(
        done.stdout
            .ends_with("1 error in the schema ./schema.graphql; 1 document could not be checked\n"),
        "{}",
        done.stdout
    );
}
