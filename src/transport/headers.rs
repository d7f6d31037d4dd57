//! What the headers of a response say: the server's id of the request, and how long to wait.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

/// The server's id of a request.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    static NAMES: [HeaderName; 4] = [
        HeaderName::from_static("x-request-id"),
        HeaderName::from_static("request-id"),
        HeaderName::from_static("x-amzn-requestid"),
        HeaderName::from_static("cf-ray"),
    ];
    let id = NAMES.iter().find_map(|name| value(headers, name))?;
    Some(id.to_str().ok()?.to_owned())
}

/// Not looked up: to hash a name takes longer than to go over the few headers of a response.
fn value<'a>(headers: &'a HeaderMap, wanted: &HeaderName) -> Option<&'a HeaderValue> {
    let (_, value) = headers.iter().find(|(name, _)| *name == wanted)?;
    Some(value)
}

/// The delay that the server asks for: in seconds, or as a date, which is measured against the
/// response's own `Date`, since clocks differ.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = value(headers, &RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |value: &str| httpdate::parse_http_date(value).ok();
    let sent = headers.get(DATE).and_then(|value| value.to_str().ok());
    let sent = sent.and_then(date).unwrap_or_else(SystemTime::now);
    Some(date(asked)?.duration_since(sent).unwrap_or_default())
}
