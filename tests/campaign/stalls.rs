//! When the machine had no time for this process, or not enough: whatever was late then is not to
//! blame.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// How late a timer has to be for that to count.
const SHORTEST: Duration = Duration::from_millis(100);

static STALLS: Mutex<Vec<(Instant, Instant)>> = Mutex::new(Vec::new());

/// Watches as long as this runtime lives, on which no code of the library runs.
pub(crate) fn watch(runtime: &Handle) {
    const TICK: Duration = Duration::from_millis(20);
    runtime.spawn(async {
        loop {
            let due = Instant::now() + TICK;
            tokio::time::sleep(TICK).await;
            let now = Instant::now();
            if now - due > SHORTEST {
                let mut stalls = STALLS.lock().unwrap_or_else(PoisonError::into_inner);
                stalls.push((due, now));
            }
        }
    });
}

/// How late timers were between these moments, in all.
pub(crate) fn between(from: Instant, to: Instant) -> Duration {
    let stalls = STALLS.lock().unwrap_or_else(PoisonError::into_inner);
    let within = stalls.iter().map(|(begun, ended)| {
        let (begun, ended) = ((*begun).max(from), (*ended).min(to));
        ended.saturating_duration_since(begun)
    });
    within.sum()
}
