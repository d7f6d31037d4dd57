//! [`Heartbeat`]: since when something is waited for, and when the next sign of life is due.
//!
//! If no line is drawn over and over, a wait without news says that it continues: many CI systems
//! end a job that is silent for long. Whatever else is said in the meantime counts as news.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Outages, WaitingFor};

/// How long a wait is silent: a little less than the 30 s that are promised.
pub(crate) const SILENCE: Duration = Duration::from_secs(29);

/// Since when something is waited for, and since when nothing has been said. Clones share it.
#[derive(Clone)]
pub(crate) struct Heartbeat {
    state: Arc<Mutex<CurrentWait>>,
    /// Of what is waited for, those that are polled in vain.
    pub(crate) outages: Outages,
}

struct CurrentWait {
    waiting_for: Option<WaitingFor>,
    /// When the wait began.
    since: Instant,
    /// When something was said, or the wait began.
    last_output: Instant,
}

impl Heartbeat {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let state = CurrentWait {
            waiting_for: None,
            since: now,
            last_output: now,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            outages: Outages::default(),
        }
    }

    /// From now on this is waited for; the time counts from the first of several.
    pub(crate) fn begin(&self, waiting_for: WaitingFor) {
        let mut state = self.state();
        if state.waiting_for.is_none() {
            state.since = Instant::now();
            state.last_output = state.since;
        }
        state.waiting_for = Some(waiting_for);
    }

    /// Nothing is waited for any more.
    pub(crate) fn end(&self) {
        self.state().waiting_for = None;
        self.outages.clear();
    }

    /// Something has been said.
    pub(crate) fn note_output(&self) {
        self.state().last_output = Instant::now();
    }

    /// What is waited for, and for how long it has been.
    pub(crate) fn waiting_for(&self) -> Option<(WaitingFor, Duration)> {
        let state = self.state();
        let waiting_for = state.waiting_for.clone()?;
        Some((waiting_for, state.since.elapsed()))
    }

    /// Ends once a wait has been silent for long. May be dropped at any time.
    pub(crate) async fn until_silent(&self) {
        loop {
            sleep_until(self.due()).await;
            let state = self.state();
            if state.waiting_for.is_some() && state.last_output.elapsed() >= SILENCE {
                return;
            }
        }
    }

    /// When to look again: nothing that happens until then makes it earlier.
    fn due(&self) -> Instant {
        let state = self.state();
        match state.waiting_for {
            Some(_) => state.last_output + SILENCE,
            None => Instant::now() + SILENCE,
        }
    }

    fn state(&self) -> MutexGuard<'_, CurrentWait> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, timeout};

    fn one() -> WaitingFor {
        WaitingFor::activity("RUNNING", None)
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_never_silent_for_30_s_and_says_it_once_in_that_time() {
        let heartbeat = Heartbeat::new();
        heartbeat.begin(one());
        let start = Instant::now();
        let mut said = vec![];
        while start.elapsed() < Duration::from_secs(75) {
            heartbeat.until_silent().await;
            said.push(start.elapsed().as_secs());
            heartbeat.note_output();
        }
        assert_eq!(said, [29, 58, 87]);
    }

    #[tokio::test(start_paused = true)]
    async fn other_news_puts_it_off_and_a_new_status_alone_does_not() {
        let heartbeat = Heartbeat::new();
        let start = Instant::now();
        advance(Duration::from_secs(100)).await;
        heartbeat.begin(one());
        advance(Duration::from_secs(20)).await;
        heartbeat.begin(one());
        heartbeat.until_silent().await;
        assert_eq!(start.elapsed(), Duration::from_secs(129));
        heartbeat.note_output();
        advance(Duration::from_secs(20)).await;
        heartbeat.note_output();
        heartbeat.until_silent().await;
        assert_eq!(start.elapsed(), Duration::from_secs(178));
        let (_, waited) = heartbeat.waiting_for().unwrap();
        assert_eq!(waited, Duration::from_secs(78));
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_nothing_is_silent_and_a_wait_that_begins_meanwhile_is_not() {
        let heartbeat = Heartbeat::new();
        heartbeat.begin(one());
        heartbeat.end();
        let hour = Duration::from_secs(3600);
        assert!(timeout(hour, heartbeat.until_silent()).await.is_err());
        let begins = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            heartbeat.begin(one());
            Instant::now()
        };
        let ((), began) = tokio::join!(heartbeat.until_silent(), begins);
        assert_eq!(began.elapsed(), SILENCE);
    }
}
