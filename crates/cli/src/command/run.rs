//! `dinoai run`: starts a run, and waits for its end.

use dinoai::{Accepted, TriggerRun};
use serde::Serialize;

use super::Desk;
use crate::exit::Exit;
use crate::failure::{Failure, go_on};
use crate::follow::Follow;
use crate::in_flight;
use crate::message;
use crate::narration::Audience;
use crate::options::{Format, Request, Run};
use crate::output::Output;

impl Run {
    /// The same with the message from the pipe, where none was given.
    pub(crate) fn with_message(mut self) -> Result<Self, Failure> {
        self.request.message = message::given_or_piped(self.request.message)?;
        if self.request.agent.is_none() && self.request.message.is_none() {
            return Err(Failure::usage(
                "there is nothing to run: name an agent, give a message with -m, or both",
            ));
        }
        Ok(self)
    }
}

pub(crate) async fn run(mut desk: Desk<'_>, options: Run) -> Result<Exit, Failure> {
    let request = trigger(options.request)?;
    let Desk { client, output, .. } = desk;
    output.busy("starting");
    let call = client.trigger_run(request);
    let (accepted, signal) = in_flight::answer(call, &mut desk.interrupts).await?;
    if let Some(warning) = &accepted.warning {
        output.warning(warning);
    }
    let id = &accepted.session_id;
    if options.detach {
        output.idle();
        detached(&accepted, output)?;
    } else {
        started(&accepted, output)?;
    }
    if let Some(signal) = signal {
        return Err(Failure::interrupted(signal, id, "has started").with_hint(go_on(id)));
    }
    if options.detach {
        return Ok(Exit::Done);
    }
    let follow = Follow {
        client,
        output,
        waiting: options.waiting,
        audience: Audience::Author,
    };
    let session = client.session(id)?;
    follow.to_the_end(&session, &mut desk.interrupts).await
}

/// What the options ask to start.
pub(crate) fn trigger(options: Request) -> Result<TriggerRun, Failure> {
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
                "a Slack channel and a Slack thread go together",
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

/// The first line of JSON lines.
#[derive(Serialize)]
pub(super) struct Begun<'a> {
    pub(super) event: &'static str,
    pub(super) data: &'a Accepted,
}

/// Says which run has started, before anything else can happen.
fn started(accepted: &Accepted, output: &Output) -> Result<(), Failure> {
    match output.format {
        Format::Text => output.note(&format!("session {}", accepted.session_id)),
        Format::Json => output.json_note(accepted),
        Format::Jsonl => output.json(&Begun {
            event: "started",
            data: accepted,
        })?,
    }
    Ok(())
}

fn detached(accepted: &Accepted, output: &Output) -> Result<(), Failure> {
    match output.format {
        Format::Text => output.text(accepted.session_id.as_str()),
        Format::Json | Format::Jsonl => output.json(accepted),
    }
}
