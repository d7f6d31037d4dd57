//! Times as text.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second that has four digits for its year.
const LATEST: Duration = Duration::from_secs(253_402_300_799);

/// A time as RFC 3339 has it, in UTC, to the millisecond. One before 1970, or after the year 9999, which
/// only a wrong clock shows, is the nearest of these.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let time = time.clamp(UNIX_EPOCH, UNIX_EPOCH + LATEST);
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_a_wrong_clock_is_the_nearest_that_can_be_written() {
        let hour = Duration::from_secs(3600);
        assert_eq!(rfc3339(UNIX_EPOCH + hour), "1970-01-01T01:00:00.000Z");
        assert_eq!(rfc3339(UNIX_EPOCH - hour), "1970-01-01T00:00:00.000Z");
        let late = UNIX_EPOCH + LATEST + hour;
        assert_eq!(rfc3339(late), "9999-12-31T23:59:59.000Z");
    }
}
