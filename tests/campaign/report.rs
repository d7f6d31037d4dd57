//! [`Report`]: what a campaign has done, and what it has found.

use std::collections::BTreeMap;
use std::fmt;

/// A promise that was broken.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    pub(crate) lane: u64,
    pub(crate) text: String,
}

/// Which promise was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Carried out twice.
    Duplicate,
    /// Carried out, and reported as certainly not; or a session id that had come in was dropped.
    Loss,
    /// An end that was none, or one that was not reported.
    WrongEnd,
    MessageLost,
    MessageRepeated,
    /// Ended more than 2 s after the deadline, the last look and a stop.
    Overrun,
}

impl Kind {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Duplicate, "duplicates"),
        (Self::Loss, "losses"),
        (Self::WrongEnd, "wrong ends"),
        (Self::MessageLost, "messages lost"),
        (Self::MessageRepeated, "messages repeated"),
        (Self::Overrun, "deadlines overrun"),
    ];
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Kind::ALL.iter().find(|(kind, _)| *kind == self.kind);
        let name = names.map_or("", |(_, name)| *name);
        write!(formatter, "{name}, lane {}: {}", self.lane, self.text)
    }
}

/// What a campaign has done, and what it has found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    pub(crate) operations: u64,
    /// Those in lanes where something fails.
    pub(crate) operations_under_faults: u64,
    /// What the operations were, by name.
    pub(crate) by_name: BTreeMap<&'static str, u64>,
    pub(crate) lanes: u64,
    pub(crate) runs: u64,
    pub(crate) requests: u64,
    pub(crate) connections: u64,
    /// By kind.
    pub(crate) faults: BTreeMap<String, u64>,
    /// How often each promise was put to the test.
    pub(crate) checks: BTreeMap<&'static str, u64>,
    /// Triggers and follow-ups whose outcome was reported as unknown, and that were not carried
    /// out.
    pub(crate) unknowns: u64,
    /// Those of them of whose body not a byte has reached the wire.
    pub(crate) false_unknowns: u64,
    pub(crate) findings: Vec<Finding>,
    pub(crate) panics: u64,
}

impl Report {
    pub(crate) fn add(&mut self, other: Self) {
        self.operations += other.operations;
        self.operations_under_faults += other.operations_under_faults;
        for (name, count) in other.by_name {
            *self.by_name.entry(name).or_default() += count;
        }
        self.lanes += 1;
        self.runs += other.runs;
        self.requests += other.requests;
        self.connections += other.connections;
        for (kind, count) in other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (name, count) in other.checks {
            *self.checks.entry(name).or_default() += count;
        }
        self.unknowns += other.unknowns;
        self.false_unknowns += other.false_unknowns;
        self.findings.extend(other.findings);
        self.panics += other.panics;
    }

    pub(crate) fn faults(&self) -> u64 {
        self.faults.values().sum()
    }

    fn count(&self, kind: Kind) -> usize {
        let of_kind = self.findings.iter().filter(|finding| finding.kind == kind);
        of_kind.count()
    }

    /// Whether all promises were kept.
    pub(crate) fn is_good(&self) -> bool {
        let allowed = self.operations / 20;
        self.findings.is_empty() && self.panics == 0 && self.false_unknowns <= allowed
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line =
            |f: &mut fmt::Formatter<'_>, name: &str, count: u64| writeln!(f, "{count:>9}  {name}");
        line(f, "operations", self.operations)?;
        for (name, count) in &self.by_name {
            line(f, &format!("  {name}"), *count)?;
        }
        line(f, "runs", self.runs)?;
        line(f, "requests that reached the emulator", self.requests)?;
        line(f, "connections", self.connections)?;
        line(f, "faults", self.faults())?;
        for (kind, count) in &self.faults {
            line(f, &format!("  {kind}"), *count)?;
        }
        let is_made = |(name, _): &(&&str, &u64)| !name.starts_with("not judged");
        let made = self.checks.iter().filter(is_made).map(|(_, count)| count);
        line(f, "checks", made.sum())?;
        for (name, count) in &self.checks {
            line(f, &format!("  {name}"), *count)?;
        }
        line(f, "outcomes unknown, not carried out", self.unknowns)?;
        line(f, "false unknowns", self.false_unknowns)?;
        for (kind, name) in Kind::ALL {
            line(f, name, self.count(kind) as u64)?;
        }
        line(f, "panics", self.panics)
    }
}
