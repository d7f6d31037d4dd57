//! [`AnswerUse`]: what becomes of a run's final answer, as the options say: a file gets it, or its JSON is
//! read.

use super::answer_file::AnswerFile;
use super::json_answer::JsonAnswer;
use crate::args::{Command, GlobalArgs, OutputFormat};
use crate::github::GitHub;
use crate::report::Failure;

/// What becomes of the final answer.
#[derive(Debug, Default)]
pub(crate) struct AnswerUse {
    /// The step of GitHub Actions that the command is.
    pub(crate) github: Option<GitHub>,
    pub(super) file: Option<AnswerFile>,
    pub(super) json: Option<JsonAnswer>,
}

impl AnswerUse {
    /// What a command is to do with the answer. Refuses a file that cannot be written; sends nothing.
    pub(crate) fn of(command: &Command, global: &GlobalArgs) -> Result<Self, Failure> {
        let is_github = global.output == OutputFormat::Github;
        let (options, title) = match command {
            Command::Run(run) => {
                let agent = run.request.agent.as_deref().unwrap_or("a message");
                (&run.answer, agent.to_owned())
            }
            Command::Send(send) => (&send.answer, "a follow-up".to_owned()),
            Command::Watch(watch) => (&watch.answer, watch.session.to_string()),
            _ if is_github => {
                return Err(Failure::usage("--output github is for run, send and watch"));
            }
            _ => return Ok(Self::default()),
        };
        let json = JsonAnswer::of(options);
        let is_printed = !matches!(global.output, OutputFormat::Text | OutputFormat::Github);
        if json.as_ref().is_some_and(JsonAnswer::prints) && is_printed {
            return Err(Failure::usage(
                "--answer json prints the JSON in the answer alone; leave --output out",
            ));
        }
        let file = AnswerFile::of(command, global)?;
        let github = match is_github {
            true => Some(GitHub::of_environment(title, options.label.clone())?),
            false => None,
        };
        Ok(Self { file, json, github })
    }

    /// Whether nothing but the JSON in the answer is printed.
    pub(crate) fn is_json_alone(&self) -> bool {
        self.github.is_none() && self.json.as_ref().is_some_and(JsonAnswer::prints)
    }
}
