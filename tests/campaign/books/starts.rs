//! Triggers and follow-ups: none twice, none lost, and few that are unknown without need.

use std::time::Duration;

use super::ledger::{Abandoned, Known, Start, Way};
use super::{Books, LATE};
use crate::campaign::lane::{CALL_TIMEOUT, REQUEST_TIMEOUT};
use crate::campaign::report::Kind;
use crate::campaign::wire::{Carried, has};

/// How soon after an id has come in the caller has to know it.
const SOON: Duration = Duration::from_millis(500);

impl Books<'_> {
    pub(super) fn judge_start(&mut self, start: &Start, broken: &mut usize) {
        let ids = self.ids(&start.marker).to_vec();
        if ids.len() > 1 {
            self.find(Kind::Duplicate, format!("{} times, {start:?}", ids.len()));
        }
        let id = ids.first();
        let is_hasty = matches!(start.way, Way::Hasty | Way::Dropped);
        self.check(match &start.known {
            Known::Not => "not carried out, as reported",
            Known::Started(_) => "started, and under this id",
            Known::Maybe(Some(_)) => "unknown, and under this id",
            Known::Maybe(None) if is_hasty => "not judged: unknown, hasty or dropped",
            Known::Maybe(None) => "unknown, and no id had come in",
        });
        match (&start.known, id) {
            (Known::Not, Some(id)) => {
                self.find(
                    Kind::Loss,
                    format!("run {id} was carried out, but {start:?}"),
                );
            }
            (Known::Started(_), None) => {
                self.find(
                    Kind::WrongEnd,
                    format!("nothing was carried out, but {start:?}"),
                );
            }
            (Known::Started(known) | Known::Maybe(Some(known)), Some(id)) if known != id => {
                self.find(Kind::WrongEnd, format!("it is run {id}, but {start:?}"));
            }
            (Known::Maybe(None), Some(id)) if self.has_come_in(start, id) => {
                self.find(
                    Kind::Loss,
                    format!("the id {id} had come in, but {start:?}"),
                );
            }
            (Known::Maybe(_), None) if !matches!(start.way, Way::Dropped | Way::DroppedWait) => {
                self.report.unknowns += 1;
                let has_arrived = |carried: &Carried| has(&carried.body, &start.marker);
                if !self.carried.iter().any(has_arrived) {
                    match *broken {
                        0 => self.report.false_unknowns += 1,
                        _ => *broken -= 1,
                    }
                }
            }
            _ => {}
        }
        let is_certain = matches!(start.way, Way::Call | Way::InAWait) && self.is_calm();
        if is_certain && !matches!(start.known, Known::Started(_) | Known::Maybe(Some(_))) {
            self.find(Kind::WrongEnd, format!("nothing had failed, but {start:?}"));
        }
        if start.way == Way::Nowhere && start.known != Known::Not {
            self.find(
                Kind::WrongEnd,
                format!("nobody had listened, but {start:?}"),
            );
        }
        // A follow-up reads the run before, and its steps for a second at most.
        let allowed = CALL_TIMEOUT * 2 + REQUEST_TIMEOUT * 2 + LATE;
        let allowed = allowed + self.stalled(start.began, start.ended);
        let took = start.ended.saturating_sub(start.began);
        if matches!(start.way, Way::Call | Way::Hasty | Way::Nowhere) && took > allowed {
            self.find(Kind::Overrun, format!("after {took:?}: {start:?}"));
        }
    }

    pub(super) fn judge_abandoned(&mut self, abandoned: &Abandoned) {
        let ids = self.ids(&abandoned.marker).to_vec();
        let Abandoned { marker, place, .. } = abandoned;
        self.check(match ids.is_empty() {
            true => "not judged: abandoned, and never sent",
            false => "abandoned, and its id passed on",
        });
        if ids.len() > 1 {
            self.find(
                Kind::Duplicate,
                format!("{} runs of abandoned {marker}", ids.len()),
            );
        }
        match (abandoned.known(), ids.first()) {
            (None, Some(id)) if self.is_calm() || self.delivered(marker, id).is_some() => {
                let text =
                    format!("the id {id} of abandoned {marker}, place {place}, is not known");
                self.find(Kind::Loss, text);
            }
            (Some(known), id) if id.is_none_or(|id| *id != known) => {
                let text = format!("abandoned {marker} is run {id:?}, but known as {known}");
                self.find(Kind::WrongEnd, text);
            }
            _ => {}
        }
    }

    /// Whether the client has had a response with the id, in time.
    pub(super) fn has_come_in(&self, start: &Start, id: &str) -> bool {
        let Some(at) = self.delivered(&start.marker, id) else {
            return false;
        };
        match start.way {
            Way::Hasty | Way::Dropped => false,
            Way::DroppedWait => at + SOON + self.stalled(at, start.ended) < start.ended,
            Way::Call | Way::InAWait | Way::Nowhere => at < start.began + SOON,
        }
    }

    /// When a response with this id, to the request with this marker, was passed on to the client.
    pub(super) fn delivered(&self, marker: &str, id: &str) -> Option<Duration> {
        let named = format!("\"agentSessionId\":\"{id}\"");
        let carried = self.carried.iter().find(|carried| {
            carried.has_delivered() && has(&carried.body, marker) && has(&carried.response, &named)
        });
        carried?.answered
    }

    /// Bodies that broke off before their marker: each may be that of an unknown outcome.
    pub(super) fn broken_bodies(&self) -> usize {
        let is_broken = |carried: &&Carried| {
            let is_hit = carried
                .failed
                .is_some_and(|(failure, _)| failure.hits_the_request());
            is_hit
                && !carried.body.is_empty()
                && !has(&carried.body, "\"query\":")
                && !has(&carried.body, "marker-")
        };
        self.carried.iter().filter(is_broken).count()
    }
}
