//! What a changed schema means for documents, beyond what the schema of the API has: interfaces, unions,
//! values in documents, nested input objects, custom scalars, other roots.

use dinoai_emulator::changes::{Changes, changes};
use dinoai_emulator::documents::{Documents, ProblemKind, Problems, Schema};
use serde_json::json;

use crate::caller::call;

/// The changes between two schemas for one document, a line each.
fn compared(old: &str, new: &str, document: &str) -> (Vec<String>, usize) {
    let old = Schema::parse("old.graphql", old).unwrap();
    let new = Schema::parse("new.graphql", new).unwrap();
    let documents = Documents::new().with("a.graphql", document);
    let found: Changes = changes(&old, &new, &documents).unwrap();
    let lines = found.list().iter().map(|it| {
        let places = it
            .places
            .iter()
            .map(|it| format!("{}:{}", it.line, it.column));
        let places = places.collect::<Vec<_>>().join(", ");
        format!(
            "{} {} {places}: {}",
            it.level.word(),
            it.coordinate,
            it.message
        )
    });
    (lines.collect(), found.unused())
}

#[track_caller]
fn assert_changes(old: &str, new: &str, document: &str, expected: &[&str]) {
    let (found, _) = compared(old, new, document);
    assert_eq!(found, expected, "{old} -> {new}: {document}");
}

#[test]
fn what_is_selected_of_a_union_or_an_interface_may_be_another_object() {
    let union = "type Query { a: U } type A { a: Int } type B { b: Int } union U = A";
    let document = "query Q { a { __typename ... on A { a } } }";
    let more = union.replace("union U = A", "union U = A | B");
    assert_changes(
        union,
        &more,
        document,
        &["dangerous U 1:11: it may be `B`, too"],
    );
    assert_changes(&more, union, document, &["safe U 1:11: it is never `B`"]);
    let other = union.replace("union U = A", "union U = B");
    assert_changes(
        union,
        &other,
        document,
        &[
            "breaking query Q 1:26: Fragment cannot be spread here as objects of type \"U\" can never be of type \"A\".",
            "dangerous U 1:11: it may be `B`, too",
            "safe U 1:11: it is never `A`",
        ],
    );
    let interface = "type Query { n: N } interface N { n: Int } type A implements N { n: Int } type B { n: Int }";
    let implemented = interface.replace("type B {", "type B implements N {");
    let document = "query Q { n { __typename n } }";
    assert_changes(
        interface,
        &implemented,
        document,
        &["dangerous N 1:11: it may be `B`, too"],
    );
}

#[test]
fn what_a_field_is_made_of_may_have_another_name_or_be_another_type() {
    let old = "type Query { a: A } type A { x: Int! y: Int } type B { x: Int! z: Int }";
    let document = "query Q { one: a { x } }";
    let renamed = "type Query { a: C } type C { x: Int! y: Int } type B { x: Int! z: Int }";
    assert_changes(
        old,
        renamed,
        document,
        &["safe Query.a 1:11: the type `A` became `C`: it has another name"],
    );
    let other = old.replace("a: A", "a: B");
    let dangerous =
        "dangerous Query.a 1:11: the type `A` became `B`: another type, which has what is selected";
    assert_changes(old, &other, document, &[dangerous]);
    assert_changes(
        old,
        &other,
        "query Q { a { y } }",
        &["breaking A.y 1:15: the field is removed", dangerous],
    );
    // The fragment names what the field no longer is.
    let spread = "query Q { a { ...F } } fragment F on A { x }";
    let (found, _) = compared(old, &other, spread);
    assert_eq!(
        found,
        [
            "breaking Query.a 1:11: the type `A` became `B`: another type, which has what is selected"
        ]
    );
    // Within the new name, too.
    let nullable = renamed.replace("x: Int!", "x: Int");
    assert_changes(
        old,
        &nullable,
        document,
        &[
            "breaking A.x 1:20: the type `Int!` became `Int`: it may be null",
            "safe Query.a 1:11: the type `A` became `C`: it has another name",
        ],
    );
}

