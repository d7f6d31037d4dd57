//! Values written as JSON, and how much memory that takes.

use std::io;

use serde::Serialize;

/// JSON text for people.
#[cfg(feature = "program")]
pub(crate) fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// JSON text. The values are maps with text keys, lists, texts and finite numbers, which always
/// have one.
pub(crate) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Memory for a text that can become this long. glibc keeps twice as much as the largest block that
/// was ever freed, but for those above 32 MiB: of these only what is written is taken, and all of it
/// is given back.
pub(crate) fn buffer(length: usize) -> Vec<u8> {
    const LONG: usize = 1 << 20;
    const MAPPED: usize = 33 << 20;
    Vec::with_capacity(if length > LONG {
        length.max(MAPPED)
    } else {
        length
    })
}

/// JSON text that can be long.
pub(crate) fn long_text(value: &impl Serialize) -> Vec<u8> {
    struct Length(usize);
    impl io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut length = Length(0);
    // Both take everything, and the values are those of `text`.
    let _ = serde_json::to_writer(&mut length, value);
    let mut text = buffer(length.0);
    let _ = serde_json::to_writer(&mut text, value);
    text
}

/// How long a text is in JSON, without the quotes.
pub(crate) fn length(text: &str) -> usize {
    let bytes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    });
    bytes.sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_as_long_as_its_json() {
        for text in [
            "",
            "a\u{7f}é\u{2028}",
            "\"\\/\n\r\t\u{8}\u{c}",
            "\0\u{1}\u{1b}\u{1f} ",
        ] {
            assert_eq!(length(text) + 2, json!(text).to_string().len(), "{text:?}");
        }
    }
}
