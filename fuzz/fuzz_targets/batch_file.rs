#![no_main]

mod batch;

libfuzzer_sys::fuzz_target!(|input: &[u8]| batch::properties::batch_file(input));
