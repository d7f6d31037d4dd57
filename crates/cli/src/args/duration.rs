//! Lengths of time as people write them: `90`, `90s`, `1h 30m`.

use std::time::Duration;

/// A length of time, more than none; a number alone is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let time = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text)
            .map_err(|_| "a length of time is written 90s, 10m or 1h30m".to_owned())?,
    };
    if time.is_zero() {
        return Err("no time at all".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_is_seconds() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("50ms"), Ok(Duration::from_millis(50)));
        assert!(duration("-1").is_err());
        assert!(duration("soon").is_err());
        assert!(duration("0").is_err());
        assert!(duration("0s").is_err());
    }
}
