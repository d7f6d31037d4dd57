//! What must hold for the JSON of an answer, whatever the answer is.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{AnswerProblem, Error, Result, WrongAnswer};
use crate::model::{Message, Run, RunStatus};

const LABEL: &str = "dinoai-findings";
/// No error's text is longer, and no follow-up's but for its label.
const LONGEST_TEXT: usize = 4_000;
/// How long a repeated input is. When fuzzing, so long that reading it in a time that grows with its square
/// would exceed the time limit of an input.
const REPEATED: usize = if cfg!(fuzzing) { 250_000 } else { 4_000 };

/// Checks what is read of an answer, without a label, with one, and with one that is the answer's first line.
pub fn answer(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let run = answered(&text);
    let first_line = text.lines().next().unwrap_or_default();
    for label in [None, Some(LABEL), Some(first_line)] {
        let value = read::<Value>(&run, label);
        let source = read::<Box<RawValue>>(&run, label).map(|source| source.get().to_owned());
        is_read_of(&text, &value, &source);
        let errors = [
            value.err(),
            source.err(),
            read::<Vec<u64>>(&run, label).err(),
            read::<(String, bool)>(&run, label).err(),
        ];
        for error in errors.into_iter().flatten() {
            is_within(&text, label, error);
        }
    }
    is_read_as_it_was_written(&text);
    if text.len() <= 24 {
        is_read_in_time(&text);
    }
}

fn answered(text: &str) -> Run {
    let mut run = Run::new("s1", RunStatus::Completed);
    run.messages = vec![Message::new(1.0, "agent", text)];
    run
}

fn read<T: serde::de::DeserializeOwned>(run: &Run, label: Option<&str>) -> Result<T> {
    match label {
        Some(label) => run.answer_json_labeled(label),
        None => run.answer_json(),
    }
}

/// A value is what `serde_json` reads of its source, and the source stands in the text; without a fence it is the
/// whole text.
fn is_read_of(text: &str, value: &Result<Value>, source: &Result<String>) {
    let Ok(source) = source else {
        assert!(value.is_err(), "{value:?} of no JSON");
        return;
    };
    assert!(stands_in(source, text), "{source:?}");
    match (value, serde_json::from_str::<Value>(source)) {
        (Ok(value), Ok(right)) => assert_eq!(*value, right),
        (Err(_), Err(_)) => {}
        (value, right) => panic!("{value:?} instead of {right:?}"),
    }
    if !text.contains("```") && !text.contains("~~~") {
        let whole = text.trim_matches(is_blank);
        assert_eq!(source, whole);
    }
}

fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

/// Whether the lines of a source are ends of lines that follow each other in the text, and nothing but what
/// quotes or indents them stands before.
fn stands_in(source: &str, text: &str) -> bool {
    let all: Vec<_> = text.split('\n').collect();
    let source: Vec<_> = source.split('\n').collect();
    let is_end_of = |(line, (number, end)): (&&str, (usize, &&str))| {
        let line = match number + 1 == source.len() {
            // A block's last line may end in white space, which is not the value's.
            true => line.trim_end_matches(is_blank),
            false => line.trim_end_matches('\r'),
        };
        let begin = line.strip_suffix(end.trim_end_matches('\r'));
        begin.is_some_and(|begin| {
            begin
                .chars()
                .all(|before| before == '>' || is_blank(before))
        })
    };
    all.windows(source.len())
        .any(|lines| lines.iter().zip(source.iter().enumerate()).all(is_end_of))
}

/// An error has the whole text, a place in it, and a short text and follow-up of its own.
fn is_within(text: &str, label: Option<&str>, error: Error) {
    let shown = error.to_string();
    assert!(shown.len() <= LONGEST_TEXT, "{shown}");
    let wrong = match error {
        Error::WrongAnswer(wrong) => *wrong,
        // For a label that no block can have.
        Error::InvalidRequest { field: "label", .. } => return,
        other => panic!("{other:?}"),
    };
    // An answer of white space is none.
    assert!(
        wrong.text == text || text.trim().is_empty(),
        "{:?}",
        wrong.text
    );
    let has_place = !matches!(
        wrong.problem,
        AnswerProblem::Missing | AnswerProblem::NoJson
    );
    assert_eq!(wrong.place.is_some(), has_place, "{wrong:?}");
    if let Some(place) = &wrong.place {
        let line = place
            .line
            .checked_sub(1)
            .and_then(|before| text.split('\n').nth(before));
        let columns = line.map(|line| 1..=line.chars().count() + 1);
        assert!(
            columns.is_some_and(|columns| columns.contains(&place.column)),
            "{place:?}"
        );
    }
    let follow_up = wrong.follow_up_text();
    assert!(
        follow_up.len() <= LONGEST_TEXT + label.map_or(0, str::len),
        "{follow_up}"
    );
    for (role, is_one) in [("user", true), ("agent", false)] {
        let message = Message::new(2.0, role, follow_up.clone());
        assert_eq!(WrongAnswer::is_follow_up(&message), is_one, "{follow_up}");
    }
}

/// The text itself, as the last value of an answer: behind lines without a fence, in a block that stands alone, in
/// a quotation, or in a list.
fn is_read_as_it_was_written(text: &str) {
    let right = serde_json::json!([{ "text": text }, text.len()]);
    let value = serde_json::to_string_pretty(&right).unwrap();
    let before = text.replace(['`', '~'], "");
    for (first, rest) in [("", ""), ("> ", "> "), ("- ", "  "), ("> 1. ", ">    ")] {
        for end in ["\n", "\r\n"] {
            let lines: Vec<_> = ["```json"]
                .into_iter()
                .chain(value.lines())
                .chain(["```"])
                .collect();
            let block = lines.join(&format!("{end}{rest}"));
            let answer = format!("{before}\n\n{first}{block}{end}");
            let read = answered(&answer).answer_json::<Value>();
            assert_eq!(read.unwrap(), right, "{answer:?}");
        }
    }
}

/// Both halves of a text, each repeated so often that it takes too long unless the time grows with the length.
fn is_read_in_time(text: &str) {
    let middle = (0..=text.len() / 2)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap();
    let (first, second) = text.split_at(middle);
    let often = |half: &str| half.repeat(REPEATED / 2 / half.len().max(1));
    let run = answered(&(often(first) + &often(second)));
    for label in [None, Some(LABEL)] {
        if let Err(error) = read::<Value>(&run, label) {
            assert!(error.to_string().len() <= LONGEST_TEXT, "{error}");
        }
    }
}
