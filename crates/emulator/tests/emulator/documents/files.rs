//! Documents and schemas are read from files and folders, or it is said why not.

use std::fs;

use dinoai_emulator::check_documents;
#[cfg(unix)]
use dinoai_emulator::documents::Schema;
use dinoai_emulator::documents::{Documents, ProblemKind, Problems};

use super::introspection::introspection;
use super::{SCHEMA, folder};

#[test]
fn each_reason_not_to_check_is_an_error_of_its_own() {
    let document: &[u8] = b"query A { run(id: 1) { status } }";
    let kinds = |files: &[(&str, &[u8])]| -> (Vec<ProblemKind>, Problems) {
        let problems = check_documents(folder(files).path()).unwrap_err();
        (problems.list().iter().map(|it| it.kind).collect(), problems)
    };
    for (files, kind, words) in [
        (
            &[("a.graphql", document)][..],
            ProblemKind::NoSchema,
            "dinoai schema print",
        ),
        (
            &[("s.graphql", SCHEMA.as_bytes())],
            ProblemKind::NoDocuments,
            "no documents",
        ),
        (
            &[("a.graphql", &b"\xff"[..])],
            ProblemKind::Unread,
            "is not UTF-8 (line 1)",
        ),
        (
            &[
                ("a.graphql", document),
                ("s.graphql", b"type Query { a: B }"),
            ],
            ProblemKind::Schema,
            "s.graphql:1:17",
        ),
        (
            &[("a.graphql", document), ("s.graphql", b"type Query { a ")],
            ProblemKind::Syntax,
            "s.graphql:1:16",
        ),
        (
            &[
                ("a.graphql", b"query A {"),
                ("s.graphql", SCHEMA.as_bytes()),
            ],
            ProblemKind::Syntax,
            "a.graphql:1:10",
        ),
        (
            &[
                ("a.graphql", document),
                ("s.graphql", SCHEMA.as_bytes()),
                ("t.gql", b"type Run { a: Int }"),
            ],
            ProblemKind::Schema,
            "t.gql:1:6",
        ),
    ] {
        let (found, problems) = kinds(files);
        assert_eq!(found, [kind], "{problems}");
        assert!(problems.to_string().contains(words), "{words}: {problems}");
    }
    let problems = check_documents("no/such/folder").unwrap_err();
    assert_eq!(problems.list()[0].kind, ProblemKind::Unread);
}

#[test]
fn folders_in_the_folder_are_read_and_those_of_tools_are_not() {
    let folder = folder(&[("schema.graphql", SCHEMA.as_bytes())]);
    let wrong = "query A { no }";
    for (name, is_read) in [("more", true), (".hidden", false), ("target", false)] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("a.graphql"), wrong).unwrap();
        let documents = Documents::read([folder.path()]).unwrap();
        assert_eq!(documents.names().count(), 1, "{name} {is_read}");
    }
    // Named twice, and read once.
    let twice = [
        folder.path().to_owned(),
        folder.path().join("more/a.graphql"),
    ];
    assert_eq!(Documents::read(&twice).unwrap().names().count(), 1);
}

#[test]
fn a_mark_at_the_start_of_a_file_takes_no_column() {
    let folder = folder(&[
        ("s.graphql", b"\xef\xbb\xbftype Query { a: Int }"),
        ("a.graphql", b"\xef\xbb\xbfquery A { no }"),
    ]);
    let problems = check_documents(folder.path()).unwrap_err();
    assert_eq!(problems.list()[0].column, Some(11));
    let shown = problems.to_string();
    assert!(
        shown.ends_with("1 | query A { no }\n  |           ^^"),
        "{shown}"
    );
}

#[cfg(unix)]
#[test]
fn devices_are_refused_and_pipes_are_read_up_to_the_limit() {
    for device in ["/dev/zero", "/dev/null"] {
        let problems = Schema::read(device).unwrap_err();
        assert_eq!(problems.list()[0].kind, ProblemKind::Unread);
        assert!(
            problems.to_string().contains("neither a file nor a pipe"),
            "{problems}"
        );
        assert!(Documents::read([device]).is_err());
    }
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    for (length, words) in [(10, None), ((16 << 20) + 1, Some("more than 16 MiB"))] {
        let (text, writer) = (format!("{SCHEMA}{}", " ".repeat(length)), pipe.clone());
        let writer = std::thread::spawn(move || fs::write(writer, text));
        let read = Schema::read(&pipe);
        match words {
            None => assert!(read.is_ok(), "{read:?}"),
            Some(words) => assert!(read.unwrap_err().to_string().contains(words)),
        }
        // Its reader may have gone before the end.
        let _ = writer.join().unwrap();
    }
}

#[test]
fn of_schemas_that_are_copies_it_is_said_how_to_choose_one() {
    let folder = folder(&[
        ("a.graphql", b"query A { run(id: 1) { status } }"),
        ("schema.graphql", SCHEMA.as_bytes()),
        ("schema.json", introspection(|_| {}).as_bytes()),
    ]);
    let problems = check_documents(folder.path()).unwrap_err();
    let helps: Vec<_> = problems
        .list()
        .iter()
        .filter_map(|it| it.help.as_deref())
        .collect();
    assert_eq!(helps.len(), 1, "{problems}");
    assert!(
        helps[0].contains("--schema, or check one folder at a time"),
        "{problems}"
    );
}
