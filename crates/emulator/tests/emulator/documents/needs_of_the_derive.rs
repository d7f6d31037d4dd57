//! What the derive needs of a document and of a schema is reported where it is missing, and nowhere else.

use std::env;
use std::process::Command;

use dinoai_emulator::documents::{Documents, ProblemKind, Schema};
use serde_json::json;

use super::derived::{Derived, Item, comparable};
use super::{SCHEMA, problems, said, schema};

/// Documents that are valid, or would be if the schema had what they ask for, and that the derive
/// makes no types of.
const USELESS: [(&str, usize, usize, &str); 11] = [
    (
        "query { run(id: 1) { status } }",
        1,
        1,
        "The operation has no name.",
    ),
    (
        "{ run(id: 1) { status } }",
        1,
        1,
        "The operation has no name.",
    ),
    (
        "query A { run(id: 1) { ... { status } } }",
        1,
        24,
        "The inline fragment has no type: `... on Run`.",
    ),
    (
        "query A { any { ... on Run { status } } }",
        1,
        11,
        "`__typename` is not selected on \"Any\".",
    ),
    (
        "query A { one { ...F } } fragment F on Named { name }",
        1,
        26,
        "`__typename` is not selected on \"Named\".",
    ),
    (
        "query A { any { __typename ... on Named { name } } }",
        1,
        28,
        "What is in `... on Named` is not read of \"Any\".",
    ),
    (
        "query A { one { __typename ...F } } fragment F on Any { __typename }",
        1,
        28,
        "What is in `...F` is not read of \"Named\".",
    ),
    (
        "query A($of: [Int] = null) { numbers(of: $of) }",
        1,
        22,
        "The default value of the variable \"$of\" is null.",
    ),
    (
        "\"\"\"It is.\"\"\"\nquery A { run(id: 1) { status } }",
        1,
        1,
        "There is a description.",
    ),
    (
        "query A($id: ID! @a) { run(id: $id) { status } }",
        1,
        18,
        "The variable \"$id\" has a directive.",
    ),
    (
        "subscription A { a }",
        1,
        1,
        "The schema has no subscriptions.",
    ),
];

#[test]
fn what_the_derive_makes_no_types_of_is_said_with_its_place() {
    let with_directive = format!("directive @a on VARIABLE_DEFINITION\n{SCHEMA}");
    let schema = Schema::parse("schema.graphql", with_directive).unwrap();
    for (text, line, column, message) in USELESS {
        let documents = Documents::new().with("a.graphql", text);
        let problems = documents.check(&schema).unwrap_err();
        let last = problems.list().last().unwrap();
        assert_eq!(last.message, message, "{text}");
        assert_eq!(
            (last.line, last.column),
            (Some(line), Some(column)),
            "{text}"
        );
        assert!(last.help.is_some(), "{text}");
        assert!(
            Derived::of(SCHEMA, text).is_err(),
            "the derive has learnt to read {text}"
        );
    }
    let enum_value = "query A($of: Kind = A) { run(id: 1, of: $of) { status } }";
    assert_eq!(
        problems(enum_value),
        [(
            1,
            21,
            "The default value of the variable \"$of\" is an enum value.".to_owned()
        )]
    );
    assert!(Derived::of(SCHEMA, enum_value).is_err());
}

#[test]
fn what_the_derive_reads_is_no_problem() {
    for text in [
        "query A($of: [Int] = []) { numbers(of: $of) }",
        "query A { any { __typename ... on Run { status } } }",
        "query A { one { ...F } } fragment F on Named { ...G } fragment G on Named { __typename }",
        "mutation A { stop { status } }",
        "query A { run(id: 1) { ...F } one { __typename ...G } } fragment F on Named { __typename } fragment G on Run { status }",
        "# \"\"\"no description\"\"\"\nquery A { run(id: 1, in: { a: 1 }) { status } }",
    ] {
        assert_eq!(problems(text), [], "{text}");
        assert!(Derived::of(SCHEMA, text).is_ok(), "{text}");
    }
}

