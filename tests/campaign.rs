//! A short campaign against the promises of the library: see the module. The long one is
//! `cargo bench --profile dev --bench campaign`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here fails a test"
)]

#[path = "campaign/mod.rs"]
mod campaign;

use campaign::Plan;

#[test]
fn no_promise_is_broken_whatever_fails() {
    let seed = std::env::var("DINOAI_TEST_SEED").map_or(1, |seed| seed.parse().unwrap());
    let begun = std::time::Instant::now();
    let report = campaign::run(&Plan {
        operations: 400,
        at_once: 6,
        ..Plan::new(seed)
    });
    for finding in &report.findings {
        println!("{finding}");
    }
    if let Some(finding) = report.findings.first() {
        println!(
            "again: cargo bench --profile dev --bench campaign -- --seed {seed} --lane {} --times 20",
            finding.lane
        );
    }
    let stalled = campaign::stalled(begun, std::time::Instant::now());
    println!("seed {seed}, timers late by {stalled:.1?}\n{report}");
    assert!(
        report.faults() * 4 >= report.operations_under_faults,
        "too little has failed"
    );
    assert!(report.checks.len() >= 12, "too little was checked");
    assert!(report.is_good(), "a promise was broken: see above");
}
