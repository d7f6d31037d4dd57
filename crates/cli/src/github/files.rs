//! [`StepFiles`]: the files that a runner names for the outputs and the summary of a step.

use std::fs::OpenOptions;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::environment;
use crate::report::Failure;

/// The files of a step.
#[derive(Debug, Clone)]
pub(super) struct StepFiles {
    outputs: PathBuf,
    /// Older runners have none.
    summary: Option<PathBuf>,
}

impl StepFiles {
    pub(super) fn of_environment() -> Result<Self, Failure> {
        let Some(outputs) = environment::github_file("GITHUB_OUTPUT") else {
            return Err(Failure::usage(
                "--output github is for a step of GitHub Actions: the variable GITHUB_OUTPUT is not set",
            ));
        };
        let summary = environment::github_file("GITHUB_STEP_SUMMARY");
        for (name, file) in [
            ("GITHUB_OUTPUT", Some(&outputs)),
            ("GITHUB_STEP_SUMMARY", summary.as_ref()),
        ] {
            if let Some(file) = file
                && let Err(error) = append(file, "")
            {
                return Err(Failure::usage(format!(
                    "--output github: the file of {name} cannot be written: {error}"
                )));
            }
        }
        Ok(Self { outputs, summary })
    }

    /// Sets an output of the step.
    pub(super) fn set(&self, name: &str, value: &str) -> Result<(), Failure> {
        let end = delimiter(value);
        append(&self.outputs, &format!("{name}<<{end}\n{value}\n{end}\n")).map_err(|error| {
            Failure::output(format!(
                "the output `{name}` of this step cannot be written: {error}"
            ))
        })
    }

    /// Appends Markdown to the summary of the step.
    pub(super) fn summarise(&self, markdown: &str) -> Result<(), Failure> {
        let Some(summary) = &self.summary else {
            return Ok(());
        };
        append(summary, markdown).map_err(|error| {
            Failure::output(format!(
                "the summary of this step cannot be written: {error}"
            ))
        })
    }
}

fn append(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(text.as_bytes())
}

/// What ends a value: nobody can have put it there, and it is not in it.
fn delimiter(value: &str) -> String {
    loop {
        let random = || RandomState::new().build_hasher().finish();
        let end = format!("dinoai-{:016x}{:016x}", random(), random());
        if !value.contains(&end) {
            return end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let outputs = folder.path().join("outputs");
        let files = StepFiles {
            outputs: outputs.clone(),
            summary: None,
        };
        for value in ["a\nstatus<<x\nFAILED\nx", ""] {
            files.set("answer", value).unwrap();
        }
        files.summarise("# none").unwrap();
        let written = std::fs::read_to_string(outputs).unwrap();
        let (name, rest) = written.split_once("<<").unwrap();
        let (end, rest) = rest.split_once('\n').unwrap();
        assert_eq!((name, end.len()), ("answer", 39));
        let (value, second) = rest.split_once(&format!("\n{end}\n")).unwrap();
        assert_eq!(value, "a\nstatus<<x\nFAILED\nx");
        assert!(second.starts_with("answer<<dinoai-") && !second.contains(end));
    }
}
