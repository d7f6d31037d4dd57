//! Takes the credentials and the endpoint's path out of whatever a server said, before it
//! becomes part of an error: a proxy's error page may repeat the request that it got.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

const HIDDEN: &str = "[hidden]";
/// A shorter text is no secret, and hiding it would garble every message.
const SHORTEST_SECRET: usize = 4;

#[derive(Debug)]
pub(crate) struct Redaction {
    secrets: Vec<SecretString>,
}

impl Redaction {
    pub(crate) fn of(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets
            .into_iter()
            .filter(|secret| secret.len() >= SHORTEST_SECRET)
            .collect();
        // A secret that contains another goes first, or the rest of it would stay.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let secrets = secrets.into_iter().map(SecretString::from).collect();
        Self { secrets }
    }

    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.expose_secret()) {
                text = text.replace(secret.expose_secret(), HIDDEN);
            }
        }
        text
    }

    pub(crate) fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(values) => values.into_iter().map(|value| self.json(value)).collect(),
            Value::Object(map) => Value::Object(self.map(map)),
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
}
