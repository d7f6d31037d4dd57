//! Reads of long transcripts, beside the same by hand: CPU, and how much memory they hold at a time.

use std::hint::black_box;

use crate::counts::{clients_of_a_transcript, peaks};
use crate::measure::{OneCore, Pairs, microseconds};
use crate::table::{Row, bytes, microseconds as show, number};
use crate::{Effort, RAW};

const GOAL: f64 = 1.1;
/// More than a read of 1 MB takes.
const PLACE: usize = 3_000_000;

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    let _core = OneCore::keep();
    keep_what_is_freed();
    let mut rows = transcript(1_000_000, effort.pairs(40), 15);
    rows.extend(transcript(64_000_000, effort.pairs(8), 1));
    rows
}

/// The C library of Linux gives memory back to the system, and takes it anew for the next read, until it
/// has freed a block of this size once.
fn keep_what_is_freed() {
    drop(black_box(Vec::<u8>::with_capacity(32_000_000)));
}

fn transcript(size: usize, pairs: usize, reads: u32) -> Vec<Row> {
    let clients = clients_of_a_transcript(size);
    let each = f64::from(reads);
    let mut times = Pairs::default();
    // What a read takes depends on where its memory is and on its connection: each two pairs have others.
    let mut taken = Vec::new();
    while times.count() < pairs {
        taken.push(vec![1_u8; PLACE]);
        let clients = clients_of_a_transcript(size);
        times.extend(Pairs::take(
            2,
            || microseconds(|| clients.read(reads)) / each,
            || microseconds(|| clients.read_by_hand(reads)) / each,
        ));
    }
    // What both have to do before they decode.
    let received = Pairs::take(
        pairs,
        || microseconds(|| clients.receive(reads)) / each,
        || 0.0,
    )
    .ours();
    let decoding = times.less(received);
    let what = format!("read of a transcript of {} MB", size / 1_000_000);
    let ratios = times.ratios();
    let time = Row::new(format!("{what}: CPU"))
        .pairs(&times, &ratios, RAW, show)
        .goal(number(GOAL), ratios.median() <= GOAL);
    let ratios = decoding.ratios();
    let alone = Row::new(format!("{what}: CPU beyond what receiving it takes"))
        .pairs(&decoding, &ratios, RAW, show)
        .goal(number(GOAL), ratios.median() <= GOAL);
    let peaks = peaks(&clients);
    let of_body = |peak: u64| {
        let times = number(peak as f64 / size as f64);
        format!("{}, {times} times the body", bytes(peak))
    };
    let ratio = peaks.ours as f64 / peaks.peers as f64;
    let memory = Row::new(format!("{what}: memory at most"))
        .ours(of_body(peaks.ours))
        .peer(format!("{} ({RAW})", of_body(peaks.peers)))
        .ratio(ratio)
        .goal(number(GOAL), ratio <= GOAL)
        .count();
    vec![time, alone, memory]
}
