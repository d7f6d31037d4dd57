//! Answers of a megabyte are read, whatever they repeat. How long that takes is the concern of the fuzz target
//! `answer`: what takes the square of a length would take minutes here.

use dinoai::error::AnswerProblem::{self, CutOff, NoJson};

use super::{answered, wrong};

type Numbers = Vec<u64>;

#[test]
fn an_answer_of_a_megabyte_is_read_and_its_errors_have_a_place() {
    let numbers: Numbers = (0..200_000).collect();
    let json = serde_json::to_string(&numbers).unwrap();
    assert!(json.len() > 1_000_000);
    let block = format!("Rows:\n\n```json\n{json}\n```\n");
    assert_eq!(answered(&block).answer_json::<Numbers>().unwrap(), numbers);
    assert_eq!(answered(&json).answer_json::<Numbers>().unwrap(), numbers);
    let cut = &block[..block.len() - 10];
    let error = wrong(answered(cut).answer_json::<Numbers>().unwrap_err());
    assert_eq!((error.problem, error.text.len()), (CutOff, cut.len()));
    assert_eq!(error.place.as_ref().unwrap().line, 4);
    assert!(error.to_string().len() < 1000, "{error}");
    // Much of what begins something in Markdown, or opens a value: alone, and before many lines.
    for hostile in [
        "> ",
        ">",
        "- ",
        "1. ",
        "`",
        "```\n",
        "```json\n",
        "[",
        "{\"a\":",
        "*",
        "<a ",
        "&",
        "\\",
        "\u{0}",
    ] {
        let text = hostile.repeat(1_000_000 / hostile.len());
        for text in [text.clone(), text + "a\n" + &"b\n".repeat(300_000)] {
            let error = wrong(answered(&text).answer_json::<Numbers>().unwrap_err());
            assert!(error.to_string().len() < 1000, "{hostile}");
        }
    }
}

/// Answers of so many bytes that repeat what begins a quotation, a list or a block, with what is read of each.
fn hostile(bytes: usize) -> Vec<(String, Result<Numbers, AnswerProblem>)> {
    let half = |text: &str| text.repeat(bytes / 2 / text.len());
    let all = |text: &str| text.repeat(bytes / text.len());
    vec![
        // Quotations.
        (half(">") + &half("a\n"), Err(NoJson)),
        (half("> ") + "```json\n" + &half("[1]\n"), Err(CutOff)),
        (half("> ") + "```json\n" + &half("> "), Err(CutOff)),
        (all("> ```json\n"), Err(CutOff)),
        (all("> ```json\n> [1]\n> ```\n"), Ok(vec![1])),
        (all("> ```json\n> [1]\n\n"), Ok(vec![1])),
        // Lists.
        (half("- ") + "```json\n" + &half("\n"), Err(CutOff)),
        (half("1. ") + &half("- a\n"), Err(NoJson)),
        (half("- ") + "```json\n" + &half(" ") + "[1]\n", Ok(vec![1])),
        (all("- ```json\n  [1]\n"), Ok(vec![1])),
        // Blocks.
        (all("```\n"), Err(NoJson)),
        (all("~"), Err(NoJson)),
        (all("~~~\n"), Err(NoJson)),
        (half("`") + "\n" + &half("``\n"), Err(NoJson)),
        (all("```json\n"), Err(CutOff)),
        (all("```json\n[1]\n```\n"), Ok(vec![1])),
        (all("```\n[1]\n```\n"), Ok(vec![1])),
        (all("```\n[[\n```\n"), Err(NoJson)),
    ]
}

#[test]
fn a_megabyte_of_what_begins_quotations_lists_and_blocks_is_read() {
    for (text, right) in hostile(1_000_000) {
        let begin = text.chars().take(20).collect::<String>();
        let read = answered(&text).answer_json::<Numbers>().map_err(|error| {
            assert!(error.to_string().len() < 1000, "{begin:?}");
            wrong(error).problem
        });
        assert_eq!(read, right, "{begin:?}");
    }
}
