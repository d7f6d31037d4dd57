//! Time: the emulator's [`Clock`], and [`Seconds`] as files and JSON have them.
//!
//! The clock is the only time that runs see. It can be moved forward, so that a day takes no time in a
//! test.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Time since the emulator's start, or since the latest reset, plus what it was moved forward by.
pub(crate) struct Clock {
    pace: Pace,
    begun: Mutex<Begun>,
}

/// Where the time is counted from.
struct Begun {
    start: Instant,
    advanced: Duration,
}

impl Begun {
    fn now() -> Self {
        Self {
            start: Instant::now(),
            advanced: Duration::ZERO,
        }
    }
}

/// Whether time passes by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pace {
    #[default]
    Real,
    /// Only what the clock was moved forward by counts.
    Stopped,
}

impl Clock {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace,
            begun: Mutex::new(Begun::now()),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        let begun = self.begun();
        let passed = match self.pace {
            Pace::Real => begun.start.elapsed(),
            Pace::Stopped => Duration::ZERO,
        };
        passed.saturating_add(begun.advanced)
    }

    pub(crate) fn advance(&self, time: Duration) {
        let mut begun = self.begun();
        begun.advanced = begun.advanced.saturating_add(time);
    }

    /// Begins at zero again.
    pub(crate) fn reset(&self) {
        *self.begun() = Begun::now();
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A span of time, written as seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[cfg_attr(feature = "yaml", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "yaml", schemars(transparent))]
pub(crate) struct Seconds(
    #[cfg_attr(feature = "yaml", schemars(with = "f64", range(min = 0.0)))] pub(crate) Duration,
);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !seconds.is_finite() {
            return Err(D::Error::custom(format!(
                "{seconds} is not a finite number"
            )));
        }
        Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|wrong| D::Error::custom(format!("{seconds} seconds: {wrong}")))
    }
}

/// Serialises an optional span of time as seconds or null.
#[expect(clippy::ref_option, reason = "serde passes it so")]
pub(crate) fn of_option<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(Seconds).serialize(serializer)
}

/// Serialises spans of time as a list of seconds.
pub(crate) fn of_each<S: Serializer>(times: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(times.iter().copied().map(Seconds))
}
