//! Documents of files are checked in full: what a server would refuse, and what the derive needs.

use std::fs;
use std::panic::catch_unwind;

use dinoai_emulator::check_documents;
use dinoai_emulator::documents::{Documents, ProblemKind, Problems, Schema};
use graphql_client_codegen::{
    CodegenMode, GraphQLClientCodegenOptions, generate_module_token_stream_from_string,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const SCHEMA: &str = "type Query { run(id: ID!, of: Kind, in: In): Run, any: Any, one: Named, numbers(of: [Int]): Int }
type Mutation { stop: Run } type Run implements Named { status: String!, name: String }
interface Named { name: String } type Other { other: Int } union Any = Run | Other
enum Kind { A, B } input In { a: Int! }
";

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn schema() -> Schema {
    Schema::parse("schema.graphql", SCHEMA).unwrap()
}

/// What is wrong with one document: line, column and message.
fn problems(text: &str) -> Vec<(usize, usize, String)> {
    let documents = Documents::new().with("a.graphql", text);
    let Err(problems) = documents.check(&schema()) else {
        return Vec::new();
    };
    let problems = problems
        .list()
        .iter()
        .map(|it| (it.line.unwrap(), it.column.unwrap(), it.message.clone()));
    problems.collect()
}

#[test]
fn one_line_in_a_test_prints_what_is_wrong_as_rustc_does() {
    let folder = folder(&[
        ("schema.graphql", SCHEMA.as_bytes()),
        (
            "a.graphql",
            b"query A {\n  run(id: 1, at: 2) { status }\n}\n",
        ),
    ]);
    let panic = catch_unwind(|| check_documents(folder.path()).unwrap()).unwrap_err();
    let printed = panic.downcast_ref::<String>().unwrap();
    let name = folder.path().join("a.graphql");
    let expected = format!(
        "\nerror: Unknown argument \"at\" on field \"Query.run\".\n --> {}:2:14\n  |\n\
         2 |   run(id: 1, at: 2) {{ status }}\n  |              ^^",
        name.display()
    );
    assert!(printed.ends_with(&expected), "{printed}");
    fs::write(name, "query A { run(id: 1) { status } }").unwrap();
    check_documents(folder.path()).unwrap();
}

#[test]
fn each_reason_not_to_check_is_an_error_of_its_own() {
    let document: &[u8] = b"query A { run(id: 1) { status } }";
    let kinds = |files: &[(&str, &[u8])]| -> (Vec<ProblemKind>, Problems) {
        let problems = check_documents(folder(files).path()).unwrap_err();
        (problems.list().iter().map(|it| it.kind).collect(), problems)
    };
    for (files, kind, words) in [
        (
            &[("a.graphql", document)][..],
            ProblemKind::NoSchema,
            "dinoai schema print",
        ),
        (
            &[("s.graphql", SCHEMA.as_bytes())],
            ProblemKind::NoDocuments,
            "no documents",
        ),
        (
            &[("a.graphql", &b"\xff"[..])],
            ProblemKind::Unread,
            "is not UTF-8 (line 1)",
        ),
        (
            &[
                ("a.graphql", document),
                ("s.graphql", b"type Query { a: B }"),
            ],
            ProblemKind::Schema,
            "s.graphql:1:17",
        ),
        (
            &[("a.graphql", document), ("s.graphql", b"type Query { a ")],
            ProblemKind::Syntax,
            "s.graphql:1:16",
        ),
        (
            &[
                ("a.graphql", b"query A {"),
                ("s.graphql", SCHEMA.as_bytes()),
            ],
            ProblemKind::Syntax,
            "a.graphql:1:10",
        ),
        (
            &[
                ("a.graphql", document),
                ("s.graphql", SCHEMA.as_bytes()),
                ("t.gql", b"type Run { a: Int }"),
            ],
            ProblemKind::Schema,
            "t.gql:1:6",
        ),
    ] {
        let (found, problems) = kinds(files);
        assert_eq!(found, [kind], "{problems}");
        assert!(problems.to_string().contains(words), "{words}: {problems}");
    }
    let problems = check_documents("no/such/folder").unwrap_err();
    assert_eq!(problems.list()[0].kind, ProblemKind::Unread);
}

#[test]
fn folders_in_the_folder_are_read_and_those_of_tools_are_not() {
    let folder = folder(&[("schema.graphql", SCHEMA.as_bytes())]);
    let wrong = "query A { no }";
    for (name, is_read) in [("more", true), (".hidden", false), ("target", false)] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("a.graphql"), wrong).unwrap();
        let documents = Documents::read([folder.path()]).unwrap();
        assert_eq!(documents.names().count(), 1, "{name} {is_read}");
    }
    // Named twice, and read once.
    let twice = [
        folder.path().to_owned(),
        folder.path().join("more/a.graphql"),
    ];
    assert_eq!(Documents::read(&twice).unwrap().names().count(), 1);
}