#[test]
fn values_in_a_document_are_compared_where_they_stand() {
    let old = "type Query { a(k: [K!], in: In): Int } enum K { A B } input In { k: K, in: In, n: Int = 1 }";
    let document = "query Q { a(k: [A, B], in: { in: { k: B } }) }";
    let without = old.replace("A B", "A");
    assert_changes(
        old,
        &without,
        document,
        &["breaking K.B 1:20, 1:39: the value is removed"],
    );
    let renamed = old.replace("k: K, in", "kind: K, in");
    assert_changes(
        old,
        &renamed,
        document,
        &[
            "breaking In.k 1:36: the field is removed",
            "safe In.kind 1:28, 1:34: an optional field is added",
        ],
    );
    let required = old.replace("k: K, in", "k: K, more: Int!, in");
    assert_changes(
        old,
        &required,
        document,
        &["breaking In.more 1:28, 1:34: a required field is added"],
    );
    let default = old.replace("n: Int = 1", "n: Int = 2");
    assert_changes(
        old,
        &default,
        document,
        &["dangerous In.n 1:28, 1:34: the default `1` became `2`"],
    );
    let must = old.replace("n: Int = 1", "n: Int!");
    assert_changes(
        old,
        &must,
        document,
        &["breaking In.n 1:28, 1:34: the type `Int` became `Int!`"],
    );
}

#[test]
fn variables_are_compared_as_a_server_takes_them_when_it_is_called() {
    let old = "type Query { a(in: In!, k: K): Int } enum K { A B } scalar When input In { k: [K], in: In, n: Int, s: String, one: Int, when: String }";
    let document = "query Q($in: In!, $k: K) { a(in: $in, k: $k) }";
    for (before, after, expected) in [
        ("A B", "A", "breaking K.B 1:9, 1:19: the value is removed"),
        ("A B", "A B C", "safe K.C 1:9, 1:19: a value is added"),
        (
            "n: Int,",
            "n: Float,",
            "safe In.n 1:9: the type `Int` became `Float`: it takes the same values",
        ),
        (
            "n: Int,",
            "n: ID,",
            "safe In.n 1:9: the type `Int` became `ID`: it takes the same values",
        ),
        (
            "n: Int,",
            "n: Boolean,",
            "breaking In.n 1:9: the type `Int` became `Boolean`: it takes other values",
        ),
        (
            "n: Int,",
            "n: Int!,",
            "breaking In.n 1:9: the type `Int` became `Int!`: null is refused",
        ),
        (
            "one: Int,",
            "one: [Int],",
            "safe In.one 1:9: the type `Int` became `[Int]`: one value stands for a list",
        ),
        (
            "k: [K],",
            "k: K,",
            "breaking In.k 1:9: the type `[K]` became `K`: a list is refused",
        ),
        (
            "k: [K],",
            "k: [K!],",
            "breaking In.k 1:9: the type `[K]` became `[K!]`: a null in the list is refused",
        ),
        (
            "when: String",
            "when: When",
            "dangerous In.when 1:9: the type `String` became `When`: it may take other values",
        ),
        ("s: String,", "", "breaking In.s 1:9: the field is removed"),
        (
            "input In",
            "input In @oneOf",
            "breaking In 1:9: it takes exactly one field now",
        ),
        (
            "s: String,",
            "s: String = \"x\",",
            "dangerous In.s 1:9: the default `\"x\"` is added",
        ),
        (
            "s: String,",
            "s: String @deprecated,",
            "safe In.s 1:9: deprecated",
        ),
    ] {
        assert_changes(old, &old.replacen(before, after, 1), document, &[expected]);
    }
}

