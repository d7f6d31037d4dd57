//! A campaign that tries to break the promises of the library: many users of its public API, each
//! group of them against an emulator of its own through a wire that fails, while the emulator
//! fails by itself. Each message carries a marker; at the end what the callers were returned is
//! compared with what the emulator has done, and what the wire has carried.
//!
//! What users do, and what fails, follows from the seed and the lane's number; the order in which
//! they meet, and the library's own random pauses, do not. So a finding names its lane, and that
//! lane alone can be run again, several times.

mod api_fault;
mod books;
mod lane;
mod report;
mod stalls;
mod users;
mod wire;
mod wire_failure;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use tokio::task::JoinSet;

pub(crate) use report::Report;
pub(crate) use stalls::between as stalled;

/// What a campaign does.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// How many operations to make at least.
    pub(crate) operations: u64,
    /// How many lanes run at a time.
    pub(crate) at_once: usize,
    /// This lane alone, so many times, instead of all.
    pub(crate) only: Option<(u64, u64)>,
    /// Whether to end with the first finding.
    pub(crate) stops_at_a_finding: bool,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            operations: 10_000,
            at_once: 12,
            only: None,
            stops_at_a_finding: false,
        }
    }
}

static PANICS: AtomicU64 = AtomicU64::new(0);

/// Counts the panics of all threads from now on, and goes on to report them.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            report(panic);
        }));
    });
}

/// Runs a campaign, and blocks until it has ended.
pub(crate) fn run(plan: &Plan) -> Report {
    count_panics();
    let before = PANICS.load(Ordering::Relaxed);
    // Wires run apart from users, who may block their threads.
    let (wires, users) = (runtime("wires", 1), runtime("users", 4));
    stalls::watch(wires.handle());
    let mut report = Report::default();
    users.block_on(async {
        let mut lanes = JoinSet::new();
        let mut next = plan.only.map_or(0, |(lane, _)| lane);
        let mut left = plan.only.map_or(u64::MAX, |(_, times)| times);
        loop {
            let is_enough = report.operations >= plan.operations && plan.only.is_none()
                || plan.stops_at_a_finding && !report.findings.is_empty();
            while !is_enough && left > 0 && lanes.len() < plan.at_once.max(1) {
                let (seed, number) = (plan.seed, next);
                lanes.spawn(lane::run(seed, number, wires.handle().clone()));
                left -= 1;
                next += u64::from(plan.only.is_none());
            }
            match lanes.join_next().await {
                Some(Ok(ended)) => report.add(ended),
                // The hook has counted the panic. What the lane has done is not known.
                Some(Err(_)) => left = 0,
                None => break,
            }
        }
    });
    users.shutdown_timeout(Duration::from_secs(10));
    wires.shutdown_timeout(Duration::from_secs(10));
    report.panics = PANICS.load(Ordering::Relaxed) - before;
    report
}

fn runtime(name: &str, threads: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(name)
        .enable_all()
        .build()
        .expect("a runtime starts")
}

type Shared<T> = Arc<std::sync::Mutex<T>>;
