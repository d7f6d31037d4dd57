//! What is written on standard error puts the next heartbeat off.

use std::io::Write as _;
use std::time::Duration;

use dinoai::SessionId;
use tokio::time::{Instant, advance};

use super::*;

/// How long a wait is silent if this is done 20 s after it has begun.
async fn silent_after(news: impl FnOnce(&Output)) -> Duration {
    let output = Output::plain(Format::Text);
    output.show_activity("RUNNING");
    let start = Instant::now();
    advance(Duration::from_secs(20)).await;
    news(&output);
    output.heartbeat.until_silent().await;
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn whatever_is_said_on_standard_error_puts_the_next_sign_of_life_off() {
    let put_off = Duration::from_secs(49);
    assert_eq!(silent_after(|output| output.note("a note")).await, put_off);
    assert_eq!(
        silent_after(|output| output.warning("careful")).await,
        put_off
    );
    let failure = Failure::usage("a failure");
    assert_eq!(
        silent_after(|output| output.failure(&failure)).await,
        put_off
    );
    let trace = |output: &Output| output.traces().write_all(b"a trace\n").unwrap();
    assert_eq!(silent_after(trace).await, put_off);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_reads_there_does_not() {
    let soon = Duration::from_secs(29);
    assert_eq!(silent_after(|_| {}).await, soon);
    assert_eq!(
        silent_after(|output| output.show_activity("RUNNING on")).await,
        soon
    );
    let id = SessionId::new("abc").unwrap();
    assert_eq!(
        silent_after(|output| output.show_activity_of(&id, "RUNNING")).await,
        soon
    );
}
