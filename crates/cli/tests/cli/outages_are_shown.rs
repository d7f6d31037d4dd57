//! While polls fail, the output says so, and does not show the last status as if all were well.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use dinoai_emulator::{Emulator, Fault, Scenario, Stage};

use crate::schema_covers_all_json::assert_is;
use crate::support::program::{Done, dinoai};
use crate::support::pseudo_terminal::Pseudo;
use crate::support::runs::wait_until;
use crate::support::runs::{Folder, begun};
use crate::terminal::live_line::drawn;

const FAST: [&str; 2] = ["--poll-interval", "20ms"];
const CTRL_C: &str = "\u{3}";
const MINUTE: Duration = Duration::from_secs(60);

/// Runs end a minute after they have begun, by the emulator's clock, which is moved by hand.
fn emulator() -> Emulator {
    let in_progress = || Stage::new("RUNNING").lasts(MINUTE);
    let scenario = Scenario::new()
        .stage(in_progress())
        .stage(Stage::new("COMPLETED"))
        .follow_up([in_progress(), Stage::new("COMPLETED")]);
    Emulator::builder()
        .default_scenario(scenario)
        .stopped_clock()
        .start_blocking()
        .unwrap()
}

fn go_down(emulator: &Emulator) {
    emulator
        .add_fault(Fault::unavailable().always().on("dinoaiAgentRun"))
        .unwrap();
}

/// Ends the outage, and the runs.
fn come_back(emulator: &Emulator) {
    emulator.clear_faults();
    emulator.advance(MINUTE);
}

fn start(emulator: &Emulator, arguments: &[&str]) -> Pseudo {
    Pseudo::start(emulator, &[arguments, &FAST].concat(), &[])
}

/// What each command that follows one run is started with.
fn each_of_one_run(test: impl Fn(&Emulator, &[&str])) {
    for command in ["run", "watch", "send"] {
        let emulator = emulator();
        let id = match command {
            "run" => String::new(),
            _ => begun(&emulator, "agent"),
        };
        match command {
            "run" => test(&emulator, &["run", "agent"]),
            "watch" => test(&emulator, &["watch", &id]),
            _ => {
                emulator.advance(MINUTE);
                test(&emulator, &["send", &id, "-m", "and?"]);
            }
        }
    }
}

#[test]
fn the_line_on_a_terminal_says_so_until_polls_are_answered_again() {
    each_of_one_run(|emulator, arguments| {
        let terminal = start(emulator, arguments);
        terminal.wait_for("RUNNING");
        go_down(emulator);
        terminal.wait_for("no usable response from the API for 0s: HTTP 503; last seen RUNNING");
        terminal.wait_for("no usable response from the API for 1s: HTTP 503; last seen RUNNING");
        emulator.clear_faults();
        wait_until("polls are answered again", || {
            let last = drawn(&terminal.shown()).pop();
            last.is_some_and(|line| line.contains(" RUNNING ") && !line.contains("no usable"))
        });
        emulator.advance(MINUTE);
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 0, "{shown}");
    });
}

#[test]
fn ctrl_c_says_what_was_seen_last() {
    each_of_one_run(|emulator, arguments| {
        let mut terminal = start(emulator, arguments);
        terminal.wait_for("RUNNING");
        go_down(emulator);
        terminal.wait_for("no usable response");
        terminal.type_in(CTRL_C);
        let (exit, shown) = terminal.end();
        assert_eq!(exit, 130, "{shown}");
        let said = "is still in progress as far as known (last seen RUNNING; no usable response from the API";
        assert!(shown.contains(said), "{shown}");
    });
}

#[test]
fn a_conversation_says_so_too() {
    let emulator = emulator();
    let mut terminal = start(&emulator, &["chat", "agent"]);
    terminal.wait_for_prompt();
    terminal.type_in("hello\r");
    terminal.wait_for("RUNNING");
    go_down(&emulator);
    terminal.wait_for("no usable response from the API for 1s: HTTP 503; last seen RUNNING");
    come_back(&emulator);
    terminal.wait_for_prompt();
    terminal.type_in("\u{4}");
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
}

#[test]
fn what_a_graphql_error_says_is_shown_on_one_short_line() {
    let emulator = emulator();
    let id = begun(&emulator, "agent");
    let terminal = start(&emulator, &["watch", &id]);
    terminal.resize(200);
    terminal.wait_for("RUNNING");
    let text = format!("No DinoAI\nagent \u{1b}[31msession {}", "x".repeat(300));
    let unknown = Fault::graphql_error(200).message(text);
    emulator
        .add_fault(unknown.always().on("dinoaiAgentRun"))
        .unwrap();
    terminal.wait_for("for 1s: No DinoAI agent ");
    wait_until("it is shown whole", || {
        let last = drawn(&terminal.shown()).pop();
        last.is_some_and(|line| {
            line.contains("agent ␛[31msession x") && line.contains("x…; last seen RUNNING")
        })
    });
    come_back(&emulator);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 0, "{shown}");
}

