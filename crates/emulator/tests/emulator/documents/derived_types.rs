//! What the types that the derive makes read of a response: all of it where a document counts as valid, and
//! nothing or a part where it does not.

use serde_json::{Value, json};

use super::derived::{Derived, Read, comparable};
use super::said;

const SCHEMA: &str = "
type Query { run: Run, node: Node, any: Any, count(of: [Int!], on: [Int], f: Float, id: ID, yes: Boolean, in: In, plain: Plain, word: Word,
  words: Words, rec: Rec, many: Many, one: One, date: Date,
  kinds: Kinds): Int, at: Date }
interface Node { id: ID!, name: String }
interface Named { name: String }
type Run implements Node & Named { id: ID!, name: String, status: String!, next: Run, fooBar: Int, foo_bar: Int }
type Other implements Node { id: ID!, name: String, other: Int, on: Int }
union Any = Run | Other
input In { a: Int, fooBar: Int }
input Plain { a: Int!, list: [Int!], more: [Plain!] }
input Word { a: Int, type: String }
input Words { a: Int, union: Word }
input Rec { a: Int, next: Rec }
input Many { a: Int, next: [Many] }
input One @oneOf { a: Int, b: Int }
input Kinds { more: More }
input More { kind: Kind }
enum Kind { A }
scalar Date
";

/// Whether all of a response is read by what the derive makes of a document.
fn is_read(text: &str, response: &Value) -> Read<()> {
    let read = Derived::of(SCHEMA, text)?.read(response)?;
    match comparable(&read) == comparable(response) {
        true => Ok(()),
        false => Err(format!("{read} is read of {response}")),
    }
}

fn run() -> Value {
    json!({"run": {"__typename": "Run", "id": "1", "name": "n", "status": "s"}})
}

fn some(root: &str, fields: Value) -> Value {
    let mut object = json!({"__typename": "Run"});
    object
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    json!({ root: object })
}

#[test]
fn of_a_valid_document_the_derived_types_read_the_whole_response() {
    let id = || json!({"id": "1"});
    let both = || json!({"id": "1", "status": "s"});
    for (text, response) in [
        ("query A { run { __typename id name status } }", run()),
        (
            "query A { run { r: status type: name } }",
            some("run", json!({"r": "s", "type": "n"})),
        ),
        (
            "query A { run { ...F name } } fragment F on Run { id status }",
            run(),
        ),
        (
            "query A { run { ...F ...G } } fragment F on Run { id } fragment G on Run { status }",
            some("run", both()),
        ),
        // Alone, whatever the fragment is on.
        (
            "query A { run { ...F } } fragment F on Node { __typename id }",
            some("run", id()),
        ),
        (
            "query A { run { ...F } } fragment F on Any { __typename ... on Run { id } }",
            some("run", id()),
        ),
        (
            "query A { node { ...F } } fragment F on Node { __typename id ... on Run { status } }",
            some("node", both()),
        ),
        (
            "query A { node { __typename id ... on Run { status } } }",
            some("node", both()),
        ),
        (
            "query A { node { __typename id ...F } } fragment F on Run { status }",
            some("node", both()),
        ),
        (
            "query A { node { ...F ...G } } fragment F on Node { __typename id } fragment G on Node { __typename name }",
            some("node", json!({"id": "1", "name": "n"})),
        ),
        // Into both of them another one is flattened, for the types: these leave the field to one another.
        (
            "query A { node { ...F ...G } } fragment F on Node { __typename id } fragment G on Node { __typename id }",
            some("node", id()),
        ),
        (
            "query A { any { __typename ... on Run { id } ... on Other { id other } } }",
            some("any", id()),
        ),
        (
            "query A { any { __typename ... on Run { id } ...F } } fragment F on Run { status }",
            some("any", both()),
        ),
        (
            "query A { any { __typename ...F ...G } } fragment F on Run { id } fragment G on Run { status }",
            some("any", both()),
        ),
        ("query A { any { __typename } }", some("any", json!({}))),
        // The fragments on types alone are an enum, without a struct.
        (
            "query A { node { __typename ... on Run { id } } nodeOn: run { id } }",
            some("node", id()),
        ),
        (
            "query A($f: Boolean!) { run { name @include(if: $f) status @skip(if: false) } }",
            some("run", json!({"status": "s"})),
        ),
        (
            "query A { run { next { next { id } } } }",
            json!({"run": {"next": {"next": {"id": "1"}}}}),
        ),
        // Names that are keywords, and are none where they stand.
        (
            "query Union { run { type: name gen: status ...Match ...union } } fragment Match on Run { id } fragment union on Run { r: id }",
            some("run", json!({"type": "n", "gen": "s", "id": "1", "r": "1"})),
        ),
        (
            "query A { any { __typename ...Type } } fragment Type on Run { id }",
            some("any", id()),
        ),
        (
            "query A { any { __typename ..._1 } } fragment _1 on Run { id }",
            some("any", id()),
        ),
        // What may be left out, and is null then.
        (
            "query A($f: Boolean!) { run { id ...F @include(if: $f) } } fragment F on Run { name }",
            some("run", id()),
        ),
        (
            "query A($f: Boolean!) { ...F @include(if: $f) at } fragment F on Query { run { id } }",
            json!({"at": "d"}),
        ),
        (
            "query A($f: Boolean!) { run { id ...F @include(if: $f) } } fragment F on Run { ...G @skip(if: $f) name }
             fragment G on Run { fooBar }",
            some("run", id()),
        ),
        (
            "query A($f: Boolean!) { node { __typename id ...F @include(if: $f) } } fragment F on Node { __typename name }",
            some("node", id()),
        ),
        (
            "query A($f: Boolean!) { node { ...F ...G @include(if: $f) } } fragment F on Node { __typename id }
             fragment G on Node { __typename id name }",
            some("node", id()),
        ),
        (
            "query A($f: Boolean!) { any { __typename ... on Run @include(if: $f) { name } } }",
            some("any", json!({})),
        ),
        (
            "query A { run { id ...F @skip(if: false) } } fragment F on Run { status }",
            some("run", both()),
        ),
    ] {
        assert_eq!(said(SCHEMA, text), [""; 0], "{text}");
        assert_eq!(is_read(text, &response), Ok(()), "{text}");
    }
}

