//! Repairs JSON in which a text was cut inside a character: half of a surrogate pair, as in
//! `"\ud83d"`. JSON allows it, a Rust string cannot hold it, and one such text must not hide a
//! whole run. The half becomes U+FFFD.

const ESCAPE_LENGTH: usize = 6; // \uXXXX

/// The same JSON without halves of surrogate pairs; `None` if there are none.
pub(crate) fn repaired(json: &[u8]) -> Option<Vec<u8>> {
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
        repaired(json.as_bytes()).map_or_else(
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
