//! What callers were told ([`Ledger`]), held against what the emulator has done and the wire has
//! carried ([`Books`]).

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;
use std::time::Duration;

use dinoai::{Error, Message, Run as Read, RunStatus, SessionId};
use dinoai_emulator::{Request, Run};

use super::Shared;
use super::lane::{CALL_TIMEOUT, Conditions, Edge, Lane, REQUEST_TIMEOUT};
use super::report::{Finding, Kind, Report};
use super::stalls;
use super::wire::{Carried, Failure, has};

/// How long the library looks once more at a deadline, at the longest.
const LAST_LOOK: Duration = Duration::from_secs(5);
/// How late anything may be.
const LATE: Duration = Duration::from_secs(2);
/// How long before a deadline something has to have ended for its end to count as missed.
const MARGIN: Duration = Duration::from_millis(300);
/// What a tree is called whose every other read fails, and nothing else.
pub(crate) const FLAKY_TREE: &str = "tree of which every other read fails";
/// How soon after an id has come in the caller has to know it.
const SOON: Duration = Duration::from_millis(500);

/// Everything that the users of a lane were told.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) operations: BTreeMap<&'static str, u64>,
    pub(crate) starts: Vec<Start>,
    pub(crate) waits: Vec<Waited>,
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
    fn known(&self) -> Option<String> {
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

/// What has happened in a lane.
pub(crate) struct Books<'a> {
    lane: &'a Lane,
    runs: Vec<Run>,
    requests: Vec<Request>,
    carried: Vec<Carried>,
    by_id: HashMap<String, usize>,
    /// Under which ids each message was carried out.
    by_message: HashMap<String, Vec<String>>,
    report: Report,
}

impl<'a> Books<'a> {
    pub(crate) fn of(lane: &'a Lane) -> Self {
        // In this order: what was carried out later is in all of them.
        let carried = lane.wire.carried();
        let (requests, runs) = (lane.emulator.requests(), lane.emulator.runs());
        let dropped = (
            lane.emulator.dropped_requests(),
            lane.emulator.dropped_runs(),
        );
        assert_eq!(dropped, (0, 0), "the books are not whole");
        let by_id = runs.iter().enumerate();
        let by_id = by_id.map(|(place, run)| (run.session_id.clone(), place));
        let mut by_message: HashMap<String, Vec<String>> = HashMap::new();
        for run in &runs {
            for message in run.message.iter().chain(&run.follow_ups) {
                let ids = by_message.entry(message.clone()).or_default();
                ids.push(run.session_id.clone());
            }
        }
        let mut report = Report::default();
        for fault in requests.iter().filter_map(fault) {
            *report.faults.entry(format!("api: {fault}")).or_default() += 1;
        }
        for (failure, _) in carried.iter().filter_map(|carried| carried.failed) {
            *report.faults.entry(failure.name().to_owned()).or_default() += 1;
        }
        report.runs = runs.len() as u64;
        report.requests = requests.len() as u64;
        report.connections = carried.len() as u64;
        Self {
            lane,
            by_id: by_id.collect(),
            runs,
            requests,
            carried,
            by_message,
            report,
        }
    }

    pub(crate) fn judge(mut self, ledger: Ledger) -> Report {
        self.report.operations = ledger.operations.values().sum();
        self.report.by_name.clone_from(&ledger.operations);
        if !self.is_calm() {
            self.report.operations_under_faults = self.report.operations;
        }
        let mut broken = self.broken_bodies();
        for start in &ledger.starts {
            self.judge_start(start, &mut broken);
        }
        for wait in &ledger.waits {
            self.judge_wait(wait);
        }
        for followed in &ledger.followed {
            self.judge_followed(followed);
        }
        for conversation in &ledger.conversations {
            self.judge_conversation(conversation);
        }
        for abandoned in &ledger.abandoned {
            self.judge_abandoned(abandoned);
        }
        for (id, is_accepted) in &ledger.stopped {
            self.check("stopped on purpose");
            let is_stopped = self.run(id).is_some_and(|run| !run.stops.is_empty());
            if *is_accepted && !is_stopped {
                self.find(Kind::WrongEnd, format!("run {id} was not stopped"));
            }
        }
        self.judge_stops(&ledger.stopped);
        for contradiction in ledger.contradictions {
            self.find(Kind::WrongEnd, contradiction);
        }
        for act in ledger.hung {
            self.find(Kind::Overrun, format!("{act} did not end"));
        }
        self.report
    }

    fn is_calm(&self) -> bool {
        self.lane.conditions == Conditions::Calm
    }

