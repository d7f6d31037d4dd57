//! How a watch begins: with a run that is there, with a trigger, or with a follow-up.

use std::time::Duration;

use super::super::event::Event;
use super::super::handle::Handle;
use super::super::seen_messages::SeenMessages;
use super::watcher::Watcher;
use crate::error::Result;
use crate::model::{StepOptions, TriggerRun};
use crate::operations::{Api, check_step_options};
use crate::polling::{OnOutage, PollOptions};
use crate::transport::CallOptions;

/// What is watched, or started and watched.
#[derive(Clone)]
pub(super) enum Subject {
    Run(Handle),
    New(Api, TriggerRun),
    FollowUp(Handle, String),
}

/// An event; with the first one the run's handle, and the messages that had been emitted before.
pub(super) type Item = (Option<(Handle, SeenMessages)>, Result<Event>);

/// Where the stream of a watch stands.
pub(super) enum Stage {
    Opening(Box<Opening>),
    Watching(Box<Watcher>),
    Over,
}

impl Stage {
    pub(super) async fn next(self) -> Option<(Item, Self)> {
        let (first, mut watcher) = match self {
            Self::Opening(opening) => match opening.open().await {
                Ok((event, watcher)) => {
                    let first = (watcher.handle.clone(), watcher.seen.messages.clone());
                    if let Some(event) = event {
                        let watching = Self::Watching(Box::new(watcher));
                        return Some(((Some(first), Ok(event)), watching));
                    }
                    (Some(first), Box::new(watcher))
                }
                Err(error) => return Some(((None, Err(error)), Self::Over)),
            },
            Self::Watching(watcher) => (None, watcher),
            Self::Over => return None,
        };
        let event = watcher.next().await?;
        Some(((first, event), Self::Watching(watcher)))
    }
}

/// A watch before its first poll.
pub(super) struct Opening {
    pub(super) start: Duration,
    pub(super) subject: Subject,
    pub(super) options: PollOptions,
    pub(super) steps: Option<StepOptions>,
    pub(super) on_outage: Option<Box<OnOutage>>,
}

impl Opening {
    /// Starts what is to be started. Returns the event that says so.
    async fn open(self) -> Result<(Option<Event>, Watcher)> {
        self.options.check()?;
        check_step_options(&self.steps.unwrap_or_default())?;
        let deadline = self.start.saturating_add(self.options.timeout);
        let (handle, event) = match self.subject {
            Subject::Run(handle) => (handle, None),
            Subject::New(api, request) => {
                let call = CallOptions {
                    deadline: Some(deadline),
                    ..CallOptions::default()
                };
                let accepted = api.trigger(request, call).await?;
                let handle = Handle::started(api, accepted.session_id.clone());
                (handle, Some(Event::Started(accepted)))
            }
            Subject::FollowUp(handle, message) => {
                let options = CallOptions {
                    deadline: Some(deadline),
                    ..CallOptions::default()
                };
                let accepted = handle.send(message, options).await?;
                (handle, Some(Event::Sent(accepted)))
            }
        };
        let polls = handle.polls(self.start, self.options);
        let mut polls = polls.with_outages(self.on_outage);
        if event.is_some() {
            polls = polls.having_started();
        }
        let mut watcher = Watcher::new(handle, polls, self.steps);
        if let Some(Event::Sent(_)) = event {
            // The turn's own, also where the run read the same before.
            watcher.seen.status = None;
        }
        Ok((event, watcher))
    }
}
