//! The program `dinoai-emulator`: one emulator on a port, until Ctrl-C or SIGTERM.

use std::process::ExitCode;

fn main() -> ExitCode {
    dinoai_emulator::program::main(std::env::args_os())
}