#[test]
fn what_opens_in_comments_and_texts_is_no_level() {
    let comments = "# :( {\n".repeat(60);
    let text = format!(
        "{comments}query A {{ run(id: \"{}\") {{ status }} }}",
        "(".repeat(60)
    );
    assert_eq!(problems(&text), []);
    assert!(Derived::of(SCHEMA, &text).is_ok());
}

#[test]
fn the_derive_reads_fifty_levels_and_no_more() {
    let nested = |levels: usize| {
        let (open, close) = ("{ next ".repeat(levels - 1), "}".repeat(levels - 1));
        format!("query A {open}{{ end }}{close}")
    };
    let definitions = "type Query { next: Query, end: Int }";
    let schema = Schema::parse("s.graphql", definitions).unwrap();
    for (levels, is_read) in [(50, true), (51, false)] {
        let text = nested(levels);
        let documents = Documents::new().with("a.graphql", &*text);
        assert_eq!(documents.check(&schema).is_ok(), is_read, "{levels}");
        assert_eq!(Derived::of(definitions, &text).is_ok(), is_read, "{levels}");
    }
}

#[test]
fn what_the_parser_of_the_derive_cannot_read_is_said() {
    for argument in [
        r#""\u{1F600}""#,
        r#""\uD83D\uDE00""#,
        "99999999999999999999999",
    ] {
        let text = format!("query A {{ run(id: {argument}) {{ status }} }}");
        let documents = Documents::new().with("a.graphql", &*text);
        let problems = documents.check(&schema()).unwrap_err();
        let [problem] = problems.list() else {
            panic!("{problems}")
        };
        assert_eq!(problem.kind, ProblemKind::Derive, "{text}");
        let help = problem.help.as_deref().unwrap();
        assert!(help.contains("1:") && !help.contains('\n'), "{help}");
        assert!(
            Derived::of(SCHEMA, &text).is_err(),
            "the derive has learnt to read {text}"
        );
    }
}

#[test]
fn a_check_that_is_cut_short_is_no_success() {
    let names: String = (0..4_000).map(|it| format!("a{it}: name ")).collect();
    let spreads: String = (0..4_000)
        .map(|it| format!("a{it}: run(id: 1) {{ ...F @skip(if: $f) }} "))
        .collect();
    let text = format!("query A($f: Boolean!) {{ {spreads} }} fragment F on Run {{ {names} }}");
    let problems = Documents::new().with("a.graphql", text).check(&schema());
    let problems = problems.unwrap_err();
    let [problem] = problems.list() else {
        panic!("{problems}");
    };
    assert_eq!(problem.kind, ProblemKind::Derive);
    assert!(problem.message.contains("takes too long"), "{problem}");
}

const EXTENDED: &str = "
type Query { one: Named, any: Any, kind: Kind, takes(in: In, out: Out): Int }
interface Named { name: String }
type Run implements Named { name: String, id: ID }
type More { n: Int }
union Any = Run
enum Kind { A }
input In { a: Int }
input Out { in: In }
extend type Run { more: Int }
extend interface Named { id: ID }
extend union Any = More
extend enum Kind { B }
extend input In { b: Int }
";

