//! Which documents are executed, and which are refused with nothing started. What the
//! reference implementation makes of them is tried in `conformance/differential.mjs`.

use std::collections::BTreeSet;

use dinoai_emulator::{Backend, Emulator};
use serde_json::json;

use crate::caller::call;

/// Texts that are no documents. Each holds a trigger that a lenient reader would find.
const NO_DOCUMENTS: [&str; 56] = [
    r#"mutation { triggerDinoaiAgentRun(message: "m" agent) { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m" agent:) { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message "m") { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: = "m") { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } stopDinoaiAgentRun() { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } "#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } ) }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } ; }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } % }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } } more"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok alias: } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok @ } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok @skip(if: false } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok .. } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok ... } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok ... on { ok } } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } } fragment on on Mutation { __typename }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } } fragment F Mutation { __typename }"#,
    r#"mutation () { triggerDinoaiAgentRun(message: "m") { ok } }"#,
    r#"mutation ($m: String = "m" { triggerDinoaiAgentRun(message: $m) { ok } }"#,
    r#"mutation ($m String = "m") { triggerDinoaiAgentRun(message: $m) { ok } }"#,
    r#"mutation ($m: = "m") { triggerDinoaiAgentRun(message: $m) { ok } }"#,
    r#"mutation ($m: String =) { triggerDinoaiAgentRun(message: "m", agent: $m) { ok } }"#,
    r#"mutation ($m: [String = "m") { triggerDinoaiAgentRun(message: "m") { ok } }"#,
    r#"mutation ($m: String!! = "m") { triggerDinoaiAgentRun(message: $m) { ok } }"#,
    r#"mutation (m: String = "m") { triggerDinoaiAgentRun(message: $m) { ok } }"#,
    r#"mutation ($a: String = "m", $m: String = $a) { triggerDinoaiAgentRun(message: $m) { ok } }"#,
    r#"mutation ($m: String = "m" @skip(if: $b), $b: Boolean) { triggerDinoaiAgentRun(message: $m) { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: $) { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m", slack: { channel: "C" threadTs }) { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m", slack: { channel: "C", threadTs: "1" ) { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m) { ok } }"#,
    "mutation { triggerDinoaiAgentRun(message: \"m\nn\") { ok } }",
    r#"mutation { triggerDinoaiAgentRun(message: """m""") { ok } } """"#,
    r#"mutation { triggerDinoaiAgentRun(message: """m) { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "\x") { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "\u12") { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "\u{}") { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "\u{110000}") { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "\u{000000041}") { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "\ud83d") { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "\ude00\ud83d") { ok } }"#,
    r#"mutation { a: triggerDinoaiAgentRun(message: "m") { ok } dinoaiAgentRun(after: 1a) { ok } }"#,
    r#"mutation { a: triggerDinoaiAgentRun(message: "m") { ok } dinoaiAgentRun(after: 007) { ok } }"#,
    r#"mutation { a: triggerDinoaiAgentRun(message: "m") { ok } dinoaiAgentRun(after: 1.) { ok } }"#,
    r#"mutation { a: triggerDinoaiAgentRun(message: "m") { ok } dinoaiAgentRun(after: 1e) { ok } }"#,
    r#"mutation { a: triggerDinoaiAgentRun(message: "m") { ok } dinoaiAgentRun(after: -) { ok } }"#,
    r#"mutation { a: triggerDinoaiAgentRun(message: 'm') { ok } }"#,
    "mutation { triggerDinoaiAgentRun(message: \"m\") { ok\u{0} } }",
    "mutation { triggerDinoaiAgentRun(message: \"m\") { ok\u{a0} } }",
    "mutation { triggerDinoaiAgentRun(message: \"m\") { ok } } # a comment\u{2028}\nmore",
    r#""of a shorthand" { triggerDinoaiAgentRun(message: "m") { ok } }"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } } type"#,
    r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } } extend type Query"#,
];

