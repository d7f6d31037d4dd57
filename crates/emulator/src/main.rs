//! The program `dinoai-emulator`: one emulator on a port, until it is told to stop.

use std::process::ExitCode;

fn main() -> ExitCode {
    dinoai_emulator::program::main(std::env::args_os())
}
