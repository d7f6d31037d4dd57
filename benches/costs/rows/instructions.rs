//! The figures of `.ci/instructions`, where valgrind is.

use std::process::Command;

use crate::RAW;
use crate::table::{Row, counted};

const GOAL: f64 = 1.10;
/// As of the CPU of many runs.
const LINEAR: f64 = 1.3;

pub(crate) fn rows() -> Vec<Row> {
    let what = "instructions of a read and a poll";
    if Command::new("valgrind").arg("--version").output().is_err() {
        return vec![Row::skipped(what, "there is no valgrind")];
    }
    match figures() {
        Ok(figures) => {
            let unreadable = |line| Row::failed(what, format_args!("'{line}' is no figure"));
            let read = |line| row(line).unwrap_or_else(|| unreadable(line));
            figures.lines().map(read).collect()
        }
        Err(how) => vec![Row::failed(what, how)],
    }
}

fn figures() -> Result<String, String> {
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/instructions"))
        .arg("--figures")
        .env("CARGO_TARGET_DIR", crate::command::target())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().last().unwrap_or("no reason").to_owned())
}

/// Of a line such as `poll 84094 68934`: what, ours, and what it is compared with.
fn row(line: &str) -> Option<Row> {
    let mut words = line.split(' ');
    let what = words.next()?;
    let mut figure = || words.next()?.parse::<u64>().ok();
    let (ours, peers) = (figure()?, figure()?);
    let ratio = ours as f64 / peers as f64;
    let (what, peer, goal) = match what {
        "read" => ("`get_run` of a run with two messages", RAW, GOAL),
        "poll" => ("a poll in a wait", RAW, GOAL),
        "transcript" => ("read of a transcript of 1 MB", RAW, GOAL),
        "many" => (
            "a run of 10,000 that are waited for",
            "as one of 1,000",
            LINEAR,
        ),
        _ => (
            "a run of 3,000 whose end is seen after the deadline",
            "as one of 500",
            LINEAR,
        ),
    };
    let row = Row::new(format!("{what}: instructions"))
        .ours(counted(ours))
        .peer(format!("{} ({peer})", counted(peers)))
        .ratio(ratio)
        .goal(format!("{goal:.2}"), ratio <= goal);
    Some(row.count())
}
