//! Once more what proves that a trigger or a follow-up was not carried out, written from the
//! contract alone: slow, and by another reader of JSON. It shares the table of messages alone.

use super::json::{Json, Unread, trimmed};
use crate::error::ABOUT_THE_REQUEST;

/// What a response says, as far as it is whole.
pub(super) struct Said {
    /// The body as text, repaired.
    pub(super) text: String,
    pub(super) json: Result<Json, Unread>,
}

impl Said {
    pub(super) fn of(body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        let text = String::from_utf8_lossy(body).into_owned();
        let json = Json::of(&text);
        Self { text, json }
    }

    /// Every session id in the body: in JSON anywhere, else wherever a text follows the name.
    pub(super) fn ids(&self) -> Vec<String> {
        let found = match &self.json {
            Ok(json) => json
                .each()
                .into_iter()
                .flat_map(|value| value.all("agentSessionId"))
                .cloned()
                .collect::<Vec<_>>(),
            Err(_) => self.following("agentSessionId"),
        };
        found.iter().filter_map(id).collect()
    }

    /// Whether the body holds the beginning of an object at this name.
    fn holds_object_at(&self, name: &str) -> bool {
        let is_in_text = self.after(name).any(|after| after.starts_with('{'));
        let is_in_json = self.json.iter().flat_map(Json::each).any(|value| {
            let here = value.all(name);
            here.into_iter()
                .any(|value| matches!(value, Json::Object(_)))
        });
        is_in_text || is_in_json
    }

    /// The whole texts after a name in something that is no JSON. A number may have been cut.
    fn following(&self, name: &str) -> Vec<Json> {
        let first = |after| Some(Json::first_of(after).ok()?.0);
        let values = self.after(name).filter_map(first);
        values.filter(|value| value.text().is_some()).collect()
    }

    fn after<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let name = format!("\"{name}\"");
        let places: Vec<_> = self
            .text
            .match_indices(&name)
            .map(|(place, _)| place)
            .collect();
        let length = name.len();
        places.into_iter().filter_map(move |place| {
            let after = trimmed(&self.text[place + length..]);
            Some(trimmed(after.strip_prefix(':')?))
        })
    }

    /// The values of a GraphQL envelope by name; none where it is no envelope.
    pub(super) fn envelope(&self) -> Option<GivenEnvelope<'_>> {
        let json = self.json.as_ref().ok()?;
        let (data, errors) = (json.all("data"), json.all("errors"));
        let is_envelope = !data.is_empty() || !errors.is_empty();
        is_envelope.then_some(GivenEnvelope { data, errors })
    }
}

pub(super) struct GivenEnvelope<'a> {
    data: Vec<&'a Json>,
    errors: Vec<&'a Json>,
}

impl<'a> GivenEnvelope<'a> {
    /// What stands at the operation's root and is not null.
    pub(super) fn values(&self, root: &str) -> Vec<&'a Json> {
        let values = self.data.iter().flat_map(|data| data.all(root));
        values.filter(|value| **value != Json::Null).collect()
    }

    pub(super) fn errors(&self) -> Vec<&'a Json> {
        let errors = self.errors.iter().filter(|errors| ***errors != Json::Null);
        errors
            .flat_map(|errors| match errors {
                Json::List(errors) => errors.iter().collect(),
                one => vec![*one],
            })
            .collect()
    }

    pub(super) fn codes(&self) -> Vec<&'a str> {
        self.errors().into_iter().flat_map(codes).collect()
    }
}

fn id(value: &Json) -> Option<String> {
    match value {
        Json::Text(id) if !id.trim().is_empty() => Some(id.clone()),
        // One that is too large for a double is none.
        Json::Number(id) if id.parse::<f64>().is_ok_and(f64::is_finite) => Some(id.clone()),
        _ => None,
    }
}

fn paths(error: &Json) -> Vec<&Json> {
    let paths = error.all("path").into_iter();
    paths.filter(|path| **path != Json::Null).collect()
}

fn codes(error: &Json) -> Vec<&str> {
    let extensions = error.all("extensions").into_iter();
    let codes = extensions.flat_map(|extensions| extensions.all("code"));
    codes.filter_map(Json::text).collect()
}

fn messages(error: &Json) -> Vec<&str> {
    let messages = error.all("message").into_iter();
    messages.filter_map(Json::text).collect()
}

/// A mutation that was sent.
pub(super) struct Sent<'a> {
    pub(super) root: &'a str,
    pub(super) agent: Option<&'a str>,
    /// Whether an id in the response is the id of what it started.
    pub(super) starts_a_run: bool,
}

