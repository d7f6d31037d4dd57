//! Time, for every wait of this crate: polls, pauses between attempts, timeouts.
//!
//! Programs need nothing from here. Tests do: with a `VirtualClock` (feature `test-util`) an hour of
//! waiting takes no time, while the sockets underneath keep real time.
//!
//! ```
//! use dinoai::time::VirtualClock;
//! use dinoai::{Client, Credentials};
//!
//! # fn main() -> dinoai::Result<()> {
//! let clock = VirtualClock::new();
//! let client = Client::builder()
//!     .endpoint("http://127.0.0.1:4000/graphql")
//!     .credentials(Credentials::key_and_secret("key", "secret"))
//!     .clock(clock.clone())
//!     .build()?;
//! # let _ = client;
//! # Ok(())
//! # }
//! ```

mod boot_time;
#[cfg(any(test, feature = "test-util"))]
mod virtual_clock;

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, Instant};

pub(crate) use boot_time::BootTime;
#[cfg(any(test, feature = "test-util"))]
pub use virtual_clock::VirtualClock;

/// What a [`Clock`] returns from `sleep`.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// A monotonic clock, for waits and for pauses.
///
/// It never goes back.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time since a start that the clock chose.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai::time::{Clock, VirtualClock};
    ///
    /// assert_eq!(VirtualClock::new().now(), Duration::ZERO);
    /// ```
    fn now(&self) -> Duration;

    /// Ends once `duration` has passed.
    ///
    /// May be dropped at any time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai::time::{Clock, VirtualClock};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let clock = VirtualClock::new();
    /// clock.sleep(Duration::from_secs(3600)).await;
    /// assert_eq!(clock.now(), Duration::from_secs(3600));
    /// # }
    /// ```
    fn sleep(&self, duration: Duration) -> Sleep;

    /// Ends once the clock has come to `time`, without moving it.
    ///
    /// For a deadline that races something else, such as a request. May be dropped at any time. By
    /// default a [`sleep`](Self::sleep) until then, which is right for every clock whose time
    /// passes by itself.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai::time::{Clock, VirtualClock};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let clock = VirtualClock::new();
    /// let deadline = clock.alarm(Duration::from_secs(60));
    /// clock.advance(Duration::from_secs(60));
    /// deadline.await;
    /// # }
    /// ```
    fn alarm(&self, time: Duration) -> Sleep {
        self.sleep(time.saturating_sub(self.now()))
    }
}

/// Real time, by tokio's timer.
///
/// The default.
///
/// Its `sleep` has to be polled inside a tokio runtime whose time driver is on.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts now.
    ///
    /// ```
    /// use dinoai::Client;
    /// use dinoai::time::SystemClock;
    ///
    /// let builder = Client::builder().clock(SystemClock::new());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(async move { tokio::time::sleep(duration).await })
    }
}
