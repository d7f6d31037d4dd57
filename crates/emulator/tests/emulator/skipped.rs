//! A test that this machine lacks something for says so.

use std::io::Write;

/// Says that a test is left out, and why: past the harness, which shows nothing of a test that
/// passes. `.ci/run` takes it for a failure.
pub(crate) fn skipped(test: &str, reason: &str) {
    let line = format!("SKIPPED {test}: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