/// Documents with a trigger that is valid, and something else that is not; with what is said of it.
const NOT_VALID: [(&str, &[&str]); 18] = [
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m", message: "n") { ok } }"#,
        &["There can be only one argument named \"message\"."],
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m", slack: { channel: "C", channel: "D", threadTs: "1" }) { ok } }"#,
        &["There can be only one input field named \"channel\"."],
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } } type More { a: Unheard }"#,
        &[
            "The \"More\" definition is not executable.",
            "Unknown type \"Unheard\".",
        ],
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } } scalar S @specifiedBy(url: "u") extend scalar S @specifiedBy(url: "u")"#,
        &[
            "The \"S\" definition is not executable.",
            "The directive \"@specifiedBy\" can only be used once at this location.",
        ],
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m") { ok @skip(if: true) @skip(if: true) } }"#,
        &["The directive \"@skip\" can only be used once at this location."],
    ),
    (
        r#"mutation ($m: String @skip(if: true)) { triggerDinoaiAgentRun(message: "m", agent: $m) { ok } }"#,
        &["Directive \"@skip\" may not be used on VARIABLE_DEFINITION."],
    ),
    (
        r#"mutation ($m: String = 5) { triggerDinoaiAgentRun(message: "m", agent: $m) { ok } }"#,
        &["String cannot represent a non string value: 5"],
    ),
    // The arguments of an unknown directive are taken for those of the field around it.
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m") @unheard(message: 5) { ok } }"#,
        &[
            "Unknown directive \"@unheard\".",
            "String cannot represent a non string value: 5",
        ],
    ),
    // A conflict within selections of fields that are not there.
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m") { ok: status ok unheard { a: b a: c } } }"#,
        &[
            "Cannot query field \"unheard\" on type \"TriggerDinoAiAgentRun\".",
            "Fields \"a\" conflict because \"b\" and \"c\" are different fields. Use different aliases on the fields to fetch both if this was intentional.",
            "Fields \"ok\" conflict because \"status\" and \"ok\" are different fields. Use different aliases on the fields to fetch both if this was intentional.",
        ],
    ),
    // An unknown field does not hide what else is wrong.
    (
        r#"mutation ($m: String) { triggerDinoaiAgentRun(message: "m", agent: 5) { ok unheard } }"#,
        &[
            "Cannot query field \"unheard\" on type \"TriggerDinoAiAgentRun\".",
            "String cannot represent a non string value: 5",
            "Variable \"$m\" is never used.",
        ],
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m") { ok unheard(after: $m) } }"#,
        &[
            "Cannot query field \"unheard\" on type \"TriggerDinoAiAgentRun\".",
            "Variable \"$m\" is not defined.",
        ],
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m") { ...F } } fragment F on Unheard { ok }"#,
        &["Unknown type \"Unheard\"."],
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m") { ok __typename { a } } }"#,
        &[
            "Field \"__typename\" must not have a selection since type \"String!\" has no subfields.",
        ],
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m", agent: """  two
              lines""") { ok } stopDinoaiAgentRun(agentSessionId: { a: """ "quoted" """ }) { ok } }"#,
        &["String cannot represent a non string value: {a: \"\"\" \"quoted\" \"\"\"}"],
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } ...A ...B } fragment A on Mutation { ...B } fragment B on Mutation { ...A }"#,
        &["Cannot spread fragment \"A\" within itself via \"B\"."],
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } } fragment A on Mutation { __typename }"#,
        &["Fragment \"A\" is never used."],
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m") { ok } } mutation { __typename }"#,
        &["This anonymous operation must be the only defined operation."],
    ),
    (
        r#"mutation ($a: String!, $a: String) { triggerDinoaiAgentRun(message: "m", agent: $a) { ok } }"#,
        &["There can be only one variable named \"$a\"."],
    ),
];

/// Documents that start a run, and the message that it has.
const EXECUTED: [(&str, &str); 12] = [
    (
        "\u{feff}mutation\r{,,triggerDinoaiAgentRun(message: \"m\")\u{feff}{ok,}}# the end",
        "m",
    ),
    (
        r#""A description" mutation ("of a variable" $m: String = "m") { triggerDinoaiAgentRun(message: $m) { ok } }"#,
        "m",
    ),
    (
        r#""""of an operation""" mutation { ...F } """of a fragment, größer""" fragment F on Mutation { triggerDinoaiAgentRun(message: "m") { ok } }"#,
        "m",
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "\u{1F600}\uD83D\uDE00\u{00000041}\/\t") { ok } }"#,
        "😀😀A/\t",
    ),
    (
        "mutation { triggerDinoaiAgentRun(message: \"\"\"\n    two\n      lines \\\"\"\" \\\n\"\"\") { ok } }",
        "two\n  lines \"\"\" \\",
    ),
    (
        "mutation { triggerDinoaiAgentRun(message: \"\u{1}\u{7f}\u{2028}\") { ok } }",
        "\u{1}\u{7f}\u{2028}",
    ),
    (
        r#"mutation on { triggerDinoaiAgentRun(message: "m") { query: ok on: ok fragment: ok null: ok } }"#,
        "m",
    ),
    (
        r#"mutation { ... on Mutation { ... { triggerDinoaiAgentRun(message: "m") { ...F } } } } fragment F on TriggerDinoAiAgentRun { ok ...G } fragment G on TriggerDinoAiAgentRun { ok }"#,
        "m",
    ),
    (
        r#"mutation ($b: Boolean = false) { triggerDinoaiAgentRun(message: "m") { ok @skip(if: $b) @include(if: true) } }"#,
        "m",
    ),
    (
        r#"mutation ($s: DinoAiAgentSlackInput = { threadTs: "1", channel: "C" }) { triggerDinoaiAgentRun(message: "m", slack: $s) { ok } }"#,
        "m",
    ),
    (
        r#"mutation { triggerDinoaiAgentRun(message: "m", slack: null) { ok } }"#,
        "m",
    ),
    (
        r#"mutation { a: triggerDinoaiAgentRun(message: "m") { ok } a: triggerDinoaiAgentRun(message: "m") { status } }"#,
        "m",
    ),
];