/// Documents that are valid, or would be if the schema had what they ask for, and that the derive
/// makes nothing of.
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
fn what_the_derive_makes_nothing_of_is_said_with_its_place() {
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
            derived(text).is_none(),
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
    // It makes Rust of that which does not compile: a text for a value of the enum.
    assert!(derived(enum_value).unwrap().contains("Some (\"A\")"));
}

#[test]
fn a_variable_is_where_its_sign_is() {
    let text = "query A($a: String) { run(id: $a) { status(a: $  b) } }";
    let places: Vec<_> = problems(text).iter().map(|it| (it.0, it.1)).collect();
    // `$a` as it is defined, the unknown argument, and `$b`.
    assert_eq!(places, [(1, 9), (1, 44), (1, 47)]);
    let documents = Documents::new().with("a.graphql", text);
    let shown = documents.check(&schema()).unwrap_err().to_string();
    assert!(shown.contains("a.graphql:1:31"), "{shown}");
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
        assert!(derived(text).is_some(), "{text}");
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
    assert!(derived(&text).is_some());
}

#[test]
fn the_derive_reads_fifty_levels_and_no_more() {
    let nested = |levels: usize| {
        let (open, close) = ("{ next ".repeat(levels - 1), "}".repeat(levels - 1));
        format!("query A {open}{{ end }}{close}")
    };
    let schema = Schema::parse("s", "type Query { next: Query, end: Int }").unwrap();
    for (levels, is_read) in [(50, true), (51, false)] {
        let documents = Documents::new().with("a.graphql", nested(levels));
        assert_eq!(documents.check(&schema).is_ok(), is_read, "{levels}");
        let file = tempfile::Builder::new()
            .suffix(".graphql")
            .tempfile()
            .unwrap();
        fs::write(file.path(), "type Query { next: Query, end: Int }").unwrap();
        assert_eq!(derived_by(&nested(levels), file.path()).is_some(), is_read);
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
            derived(&text).is_none(),
            "the derive has learnt to read {text}"
        );
    }
}

#[test]
fn of_many_errors_a_hundred_are_listed_and_then_that_there_are_more() {
    let text = format!("query A {{ {} }}", "no ".repeat(1_000));
    let problems = Documents::new().with("a.graphql", text).check(&schema());
    let problems = problems.unwrap_err();
    assert_eq!(problems.list().len(), 101);
    assert_eq!(problems.list()[99].line, Some(1));
    let last = &problems.list()[100];
    assert!(last.message.contains("error limit reached"), "{last}");
    assert!(
        last.says_more() && !problems.list()[99].says_more(),
        "{last}"
    );
}

#[test]
fn of_a_document_that_takes_too_long_it_is_said_what_to_do() {
    let text = format!("query A {{ {} }}", "__typename ".repeat(8_000));
    let problems = Documents::new().with("a.graphql", text).check(&schema());
    let shown = problems.unwrap_err().to_string();
    assert!(shown.contains("split the document"), "{shown}");
}

/// What the derive makes of a document; none if it fails or panics.
fn derived(text: &str) -> Option<String> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("schema.graphql");
    fs::write(&file, SCHEMA).unwrap();
    derived_by(text, &file)
}

fn derived_by(text: &str, schema: &std::path::Path) -> Option<String> {
    let options = GraphQLClientCodegenOptions::new(CodegenMode::Cli);
    let made = catch_unwind(|| generate_module_token_stream_from_string(text, schema, options));
    let made = made.ok()?.ok()?.to_string();
    // Without an operation it makes nothing.
    (!made.is_empty()).then_some(made)
}

