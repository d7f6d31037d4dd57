//! Waits: each ended with the run, in time, and stopped nothing that had ended.

use std::time::Duration;

use dinoai::{Error, Run as Read, RunStatus};
use dinoai_emulator::Request;

use super::ledger::{Waited, said};
use super::{Books, LATE, all, fault};
use crate::campaign::lane::{CALL_TIMEOUT, Conditions, Quirk, REQUEST_TIMEOUT};
use crate::campaign::report::Kind;
use crate::campaign::wire::Carried;

/// How long the library looks once more at a deadline, at the longest.
const LAST_LOOK: Duration = Duration::from_secs(5);
/// How long before a deadline something has to have ended for its end to count as missed.
const MARGIN: Duration = Duration::from_millis(300);
/// What a tree is called whose every other read fails, and nothing else.
pub(crate) const FLAKY_TREE: &str = "tree of which every other read fails";

impl Books<'_> {
    pub(super) fn judge_wait(&mut self, wait: &Waited) {
        let took = wait.ended.saturating_sub(wait.began);
        let is_tree = matches!(wait.name, "tree" | FLAKY_TREE);
        let last_look = match self.is_calm() || is_tree {
            true => LAST_LOOK,
            // The status, and the whole run.
            false => REQUEST_TIMEOUT * 2,
        };
        let mut allowed = wait.timeout + wait.absent + last_look + LATE;
        if wait.starts {
            allowed += REQUEST_TIMEOUT;
        }
        if wait.stops {
            allowed += CALL_TIMEOUT + REQUEST_TIMEOUT;
        }
        allowed += self.stalled(wait.began, wait.ended);
        if took > allowed {
            self.find(Kind::Overrun, format!("after {took:?}: {}", short(wait)));
        }
        match &wait.result {
            Ok(read) => {
                self.check(match wait.name {
                    "ask" => "a turn ended",
                    _ => "ended, as reported",
                });
                for run in read {
                    self.judge_read(wait, run);
                }
                if is_tree {
                    self.judge_tree(wait, read);
                }
            }
            Err(Error::RunFailed { run, .. }) => {
                self.check("ended, as reported");
                if run.status == RunStatus::Completed || !run.status.is_terminal() {
                    self.find(Kind::WrongEnd, format!("no failure: {}", short(wait)));
                }
                self.judge_read(wait, run);
            }
            Err(Error::WaitTimeout(timeout)) => {
                // The time of one of many counts from its trigger, which nobody sees.
                let waited = match wait.name {
                    "one of run_all" => timeout.elapsed,
                    _ => took,
                };
                if waited < wait.timeout {
                    self.find(Kind::WrongEnd, format!("too early: {}", short(wait)));
                }
                if let Some(Ok(_)) = timeout.stopped
                    && let Some(id) = &wait.id
                    && self.run(id).is_some_and(|run| run.stops.is_empty())
                {
                    self.find(Kind::WrongEnd, format!("not stopped: {}", short(wait)));
                }
                // One that waits for another ask has not looked yet.
                if wait.name != "ask" || timeout.polls > 0 {
                    self.judge_timeout(wait, timeout.elapsed);
                }
            }
            Err(error) => {
                self.check(match wait.is_proven && wait.id.is_some() {
                    true => "failed, for a reason that is no outage",
                    false => "not judged: failed before the run was known",
                });
                let is_outage = wait.is_proven && wait.id.is_some() && error.is_retryable();
                if is_outage && wait.ended < wait.began + wait.timeout {
                    self.find(
                        Kind::WrongEnd,
                        format!("ended by an outage: {}", short(wait)),
                    );
                }
                if self.is_calm() && wait.timeout > MARGIN {
                    self.find(
                        Kind::WrongEnd,
                        format!("nothing had failed: {}", short(wait)),
                    );
                }
            }
        }
        if let (Err(error), Some(id)) = (&wait.result, &wait.id)
            && error.session_id().is_none_or(|known| known.as_str() != id)
        {
            self.find(
                Kind::Loss,
                format!("the id {id} is missing: {}", short(wait)),
            );
        }
    }

    /// A run that was returned as ended.
    pub(super) fn judge_read(&mut self, wait: &Waited, read: &Read) {
        let Some(run) = self.run(read.session_id.as_str()).cloned() else {
            self.find(Kind::WrongEnd, format!("no such run: {}", short(wait)));
            return;
        };
        if !read.status.is_terminal() {
            let text = format!("{} is no end: {}", read.status, short(wait));
            self.find(Kind::WrongEnd, text);
        }
        if !wait.is_final {
            return;
        }
        self.check("ended, with this status and transcript");
        let has_ended = run.ended.is_some_and(|ended| ended <= wait.ended);
        if !has_ended || run.status != read.status.as_str() {
            let stands = format!("{} since {:?}", run.status, run.ended);
            let text = format!(
                "{} is {stands}, not {}: {}",
                run.session_id,
                read.status,
                short(wait)
            );
            self.find(Kind::WrongEnd, text);
        }
        // Read whole it is what the API lists, twice if need be.
        if self.lane.quirk != Quirk::RepeatedMessages {
            let messages = read.messages.iter().map(said).collect();
            self.compare(&run, messages, all(&run), true);
        }
    }

    pub(super) fn judge_tree(&mut self, wait: &Waited, read: &[Read]) {
        let Some(id) = &wait.id else { return };
        let is_read = |id: &String| read.iter().any(|run| run.session_id.as_str() == id);
        let mut missing = self.descendants(id);
        missing.retain(|id| !is_read(id));
        if !missing.is_empty() {
            self.find(
                Kind::WrongEnd,
                format!("without {missing:?}: {}", short(wait)),
            );
        }
    }

    /// A wait that ended at its deadline: had it to?
    pub(super) fn judge_timeout(&mut self, wait: &Waited, elapsed: Duration) {
        let Some(id) = &wait.id else { return };
        let began = match wait.name {
            "one of run_all" => wait.ended.saturating_sub(wait.absent + elapsed),
            _ => wait.began,
        };
        let deadline = began + wait.timeout;
        let is_tree = matches!(wait.name, "tree" | FLAKY_TREE);
        let ids = match is_tree {
            true => self.descendants(id),
            false => vec![id.clone()],
        };
        let ended: Option<Vec<_>> = ids.iter().map(|id| self.run(id)?.ended).collect();
        let Some(ended) = ended.and_then(|ended| ended.into_iter().max()) else {
            self.check("timed out, and had not ended");
            // What goes on is stopped, if that was asked for and the API could be reached.
            let has_sent = wait.result.as_ref().is_err_and(Error::may_have_started);
            let is_left = wait.stops && self.is_calm() && !wait.may_hang;
            if is_left && (has_sent || wait.name != "ask") {
                self.find(Kind::WrongEnd, format!("left going: {}", short(wait)));
            }
            return;
        };
        let margin = if is_tree { MARGIN + LATE } else { MARGIN };
        let is_excused = wait.may_hang
            // Such a run does not always read as ended.
            || self.lane.quirk == Quirk::AlternatingStatus
            // The end may be that of the turn before, or what shows that the turn has begun may be
            // gone from the transcript.
            || matches!(self.lane.quirk, Quirk::StaleReads(_) | Quirk::CompactedTranscript)
                && self.run(id).is_some_and(|run| !run.follow_ups.is_empty());
        if is_excused {
            self.check("not judged: timed out, and may not have known");
            return;
        }
        if ended + margin + self.stalled(began, wait.ended) >= deadline {
            self.check("timed out, and had not ended for long");
            return;
        }
        // A request that hung since before may have been the last look.
        let since = ended
            .saturating_sub(REQUEST_TIMEOUT + MARGIN)
            .max(wait.began);
        if !self.has_failed(&ids, since, wait.ended) {
            self.find(
                Kind::WrongEnd,
                format!("it had ended at {ended:?}: {}", short(wait)),
            );
            return;
        }
        self.check("not judged: timed out, and something had failed");
        const ENOUGH: usize = 6;
        let was_read = |id: &String| self.clean_reads(id, ended, deadline) >= ENOUGH;
        // Once all have ended they are read whole, and that may fail, or have to wait.
        let is_whole = |request: &&Request| {
            request.operation_name.as_deref() == Some("DinoaiAgentRun")
                && request.received > ended
                && fault(request).is_some()
                && ids
                    .iter()
                    .any(|id| request.variables.to_string().contains(id))
        };
        let is_certain =
            wait.name == FLAKY_TREE && !self.requests.iter().any(|request| is_whole(&request));
        if is_certain && ids.iter().all(was_read) {
            let text = format!("it had ended at {ended:?} and was read: {}", short(wait));
            self.find(Kind::WrongEnd, text);
        }
    }

    /// A run that has ended must not be stopped once it has been read as such.
    pub(super) fn judge_stops(&mut self, on_purpose: &[(String, bool)]) {
        for place in 0..self.runs.len() {
            let run = self.runs[place].clone();
            let is_stale =
                matches!(self.lane.quirk, Quirk::StaleReads(_)) && !run.follow_ups.is_empty();
            let is_on_purpose = on_purpose.iter().any(|(id, _)| *id == run.session_id);
            // Over a wire that fails nobody knows what was read.
            if is_on_purpose || is_stale || self.lane.conditions == Conditions::WireFails {
                continue;
            }
            for stop in &run.stops {
                self.check("stopped, and had not ended");
                let Some(ended) = run.ended.filter(|ended| ended < stop) else {
                    continue;
                };
                // Of three reads in a row that do not lag behind one at most shows another status.
                let enough = match self.lane.quirk {
                    Quirk::AlternatingStatus => 3,
                    _ => 1,
                };
                // What was answered may not have been looked at in time.
                let is_late = self.stalled(ended, *stop) > MARGIN;
                if !is_late && self.clean_reads(&run.session_id, ended, *stop) >= enough {
                    let text = format!(
                        "run {} ended at {ended:?}, stopped at {stop:?}",
                        run.session_id
                    );
                    self.find(Kind::WrongEnd, text);
                }
            }
        }
    }

    /// How often a run was read without a fault, between these moments.
    pub(super) fn clean_reads(&self, id: &str, after: Duration, before: Duration) -> usize {
        let is_clean = |request: &&Request| {
            request.received > after
                && request.answered.is_some_and(|answered| answered < before)
                && fault(request).is_none()
                && request.status == 200
                && request.query.contains("dinoaiAgentRun")
                && !request.query.contains("steps")
                && request.variables.to_string().contains(id)
        };
        self.requests.iter().filter(is_clean).count()
    }

    /// Whether anything has failed that could concern one of these runs.
    pub(super) fn has_failed(&self, ids: &[String], since: Duration, until: Duration) -> bool {
        let is_within = |at: Duration| since <= at && at <= until;
        let concerns = |request: &Request| {
            let variables = request.variables.to_string();
            // What has no variables that could be read may be about anything.
            request.variables.is_null() || ids.iter().any(|id| variables.contains(id))
        };
        let by_the_api = self.requests.iter().any(|request| {
            fault(request).is_some() && is_within(request.received) && concerns(request)
        });
        let by_the_wire = |carried: &Carried| {
            carried
                .failed
                .is_some_and(|(_, first)| first <= until && since <= carried.failed_last)
        };
        by_the_api || self.carried.iter().any(by_the_wire)
    }
}

/// A wait without the transcripts that it has read.
fn short(wait: &Waited) -> String {
    let result = match &wait.result {
        Ok(runs) => format!("Ok, {} runs", runs.len()),
        Err(error) => format!("Err, {error}"),
    };
    let Waited {
        name,
        id,
        timeout,
        began,
        ended,
        absent,
        stops,
        ..
    } = wait;
    format!(
        "{name} of {} from {began:?} to {ended:?}, timeout {timeout:?}, absent {absent:?}, \
         stops: {stops}: {result}",
        id.as_deref().unwrap_or("no id")
    )
}
