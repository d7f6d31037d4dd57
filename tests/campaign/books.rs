//! What callers were told ([`Ledger`]), held against what the emulator has done and the wire has
//! carried ([`Books`]).

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;
use std::time::Duration;

use dinoai::{Error, Run as Read, RunStatus, SessionId};
use dinoai_emulator::{Request, Run};

use super::Shared;
use super::lane::{CALL_TIMEOUT, Edge, Lane, REQUEST_TIMEOUT, Weather};
use super::report::{Finding, Kind, Report};
use super::wire::Carried;

/// How long the library looks once more at a deadline, at the longest.
const LAST_LOOK: Duration = Duration::from_secs(5);
/// How late anything may be.
const LATE: Duration = Duration::from_secs(2);
/// How long before a deadline something has to have ended for its end to count as missed.
const MARGIN: Duration = Duration::from_millis(300);

/// Everything that the users of a lane were told.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) operations: BTreeMap<&'static str, u64>,
    pub(crate) starts: Vec<Start>,
    pub(crate) waits: Vec<Waited>,
    pub(crate) followed: Vec<Followed>,
    pub(crate) conversations: Vec<Vec<Answered>>,
    pub(crate) abandoned: Vec<Abandoned>,
    /// What cannot be, whatever has happened.
    pub(crate) oddities: Vec<String>,
    /// The runs that a user has stopped on purpose.
    pub(crate) stopped: Vec<String>,
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
    Trigger,
    FollowUp,
    /// With a timeout so short that nothing may come back.
    Hasty,
    /// The future was dropped.
    Dropped,
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
    pub(crate) result: Result<Vec<Read>, Error>,
    /// Whether nothing happens to the run afterwards.
    pub(crate) is_final: bool,
}

/// The messages of a run, as streams have emitted them.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) id: String,
    pub(crate) emitted: Vec<String>,
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

/// What a follow-up of a conversation was answered; `None` if that failed.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) id: String,
    pub(crate) marker: String,
    pub(crate) messages: Option<Vec<String>>,
}

/// What has happened in a lane.
pub(crate) struct Books<'a> {
    lane: &'a Lane,
    runs: Vec<Run>,
    requests: Vec<Request>,
    carried: Vec<Carried>,
    by_id: HashMap<String, usize>,
    /// How often each message was carried out, and under which ids.
    by_message: HashMap<String, Vec<String>>,
    /// When something failed.
    faults: Vec<Duration>,
    report: Report,
}

impl<'a> Books<'a> {
    pub(crate) fn of(lane: &'a Lane) -> Self {
        let (runs, requests) = (lane.emulator.runs(), lane.emulator.requests());
        let carried = lane.wire.carried();
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
        let mut faults = vec![];
        for request in &requests {
            if let Some(fault) = request.fault.as_ref().filter(|fault| *fault != "pass") {
                *report.faults.entry(format!("api: {fault}")).or_default() += 1;
                faults.push(request.received);
            }
        }
        for carried in &carried {
            if let Some((failure, at)) = carried.failed {
                *report.faults.entry(failure.name().to_owned()).or_default() += 1;
                faults.push(at);
            }
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
            faults,
            report,
        }
    }

    pub(crate) fn judge(mut self, ledger: Ledger) -> Report {
        self.report.operations = ledger.operations.values().sum();
        self.report.by_name.clone_from(&ledger.operations);
        // Bodies that broke off before their marker: each may be that of an unknown outcome.
        let mut broken = self
            .carried
            .iter()
            .filter(|carried| self.is_broken(carried))
            .count();
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
        self.judge_stops(&ledger.stopped);
        for oddity in ledger.oddities {
            self.find(Kind::WrongEnd, oddity);
        }
        self.report
    }

