//! When the machine had no time for this process: whatever was late then is not to blame.

use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

/// How long nothing has to happen for that to count.
const SHORTEST: Duration = Duration::from_millis(100);

static STALLS: Mutex<Vec<(Instant, Instant)>> = Mutex::new(Vec::new());

/// Watches from now on, from a thread that does nothing else.
pub(crate) fn watch() {
    const TICK: Duration = Duration::from_millis(20);
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::thread::spawn(|| {
            loop {
                let before = Instant::now();
                std::thread::sleep(TICK);
                let now = Instant::now();
                if now - before > TICK + SHORTEST {
                    let mut stalls = STALLS.lock().unwrap_or_else(PoisonError::into_inner);
                    stalls.push((before, now));
                }
            }
        });
    });
}

/// For how long nothing has happened between these moments.
pub(crate) fn between(from: Instant, to: Instant) -> Duration {
    let stalls = STALLS.lock().unwrap_or_else(PoisonError::into_inner);
    let within = stalls.iter().map(|(begun, ended)| {
        let (begun, ended) = ((*begun).max(from), (*ended).min(to));
        ended.saturating_duration_since(begun)
    });
    within.sum()
}
