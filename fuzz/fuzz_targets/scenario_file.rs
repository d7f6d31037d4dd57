#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dinoai_emulator::fuzzing::scenario_file(input));
