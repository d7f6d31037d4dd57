//! Takes the credentials and the endpoint's path out of whatever a server said, before it
//! becomes part of an error: a proxy's error page may repeat the request that it got.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::form_urlencoded;

const HIDDEN: &str = "[hidden]";
/// A shorter text is no secret, and hiding it would garble every message.
const SHORTEST_SECRET: usize = 4;

/// Cheap to clone: clones share the texts.
#[derive(Debug, Clone)]
pub(crate) struct Redaction {
    secrets: Arc<[SecretString]>,
}

impl Redaction {
    /// Hides these texts, and each in the forms that a server makes of it: percent-encoded,
    /// decoded, as a number, and without the white space at its ends, which is no part of a header's value.
    pub(crate) fn of(secrets: impl IntoIterator<Item = String>) -> Self {
        let secrets: BTreeSet<String> = secrets
            .into_iter()
            .flat_map(|secret| {
                let secret = secret.trim();
                let mut forms = encoded_forms(secret);
                forms.extend(number_forms(secret));
                forms.push(secret.to_owned());
                forms
            })
            .filter(|secret| secret.len() >= SHORTEST_SECRET)
            .collect();
        let mut secrets: Vec<_> = secrets.into_iter().collect();
        // A secret that contains another goes first, or the rest of it would stay.
        secrets.sort_by_key(|secret| Reverse(secret.len()));
        let secrets = secrets.into_iter().map(SecretString::from).collect();
        Self { secrets }
    }

    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &*self.secrets {
            if text.contains(secret.expose_secret()) {
                text = text.replace(secret.expose_secret(), HIDDEN);
            }
        }
        text
    }

    fn is_hidden(&self, text: &str) -> bool {
        let mut secrets = self.secrets.iter();
        secrets.any(|secret| text.contains(secret.expose_secret()))
    }

    pub(crate) fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) if self.is_hidden(&text) => Value::String(self.text(&text)),
            Value::Array(values) => values.into_iter().map(|value| self.json(value)).collect(),
            Value::Object(map) => Value::Object(self.map(map)),
            Value::Number(number) if self.is_hidden(&number.to_string()) => {
                Value::String(HIDDEN.to_owned())
            }
            other => other,
        }
    }

    pub(crate) fn map(
        &self,
        map: serde_json::Map<String, Value>,
    ) -> serde_json::Map<String, Value> {
        map.into_iter()
            .map(|(name, value)| (self.text(&name), self.json(value)))
            .collect()
    }
}

/// What JavaScript's `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
/// What RFC 3986 has encoded wherever it stands.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A text percent-decoded and percent-encoded, with both kinds of hexadecimal digits.
fn encoded_forms(text: &str) -> Vec<String> {
    let Ok(decoded) = percent_decode_str(text).decode_utf8() else {
        return vec![];
    };
    let encoded = [
        utf8_percent_encode(&decoded, COMPONENT).to_string(),
        utf8_percent_encode(&decoded, UNRESERVED).to_string(),
        form_urlencoded::byte_serialize(decoded.as_bytes()).collect(),
    ];
    let lower = encoded.each_ref().map(|text| with_lower_escapes(text));
    let mut forms = vec![decoded.into_owned()];
    forms.extend(encoded);
    forms.extend(lower);
    forms
}

/// `%2F` as `%2f`.
fn with_lower_escapes(encoded: &str) -> String {
    let mut pieces = encoded.split('%');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
        text.push('%');
        text.push_str(&digits.to_ascii_lowercase());
        text.push_str(rest);
    }
    text
}

