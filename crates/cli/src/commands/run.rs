//! `dinoai run`: starts a run ([`trigger_run`]) and follows it to its end, or with `--detach` prints its
//! session id and leaves it.

use dinoai::{Accepted, TriggerRun};

use super::context::Context;
use super::message;
use crate::args::{Format, RequestArgs, RunArgs};
use crate::follow::AnswerFile;
use crate::output::{Output, Stream};
use crate::print::Audience;
use crate::report::{ExitStatus, Failure};

impl RunArgs {
    /// The same with the message itself, if it is to be read.
    pub(crate) fn with_message(mut self) -> Result<Self, Failure> {
        self.request.message = message::read(self.request.message, self.message_file.clone())?;
        if self.request.agent.is_none() && self.request.message.is_none() {
            return Err(Failure::usage(
                "nothing to run; name an agent, pass a message with -m (-m - reads it \
                 from standard input), or both",
            ));
        }
        Ok(self)
    }
}

pub(crate) async fn run(
    context: Context<'_>,
    options: RunArgs,
    answer_file: Option<AnswerFile>,
) -> Result<ExitStatus, Failure> {
    let request = trigger_run(options.request)?;
    let follower = context.follower(options.follow, Audience::Author);
    let mut watched = follower.watch(context.client.trigger_run_and_watch(request), true);
    if !options.detach {
        return follower
            .follow_and_report(watched, context.interrupts, answer_file)
            .await;
    }
    let show = |accepted: &Accepted| detached(accepted, context.output);
    let accepted = follower
        .start_only(&mut watched, context.interrupts, show)
        .await?;
    let started = format!("the run {} has started", accepted.session_id);
    follower
        .wait_until_written(&mut watched, context.interrupts, &started)
        .await?;
    Ok(ExitStatus::Done)
}

/// The run that the options ask for; `chat` and `batch` start theirs by it, too.
pub(crate) fn trigger_run(options: RequestArgs) -> Result<TriggerRun, Failure> {
    let request = match (options.agent, options.message) {
        (Some(agent), None) => TriggerRun::agent(agent),
        (Some(agent), Some(message)) => TriggerRun::agent(agent).with_message(message),
        (None, Some(message)) => TriggerRun::message(message),
        (None, None) => return Err(Failure::usage("a run needs an agent or a message")),
    };
    let request = match (options.slack_channel, options.slack_thread) {
        (Some(channel), Some(thread)) => request.with_slack(channel, thread),
        (None, None) => request,
        _ => {
            return Err(Failure::usage(
                "a Slack channel needs a Slack thread, and a thread a channel",
            ));
        }
    };
    let request = match options.base_branch {
        Some(reference) => request.with_base_branch(reference),
        None => request,
    };
    Ok(match options.model_family {
        Some(slug) => request.with_model_family(slug),
        None => request,
    })
}

fn detached(accepted: &Accepted, output: &Output) {
    if let Some(warning) = &accepted.warning {
        output.warning(warning);
    }
    if Stream::is_stdout_closed() {
        output.session_id_on_stderr(&accepted.session_id);
    }
    match output.format {
        Format::Text => output.line(accepted.session_id.as_str()),
        Format::Json | Format::Jsonl => output.json(accepted),
    }
}
