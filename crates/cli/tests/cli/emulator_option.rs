//! `--emulator` lasts for one command, and refuses what would need it for longer.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::program::{bare, run};

/// What needs a run of an earlier command, or leaves one for a later command.
const OUTLIVING: [&[&str]; 10] = [
    &["run", "a", "--detach"],
    &["send", "abc", "-m", "Go on"],
    &["get", "abc"],
    &["watch", "abc"],
    &["wait", "abc", "def"],
    &["stop", "abc"],
    &["tree", "abc"],
    &["chat", "--session=abc"],
    &["batch", "/no/items", "--resume", "/no/results"],
    &["-s", "abc", "-m", "Go on"],
];

#[test]
fn what_outlives_its_emulator_is_refused_with_the_cure() {
    for arguments in OUTLIVING {
        let done = run(bare(), &[arguments, &["--emulator"]].concat());
        assert_eq!(done.code(), 2, "{arguments:?}: {}", done.stderr);
        assert_eq!(done.stdout, "");
        assert!(done.stderr.contains("`dinoai emulator`"), "{}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    }
}

const SLOW: [&str; 6] = ["run", "docs-writer", "-m", "hi", "--emulator", "--steps"];

/// What is said of a run whose emulator has gone.
const GONE: &str = "the emulator of --emulator has stopped, and the run with it";

#[test]
fn a_run_at_its_timeout_is_said_to_end_with_its_emulator() {
    for more in [&[][..], &["--output", "json"]] {
        let done = run(bare(), &[&SLOW[..], &["--timeout", "300ms"], more].concat());
        assert_eq!(done.code(), 4, "{}", done.stderr);
        assert!(done.stderr.contains(GONE), "{}", done.stderr);
        assert!(done.stderr.contains("dinoai emulator"), "{}", done.stderr);
    }
}

#[test]
fn a_run_at_ctrl_c_is_not_said_to_go_on_without_its_emulator() {
    let mut child = bare().args(SLOW).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("status ") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it has ended");
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains(GONE), "{rest}");
    assert!(!rest.contains("is still in progress"), "{rest}");
}

#[test]
fn the_emulator_suggests_a_command_in_another_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let agent = "name: known\nversion: 1\nrole: r\ngoal: g\nbackstory: b\n";
    std::fs::write(folder.path().join("known.yml"), agent).unwrap();
    let agents = format!("--agents={}", folder.path().to_str().unwrap());
    for (more, suggested) in [
        (&[][..], "dinoai run data-quality-checker -m "),
        (&[&*agents], "dinoai run known -m "),
    ] {
        let arguments = [&["emulator", "--port", "0"][..], more].concat();
        let mut child = bare().args(arguments).spawn().unwrap();
        let mut shown = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        while !shown.contains("Ctrl-C stops it.") {
            assert_ne!(stderr.read_line(&mut shown).unwrap(), 0, "{shown}");
        }
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success());
        assert!(shown.contains(suggested), "{shown}");
        assert!(shown.contains("another terminal"), "{shown}");
        assert!(!shown.contains("curl"), "{shown}");
    }
}

#[test]
fn the_emulators_errors_look_like_the_commands() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let done = run(bare(), &["emulator", "--port", &port]);
    assert_eq!(done.code(), 2, "{}", done.stderr);
    assert!(done.stderr.starts_with("error: "), "{}", done.stderr);
}
