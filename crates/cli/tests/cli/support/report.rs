//! The report of `dinoai doctor`, whose failures all say what to do.

use std::process::Command;

use super::answering::Answer;
use super::program::{Done, bare, run};

/// What the doctor says: each line that failed, and each row that says more than where to look, has what to
/// do below it, and the help lists the exit status.
pub(crate) fn doctor(command: Command) -> Done {
    let done = run(command, &["doctor"]);
    let lines: Vec<_> = done.stdout.lines().collect();
    for (place, line) in lines.iter().enumerate() {
        let is_row = line.starts_with("not checked") || line.starts_with("broken");
        let needs_fix = line.starts_with("failed") || (is_row && !line.contains(": see "));
        let has_fix = lines
            .get(place + 1)
            .is_some_and(|it| it.starts_with("     "));
        assert!(!needs_fix || has_fix, "{line}\n{}", done.stdout);
    }
    let help = run(bare(), &["doctor", "--help"]).stdout;
    let (_, statuses) = help.split_once("Exit status:\n").unwrap_or_default();
    let listed = format!("  {}  ", done.code());
    let is_listed = statuses.lines().any(|line| line.starts_with(&listed));
    assert!(is_listed, "{}{}", done.code(), done.stdout);
    done
}

/// The line of a check or a feature, whose name is the second column.
pub(crate) fn line<'a>(done: &'a Done, name: &str) -> &'a str {
    let mut lines = done.stdout.lines();
    let is_it = |line: &&str| {
        let mut columns = line.split("  ").filter(|column| !column.is_empty());
        !line.starts_with(' ') && columns.nth(1).is_some_and(|it| it.trim() == name)
    };
    lines.find(is_it).unwrap_or_default()
}

/// Asserts how the lines of these checks and features start.
pub(crate) fn starts(done: &Done, lines: &[(&str, &str)]) {
    for (name, start) in lines {
        let line = line(done, name);
        assert!(line.starts_with(start), "{name} {start}\n{}", done.stdout);
    }
}

/// What a server that obeys `@skip` and has no run says, unless it is said otherwise.
pub(crate) fn good(request: &str) -> Answer {
    match request.contains("@skip") {
        true => Answer::json("200 OK", r#"{"data":{}}"#),
        false => Answer::json("200 OK", r#"{"data":{"dinoaiAgentRun":null}}"#),
    }
}