#[test]
fn of_what_is_reported_the_derived_types_read_nothing_or_a_part() {
    let id = || json!({"id": "1"});
    let both = || json!({"id": "1", "status": "s"});
    for (text, response, expected) in [
        (
            "query A { run { ... on Run { status } } }",
            some("run", json!({"status": "s"})),
            "17: What is in `... on Run` is not read of \"Run\".",
        ),
        (
            "query A { run { status ... on Node { id } } }",
            some("run", both()),
            "24: What is in `... on Node` is not read of \"Run\".",
        ),
        (
            "query A { run { status ...F } } fragment F on Node { __typename id }",
            some("run", both()),
            "24: What is in `...F` is not read of \"Run\".",
        ),
        (
            "query A { node { __typename name ... on Node { id } } }",
            some("node", json!({"name": "n", "id": "1"})),
            "34: What is in `... on Node` is not read of \"Node\".",
        ),
        (
            "query A { node { __typename ... on Named { name } } }",
            some("node", json!({"name": "n"})),
            "29: What is in `... on Named` is not read of \"Node\".",
        ),
        (
            "query A { any { __typename ...F } } fragment F on Node { __typename id }",
            some("any", id()),
            "28: What is in `...F` is not read of \"Any\".",
        ),
        (
            "query A { any { t: __typename ... on Run { id } } }",
            json!({"any": {"t": "Run", "id": "1"}}),
            "11: `__typename` is not selected on \"Any\".",
        ),
        (
            "query A { run { t: __typename id } }",
            json!({"run": {"t": "Run", "id": "1"}}),
            "17: `__typename` is called \"t\".",
        ),
        (
            "query A { run { __typename } }",
            some("run", json!({})),
            "11: Nothing but `__typename` is selected on \"Run\".",
        ),
        (
            "query A { __typename }",
            json!({"__typename": "Query"}),
            "1: Nothing but `__typename` is selected on \"Query\".",
        ),
        (
            "query A { any { __typename ... on Run { __typename } } }",
            some("any", json!({})),
            "28: Nothing but `__typename` is selected on \"Run\".",
        ),
        (
            "query A { run { fooBar foo_bar } }",
            some("run", json!({"fooBar": 1, "foo_bar": 2})),
            "24: \"fooBar\" and \"foo_bar\" are both `foo_bar` in Rust.",
        ),
        (
            "query A { run { id id } }",
            some("run", id()),
            "20: \"id\" is there twice.",
        ),
        (
            "query A { run { status ...Status } } fragment Status on Run { id }",
            some("run", both()),
            "24: \"status\" and `...Status` are both `status` in Rust.",
        ),
        (
            "query A { run { _1: id } }",
            json!({"run": {"_1": "1"}}),
            "17: \"_1\" is no name in Rust.",
        ),
        (
            "query A { any { __typename ... on Run { id } ... on Run { status } } }",
            some("any", both()),
            "46: There is another fragment on \"Run\" before this one.",
        ),
        (
            "query A { any { __typename ...F ... on Run { status } } } fragment F on Run { id }",
            some("any", both()),
            "33: There is another fragment on \"Run\" before this one.",
        ),
        (
            "query A { any { __typename ... on Run { ...F } ...G } } fragment F on Run { id } fragment G on Run { status }",
            some("any", both()),
            "48: What is in `...G` is not read of \"Run\".",
        ),
        (
            "query A { node { __typename id ... on Run { id status } } }",
            some("node", both()),
            "32: \"id\" is selected here, and beside this fragment.",
        ),
        (
            "query A { node { __typename name ...F } } fragment F on Run { name id }",
            some("node", json!({"name": "n", "id": "1"})),
            "34: \"name\" is selected here, and beside this fragment.",
        ),
        (
            "query A { run { id ...F } } fragment F on Run { id status }",
            some("run", both()),
            "20: \"id\" is selected here, and beside this fragment.",
        ),
        (
            "query A { run { ...F ...G } } fragment F on Run { id } fragment G on Run { id status }",
            some("run", both()),
            "22: \"id\" is selected here, and beside this fragment.",
        ),
        (
            "query A { run { id ...F } } fragment F on Run { ...G name } fragment G on Run { id status }",
            run(),
            "20: \"id\" is selected here, and beside this fragment.",
        ),
        (
            "query A { any { __typename ... on Run { id ...F } ... on Other { id } } } fragment F on Run { id }",
            some("any", id()),
            "44: \"id\" is selected here, and beside this fragment.",
        ),
        (
            "query A { node { __typename id on: name } }",
            some("node", json!({"id": "1", "on": "n"})),
            "11: \"on\" and the fragments on types are both `on` in Rust.",
        ),
        (
            "query A($f: Boolean!) { run { name status @include(if: $f) } }",
            some("run", json!({"name": "n"})),
            "36: \"status\" may be left out, and is never null.",
        ),
        (
            "query A($f: Boolean!) { run { name ...F @include(if: $f) } } fragment F on Run { id }",
            some("run", json!({"name": "n"})),
            "36: `...F` may be left out, and \"id\" in it is never null.",
        ),
        (
            "query A($f: Boolean!) { run { ...F @skip(if: $f) } } fragment F on Run { ...G } fragment G on Run { name id }",
            some("run", json!({})),
            "31: `...F` may be left out, and \"id\" in it is never null.",
        ),
        (
            "query A($f: Boolean!) { run { ...F @skip(if: $f) } } fragment F on Node { __typename name }",
            json!({"run": {}}),
            "31: `...F` may be left out, and \"__typename\" in it is never null.",
        ),
        (
            "query A($f: Boolean!) { any { __typename ... on Run @include(if: $f) { name id } } }",
            some("any", json!({})),
            "42: `... on Run` may be left out, and \"id\" in it is never null.",
        ),
        (
            "query A($f: Boolean!) { any { __typename ...F @include(if: $f) } } fragment F on Run { id }",
            some("any", json!({})),
            "42: `...F` may be left out, and \"id\" in it is never null.",
        ),
        (
            "query A($f: Boolean!) { node { ... on Run { id } ...F @include(if: $f) } } fragment F on Node { __typename }",
            json!({"node": {"id": "1"}}),
            "50: `...F` may be left out, and \"__typename\" in it is never null.",
        ),
        (
            "query Type { run { id } }",
            some("run", id()),
            "7: \"Type\" is `type` in Rust, which is a keyword.",
        ),
        (
            "query workspaces { run { id } }",
            some("run", id()),
            "7: \"workspaces\" is the name of a struct and of its module.",
        ),
        (
            "query _1 { run { id } }",
            some("run", id()),
            "7: \"_1\" is no name in Rust.",
        ),
        (
            "query A { run { name ...type } } fragment type on Run { id }",
            some("run", json!({"name": "n", "id": "1"})),
            "43: \"type\" is `type` in Rust, which is a keyword.",
        ),
        (
            "query A { run { ...self } } fragment self on Run { id }",
            some("run", id()),
            "38: \"self\" is `self` in Rust, which is a keyword.",
        ),
        (
            "query A { run { ..._ } } fragment _ on Run { id }",
            some("run", id()),
            "35: \"_\" is no name in Rust.",
        ),
        (
            "query A { run { ..._1 } } fragment _1 on Run { next { id } }",
            json!({"run": {"next": {"id": "1"}}}),
            "48: \"1Next\" is no name in Rust.",
        ),
        (
            "query A { any { __typename ...Type ...F } } fragment Type on Run { id } fragment F on Run { status }",
            some("any", both()),
            "28: `...Type` is `type` in Rust, which is a keyword.",
        ),
        (
            "query A { __schema { queryType { name } } }",
            json!({"__schema": {"queryType": {"name": "Q"}}}),
            "11: \"__schema\" is selected.",
        ),
        (
            "query A($fooBar: Int!, $foo_bar: Int!) { count(of: [$fooBar, $foo_bar]) }",
            json!({"count": 1}),
            "24: \"$fooBar\" and \"$foo_bar\" are both `foo_bar` in Rust.",
        ),
        (
            "query Run { next: run { ...RunNext } } fragment RunNext on Run { id }",
            json!({"next": {"id": "1"}}),
            "49: Two types in Rust are called `RunNext`.",
        ),
        (
            "query A($kinds: Kinds) { count(kinds: $kinds) run { ...Kind } } fragment Kind on Run { id }",
            some("run", id()),
            "7: Two types in Rust are called `Kind`.",
        ),
        (
            "query A($kinds: Kinds) { count(kinds: $kinds) run { ...More } } fragment More on Run { id }",
            some("run", id()),
            "7: Two types in Rust are called `More`.",
        ),
        (
            "query A { node { __typename name ... on Run { status } } nodeOn: run { id } }",
            some("node", json!({"name": "n", "status": "s"})),
            "11: Two types in Rust are called `ANodeOn`.",
        ),
        (
            "query A { node { ...F } run { ...FOn } } fragment F on Node { __typename name } fragment FOn on Run { id }",
            some("node", json!({"name": "n"})),
            "51: Two types in Rust are called `FOn`.",
        ),
        (
            "query A { node { __typename ...F } nodeOn: run { id } } fragment F on Node { __typename name }",
            some("node", json!({"name": "n"})),
            "11: Two types in Rust are called `ANodeOn`.",
        ),
        (
            "query A { run { ...ARun } } fragment ARun on Run { id }",
            some("run", id()),
            "38: Two types in Rust are called `ARun`.",
        ),
        (
            "query A { runNext: run { id } run { next { id } } }",
            json!({"runNext": {"id": "1"}, "run": {"next": {"id": "1"}}}),
            "37: Two types in Rust are called `ARunNext`.",
        ),
        (
            "query A { at run { ...Date } } fragment Date on Run { id }",
            json!({"run": {"id": "1"}}),
            "7: Two types in Rust are called `Date`.",
        ),
    ] {
        let said = said(SCHEMA, text);
        assert!(said.iter().any(|it| it == expected), "{text}: {said:?}");
        let read = is_read(text, &response);
        assert!(read.is_err(), "the derive has learnt to read {text}");
    }
}

