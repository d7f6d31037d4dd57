//! Where credentials come from, and who gets to see them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use dinoai_emulator::Emulator;
use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Done, assert_done, bare, run, run_with_input};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn at_home(home: &Path) -> Command {
    let mut command = bare();
    command.env("HOME", home);
    command
}

fn login(home: &Path, answers: &[&str]) -> Done {
    run_with_input(at_home(home), &["login"], &(answers.join("\n") + "\n"))
}

#[test]
fn login_writes_a_file_that_only_its_owner_can_read_and_that_works() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let home = tempfile::tempdir().unwrap();
    let done = login(
        home.path(),
        &[emulator.secret(), emulator.key(), emulator.endpoint()],
    );
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(!done.shown().contains(emulator.secret()));
    let file = home.path().join(".paradime/credentials");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        format!(
            "API_ENDPOINT={}\nAPI_KEY={}\nAPI_SECRET={}\n",
            emulator.endpoint(),
            emulator.key(),
            emulator.secret()
        )
    );
    let done = run(
        at_home(home.path()),
        &["run", "agent", "--poll-interval", "5ms"],
    );
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert!(!done.stderr.contains("warning"), "{}", done.stderr);
}

#[test]
fn login_asks_before_it_overwrites_and_then_closes_the_file_to_others() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".paradime/credentials");
    fs::create_dir(file.parent().unwrap()).unwrap();
    fs::write(&file, "API_KEY=old\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();

    let done = login(home.path(), &["n"]);
    assert_eq!(done.code(), 2);
    assert_eq!(fs::read_to_string(&file).unwrap(), "API_KEY=old\n");

    let company = ["y", "prdm_cmp_t", "", "w1", "https://host/graphql"];
    assert_eq!(login(home.path(), &company).code(), 0);
    assert_eq!(mode(&file), 0o600);
    let text = "API_ENDPOINT=https://host/graphql\nWORKSPACE_UID=w1\nAPI_SECRET=prdm_cmp_t\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    let workspace = ["y", "prdm_wsp_t", "https://host/graphql"];
    assert_eq!(login(home.path(), &workspace).code(), 0);
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .ends_with("API_SECRET=prdm_wsp_t\n")
    );
}

#[test]
fn login_keeps_nothing_that_cannot_work() {
    let home = tempfile::tempdir().unwrap();
    for answers in [
        &["secret", "key", "no url"][..],
        &["secret", "key", "http://elsewhere.example/graphql"],
        &["secret"],
    ] {
        let done = login(home.path(), answers);
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(!home.path().join(".paradime/credentials").exists());
    }
}

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

/// The headers that the command sends in a home, with these arguments besides.
fn sent_headers(home: &Path, endpoint_of: impl FnOnce(String) -> Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/graphql", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece).unwrap();
            assert_ne!(length, 0, "the request breaks off");
            request.extend_from_slice(&piece[..length]);
        }
        let refusal = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(refusal.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    let more = endpoint_of(endpoint);
    let arguments: Vec<_> = ["get", "abc"]
        .into_iter()
        .chain(more.iter().map(String::as_str))
        .collect();
    let done = run(at_home(home), &arguments);
    assert_eq!(done.code(), 3, "{}", done.stderr);
    server.join().unwrap()
}

/// A home with this credentials file.
fn home_with(text: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".paradime")).unwrap();
    let file = home.path().join(".paradime/credentials");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    home
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
fn login_is_no_json() {
    for format in ["json", "jsonl"] {
        let done = run_with_input(bare(), &["login", "--output", format], "secret\n");
        assert_eq!(done.code(), 2, "{}", done.stderr);
        let error: serde_json::Value = serde_json::from_str(&done.stderr).unwrap();
        assert_eq!(error["kind"], "usage", "{error}");
    }
}

#[test]
fn login_finds_out_that_nothing_can_be_written_before_it_asks() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("file"), "").unwrap();
    fs::create_dir(home.path().join("folder")).unwrap();
    for path in ["file/credentials", "folder"] {
        let path = home.path().join(path);
        let arguments = ["login", "--credentials-file", path.to_str().unwrap()];
        let done = run_with_input(at_home(home.path()), &arguments, "y\nsecret\n");
        assert_eq!(done.code(), 2, "{}", done.stderr);
        assert!(!done.stderr.contains("API secret"), "{}", done.stderr);
        assert!(done.stderr.contains("cannot write"), "{}", done.stderr);
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
}

#[test]
fn login_says_that_it_wrote_nothing_and_asks_each_question_on_a_line() {
    let home = home_with("API_KEY=old\n");
    let done = login(home.path(), &["n"]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(
        done.stderr.contains("nothing was written"),
        "{}",
        done.stderr
    );
    let done = login(home.path(), &["y", "secret", "key", "https://host/graphql"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let questions = ["[y/N]:", "API secret", "API key:", "API endpoint:"];
    for question in questions {
        let asked = |line: &&str| line.contains(question);
        let line = done.stderr.lines().find(asked).unwrap();
        let others = questions.iter().filter(|other| line.contains(**other));
        assert_eq!(others.count(), 1, "{line}");
    }
}

#[test]
fn login_leaves_a_signal_ignored_that_its_parent_ignores() {
    let home = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_dinoai");
    shell.args(["-c", "trap '' INT TERM HUP; exec \"$0\" login", program]);
    shell.env_clear().env("HOME", home.path());
    shell.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    let mut asked = vec![];
    let mut stderr = child.stderr.take().unwrap();
    while !String::from_utf8_lossy(&asked).contains("API secret") {
        let mut piece = [0; 256];
        let length = stderr.read(&mut piece).unwrap();
        assert_ne!(length, 0, "it has ended");
        asked.extend_from_slice(&piece[..length]);
    }
    let id = Pid::from_child(&child);
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        kill_process(id, signal).unwrap();
    }
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(b"secret\nkey\nhttps://host/graphql\n")
        .unwrap();
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(home.path().join(".paradime/credentials").exists());
}

#[test]
fn login_puts_quotes_around_what_would_read_back_changed() {
    for secret in ["a #b", "'a'", "\"a\\", "a'b #c\"d\\", "'"] {
        let home = tempfile::tempdir().unwrap();
        let headers = sent_headers(home.path(), |endpoint| {
            let done = login(home.path(), &[secret, "key", &endpoint]);
            assert_eq!(done.code(), 0, "{}", done.stderr);
            vec![]
        });
        let expected = format!("x-api-secret: {secret}\r\n");
        assert!(headers.contains(&expected), "{headers}");
    }
}

#[test]
fn login_refuses_what_no_file_can_hold_and_leaves_the_old_one() {
    let home = home_with("API_KEY=old\n");
    let done = login(
        home.path(),
        &["y", "canary${HOME}", "key", "https://host/graphql"],
    );
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("API_SECRET"), "{}", done.stderr);
    assert!(!done.stderr.contains("canary"), "{}", done.stderr);
    let folder = home.path().join(".paradime");
    assert_eq!(
        fs::read_to_string(folder.join("credentials")).unwrap(),
        "API_KEY=old\n"
    );
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
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
