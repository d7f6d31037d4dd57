//! What is read of each kind of answer.

use dinoai::error::AnswerProblem::{self, CutOff, Malformed, Mismatch, Missing, NoJson};
use dinoai::{Message, RunStatus, Turn};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{answered, wrong};

/// What is asked for in each row: numbers.
type Numbers = Vec<u64>;

/// A problem, with its line and column if it has a place, and its path.
type Problem = (AnswerProblem, Option<(usize, usize)>, &'static str);

struct Row {
    name: &'static str,
    answer: String,
    label: Option<&'static str>,
    right: Result<Numbers, Problem>,
}

fn row(name: &'static str, answer: &str, right: Result<&[u64], Problem>) -> Row {
    Row {
        name,
        answer: answer.to_owned(),
        label: None,
        right: right.map(<[u64]>::to_vec),
    }
}

fn labeled(
    label: &'static str,
    name: &'static str,
    answer: &str,
    right: Result<&[u64], Problem>,
) -> Row {
    Row {
        label: Some(label),
        ..row(name, answer, right)
    }
}

fn at(problem: AnswerProblem, line: usize, column: usize) -> Result<&'static [u64], Problem> {
    Err((problem, Some((line, column)), ""))
}

fn no_json() -> Result<&'static [u64], Problem> {
    Err((NoJson, None, ""))
}

