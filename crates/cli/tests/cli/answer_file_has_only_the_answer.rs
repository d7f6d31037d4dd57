//! `--answer-file` gets the final answer and nothing else, or is not there.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use dinoai_emulator::{Emulator, Scenario, Stage};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::program::{Done, dinoai, run};
use crate::support::runs::wait_until;

const FAST: [&str; 2] = ["--poll-interval", "5ms"];
const MINUTE: Duration = Duration::from_secs(60);

/// What no terminal is sent: a file gets it as it is.
const ANSWER: &str = "# All **well**\r\n\n\u{1b}[31mred\u{202e}\n\n| a |\n";

fn emulator() -> Emulator {
    let scenario = Scenario::new()
        .stage(Stage::new("RUNNING"))
        .message("assistant", "I look at it.")
        .stage(Stage::new("COMPLETED"))
        .message("assistant", ANSWER);
    Emulator::builder()
        .default_scenario(scenario)
        .scenario("broken", Scenario::failed())
        .scenario("endless", Scenario::new().stage(in_progress(u64::MAX)))
        .scenario("silent", Scenario::new().stage(Stage::new("COMPLETED")))
        .start_blocking()
        .unwrap()
}

fn in_progress(reads: u64) -> Stage {
    Stage::new("RUNNING").reads(reads)
}

/// A folder with an answer of an earlier run in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path(), "of an earlier run").unwrap();
        folder
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("answer.md")
    }

    fn name(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    /// The names of all that is in it.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }
}

fn answered(emulator: &Emulator, arguments: &[&str], file: &str) -> Done {
    let more = ["--answer-file", file];
    run(dinoai(emulator), &[arguments, &more, &FAST].concat())
}

#[test]
fn it_is_the_agents_last_message_and_nothing_else_in_every_format() {
    for format in ["text", "json", "jsonl"] {
        let (emulator, folder) = (emulator(), Folder::new());
        let plain = ["run", "a", "--output", format];
        let done = answered(&emulator, &plain, &folder.name());
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert_eq!(fs::read_to_string(folder.path()).unwrap(), ANSWER);
        assert_eq!(folder.names(), ["answer.md"]);
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // Standard output is what it is without it.
        assert!(done.stdout.contains("I look at it."), "{}", done.stdout);
    }
}

#[test]
fn a_follow_up_and_a_run_that_is_watched_have_one_too() {
    let (emulator, folder) = (emulator(), Folder::new());
    run(dinoai(&emulator), &[&["run", "a"][..], &FAST].concat());
    let id = emulator.runs()[0].session_id.clone();
    let done = answered(&emulator, &["watch", &id], &folder.name());
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(fs::read_to_string(folder.path()).unwrap(), ANSWER);
    let done = answered(&emulator, &["send", &id, "-m", "and?"], &folder.name());
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let answer = fs::read_to_string(folder.path()).unwrap();
    assert_eq!(answer, "Done: this answers follow-up 1.");
}

#[test]
fn without_an_answer_there_is_no_file_that_could_be_taken_for_one() {
    let stop = ["--timeout", "300ms"];
    for (arguments, exit) in [
        (&["run", "broken"][..], 1),
        (&[&["run", "endless"][..], &stop].concat(), 4),
        (&["run", "silent"], 5),
    ] {
        let (emulator, folder) = (emulator(), Folder::new());
        let done = answered(&emulator, arguments, &folder.name());
        assert_eq!(done.code(), exit, "{}", done.stderr);
        assert_eq!(folder.names(), Vec::<String>::new());
        let id = &emulator.runs()[0].session_id;
        assert!(done.stderr.contains(id.as_str()), "{}", done.stderr);
    }
}