/// How a text of digits reads once it has been read as a number: without leading zeros, and, above
/// 64 bits, as the nearest double, the way that serde_json and serde write it.
fn number_forms(text: &str) -> Vec<String> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(double) = text.parse().ok().filter(|_| is_number) else {
        return vec![];
    };
    let mut forms = vec![
        text.trim_start_matches('0').to_owned(),
        f64::to_string(&double),
    ];
    let number = serde_json::Number::from_f64(double);
    forms.extend(number.map(|number| number.to_string()));
    forms
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand_the_longest_first() {
        let redaction = Redaction::of(["token", "/api/token/graphql", "abc"].map(str::to_owned));
        assert_eq!(
            redaction.text("POST /api/token/graphql with token and abc"),
            "POST [hidden] with [hidden] and abc"
        );
        assert_eq!(
            redaction.json(json!({ "token": ["a token", { "deep": "token" }], "n": 1 })),
            json!({ "[hidden]": ["a [hidden]", { "deep": "[hidden]" }], "n": 1 })
        );
    }

    #[test]
    fn a_secret_of_digits_is_hidden_where_a_server_says_it_as_a_number() {
        for (secret, number) in [
            ("123456789012", "123456789012"),
            ("123456789012", "-123456789012"),
            ("123456789012", "123456789012.0"),
            ("123456789012", "1.23456789012e11"),
            ("0012345678", "12345678"),
            // 2^53 and above, where a double is another number.
            ("9007199254740993", "9007199254740993"),
            ("9007199254740993", "9007199254740993.0"),
            ("18446744073709551615", "18446744073709551615"),
            // Above u64, where serde_json makes a double of it.
            ("18446744073709551617", "18446744073709551617"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            (
                "0123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
        ] {
            let redaction = Redaction::of([secret.to_owned()]);
            let value: Value = serde_json::from_str(number).unwrap();
            // As serde says it where it expected something else.
            let said = serde_json::from_str::<bool>(number).unwrap_err();
            let said = redaction.text(&said.to_string());
            assert!(said.contains(HIDDEN), "{secret} in {said}");
            let said = serde_json::from_value::<bool>(value.clone()).unwrap_err();
            let said = redaction.text(&said.to_string());
            assert!(said.contains(HIDDEN), "{secret} in {said}");
            let answer = json!({ "errors": [{ "extensions": { "account": value } }] });
            let hidden = json!({ "errors": [{ "extensions": { "account": HIDDEN } }] });
            assert_eq!(redaction.json(answer), hidden, "{secret} in {number}");
        }
        let redaction = Redaction::of(["123456789012".to_owned(), "abcd".to_owned()]);
        for other in ["123456789013", "12345678901", "0", "1.5e300", "-1"] {
            let value: Value = serde_json::from_str(other).unwrap();
            assert_eq!(redaction.json(value.clone()), value);
        }
    }

    /// A server that repeats a header's value has it without that white space.
    #[test]
    fn a_secret_is_hidden_without_the_white_space_at_its_ends() {
        let redaction = Redaction::of([" a-token ", "123456789012\t"].map(str::to_owned));
        assert_eq!(redaction.text("bad key: a-token."), "bad key: [hidden].");
        let said = json!({ "accounts": [123_456_789_012_u64, " a-token "] });
        let hidden = json!({ "accounts": [HIDDEN, " [hidden] "] });
        assert_eq!(redaction.json(said), hidden);
    }

    #[test]
    fn the_keys_of_objects_are_hidden_as_texts_are() {
        let redaction = Redaction::of(["123456789012", "a%20token"].map(str::to_owned));
        assert_eq!(
            redaction.json(json!({ "of 123456789012": 1, "deep": { "a token": { "ok": 2 } } })),
            json!({ "of [hidden]": 1, "deep": { "[hidden]": { "ok": 2 } } })
        );
    }

    #[test]
    fn a_secret_is_hidden_percent_encoded_and_decoded() {
        let encoded = "a%20b+c%2Fd%2fe-f%C3%BC(g)";
        let decoded = "a b+c/d/e-f\u{fc}(g)";
        for secret in [encoded, decoded] {
            let redaction = Redaction::of([secret.to_owned()]);
            for form in [
                secret,
                decoded,
                // As JavaScript, Python and a form encode it, with either kind of digits.
                "a%20b%2Bc%2Fd%2Fe-f%C3%BC(g)",
                "a%20b%2Bc%2Fd%2Fe-f%C3%BC%28g%29",
                "a+b%2Bc%2Fd%2Fe-f%C3%BC%28g%29",
                "a%20b%2bc%2fd%2fe-f%c3%bc(g)",
                "a%20b%2bc%2fd%2fe-f%c3%bc%28g%29",
                "a+b%2bc%2fd%2fe-f%c3%bc%28g%29",
            ] {
                assert_eq!(redaction.text(&format!("<{form}>")), "<[hidden]>", "{form}");
            }
        }
    }

    #[test]
    fn what_no_text_can_be_decoded_from_does_no_harm() {
        let redaction = Redaction::of(["a%FFtoken", "100%sure", "%41%42"].map(str::to_owned));
        assert_eq!(
            redaction.text("a%FFtoken 100%sure AB"),
            "[hidden] [hidden] AB"
        );
    }
}
