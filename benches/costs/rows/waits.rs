//! Waiting for many runs: CPU a run, memory a run, statuses a request.

use std::time::Duration;

use dinoai::time::VirtualClock;

use crate::Effort;
use crate::fast_clock::FastClock;
use crate::measure::{Pairs, heap, microseconds};
use crate::server::script::{Script, ends_at};
use crate::server::{Counts, Server};
use crate::setting::{FAR_OFF, client, number_in, runtime};
use crate::table::{Row, bytes, counted, microseconds as show, number};

/// The numbers of runs, the smallest of which the others are compared with.
const FEW: u32 = 1_000;
const MORE: u32 = 10_000;
const MOST: u32 = 100_000;
/// So many instead, to try the program.
const TRIED: u32 = 20_000;
/// What a run may take of CPU as one of many, of what it takes as one of few.
const LINEAR: f64 = 1.3;
/// How many bytes of memory a run may take.
pub(crate) const BYTES_A_RUN: u64 = 1024;
/// How many statuses a request has to read.
pub(crate) const STATUSES_A_REQUEST: f64 = 40.0;
/// How long a second takes by the clock of these runs.
const SECOND: Duration = Duration::from_millis(20);

/// When the runs are seen to have ended.
#[derive(Clone, Copy)]
enum Seen {
    /// By their polls, after 4 to 7 looks.
    InTime,
    /// By the last look after their deadline.
    Late,
}

impl Seen {
    fn name(self) -> &'static str {
        match self {
            Self::InTime => "runs",
            Self::Late => "runs whose end is seen after the deadline",
        }
    }
}

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    let mut rows = of_memory_and_requests(Seen::InTime, FEW);
    let most = match effort {
        Effort::Full => MOST,
        Effort::Quick => TRIED,
    };
    for (seen, runs) in [
        (Seen::InTime, MORE),
        (Seen::InTime, most),
        (Seen::Late, most),
    ] {
        rows.push(linear(seen, runs, effort.pairs(3)));
        rows.extend(of_memory_and_requests(seen, runs));
    }
    rows
}

/// Waits for so many runs, and returns what the server has counted.
fn wait_for(seen: Seen, runs: u32, measure: impl FnOnce(&mut dyn FnMut())) -> Counts {
    let server = Server::start(Script::new("Done.", move |id, look| match seen {
        Seen::InTime => ends_at(look, 4 + number_in(id) % 4, 1),
        Seen::Late => ends_at(look, 1, 1),
    }));
    let endpoint = server.endpoint();
    let (client, timeout) = match seen {
        Seen::InTime => (client(&endpoint, FastClock::with_second(SECOND)), FAR_OFF),
        // By this clock the deadline comes before the first response.
        Seen::Late => (
            client(&endpoint, VirtualClock::new()),
            Duration::from_millis(1),
        ),
    };
    let runtime = runtime();
    let ids: Vec<_> = (0..runs).map(|number| format!("run-{number}")).collect();
    let mut completed = 0;
    measure(&mut || {
        runtime.block_on(async {
            let wait = client.wait_all(&ids).expect("no id is blank");
            let mut results = wait.timeout(timeout).results();
            while let Some((_, result)) = results.next().await {
                completed += u32::from(result.is_ok());
            }
        });
    });
    assert_eq!(completed, runs, "every run completes");
    server.take_counts()
}

/// Microseconds of CPU a run.
fn cpu_a_run(seen: Seen, runs: u32) -> f64 {
    let mut time = 0.0;
    wait_for(seen, runs, |wait| time = microseconds(wait));
    time / f64::from(runs)
}

fn linear(seen: Seen, runs: u32, pairs: usize) -> Row {
    // Of the few as many as it takes to measure them well.
    let few = || (0..5).map(|_| cpu_a_run(seen, FEW)).sum::<f64>() / 5.0;
    let pairs = Pairs::cold(pairs, || cpu_a_run(seen, runs), few);
    let ratios = pairs.ratios();
    Row::new(format!("{}: CPU a run", what(seen, runs)))
        .pairs(&pairs, &ratios, "as one of 1,000", show)
        .goal(number(LINEAR), ratios.median() <= LINEAR)
}

fn what(seen: Seen, runs: u32) -> String {
    format!("waiting for {} {}", counted(u64::from(runs)), seen.name())
}

fn of_memory_and_requests(seen: Seen, runs: u32) -> Vec<Row> {
    let mut peak = 0;
    let counts = wait_for(seen, runs, |wait| peak = heap(wait).peak);
    let a_run = peak / u64::from(runs);
    let what = what(seen, runs);
    let memory = Row::new(format!("{what}: memory a run at most"))
        .ours(bytes(a_run))
        .goal(bytes(BYTES_A_RUN), a_run <= BYTES_A_RUN)
        .count();
    vec![
        memory,
        statuses(format!("{what}: statuses a request"), &counts).count(),
    ]
}

/// A row about how many statuses a request has read.
pub(crate) fn statuses(what: String, counts: &Counts) -> Row {
    let polls = counts.polls();
    let each = polls.runs as f64 / polls.requests.max(1) as f64;
    Row::new(what)
        .ours(format!(
            "{} ({} requests)",
            number(each),
            counted(polls.requests)
        ))
        .peer("1 (a request a run)")
        .ratio(each)
        .goal("40", each >= STATUSES_A_REQUEST)
}
