//! A read of a small run, and a poll, beside the same requests by hand: CPU and allocations.

use crate::counts::{Beside, Clients, polls, reads};
use crate::measure::{Heap, OneCore, Pairs, microseconds};
use crate::table::{Row, microseconds as show, number};
use crate::{Effort, RAW};

/// How many requests a figure is of.
const REQUESTS: u32 = 100;
/// How many pairs of figures: many short ones, so that both sides of each have the same machine.
const PAIRS: usize = 151;
const READ: &str = "`get_run` of a run with two messages";
const POLL: &str = "a poll in a wait";

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    let _core = OneCore::keep();
    let (heap_of_polls, _) = polls();
    vec![
        read(effort),
        poll(effort),
        heap(READ, &reads()),
        heap(POLL, &heap_of_polls),
    ]
}

/// What a request takes of the CPU, if this makes so many.
fn of_each(work: impl FnOnce()) -> f64 {
    microseconds(work) / f64::from(REQUESTS)
}

fn cpu(what: &str, pairs: &Pairs) -> Row {
    Row::new(format!("{what}: CPU")).pairs(pairs, &pairs.ratios(), RAW, show)
}

fn read(effort: Effort) -> Row {
    let clients = Clients::of_small_runs(1);
    let ours = || of_each(|| clients.read(REQUESTS));
    let peers = || of_each(|| clients.read_by_hand(REQUESTS));
    cpu(READ, &Pairs::take(effort.pairs(PAIRS), ours, peers))
}

fn poll(effort: Effort) -> Row {
    // The last look ends the wait.
    let clients = Clients::of_small_runs(REQUESTS);
    let mut waits = 0..;
    let mut by_hand = 0..;
    let ours = || {
        let id = format!("ours-{}", waits.next().unwrap_or_default());
        of_each(|| clients.wait(&id))
    };
    let peers = || {
        let id = format!("by-hand-{}", by_hand.next().unwrap_or_default());
        of_each(|| clients.wait_by_hand(&id))
    };
    cpu(POLL, &Pairs::take(effort.pairs(PAIRS), ours, peers))
}

fn heap(what: &str, heaps: &Beside<Heap>) -> Row {
    let shown = |heap: &Heap| format!("{}; {} bytes", number(heap.allocations), number(heap.bytes));
    Row::new(format!("{what}: allocations"))
        .ours(shown(&heaps.ours))
        .peer(format!("{} ({RAW})", shown(&heaps.peers)))
        .ratio(heaps.ours.allocations / heaps.peers.allocations)
}
