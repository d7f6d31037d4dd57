//! What must hold for every error of a response.

use std::error::Error as _;

use reqwest::header::HeaderValue;

use super::given::{CANARY, Given, LONGEST_TEXT, TRANSCRIPT, Whole};
use super::json::{Json, Unread};
use super::proofs::{Said, Sent, prove_that_nothing_was_carried_out};
use crate::error::Error;

pub(super) fn shows_no_secret(error: &Error) {
    let further = error.call().into_iter().flat_map(|it| &it.further_ids);
    let mut ids = error.session_id().into_iter().chain(further);
    let is_itself_one = ids.any(|id| id.as_str().contains(CANARY));
    let mut texts = vec![error.to_string(), format!("{error:?}")];
    assert!(texts[0].len() <= LONGEST_TEXT, "{} bytes", texts[0].len());
    let mut source = error.source();
    while let Some(cause) = source {
        texts.extend([cause.to_string(), format!("{cause:?}")]);
        source = cause.source();
    }
    for text in texts {
        for secret in ["canaryKey0123", "canarySecret0123", "canaryPath0123"] {
            assert!(is_itself_one || !text.contains(secret), "{text}");
        }
    }
}

pub(super) fn is_retryable_by_the_table(given: &Given, error: &Error) {
    let status = given.status.as_u16();
    let (body, whole) = given.unpacked();
    let said = Said::of(&body);
    if said.json == Err(Unread::Deep) {
        return;
    }
    let envelope = said.envelope();
    let codes = envelope.as_ref().map(|envelope| envelope.codes());
    let has = |codes_of: &[&str]| {
        let mut codes = codes.iter().flatten();
        codes.any(|code| codes_of.contains(code))
    };
    let is_transient = match whole {
        Whole::TooLarge => false,
        Whole::Broken => true,
        Whole::Yes => match status {
            401 | 403 => false,
            408 | 425 | 429 | 500.. => true,
            200..300 if envelope.is_none() => true,
            _ => has(&[
                "RATE_LIMITED",
                "THROTTLED",
                "SERVICE_UNAVAILABLE",
                "GATEWAY_TIMEOUT",
                "REQUEST_TIMEOUT",
                "SUBREQUEST_HTTP_ERROR",
                "INTERNAL_SERVER_ERROR",
            ]),
        },
    };
    assert!(is_transient || !error.is_retryable(), "{error:?}");
    // The other way round, where nothing else can be meant.
    let is_certain = whole == Whole::Yes && envelope.is_none();
    if is_certain && matches!(status, 408 | 425 | 429 | 500..) {
        assert!(error.is_retryable(), "{error:?}");
    }
}

/// The text of an error of a read holds nothing that stands in a run's texts alone.
pub(super) fn shows_no_transcript(given: &Given, error: &Error) {
    let (body, _) = given.unpacked();
    let Ok(json) = Said::of(&body).json else {
        return;
    };
    let is_in_header = |value: &HeaderValue| {
        value
            .as_bytes()
            .windows(TRANSCRIPT.len())
            .any(|bytes| bytes == TRANSCRIPT.as_bytes())
    };
    if given.headers.values().any(is_in_header) {
        return;
    }
    let count = |text: &str| text.matches(TRANSCRIPT).count();
    let mut in_texts = 0;
    let mut in_all = 0;
    for value in json.each() {
        match value {
            Json::Text(text) => in_all += count(text),
            Json::Object(entries) => {
                for (name, value) in entries {
                    in_all += count(name);
                    if name == "content" {
                        in_texts += value.text().map_or(0, count);
                    }
                }
            }
            _ => {}
        }
    }
    let shown = error.to_string();
    assert!(in_texts < in_all || !shown.contains(TRANSCRIPT), "{shown}");
}

/// A session id in the body of a response is in the result. `asked`: the run that the call is about.
pub(super) fn keeps_the_id(said: &Said, asked: Option<&str>, id: Option<&str>) {
    let ids = said.ids();
    // Of something that is no JSON, a number may be taken for a whole one.
    let is_taken_for_whole = |id: &str| said.json.is_err() && id.parse::<f64>().is_ok();
    match (asked, ids.is_empty()) {
        (Some(asked), _) => assert_eq!(id, Some(asked)),
        // Deeper than the other reader goes, it finds fewer of them.
        (None, _) if said.json == Err(Unread::Deep) && !ids.is_empty() => assert!(id.is_some()),
        (None, _) if said.json == Err(Unread::Deep) => {}
        (None, true) => assert!(id.is_none_or(is_taken_for_whole), "{id:?}"),
        (None, false) => {
            let id = id.unwrap_or_else(|| panic!("the id is lost: {ids:?}"));
            let is_it = |found: &String| found == id || is_same_number(found, id);
            let is_one = ids.iter().any(is_it) || is_taken_for_whole(id);
            assert!(is_one, "{id:?} is none of {ids:?}");
        }
    }
}

/// An id that was read as a number is written in another way.
fn is_same_number(one: &str, other: &str) -> bool {
    matches!((one.parse::<f64>(), other.parse::<f64>()), (Ok(one), Ok(other)) if one == other)
}

/// A change of which an error says that nothing was carried out has one of the proofs.
pub(super) fn is_proven_where_nothing_started(
    given: &Given,
    said: &Said,
    sent: &Sent<'_>,
    error: &Error,
) {
    let status = given.status.as_u16();
    if !error.may_have_started() && said.json != Err(Unread::Deep) {
        let (_, whole) = given.unpacked();
        assert_eq!(whole, Whole::Yes, "{error:?}");
        let is_proven = prove_that_nothing_was_carried_out(status, said, sent);
        assert!(
            is_proven,
            "nothing proves that it was not carried out: {error:?}"
        );
    }
    if error.is_retryable() {
        assert_eq!(status, 429, "{error:?}");
        assert!(!error.may_have_started());
    }
    assert_eq!(error.may_be_sent_again(), error.is_retryable(), "{error:?}");
}
