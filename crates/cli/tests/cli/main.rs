//! The command, run as a program against an emulator in the test's own process.

// Signals, permissions and pseudo-terminals are Unix's.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod agreement;
mod answer_file;
mod batch;
mod batch_files;
mod batch_inputs;
mod batch_results;
mod batch_retries;
mod batch_signals;
mod batch_stops;
mod colours;
mod completions;
mod credentials;
mod emulated;
mod failures;
mod heartbeat;
mod help;
mod hints;
mod hostile;
mod interrupts;
mod json_lines;
mod killed_batch;
mod messages;
mod outages;
mod outputs;
mod own_turn;
mod pipe;
mod program;
mod progress;
mod readme;
mod refusals;
mod schema;
mod signals;
#[path = "../../../emulator/tests/emulator/skipped.rs"]
mod skipped;
mod stdout;
mod stop;
mod terminal;
mod typed_ahead;
mod unfinished;
