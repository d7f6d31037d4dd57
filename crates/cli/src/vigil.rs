//! [`Vigil`]: since when something is waited for, and since when nothing has been said of it.
//!
//! Where no line is drawn over and over, a wait without news says that it goes on: many CI systems
//! end a job that is silent for long. Whatever else is said in the meantime counts as news.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::awaited::Awaited;
use crate::outages::Outages;

/// How long a wait is silent: a little less than the 30 s that are promised.
pub(crate) const SILENCE: Duration = Duration::from_secs(29);

/// Since when something is waited for, and since when nothing has been said. Clones share it.
#[derive(Clone)]
pub(crate) struct Vigil {
    state: Arc<Mutex<State>>,
    /// Of what is waited for, those that are polled in vain.
    pub(crate) outages: Outages,
}

struct State {
    awaited: Option<Awaited>,
    /// When the wait began.
    since: Instant,
    /// When something was said, or the wait began.
    news: Instant,
}

impl Vigil {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let state = State {
            awaited: None,
            since: now,
            news: now,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            outages: Outages::default(),
        }
    }

    /// From now on this is waited for; the time counts from the first of several.
    pub(crate) fn begin(&self, awaited: Awaited) {
        let mut state = self.state();
        if state.awaited.is_none() {
            state.since = Instant::now();
            state.news = state.since;
        }
        state.awaited = Some(awaited);
    }

    /// Nothing is waited for any more.
    pub(crate) fn end(&self) {
        self.state().awaited = None;
        self.outages.clear();
    }

    /// Something has been said.
    pub(crate) fn has_news(&self) {
        self.state().news = Instant::now();
    }

    /// What is waited for, and for how long it has been.
    pub(crate) fn awaited(&self) -> Option<(Awaited, Duration)> {
        let state = self.state();
        let awaited = state.awaited.clone()?;
        Some((awaited, state.since.elapsed()))
    }

    /// Ends once a wait has been silent for long. May be dropped at any time.
    pub(crate) async fn silence(&self) {
        loop {
            sleep_until(self.due()).await;
            let state = self.state();
            if state.awaited.is_some() && state.news.elapsed() >= SILENCE {
                return;
            }
        }
    }

    /// When to look again: nothing that happens until then makes it earlier.
    fn due(&self) -> Instant {
        let state = self.state();
        match state.awaited {
            Some(_) => state.news + SILENCE,
            None => Instant::now() + SILENCE,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, timeout};

    fn one() -> Awaited {
        Awaited::one("RUNNING", None)
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_never_silent_for_30_s_and_says_it_once_in_that_time() {
        let vigil = Vigil::new();
        vigil.begin(one());
        let start = Instant::now();
        let mut said = vec![];
        while start.elapsed() < Duration::from_secs(75) {
            vigil.silence().await;
            said.push(start.elapsed().as_secs());
            vigil.has_news();
        }
        assert_eq!(said, [29, 58, 87]);
    }

    #[tokio::test(start_paused = true)]
    async fn other_news_puts_it_off_and_a_new_status_alone_does_not() {
        let vigil = Vigil::new();
        let start = Instant::now();
        advance(Duration::from_secs(100)).await;
        vigil.begin(one());
        advance(Duration::from_secs(20)).await;
        vigil.begin(one());
        vigil.silence().await;
        assert_eq!(start.elapsed(), Duration::from_secs(129));
        vigil.has_news();
        advance(Duration::from_secs(20)).await;
        vigil.has_news();
        vigil.silence().await;
        assert_eq!(start.elapsed(), Duration::from_secs(178));
        let (_, waited) = vigil.awaited().unwrap();
        assert_eq!(waited, Duration::from_secs(78));
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_nothing_is_silent_and_a_wait_that_begins_meanwhile_is_not() {
        let vigil = Vigil::new();
        vigil.begin(one());
        vigil.end();
        let hour = Duration::from_secs(3600);
        assert!(timeout(hour, vigil.silence()).await.is_err());
        let begins = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            vigil.begin(one());
            Instant::now()
        };
        let ((), began) = tokio::join!(vigil.silence(), begins);
        assert_eq!(began.elapsed(), SILENCE);
    }
}
