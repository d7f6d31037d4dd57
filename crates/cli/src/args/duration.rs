//! Lengths of time as people write them: `90`, `90s`, `1h 30m`.

use std::time::Duration;

/// A length of time, more than none; a number alone is seconds.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let time = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text)
            .map_err(|_| format!("invalid duration `{text}`; examples: 90s, 5m, 1h30m"))?,
    };
    if time.is_zero() {
        return Err("the duration must be longer than zero".to_owned());
    }
    Ok(time)
}

/// Whole seconds, as people write them.
pub(crate) fn in_words(time: Duration) -> String {
    humantime::format_duration(Duration::from_secs(time.as_secs())).to_string()
}

/// The same length of time as an option takes it, without spaces.
pub(crate) fn as_option(time: Duration) -> String {
    humantime::format_duration(time)
        .to_string()
        .replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_is_seconds() {
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("50ms"), Ok(Duration::from_millis(50)));
        assert!(parse_duration("-1").is_err());
        assert!(parse_duration("soon").is_err());
        assert!(parse_duration("0").is_err());
        assert!(parse_duration("0s").is_err());
    }
}