#[test]
fn an_interrupted_run_leaves_none() {
    let (emulator, folder) = (emulator(), Folder::new());
    let mut command = dinoai(&emulator);
    command.args(["run", "endless", "--answer-file", &folder.name()]);
    let child = command.spawn().unwrap();
    wait_until("it has started", || !emulator.runs().is_empty());
    assert_eq!(folder.names(), Vec::<String>::new());
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let done = Done::of(child);
    assert_eq!(done.code(), 130, "{}", done.stderr);
    assert_eq!(folder.names(), Vec::<String>::new());
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_sent() {
    let folder = Folder::new();
    let pipe = folder.0.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
    let below = folder.path().join("answer.md");
    let missing = folder.0.path().join("missing").join("answer.md");
    let up = folder.0.path().join("missing").join("..");
    for (name, problem) in [
        (Path::new("-"), "name a file"),
        (Path::new("/dev/null"), "not a regular file"),
        (folder.0.path(), "not a regular file"),
        (&pipe, "not a regular file"),
        (&missing, "cannot create a file there"),
        (&below, "Not a directory"),
        (Path::new("/proc/answer.md"), "cannot create a file there"),
        (&up, "not the name of a file"),
        (Path::new(".."), "not a regular file"),
    ] {
        let emulator = emulator();
        for command in [
            &["run", "a"][..],
            &["send", "x", "-m", "m"],
            &["watch", "x"],
        ] {
            let done = answered(&emulator, command, name.to_str().unwrap());
            assert_eq!(done.code(), 2, "{name:?} {}", done.stderr);
            assert!(done.stderr.contains("--answer-file"), "{}", done.stderr);
            assert!(done.stderr.contains(problem), "{}", done.stderr);
        }
        assert_eq!(emulator.requests().len(), 0, "{name:?}");
    }
    let left = fs::read_to_string(folder.path()).unwrap();
    assert_eq!(left, "of an earlier run");
    let done = answered(&emulator(), &["run", "a", "--detach"], &folder.name());
    assert_eq!(done.code(), 2, "{}", done.stderr);
}

#[test]
fn a_name_that_is_no_files_is_refused_before_anything_is_sent() {
    let (emulator, folder) = (emulator(), Folder::new());
    for name in ["nosuch/", "nosuch/.", "nosuch/..", ".", "..", ""] {
        let mut command = dinoai(&emulator);
        command.current_dir(folder.0.path());
        let done = run(command, &["run", "a", "--answer-file", name]);
        assert_eq!(done.code(), 2, "{name:?} {}", done.stderr);
    }
    let link = folder.0.path().join("link");
    symlink("nosuch/", &link).unwrap();
    let done = answered(&emulator, &["run", "a"], link.to_str().unwrap());
    assert_eq!(done.code(), 2, "{}", done.stderr);
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o444)).unwrap();
    let done = answered(&emulator, &["run", "a"], &folder.name());
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.contains("read-only"), "{}", done.stderr);
    let left = fs::read_to_string(folder.path()).unwrap();
    assert_eq!(left, "of an earlier run");
    assert_eq!(emulator.requests().len(), 0);
}

#[test]
fn a_file_that_the_command_uses_is_refused_and_left() {
    let (emulator, folder) = (emulator(), Folder::new());
    let home = folder.0.path().join(".paradime");
    fs::create_dir(&home).unwrap();
    let credentials = home.join("credentials");
    fs::write(&credentials, "API_KEY=k\n").unwrap();
    let other = folder.0.path().join("prod.cred");
    fs::hard_link(&credentials, &other).unwrap();
    let name = folder.name();
    let message = ["run", "a", "--message-file", &name];
    let given = ["watch", "x", "--credentials-file", other.to_str().unwrap()];
    let plain = ["run", "a"];
    let piped = ["run", "-m", "-"];
    let open = || OpenOptions::new().append(true).open(&name).unwrap();
    let read = || File::open(&name).unwrap();
    let nothing = Stdio::null;
    for (arguments, file, streams, problem) in [
        (
            &message[..],
            folder.path(),
            [nothing(), nothing()],
            "the message's file",
        ),
        (
            &given,
            credentials.clone(),
            [nothing(), nothing()],
            "credentials",
        ),
        (&plain, other.clone(), [nothing(), nothing()], "credentials"),
        (&plain, credentials, [nothing(), nothing()], "credentials"),
        (
            &plain,
            folder.path(),
            [nothing(), open().into()],
            "standard output",
        ),
        (
            &plain,
            "/dev/stdout".into(),
            [nothing(), open().into()],
            "standard output",
        ),
        (
            &piped,
            folder.path(),
            [read().into(), nothing()],
            "standard input",
        ),
    ] {
        // What /dev/stdout is here is not what it is there.
        let left = match file.starts_with("/dev") {
            true => folder.path(),
            false => file.clone(),
        };
        let before = fs::read_to_string(&left).unwrap();
        let [stdin, stdout] = streams;
        let mut command = dinoai(&emulator);
        command.env("HOME", folder.0.path());
        command.args(arguments).arg("--answer-file").arg(&file);
        let child = command.stdin(stdin).stdout(stdout).spawn().unwrap();
        let done = Done::of(child);
        assert_eq!(done.code(), 2, "{problem} {}", done.stderr);
        assert!(done.stderr.contains(problem), "{problem} {}", done.stderr);
        let after = fs::read_to_string(&left).unwrap();
        assert_eq!(after, before, "{problem}");
    }
    // What the command writes itself, whether or not it is there before.
    let github = ["--output", "github"];
    let (there, new) = (folder.path(), folder.0.path().join("new"));
    let linked = folder.0.path().join("linked");
    symlink(&new, &linked).unwrap();
    for (file, own) in [(&there, &there), (&new, &new), (&linked, &new)] {
        let own = own.to_str().unwrap();
        for (options, variable, what) in [
            (&["--journal", own][..], "UNUSED", "the journal"),
            (&[], "DINOAI_JOURNAL", "the journal"),
            (&github, "GITHUB_OUTPUT", "the file of GITHUB_OUTPUT"),
            (
                &github,
                "GITHUB_STEP_SUMMARY",
                "the file of GITHUB_STEP_SUMMARY",
            ),
        ] {
            let mut command = dinoai(&emulator);
            command.env(variable, own).args(["run", "a"]).args(options);
            let done = Done::of(command.arg("--answer-file").arg(file).spawn().unwrap());
            assert_eq!(done.code(), 2, "{what} {}", done.stderr);
            let said = format!("this is also {what}; name another file");
            assert!(done.stderr.contains(&said), "{what} {}", done.stderr);
            assert!(!new.exists());
        }
    }
    let text = fs::read_to_string(&there).unwrap();
    assert_eq!(text, "of an earlier run");
    let mut command = dinoai(&emulator);
    command.args(["run", "a", "--answer-file", &name]);
    let done = Done::of(command.stderr(open()).spawn().unwrap());
    assert_eq!(done.code(), 2);
    let text = fs::read_to_string(&name).unwrap();
    assert!(text.starts_with("of an earlier run"), "{text}");
    assert!(text.contains("this is also standard error"), "{text}");
    assert_eq!(emulator.requests().len(), 0);
}