/// Whether one of the proofs holds for a response that has arrived whole.
pub(super) fn prove_that_nothing_was_carried_out(
    status: u16,
    said: &Said,
    sent: &Sent<'_>,
) -> bool {
    let has_id = !said.ids().is_empty();
    if sent.starts_a_run && has_id {
        return false;
    }
    let Some(envelope) = said.envelope() else {
        let statuses = [
            301, 302, 307, 308, 400, 401, 403, 404, 405, 406, 410, 411, 413, 414, 415, 421, 422,
            426, 429, 431,
        ];
        return statuses.contains(&status) && !said.holds_object_at(sent.root);
    };
    let values = envelope.values(sent.root);
    let errors = envelope.errors();
    if !values.is_empty() {
        // The API's own refusal.
        let refuses = |value: &&Json| {
            let ok = value.all("ok");
            !ok.is_empty() && ok.iter().all(|ok| **ok == Json::Bool(false))
        };
        return values.iter().all(refuses) && !has_id;
    }
    let has_path = errors.iter().any(|error| !paths(error).is_empty());
    if [401, 403, 429].contains(&status) && !has_path {
        return true;
    }
    let is_open = [408, 409, 425, 499].contains(&status) || status >= 500;
    let is_data_absent = envelope.data.is_empty();
    let all_come_before = !errors.is_empty()
        && errors
            .iter()
            .all(|error| comes_before_execution(error, is_data_absent));
    if all_come_before && !has_path && !is_open {
        return true;
    }
    match errors[..] {
        [error] => {
            let place = Json::List(vec![Json::Text(sent.root.to_owned())]);
            let is_there = paths(error) == [&place];
            is_there && matches!(status, 200..300 | 400..500) && is_refusal(error, sent.agent)
        }
        _ => false,
    }
}

fn comes_before_execution(error: &Json, is_data_absent: bool) -> bool {
    let codes = codes(error);
    let always = [
        "GRAPHQL_PARSE_FAILED",
        "GRAPHQL_VALIDATION_FAILED",
        "OPERATION_RESOLUTION_FAILURE",
    ];
    let without_data = ["BAD_USER_INPUT", "UNAUTHENTICATED", "FORBIDDEN"];
    let by_code =
        |code: &&str| always.contains(code) || is_data_absent && without_data.contains(code);
    let messages = match error {
        Json::Text(message) => vec![message.as_str()],
        _ => messages(error),
    };
    let is_about = |message: &&str| is_about_the_request(message);
    !codes.is_empty() && codes.iter().all(by_code)
        || !messages.is_empty() && messages.iter().all(is_about)
}

fn is_about_the_request(message: &str) -> bool {
    let message = message.replace('\'', "\"");
    let stem = match message.split_once(" Did you mean ") {
        Some((stem, rest)) if rest.ends_with('?') => stem,
        _ => &message,
    };
    let stem: Vec<char> = stem.chars().collect();
    ABOUT_THE_REQUEST
        .iter()
        .any(|pattern| matches(&pattern.chars().collect::<Vec<_>>(), &stem))
}

/// Whether a text is what a pattern describes: place by place, with every place that the pattern
/// can be at.
fn matches(pattern: &[char], text: &[char]) -> bool {
    let is_wildcard = |place: usize| matches!(pattern.get(place), Some('*' | '#'));
    let mut places = vec![false; pattern.len() + 1];
    places[0] = true;
    let skip = |places: &mut Vec<bool>| {
        for place in 0..pattern.len() {
            places[place + 1] |= places[place] && is_wildcard(place);
        }
    };
    skip(&mut places);
    for character in text {
        let mut next = vec![false; places.len()];
        for place in 0..pattern.len() {
            if !places[place] {
                continue;
            }
            match pattern[place] {
                '*' => next[place] = true,
                '#' => {
                    let is_part =
                        character.is_ascii_alphanumeric() || "_.$@[]!".contains(*character);
                    next[place] |= is_part;
                }
                expected => next[place + 1] |= expected == *character,
            }
        }
        skip(&mut next);
        places = next;
    }
    places[pattern.len()]
}

fn is_refusal(error: &Json, agent: Option<&str>) -> bool {
    let codes = codes(error);
    let refusals = ["BAD_USER_INPUT", "NOT_FOUND", "AGENT_NOT_FOUND"];
    if !codes.is_empty() && codes.iter().all(|code| refusals.contains(code)) {
        return true;
    }
    let messages = messages(error);
    let says_so =
        |message: &&str| agent.is_some_and(|agent| says_that_there_is_none(message, agent));
    !messages.is_empty() && messages.iter().all(says_so)
}

fn says_that_there_is_none(message: &str, agent: &str) -> bool {
    let quotes = ["", "\"", "'", "`"];
    for start in ["No agent ", "No DinoAI agent ", "Agent "] {
        for end in ["was found", "was not found", "not found", "does not exist"] {
            if (start, end) == ("Agent ", "was found") {
                continue;
            }
            for named in ["", "named "] {
                for (before, after) in quotes.iter().flat_map(|b| quotes.map(|a| (b, a))) {
                    let words = format!("{start}{named}{before}{agent}{after} {end}");
                    if let Some(rest) = message.strip_prefix(words.as_str())
                        && !rest.starts_with(char::is_alphanumeric)
                    {
                        return true;
                    }
                }
            }
        }
    }
    false
}
