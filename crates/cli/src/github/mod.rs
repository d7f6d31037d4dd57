//! `--output github`: the log, the outputs and the summary of a step of GitHub Actions.
//!
//! The log shows the conversation in a group, failures and findings as annotations. [`files`] has what is
//! appended to the files that the runner names, [`summary`] the Markdown of one of them, [`findings`] what is
//! read of the JSON in an answer. Texts of others are written so that nothing in them is obeyed, by
//! [`sanitize::github`](crate::sanitize::github): not as a command of the log, not as Markdown, HTML or an image.
//!
//! No credential is written, not even to mask it: a runner reads `::add-mask::` after it has shown the line.

mod files;
mod findings;
mod outcome;
mod summary;

use dinoai::{Run, SessionId};
use serde_json::value::RawValue;

use crate::output::Output;
use crate::report::Failure;
use crate::sanitize::github::data;
use crate::sanitize::one_line;
use files::StepFiles;
use findings::Level;

pub(crate) use outcome::Outcome;

/// How many annotations of a kind GitHub shows of a step.
const MOST_ANNOTATIONS: usize = 10;
/// The longest output, in bytes. GitHub takes more, and Linux no variable of more than 128 KiB, in which a
/// further step would get it.
const LONGEST_OUTPUT: usize = 120_000;

/// The step of a job that runs the command.
#[derive(Debug, Clone)]
pub(crate) struct GitHub {
    files: StepFiles,
    /// What is run: an agent, or a session id.
    title: String,
    /// The label of the block with the findings, if it is named.
    label: Option<String>,
}

impl GitHub {
    /// The step that the environment names. Fails, before anything is sent, if it names none.
    pub(crate) fn of_environment(title: String, label: Option<String>) -> Result<Self, Failure> {
        let files = StepFiles::of_environment()?;
        Ok(Self {
            files,
            title,
            label,
        })
    }

    /// Opens a group of the log for the conversation.
    pub(crate) fn begin(&self, output: &Output) {
        output.github_command(&format!(
            "::group::DinoAI: {}",
            data(&one_line(&self.title))
        ));
    }

    /// Sets the output `session_id` as soon as it is known: a step that follows a cancelled one stops that
    /// run.
    pub(crate) fn note_run(&self, output: &Output) -> impl FnOnce(&SessionId) + Send + use<> {
        let (files, alarm) = (self.files.clone(), output.alarm());
        move |id| {
            if let Err(failure) = files.set("session_id", id.as_str()) {
                alarm(id, &failure.message);
            }
        }
    }

    /// Sets the outputs `status` and `answer`, writes the summary, and annotates findings.
    pub(crate) fn conclude(&self, outcome: &Outcome<'_>, output: &Output) -> Result<(), Failure> {
        output.github_command("::endgroup::");
        let label = self.label.as_deref();
        let findings = outcome.run.map(|run| findings::of_answer(run, label));
        let findings = findings.unwrap_or_default();
        for level in Level::ALL {
            let of_level = findings.iter().filter(|finding| finding.level == level);
            for finding in of_level.take(MOST_ANNOTATIONS) {
                output.github_command(&finding.annotation());
            }
        }
        // A trigger that failed may have named its run.
        if let Some(id) = outcome.session_id {
            self.files.set("session_id", id.as_str())?;
        }
        self.files
            .set("status", outcome.status.unwrap_or_default())?;
        let answer = outcome
            .run
            .and_then(|run| self.answer(run, outcome.is_json));
        match answer {
            Some(answer) if answer.len() > LONGEST_OUTPUT => output.warning(&format!(
                "the output `answer` is not set: the answer has {} bytes, and may have {LONGEST_OUTPUT}; --answer-file \
                 writes it to a file",
                answer.len()
            )),
            Some(answer) => self.files.set("answer", &answer)?,
            None => self.files.set("answer", "")?,
        }
        self.files
            .summarise(&summary::of(&self.title, outcome, &findings))
    }

    /// The answer as it is put out.
    fn answer(&self, run: &Run, is_json: bool) -> Option<String> {
        if !is_json {
            return run.answer().map(str::to_owned);
        }
        let json: dinoai::Result<Box<RawValue>> = match &self.label {
            Some(label) => run.answer_json_labeled(label),
            None => run.answer_json(),
        };
        Some(json.ok()?.get().to_owned())
    }
}
