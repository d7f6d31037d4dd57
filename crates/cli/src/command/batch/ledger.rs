//! [`Ledger`]: what is known of each item of a batch from the records of earlier ones.

use dinoai::{RunStatus, SessionId};

use super::item::Item;
use super::record::{Record, What};
use crate::exit::Exit;
use crate::failure::Failure;

/// What is known of each item.
pub(super) struct Ledger {
    pub(super) states: Vec<State>,
}

/// Where an item stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Certainly not started.
    New,
    /// Started, or not.
    Unknown,
    Going(SessionId),
    Ended(Exit),
}

impl Ledger {
    /// Goes through the records in order.
    pub(super) fn of(items: &[Item], records: Vec<Record>) -> Result<Self, Failure> {
        let mut states = vec![State::New; items.len()];
        for Record { item: number, what } in records {
            let place = number.checked_sub(1);
            let known = place.and_then(|place| Some((items.get(place)?, states.get_mut(place)?)));
            let Some((item, state)) = known else {
                return Err(other_batch(number));
            };
            match what {
                What::Starting { request } if request != *item => return Err(other_batch(number)),
                what => state.go_on(what),
            }
        }
        Ok(Self { states })
    }
}

impl State {
    fn go_on(&mut self, what: What) {
        *self = match (what, &*self) {
            (What::Starting { .. }, _) => Self::Unknown,
            (What::Started { session_id }, _) => Self::Going(session_id),
            (What::Ended { run }, _) => Self::Ended(match run.status {
                RunStatus::Completed => Exit::Done,
                _ => Exit::RunFailed,
            }),
            // A wait that failed; the run is what it was.
            (What::Failed { .. }, Self::Going(_)) | (What::Unknown { .. }, _) => return,
            (
                What::Failed {
                    error,
                    may_have_started,
                },
                _,
            ) => match (error.session_id, may_have_started) {
                (Some(session_id), true) => Self::Going(session_id),
                (None, true) => Self::Unknown,
                (_, false) => Self::New,
            },
        };
    }
}

fn other_batch(number: usize) -> Failure {
    Failure::usage(format!(
        "the results are of another batch: their item {number} is not that of the file; nothing \
         was started"
    ))
}
