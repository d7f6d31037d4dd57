//! How a watch begins: with a run that is there, with a trigger, or with a follow-up.

use std::time::Duration;

use super::super::event::Event;
use super::super::handle::Handle;
use super::super::hooks::{OnAccepted, OnStarted};
use super::super::seen_messages::SeenMessages;
use super::super::state::SessionState;
use super::watcher::{Recorded, Watcher};
use crate::error::{Error, Result};
use crate::journal::{Keyed, OnUnrecorded, Once};
use crate::model::{StepOptions, TriggerRun};
use crate::operations::{Api, check_step_options};
use crate::polling::{OnOutage, PollOptions};
use crate::transport::CallOptions;

/// What is watched, or started and watched.
#[derive(Clone)]
pub(super) enum WatchSubject {
    Run(Handle),
    New(Api, TriggerRun),
    Once(Box<Keyed>),
    FollowUp(Handle, String),
}

/// An event; with the first one the run's handle, and the messages that had been emitted before.
pub(super) type Item = (Option<(Handle, SeenMessages)>, Result<Event>);

/// Where the stream of a watch stands.
pub(super) enum WatchStage {
    Starting(Box<WatchStart>, Duration),
    Watching(Box<Watcher>),
    Done,
}

impl WatchStage {
    /// The watch begins now: its timeout counts from here.
    pub(super) fn begin(unstarted: Box<WatchStart>) -> Self {
        let start = unstarted.subject.api().clock().now();
        Self::Starting(unstarted, start)
    }

    pub(super) async fn next(self) -> Option<(Item, Self)> {
        let (first, mut watcher) = match self {
            Self::Starting(unstarted, start) => match unstarted.open(start).await {
                Ok((event, watcher)) => {
                    let first = (watcher.handle.clone(), watcher.seen.messages.clone());
                    if let Some(event) = event {
                        let watching = Self::Watching(Box::new(watcher));
                        return Some(((Some(first), Ok(event)), watching));
                    }
                    (Some(first), Box::new(watcher))
                }
                Err(error) => return Some(((None, Err(error)), Self::Done)),
            },
            Self::Watching(watcher) => (None, watcher),
            Self::Done => return None,
        };
        let event = watcher.next().await?;
        Some(((first, event), Self::Watching(watcher)))
    }
}

/// A watch before its first poll.
pub(super) struct WatchStart {
    pub(super) subject: WatchSubject,
    pub(super) options: PollOptions,
    pub(super) steps: Option<StepOptions>,
    pub(super) reads_at_end: bool,
    pub(super) hooks: Hooks,
}

/// What is called while a watch is read.
#[derive(Default)]
pub(super) struct Hooks {
    pub(super) on_started: Option<Box<OnStarted>>,
    pub(super) on_accepted: Option<Box<OnAccepted>>,
    pub(super) on_outage: Option<Box<OnOutage>>,
    pub(super) on_unrecorded: Option<Box<OnUnrecorded>>,
}

impl WatchSubject {
    /// The session, unless the run is still to be started.
    pub(super) fn handle(&self) -> Option<&Handle> {
        match self {
            Self::Run(handle) | Self::FollowUp(handle, _) => Some(handle),
            Self::New(..) | Self::Once(_) => None,
        }
    }

    fn api(&self) -> &Api {
        match self {
            Self::Run(handle) | Self::FollowUp(handle, _) => &handle.api,
            Self::New(api, _) => api,
            Self::Once(keyed) => &keyed.api,
        }
    }
}

impl WatchStart {
    /// Starts what is to be started. Returns the event that says so.
    async fn open(self, start: Duration) -> Result<(Option<Event>, Watcher)> {
        self.options.check()?;
        check_step_options(&self.steps.unwrap_or_default())?;
        let deadline = start.saturating_add(self.options.timeout);
        let mut recorded = None;
        let mut restarted = None;
        let (handle, event) = match self.subject {
            WatchSubject::Once(keyed) => {
                let keyed = Keyed {
                    deadline: Some(deadline),
                    ..*keyed
                };
                let (api, journal, key) =
                    (keyed.api.clone(), keyed.journal.clone(), keyed.key.clone());
                let once = keyed.start(self.hooks.on_unrecorded).await?;
                let (id, event, owner) = match once {
                    Once::Started {
                        accepted,
                        failed,
                        owner,
                    } => {
                        if let Some(on_accepted) = self.hooks.on_accepted {
                            on_accepted(&accepted);
                        }
                        restarted = failed.map(Event::Restarted);
                        let id = accepted.session_id.clone();
                        (id, Event::Started(accepted), Some(owner))
                    }
                    Once::Attached(id) => (id.clone(), Event::Attached(id), None),
                    Once::Ended(run) => {
                        let id = run.session_id;
                        (id.clone(), Event::Attached(id), None)
                    }
                    Once::Unknown { since, reason } => {
                        return Err(Error::KeyUnknown { key, since, reason });
                    }
                };
                if let Some(on_started) = self.hooks.on_started {
                    on_started(&id);
                }
                let handle = match owner {
                    Some(_) => Handle::started(api, id),
                    None => Handle::new(api, id, SessionState::default()),
                };
                recorded = Some(Recorded {
                    journal,
                    key,
                    owner,
                    end: None,
                });
                (handle, Some(event))
            }
            WatchSubject::Run(handle) => {
                if let Some(on_started) = self.hooks.on_started {
                    on_started(&handle.id);
                }
                (handle, None)
            }
            WatchSubject::New(api, request) => {
                let call = CallOptions {
                    deadline: Some(deadline),
                    ..CallOptions::default()
                };
                let accepted = api.trigger(request, call).await?;
                let handle = Handle::started(api, accepted.session_id.clone());
                if let Some(on_accepted) = self.hooks.on_accepted {
                    on_accepted(&accepted);
                }
                if let Some(on_started) = self.hooks.on_started {
                    on_started(&accepted.session_id);
                }
                (handle, Some(Event::Started(accepted)))
            }
            WatchSubject::FollowUp(handle, message) => {
                let options = CallOptions {
                    deadline: Some(deadline),
                    ..CallOptions::default()
                };
                let accepted = handle.send(message, options).await?;
                if let Some(on_accepted) = self.hooks.on_accepted {
                    on_accepted(&accepted);
                }
                (handle, Some(Event::Sent(accepted)))
            }
        };
        let polls = handle.polls(start, self.options);
        let mut polls = polls.with_outages(self.hooks.on_outage);
        if let Some(Event::Started(_) | Event::Sent(_)) = event {
            polls = polls.having_started();
        }
        let mut watcher = Watcher::new(handle, polls, self.steps, self.reads_at_end);
        watcher.recorded = recorded;
        if let Some(Event::Sent(_)) = event {
            // The turn's own, also where the run read the same before.
            watcher.seen.status = None;
        }
        match (restarted, event) {
            (Some(restarted), Some(event)) => {
                watcher.queue_first(event);
                Ok((Some(restarted), watcher))
            }
            (_, event) => Ok((event, watcher)),
        }
    }
}
