//! [`of_ci_job`]: a key made of what a CI system says of the job and the step that run the command.
//!
//! It is the same when the job is run again, and another one for another leg of a matrix, another step and
//! another request. Of the variables, what is numbered anew at each try is left out.

use std::env;

use dinoai::TriggerRun;
use dinoai::journal::RequestDigest;

use crate::report::Failure;

/// A CI system: the variable by which it is known, its name in keys, and the variables that together name a
/// job's step, whichever try it is.
struct CiSystem {
    known_by: &'static str,
    name: &'static str,
    /// All of them are there.
    named_by: &'static [&'static str],
    /// Those that are there count.
    also: &'static [&'static str],
}

/// As their documentation has them.
const CI_SYSTEMS: [CiSystem; 7] = [
    // https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    CiSystem {
        known_by: "GITHUB_ACTIONS",
        name: "github",
        named_by: &["GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_JOB"],
        also: &["GITHUB_ACTION"],
    },
    // https://docs.gitlab.com/ci/variables/predefined_variables/
    CiSystem {
        known_by: "GITLAB_CI",
        name: "gitlab",
        named_by: &["CI_PROJECT_PATH", "CI_PIPELINE_ID", "CI_JOB_NAME"],
        also: &["CI_NODE_INDEX"],
    },
    // https://learn.microsoft.com/azure/devops/pipelines/build/variables
    CiSystem {
        known_by: "TF_BUILD",
        name: "azure",
        named_by: &["BUILD_REPOSITORY_NAME", "BUILD_BUILDID", "SYSTEM_JOBNAME"],
        also: &[
            "SYSTEM_STAGENAME",
            "SYSTEM_PHASENAME",
            "SYSTEM_JOBPOSITIONINPHASE",
        ],
    },
    // https://circleci.com/docs/reference/variables/; the workflow itself has another ID when it is run again.
    CiSystem {
        known_by: "CIRCLECI",
        name: "circleci",
        named_by: &[
            "CIRCLE_PROJECT_REPONAME",
            "CIRCLE_WORKFLOW_WORKSPACE_ID",
            "CIRCLE_JOB",
        ],
        also: &["CIRCLE_PROJECT_USERNAME", "CIRCLE_NODE_INDEX"],
    },
    // https://buildkite.com/docs/pipelines/configure/environment-variables
    CiSystem {
        known_by: "BUILDKITE",
        name: "buildkite",
        named_by: &[
            "BUILDKITE_PIPELINE_SLUG",
            "BUILDKITE_BUILD_ID",
            "BUILDKITE_STEP_ID",
        ],
        also: &["BUILDKITE_ORGANIZATION_SLUG", "BUILDKITE_PARALLEL_JOB"],
    },
    // https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables
    CiSystem {
        known_by: "JENKINS_URL",
        name: "jenkins",
        named_by: &["JOB_NAME", "BUILD_ID"],
        also: &["STAGE_NAME"],
    },
    // https://airflow.apache.org/docs/apache-airflow/stable/howto/operator/bash.html
    CiSystem {
        known_by: "AIRFLOW_CTX_DAG_ID",
        name: "airflow",
        named_by: &[
            "AIRFLOW_CTX_DAG_ID",
            "AIRFLOW_CTX_DAG_RUN_ID",
            "AIRFLOW_CTX_TASK_ID",
        ],
        also: &["AIRFLOW_CTX_MAP_INDEX"],
    },
];

/// What no CI system says of a job: the leg of a matrix, as the workflow gives it.
const MATRIX: &str = "DINOAI_MATRIX";

/// The key of this job's step and this request.
pub(crate) fn of_ci_job(request: &TriggerRun) -> Result<String, Failure> {
    key(request, |name| env::var(name).ok())
}

