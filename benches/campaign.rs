//! A long campaign against the promises of the library: concurrent users of its public API, and
//! an API and a wire that fail.
//!
//! ```sh
//! cargo bench --profile dev --bench campaign -- --operations 10000 --seed 1
//! ```
//!
//! It prints what it has done and found, and ends with status 1 if a promise was broken: anything
//! carried out twice, lost, ended wrongly, a message lost or repeated, a deadline overrun by more
//! than 2 s, a panic, or more than 5 % false unknowns. A finding names its lane. `--lane 17` runs
//! that lane alone, `--times 20` so many times, and `--until-a-finding` ends with the first.

#![allow(clippy::expect_used, reason = "a campaign that cannot run ends")]

#[path = "../tests/campaign/mod.rs"]
mod campaign;

use std::process::ExitCode;
use std::time::Instant;

use campaign::Plan;

const USAGE: &str = "usage: cargo bench --profile dev --bench campaign -- [--operations N] [--seed N] \
                     [--at-once LANES] [--lane N [--times N]] [--until-a-finding]";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs it too, without this argument.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let Some(plan) = plan(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    println!("{plan:?}");
    let begun = Instant::now();
    let report = campaign::run(&plan);
    for finding in &report.findings {
        println!("{finding}");
    }
    println!("{report}");
    if let Some(finding) = report.findings.first() {
        println!(
            "again: cargo bench --profile dev --bench campaign -- --seed {} --lane {} --times 20",
            plan.seed, finding.lane
        );
    }
    if let Some(memory) = most_memory() {
        println!("{memory:>9}  KiB of memory at most, emulators included");
    }
    let stalled = campaign::stalled(begun, Instant::now());
    println!("{:>9.1}  s", begun.elapsed().as_secs_f64());
    println!(
        "{:>9.1}  s by which timers were late, being busy",
        stalled.as_secs_f64()
    );
    match report.is_good() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// `None` if an argument is not understood.
fn plan(arguments: &[String]) -> Option<Plan> {
    let mut plan = Plan::new(1);
    let (mut lane, mut times) = (None, None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || rest.next()?.parse().ok();
        match argument.as_str() {
            "--bench" => {}
            "--operations" => plan.operations = number()?,
            "--seed" => plan.seed = number()?,
            "--at-once" => plan.at_once = usize::try_from(number()?).ok()?,
            "--lane" => lane = Some(number()?),
            "--times" => times = Some(number()?),
            "--until-a-finding" => plan.stops_at_a_finding = true,
            _ => return None,
        }
    }
    if times.is_some() && lane.is_none() {
        return None;
    }
    plan.only = lane.map(|lane| (lane, times.unwrap_or(1)));
    Some(plan)
}

/// The high water mark of this process's memory, in KiB, where the system tells it.
fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
