//! `--key auto` is the same for a job that is run again, and another one for any other.

use super::{Bench, FAST};
use crate::support::program::Done;

fn in_ci(bench: &Bench, message: &str, variables: &[(&str, &str)]) -> Done {
    let mut command = bench.command();
    let job = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", "acme/dbt"),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_JOB", "check"),
        ("GITHUB_ACTION", "__run"),
    ];
    command.envs(job).envs(variables.iter().copied());
    command
        .args(["run", "agent", "--key", "auto", "-m", message])
        .args(FAST);
    Done::of(command.spawn().unwrap())
}

#[test]
fn a_job_that_is_run_again_starts_nothing_and_any_other_starts_its_own() {
    let bench = Bench::start();
    for (message, variables, started) in [
        ("one", &[][..], 1),
        ("one", &[("GITHUB_RUN_ATTEMPT", "2")], 1),
        ("two", &[], 2),
        ("one", &[("GITHUB_ACTION", "__run_2")], 3),
        ("one", &[("DINOAI_MATRIX", "{\"table\": \"orders\"}")], 4),
        ("one", &[("DINOAI_MATRIX", "{\"table\": \"customers\"}")], 5),
        ("one", &[("GITHUB_RUN_ID", "43")], 6),
        ("one", &[], 6),
    ] {
        let done = in_ci(&bench, message, variables);
        assert_eq!(done.code(), 0, "{}", done.stderr);
        assert_eq!(bench.started(), started, "{message} {variables:?}");
    }
}

#[test]
fn on_a_machine_whose_disk_ends_with_the_job_one_warning_names_what_to_do() {
    let bench = Bench::start();
    let hosted = in_ci(&bench, "one", &[("RUNNER_ENVIRONMENT", "github-hosted")]);
    let own = in_ci(&bench, "one", &[("RUNNER_ENVIRONMENT", "self-hosted")]);
    let warnings = |done: &Done| done.stderr.matches("ends with this job").count();
    assert_eq!(
        (warnings(&hosted), warnings(&own)),
        (1, 0),
        "{}",
        hosted.stderr
    );
    assert!(hosted.stderr.contains("PostgreSQL"), "{}", hosted.stderr);
}

#[test]
fn where_no_ci_system_is_found_a_key_has_to_be_named() {
    let bench = Bench::start();
    let refused = bench.run(&["run", "agent", "--key", "auto"]);
    assert_eq!(
        (refused.code(), bench.started()),
        (2, 0),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("name a key of your own"),
        "{}",
        refused.stderr
    );
}
