//! Credentials come from the environment or from their file, and nobody else gets to see them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use dinoai_emulator::Emulator;

use crate::support::program::{assert_done, bare, run};

use crate::support::home::{at_home, home_with, login, sent_headers};

#[test]
fn a_credentials_file_that_others_can_read_gives_a_warning() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("elsewhere");
    let text = format!(
        "API_KEY={}\nAPI_SECRET={}\n",
        emulator.key(),
        emulator.secret()
    );
    fs::write(&file, text).unwrap();
    for (mode, warns) in [(0o644, true), (0o640, true), (0o600, false), (0o400, false)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let arguments = [
            "run",
            "agent",
            "--detach",
            "--endpoint",
            emulator.endpoint(),
            "--credentials-file",
            file.to_str().unwrap(),
        ];
        let done = run(at_home(home.path()), &arguments);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert_eq!(
            done.stderr.contains("other users can read"),
            warns,
            "{mode:o} {}",
            done.stderr
        );
    }
    assert_eq!(emulator.runs().len(), 4);
}

#[test]
fn the_file_is_read_as_the_vendors_reader_reads_it_also_beside_an_endpoint() {
    let home = home_with(
        "\u{feff}a stray line\nexport API_KEY='k\\'1' # the key\nNAME=a\n\
         API_SECRET=\"${NAME}b\\\"c\" # the secret\n",
    );
    let headers = sent_headers(home.path(), |endpoint| {
        vec!["--endpoint".to_owned(), endpoint]
    });
    assert!(headers.contains("x-api-key: k'1\r\n"), "{headers}");
    assert!(headers.contains("x-api-secret: ab\"c\r\n"), "{headers}");

    let headers = sent_headers(home.path(), |endpoint| {
        let path = home.path().join(".paradime/credentials");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text + "API_ENDPOINT=" + &endpoint).unwrap();
        vec![]
    });
    assert!(headers.contains("x-api-key: k'1\r\n"), "{headers}");
    assert!(headers.contains("x-api-secret: ab\"c\r\n"), "{headers}");
}

#[test]
fn all_that_is_missing_is_named_in_one_message() {
    let home = home_with("API_KEI=typo\n???\n");
    let file = home.path().join(".paradime/credentials");
    let shown = |arguments: &[&str]| {
        let done = run(at_home(home.path()), arguments);
        assert_eq!(done.code(), 2, "{}", done.stderr);
        done.stderr.replace(file.to_str().unwrap(), "FILE")
    };
    insta::assert_snapshot!(
        [
            shown(&["get", "abc"]),
            shown(&["get", "abc", "--endpoint", "https://host/graphql"]),
        ]
        .concat()
    );
}

#[test]
fn without_an_account_the_emulator_is_offered() {
    for arguments in [
        &["run", "x", "-m", "y"][..],
        &["get", "abc"],
        &["-m", "y"],
        &["get", "abc", "--output", "json"],
    ] {
        let done = run(bare(), arguments);
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(
            done.stderr.contains("PARADIME_API_ENDPOINT"),
            "{}",
            done.stderr
        );
        assert!(done.stderr.contains("--emulator"), "{}", done.stderr);
        assert!(done.stderr.contains("dinoai emulator"), "{}", done.stderr);
    }
    // What is wrong with an account that is there is another matter.
    let mut command = bare();
    command.env("PARADIME_API_ENDPOINT", "no url");
    command.env("PARADIME_API_SECRET", "prdm_wsp_t");
    let done = run(command, &["get", "abc"]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(!done.stderr.contains("--emulator"), "{}", done.stderr);
}

#[test]
fn without_anything_at_all_the_help_is_named() {
    let done = run(bare(), &[]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("dinoai --help"), "{}", done.stderr);
    let done = run(bare(), &["run", "x", "-m", "y"]);
    assert!(!done.stderr.contains("dinoai --help"), "{}", done.stderr);
}

#[test]
fn an_endpoint_that_is_not_encrypted_is_not_advised_to_call_the_library() {
    let mut command = bare();
    command.env("PARADIME_API_SECRET", "prdm_wsp_t");
    let done = run(
        command,
        &["get", "abc", "--endpoint", "http://example.com/"],
    );
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("https"), "{}", done.stderr);
    assert!(!done.stderr.contains("allow_plain_http"), "{}", done.stderr);
}

#[test]
fn the_emulator_is_the_emulators_program() {
    let done = run(bare(), &["emulator", "--print-schema"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(done.stdout.contains("$schema"));
    assert_done!(
        "emulator_refusal",
        run(bare(), &["emulator", "--no-such-option"])
    );
}

#[test]
fn credentials_are_in_no_file_but_their_own() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let home = tempfile::tempdir().unwrap();
    login(
        home.path(),
        &[emulator.secret(), emulator.key(), emulator.endpoint()],
    );
    let items = home.path().join("items.csv");
    fs::write(&items, "message\none\n").unwrap();
    let results = home.path().join("results");
    let arguments = [
        "batch",
        items.to_str().unwrap(),
        "--resume",
        results.to_str().unwrap(),
        "-vv",
        "--poll-interval",
        "5ms",
    ];
    let mut command = at_home(home.path());
    command.env("PARADIME_API_ENDPOINT", emulator.endpoint());
    command.env("PARADIME_API_SECRET", emulator.secret());
    command.env("PARADIME_API_KEY", emulator.key());
    let done = run(command, &arguments);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let mut files: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, [".paradime", "items.csv", "results"]);
    let text = fs::read_to_string(&results).unwrap();
    for secret in [emulator.secret(), emulator.key(), "demo-company"] {
        assert!(!text.contains(secret), "{text}");
    }
    let folder = fs::read_dir(home.path().join(".paradime")).unwrap();
    assert!(folder.count() <= 1);
}
