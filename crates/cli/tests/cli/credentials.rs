//! Where credentials come from, and who gets to see them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use dinoai_emulator::Emulator;

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
            done.stderr.contains("others can read"),
            warns,
            "{mode:o} {}",
            done.stderr
        );
    }
    assert_eq!(emulator.runs().len(), 4);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(bare(), &["completions", shell]).stdout;
        assert!(
            script.contains("batch") && script.contains("poll-interval"),
            "{shell}"
        );
    }
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
