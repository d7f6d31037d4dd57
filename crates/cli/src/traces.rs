//! What `-v` shows: the library's traces, on standard error.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::output::Output;

/// Shows what the library traces, and nothing of the crates below it, which know credentials.
pub(crate) fn show(verbose: u8, output: &Output) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let writer = output.traces();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || writer.clone())
        // The crate is built without colours, and panics where it is asked for them.
        .with_ansi(false);
    // Fails only where something else is set, and then that shows them.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(Targets::new().with_target("dinoai", level))
        .try_init();
}
