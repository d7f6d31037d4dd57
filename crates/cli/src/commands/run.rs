//! `dinoai run`: starts a run ([`trigger_run`]) and follows it to its end, or with `--detach` prints its
//! session id and leaves it.

use dinoai::{Event, TriggerRun};
use serde_json::json;

use super::context::Context;
use super::message;
use crate::args::{Format, RequestArgs, RunArgs};
use crate::follow::AnswerUse;
use crate::journal::{Ledger, key_of};
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
    answer: AnswerUse,
) -> Result<ExitStatus, Failure> {
    let request = trigger_run(options.request)?;
    let follower = context.follower(options.follow, Audience::Author, &answer);
    let ledger = match options.once.key {
        Some(_) => {
            Some(Ledger::needed(&options.once.journal, context.is_emulated, context.output).await?)
        }
        None => Ledger::open(&options.once.journal, context.is_emulated, context.output).await?,
    };
    let key = key_of(&options.once, &request)?;
    let watch = match &ledger {
        Some(ledger) => {
            let once = ledger.start_once(context.client, &options.once, request, context.output)?;
            once.watch()
        }
        None => context.client.trigger_run_and_watch(request),
    };
    let mut watched = follower.watch(watch, true);
    let explain = async |failure| match &ledger {
        Some(ledger) => ledger.explain(failure, key.as_deref()).await,
        None => failure,
    };
    if !options.detach {
        let done = follower
            .follow_and_report(watched, context.interrupts, answer)
            .await;
        return match done {
            Ok(exit) => Ok(exit),
            Err(failure) => Err(explain(failure).await),
        };
    }
    let show = |event: &Event| detached(event, context.output);
    let id = follower
        .start_only(&mut watched, context.interrupts, show)
        .await;
    let id = match id {
        Ok(id) => id,
        Err(failure) => return Err(explain(failure).await),
    };
    let started = format!("the run {id} has started");
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

fn detached(event: &Event, output: &Output) {
    let (id, accepted) = match event {
        Event::Started(accepted) => (&accepted.session_id, Some(accepted)),
        Event::Attached(id) => (id, None),
        _ => return,
    };
    if let Some(warning) = accepted.and_then(|accepted| accepted.warning.as_ref()) {
        output.warning(warning);
    }
    if Stream::is_stdout_closed() {
        output.session_id_on_stderr(id);
    }
    match (output.format, accepted) {
        (Format::Text, _) => output.line(id.as_str()),
        (Format::Json | Format::Jsonl, Some(accepted)) => output.json(accepted),
        (Format::Json | Format::Jsonl, None) => output.json(&json!({ "agentSessionId": id })),
    }
}
