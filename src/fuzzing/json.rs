//! A reader of JSON that is as plain as it can be and shares nothing with the one that is tested:
//! it keeps the order of names and those that stand twice.

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Why a text is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    NoJson,
    /// It nests deeper than this reader goes.
    Deep,
}

const DEEPEST: usize = 200;

impl Json {
    /// The value that a text is from beginning to end.
    pub(super) fn of(text: &str) -> Result<Self, Unread> {
        let (value, rest) = Self::first_of(text)?;
        match trimmed(rest) {
            "" => Ok(value),
            _ => Err(Unread::NoJson),
        }
    }

    /// The value that a text begins with, and the rest.
    pub(super) fn first_of(text: &str) -> Result<(Self, &str), Unread> {
        value(text, DEEPEST)
    }

    /// What stands at a name, every time that it does.
    pub(super) fn all(&self, name: &str) -> Vec<&Json> {
        let Self::Object(entries) = self else {
            return vec![];
        };
        let here = entries.iter().filter(|(other, _)| other == name);
        here.map(|(_, value)| value).collect()
    }

    /// This value and all in it.
    pub(super) fn each(&self) -> Vec<&Json> {
        let inner: Vec<&Json> = match self {
            Self::List(values) => values.iter().collect(),
            Self::Object(entries) => entries.iter().map(|(_, value)| value).collect(),
            _ => vec![],
        };
        let mut found = vec![self];
        found.extend(inner.into_iter().flat_map(Self::each));
        found
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Without the white space of JSON at its start.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

fn value(text: &str, depth: usize) -> Result<(Json, &str), Unread> {
    if depth == 0 {
        return Err(Unread::Deep);
    }
    let text = trimmed(text);
    for (word, value) in [
        ("null", Json::Null),
        ("true", Json::Bool(true)),
        ("false", Json::Bool(false)),
    ] {
        if let Some(rest) = text.strip_prefix(word) {
            return Ok((value, rest));
        }
    }
    match text.chars().next() {
        Some('"') => string(text).map(|(text, rest)| (Json::Text(text), rest)),
        Some('[') => {
            let mut values = vec![];
            let rest = each_item(&text[1..], "]", |item| {
                let (value, rest) = value(item, depth - 1)?;
                values.push(value);
                Ok(rest)
            })?;
            Ok((Json::List(values), rest))
        }
        Some('{') => {
            let mut entries = vec![];
            let rest = each_item(&text[1..], "}", |item| {
                let (name, rest) = string(trimmed(item))?;
                let rest = trimmed(rest).strip_prefix(':').ok_or(Unread::NoJson)?;
                let (value, rest) = value(rest, depth - 1)?;
                entries.push((name, value));
                Ok(rest)
            })?;
            Ok((Json::Object(entries), rest))
        }
        _ => number(text),
    }
}

/// Reads what stands between commas up to the end.
fn each_item<'a>(
    text: &'a str,
    end: &str,
    mut read: impl FnMut(&'a str) -> Result<&'a str, Unread>,
) -> Result<&'a str, Unread> {
    if let Some(rest) = trimmed(text).strip_prefix(end) {
        return Ok(rest);
    }
    let mut rest = text;
    loop {
        rest = trimmed(read(rest)?);
        if let Some(rest) = rest.strip_prefix(end) {
            return Ok(rest);
        }
        rest = rest.strip_prefix(',').ok_or(Unread::NoJson)?;
    }
}

/// A text in quotes; half of a surrogate pair is U+FFFD.
fn string(text: &str) -> Result<(String, &str), Unread> {
    let mut rest = text.strip_prefix('"').ok_or(Unread::NoJson)?;
    let mut units: Vec<u16> = vec![];
    loop {
        let character = rest.chars().next().ok_or(Unread::NoJson)?;
        rest = &rest[character.len_utf8()..];
        match character {
            '"' => return Ok((String::from_utf16_lossy(&units), rest)),
            '\\' => {
                let escape = rest.chars().next().ok_or(Unread::NoJson)?;
                rest = &rest[escape.len_utf8()..];
                let unit = match escape {
                    '"' | '\\' | '/' => u16::try_from(u32::from(escape)).unwrap(),
                    'b' => 8,
                    'f' => 12,
                    'n' => 10,
                    'r' => 13,
                    't' => 9,
                    'u' => {
                        let digits = rest.get(..4).ok_or(Unread::NoJson)?;
                        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                            return Err(Unread::NoJson);
                        }
                        rest = &rest[4..];
                        u16::from_str_radix(digits, 16).unwrap()
                    }
                    _ => return Err(Unread::NoJson),
                };
                units.push(unit);
            }
            control if control < ' ' => return Err(Unread::NoJson),
            character => units.extend(character.encode_utf16(&mut [0; 2]).iter()),
        }
    }
}

fn number(text: &str) -> Result<(Json, &str), Unread> {
    let digits =
        |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut length = usize::from(text.starts_with('-'));
    length += match (digits(&text[length..]), text[length..].starts_with('0')) {
        (0, _) => return Err(Unread::NoJson),
        (_, true) => 1,
        (count, false) => count,
    };
    if text[length..].starts_with('.') {
        let count = digits(&text[length + 1..]);
        length += match count {
            0 => return Err(Unread::NoJson),
            count => 1 + count,
        };
    }
    if text[length..].starts_with(['e', 'E']) {
        let sign = usize::from(text[length + 1..].starts_with(['+', '-']));
        let count = digits(&text[length + 1 + sign..]);
        length += match count {
            0 => return Err(Unread::NoJson),
            count => 1 + sign + count,
        };
    }
    Ok((Json::Number(text[..length].to_owned()), &text[length..]))
}
