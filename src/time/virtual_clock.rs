//! [`VirtualClock`]: an hour of waiting takes no time.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Clock, Sleep};

/// A clock for tests: a `sleep` ends at once, and the clock has then moved on by its length.
///
/// Of several sleeps that overlap each ends at its own time: the clock never goes back, and goes
/// forward only as far as the one that lasts longest. An `alarm` moves nothing: it ends once
/// sleeps, or [`advance`](Self::advance), have moved the clock there. Clones show the same time.
///
/// Waits that share requests ([`Waits`](crate::Waits)) sleep only while none of their requests is in
/// flight, or while a read waits for a delay that the server has asked for; the deadline of a wait is an
/// alarm. So while a test's server lets one of them hang, the
/// clock stands still for all, until the request timeout, or until the test advances it.
#[derive(Debug, Clone, Default)]
pub struct VirtualClock {
    time: Arc<Mutex<VirtualTime>>,
}

#[derive(Debug, Default)]
struct VirtualTime {
    now: Duration,
    sleeps: Vec<Duration>,
    alarms: Vec<PendingAlarm>,
    last_alarm: u64,
}

/// An alarm that is waited for.
#[derive(Debug)]
struct PendingAlarm {
    number: u64,
    time: Duration,
    waker: Waker,
}

impl VirtualClock {
    /// A clock that stands at zero.
    ///
    /// ```
    /// use dinoai::Client;
    /// use dinoai::time::VirtualClock;
    ///
    /// let clock = VirtualClock::new();
    /// let builder = Client::builder().clock(clock.clone());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward.
    ///
    /// It wakes what waits for the time that it comes to.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai::time::{Clock, VirtualClock};
    ///
    /// let clock = VirtualClock::new();
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(clock.now(), Duration::from_secs(60));
    /// ```
    pub fn advance(&self, duration: Duration) {
        let later = self.now().saturating_add(duration);
        self.move_to(later, None);
    }

    /// The length of every sleep so far, in the order in which they ended.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dinoai::time::{Clock, VirtualClock};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let clock = VirtualClock::new();
    /// clock.sleep(Duration::from_secs(1)).await;
    /// clock.sleep(Duration::from_secs(2)).await;
    /// assert_eq!(clock.sleeps(), [Duration::from_secs(1), Duration::from_secs(2)]);
    /// # }
    /// ```
    #[must_use]
    pub fn sleeps(&self) -> Vec<Duration> {
        self.lock().sleeps.clone()
    }

    /// Moves the clock, if it is not there yet, and wakes whoever waits for that.
    fn move_to(&self, time: Duration, slept: Option<Duration>) {
        let mut virtual_time = self.lock();
        let now = virtual_time.now.max(time);
        virtual_time.now = now;
        virtual_time.sleeps.extend(slept);
        let due: Vec<_> = virtual_time
            .alarms
            .extract_if(.., |alarm| alarm.time <= now)
            .collect();
        // Whoever is woken may ask for the time at once.
        drop(virtual_time);
        for alarm in due {
            alarm.waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VirtualTime> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.lock().now
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = self.clone();
        let due = self.now().saturating_add(duration);
        Box::pin(async move {
            // One turn of the runtime, so that a loop of sleeps lets others work.
            tokio::task::yield_now().await;
            clock.move_to(due, Some(duration));
        })
    }

    fn alarm(&self, time: Duration) -> Sleep {
        let mut virtual_time = self.lock();
        virtual_time.last_alarm += 1;
        Box::pin(VirtualAlarm {
            number: virtual_time.last_alarm,
            time,
            clock: self.clone(),
        })
    }
}

/// Ends once its clock has come to a time.
struct VirtualAlarm {
    number: u64,
    time: Duration,
    clock: VirtualClock,
}

impl Future for VirtualAlarm {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut virtual_time = self.clock.lock();
        if virtual_time.now >= self.time {
            return Poll::Ready(());
        }
        let number = self.number;
        virtual_time.alarms.retain(|alarm| alarm.number != number);
        virtual_time.alarms.push(PendingAlarm {
            number,
            time: self.time,
            waker: context.waker().clone(),
        });
        Poll::Pending
    }
}

impl Drop for VirtualAlarm {
    fn drop(&mut self) {
        let mut virtual_time = self.clock.lock();
        virtual_time
            .alarms
            .retain(|alarm| alarm.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_alarm_ends_once_the_clock_is_there_and_does_not_move_it() {
        let clock = VirtualClock::new();
        let hour = Duration::from_secs(3600);
        let alarm = tokio::spawn(clock.alarm(hour));
        tokio::task::yield_now().await;
        assert!(!alarm.is_finished() && clock.now() == Duration::ZERO);
        clock.sleep(hour).await;
        alarm.await.unwrap();
        clock.alarm(Duration::ZERO).await;
    }

    #[tokio::test]
    async fn a_virtual_hour_passes_at_once_and_only_for_who_waits_for_it() {
        let clock = VirtualClock::new();
        let hour = Duration::from_secs(3600);
        let unpolled = clock.sleep(hour);
        drop(unpolled);
        assert_eq!(clock.now(), Duration::ZERO);

        let (short, long) = (clock.sleep(Duration::from_secs(1)), clock.sleep(hour));
        long.await;
        short.await;
        assert_eq!(clock.now(), hour);
        assert_eq!(clock.sleeps(), [hour, Duration::from_secs(1)]);
    }
}
