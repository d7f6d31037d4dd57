//! Reads of long transcripts, beside the same by hand: CPU, and how much memory they hold at a time.

use crate::counts::{clients_of_a_transcript, peaks};
use crate::measure::{OneCore, Pairs, microseconds};
use crate::table::{Row, bytes, microseconds as show, number};
use crate::{Effort, RAW};

const GOAL: f64 = 1.1;

pub(crate) fn rows(effort: Effort) -> Vec<Row> {
    let _core = OneCore::keep();
    let mut rows = transcript(1_000_000, effort.pairs(41), 5);
    rows.extend(transcript(64_000_000, effort.pairs(7), 1));
    rows
}

fn transcript(size: usize, pairs: usize, reads: u32) -> Vec<Row> {
    let clients = clients_of_a_transcript(size);
    let each = f64::from(reads);
    let times = Pairs::take(
        pairs,
        || microseconds(|| clients.read(reads)) / each,
        || microseconds(|| clients.read_by_hand(reads)) / each,
    );
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