#[tokio::test]
async fn a_text_that_is_no_document_is_refused_and_starts_nothing() {
    let emulator = Emulator::start().await.unwrap();
    for document in NO_DOCUMENTS {
        let response = call(&emulator, document, json!({})).await;
        let messages = response.messages();
        let is_syntax = matches!(&*messages, [message] if message.starts_with("Syntax Error: "));
        assert!(is_syntax, "{document}\n{}", response.text);
        assert!(response.body.get("data").is_none(), "{document}");
        assert_eq!(emulator.runs().len(), 0, "{document}");
    }
}

#[tokio::test]
async fn a_document_that_is_not_valid_is_refused_with_all_that_is_wrong() {
    let emulator = Emulator::start().await.unwrap();
    for (document, expected) in NOT_VALID {
        let response = call(&emulator, document, json!({})).await;
        let messages: BTreeSet<_> = response.messages().into_iter().collect();
        let expected = expected.iter().copied().collect();
        assert_eq!(messages, expected, "{document}");
        assert!(response.body.get("data").is_none(), "{document}");
        assert_eq!(emulator.runs().len(), 0, "{document}");
    }
}

#[tokio::test]
async fn what_the_grammar_has_is_executed() {
    for (document, message) in EXECUTED {
        let emulator = Emulator::start().await.unwrap();
        let response = call(&emulator, document, json!({})).await;
        assert_eq!(response.messages(), Vec::<&str>::new(), "{document}");
        let runs = emulator.runs();
        let messages: Vec<_> = runs.iter().map(|run| run.message.as_deref()).collect();
        assert_eq!(messages, [Some(message)], "{document}");
    }
}

#[tokio::test]
async fn a_document_has_limits_and_none_of_them_stops_the_emulator() {
    let emulator = Emulator::builder().backend(Backend::sdl(
        "type Query { again: Query, list(of: [[Int]]): Int } type Mutation { a: Int }",
    ));
    let emulator = emulator.start().await.unwrap();
    let deep = |levels: usize| {
        let (open, close) = ("{ again ".repeat(levels - 1), "}".repeat(levels - 1));
        format!("{open}{{ __typename }}{close}")
    };
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!("{{ list(of: {open}1{close}) }}")
    };
    let aliased = |fields: usize| {
        let fields: String = (0..fields).map(|it| format!("a{it}:list ")).collect();
        format!("{{ {fields}}}")
    };
    let chain = |length: usize| {
        let fragments =
            (1..length).map(|it| format!(" fragment F{it} on Query {{ ...F{} }}", it + 1));
        let fragments: String = fragments.collect();
        format!("{{ ...F1 }}{fragments} fragment F{length} on Query {{ __typename }}")
    };
    let cycle = |length: usize| {
        let fragments = (0..length).map(|it| {
            format!(
                " fragment F{it} on Query {{ again {{ ...F{} __typename }} }}",
                (it + 1) % length
            )
        });
        format!("{{ ...F0 }}{}", fragments.collect::<String>())
    };
    for (document, message) in [
        (aliased(33_332), None),
        (aliased(33_333), Some("more than 100000 tokens")),
        (
            format!("{{ {} }}", "list ".repeat(1_000)),
            Some("Validation aborted."),
        ),
        (deep(201), Some("deeper than 200 levels")),
        (deep(200), None),
        (nested(200), Some("Int cannot represent non-integer value")),
        (nested(201), Some("deeper than 200 levels")),
        (nested(20_000), Some("deeper than 200 levels")),
        (
            format!(
                "query ($v: {}Int{}) {{ list }}",
                "[".repeat(5_000),
                "]".repeat(5_000)
            ),
            Some("deeper than 200 levels"),
        ),
        (chain(200), None),
        (chain(201), Some("Fragments nest deeper than 200 levels.")),
        (
            chain(12_000),
            Some("Fragments nest deeper than 200 levels."),
        ),
        (cycle(7_000), Some("Cannot spread fragment")),
    ] {
        let response = call(&emulator, &document, json!({})).await;
        let messages = response.messages();
        let said = match message {
            None => messages.is_empty() && response.body.get("data").is_some(),
            Some(message) => messages.iter().any(|it| it.contains(message)),
        };
        let start = &document[..document.len().min(80)];
        let text = &response.text[..response.text.len().min(400)];
        assert!(said, "{start}\n{message:?}\n{text}");
    }
}
