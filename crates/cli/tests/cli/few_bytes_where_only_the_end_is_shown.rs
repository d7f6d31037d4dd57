//! Where nothing of a conversation is shown before the end, a command polls the status alone, and reads the
//! transcript once.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dinoai_emulator::{Emulator, Scenario, Stage, Step};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::program::{Done, dinoai, run};
use crate::support::runs::wait_until;

const FAST: [&str; 2] = ["--poll-interval", "5ms"];

const SEND: &str = "SendDinoaiAgentMessage";
const STATUS: &str = "DinoaiAgentRunStatus";
const DIGEST: &str = "DinoaiAgentRunDigest";
const RUN: &str = "DinoaiAgentRun";
const TRIGGER: &str = "TriggerDinoaiAgentRun";

/// Twelve messages of 500 bytes, each of which some polls come after.
fn talkative() -> Vec<Stage> {
    let running = |number: usize| {
        let text = format!("{number} ").repeat(250);
        let stage = Stage::new("RUNNING").reads(3).step(Step::tool("read_file"));
        stage.message("assistant", text)
    };
    let end = Stage::new("COMPLETED").message("assistant", "All well.");
    (0..12).map(running).chain([end]).collect()
}

fn emulator() -> Emulator {
    let scenario = talkative()
        .into_iter()
        .fold(Scenario::new(), Scenario::stage);
    let scenario = scenario.follow_up(talkative()).follow_up(talkative());
    let emulator = Emulator::builder().default_scenario(scenario);
    emulator.start_blocking().unwrap()
}

/// How often each of the operations has been asked for, in this order.
fn asked(emulator: &Emulator) -> [usize; 5] {
    let requests = emulator.requests();
    let names = requests
        .iter()
        .filter_map(|it| it.operation_name.as_deref());
    [TRIGGER, SEND, STATUS, DIGEST, RUN]
        .map(|operation| names.clone().filter(|name| *name == operation).count())
}

/// Stands between the command and the emulator, and counts the bytes of responses.
struct Relay {
    port: u16,
    bytes: Arc<AtomicUsize>,
}

impl Relay {
    fn to(emulator: &Emulator) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (bytes, address) = (Arc::new(AtomicUsize::new(0)), emulator.address());
        let counted = Arc::clone(&bytes);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(address).unwrap());
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || copied(from, to, &AtomicUsize::new(0)));
                let counted = Arc::clone(&counted);
                thread::spawn(move || copied(server, client, &counted));
            }
        });
        Self { port, bytes }
    }

    /// The command, with the relay in the emulator's place.
    fn dinoai(&self, emulator: &Emulator) -> Command {
        let port = emulator.address().port().to_string();
        let endpoint = emulator.endpoint().replace(&port, &self.port.to_string());
        let mut command = dinoai(emulator);
        command.env("PARADIME_API_ENDPOINT", endpoint);
        command
    }

    fn take_bytes(&self) -> usize {
        self.bytes.swap(0, Ordering::SeqCst)
    }
}

