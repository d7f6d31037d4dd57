#![no_main]

mod batch;

// The command has them at its root.
use batch::{json, neutral, workflow};

libfuzzer_sys::fuzz_target!(|input: &[u8]| batch::properties::batch_file(input));
