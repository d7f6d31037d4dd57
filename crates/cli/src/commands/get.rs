//! `dinoai get`: shows the status and transcript of a run.

use dinoai::{SessionId, StartupStep, Step, StepOptions};

use super::context::Context;
use crate::args::{Format, GetArgs};
use crate::output::Output;
use crate::print::{RunDocument, text};
use crate::report::{ExitStatus, Failure};

pub(crate) async fn get(mut context: Context<'_>, options: GetArgs) -> Result<ExitStatus, Failure> {
    let id = &options.session;
    let run = context.read(id, context.client.get_run(id)).await?;
    let work = match options.steps {
        true => Some(Work::read(&mut context, id).await?),
        false => None,
    };
    let output = context.output;
    match output.format {
        Format::Json | Format::Jsonl => output.json(&RunDocument {
            run: &run,
            steps: work.as_ref().map(|work| &*work.steps),
            startup_steps: work.as_ref().map(|work| &*work.startup_steps),
            steps_missing: work.as_ref().and_then(|work| work.missing.as_deref()),
            warning: None,
        }),
        Format::Text => {
            text::head(&run, output);
            work.iter().for_each(|work| work.show(output));
            text::transcript(&run, output);
        }
    }
    context.wait_until_read(id).await
}

/// What the agent has done.
#[derive(Default)]
struct Work {
    steps: Vec<Step>,
    startup_steps: Vec<StartupStep>,
    /// Why none of it could be read.
    missing: Option<String>,
}

impl Work {
    /// If it cannot be read, the run is shown all the same: fails only if it is interrupted.
    async fn read(context: &mut Context<'_>, id: &SessionId) -> Result<Self, Failure> {
        let options = StepOptions::default().with_tool_io();
        let options = options.with_max_chars(text::INPUT_LENGTH);
        let missing = match context
            .read(id, context.client.get_run_steps(id, options))
            .await
        {
            Ok(read) => match read.steps {
                Some(mut steps) => {
                    steps.sort_by_key(|step| step.index);
                    return Ok(Self {
                        steps,
                        startup_steps: read.startup_steps.unwrap_or_default(),
                        missing: None,
                    });
                }
                None => "the response has none".to_owned(),
            },
            Err(failure) if matches!(failure.exit, ExitStatus::Interrupted(_)) => {
                return Err(failure);
            }
            Err(failure) => failure.message,
        };
        let text = format!("no steps are shown: {missing}");
        context.output.warning(&text);
        Ok(Self {
            missing: Some(missing),
            ..Self::default()
        })
    }

    /// Shows it in the words of a run that is followed.
    fn show(&self, output: &Output) {
        let startup = self.startup_steps.iter().map(text::startup_line);
        let steps = self.steps.iter().filter_map(text::tool_line);
        let lines: Vec<_> = startup
            .chain(steps.map(|line| format!("  ↳ {line}")))
            .collect();
        if !lines.is_empty() {
            output.aside(&lines.join("\n"));
        }
    }
}
