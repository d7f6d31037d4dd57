//! A clock that is faster than real time.

use std::time::{Duration, Instant};

use dinoai::time::{Clock, Sleep};

/// Real time, faster: what takes a second by it takes this long.
///
/// For what runs at the same time as its requests, where a [`VirtualClock`] would run ahead of
/// the sockets.
#[derive(Debug, Clone)]
pub(crate) struct FastClock {
    start: Instant,
    second: Duration,
}

impl FastClock {
    pub(crate) fn with_second(second: Duration) -> Self {
        let start = Instant::now();
        Self { start, second }
    }
}

impl Clock for FastClock {
    fn now(&self) -> Duration {
        self.start.elapsed().div_f64(self.second.as_secs_f64())
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let real = duration
            .min(Duration::from_secs(1_000_000))
            .mul_f64(self.second.as_secs_f64());
        Box::pin(async move { tokio::time::sleep(real).await })
    }
}
