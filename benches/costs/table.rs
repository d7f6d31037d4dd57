//! The table: a row a measurement, printed as Markdown.

use std::fmt;

use crate::measure::{Pairs, Ratios};

/// What was measured, beside its peer and its goal.
pub(crate) struct Row {
    what: String,
    peers: String,
    ours: String,
    ratio: String,
    spread: String,
    goal: String,
    is_met: Option<bool>,
    /// Whether it counts something, so that each run of it gives the same.
    is_count: bool,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        let none = || "–".to_owned();
        Self {
            what: what.into(),
            peers: none(),
            ours: none(),
            ratio: none(),
            spread: none(),
            goal: none(),
            is_met: None,
            is_count: false,
        }
    }

    /// What could not be measured, and why.
    pub(crate) fn skipped(what: impl Into<String>, why: impl fmt::Display) -> Self {
        Self {
            ours: format!("skipped: {why}"),
            ..Self::new(what)
        }
    }

    /// What failed while it was measured, and how: a goal that is missed.
    pub(crate) fn failed(what: impl Into<String>, how: impl fmt::Display) -> Self {
        Self::new(what).ours(how).goal("–", false).count()
    }

    pub(crate) fn ours(mut self, ours: impl fmt::Display) -> Self {
        self.ours = ours.to_string();
        self
    }

    pub(crate) fn peer(mut self, peers: impl fmt::Display) -> Self {
        self.peers = peers.to_string();
        self
    }

    /// A ratio that is known exactly.
    pub(crate) fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = number(ratio);
        self
    }

    /// Figures of ours and of the peer, each shown with its unit, and how they compare.
    pub(crate) fn pairs(
        mut self,
        pairs: &Pairs,
        ratios: &Ratios,
        peer: &str,
        show: impl Fn(f64) -> String,
    ) -> Self {
        self.ours = show(pairs.ours());
        self.peers = format!("{} ({peer})", show(pairs.peers()));
        self.ratio = number(ratios.median());
        let (least, most) = ratios.spread();
        let (least, most) = (number(least), number(most));
        self.spread = format!("{least} to {most} in {} pairs", ratios.count());
        self
    }

    /// What is to be reached, and whether it is.
    pub(crate) fn goal(mut self, goal: impl Into<String>, is_met: bool) -> Self {
        self.goal = goal.into();
        self.is_met = Some(is_met);
        self
    }

    /// It is a count: the program fails where its goal is missed.
    pub(crate) fn count(mut self) -> Self {
        self.is_count = true;
        self
    }

    pub(crate) fn is_missed_count(&self) -> bool {
        self.is_count && self.is_met == Some(false)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.is_met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "–",
        };
        let Self {
            what,
            peers,
            ours,
            ratio,
            spread,
            goal,
            ..
        } = self;
        write!(
            f,
            "| {what} | {peers} | {ours} | {ratio} | {spread} | {goal} | {verdict} |"
        )
    }
}

pub(crate) const HEAD: &str = "| what | peer | dinoai | ratio | spread of the ratio | goal | |\n\
                               | --- | --- | --- | --- | --- | --- | --- |";

/// A figure with as many digits as one reads.
pub(crate) fn number(figure: f64) -> String {
    let digits = match figure.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    thousands(&format!("{figure:.digits$}"))
}

/// With a comma before each group of three digits.
pub(crate) fn thousands(figure: &str) -> String {
    let (whole, rest) = figure.split_at(figure.find('.').unwrap_or(figure.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

pub(crate) fn counted(count: u64) -> String {
    thousands(&count.to_string())
}

pub(crate) fn microseconds(figure: f64) -> String {
    match figure {
        long if long >= 10_000.0 => format!("{} ms", number(long / 1000.0)),
        short => format!("{} µs", number(short)),
    }
}

pub(crate) fn bytes(count: u64) -> String {
    match count {
        large if large >= 10_000_000 => format!("{} MB", number(large as f64 / 1e6)),
        some if some >= 10_000 => format!("{} kB", number(some as f64 / 1e3)),
        few => format!("{} bytes", counted(few)),
    }
}
