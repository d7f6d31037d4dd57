//! What callers were returned ([`Ledger`]), compared with what the emulator has done and the wire has
//! carried ([`Books`]).

mod ledger;
mod messages;
mod starts;
mod values;
mod waits;

use std::collections::HashMap;
use std::time::Duration;

use dinoai_emulator::{Request, Run};

pub(crate) use self::ledger::{
    Abandoned, Answered, Followed, Known, Ledger, Said, Start, Valued, Waited, Way, said,
};
pub(crate) use self::waits::FLAKY_TREE;
use super::lane::{Conditions, Lane};
use super::report::{Finding, Kind, Report};
use super::stalls;
use super::wire::Carried;

/// How late anything may be.
const LATE: Duration = Duration::from_secs(2);

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
        for valued in &ledger.values {
            self.judge_value(valued);
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
        let (conditions, quirk) = (self.lane.conditions, self.lane.quirk);
        self.report.findings.push(Finding {
            kind,
            lane: self.lane.number,
            text: format!("{conditions:?}, {quirk:?}: {text}"),
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