fn rows() -> Vec<Row> {
    let findings = "dinoai-findings";
    vec![
        // One block.
        row("a block", "Two:\n\n```json\n[1, 2]\n```\n", Ok(&[1, 2])),
        row("a block alone", "```json\n[1]\n```", Ok(&[1])),
        row("text after it", "```json\n[1]\n```\nThat is all.", Ok(&[1])),
        row(
            "a title behind the fence",
            "```json title=\"a, b\"\n[1]\n```",
            Ok(&[1]),
        ),
        row(
            "a file name behind the fence",
            "```json:out/rows.json\n[1]\n```",
            Ok(&[1]),
        ),
        row("capitals", "```JSON\n[1]\n```", Ok(&[1])),
        row("tildes", "~~~json\n[1]\n~~~", Ok(&[1])),
        row("a longer fence", "`````json\n[1]\n`````", Ok(&[1])),
        row("a space before the name", "``` json\n[1]\n```", Ok(&[1])),
        row(
            "no empty line before it",
            "Rows:\n```json\n[1]\n```",
            Ok(&[1]),
        ),
        row(
            "CRLF",
            "Rows:\r\n\r\n```json\r\n[1,\r\n2]\r\n```\r\n",
            Ok(&[1, 2]),
        ),
        row("an indented fence", "   ```json\n   [1]\n   ```", Ok(&[1])),
        // Several.
        row(
            "several blocks",
            "```json\n[1]\n```\nno:\n```json\n[2]\n```",
            Ok(&[2]),
        ),
        row(
            "a block of another language after it",
            "```json\n[1]\n```\n```sql\nselect 1\n```",
            Ok(&[1]),
        ),
        row(
            "a block without a name after it",
            "```json\n[1]\n```\n```\n[2]\n```",
            Ok(&[1]),
        ),
        row(
            "the last one is wrong",
            "```json\n[1]\n```\n```json\n[2,]\n```",
            at(Malformed, 5, 4),
        ),
        row(
            "the last one is empty",
            "```json\n[1]\n```\n```json\n```",
            at(Malformed, 4, 1),
        ),
        // In other things.
        row(
            "in a list",
            "1. Rows:\n   ```json\n   [1,\n    2]\n   ```\n2. More",
            Ok(&[1, 2]),
        ),
        row(
            "wrong in a list",
            "- Rows:\n  ```json\n  [1,\n   é]\n  ```\n- More",
            at(Malformed, 4, 4),
        ),
        row("in a list with a tab", "-\t```json\n\t[1]\n\t```", Ok(&[1])),
        row(
            "a fence in a list that is indented otherwise",
            "1. Rows:\n   ```json\n   [1]\n    ```\n2. More",
            Ok(&[1]),
        ),
        row(
            "in a quotation",
            "> ```json\n> [1,\n> 2]\n> ```",
            Ok(&[1, 2]),
        ),
        row(
            "wrong in a quotation",
            "> ```json\n> [1,\n> x]\n> ```",
            at(Malformed, 3, 3),
        ),
        row(
            "in details",
            "<details><summary>JSON</summary>\n\n```json\n[1]\n```\n\n</details>",
            Ok(&[1]),
        ),
        row(
            "quoted in another block",
            "````markdown\n```json\n[1]\n```\n````",
            no_json(),
        ),
        row("in HTML", "<pre>\n```json\n[1]\n```\n</pre>", Ok(&[1])),
        row(
            "nested in a block, and one after it",
            "````md\n```json\n[1]\n```\n````\n```json\n[2]\n```",
            Ok(&[2]),
        ),
        row(
            "in a block that an indented fence does not close",
            "```md\n    ```\n```json\n[9]\n```",
            no_json(),
        ),
        row(
            "fences in a text of it",
            "```json\n[1]\n\n```\nand ```json [2]``` in a line",
            Ok(&[1]),
        ),
        // Without a name, or with another.
        row("no name", "Rows:\n```\n[1]\n```", Ok(&[1])),
        row("no name, and no JSON", "```\n[INFO] one\n```", no_json()),
        row("no name, and a word", "```\ntrue\n```", no_json()),
        row(
            "no name, then JSON in words",
            "```\n[1]\n```\n```\nok\n```",
            Ok(&[1]),
        ),
        row("another language", "```yaml\n[1]\n```", no_json()),
        row("JSON with comments", "```jsonc\n[1] // one\n```", no_json()),
        row("an indented block", "Rows:\n\n    [1]\n", no_json()),
        row("inline", "Rows: `[1]`", no_json()),
        // Labels.
        labeled(
            findings,
            "a label",
            "```dinoai-findings\n[1]\n```",
            Ok(&[1]),
        ),
        labeled(
            findings,
            "a label behind the name",
            "```json dinoai-findings\n[1]\n```",
            Ok(&[1]),
        ),
        labeled(
            findings,
            "a label in capitals",
            "```json, DINOAI-FINDINGS\n[1]\n```",
            Ok(&[1]),
        ),
        labeled(findings, "another label", "```json\n[1]\n```", no_json()),
        labeled(
            findings,
            "a longer label",
            "```dinoai-findings-2\n[1]\n```",
            no_json(),
        ),
        labeled(
            findings,
            "a label before others",
            "```dinoai-findings\n[1]\n```\n```json\n[2]\n```",
            Ok(&[1]),
        ),
        labeled(
            findings,
            "a label twice",
            "```dinoai-findings\n[1]\n```\n```dinoai-findings\n[2]\n```",
            Ok(&[2]),
        ),
        labeled(findings, "a label, and the whole is JSON", "[1]", Ok(&[1])),
        row(
            "a label that nobody asked for",
            "```dinoai-findings\n[1]\n```",
            no_json(),
        ),
        // No block.
        row("the whole answer", "[1, 2]", Ok(&[1, 2])),
        row(
            "the whole answer, with white space",
            "\u{feff}\n [1]\r\n\n",
            Ok(&[1]),
        ),
        row(
            "the whole answer with a comma too many",
            "\n[1,]",
            at(Malformed, 2, 4),
        ),
        row("prose", "Nothing is wrong.", no_json()),
        row("prose around JSON", "Rows: [1]. That is all.", no_json()),
        row("a link", "[rows](https://example.com)", no_json()),
        row("nothing", "", Err((Missing, None, ""))),
        row("white space", " \n\t", Err((Missing, None, ""))),
        row(
            "a tab behind the closing fence",
            "```json\n[1]\n```\t\n",
            Ok(&[1]),
        ),
        row(
            "an indented fence in an item",
            "1. Rows:\n\n    ```json\n    [1]\n    ```",
            Ok(&[1]),
        ),
        row("a quotation that ends", "> ```json\n> [1]\nRows.", Ok(&[1])),
        row(
            "in two quotations",
            "> > ```json\n> > [1,\n> > x]\n> > ```",
            at(Malformed, 3, 5),
        ),
        row(
            "an item that ends",
            "- ```json\n  [1]\n- ```json\n  [2]\n  ```",
            Ok(&[2]),
        ),
        // Not JSON.
        row(
            "a trailing comma",
            "```json\n[1,\n 2,\n]\n```",
            at(Malformed, 4, 1),
        ),
        row("a comment", "```json\n[1] // one\n```", at(Malformed, 2, 5)),
        row("single quotes", "```json\n['1']\n```", at(Malformed, 2, 2)),
        row("not a number", "```json\n[NaN]\n```", at(Malformed, 2, 2)),
        row("two values", "```json\n[1]\n[2]\n```", at(Malformed, 3, 1)),
        row(
            "dots for the rest",
            "```json\n[1, ...]\n```",
            at(Malformed, 2, 5),
        ),
        row(
            "prose in the block",
            "```json\nRows: [1]\n```",
            at(Malformed, 2, 1),
        ),
        row(
            "a character beyond ASCII before it",
            "```json\n[\"é\", x]\n```",
            at(Malformed, 2, 7),
        ),
        row(
            "a line feed in a text",
            "```json\n[\"a\nb\"]\n```",
            at(Malformed, 2, 4),
        ),
        // Cut off.
        row(
            "cut in the value",
            "Rows:\n```json\n[1,\n 2",
            at(CutOff, 4, 3),
        ),
        row("cut in a text", "```json\n[\"one", at(CutOff, 2, 6)),
        row("cut behind the fence", "```json", at(CutOff, 1, 1)),
        row("cut before the closing fence", "```json\n[1]\n", Ok(&[1])),
        row(
            "cut in the closing fence",
            "```json\n[1]\n``",
            at(CutOff, 3, 1),
        ),
        row(
            "cut in a list",
            "- ```json\n  [1,\n- more",
            at(CutOff, 2, 6),
        ),
        // Another type.
        row(
            "a text for a number",
            "```json\n[1, \"2\"]\n```",
            Err((Mismatch, Some((2, 7)), "[1]")),
        ),
        row(
            "an object for a list",
            "```json\n{\"rows\": [1]}\n```",
            Err((Mismatch, Some((2, 1)), "")),
        ),
        row(
            "null",
            "```json\nnull\n```",
            Err((Mismatch, Some((2, 4)), "")),
        ),
        row(
            "a negative number",
            "[1,\n -2]",
            Err((Mismatch, Some((2, 3)), "[1]")),
        ),
        row(
            "a number out of range",
            "[1e999]",
            Err((Malformed, Some((1, 6)), "[0]")),
        ),
    ]
}

