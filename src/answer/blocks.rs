//! The fenced code blocks of an answer, and which of them holds its JSON.
//!
//! A scanner of our own, which looks at each line once: a parser of all Markdown takes time that grows with the
//! square of an answer that is built to be slow. It knows the parts of CommonMark that fences depend on: quotations,
//! lists, the length of a fence, what may stand behind it. Unlike CommonMark, it also takes a fence that is indented
//! further, or stands in HTML.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// How far a closing fence may be indented more than the opening one, in columns.
const MOST_INDENT: usize = 3;
/// The columns of a tab.
const TAB: usize = 4;

/// The part of an answer that should be JSON.
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
    info: &'a str,
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
    let is_blank = |character: char| character.is_whitespace() || character == '\u{feff}';
    let content = answer.trim_matches(is_blank);
    let has_brackets = |open, close| content.starts_with(open) && content.ends_with(close);
    if !has_brackets('{', '}') && !has_brackets('[', ']') && !is_json(content) {
        return None;
    }
    let start = answer.len() - answer.trim_start_matches(is_blank).len();
    Some(Json {
        content: Cow::Borrowed(content),
        parts: vec![(0, start)],
        start,
        is_closed: true,
    })
}

/// The fenced code blocks of a text, in its order.
fn blocks(answer: &str) -> Vec<Block<'_>> {
    let mut found = vec![];
    let mut open: Option<Open<'_>> = None;
    let mut start = 0;
    for whole_line in answer.split_inclusive('\n') {
        let line = whole_line.trim_end_matches(['\n', '\r']);
        let next = match open.take() {
            Some(mut block) => match block.take(line, start) {
                Taken::Content => Some(block),
                Taken::End => {
                    found.push(block.end(true));
                    None
                }
                // What it stands in has ended.
                Taken::Outside => {
                    found.push(block.end(false));
                    Open::at(line, start)
                }
            },
            None => Open::at(line, start),
        };
        open = next;
        start += whole_line.len();
    }
    found.extend(open.map(|block| block.end(false)));
    found
}

/// What a line is to an open block.
enum Taken {
    Content,
    End,
    Outside,
}

/// A block whose end has not been seen yet, and what its lines begin with.
struct Open<'a> {
    block: Block<'a>,
    mark: char,
    length: usize,
    /// How many quotations it stands in.
    quotations: usize,
    /// How far a list's item that begins on the same line indents it.
    item: Option<usize>,
    /// How far it is indented itself.
    indent: usize,
}

impl<'a> Open<'a> {
    /// The block that a line opens.
    fn at(line: &'a str, start: usize) -> Option<Self> {
        let mut rest = line;
        let (mut quotations, mut item) = (0, None);
        let indent = loop {
            let unindented = rest.trim_start_matches([' ', '\t']);
            let (_, indent) = without_indent(rest, usize::MAX);
            if let Some(quoted) = unindented.strip_prefix('>') {
                quotations += 1;
                item = None;
                rest = quoted.strip_prefix(' ').unwrap_or(quoted);
            } else if let Some(width) = marker(unindented) {
                item = Some(item.unwrap_or_default() + indent + width);
                rest = unindented.get(width..)?;
            } else {
                rest = unindented;
                break indent;
            }
        };
        let mark = rest
            .chars()
            .next()
            .filter(|mark| ['`', '~'].contains(mark))?;
        let info = rest.trim_start_matches(mark);
        let length = rest.len() - info.len();
        if length < 3 || (mark == '`' && info.contains('`')) {
            return None;
        }
        Some(Self {
            block: Block {
                info: info.trim(),
                json: Json {
                    content: Cow::Owned(String::new()),
                    parts: vec![],
                    start: start + line.len() - rest.len(),
                    is_closed: false,
                },
            },
            mark,
            length,
            quotations,
            item,
            indent,
        })
    }

    /// Takes a line of the content, if it is one.
    fn take(&mut self, line: &str, start: usize) -> Taken {
        let mut rest = line;
        for _ in 0..self.quotations {
            match rest.trim_start_matches(' ').strip_prefix('>') {
                Some(quoted) => rest = quoted.strip_prefix(' ').unwrap_or(quoted),
                None => return Taken::Outside,
            }
        }
        if let Some(item) = self.item {
            let (unindented, columns) = without_indent(rest, item);
            if columns < item && !unindented.is_empty() {
                return Taken::Outside;
            }
            rest = unindented;
        }
        let most = self.indent + MOST_INDENT;
        let (fence, columns) = without_indent(rest, most);
        let fence = fence.trim_end();
        let is_fence = fence.chars().all(|character| character == self.mark);
        if is_fence && fence.len() >= self.length && columns <= most {
            return Taken::End;
        }
        (rest, _) = without_indent(rest, self.indent);
        let json = &mut self.block.json;
        json.parts
            .push((json.content.len(), start + line.len() - rest.len()));
        let content = json.content.to_mut();
        content.push_str(rest);
        content.push('\n');
        Taken::Content
    }

    fn end(mut self, is_closed: bool) -> Block<'a> {
        self.block.json.is_closed = is_closed;
        self.block
    }
}

/// How wide the marker of a list's item is that a text begins with, the space behind it included.
fn marker(text: &str) -> Option<usize> {
    let digits = text.len()
        - text
            .trim_start_matches(|digit: char| digit.is_ascii_digit())
            .len();
    let marks: &[char] = match digits {
        0 => &['-', '+', '*'],
        1..=9 => &['.', ')'],
        _ => return None,
    };
    let behind = text.get(digits..)?.strip_prefix(marks)?;
    behind.starts_with([' ', '\t']).then_some(digits + 2)
}

/// A line without its first white space, so many columns or with a tab a few more, and how many they were.
fn without_indent(line: &str, most: usize) -> (&str, usize) {
    let (mut rest, mut columns) = (line, 0);
    while columns < most {
        if let Some(further) = rest.strip_prefix(' ') {
            (rest, columns) = (further, columns + 1);
        } else if let Some(further) = rest.strip_prefix('\t') {
            (rest, columns) = (further, columns + TAB);
        } else {
            break;
        }
    }
    (rest, columns)
}
