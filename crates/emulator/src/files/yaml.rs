//! A YAML document as a JSON value that knows its lines.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use saphyr_parser::{Event, Parser};
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};
use serde_path_to_error::{Path, Segment};

/// What is wrong with a document: the line, and a sentence.
pub(crate) type LineError = (usize, String);

/// A file that nests deeper is refused: what it holds is read, copied and dropped by functions that
/// call themselves, and a stack has an end.
const DEEPEST: usize = 128;

/// A YAML document.
pub(crate) struct Document {
    pub(crate) value: Value,
    lines: Lines,
}

/// The line of a value, or that of its key, where it has one; and the lines of all that is in it.
/// The names that lead to a value are kept once, since a short file can repeat a long one.
#[derive(Debug, Default)]
struct Lines {
    line: usize,
    inner: BTreeMap<String, Lines>,
}

impl Lines {
    /// The line of the value at this JSON pointer, or of what is nearest around it.
    fn line(&self, pointer: &str) -> usize {
        let Some(pointer) = pointer.strip_prefix('/') else {
            return self.line;
        };
        // Of a name and one that begins with it, the longer one.
        let mut inner = self.inner.iter().rev();
        let found = inner.find_map(|(name, inner)| {
            let rest = pointer.strip_prefix(name.as_str())?;
            let is_whole = rest.is_empty() || rest.starts_with('/');
            is_whole.then(|| inner.line(rest))
        });
        found.unwrap_or(self.line)
    }

    /// The same where no line is beyond the last one.
    fn up_to(&mut self, last: usize) {
        self.line = self.line.min(last);
        for inner in self.inner.values_mut() {
            inner.up_to(last);
        }
    }
}

impl Document {
    /// Reads a text that holds one document. A text that holds none is null.
    pub(crate) fn parse(text: &str) -> Result<Self, LineError> {
        refuse_deep(text)?;
        // What is missing at the end, or nothing there, is found beyond the last line.
        let last = count_lines(text);
        let within = |(line, message): LineError| (line.min(last), message);
        let mut documents = MarkedYaml::load_from_str(text)
            .map_err(|wrong| within((wrong.marker().line(), wrong.info().to_owned())))?
            .into_iter();
        let mut document = Self {
            value: Value::Null,
            lines: Lines::default(),
        };
        if let Some(root) = documents.next() {
            (document.value, document.lines) = take(&root).map_err(within)?;
        }
        document.lines.line = 1;
        if let Some(second) = documents.next() {
            let line = second.span.start.line();
            return Err(within((line, "a second document begins".to_owned())));
        }
        document.lines.up_to(last);
        Ok(document)
    }

    /// The line of the value at this JSON pointer, or of what is nearest around it.
    pub(crate) fn line(&self, pointer: &str) -> usize {
        self.lines.line(pointer)
    }

    /// The document as a `T`.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, LineError> {
        serde_path_to_error::deserialize(&self.value).map_err(|wrong| {
            let message = wrong.inner().to_string();
            let mut pointer = pointer(wrong.path());
            // The path to an unknown field ends at what it is in.
            let field = message.strip_prefix("unknown field `");
            if let Some((field, _)) = field.and_then(|rest| rest.split_once('`')) {
                pointer = child_pointer(&pointer, field);
            }
            (self.line(&pointer), message)
        })
    }
}

/// A node's value, and the lines of it.
fn take(node: &MarkedYaml<'_>) -> Result<(Value, Lines), LineError> {
    let mut lines = Lines {
        line: node.span.start.line(),
        inner: BTreeMap::new(),
    };
    let value = match &node.data {
        YamlData::Value(scalar) => scalar_value(scalar).map_err(|wrong| (lines.line, wrong))?,
        YamlData::Sequence(items) => {
            let mut values = Vec::new();
            for (place, item) in items.iter().enumerate() {
                let (value, inner) = take(item)?;
                values.push(value);
                lines.inner.insert(place.to_string(), inner);
            }
            Value::Array(values)
        }
        YamlData::Mapping(entries) => {
            let mut fields = Map::new();
            for (key, value) in entries {
                let line = key.span.start.line();
                let name = match &key.data {
                    YamlData::Value(Scalar::String(name)) => name.to_string(),
                    YamlData::Value(scalar) => scalar_value(scalar)
                        .map_err(|wrong| (line, wrong))?
                        .to_string(),
                    _ => return Err((line, "a key is not a text".to_owned())),
                };
                let (value, mut inner) = match &value.data {
                    YamlData::Value(scalar) => {
                        let value = scalar_value(scalar);
                        let value = value.map_err(|wrong| (line, format!("`{name}`: {wrong}")));
                        (value?, Lines::default())
                    }
                    _ => take(value)?,
                };
                inner.line = line;
                lines.inner.insert(name.clone(), inner);
                fields.insert(name, value);
            }
            Value::Object(fields)
        }
        YamlData::Tagged(tag, _) => {
            return Err((lines.line, format!("the tag {tag} is not known")));
        }
        YamlData::Representation(text, ..) => Value::from(text.to_string()),
        YamlData::Alias(_) | YamlData::BadValue => {
            return Err((lines.line, "the value cannot be read".to_owned()));
        }
    };
    Ok((value, lines))
}

/// How many lines a text has, by YAML's ends of lines; at least one.
fn count_lines(text: &str) -> usize {
    let ends =
        text.matches('\n').count() + text.matches('\r').count() - text.matches("\r\n").count();
    let is_last_open = !text.ends_with(['\n', '\r']);
    (ends + usize::from(is_last_open)).max(1)
}

/// Refuses a text that nests too deep, also by aliases. One that is no YAML passes.
fn refuse_deep(text: &str) -> Result<(), LineError> {
    /// A list or a mapping that is open: its anchor, and how deep it is inside.
    struct Open {
        anchor: usize,
        height: usize,
    }
    let mut open: Vec<Open> = Vec::new();
    // Of lists and mappings that have an anchor.
    let mut heights = BTreeMap::new();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else {
            return Ok(());
        };
        let height = match event {
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                open.push(Open { anchor, height: 0 });
                0
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(closed) = open.pop() else {
                    return Ok(());
                };
                heights.insert(closed.anchor, closed.height + 1);
                closed.height + 1
            }
            Event::Alias(anchor) => heights.get(&anchor).copied().unwrap_or_default(),
            _ => 0,
        };
        if open.len() + height > DEEPEST {
            let message = format!("this nests deeper than {DEEPEST} levels");
            return Err((span.start.line(), message));
        }
        if let Some(around) = open.last_mut() {
            around.height = around.height.max(height);
        }
    }
    Ok(())
}

/// The value of a scalar; what is wrong with one that JSON does not have.
fn scalar_value(scalar: &Scalar<'_>) -> Result<Value, String> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(truth) => Value::Bool(*truth),
        Scalar::Integer(number) => Value::from(*number),
        Scalar::FloatingPoint(number) => {
            Number::from_f64(number.into_inner())
                .map(Value::Number)
                .ok_or_else(|| format!("{number} is not a finite number"))?
        }
        Scalar::String(text) => Value::from(text.to_string()),
    })
}

/// The JSON pointer of a field. Names are not escaped: pointers are only compared here.
pub(crate) fn child_pointer(pointer: &str, name: &str) -> String {
    format!("{pointer}/{name}")
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer = format!("{pointer}/{index}"),
            Segment::Map { key } => pointer = child_pointer(&pointer, key),
            Segment::Enum { variant } => pointer = child_pointer(&pointer, variant),
            Segment::Unknown => {}
        }
    }
    pointer
}
