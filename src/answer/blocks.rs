//! The fenced code blocks of an answer, by CommonMark's rules, and which of them holds its JSON.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use serde::de::IgnoredAny;

/// The part of an answer that is to be JSON.
pub(super) struct Json<'a> {
    pub(super) content: Cow<'a, str>,
    /// Where each part of the content begins in itself, and in the answer: a block in a list or a
    /// quotation is not one piece.
    parts: Vec<(usize, usize)>,
    /// Where it begins in the answer, its fence included.
    pub(super) start: usize,
    /// Whether its end is there: a closing fence, or the end of an answer that is JSON as a whole.
    pub(super) is_closed: bool,
}

impl Json<'_> {
    /// Where in the answer a byte of the content stands.
    pub(super) fn place_of(&self, offset: usize) -> usize {
        let after = self.parts.partition_point(|(begin, _)| *begin <= offset);
        match after.checked_sub(1).and_then(|last| self.parts.get(last)) {
            Some((begin, at)) => at + (offset - begin),
            None => self.start,
        }
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A fenced code block.
struct Block<'a> {
    /// What stands behind the opening fence.
    info: String,
    json: Json<'a>,
}

impl Block<'_> {
    /// The word behind the fence that names the language.
    fn language(&self) -> &str {
        let is_end = |character: char| character.is_whitespace() || ",:{}".contains(character);
        self.info.split(is_end).next().unwrap_or_default()
    }

    fn has_label(&self, label: &str) -> bool {
        let mut words = self
            .info
            .split(|character: char| character.is_whitespace() || character == ',');
        self.info.eq_ignore_ascii_case(label) || words.any(|word| word.eq_ignore_ascii_case(label))
    }

    /// Whether it is an object or an array, though nothing calls it JSON.
    fn is_plain_json(&self) -> bool {
        self.info.is_empty()
            && self.json.content.trim_start().starts_with(['{', '['])
            && is_json(&self.json.content)
    }
}

/// The JSON of an answer: its last fenced block of the label, or without a label its last one that is
/// called `json`; without such a block the last one that has no name and is an object or an array; else
/// the whole answer, if it looks like JSON.
pub(super) fn find<'a>(answer: &'a str, label: Option<&str>) -> Option<Json<'a>> {
    let mut named = None;
    let mut plain = None;
    for block in blocks(answer) {
        let is_named = match label {
            Some(label) => block.has_label(label),
            None => block.language().eq_ignore_ascii_case("json"),
        };
        if is_named {
            named = Some(block.json);
        } else if label.is_none() && named.is_none() && block.is_plain_json() {
            plain = Some(block.json);
        }
    }
    named.or(plain).or_else(|| whole(answer))
}

/// The whole answer, if it is JSON, or is meant to be an object or an array.
fn whole(answer: &str) -> Option<Json<'_>> {
    let content =
        answer.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}');
    let has_brackets = |open, close| content.starts_with(open) && content.ends_with(close);
    if !has_brackets('{', '}') && !has_brackets('[', ']') && !is_json(content) {
        return None;
    }
    let start = answer.len()
        - answer
            .trim_start_matches(|character: char| {
                character.is_whitespace() || character == '\u{feff}'
            })
            .len();
    Some(Json {
        content: Cow::Borrowed(content),
        parts: vec![(0, start)],
        start,
        is_closed: true,
    })
}

/// The fenced code blocks of a Markdown text, in its order.
fn blocks(answer: &str) -> Vec<Block<'_>> {
    let mut found = vec![];
    let mut open: Option<Open<'_>> = None;
    for (event, range) in Parser::new_ext(answer, Options::empty()).into_offset_iter() {
        match (event, &mut open) {
            (Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))), _) => {
                open = Some(Open::new(&info, answer, range));
            }
            (Event::Text(text), Some(open)) => open.push(&text, range),
            (Event::End(TagEnd::CodeBlock), Some(_)) => {
                found.extend(open.take().map(|open| open.close(answer)));
            }
            _ => {}
        }
    }
    found
}

/// A block whose content is still being read.
struct Open<'a> {
    block: Block<'a>,
    range: Range<usize>,
    /// Where its content ends in the answer, as far as it was read.
    read_to: usize,
}

impl<'a> Open<'a> {
    fn new(info: &str, answer: &str, range: Range<usize>) -> Self {
        let first = answer
            .get(range.clone())
            .and_then(|block| block.lines().next());
        let json = Json {
            content: Cow::Borrowed(""),
            parts: vec![],
            start: range.start,
            is_closed: false,
        };
        Self {
            block: Block {
                info: info.trim().to_owned(),
                json,
            },
            read_to: range.start + first.map_or(0, str::len),
            range,
        }
    }

    fn push(&mut self, text: &str, range: Range<usize>) {
        let json = &mut self.block.json;
        json.parts.push((json.content.len(), range.start));
        json.content.to_mut().push_str(text);
        self.read_to = range.end;
    }

    /// Closed is it if something other than white space and the marks of a quotation follows the
    /// content, which can be the closing fence alone.
    fn close(mut self, answer: &str) -> Block<'a> {
        let rest = answer.get(self.read_to..self.range.end).unwrap_or_default();
        self.block.json.is_closed = rest.contains(['`', '~']);
        self.block
    }
}