#[test]
fn what_the_derive_does_not_read_of_a_schema_is_reported_where_it_is_used() {
    let by = |text: &str| (said(EXTENDED, text), Derived::of(EXTENDED, text));
    let (said, derived) = by("query A { one { __typename name id } }");
    assert_eq!(said, ["33: \"id\" of \"Named\" is in `extend interface`."]);
    assert!(derived.is_err());

    let (said, derived) = by("query A { any { __typename ... on Run { name } } }");
    assert_eq!(said, ["11: There are types of \"Any\" in `extend union`."]);
    let more = json!({"any": {"__typename": "More"}});
    assert!(derived.unwrap().read(&more).is_err());

    for variable in ["$in: In", "$out: Out"] {
        let name = &variable[1..variable.find(':').unwrap()];
        let (said, derived) = by(&format!("query A({variable}) {{ takes({name}: ${name}) }}"));
        assert_eq!(said, ["9: There are fields of \"In\" in `extend input`."]);
        let Item::Struct(fields) = &derived.unwrap().0["In"] else {
            panic!("no struct");
        };
        assert_eq!(fields.len(), 1);
    }

    // The derive makes a struct of it, which sends null for the other field.
    let one_of =
        "type Query { takes(in: In): Int } input In { a: Int b: Int } extend input In @oneOf";
    let text = "query A($in: In) { takes(in: $in) }";
    assert_eq!(
        self::said(one_of, text),
        ["9: \"In\" has `@oneOf` in `extend input`."]
    );
    let derived = Derived::of(one_of, text).unwrap();
    assert!(matches!(derived.0["In"], Item::Struct(_)));

    // An enum has another value beside those that it knows.
    let (said, derived) =
        by("query A { one { __typename name ... on Run { more } } kind takes(in: {a: 1, b: 2}) }");
    assert_eq!(said, [""; 0]);
    let one = json!({"__typename": "Run", "name": "n", "more": 1});
    let response = json!({"one": one, "kind": "B", "takes": 1});
    let read = derived.unwrap().read(&response).unwrap();
    assert_eq!(comparable(&read), comparable(&response));
}

#[test]
fn a_schema_that_the_derive_cannot_read_is_reported() {
    for schema in [
        "type Query { a: Int } type M { b: Int } extend schema { mutation: M }",
        "\"It is.\" schema { query: Query } type Query { a: Int }",
        "type Query { \"\\u{1F600}\" a: Int }",
        "type Query { a(b: Int = 0, c: Float = 99999999999999999999999): Int }",
    ] {
        let said = said(schema, "query A { a }");
        assert_eq!(said, ["0: The derive cannot read the schema."], "{schema}");
        assert!(!has_types(schema, "query A { a }"), "{schema}");
    }
    assert!(has_types("type Query { a: Int }", "query A { a }"));

    // It is said once.
    let documents = Documents::new().with("a.graphql", "query A { a }");
    let documents = documents.with("b.graphql", "query B { a }");
    let schema = Schema::parse(
        "s.graphql",
        "\"It is.\" schema { query: Query } type Query { a: Int }",
    );
    let problems = documents.check(&schema.unwrap()).unwrap_err();
    let [problem] = problems.list() else {
        panic!("{problems}");
    };
    assert_eq!(problem.file.as_deref(), Some("s.graphql"));
}

const OF_A_PROCESS: [&str; 2] = ["DINOAI_TEST_DERIVED_SCHEMA", "DINOAI_TEST_DERIVED_TEXT"];

/// Whether the derive makes types of a document by a schema. Where a schema has it panic it makes none of any
/// document in that process.
fn has_types(schema: &str, text: &str) -> bool {
    let name = "documents::needs_of_the_derive::in_a_process_of_its_own";
    let mut process = Command::new(env::current_exe().unwrap());
    process
        .args(["--exact", name])
        .envs(OF_A_PROCESS.into_iter().zip([schema, text]));
    process.output().unwrap().status.success()
}

#[test]
fn in_a_process_of_its_own() {
    if let [Ok(schema), Ok(text)] = OF_A_PROCESS.map(env::var) {
        Derived::of(&schema, &text).unwrap();
    }
}

/// Each module has `&str`, and `type Boolean = bool` and the like.
#[test]
fn a_fragment_of_a_name_that_each_module_uses_is_reported() {
    for name in ["str", "bool", "f64", "i64", "Boolean", "Vec"] {
        let text = format!("query A {{ ...{name} }} fragment {name} on Query {{ numbers }}");
        let said = said(SCHEMA, &text);
        assert!(
            said[0].ends_with(&format!("Two types in Rust are called `{name}`.")),
            "{said:?}"
        );
    }
}

