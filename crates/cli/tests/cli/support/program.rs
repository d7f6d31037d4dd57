//! The program under test: how it is started, and how what it did is shown in snapshots.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use dinoai_emulator::Emulator;
use serde_json::Value;

/// The program, with the emulator's account in its environment and nothing else of ours.
pub(crate) fn dinoai(emulator: &Emulator) -> Command {
    let mut command = bare();
    command
        .env("PARADIME_API_ENDPOINT", emulator.endpoint())
        .env("PARADIME_API_KEY", emulator.key())
        .env("PARADIME_API_SECRET", emulator.secret());
    command
}

/// The program without an account.
pub(crate) fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dinoai"));
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("DINOAI_JOURNAL", journal())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A journal of this test process.
fn journal() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    folder.join(format!("journal-{}.jsonl", std::process::id()))
}

/// What the program did.
pub(crate) struct Done {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    pub(crate) fn of(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        Self {
            status: output.status,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// The JSON document that it wrote.
    pub(crate) fn json(&self) -> Value {
        let document = serde_json::from_str(&self.stdout);
        assert!(document.is_ok(), "{document:?}: {}", self.shown());
        document.unwrap()
    }

    /// The command that it says to resume with.
    pub(crate) fn hint(&self) -> &str {
        let hint = self
            .stderr
            .lines()
            .find_map(|line| line.split_once("to resume: "));
        assert!(hint.is_some(), "{}", self.stderr);
        hint.unwrap().1
    }

    /// All of it, for a snapshot.
    pub(crate) fn shown(&self) -> String {
        format!(
            "exit status {}\n--- stdout\n{}--- stderr\n{}",
            self.code(),
            self.stdout,
            self.stderr
        )
    }
}

/// Runs it with these arguments.
pub(crate) fn run(mut command: Command, arguments: &[&str]) -> Done {
    Done::of(command.args(arguments).spawn().unwrap())
}

/// Runs it with these arguments and this text on standard input.
pub(crate) fn run_with_input(mut command: Command, arguments: &[&str], input: &str) -> Done {
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that leaves it alone may have ended before.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    Done::of(child)
}

/// Makes what differs between two runs of a test the same in its snapshots.
pub(crate) fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    // All in one folder, wherever their tests are: the schema is held to all of them.
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/snapshots"));
    settings.add_filter(r"\b[a-z0-9]{16}\b", "[session]");
    settings.add_filter(r"\b\d{10}\.\d+", "[ts]");
    settings.add_filter(r"\b20\d\d-\d\d-\d\dT[\d:.]+Z", "[time]");
    settings.add_filter(r#""ageSeconds":( ?)\d+"#, "\"ageSeconds\":${1}1");
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:[port]");
    settings.add_filter(r"(connected to [^ ]+) in [^,]+", "$1 in [time]");
    settings.add_filter(r"\b[\d.]+m?s and \d+ polls?", "[time] and [n] polls");
    // A poll that the end of the timeout has cut off.
    settings.add_filter(
        r" was ([A-Z]+) when it was last read; gave up ([^;]*; the last poll failed: [^;]*; check the network, then call again; the run was stopped)",
        " was still $1 $2",
    );
    settings.add_filter(
        r" was ([A-Z]+) when it was last read; gave up ([^;]*; the last poll failed: [^;]*; check the network, then call again)",
        " is still $1 $2",
    );
    settings.add_filter(
        r"; the last poll failed: [^;]*; check the network, then call again",
        "",
    );
    settings.add_filter(r"(?m)[ \t]+$", "");
    settings
}

/// Holds what the program did against the snapshot of this name.
macro_rules! assert_done {
    ($name:expr, $done:expr) => {
        $crate::support::program::settings().bind(|| insta::assert_snapshot!($name, $done.shown()))
    };
}
pub(crate) use assert_done;
