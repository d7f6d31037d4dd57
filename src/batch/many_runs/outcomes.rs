//! What comes of a trigger, of a read of a run and of a stop; and what becomes of the run.

use std::sync::Arc;
use std::time::Duration;

use super::{ManyRuns, ToStart, ToStop, UNKNOWN_IN_A_ROW};
use crate::batch::waiting_run::WaitingRun;
use crate::error::{Error, Result};
use crate::model::{Accepted, Run, RunStatus, SessionId};
use crate::operations::scheduler::{FIRST_POLL, LONGEST_RETRY_AFTER};
use crate::polling::completed;

/// When a request was made, and when its response came, at the latest.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) asked: Duration,
    pub(super) answered: Duration,
}

/// What came of a request that starts a run, and when it was made.
pub(super) type Triggered<K> = (Box<ToStart<K>>, Duration, Result<Started>);

/// A run that is there.
pub(super) enum Started {
    /// It was started here.
    Here(Accepted),
    /// It was started before, under the same key.
    Before(SessionId),
    /// The same, and it has ended.
    Ended(Box<Run>),
}

/// What came of stopping the run of this number.
pub(super) type Stopped = (u64, Stop);

pub(super) enum Stop {
    Made(Result<Accepted>),
    /// It was not made, since the run had ended so.
    HadEnded(RunStatus),
}

/// What came of reading the run of this number.
pub(super) struct ReadRun {
    pub(super) number: u64,
    pub(super) at: At,
    pub(super) read: Result<Run>,
}

impl<K: Clone + Send + 'static> ManyRuns<K> {
    pub(super) fn started(
        &mut self,
        mut item: ToStart<K>,
        start: Duration,
        started: Result<Started>,
    ) {
        let (id, is_here) = match started {
            Ok(Started::Here(accepted)) => (Ok(accepted.session_id), true),
            Ok(Started::Before(id)) => (Ok(id), false),
            Ok(Started::Ended(run)) => {
                self.has_read = true;
                self.is_proven = true;
                self.in_progress -= 1;
                self.results.push_back((item.key, completed(*run, false)));
                return;
            }
            Err(error) => (Err(error), false),
        };
        let error = match id {
            Ok(id) => {
                self.is_proven |= is_here;
                self.member.note_answered();
                self.unknown_in_a_row = 0;
                let mut run = Box::new(WaitingRun::new(item.key, id, start));
                run.started = is_here;
                run.is_proven = is_here;
                run.once = item.once;
                let now = self.clock.now();
                let first_poll = self.options.schedule.pause(Duration::ZERO).min(FIRST_POLL);
                self.ask(run, now, now.saturating_add(first_poll));
                return;
            }
            Err(error) => error,
        };
        self.in_progress -= 1;
        if let Error::RateLimited { .. } = error {
            let retry = self.api.retry();
            let asked = error.retry_after().unwrap_or_default();
            let delay = retry.delays().nth(item.turned_away);
            let is_tried_again = delay.is_some() && asked <= retry.longest_retry_after();
            let asked = match is_tried_again {
                true => asked,
                false => asked.min(LONGEST_RETRY_AFTER),
            };
            let pause = delay.unwrap_or_default().max(asked);
            let not_before = self.clock.now().saturating_add(pause);
            self.triggers_not_before = self.triggers_not_before.max(not_before);
            if let Some(cause) = self.refused_by.clone() {
                return self.not_started(item, &cause);
            }
            if is_tried_again {
                tracing::debug!(%error, ?pause, "starting no run for a while");
                item.turned_away += 1;
                self.to_start.push_front(item);
                return;
            }
        }
        let is_unknown = error.may_have_started() && error.session_id().is_none();
        self.unknown_in_a_row = match is_unknown {
            true => self.unknown_in_a_row + 1,
            false => 0,
        };
        let is_hopeless = matches!(error, Error::Unauthorized { .. } | Error::Journal { .. });
        if is_hopeless || self.unknown_in_a_row >= UNKNOWN_IN_A_ROW {
            self.start_no_more(&error);
        }
        self.results.push_back((item.key, Err(error)));
    }

    pub(super) fn stopped(&mut self, (number, stop): Stopped) {
        let Some(stopped) = self.stopping.remove(&number) else {
            return;
        };
        let ToStop {
            run,
            mut timeout,
            since,
            ..
        } = stopped;
        match stop {
            Stop::HadEnded(status) => {
                let at = At {
                    asked: since,
                    answered: since,
                };
                self.has_status(run, status, at);
            }
            Stop::Made(stop) => {
                timeout.stopped = Some(stop.map(|accepted| accepted.status).map_err(Box::new));
                self.finish(*run, Err(Error::WaitTimeout(timeout)));
            }
        }
    }

    pub(super) fn read(&mut self, read: ReadRun) {
        let ReadRun { number, at, read } = read;
        let Some(mut run) = self.reading.remove(&number) else {
            return;
        };
        match read {
            Ok(read) if read.status.is_terminal() => {
                let now = self.clock.now();
                run.failed_polls.answered(&run.id, now, &mut self.on_outage);
                let started = run.started;
                self.finish(*run, completed(read, started));
            }
            // A follow-up has woken it in between.
            Ok(read) => self.has_status(run, read.status, at),
            Err(error) => self.fail(run, &Arc::new(error), at),
        }
    }
}
