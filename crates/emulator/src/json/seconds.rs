//! Spans of time in files and in JSON: a number of seconds, with a fraction where one is needed.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