/// What is said of a document and of a schema in these files: the first message, and its help.
fn said_of_files(files: &[&str], text: &str) -> Option<(String, String)> {
    let mut documents = Documents::new().with("a.graphql", text);
    for (number, file) in files.iter().enumerate() {
        documents = documents.with(format!("schema{number}.graphql"), *file);
    }
    let schema = documents.own_schema().unwrap().unwrap();
    let problems = documents.check(&schema).err()?;
    let first = &problems.list()[0];
    Some((first.message.clone(), first.help.clone().unwrap()))
}

#[test]
fn a_document_that_needs_several_files_of_a_schema_is_reported() {
    let whole = "type Query { a: Int, run: Run } type Run { id: ID }";
    let nodes = "type Query { node: Node a: Int } interface Node { id: ID } type Run implements Node { id: ID }";
    let more = "type Other implements Node { id: ID }";
    for (files, text, is_right) in [
        (
            [whole, "extend type Query { b: Int }"],
            "query A { a }",
            true,
        ),
        (
            [whole, "extend type Query { b: Int }"],
            "query A { a b }",
            false,
        ),
        (
            ["type Query { run: Run }", "type Run { id: ID }"],
            "query A { run { id } }",
            false,
        ),
        // The derive reads no directives.
        (
            [
                "type Query { a: Int @auth(of: B) }",
                "directive @auth(of: A) on FIELD_DEFINITION enum A { B }",
            ],
            "query A { a }",
            true,
        ),
        (
            ["type Query { a: Int }", "directive @client on FIELD"],
            "query A { a @client }",
            true,
        ),
        // Objects that stand elsewhere come all the same, where they can.
        ([nodes, more], "query A { a }", true),
        (
            [nodes, more],
            "query A { ...F } fragment F on Query { n: node { __typename id } }",
            false,
        ),
        (
            [nodes, "type Else { id: ID }"],
            "query A { node { __typename id } }",
            true,
        ),
    ] {
        let said = said_of_files(&files, text).map(|(message, _)| message);
        let expected = "It needs several files of the schema.";
        assert_eq!(said.as_deref(), (!is_right).then_some(expected), "{text}");
        // Where objects are missing, the derive does not know it.
        let by_one = files.iter().any(|file| has_types(file, text));
        assert_eq!(by_one, is_right || files == [nodes, more], "{text}");
    }
}

#[test]
fn a_file_of_a_schema_that_the_derive_cannot_read_is_said_to_be_that() {
    let described = "\"x\" schema { query: Query } type Query { a: Int }";
    let (message, help) = said_of_files(&[described, "scalar Unused"], "query A { a }").unwrap();
    assert_eq!(message, "The derive cannot read the schema.");
    assert!(help.contains("parser says"), "{help}");
}

/// The derive's parser takes wide white space for as many columns as it has bytes, and cuts through it.
#[test]
fn a_block_string_that_is_indented_by_wide_white_space_is_reported() {
    let value = |wide: &str| format!("\"\"\"\n{wide}b\n a\n\u{3000}\n\"\"\"");
    for (wide, is_right) in [
        ("\u{a0}", false),
        ("\u{3000}", false),
        (" \u{a0}", true),
        ("  ", true),
        // It leaves out the empty lines at the start and at the end.
        ("\u{3000}\n ", true),
        (" b\n\u{3000}\n ", false),
        (" b\n ", true),
    ] {
        let schema = format!("{} type Query {{ a(b: String): Int }}", value(wide));
        let document = format!("query A {{ a(b: {}) }}", value(wide));
        let plain = "type Query { a(b: String): Int }";
        let unreadable = "The derive cannot read the ";
        for (schema, document) in [(&*schema, "query A { a }"), (plain, &*document)] {
            let said = said_of_files(&[schema], document);
            assert_eq!(said.is_none(), is_right, "{wide:?}: {said:?}");
            assert!(said.is_none_or(|(message, _)| message.starts_with(unreadable)));
        }
        let several = said_of_files(&[&schema, "scalar Unused"], "query A { a }");
        assert_eq!(several.is_none(), is_right, "{wide:?}: {several:?}");
    }
}