#[test]
fn fragments_that_spread_one_another_many_times_take_no_time() {
    let fragments: String = (0..100)
        .map(|it| {
            format!(
                "fragment F{it} on Named {{ ...F{} ...F{} }} ",
                it + 1,
                it + 1
            )
        })
        .collect();
    let text =
        format!("query A {{ one {{ ...F0 }} }} {fragments} fragment F100 on Named {{ name }}");
    let problems = Documents::new().with("a.graphql", text).check(&schema());
    let problems = problems.unwrap_err();
    assert_eq!(problems.list().len(), 101);
    assert!(problems.list()[100].says_more(), "{problems}");
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

/// A response to an introspection, with one type beside `Query`.
fn introspection(change: impl FnOnce(&mut Value)) -> String {
    let mut schema = json!({
        "queryType": {"name": "Query"},
        "types": [
            {"kind": "SCALAR", "name": "String"},
            {"kind": "OBJECT", "name": "__Type", "fields": null},
            {
                "kind": "OBJECT", "name": "Query", "interfaces": [],
                "fields": [{
                    "name": "a", "isDeprecated": true, "deprecationReason": "say \"b\"\n",
                    "type": {"kind": "NON_NULL", "ofType": {"kind": "LIST", "ofType": {"kind": "SCALAR", "name": "String"}}},
                    "args": [{
                        "name": "b", "type": {"kind": "INPUT_OBJECT", "name": "In"},
                        "defaultValue": "{c: [A], d: \"x\"}",
                    }],
                }],
            },
            {
                "kind": "INPUT_OBJECT", "name": "In", "inputFields": [
                    {"name": "c", "type": {"kind": "LIST", "ofType": {"kind": "ENUM", "name": "E"}}, "defaultValue": null},
                    {"name": "d", "type": {"kind": "SCALAR", "name": "String"}, "isDeprecated": false},
                ],
            },
            {"kind": "ENUM", "name": "E", "enumValues": [{"name": "A", "isDeprecated": true, "deprecationReason": null}]},
            {"kind": "UNION", "name": "U", "possibleTypes": [{"name": "Query"}]},
            {"kind": "SCALAR", "name": "Date", "specifiedByURL": "https://example.com/\"date\""},
        ],
        "directives": [
            {"name": "skip", "locations": ["FIELD"], "args": []},
            {"name": "own", "locations": ["FIELD", "QUERY"], "isRepeatable": true, "args": []},
        ],
    });
    change(&mut schema);
    json!({"data": {"__schema": schema}}).to_string()
}

#[test]
fn an_introspection_is_the_same_schema_as_its_definitions() {
    let schema = Schema::parse("a.json", introspection(|_| {})).unwrap();
    for definition in [
        "  a(b: In = {c: [A], d: \"x\"}\n): [String]! @deprecated(reason: \"say \\\"b\\\"\\n\")\n",
        "input In {\n  c: [E]\n  d: String\n}",
        "enum E {\n  A @deprecated\n}",
        "union U = Query\n",
        "scalar Date @specifiedBy(url: \"https://example.com/\\\"date\\\"\")",
        "directive @own repeatable on FIELD | QUERY",
    ] {
        assert!(
            schema.sdl().contains(definition),
            "{definition}: {}",
            schema.sdl()
        );
    }
    assert!(!schema.sdl().contains("__Type") && !schema.sdl().contains("@skip"));
}

#[test]
fn nothing_of_an_introspection_becomes_a_definition_of_its_own() {
    type Change = fn(&mut Value);
    let hostile: [(&str, Change); 11] = [
        ("the default value of \"b\" is no value", |it| {
            it["types"][2]["fields"][0]["args"][0]["defaultValue"] =
                json!("1) evil: Int, a2(x: Int = 1");
        }),
        ("the default value of \"b\" is no value", |it| {
            it["types"][2]["fields"][0]["args"][0]["defaultValue"] = json!("");
        }),
        ("\"a: Int } type B\" is no name", |it| {
            it["types"][2]["fields"][0]["name"] = json!("a: Int } type B");
        }),
        ("its kind \"CLASS\" is not known", |it| {
            it["types"][2]["kind"] = json!("CLASS")
        }),
        ("it has no `fields`", |it| {
            it["types"][2]["fields"] = json!(null)
        }),
        ("has no `ofType`", |it| {
            it["types"][2]["fields"][0]["type"] = json!({"kind": "LIST"});
        }),
        ("\"String!!\" is no type", |it| {
            let string = json!({"kind": "SCALAR", "name": "String"});
            let inner = json!({"kind": "NON_NULL", "ofType": string});
            it["types"][2]["fields"][0]["type"] = json!({"kind": "NON_NULL", "ofType": inner});
        }),
        ("\"FIELD | X on\" is no name", |it| {
            it["directives"][1]["locations"] = json!(["FIELD | X on"])
        }),
        ("is not as an introspection returns it", |it| {
            it["types"] = json!(7)
        }),
        ("cannot find type `In`", |it| {
            it["types"].as_array_mut().unwrap().remove(3);
        }),
        ("cannot find type `No`", |it| {
            it["queryType"]["name"] = json!("No")
        }),
    ];
    for (words, change) in hostile {
        let problems = Schema::parse("a.json", introspection(change)).unwrap_err();
        assert!(problems.to_string().contains(words), "{words}: {problems}");
    }
    for text in [
        "{",
        "{}",
        "[]",
        "{\"data\": null}",
        "{\"data\": {\"__schema\": null}}",
        "null",
    ] {
        let problems = Schema::parse("a.json", text).unwrap_err();
        assert_eq!(problems.list()[0].kind, ProblemKind::Schema, "{text}");
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let value = format!("{{\"data\": {deep}}}");
    assert!(Schema::parse("a.json", value).is_err());
    // The value is a text in the JSON, so that JSON itself is not deep.
    let deep = introspection(|it| {
        it["types"][2]["fields"][0]["args"][0]["defaultValue"] = json!(deep);
    });
    assert!(Schema::parse("a.json", deep).is_err());
}

#[test]
fn schemas_that_go_round_or_deep_are_errors_or_schemas_and_no_crash() {
    let chain = |one: &dyn Fn(usize) -> String| -> String { (0..1_000).map(one).collect() };
    for text in [
        chain(&|it| format!("input I{it} {{ a: I{}! }} ", (it + 1) % 1_000))
            + "type Query { a(b: I0): Int }",
        chain(&|it| {
            format!(
                "interface N{it} implements N{} {{ a: Int }} ",
                (it + 1) % 1_000
            )
        }) + "type Query { a: N0 }",
        chain(&|it| format!("type T{it} {{ a: T{} }} ", (it + 1) % 1_000)) + "type Query { a: T0 }",
        chain(&|it| {
            format!(
                "directive @d{it}(a: Int @d{}) on ARGUMENT_DEFINITION ",
                (it + 1) % 1_000
            )
        }) + "type Query { a: Int }",
        format!(
            "type Query {{ a: {}Int{} }}",
            "[".repeat(5_000),
            "]".repeat(5_000)
        ),
        format!(
            "type Query {{ a(b: [Int] = {}1{}): Int }}",
            "[".repeat(5_000),
            "]".repeat(5_000)
        ),
        "union U = U type Query { a: U }".to_owned(),
        "scalar Query".to_owned(),
        "extend type Query { a: Int }".to_owned(),
    ] {
        let _ = Schema::parse("a.graphql", text);
    }
}

#[test]
fn of_many_errors_in_a_schema_a_hundred_are_listed_and_then_that_there_are_more() {
    let fields: String = (0..1_000).map(|it| format!("f{it}: No{it} ")).collect();
    let problems = Schema::parse("s.graphql", format!("type Query {{ {fields} }}")).unwrap_err();
    assert_eq!(problems.list().len(), 101);
    assert!(problems.list()[100].says_more(), "{problems}");
}

#[test]
fn a_mark_at_the_start_of_a_file_takes_no_column() {
    let folder = folder(&[
        ("s.graphql", b"\xef\xbb\xbftype Query { a: Int }"),
        ("a.graphql", b"\xef\xbb\xbfquery A { no }"),
    ]);
    let problems = check_documents(folder.path()).unwrap_err();
    assert_eq!(problems.list()[0].column, Some(11));
    let shown = problems.to_string();
    assert!(
        shown.ends_with("1 | query A { no }\n  |           ^^"),
        "{shown}"
    );
}

#[test]
fn a_line_that_is_cut_says_so_and_wide_characters_move_the_mark() {
    let wide = "query A { run(id: \"日本語\") { no } }";
    let long = format!("query A {{ run(id: \"{}\") {{ no }} }}", "x".repeat(1_000));
    for (text, before, start) in [
        (wide, "1 | query A { run(id: \"日本語\") { ", 'q'),
        (&*long, "1 | …x", '…'),
    ] {
        let problems = Documents::new().with("a.graphql", text).check(&schema());
        let shown = problems.unwrap_err().to_string();
        let [.., line, marks] = &shown.lines().collect::<Vec<_>>()[..] else {
            panic!("{shown}");
        };
        assert!(
            line.starts_with(before) && line.chars().nth(4) == Some(start),
            "{shown}"
        );
        let columns = |text: &str| {
            text.chars()
                .map(|it| if it.is_ascii() || it == '…' { 1 } else { 2 })
                .sum::<usize>()
        };
        assert_eq!(
            columns(&line[..line.find("no }").unwrap()]),
            columns(&marks[..marks.find('^').unwrap()]),
            "{shown}"
        );
    }
}

#[test]
fn a_schema_that_is_too_large_is_refused_wherever_it_comes_from() {
    let text = format!("type Query {{ a: Int }}{}", " ".repeat(16 << 20));
    let problems = Schema::parse("s.graphql", text).unwrap_err().to_string();
    assert!(problems.contains("it has more than 16 MiB"), "{problems}");
}

#[cfg(unix)]
#[test]
fn devices_are_refused_and_pipes_are_read_up_to_the_limit() {
    for device in ["/dev/zero", "/dev/null"] {
        let problems = Schema::read(device).unwrap_err();
        assert_eq!(problems.list()[0].kind, ProblemKind::Unread);
        assert!(
            problems.to_string().contains("neither a file nor a pipe"),
            "{problems}"
        );
        assert!(Documents::read([device]).is_err());
    }
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    for (length, words) in [(10, None), ((16 << 20) + 1, Some("more than 16 MiB"))] {
        let (text, writer) = (format!("{SCHEMA}{}", " ".repeat(length)), pipe.clone());
        let writer = std::thread::spawn(move || fs::write(writer, text));
        let read = Schema::read(&pipe);
        match words {
            None => assert!(read.is_ok(), "{read:?}"),
            Some(words) => assert!(read.unwrap_err().to_string().contains(words)),
        }
        // Its reader may have gone before the end.
        let _ = writer.join().unwrap();
    }
}

#[test]
fn what_a_server_says_in_place_of_its_schema_is_said() {
    for text in [
        "{\"data\": {\"__schema\": null}, \"errors\": [{\"message\": \"not for you\"}]}",
        "{\"data\": null, \"errors\": [{\"message\": \"not for you\"}]}",
    ] {
        let problems = Schema::parse("a.json", text).unwrap_err().to_string();
        assert!(
            problems.contains("without `__schema`: not for you"),
            "{problems}"
        );
    }
}

#[test]
fn a_place_in_what_json_was_converted_to_is_not_said() {
    let wrong = introspection(|it| {
        it["types"].as_array_mut().unwrap().remove(3);
    });
    let problems = Schema::parse("a.json", wrong).unwrap_err();
    let problem = &problems.list()[0];
    assert_eq!(
        (problem.line, problem.file.as_deref()),
        (None, Some("a.json"))
    );
}

#[test]
fn of_schemas_that_are_copies_it_is_said_how_to_choose_one() {
    let folder = folder(&[
        ("a.graphql", b"query A { run(id: 1) { status } }"),
        ("schema.graphql", SCHEMA.as_bytes()),
        ("schema.json", introspection(|_| {}).as_bytes()),
    ]);
    let problems = check_documents(folder.path()).unwrap_err();
    let helps: Vec<_> = problems
        .list()
        .iter()
        .filter_map(|it| it.help.as_deref())
        .collect();
    assert_eq!(helps.len(), 1, "{problems}");
    assert!(
        helps[0].contains("--schema, or check one folder at a time"),
        "{problems}"
    );
}