#[test]
fn a_default_value_is_of_the_type_that_it_has_in_rust() {
    for (variable, is_right) in [
        ("$of: [Int!] = [1, 2]", true),
        ("$on: [Int] = []", true),
        // `Vec<i64>` is no `Vec<Option<i64>>`.
        ("$on: [Int] = [1, 2]", false),
        ("$of: [Int!] = 1", false),
        ("$f: Float = 1.5", true),
        ("$f: Float = 1", false),
        ("$id: ID = \"a\"", true),
        ("$id: ID = 1", false),
        ("$yes: Boolean = true", true),
        ("$yes: Boolean! = true", true),
        // The field is `foo_bar` in Rust.
        ("$in: In = {a: 1}", false),
        ("$plain: Plain = {a: 1, list: [2], more: [{a: 3}]}", true),
        ("$plain: Plain = {a: 1, list: null}", false),
        ("$word: Word = {a: 1}", false),
        ("$words: Words = {a: 1}", false),
        // The field is a `Box`.
        ("$rec: Rec = {a: 1}", false),
        ("$rec: Rec = {a: 1, next: {a: 2}}", false),
        ("$many: Many = {a: 1}", true),
        ("$one: One = {a: 1}", false),
        ("$date: Date = \"1\"", true),
        ("$date: Date = 1", true),
        ("$date: Date = {day: 1}", false),
    ] {
        let name = &variable[1..variable.find(':').unwrap()];
        let text = format!("query A({variable}) {{ count({name}: ${name}) }}");
        let derived = Derived::of(SCHEMA, &text).map(|_| ());
        assert_eq!(derived.is_ok(), is_right, "{text}: {derived:?}");
        assert_eq!(
            said(SCHEMA, &text).is_empty(),
            is_right,
            "{text}: {:?}",
            said(SCHEMA, &text)
        );
    }
}

#[test]
fn the_documents_of_this_repository_are_valid() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    for folder in ["graphql", "examples/own-documents/graphql"] {
        dinoai_emulator::check_documents(format!("{root}{folder}")).unwrap();
    }
}