#[test]
fn what_is_refused_for_another_reason_leaves_the_answer_that_is_there() {
    let (emulator, folder) = (emulator(), Folder::new());
    let mut command = dinoai(&emulator);
    command.env_remove("PARADIME_API_SECRET");
    let done = run(command, &["run", "a", "--answer-file", &folder.name()]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    let left = fs::read_to_string(folder.path()).unwrap();
    assert_eq!(left, "of an earlier run");
}

#[test]
fn a_link_to_a_file_that_is_not_there_leads_to_the_file_that_is_made() {
    let (emulator, folder) = (emulator(), Folder::new());
    let below = folder.0.path().join("t");
    fs::create_dir(&below).unwrap();
    fs::write(below.join("target"), "of an earlier run").unwrap();
    let link = folder.0.path().join("link");
    symlink("t/next", &link).unwrap();
    symlink("target", below.join("next")).unwrap();
    let name = link.to_str().unwrap();
    let done = answered(&emulator, &["run", "broken"], name);
    assert_eq!(done.code(), 1, "{}", done.stderr);
    assert!(!below.join("target").exists());
    let done = answered(&emulator, &["run", "a"], name);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let answer = fs::read_to_string(below.join("target")).unwrap();
    assert_eq!(answer, ANSWER);
    for link in [link, below.join("next")] {
        assert!(fs::symlink_metadata(link).unwrap().is_symlink());
    }

    let sent = emulator.requests().len();
    let lost = folder.0.path().join("lost");
    symlink("nosuch/target", &lost).unwrap();
    let done = answered(&emulator, &["run", "a"], lost.to_str().unwrap());
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(fs::symlink_metadata(lost).unwrap().is_symlink());
    assert_eq!(emulator.requests().len(), sent);
}

#[test]
fn a_link_leads_to_the_file_that_is_written() {
    let (emulator, folder) = (emulator(), Folder::new());
    let link = folder.0.path().join("link");
    symlink("answer.md", &link).unwrap();
    let done = answered(&emulator, &["run", "a"], link.to_str().unwrap());
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(fs::read_to_string(folder.path()).unwrap(), ANSWER);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn where_standard_output_fails_too_both_are_said() {
    let (emulator, folder) = (emulator(), Folder::new());
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = dinoai(&emulator);
    command.args(["run", "silent", "--answer-file", &folder.name()]);
    let child = command.args(FAST).args(["--output", "json"]);
    let done = Done::of(child.stdout(full).spawn().unwrap());
    assert_eq!(done.code(), 5, "{}", done.stderr);
    for problem in ["No space left", "completed without an answer"] {
        assert!(done.stderr.contains(problem), "{}", done.stderr);
    }
}

#[test]
fn where_it_cannot_be_written_in_the_end_the_run_is_named_and_the_answer_printed() {
    for format in ["text", "json", "jsonl"] {
        let slow = Scenario::new()
            .stage(Stage::new("RUNNING").lasts(MINUTE))
            .stage(Stage::new("COMPLETED"))
            .message("assistant", "All well.");
        let emulator = Emulator::builder()
            .default_scenario(slow)
            .stopped_clock()
            .start_blocking()
            .unwrap();
        let folder = Folder::new();
        let mut command = dinoai(&emulator);
        command.args(["run", "a", "--answer-file", &folder.name()]);
        command.args(FAST).args(["--output", format]);
        let child = command.spawn().unwrap();
        wait_until("it has started", || !emulator.runs().is_empty());
        drop(folder);
        emulator.advance(MINUTE);
        let done = Done::of(child);
        assert_eq!(done.code(), 5, "{}", done.stderr);
        let id = &emulator.runs()[0].session_id;
        let hint = format!("to read it: dinoai get {id}");
        assert!(done.stderr.contains(&hint), "{}", done.stderr);
        assert!(done.stderr.contains("No such file"), "{}", done.stderr);
        assert!(done.stdout.contains("All well."), "{}", done.stdout);
    }
}
