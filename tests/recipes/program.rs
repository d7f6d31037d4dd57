//! An example as a program: what it prints, line by line, how it is stopped, and how it ends.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use dinoai_emulator::Emulator;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long a test waits for what has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The command for an example that talks to `emulator`.
///
/// Cargo builds the examples for `cargo test` and `cargo nextest run`, but not where targets are
/// chosen: there, build them first, also after each change.
pub(crate) fn example(name: &str, emulator: &Emulator) -> Command {
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("examples");
    let path = built.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is missing: run `cargo build --examples` first",
        path.display()
    );
    let mut command = Command::new(path);
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("PARADIME_") || name.starts_with("GITHUB_") {
            command.env_remove(&variable);
        }
    }
    command
        .env("PARADIME_API_ENDPOINT", emulator.endpoint())
        .env("PARADIME_API_KEY", emulator.key())
        .env("PARADIME_API_SECRET", emulator.secret())
        .env("NO_PROXY", "127.0.0.1");
    command
}

/// A started example, killed if a test fails before it has ended.
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    lines: UnboundedReceiver<String>,
    printed: Vec<String>,
}

impl Program {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self {
            input: child.stdin.take(),
            child,
            lines,
            printed: vec![],
        }
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
    }

    /// Waits for a line that contains `text`.
    pub(crate) async fn line_with(&mut self, text: &str) -> String {
        while let Some(line) = self.next_line().await {
            if line.contains(text) {
                return line;
            }
        }
        panic!("it ended without {text:?}; it printed {:#?}", self.printed);
    }

    /// The exit status and all lines of standard output, once it has ended by itself. Its standard
    /// input ends here.
    pub(crate) async fn end(mut self) -> (ExitStatus, Vec<String>) {
        drop(self.input.take());
        while self.next_line().await.is_some() {}
        let status = self.child.wait().unwrap();
        (status, std::mem::take(&mut self.printed))
    }

    /// Kills it where it stands. Returns what it had printed.
    pub(crate) async fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        while self.next_line().await.is_some() {}
        let status = self.child.wait().unwrap();
        assert!(!status.success(), "it had ended before it was killed");
        std::mem::take(&mut self.printed)
    }

    /// What a terminal does on Ctrl-C.
    #[cfg(unix)]
    pub(crate) fn press_ctrl_c(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "INT", &id]).status();
        assert!(sent.unwrap().success());
    }

    async fn next_line(&mut self) -> Option<String> {
        let Ok(line) = tokio::time::timeout(PATIENCE, self.lines.recv()).await else {
            panic!("it hangs; it printed {:#?}", self.printed);
        };
        self.printed.extend(line.clone());
        line
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds that other threads bring about.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let looked = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, looked).await.is_ok(),
        "not seen: {what}"
    );
}
