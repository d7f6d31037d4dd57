//! No answer makes the reader panic, and each error's place is within the answer.

use proptest::prelude::*;
use serde_json::Value;

use super::{answered, wrong};

/// What Markdown and JSON are made of.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "```",
        "```json",
        "~~~",
        "````",
        "\n",
        "\r\n",
        "> ",
        "- ",
        "1. ",
        "    ",
        " ",
        "\t",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "\\",
        "é",
        "\u{a0}",
        "\u{feff}",
        "\u{10ffff}",
        "1",
        "-1.5e3",
        "true",
        "null",
        "\"a\"",
        "json",
        "findings",
        "<details>",
        "<pre>",
        "</pre>",
        "*",
        "`",
        "\0",
        "\u{2028}",
        "[a]: b",
    ];
    proptest::sample::select(pieces.map(str::to_owned).to_vec())
}

proptest! {
    #[test]
    fn any_answer_is_read_or_refused_with_a_place_in_it(
        pieces in proptest::collection::vec(piece(), 0..40),
        label in proptest::option::of(Just("findings")),
    ) {
        let text = pieces.concat();
        let run = answered(&text);
        let numbers = match label {
            Some(label) => run.answer_json_labeled::<Vec<u64>>(label),
            None => run.answer_json::<Vec<u64>>(),
        };
        if let Err(error) = numbers {
            prop_assert!(!error.to_string().is_empty());
            let wrong = wrong(error);
            prop_assert_eq!(&wrong.text, &text);
            if let Some(place) = wrong.place {
                let line = text.split('\n').nth(place.line - 1);
                prop_assert!(line.is_some(), "{:?} of {:?}", place, text);
                let columns = line.unwrap_or_default().chars().count() + 1;
                prop_assert!((1..=columns).contains(&place.column), "{:?} of {:?}", place, text);
            }
        }
    }

    #[test]
    fn a_value_in_a_block_is_read_back_whatever_stands_around_it(
        before in "[a-z .#*_\\n]{0,40}",
        numbers in proptest::collection::vec(any::<u64>(), 0..5),
        after in "[a-z .#*_\\n]{0,40}",
    ) {
        let json = serde_json::to_string_pretty(&numbers).unwrap();
        let run = answered(&format!("{before}\n\n```json\n{json}\n```\n\n{after}"));
        prop_assert_eq!(run.answer_json::<Vec<u64>>().unwrap(), numbers);
        prop_assert!(run.answer_json::<Value>().is_ok());
    }
}