    fn judge_start(&mut self, start: &Start, broken: &mut usize) {
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

    fn judge_abandoned(&mut self, abandoned: &Abandoned) {
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
    fn has_come_in(&self, start: &Start, id: &str) -> bool {
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
    fn delivered(&self, marker: &str, id: &str) -> Option<Duration> {
        let named = format!("\"agentSessionId\":\"{id}\"");
        let carried = self.carried.iter().find(|carried| {
            carried.has_delivered() && has(&carried.body, marker) && has(&carried.response, &named)
        });
        carried?.answered
    }

    /// Bodies that broke off before their marker: each may be that of an unknown outcome.
    fn broken_bodies(&self) -> usize {
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

    fn judge_wait(&mut self, wait: &Waited) {
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
    fn judge_read(&mut self, wait: &Waited, read: &Read) {
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
        if self.lane.edge != Edge::RepeatedMessages {
            let messages = read.messages.iter().map(said).collect();
            self.compare(&run, messages, all(&run), true);
        }
    }

    fn judge_tree(&mut self, wait: &Waited, read: &[Read]) {
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
    fn judge_timeout(&mut self, wait: &Waited, elapsed: Duration) {
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
            || self.lane.edge == Edge::AlternatingStatus
            // The end may be that of the turn before, or what shows that the turn has begun may be
            // gone from the transcript.
            || matches!(self.lane.edge, Edge::StaleReads(_) | Edge::CompactedTranscript)
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

    fn judge_followed(&mut self, followed: &Followed) {
        if let Some(run) = self.run(&followed.id).cloned() {
            let there = all(&run);
            self.compare(&run, followed.emitted.clone(), there, followed.is_complete);
        }
    }

    fn judge_conversation(&mut self, conversation: &[Answered]) {
        let mut has_failed = false;
        let mut emitted = vec![];
        for (place, answered) in conversation.iter().enumerate() {
            let Some(run) = self.run(&answered.id).cloned() else {
                continue;
            };
            let Some((status, messages)) = &answered.turn else {
                has_failed = true;
                continue;
            };
            emitted.extend(messages.clone());
            let is_marker = |text: &str| text.starts_with("marker-");
            if has_failed {
                // It may have emitted what belongs to a turn before.
                let mut there = all(&run);
                there.retain(|(_, text)| !is_marker(text));
                self.compare(&run, emitted.clone(), there, false);
            } else {
                let there = all(&run);
                let from = there.iter().position(|(_, text)| *text == answered.marker);
                let turn = there.iter().skip(from.map_or(0, |from| from + 1));
                let turn = turn
                    .take_while(|(_, text)| !is_marker(text))
                    .cloned()
                    .collect();
                self.compare(&run, messages.clone(), turn, true);
            }
            let is_last = place + 1 == conversation.len();
            if is_last && !has_failed {
                self.check("the last turn ended, with this status");
                if run.status != *status {
                    let text = format!(
                        "run {} is {}, its last turn {status}",
                        run.session_id, run.status
                    );
                    self.find(Kind::WrongEnd, text);
                }
            }
        }
    }

    /// A run that has ended must not be stopped once it has been read as such.
    fn judge_stops(&mut self, on_purpose: &[(String, bool)]) {
        for place in 0..self.runs.len() {
            let run = self.runs[place].clone();
            let is_stale =
                matches!(self.lane.edge, Edge::StaleReads(_)) && !run.follow_ups.is_empty();
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
                let enough = match self.lane.edge {
                    Edge::AlternatingStatus => 3,
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

    /// Holds messages that were emitted against those that there are.
    fn compare(&mut self, run: &Run, emitted: Vec<Said>, there: Vec<Said>, is_complete: bool) {
        // Once a transcript is compacted nobody can read all of it.
        let is_complete = is_complete && self.lane.edge != Edge::CompactedTranscript;
        self.check(match is_complete {
            true => "messages: none repeated, none lost",
            false => "messages: none repeated",
        });
        let id = &run.session_id;
        let mut left = there.clone();
        let mut repeated = vec![];
        for message in &emitted {
            match left.iter().position(|known| known == message) {
                Some(place) => drop(left.remove(place)),
                None => repeated.push(message.clone()),
            }
        }
        let is_in_order = |pair: &[Said]| f64::from_bits(pair[0].0) <= f64::from_bits(pair[1].0);
        if !repeated.is_empty() {
            let text =
                format!("run {id}: {repeated:?} too often in {emitted:?}, there are {there:?}");
            self.find(Kind::MessageRepeated, text);
        } else if self.lane.edge != Edge::ReorderedMessages && !emitted.windows(2).all(is_in_order)
        {
            self.find(
                Kind::MessageRepeated,
                format!("run {id}: out of order in {emitted:?}"),
            );
        }
        if is_complete && !left.is_empty() {
            self.find(
                Kind::MessageLost,
                format!("run {id}: {left:?} missing in {emitted:?}"),
            );
        }
    }

    /// How often a run was read without a fault, between these moments.
    fn clean_reads(&self, id: &str, after: Duration, before: Duration) -> usize {
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
    fn has_failed(&self, ids: &[String], since: Duration, until: Duration) -> bool {
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
            let failed: Option<(Failure, Duration)> = carried.failed;
            failed.is_some_and(|(_, at)| is_within(at))
        };
        by_the_api || self.carried.iter().any(by_the_wire)
    }

    /// For how long the machine had no time for this process.
    fn stalled(&self, from: Duration, to: Duration) -> Duration {
        let start = self.lane.start;
        stalls::between(start + from, start + to)
    }

    fn ids(&self, marker: &str) -> &[String] {
        self.by_message.get(marker).map_or(&[], Vec::as_slice)
    }

    fn run(&self, id: &str) -> Option<&Run> {
        self.runs.get(*self.by_id.get(id)?)
    }

    fn descendants(&self, id: &str) -> Vec<String> {
        let mut found = vec![id.to_owned()];
        let mut next = 0;
        while let Some(id) = found.get(next) {
            let children = self.run(id).map(|run| run.children.clone());
            found.extend(children.unwrap_or_default());
            next += 1;
        }
        found
    }

    fn check(&mut self, name: &'static str) {
        *self.report.checks.entry(name).or_default() += 1;
    }

    fn find(&mut self, kind: Kind, text: String) {
        let (conditions, edge) = (self.lane.conditions, self.lane.edge);
        self.report.findings.push(Finding {
            kind,
            lane: self.lane.number,
            text: format!("{conditions:?}, {edge:?}: {text}"),
        });
    }
}

/// The fault that has happened to a request.
fn fault(request: &Request) -> Option<&String> {
    request.fault.as_ref().filter(|fault| *fault != "pass")
}

/// All messages of a run.
fn all(run: &Run) -> Vec<Said> {
    let messages = run.messages.iter();
    messages
        .map(|message| (message.ts.to_bits(), message.content.clone()))
        .collect()
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