    fn judge_start(&mut self, start: &Start, broken: &mut usize) {
        let ids = self
            .by_message
            .get(&start.marker)
            .cloned()
            .unwrap_or_default();
        if ids.len() > 1 {
            self.find(
                Kind::Duplicate,
                format!("{} runs or turns of {start:?}", ids.len()),
            );
        }
        let id = ids.first();
        self.check(match (&start.known, id) {
            (Known::Not, _) => "not carried out, as reported",
            (Known::Started(_), _) => "started, and under this id",
            (Known::Maybe(Some(_)), _) => "unknown, and under this id",
            (Known::Maybe(None), _) => "unknown, and no id had come in",
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
            (Known::Started(told) | Known::Maybe(Some(told)), Some(id)) if told != id => {
                self.find(Kind::WrongEnd, format!("it is run {id}, but {start:?}"));
            }
            (Known::Maybe(None), Some(id)) if self.has_delivered(start, id) => {
                self.find(
                    Kind::Loss,
                    format!("the id {id} had come in, but {start:?}"),
                );
            }
            (Known::Maybe(_), None) if start.way != Way::Dropped => {
                self.report.unknowns += 1;
                let marker = start.marker.as_bytes();
                let has_arrived =
                    |carried: &Carried| carried.body.windows(marker.len()).any(|at| at == marker);
                if !self.carried.iter().any(has_arrived) {
                    match *broken {
                        0 => self.report.false_unknowns += 1,
                        _ => *broken -= 1,
                    }
                }
            }
            _ => {}
        }
        let is_certain = match start.way {
            Way::Trigger | Way::FollowUp => self.lane.weather == Weather::Calm,
            Way::Hasty | Way::Dropped | Way::Nowhere => false,
        };
        if is_certain && !matches!(start.known, Known::Started(_) | Known::Maybe(Some(_))) {
            self.find(Kind::WrongEnd, format!("nothing had failed, but {start:?}"));
        }
        if start.way == Way::Nowhere && start.known != Known::Not {
            self.find(
                Kind::WrongEnd,
                format!("nobody had listened, but {start:?}"),
            );
        }
        let late = CALL_TIMEOUT + REQUEST_TIMEOUT + LATE;
        let took = start.ended.saturating_sub(start.began);
        if start.way == Way::Hasty && took > late {
            self.find(Kind::Overrun, format!("after {took:?}: {start:?}"));
        }
    }

    fn judge_abandoned(&mut self, abandoned: &Abandoned) {
        self.check("abandoned, and its id passed on");
        let Abandoned {
            marker,
            place,
            started,
        } = abandoned;
        let ids = self.by_message.get(marker).cloned().unwrap_or_default();
        if ids.len() > 1 {
            self.find(
                Kind::Duplicate,
                format!("{} runs of {abandoned:?}", ids.len()),
            );
        }
        let started = started.lock().unwrap_or_else(PoisonError::into_inner);
        let known = started.iter().find(|(of, _)| of == place);
        match (known, ids.first()) {
            (None, Some(id)) if self.delivered(marker, id).is_some() => {
                self.find(
                    Kind::Loss,
                    format!("the id {id} had come in, but {abandoned:?}"),
                );
            }
            (Some((_, known)), id) if id.is_none_or(|id| id != known.as_str()) => {
                self.find(Kind::WrongEnd, format!("it is {id:?}, but {abandoned:?}"));
            }
            _ => {}
        }
    }

    /// Whether the client has had a whole response with the id, in time.
    fn has_delivered(&self, start: &Start, id: &str) -> bool {
        if matches!(start.way, Way::Hasty | Way::Dropped) {
            return false;
        }
        let delivered = self.delivered(&start.marker, id);
        delivered.is_some_and(|at| at.saturating_sub(start.began) < Duration::from_millis(500))
    }

    /// When a whole response with this id to the request with this marker was passed on.
    fn delivered(&self, marker: &str, id: &str) -> Option<Duration> {
        let has =
            |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|at| at == text.as_bytes());
        let carried = self.carried.iter().find(|carried| {
            carried.is_whole() && has(&carried.body, marker) && has(&carried.response, id)
        });
        carried?.answered
    }

    /// Whether a body has begun to arrive and broke off before it could tell what it is.
    fn is_broken(&self, carried: &Carried) -> bool {
        const ENOUGH: usize = 300;
        let failed = carried.failed.is_some();
        failed && (1..ENOUGH).contains(&carried.body.len())
    }

