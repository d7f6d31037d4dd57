//! Repairs a body before it is parsed, so that one bad text does not hide a whole run: a byte-order
//! mark is cut, what is not UTF-8 becomes U+FFFD, and so does half of a surrogate pair, as in
//! `"\ud83d"`, a text that was cut inside a character. JSON allows that, a Rust string cannot hold
//! it.

use serde_json::Value;
use serde_json::value::RawValue;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A body without a byte-order mark, and with U+FFFD for what is not UTF-8.
pub(crate) fn repaired(body: &[u8]) -> Vec<u8> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let body = String::from_utf8_lossy(body).into_owned().into_bytes();
    without_half_pairs(&body).unwrap_or(body)
}

pub(super) fn looks_like_json(body: &[u8]) -> bool {
    matches!(first_character(body), Some(b'{' | b'[' | b'"'))
}

pub(super) fn first_character(body: &[u8]) -> Option<u8> {
    let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    text.iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .copied()
}

/// The value of a part of a body, which is UTF-8 already; `None` if it is no JSON.
pub(crate) fn parsed(json: &RawValue) -> Option<Value> {
    let json = json.get().as_bytes();
    serde_json::from_slice(without_half_pairs(json).as_deref().unwrap_or(json)).ok()
}

const ESCAPE_LENGTH: usize = 6; // \uXXXX

/// The same JSON without halves of surrogate pairs; `None` if there are none.
pub(super) fn without_half_pairs(json: &[u8]) -> Option<Vec<u8>> {
    let mut repaired: Option<Vec<u8>> = None;
    let mut place = 0;
    while place < json.len() {
        if json[place] != b'\\' {
            place += 1;
            continue;
        }
        let length = match (
            code_unit(json, place),
            code_unit(json, place + ESCAPE_LENGTH),
        ) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 2 * ESCAPE_LENGTH,
            (Some(0xD800..=0xDFFF), _) => {
                let repaired = repaired.get_or_insert_with(|| json.to_vec());
                repaired[place..place + ESCAPE_LENGTH].copy_from_slice(b"\\ufffd");
                ESCAPE_LENGTH
            }
            // Any other escape; the character after the backslash is no backslash of its own.
            _ => 2,
        };
        place += length;
    }
    repaired
}

/// The number in an escape `\uXXXX` that begins at this place.
fn code_unit(json: &[u8], place: usize) -> Option<u32> {
    let escape = json.get(place..place + ESCAPE_LENGTH)?;
    let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repair(json: &str) -> String {
        without_half_pairs(json.as_bytes()).map_or_else(
            || "unchanged".to_owned(),
            |json| serde_json::from_slice::<String>(&json).unwrap(),
        )
    }

    #[test]
    fn halves_are_replaced_and_whole_pairs_stay() {
        assert_eq!(repair(r#""cut \ud83d""#), "cut \u{fffd}");
        assert_eq!(repair(r#""\ude00 cut""#), "\u{fffd} cut");
        assert_eq!(
            repair(r#""\ud83d\ud83d\ude00\ude00""#),
            "\u{fffd}😀\u{fffd}"
        );
        assert_eq!(repair(r#""\ud83d\n""#), "\u{fffd}\n");
        assert_eq!(repair(r#""\ud83d\ude00 \\ud83d \u00e9""#), "unchanged");
        assert_eq!(repair(r#""\ud8"#), "unchanged");
        assert_eq!(repair("\"\\"), "unchanged");
    }
}