#[test]
fn each_answer_has_the_value_or_the_error_of_the_table() {
    let rows = rows();
    assert!(rows.len() >= 40, "{}", rows.len());
    let mut failed = vec![];
    for Row {
        name,
        answer,
        label,
        right,
    } in &rows
    {
        let run = answered(answer);
        let read = match label {
            Some(label) => run.answer_json_labeled::<Numbers>(label),
            None => run.answer_json::<Numbers>(),
        };
        let read = read.map_err(wrong).map_err(|wrong| {
            assert_eq!(wrong.text, *answer, "{name}");
            assert_eq!(wrong.session_id.as_str(), "s1", "{name}");
            assert_eq!(wrong.run.as_deref(), Some(&run), "{name}");
            assert_eq!(wrong.label.as_deref(), *label, "{name}");
            let place = wrong.place.as_ref();
            let path = place.map_or_else(String::new, |place| place.path.clone());
            (
                wrong.problem,
                place.map(|place| (place.line, place.column)),
                path,
            )
        });
        let right = right
            .clone()
            .map_err(|(problem, place, path)| (problem, place, path.to_owned()));
        if read != right {
            failed.push(format!("{name}: {read:?} instead of {right:?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[derive(Debug, Deserialize, PartialEq)]
struct Report {
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Finding {
    model: String,
    severity: Severity,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Low,
    High,
}

#[test]
fn an_error_names_the_place_in_the_value_and_says_what_was_asked_for() {
    let report = |severity: &str| {
        format!(
            "Done.\n\n```json\n{{\"findings\": [\n  {{\"model\": \"a\", \"severity\": \"low\"}},\n  \
             {{\"model\": \"b\", \"severity\": {severity}}}\n]}}\n```\n"
        )
    };
    let right: Report = answered(&report("\"high\"")).answer_json().unwrap();
    assert_eq!(
        (right.findings.len(), &right.findings[1].severity),
        (2, &Severity::High)
    );
    let error = answered(&report("\"dire\""))
        .answer_json::<Report>()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the answer of run s1 is not usable: its JSON is not what was asked for at line 6, column 35 \
         (findings[1].severity): unknown variant `dire`, expected `low` or `high`; ask the run for the block alone"
    );
    assert_eq!(error.session_id().unwrap().as_str(), "s1");
    assert!(!error.may_have_started() && !error.is_retryable());
    let missing = answered("```json\n{\"findings\": [{\"model\": \"a\"}]}\n```");
    let error = missing.answer_json::<Report>().unwrap_err().to_string();
    assert!(error.contains("(findings[0])"), "{error}");
    assert!(error.contains("missing field `severity`"), "{error}");
    // A long value is not quoted in full.
    let long = format!("\"{}\"", "x".repeat(100_000));
    let error = answered(&report(&long))
        .answer_json::<Report>()
        .unwrap_err();
    assert!(error.to_string().len() < 1000, "{error}");
}

#[test]
fn errors_say_what_is_wrong_with_each_kind_of_answer() {
    let says = |answer: &str, label: Option<&str>| {
        let run = answered(answer);
        let error = match label {
            Some(label) => run.answer_json_labeled::<Numbers>(label),
            None => run.answer_json::<Numbers>(),
        };
        let text = error.unwrap_err().to_string();
        let text = text
            .strip_prefix("the answer of run s1 is not usable: ")
            .unwrap();
        text.strip_suffix("; ask the run for the block alone")
            .unwrap()
            .to_owned()
    };
    let all = [
        says("", None),
        says("Nothing.", None),
        says("```json\n[1]\n```", Some("dinoai-findings")),
        says("```json\n[1,]\n```", None),
        says("```json\n[1,", None),
        says("```json\n7", None),
        says("```json\n[true]\n```", None),
    ];
    assert_eq!(
        all,
        [
            "it is empty",
            "it has no fenced code block called `json`, and is not JSON as a whole",
            "it has no fenced code block labelled `dinoai-findings`, and is not JSON as a whole",
            "its JSON does not parse at line 2, column 4: trailing comma",
            "its code block is not closed, and its JSON breaks off at line 2, column 4: EOF while parsing a value",
            "its code block is not closed, and its JSON breaks off at line 2, column 2: the number may go on",
            "its JSON is not what was asked for at line 2, column 5 ([0]): invalid type: boolean `true`, expected u64",
        ]
    );
}

#[test]
fn a_turns_answer_is_read_as_a_runs() {
    let mut turn = Turn::new("s1", RunStatus::Completed);
    assert_eq!(
        wrong(turn.answer_json::<Numbers>().unwrap_err()).problem,
        Missing
    );
    turn.messages
        .push(Message::new(1.0, "agent", "```json\n[1]\n```"));
    turn.messages.push(Message::new(
        2.0,
        "agent",
        "```json\n[2]\n```\n```rows\n[3]\n```",
    ));
    assert_eq!(turn.answer_json::<Numbers>().unwrap(), [2]);
    assert_eq!(turn.answer_json_labeled::<Numbers>("rows").unwrap(), [3]);
    assert_eq!(turn.answer_json::<Value>().unwrap(), json!([2]));
}