/// Copies what comes until nothing does. The count is right before it is passed on.
fn copied(mut from: TcpStream, mut to: TcpStream, counted: &AtomicUsize) {
    let mut piece = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        counted.fetch_add(length, Ordering::SeqCst);
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
fn a_run_takes_the_requests_and_the_bytes_of_a_wait() {
    let emulator = emulator();
    let relay = Relay::to(&emulator);
    let call = |arguments: &[&str]| {
        let arguments = [arguments, &FAST].concat();
        let done = run(relay.dinoai(&emulator), &arguments);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        (done, relay.take_bytes())
    };
    let mut detach = relay.dinoai(&emulator);
    let done = run(
        {
            detach.args(["run", "agent", "--detach"]);
            detach
        },
        &[],
    );
    let (_, wait) = call(&["wait", done.stdout.trim(), "--output", "json"]);
    emulator.clear_requests();
    let (done, json) = call(&["run", "agent", "--output", "json"]);
    // Of 36 reads of stages that last three, the last one is one of the end.
    assert_eq!(asked(&emulator), [1, 0, 37, 0, 1]);
    let document = done.json();
    assert_eq!(document["messages"].as_array().unwrap().len(), 13);
    emulator.clear_requests();
    let (done, text) = call(&["run", "agent"]);
    assert_eq!(asked(&emulator), [1, 0, 37, 0, 1]);
    assert!(done.stderr.contains("status RUNNING\nstatus COMPLETED"));
    let (_, live) = call(&["run", "agent", "--output", "jsonl"]);
    let (followed, _) = call(&["run", "agent", "--steps"]);
    assert_eq!(
        done.stdout, followed.stdout,
        "whoever looks on sees the same"
    );
    println!("a wait {wait}, as JSON {json}, as text {text}, followed {live}");
    for bytes in [json, text] {
        assert!(bytes < wait / 10 * 12, "{bytes} bytes, a wait {wait}");
        // Whose reads let the run end sooner.
        assert!(bytes * 4 < live, "{bytes} bytes, followed {live}");
    }
}

#[test]
fn a_follow_up_is_polled_by_digests_until_its_turn_shows_and_by_status_then() {
    let emulator = emulator();
    let done = run(
        dinoai(&emulator),
        &[&["run", "agent", "-q", "--output", "json"][..], &FAST].concat(),
    );
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let id = emulator.runs()[0].session_id.clone();
    let send = ["send", &id, "-m", "and?"];
    for more in [&["--output", "json"][..], &[]] {
        emulator.clear_requests();
        let done = run(dinoai(&emulator), &[&send[..], more, &FAST].concat());
        assert_eq!(done.code(), 0, "{}", done.stderr);
        let [_, sent, statuses, digests, runs] = asked(&emulator);
        // A digest before it is sent, one that shows the turn.
        assert_eq!((sent, digests, runs), (1, 2, 1));
        assert!(statuses > 20, "{statuses}");
    }
}

#[test]
fn who_looks_on_gets_each_message_as_it_comes() {
    let emulator = emulator();
    for more in [&["--steps"][..], &["--output", "jsonl"]] {
        emulator.clear_requests();
        let done = run(
            dinoai(&emulator),
            &[&["run", "agent"][..], more, &FAST].concat(),
        );
        assert_eq!(done.code(), 0, "{}", done.stderr);
        let [.., statuses, digests, runs] = asked(&emulator);
        assert_eq!((statuses, runs), (0, 13), "{more:?}");
        assert!(digests >= 13, "{digests}");
    }
    let id = emulator.runs()[0].session_id.clone();
    emulator.clear_requests();
    run(dinoai(&emulator), &["watch", &id]);
    assert_eq!(asked(&emulator)[2..], [0, 1, 1]);
}

/// An emulator whose runs say something, start another run, and never end.
fn endless() -> Emulator {
    let stage = |text: &str| {
        Stage::new("RUNNING")
            .reads(u64::MAX)
            .message("assistant", text)
    };
    let scenario = Scenario::new().stage(stage("At work.").child("helper"));
    let scenario = scenario.follow_up([stage("At it.")]);
    let emulator = Emulator::builder().default_scenario(scenario);
    emulator.start_blocking().unwrap()
}

/// What a command that is ended by this writes: as JSON, which says so of the run, and as text.
fn assert_unfinished(
    command: &str,
    exit: i32,
    status: &str,
    end: impl Fn(&Emulator, &[&str]) -> Done,
) {
    let [json, text] = ["json", "text"].map(|format| {
        let emulator = endless();
        let id = match command {
            "send" => run(dinoai(&emulator), &["run", "agent", "--detach"]).stdout,
            _ => "agent".to_owned(),
        };
        let arguments = [command, id.trim(), "-m", "and?", "--output", format];
        let done = end(&emulator, &[&arguments[..], &FAST].concat());
        assert_eq!(done.code(), exit, "{}", done.stderr);
        done
    });
    // The other run of a follow-up is one of the turn before.
    let (said, children) = match command {
        "send" => ("At it.", 0),
        _ => ("At work.", 1),
    };
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["status"], status, "{command} {document}");
    let messages = document["messages"].as_array().unwrap().iter();
    let texts: Vec<_> = messages.map(|it| it["content"].as_str().unwrap()).collect();
    assert_eq!(texts, ["and?", said], "{command}");
    let named = document["childSessionIds"].as_array().unwrap().len();
    assert_eq!(named, children, "{command} {document}");
    assert_eq!(text.stdout, format!("{said}\n"), "{command}");
}

#[test]
fn a_command_that_ends_before_its_run_reads_what_has_been_said() {
    for (command, what, status) in [
        ("run", "leave", "RUNNING"),
        ("run", "stop", "STOPPED"),
        ("send", "leave", "RUNNING"),
        ("send", "stop", "STOPPED"),
    ] {
        assert_unfinished(command, 4, status, |emulator, arguments| {
            let timeout = ["--timeout", "700ms", "--on-timeout", what];
            run(dinoai(emulator), &[arguments, &timeout].concat())
        });
        assert_unfinished(command, 130, status, |emulator, arguments| {
            let mut command = dinoai(emulator);
            let child = command.args(arguments).args(["--on-interrupt", what]);
            let child = child.spawn().unwrap();
            wait_until("it is polled", || asked(emulator)[2] > 2);
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
            Done::of(child)
        });
    }
}
