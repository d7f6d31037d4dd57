//! A wait that is not on a terminal is never silent for long. To see this of every command takes
//! more than a minute, and is left out unless it is asked for: `.ci/long heartbeat`.

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};
use serde_json::Value;

use crate::schema_covers_all_json::assert_is;
use crate::support::program::{dinoai, run};
use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::{Folder, wait_until};

const PROMISED: Duration = Duration::from_secs(30);
const WATCHED: Duration = Duration::from_secs(75);
/// A little less than a trigger, or a follow-up, is given time for its answer.
const IN_FLIGHT: Duration = Duration::from_secs(55);
/// Longer than anything is watched.
const LATE: Duration = Duration::from_secs(120);

const TRIGGER: &str = "triggerDinoaiAgentRun";

/// An emulator whose runs go on for ever, and the id of one that somebody else has started.
fn begun() -> (Emulator, String) {
    let forever = || Stage::new("RUNNING").reads(u64::MAX);
    let emulator = Emulator::builder()
        .default_scenario(Scenario::new().stage(forever()).follow_up([forever()]))
        .start_blocking()
        .unwrap();
    run(dinoai(&emulator), &["run", "agent", "--detach"]);
    let id = emulator.runs()[0].session_id.clone();
    (emulator, id)
}

/// The same, if something happens to every request that has this name in it.
fn spoilt(fault: Fault, operation: &str) -> (Emulator, String) {
    let (emulator, id) = begun();
    emulator.add_fault(fault.always().on(operation)).unwrap();
    (emulator, id)
}

fn late(operation: &str) -> (Emulator, String) {
    spoilt(Fault::delay(LATE), operation)
}

/// The lines on standard error, each with the time at which it came, for so long.
fn said(mut command: Command, watched: Duration) -> Vec<(Duration, String)> {
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let reader = thread::spawn(move || {
        let lines = stderr.lines().map_while(Result::ok);
        lines.map(|line| (start.elapsed(), line)).collect()
    });
    thread::sleep(watched);
    let end = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let said: Vec<(Duration, String)> = reader.join().unwrap();
    assert_eq!(end, None, "it has ended: {said:?}");
    said
}

/// Asserts that a command, to whose arguments the run's id is added, is never silent for longer
/// than is promised, and says how its wait stands.
fn assert_says(
    (emulator, id): (Emulator, String),
    arguments: &[&str],
    watched: Duration,
    standing: &str,
) {
    let said = said(command(&emulator, &id, arguments), watched);
    assert_is_never_silent(&said, arguments, watched, standing);
}

/// A command, to whose arguments the run's id is added if it is about a run.
fn command(emulator: &Emulator, id: &str, arguments: &[&str]) -> Command {
    let mut command = dinoai(emulator);
    command.args(arguments);
    if !matches!(arguments[0], "run" | "batch" | "--agent") {
        command.arg(id);
    }
    command
}

fn assert_is_never_silent(
    said: &[(Duration, String)],
    arguments: &[&str],
    watched: Duration,
    standing: &str,
) {
    let mut before = Duration::ZERO;
    for after in said.iter().map(|(time, _)| *time).chain([watched]) {
        assert!(after - before <= PROMISED, "{arguments:?} {said:?}");
        before = after;
    }
    let is_beat = |line: &&String| line.contains("still waiting: ");
    let beats: Vec<_> = said.iter().map(|(_, line)| line).filter(is_beat).collect();
    assert!((1..=2).contains(&beats.len()), "{arguments:?} {said:?}");
    assert!(beats[0].contains(standing), "{arguments:?} {said:?}");
    for (_, line) in said {
        let is_json = serde_json::from_str::<Value>(line).is_ok();
        assert_eq!(is_json, arguments.contains(&"--output"), "{line}");
    }
}

/// What a conversation says into a pipe while a turn goes on, as [`said`] gives it.
fn said_in_a_turn(emulator: &Emulator, watched: Duration) -> Vec<(Duration, String)> {
    let folder = Folder::with("said", "");
    let variables = [("FILE", &*folder.name("said"))];
    let script = r#""$0" "$@" 2>&1 | cat >"$FILE""#;
    let mut terminal = Pseudo::shell(emulator, script, &["chat", "agent"], &variables);
    // The editor's.
    terminal.wait_for_new_settings();
    terminal.type_in("go\r");
    wait_until("it is sent", || emulator.runs().len() == 2);
    let start = Instant::now();
    let mut said: Vec<(Duration, String)> = vec![];
    while start.elapsed() < watched {
        let written = folder.read("said");
        let lines = written.split_inclusive('\n');
        let news = lines
            .filter_map(|line| line.strip_suffix('\n'))
            .skip(said.len());
        said.extend(news.map(|line| (start.elapsed(), line.to_owned())));
        thread::sleep(Duration::from_millis(50));
    }
    // The shell's end hangs the terminal up.
    terminal.terminate();
    terminal.end();
    said
}