#[test]
fn an_argument_that_is_left_out_acts_by_its_default() {
    let old = "type Query { a(n: Int = 1, m: Int): Int }";
    let new = "type Query { a(n: Int = 2, m: Int): Int }";
    let changed = "Query.a(n:) 1:11: the default `1` became `2`";
    for (document, level, place) in [
        ("query Q { a }", "dangerous", "1:11"),
        ("query Q { a(n: 3) }", "safe", "1:13"),
        ("query Q($n: Int) { a(n: $n) }", "dangerous", "1:22"),
        ("query Q($n: Int = 4) { a(n: $n) }", "safe", "1:26"),
        ("query Q($n: Int!) { a(n: $n) }", "safe", "1:23"),
    ] {
        let expected = format!("{level} {}", changed.replace("1:11", place));
        assert_changes(old, new, document, &[&expected]);
    }
    let gone = "type Query { a(m: Int): Int }";
    assert_changes(
        old,
        gone,
        "query Q { a }",
        &["dangerous Query.a(n:) 1:11: the argument is removed"],
    );
    let required = "type Query { a(n: Int!, m: Int): Int }";
    assert_changes(
        old,
        required,
        "query Q { a }",
        &[
            "breaking Query.a(n:) 1:11: the type `Int` became `Int!`",
            "dangerous Query.a(n:) 1:11: the default `1` is removed",
        ],
    );
}

#[test]
fn a_refusal_that_no_change_explains_is_said_in_the_server_s_words() {
    let old = "directive @a(b: Int) on FIELD type Query { a: Int }";
    let document = "query Q { a @a(b: 1) }";
    let gone = "type Query { a: Int }";
    assert_changes(
        old,
        gone,
        document,
        &["breaking @a 1:13: the directive is removed"],
    );
    let elsewhere = old.replace("on FIELD", "on QUERY");
    let said = "breaking query Q 1:13: Directive \"@a\" may not be used on FIELD.";
    assert_changes(old, &elsewhere, document, &[said]);
}

#[test]
fn what_no_document_uses_is_counted() {
    let old =
        "type Query { a: Int b(c: Int, d: Int): E } enum E { A } type T { x: Int } union U = T";
    let new = "type Query { a: Int b(c: ID, e: Int): E f: Int } enum E { B } type V { x: Int } union U = V";
    // c, d and e of b; f; A and B; T, V and U.
    assert_eq!(compared(old, new, "query Q { a }"), (vec![], 9));
    assert_eq!(compared(old, old, "query Q { a }"), (vec![], 0));
}

#[test]
fn documents_that_are_wrong_already_are_refused() {
    let schema = Schema::parse("a", "type Query { a: Int }").unwrap();
    let documents = Documents::new().with("a.graphql", "query Q { b }");
    let problems = changes(&schema, &schema, &documents).unwrap_err();
    assert_eq!(problems.list()[0].line, Some(1));
}

