//! `dinoai mcp`: an assistant starts a run once, waits for it and reads it, and nothing that it or a server
//! sends does more than that.

mod arguments_are_checked;
mod bounds;
mod conversations;
mod ends_and_leaves_runs;
mod malformed_input;
mod one_run_a_key;
mod recorded_ends;
mod runs_at_once;

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use dinoai_emulator::{Builder, Emulator, Quirks, Scenario, Stage};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::program::{Done, dinoai, run};

const KEY: &str = "nightly/2026-11-25";
const TRIGGER: &str = "triggerDinoaiAgentRun";
const SEND: &str = "sendDinoaiAgentMessage";

/// An emulator, and a journal of its own for the command.
struct Bench {
    emulator: Emulator,
    folder: TempDir,
}

impl Bench {
    /// Runs take a minute of the emulator's time, which stands still until a test moves it. So do the
    /// turns of follow-ups.
    fn start() -> Self {
        Self::with_quirks(Quirks::new())
    }

    fn with_quirks(quirks: Quirks) -> Self {
        let minute = || Stage::new("RUNNING").lasts(Duration::from_secs(60));
        let scenario = Scenario::new()
            .stage(minute())
            .stage(Stage::new("COMPLETED").message("agent", "All well."))
            .follow_up([
                minute(),
                Stage::new("COMPLETED").message("agent", "Also well."),
            ]);
        let emulator = Emulator::builder().stopped_clock().quirks(quirks);
        Self::of(emulator.default_scenario(scenario))
    }

    fn of(emulator: Builder) -> Self {
        Self {
            emulator: emulator.start_blocking().unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn command(&self) -> Command {
        let mut command = dinoai(&self.emulator);
        command.env("DINOAI_JOURNAL", self.folder.path().join("runs.jsonl"));
        command
    }

    /// Another command with the same journal.
    fn run(&self, arguments: &[&str]) -> Done {
        run(self.command(), arguments)
    }

    fn assistant(&self) -> Assistant {
        self.assistant_with(&["--allow-start"])
    }

    fn assistant_with(&self, options: &[&str]) -> Assistant {
        let mut assistant = Assistant::start(self.command(), options);
        let emulator = &self.emulator;
        let secrets = [emulator.key(), emulator.secret(), "demo-company"];
        assistant.secrets = secrets.map(str::to_owned).to_vec();
        assistant
    }

    fn end_stage(&self) {
        self.emulator.advance(Duration::from_secs(61));
    }

    /// How many requests with this field have arrived.
    fn requests(&self, field: &str) -> usize {
        let requests = self.emulator.requests();
        let with_it = requests.iter().filter(|it| it.query.contains(field));
        with_it.count()
    }

    fn polls(&self) -> usize {
        self.requests("dinoaiAgentRun")
    }
}

/// What an assistant has of the command: two pipes.
struct Assistant {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    last_id: u64,
    /// The replies that nobody has asked for yet.
    replies: BTreeMap<u64, Value>,
    /// Those to requests without a number, in their order.
    unnumbered: VecDeque<Value>,
    /// All that was read.
    stdout: String,
    /// What must not be in anything that is read.
    secrets: Vec<String>,
}

impl Assistant {
    /// Starts it, and shakes hands.
    fn start(command: Command, options: &[&str]) -> Self {
        let mut assistant = Self::start_silent(command, options);
        let hello = json!({
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let hello = assistant.request("initialize", hello);
        let name = &assistant.reply(hello)["result"]["serverInfo"]["name"];
        assert_eq!(name, "dinoai");
        assistant.notify("notifications/initialized", json!({}));
        assistant
    }

    fn start_silent(mut command: Command, options: &[&str]) -> Self {
        command.arg("mcp").args(options).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .all(|line| sender.send(line).is_ok())
        });
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
            last_id: 0,
            replies: BTreeMap::new(),
            unnumbered: VecDeque::new(),
            stdout: String::new(),
            secrets: vec![],
        }
    }

    fn write(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
    }

    fn notify(&mut self, method: &str, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.write(&message.to_string());
    }

    /// Sends a request, and returns its id.
    fn request(&mut self, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.write(&message.to_string());
        id
    }

    fn request_tool(&mut self, name: &str, arguments: Value) -> u64 {
        self.request(
            "tools/call",
            json!({ "name": name, "arguments": arguments }),
        )
    }

    /// The reply to a request.
    fn reply(&mut self, id: u64) -> Value {
        loop {
            if let Some(reply) = self.replies.remove(&id) {
                return reply;
            }
            self.take_next(&format!("request {id}"));
        }
    }

    /// The next reply to what has no number.
    fn unnumbered_reply(&mut self, to: &str) -> Value {
        loop {
            if let Some(reply) = self.unnumbered.pop_front() {
                return reply;
            }
            self.take_next(to);
        }
    }

    fn take_next(&mut self, awaited: &str) {
        let line = self.lines.recv_timeout(Duration::from_secs(30));
        assert!(line.is_ok(), "no reply to {awaited}");
        self.take(&line.unwrap());
    }

    fn take(&mut self, line: &str) {
        self.stdout += line;
        self.stdout.push('\n');
        let reply: Value = serde_json::from_str(line).unwrap();
        assert!(reply.get("id").is_some(), "no reply to anything: {line}");
        match reply["id"].as_u64() {
            Some(id) => drop(self.replies.insert(id, reply)),
            None => self.unnumbered.push_back(reply),
        }
    }

    /// Calls a tool, which has to succeed.
    fn tool(&mut self, name: &str, arguments: Value) -> Value {
        let id = self.request_tool(name, arguments);
        self.result(id)
    }

    fn result(&mut self, id: u64) -> Value {
        let reply = self.reply(id);
        let result = &reply["result"];
        assert_eq!(result["isError"], false, "{reply}");
        let text = result["content"][0]["text"].as_str().unwrap();
        let data = &result["structuredContent"];
        assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), data);
        data.clone()
    }

    /// Calls a tool, which has to fail, and returns what it says.
    fn problem(&mut self, name: &str, arguments: Value) -> String {
        let id = self.request_tool(name, arguments);
        let reply = self.reply(id);
        let result = &reply["result"];
        assert_eq!(result["isError"], true, "{reply}");
        assert_eq!(result["structuredContent"], Value::Null, "{reply}");
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }

    /// Starts a run, and returns its session id.
    fn started(&mut self, key: &str) -> String {
        let started = self.tool("start_agent", json!({ "key": key, "agent": "agent" }));
        started["session_id"].as_str().unwrap().to_owned()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        let id = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// How it ended, once standard input is closed.
    fn end(mut self) -> Done {
        self.stdin = None;
        self.end_at_a_signal()
    }

    /// How it ended by itself.
    fn end_at_a_signal(mut self) -> Done {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(30)) {
            self.take(&line);
        }
        let done = Done {
            stdout: self.stdout,
            ..Done::of(self.child)
        };
        assert!(self.unnumbered.is_empty(), "{:?}", self.unnumbered);
        for secret in &self.secrets {
            assert!(!done.stdout.contains(secret), "{}", done.stdout);
            assert!(!done.stderr.contains(secret), "{}", done.stderr);
        }
        done
    }
}
