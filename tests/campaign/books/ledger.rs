//! [`Ledger`]: what the users of a lane were returned.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use dinoai::{Error, Message, Run as Read, SessionId};

use super::Books;
use crate::campaign::Shared;
use crate::campaign::lane::Lane;

/// Everything that the users of a lane were returned.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) operations: BTreeMap<&'static str, u64>,
    pub(crate) starts: Vec<Start>,
    pub(crate) waits: Vec<Waited>,
    pub(crate) values: Vec<Valued>,
    pub(crate) followed: Vec<Followed>,
    pub(crate) conversations: Vec<Vec<Answered>>,
    pub(crate) abandoned: Vec<Abandoned>,
    /// The runs that a user has stopped on purpose, and whether the API had accepted it.
    pub(crate) stopped: Vec<(String, bool)>,
    /// What cannot be, whatever has happened.
    pub(crate) contradictions: Vec<String>,
    /// Acts that did not come to an end.
    pub(crate) hung: Vec<String>,
}

/// A trigger or a follow-up.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) marker: String,
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    pub(crate) known: Known,
    #[expect(dead_code, reason = "shown with a finding")]
    pub(crate) error: Option<Error>,
    pub(crate) way: Way,
}

/// What the caller knows of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Known {
    Started(String),
    /// It may have started, under this id if there is one.
    Maybe(Option<String>),
    Not,
}

/// How it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By itself.
    Call,
    /// As a part of a wait, whose own end is judged.
    InAWait,
    /// With a timeout so short that nothing may come back.
    Hasty,
    /// The future was dropped.
    Dropped,
    /// The same, and ids are passed on as soon as they are known.
    DroppedWait,
    /// To a port where nobody listens.
    Nowhere,
}

/// A wait for the end of a run, a turn, or a tree.
#[derive(Debug)]
pub(crate) struct Waited {
    pub(crate) name: &'static str,
    pub(crate) id: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    /// For how long the caller has not looked.
    pub(crate) absent: Duration,
    /// Whether it starts something itself.
    pub(crate) starts: bool,
    pub(crate) stops: bool,
    /// Whether its client has started the run, so that an outage does not end it.
    pub(crate) is_proven: bool,
    /// Whether a follow-up of unknown outcome is open: if it never arrived, nothing ends.
    pub(crate) may_hang: bool,
    pub(crate) result: Result<Vec<Read>, Error>,
    /// Whether nothing happens to the run afterwards.
    pub(crate) is_final: bool,
}

/// A value that was asked for.
#[derive(Debug)]
pub(crate) struct Valued {
    pub(crate) marker: String,
    /// Whether the agent answers with a value, and when it is asked again.
    pub(crate) answers: [bool; 2],
    /// Whether nothing can have come in between.
    pub(crate) is_certain: bool,
    pub(crate) result: Result<(), Error>,
}

/// A message: its timestamp, bit by bit, and its text.
pub(crate) type Said = (u64, String);

pub(crate) fn said(message: &Message) -> Said {
    (message.ts.to_bits(), message.content.clone())
}

/// The messages of a run, as streams have emitted them.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) id: String,
    pub(crate) emitted: Vec<Said>,
    /// Whether the run's end was emitted.
    pub(crate) is_complete: bool,
}

/// A run of many whose result nobody has waited for.
#[derive(Debug)]
pub(crate) struct Abandoned {
    pub(crate) marker: String,
    pub(crate) place: usize,
    /// The runs of which the caller knows that they have started.
    pub(crate) started: Shared<Vec<(usize, SessionId)>>,
}

impl Abandoned {
    pub(super) fn known(&self) -> Option<String> {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let known = started.iter().find(|(of, _)| *of == self.place);
        known.map(|(_, id)| id.to_string())
    }
}

/// What a follow-up of a conversation was answered: the turn's status and messages, or nothing if
/// it failed.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) id: String,
    pub(crate) marker: String,
    pub(crate) turn: Option<(String, Vec<Said>)>,
}

impl Ledger {
    /// Whether callers know the ids of runs that they have abandoned, as far as they have come in.
    pub(crate) fn are_ids_passed_on(&self, lane: &Lane) -> bool {
        let mut unknown = self.abandoned.iter().filter(|it| it.known().is_none());
        let Some(first) = unknown.next() else {
            return true;
        };
        let books = Books::of(lane);
        let has_come_in = |abandoned: &Abandoned| {
            let ids = books.ids(&abandoned.marker);
            ids.iter()
                .any(|id| books.delivered(&abandoned.marker, id).is_some())
        };
        !has_come_in(first) && !unknown.any(has_come_in)
    }
}