    fn judge_wait(&mut self, wait: &Waited) {
        let took = wait.ended.saturating_sub(wait.began);
        let mut allowed = wait.timeout + wait.absent + LAST_LOOK + LATE;
        if wait.starts {
            allowed += REQUEST_TIMEOUT;
        }
        if wait.stops {
            allowed += CALL_TIMEOUT + REQUEST_TIMEOUT;
        }
        if took > allowed {
            self.find(Kind::Overrun, format!("after {took:?}: {}", short(wait)));
        }
        self.check(match &wait.result {
            Ok(_) | Err(Error::RunFailed { .. }) => "ended, as reported",
            Err(Error::WaitTimeout(_)) => "had not ended at the deadline",
            Err(_) => "failed, with the id",
        });
        let is_calm = self.lane.weather == Weather::Calm;
        match &wait.result {
            Ok(read) => {
                for run in read {
                    self.judge_read(wait, run);
                }
                if wait.name == "tree" {
                    self.judge_tree(wait, read);
                }
            }
            Err(Error::RunFailed { run, .. }) => {
                if run.status == RunStatus::Completed || !run.status.is_terminal() {
                    self.find(Kind::WrongEnd, format!("no failure: {}", short(wait)));
                }
                self.judge_read(wait, run);
            }
            Err(Error::WaitTimeout(_)) => self.judge_timeout(wait),
            Err(_) if is_calm && wait.timeout > Duration::from_millis(500) => {
                self.find(
                    Kind::WrongEnd,
                    format!("nothing had failed: {}", short(wait)),
                );
            }
            Err(_) => {}
        }
        if let (Err(error), Some(id)) = (&wait.result, &wait.id)
            && error.session_id().is_none_or(|known| known.as_str() != id)
            && !matches!(
                error,
                Error::InvalidRequest { .. } | Error::InvalidConfig { .. }
            )
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
            self.find(
                Kind::WrongEnd,
                format!("{read:?} has not ended: {}", short(wait)),
            );
        }
        if !wait.is_final {
            return;
        }
        let has_ended = run.ended.is_some_and(|ended| ended <= wait.ended);
        if !has_ended || run.status != read.status.as_str() {
            let stands = format!("{} since {:?}", run.status, run.ended);
            self.find(
                Kind::WrongEnd,
                format!("the run is {stands}: {}", short(wait)),
            );
        }
        if self.lane.edge == Edge::RepeatedMessages {
            return;
        }
        let told = read.messages.iter().map(|message| message.content.clone());
        let compact = self.lane.edge == Edge::CompactedTranscript;
        self.compare(
            read.session_id.as_str(),
            told.collect(),
            texts(&run),
            !compact,
        );
    }

    fn judge_tree(&mut self, wait: &Waited, read: &[Read]) {
        let Some(id) = &wait.id else { return };
        let missing: Vec<_> = self
            .descendants(id)
            .into_iter()
            .filter(|id| !read.iter().any(|run| run.session_id.as_str() == *id))
            .collect();
        if !missing.is_empty() {
            self.find(
                Kind::WrongEnd,
                format!("without {missing:?}: {}", short(wait)),
            );
        }
    }

    /// A wait that ended at its deadline: had it to?
    fn judge_timeout(&mut self, wait: &Waited) {
        let Some(id) = &wait.id else { return };
        let deadline = wait.began + wait.timeout;
        let ids = match wait.name {
            "tree" => self.descendants(id),
            _ => vec![id.clone()],
        };
        let ended: Option<Vec<_>> = ids.iter().map(|id| self.run(id)?.ended).collect();
        let Some(ended) = ended.and_then(|ended| ended.into_iter().max()) else {
            return;
        };
        // Such a run does not always read as ended.
        if self.lane.edge == Edge::AlternatingStatus {
            return;
        }
        let is_tree = wait.name == "tree";
        let margin = if is_tree { MARGIN + LATE } else { MARGIN };
        if ended + margin >= deadline {
            return;
        }
        // A request that hung since before may have been the last look.
        let since = ended
            .saturating_sub(REQUEST_TIMEOUT + MARGIN)
            .max(wait.began);
        if !self.has_failed(since, wait.ended) {
            self.find(
                Kind::WrongEnd,
                format!("it had ended at {ended:?}: {}", short(wait)),
            );
            return;
        }
        const ENOUGH: usize = 6;
        let read = |id: &String| self.clean_reads(id, ended, deadline) >= ENOUGH;
        if is_tree && self.lane.weather != Weather::Stormy && ids.iter().all(read) {
            let text = format!("it had ended at {ended:?} and was read: {}", short(wait));
            self.find(Kind::WrongEnd, text);
        }
    }

    fn judge_followed(&mut self, followed: &Followed) {
        let Some(run) = self.run(&followed.id).cloned() else {
            return;
        };
        let is_complete = followed.is_complete && self.lane.edge != Edge::CompactedTranscript;
        self.compare(
            &followed.id,
            followed.emitted.clone(),
            texts(&run),
            is_complete,
        );
    }

    fn judge_conversation(&mut self, conversation: &[Answered]) {
        let mut before = true;
        let mut all = vec![];
        for answered in conversation {
            let Some(run) = self.run(&answered.id).cloned() else {
                continue;
            };
            let Some(messages) = &answered.messages else {
                before = false;
                continue;
            };
            all.extend(messages.clone());
            let from_agent = |text: &String| !text.starts_with("marker-");
            if before {
                let there = texts(&run);
                let from = there.iter().position(|text| *text == answered.marker);
                let turn = there.iter().skip(from.map_or(0, |from| from + 1));
                let turn = turn.take_while(|text| from_agent(text)).cloned().collect();
                let is_complete = self.lane.edge != Edge::CompactedTranscript;
                self.compare(&answered.id, messages.clone(), turn, is_complete);
            } else {
                let there = texts(&run).into_iter().filter(from_agent).collect();
                self.compare(&answered.id, all.clone(), there, false);
            }
        }
    }

    /// A run that has ended must not be stopped once it has been read as such.
    fn judge_stops(&mut self, on_purpose: &[String]) {
        for place in 0..self.runs.len() {
            let run = self.runs[place].clone();
            if on_purpose.contains(&run.session_id) || self.lane.weather == Weather::Stormy {
                continue;
            }
            for stop in &run.stops {
                self.check("stopped, and had not ended");
                let Some(ended) = run.ended.filter(|ended| ended < stop) else {
                    continue;
                };
                if self.clean_reads(&run.session_id, ended, *stop) > 0 {
                    let text = format!(
                        "run {} ended at {ended:?}, stopped at {stop:?}",
                        run.session_id
                    );
                    self.find(Kind::WrongEnd, text);
                }
            }
        }
    }

    /// Holds texts that were emitted against those that there are.
    fn compare(&mut self, id: &str, told: Vec<String>, there: Vec<String>, is_complete: bool) {
        self.check(match is_complete {
            true => "messages: none repeated, none lost",
            false => "messages: none repeated",
        });
        let mut left = there.clone();
        let mut repeated = vec![];
        for text in &told {
            match left.iter().position(|known| known == text) {
                Some(place) => drop(left.remove(place)),
                None => repeated.push(text.clone()),
            }
        }
        if !repeated.is_empty() {
            let text = format!("run {id}: {repeated:?} too often in {told:?}, there are {there:?}");
            self.find(Kind::MessageRepeated, text);
        }
        if is_complete && !left.is_empty() {
            let text = format!("run {id}: {left:?} missing in {told:?}");
            self.find(Kind::MessageLost, text);
        }
    }

    /// How often a run was read without a fault, between these moments.
    fn clean_reads(&self, id: &str, after: Duration, before: Duration) -> usize {
        let is_clean = |request: &&Request| {
            request.received > after
                && request.answered.is_some_and(|answered| answered < before)
                && request.fault.as_ref().is_none_or(|fault| fault == "pass")
                && request.status == 200
                && request.query.contains("dinoaiAgentRun")
                && !request.query.contains("steps")
                && request.variables.to_string().contains(id)
        };
        self.requests.iter().filter(is_clean).count()
    }

    fn has_failed(&self, since: Duration, until: Duration) -> bool {
        self.faults.iter().any(|at| (since..=until).contains(at))
    }

    fn run(&self, id: &str) -> Option<&Run> {
        self.runs.get(*self.by_id.get(id)?)
    }

    fn descendants(&self, id: &str) -> Vec<String> {
        let mut found = vec![id.to_owned()];
        let mut next = 0;
        while let Some(id) = found.get(next).cloned() {
            found.extend(
                self.run(&id)
                    .map(|run| run.children.clone())
                    .unwrap_or_default(),
            );
            next += 1;
        }
        found
    }

    fn check(&mut self, name: &'static str) {
        *self.report.checks.entry(name).or_default() += 1;
    }

    fn find(&mut self, kind: Kind, text: String) {
        let (weather, edge) = (self.lane.weather, self.lane.edge);
        self.report.findings.push(Finding {
            kind,
            lane: self.lane.number,
            text: format!("{weather:?}, {edge:?}: {text}"),
        });
    }
}

fn texts(run: &Run) -> Vec<String> {
    run.messages
        .iter()
        .map(|message| message.content.clone())
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