/// E31: it waits for the line, for as long as is promised.
#[test]
fn a_run_without_news_says_within_30_s_that_it_goes_on() {
    let (emulator, _) = begun();
    // A command that stays silent ends all the same.
    let arguments = ["run", "agent", "--timeout", "45s", "--output", "jsonl"];
    let mut child = dinoai(&emulator).args(arguments).spawn().unwrap();
    let mut news = Instant::now();
    let mut said = vec![];
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        said.push(line.unwrap());
        assert_is("stderr", said.last().unwrap());
        if said.last().unwrap().contains("still waiting: ") {
            break;
        }
        news = Instant::now();
    }
    let silent = news.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_is("StillWaiting", said.last().unwrap());
    assert!(said.last().unwrap().contains(", RUNNING, "), "{said:?}");
    assert!(silent <= PROMISED, "{silent:?} {said:?}");
}

/// E31, of every command that waits.
#[test]
#[ignore = "takes 75 s: .ci/long heartbeat"]
fn a_wait_without_news_says_within_30_s_that_it_goes_on() {
    let folder = Folder::with("items.csv", "message\none\ntwo\nthree\n");
    let items = folder.name("items.csv");
    let batch = ["batch", &items, "--concurrency", "2"];
    let refused = || Fault::too_many_requests().retry_after("58");
    thread::scope(|scope| {
        for format in ["json", "jsonl"] {
            scope.spawn(move || {
                let run = ["run", "agent", "--output", format];
                assert_says(begun(), &run, WATCHED, "\"elapsedSeconds\":");
            });
        }
        scope.spawn(|| assert_says(begun(), &["run", "agent"], WATCHED, ", RUNNING, "));
        scope.spawn(|| assert_says(begun(), &["watch"], WATCHED, ", RUNNING, "));
        scope.spawn(|| assert_says(begun(), &["wait"], WATCHED, " 0 of 1 done, 1 in progress, "));
        let longest = "; longest: item 1 2";
        scope.spawn(move || assert_says(begun(), &batch, WATCHED, longest));
        // Polls fail.
        let unanswered = ", waiting; no usable response from the API for ";
        let failing = || spoilt(Fault::bad_gateway(), "dinoaiAgentRun");
        scope.spawn(move || assert_says(failing(), &["run", "agent"], WATCHED, unanswered));
        // The next attempt is a while off.
        let paused = || spoilt(refused(), TRIGGER);
        scope.spawn(move || assert_says(paused(), &["run", "agent"], IN_FLIGHT, " starting, "));
        // What was sent is not answered.
        let unanswered = || late(TRIGGER);
        let starting = ["run", "agent"];
        scope.spawn(move || assert_says(unanswered(), &starting, IN_FLIGHT, " starting, "));
        let counts = " 0 of 3 done, 2 in progress, 1 to start, 29s; ";
        scope.spawn(move || assert_says(unanswered(), &batch, IN_FLIGHT, counts));
        let send = ["send", "-m", "and?"];
        let unsent = || late("sendDinoaiAgentMessage");
        scope.spawn(move || assert_says(unsent(), &send, IN_FLIGHT, ", sending, "));
        scope.spawn(move || assert_says(begun(), &send, WATCHED, ", RUNNING, "));
        let detached = ["run", "agent", "--detach"];
        scope.spawn(move || assert_says(unanswered(), &detached, IN_FLIGHT, " starting, "));
        let vendors = ["--agent", "agent", "-m", "go"];
        scope.spawn(move || assert_says(begun(), &vendors, WATCHED, ", RUNNING, "));
        for stop in [&["stop"][..], &["stop", "--tree"]] {
            let in_progress = || late("stopDinoaiAgentRun");
            scope.spawn(move || assert_says(in_progress(), stop, WATCHED, ", stopping, "));
        }
        for read in [
            &["get"][..],
            &["get", "--steps"],
            &["tree"],
            &["stop", "--tree"],
        ] {
            let unread = || late("dinoaiAgentRun");
            scope.spawn(move || assert_says(unread(), read, WATCHED, ", reading, "));
        }
        scope.spawn(|| {
            let (emulator, _) = begun();
            let said = said_in_a_turn(&emulator, WATCHED);
            assert_is_never_silent(&said, &["chat"], WATCHED, ", RUNNING, ");
        });
        let quiet = [
            &["run", "agent", "--quiet"][..],
            &["wait", "--quiet"],
            &["watch", "--quiet"],
            &["batch", &items, "--quiet"],
        ];
        for arguments in quiet.map(<[&str]>::to_vec) {
            scope.spawn(move || {
                let (emulator, id) = begun();
                let said = said(command(&emulator, &id, &arguments), WATCHED);
                assert_eq!(said, [], "{arguments:?}");
            });
        }
    });
}