#[test]
fn odd_schemas_are_compared_without_a_panic() {
    let schemas = [
        "type Query { a: A } type A { a(in: In): [A!]! b: S } scalar S input In { a: In, s: S }",
        "schema { query: Q } type Q { a: A } type A { a(in: In): [[A]] b: E } enum E { X } input In { a: [In!], s: E }",
        "type Query { a: A } interface A { a(in: S): [A!]! b: Int } type B implements A { a(in: S): [A!]! b: Int } scalar S scalar In",
        "type Query { a: A } union A = C type C { a: Int } input In { a: Int }",
        "type Query { a: A } enum A { B } enum In { A }",
        "type Query { z: Int } type A { z: Int }",
        "type Query { a(in: In!): A } type A { a(in: In!): A b(x: Int!): In2 } type In2 { x: Int } input In @oneOf { a: Int }",
    ];
    let documents = [
        "query Q($in: In) { a { __typename ...F x: a(in: $in) { b } } } fragment F on A { y: a(in: { a: { s: 1 } }) { __typename } }",
        "query Q { a { ... on A { b } } __schema { types { name } } }",
        "query Q { z }",
    ];
    let mut compared = 0;
    for old in schemas {
        for new in schemas {
            for document in documents {
                let old = Schema::parse("old", old).unwrap();
                let new = Schema::parse("new", new).unwrap();
                let documents = Documents::new().with("a.graphql", document);
                let Ok(found) = changes(&old, &new, &documents) else {
                    continue;
                };
                // What the new schema refuses is breaking, and something else may be.
                let refused =
                    |it: &Problems| it.list().iter().any(|it| it.kind != ProblemKind::Derive);
                let is_refused = documents.check(&new).is_err_and(|it| refused(&it));
                assert!(!is_refused || found.breaks(), "{document}: {found:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 20, "{compared}");
}

#[tokio::test]
async fn the_schema_by_introspection_is_the_one_that_is_served() {
    const QUERY: &str = include_str!("../../../cli/src/commands/schema/introspection.graphql");
    let emulator = dinoai_emulator::Emulator::builder().start().await.unwrap();
    let response = call(&emulator, QUERY, json!({})).await;
    let told = Schema::parse("told.json", response.body.to_string()).unwrap();
    let served = include_str!("../../backends/current.graphql");
    let served = Schema::parse("current.graphql", served).unwrap();
    let documents = Documents::new().with("a.graphql", "query A { __typename }");
    for (old, new) in [(&told, &served), (&served, &told)] {
        let found = changes(old, new, &documents).unwrap();
        assert_eq!((found.list(), found.unused()), (&[][..], 0));
    }
}

#[test]
fn a_type_that_is_another_kind_of_type_takes_other_values() {
    let old = "scalar Json enum Color { RED GREEN } input In { c: Color, j: Json }
        type Query { a(j: Json, i: In, c: Color): ID }";
    let document = "query Q($j: Json, $i: In, $c: Color) { a(j: $j, i: $i, c: $c) }";
    for (from, to, change) in [
        ("scalar Json", "input Json { a: Int! }", "breaking Json "),
        ("scalar Json", "enum Json { A }", "breaking Json "),
        (
            "enum Color { RED GREEN }",
            "input Color { a: Int! }",
            "breaking Color ",
        ),
        (
            "enum Color { RED GREEN }",
            "scalar Color",
            "dangerous Color ",
        ),
        (
            "input In { c: Color, j: Json }",
            "enum In { A }",
            "breaking In ",
        ),
    ] {
        let (found, _) = compared(old, &old.replace(from, to), document);
        assert!(
            found.iter().any(|it| it.starts_with(change)),
            "{to}: {found:?}"
        );
    }
}

#[test]
fn what_is_read_alike_is_no_break() {
    let document = "query Q { a }";
    for (was, is) in [("ID!", "String!"), ("String", "ID!"), ("Float!", "Int!")] {
        let (old, new) = (
            format!("type Query {{ a: {was} }}"),
            format!("type Query {{ a: {is} }}"),
        );
        let (found, _) = compared(&old, &new, document);
        assert!(
            found.iter().all(|it| it.starts_with("safe ")),
            "{was} {is}: {found:?}"
        );
    }
}

#[test]
fn null_is_refused_where_a_default_would_take_the_place_of_nothing() {
    let old = "enum C { R } type Query { a(c: C): ID }";
    let new = "enum C { R } type Query { a(c: C! = R): ID }";
    let (found, _) = compared(old, new, "query Q($c: C) { a(c: $c) }");
    assert!(
        found
            .iter()
            .any(|it| it.starts_with("breaking Query.a(c:)")),
        "{found:?}"
    );
    let (found, _) = compared(old, new, "query Q($c: C!) { a(c: $c) }");
    assert!(
        found.iter().all(|it| !it.starts_with("breaking")),
        "{found:?}"
    );
}

#[test]
fn documents_that_the_derive_would_not_take_are_compared_all_the_same() {
    let old = "type Query { a: ID! }";
    let (found, _) = compared(old, "type Query { a: ID }", "{ a }");
    assert!(found[0].starts_with("breaking Query.a"), "{found:?}");
}
