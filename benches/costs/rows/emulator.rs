//! The emulator as a program: how much memory it takes at most.

use std::process::{Command, Stdio};

use crate::Effort;
use crate::command::built;
use crate::table::{Row, bytes, counted};

const MOST: u64 = 500_000_000;

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    let requests: u64 = match effort {
        Effort::Full => 1_000_000,
        Effort::Quick => 100_000,
    };
    let names = ["no agents", "demo agents"].map(|agents| {
        let (runs, requests) = (counted(requests / 10), counted(requests));
        format!(
            "the emulator ({agents}) after {runs} runs, {requests} requests, and as many runs again: \
             resident memory at most"
        )
    });
    if Command::new("python3").arg("--version").output().is_err() {
        return names
            .map(|name| Row::skipped(name, "there is no Python"))
            .into();
    }
    let peaks = match peaks(requests) {
        Ok(peaks) => peaks,
        Err(how) => return names.map(|name| Row::failed(name, how)).into(),
    };
    let rows = names.into_iter().zip(peaks).map(|(name, peak)| {
        Row::new(name)
            .ours(bytes(peak))
            .goal(bytes(MOST), peak <= MOST)
            .count()
    });
    rows.collect()
}

/// The peaks of both programs, as `.ci/emulator` measures them.
fn peaks(requests: u64) -> Result<Vec<u64>, &'static str> {
    let program = built("dinoai-emulator", "dinoai-emulator").ok_or("it cannot be built")?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/emulator");
    let output = Command::new("python3")
        .args([script.as_ref(), program.as_os_str()])
        .args([&requests.to_string(), "--sessions"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|_| ".ci/emulator cannot be run")?;
    if !output.status.success() {
        return Err(".ci/emulator failed");
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let peaks: Vec<u64> = printed
        .lines()
        .filter(|line| line.contains("reviewers have started"))
        .filter_map(|line| {
            let after = line.split_once("at most so far ")?.1;
            let megabytes: f64 = after.split_once(" MB")?.0.parse().ok()?;
            Some((megabytes * 1e6) as u64)
        })
        .collect();
    match peaks.len() {
        2 => Ok(peaks),
        _ => Err(".ci/emulator printed no figures"),
    }
}
