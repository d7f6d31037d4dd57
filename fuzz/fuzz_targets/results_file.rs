#![no_main]

mod batch;

// The command has it at its root.
use batch::sanitize;

libfuzzer_sys::fuzz_target!(|input: &[u8]| batch::properties::results_file(input));
