#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dinoai::fuzzing::answer(input));
