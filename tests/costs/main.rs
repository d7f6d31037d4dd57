//! A read, a poll and a wait take little: counts, each with the most that it may be.
//!
//! The clients, the server and the counting are those of `cargo bench --bench costs`, which shows
//! these counts beside times. A count that falls is a reason to lower its bound.

#![allow(
    clippy::expect_used,
    dead_code,
    reason = "what fails here fails a test, and the benchmark does more"
)]

#[path = "../../benches/costs/counts.rs"]
mod counts;
#[path = "../../benches/costs/measure.rs"]
mod measure;
#[path = "../../benches/costs/peer.rs"]
mod peer;
#[path = "../../benches/costs/server/mod.rs"]
mod server;
#[path = "../../benches/costs/setting.rs"]
mod setting;

use std::fmt::Display;

use self::counts::{clients_of_a_transcript, long_wait, peaks, polls, reads};

/// Asserts that a figure is within its bound.
#[track_caller]
fn within<T: PartialOrd + Display>(what: &str, figure: T, bound: T) {
    println!("{what}: {figure:.2} (at most {bound})");
    assert!(figure <= bound, "{what}: {figure:.2} is more than {bound}");
}

#[test]
fn a_read_allocates_little_more_than_one_by_hand() {
    let reads = reads();
    within("allocations of a read", reads.ours.allocations, 73.0);
    within("bytes that a read allocates", reads.ours.bytes, 27_500.0);
    within(
        "allocations beyond those by hand",
        reads.ours.allocations - reads.peers.allocations,
        11.0,
    );
}

#[test]
fn a_poll_allocates_and_carries_little_more_than_one_by_hand() {
    let (heap, wire) = polls();
    within("allocations of a poll", heap.ours.allocations, 57.0);
    within("bytes that a poll allocates", heap.ours.bytes, 21_500.0);
    within(
        "allocations beyond those by hand",
        heap.ours.allocations - heap.peers.allocations,
        5.5,
    );
    assert_eq!(wire.ours.requests, wire.peers.requests);
    // The same request, but for the number of its host and of its run.
    within(
        "bytes of a request",
        wire.ours.received / wire.ours.requests,
        512,
    );
    within(
        "bytes of a response",
        wire.ours.sent / wire.ours.requests,
        132,
    );
}

#[test]
fn a_long_transcript_takes_little_more_memory_than_by_hand() {
    for size in [1_000_000, 8_000_000] {
        let peaks = peaks(&clients_of_a_transcript(size));
        let ratio = peaks.ours as f64 / peaks.peers as f64;
        within(
            &format!("memory for {size} bytes, as a multiple"),
            ratio,
            1.1,
        );
    }
}

#[test]
fn a_wait_of_half_an_hour_carries_a_fraction_of_the_vendors() {
    let waits = long_wait();
    within("requests", waits.ours.requests, 225);
    within("bytes on the wire", waits.ours.bytes(), 280_000);
    let ratio = waits.ours.bytes() as f64 / waits.peers.bytes() as f64;
    within("as a share of the vendor's", ratio, 0.03);
}