fn key(request: &TriggerRun, variable: impl Fn(&str) -> Option<String>) -> Result<String, Failure> {
    let value = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let known = CI_SYSTEMS
        .iter()
        .find(|system| value(system.known_by).is_some());
    let Some(system) = known else {
        return Err(Failure::usage(
            "--key auto is for CI systems, and none is found here; name a key of your own",
        ));
    };
    let missing: Vec<_> = system
        .named_by
        .iter()
        .filter(|name| value(name).is_none())
        .collect();
    if let [missing, ..] = missing[..] {
        return Err(Failure::usage(format!(
            "--key auto needs the variable {missing}, which is not set; name a key of your own"
        )));
    }
    let names = system.named_by.iter().chain(system.also);
    let parts: Vec<_> = names.filter_map(|name| value(name)).collect();
    // What makes it another one in the same step.
    let matrix = value(MATRIX).unwrap_or_default();
    let whole = format!("{}\n{}\n{matrix}", parts.join("\n"), fingerprint(request));
    let digest = fingerprint(&TriggerRun::message(whole));
    let mut key = format!("{}/{}", system.name, parts.join("/"));
    key = key
        .chars()
        .filter(|letter| !letter.is_control())
        .take(120)
        .collect();
    Ok(format!("{key}/{}", &digest[..16]))
}

fn fingerprint(request: &TriggerRun) -> String {
    RequestDigest::of(request).fingerprint()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn github(more: &[(&str, &str)]) -> Result<String, Failure> {
        let request = TriggerRun::agent("checker").with_message("Focus on orders");
        of(&request, more)
    }

    fn of(request: &TriggerRun, more: &[(&str, &str)]) -> Result<String, Failure> {
        let job = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "acme/dbt"),
            ("GITHUB_RUN_ID", "42"),
            ("GITHUB_JOB", "check"),
            ("GITHUB_ACTION", "__run"),
        ];
        key(request, |name| {
            let found = more.iter().chain(&job).find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_step_that_is_run_again_has_the_same_key_and_any_other_another() {
        let first = github(&[]).unwrap();
        assert!(
            first.starts_with("github/acme/dbt/42/check/__run/"),
            "{first}"
        );
        assert_eq!(github(&[("GITHUB_RUN_ATTEMPT", "2")]).unwrap(), first);
        let other = TriggerRun::agent("checker");
        let others = [
            github(&[("GITHUB_RUN_ID", "43")]).unwrap(),
            github(&[("GITHUB_JOB", "build")]).unwrap(),
            github(&[("GITHUB_REPOSITORY", "acme/other")]).unwrap(),
            github(&[("GITHUB_ACTION", "__run_2")]).unwrap(),
            github(&[("DINOAI_MATRIX", "{\"table\":\"orders\"}")]).unwrap(),
            github(&[("DINOAI_MATRIX", "{\"table\":\"customers\"}")]).unwrap(),
            of(&other, &[]).unwrap(),
            first,
        ];
        let distinct: std::collections::BTreeSet<_> = others.iter().collect();
        assert_eq!(distinct.len(), others.len(), "{others:?}");
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_long_is_shortened() {
        let refused = key(&TriggerRun::agent("a"), |_| None).unwrap_err();
        assert!(refused.message.contains("name a key"), "{refused}");
        let refused = github(&[("GITHUB_JOB", " ")]).unwrap_err();
        assert!(refused.message.contains("GITHUB_JOB"), "{refused}");
        let long = "ä\n".repeat(400);
        let (one, other) = (format!("{long}1"), format!("{long}2"));
        let one = github(&[("GITHUB_JOB", &one)]).unwrap();
        assert!(one.len() <= 512 && !one.contains('\n'), "{one}");
        assert_ne!(one, github(&[("GITHUB_JOB", &other)]).unwrap());
    }

    #[test]
    fn each_ci_system_is_known_by_its_variables() {
        for system in &CI_SYSTEMS {
            let request = TriggerRun::agent("a");
            let all = |name: &str| {
                let names = system.named_by.contains(&name) || system.known_by == name;
                names.then(|| name.to_lowercase())
            };
            let key = key(&request, all).unwrap();
            assert!(key.starts_with(&format!("{}/", system.name)), "{key}");
            for name in system.named_by {
                assert!(key.contains(&name.to_lowercase()), "{key}");
            }
        }
    }
}