#[test]
fn an_api_that_takes_no_connection_any_more_is_an_outage() {
    let emulator = emulator();
    let id = begun(&emulator, "agent");
    let mut terminal = start(&emulator, &["watch", &id]);
    terminal.wait_for("RUNNING");
    drop(emulator);
    terminal.wait_for("for 1s: no connection; last seen RUNNING");
    terminal.type_in(CTRL_C);
    let (exit, shown) = terminal.end();
    assert_eq!(exit, 130, "{shown}");
}

#[test]
fn of_many_runs_it_is_counted_whose_polls_fail() {
    let folder = Folder::with("items.csv", "message\none\ntwo\n");
    for command in ["wait", "batch"] {
        for is_left in [false, true] {
            let emulator = emulator();
            let items = folder.name("items.csv");
            let ids;
            let arguments = match command {
                "wait" => {
                    ids = [begun(&emulator, "agent"), begun(&emulator, "agent")];
                    vec!["wait", &ids[0], &ids[1]]
                }
                _ => vec!["batch", &items],
            };
            let mut terminal = start(&emulator, &arguments);
            terminal.wait_for("2 in progress");
            // Until both have been read: before, it would be no outage but a wrong host.
            wait_until("both are read", || {
                let runs = emulator.runs().len();
                runs == 2 && emulator.requests().len() > 6
            });
            go_down(&emulator);
            terminal.wait_for("2 in progress, 2 without a usable response for 1s: HTTP 503");
            if is_left {
                terminal.type_in(CTRL_C);
                let (exit, shown) = terminal.end();
                assert_eq!(exit, 130, "{shown}");
                let said = match command {
                    "wait" => "2 runs were not seen to end (",
                    _ => "2 runs are still in progress as far as known (",
                };
                let said = format!("{said}no usable response from the API for ");
                assert!(shown.contains(&said), "{shown}");
                continue;
            }
            come_back(&emulator);
            let (exit, shown) = terminal.end();
            assert_eq!(exit, 0, "{shown}");
        }
    }
}

#[test]
fn at_the_timeout_runs_that_are_polled_in_vain_are_named_once() {
    for format in ["text", "json", "jsonl"] {
        let emulator = emulator();
        let ids = [
            begun(&emulator, "agent"),
            begun(&emulator, "agent"),
            begun(&emulator, "agent"),
        ];
        let arguments = [
            &["wait", &ids[0], &ids[1], &ids[2], "--output", format][..],
            &["--timeout", "3s"],
            &FAST,
        ];
        let child = dinoai(&emulator).args(arguments.concat()).spawn().unwrap();
        let before = emulator.requests().len();
        wait_until("all are read", || emulator.requests().len() > before + 3);
        go_down(&emulator);
        let done = Done::of(child);
        assert_eq!(done.code(), 4, "{}", done.stderr);
        let said = done.stderr.matches("the last poll failed").count();
        assert_eq!(said, 1, "{}", done.stderr);
        for id in &ids {
            assert!(done.stderr.contains(id.as_str()), "{}", done.stderr);
        }
        if format == "text" {
            let all = format!("to resume: dinoai wait {}", ids.join(" "));
            assert!(done.stderr.contains(&all), "{}", done.stderr);
        }
    }
}

/// It waits for the line, for as long as is promised.
#[test]
fn elsewhere_the_sign_of_life_says_so() {
    let emulator = emulator();
    go_down(&emulator);
    let arguments = ["run", "agent", "--timeout", "45s", "--output", "json"];
    let mut child = dinoai(&emulator).args(arguments).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let mut lines = stderr.lines().map(Result::unwrap);
    let said = lines.find(|line| line.contains("still waiting: "));
    child.kill().unwrap();
    child.wait().unwrap();
    let said = said.unwrap();
    assert_is("StillWaiting", &said);
    let line: serde_json::Value = serde_json::from_str(&said).unwrap();
    let message = line["message"].as_str().unwrap();
    let expected = ", waiting; no usable response from the API for ";
    assert!(message.contains(expected), "{message}");
    assert!(line["unansweredSeconds"].as_u64().unwrap() > 20, "{line}");
}
