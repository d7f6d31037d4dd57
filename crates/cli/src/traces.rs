//! What `-v` shows: the library's traces, on standard error.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Shows what the library traces, and nothing of the crates below it, which know credentials.
pub(crate) fn show(verbose: u8, is_coloured: bool) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(is_coloured);
    // Fails only where something else is set, and then that shows them.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(Targets::new().with_target("dinoai", level))
        .try_init();
}
