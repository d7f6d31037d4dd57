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
            "breaking U 1:11: none of the types that it may be is known to types made before",
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
        &[
            "breaking A.y 1:15: `B` has no field `y`",
            "dangerous Query.a 1:11: the type `A` became `B`: it is another type",
        ],
    );
    // The fragment names what the field no longer is.
    let spread = "query Q { a { ...F } } fragment F on A { x }";
    let (found, _) = compared(old, &other, spread);
    assert_eq!(
        found,
        ["breaking Query.a 1:11: the type `A` became `B`: it is another type"]
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
fn nothing_is_said_to_be_removed_from_a_type_whose_place_another_one_has() {
    let old = "type Query { a(in: In, k: K, list: [In]): A } type A { x(n: Int): Int y: Int }
        type B { x(m: Int!): Int y: Int } input In { k: Int inner: One } input Other { l: Int! m: Int inner: Two }
        input One { k: K } input Two { k: L } enum K { R S } enum L { S T }";
    for (from, to, document, expected) in [
        (
            "): A",
            "): B",
            "query Q { a { y x(n: 1) } }",
            &[
                "breaking A.x(m:) 1:17: `B.x` requires the argument `m`",
                "breaking A.x(n:) 1:19: `B.x` has no argument `n`",
                "dangerous Query.a 1:11: the type `A` became `B`: it is another type",
            ][..],
        ),
        (
            "in: In,",
            "in: Other,",
            "query Q { a(in: { k: 1 }) { y } }",
            &[
                "breaking In.k 1:19: `Other` has no field `k`",
                "breaking In.l 1:17: `Other` requires the field `l`",
                "breaking Query.a(in:) 1:13: the type `In` became `Other`",
                "safe In.inner 1:17: the type `One` became `Two`",
                "safe In.m 1:17: `Other` takes the field `m`, too",
            ],
        ),
        (
            "k: K,",
            "k: L,",
            "query Q { a(k: R) { y } }",
            &[
                "breaking K.R 1:16: `L` has no value `R`",
                "breaking Query.a(k:) 1:13: the type `K` became `L`",
            ],
        ),
        (
            "inner: One",
            "inner: Two",
            "query Q($in: In) { a(in: $in) { y } }",
            &[
                "breaking K.R 1:9: `L` has no value `R`",
                "safe In.inner 1:9: the type `One` became `Two`: another one, which is compared in its place",
                "safe K.T 1:9: `L` has the value `T`, too",
                "safe One.k 1:9: the type `K` became `L`: another one, which is compared in its place",
            ],
        ),
    ] {
        assert_changes(old, &old.replacen(from, to, 1), document, expected);
    }
}

#[test]
fn another_type_has_what_is_selected_only_if_none_of_it_is_refused() {
    let old = "type Query { a: A } interface N { x: Int } type A implements N { x: Int y: X }
        type B implements N { x: Int y: X } type X { x: Int z: Int }";
    let another = "dangerous Query.a 1:11: the type `A` became `B`: it is another type";
    for (document, from, to) in [
        ("query Q { a { y { z } } }", " z: Int", ""),
        (
            "query Q { a { __typename ...F } } fragment F on N { __typename x }",
            "interface N { x: Int }",
            "interface N { z: Int }",
        ),
    ] {
        let new = old.replace("a: A", "a: B").replacen(from, to, 1);
        let new = new.replace("N { x: Int y", "N { x: Int z: Int y");
        let (found, _) = compared(old, &new, document);
        assert!(found.iter().any(|it| it == another), "{found:?}");
    }
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
        &[
            "breaking In.n 1:28, 1:34: the type `Int` became `Int!`",
            "dangerous In.n 1:28, 1:34: the default `1` is removed",
        ],
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
    for (was, is, reason) in [
        ("ID!", "String!", "it is read alike"),
        ("String", "ID!", "it is never null"),
        ("Float!", "Int!", "it is read alike"),
    ] {
        let old = format!("type Query {{ a: {was} }}");
        let new = format!("type Query {{ a: {is} }}");
        let expected = format!("safe Query.a 1:11: the type `{was}` became `{is}`: {reason}");
        assert_changes(&old, &new, "query Q { a }", &[&expected]);
    }
}

#[test]
fn null_is_refused_where_a_default_would_take_the_place_of_nothing() {
    let old = "enum C { R } type Query { a(c: C): ID }";
    let new = "enum C { R } type Query { a(c: C! = R): ID }";
    assert_changes(
        old,
        new,
        "query Q($c: C) { a(c: $c) }",
        &[
            "breaking Query.a(c:) 1:20: the type `C` became `C!`",
            "dangerous Query.a(c:) 1:20: the default `R` is added",
        ],
    );
    assert_changes(
        old,
        new,
        "query Q($c: C!) { a(c: $c) }",
        &[
            "safe Query.a(c:) 1:21: the default `R` is added",
            "safe Query.a(c:) 1:21: the type `C` became `C!`",
        ],
    );
}

#[test]
fn documents_that_the_derive_would_not_take_are_compared_all_the_same() {
    let old = "type Query { a: ID! }";
    let (found, _) = compared(old, "type Query { a: ID }", "{ a }");
    assert!(found[0].starts_with("breaking Query.a"), "{found:?}");
}

/// A schema in which `Query.a` has this type.
fn with_a(ty: &str, definitions: &str) -> String {
    format!("type Query {{ a: {ty} }} type B {{ y: Int }} {definitions}")
}

#[test]
fn an_object_that_becomes_an_interface_is_read_as_before_and_needs_typename_when_compiled_again() {
    let old = with_a("A", "type A { x: Int! }");
    let same = with_a(
        "A",
        "interface A { x: Int! } type C implements A { x: Int! }",
    );
    let other = with_a(
        "I",
        "interface I { x: Int! } type A implements I { x: Int! }",
    );
    let needed = "the derive needs `__typename` beside what is selected";
    assert_changes(
        &old,
        &same,
        "query Q { a { x } }",
        &[&format!(
            "dangerous A 1:11: it is an interface now: {needed}"
        )],
    );
    assert_changes(
        &old,
        &other,
        "query Q { a { x } }",
        &[&format!(
            "dangerous Query.a 1:11: the type `A` became `I`: it is an interface now: {needed}"
        )],
    );
    // What has it already compiles as it is.
    assert_changes(
        &old,
        &same,
        "query Q { a { __typename x } }",
        &["dangerous A 1:11: it is an interface now"],
    );
    assert_changes(
        &old,
        &other,
        "query Q { a { __typename x } }",
        &["dangerous Query.a 1:11: the type `A` became `I`: it is an interface now"],
    );
    // What else became of it is said beside it.
    let nullable = same.replace("x: Int!", "x: Int");
    assert_changes(
        &old,
        &nullable,
        "query Q { a { x } }",
        &[
            "breaking A.x 1:15: the type `Int!` became `Int`: it may be null",
            &format!("dangerous A 1:11: it is an interface now: {needed}"),
        ],
    );
    let both = same.replace("a: A ", "a: A! ");
    assert_changes(
        &old,
        &both,
        "query Q { a { x } }",
        &[
            &*format!("dangerous A 1:11: it is an interface now: {needed}"),
            "safe Query.a 1:11: the type `A` became `A!`: it is never null",
        ],
    );
    // A fragment has types of its own.
    assert_changes(
        &old,
        &same,
        "query Q { a { ...F } } fragment F on A { x }",
        &[&format!(
            "dangerous A 1:11, 1:38: it is an interface now: {needed}"
        )],
    );
}

#[test]
fn an_object_that_becomes_a_union_is_refused_for_what_is_selected_of_it() {
    let old = with_a("A", "type A { x: Int! }");
    let same = with_a("A", "union A = C type C { x: Int! }");
    assert_changes(
        &old,
        &same,
        "query Q { a { __typename } }",
        &["dangerous A 1:11: it is a union now"],
    );
    assert_changes(
        &old,
        &same,
        "query Q { a { __typename x } }",
        &[
            "breaking A.x 1:26: the type `A` is a union now, which has no fields",
            "dangerous A 1:11: it is a union now",
        ],
    );
    let other = with_a("U", "union U = A | B type A { x: Int! }");
    assert_changes(
        &old,
        &other,
        "query Q { a { __typename ...F } } fragment F on A { __typename }",
        &[
            "dangerous Query.a 1:11: the type `A` became `U`: it is a union now",
            "dangerous Query.a 1:26: what is selected on `A` may be missing",
        ],
    );
}

#[test]
fn what_types_made_before_read_of_a_fragment_may_be_missing() {
    let old = with_a("A", "type A { x: Int! z: Int }");
    let other = with_a(
        "I",
        "interface I { z: Int } type A implements I { x: Int! z: Int }
         type C implements I { z: Int }",
    );
    let is_now = "dangerous Query.a 1:11: the type `A` became `I`: it is an interface now";
    for (fragment, level) in [
        ("{ x }", "breaking"),
        ("{ __typename z }", "dangerous"),
        ("{ ...G z } fragment G on A { x }", "breaking"),
    ] {
        let document = format!("query Q {{ a {{ __typename ...F }} }} fragment F on A {fragment}");
        let missing = format!("{level} Query.a 1:26: what is selected on `A` may be missing");
        let mut expected = [missing.as_str(), is_now];
        expected.sort_unstable();
        assert_changes(&old, &other, &document, &expected);
    }
    // An object that is always of the fragment's type has all of it.
    let always = with_a(
        "I",
        "interface I { z: Int } type A implements I { x: Int! z: Int }",
    );
    let document = "query Q { a { __typename ...F } } fragment F on A { x }";
    assert_changes(&old, &always, document, &[is_now]);
}

#[test]
fn an_interface_that_becomes_something_else_is_read_by_the_types_that_it_had() {
    let old = with_a(
        "N",
        "interface N { x: Int } type C implements N { x: Int } type D implements N { x: Int }",
    );
    let document = "query Q { a { __typename x } }";
    // One of those that it was.
    assert_changes(
        &old,
        &old.replace("a: N", "a: C"),
        document,
        &["dangerous Query.a 1:11: the type `N` became `C`: it is an object type now"],
    );
    // The objects are named otherwise: none of them is known.
    let unknown = "none of the types that it may be is known to types made before";
    assert_changes(
        &old,
        &with_a("N", "type N { x: Int }"),
        document,
        &[
            &*format!("breaking N 1:11: {unknown}"),
            "dangerous N 1:11: it is an object type now",
            "safe N 1:11: it is never `C`",
            "safe N 1:11: it is never `D`",
        ],
    );
    assert_changes(
        &old,
        &with_a("N", "union N = C | B type C { x: Int }"),
        "query Q { a { __typename } }",
        &[
            "dangerous N 1:11: it is a union now",
            "dangerous N 1:11: it may be `B`, too",
            "safe N 1:11: it is never `D`",
        ],
    );
    let other = format!(
        "{} interface M {{ x: Int }} type E implements M {{ x: Int }}",
        old.replace("a: N", "a: M")
    );
    assert_changes(
        &old,
        &other,
        document,
        &[
            &*format!("breaking Query.a 1:11: {unknown}"),
            "dangerous Query.a 1:11: it may be `E`, too",
            "dangerous Query.a 1:11: the type `N` became `M`: another type, which has what is selected",
        ],
    );
}

#[test]
fn an_object_that_has_another_name_is_not_known_where_types_read_its_name() {
    let old = "type Query { n: N c: C d: D } interface N { x: Int }
        type C implements N { x: Int } type D implements N { x: Int }";
    let new = "type Query { n: N c: E d: D } interface N { x: Int }
        type E implements N { x: Int } type D implements N { x: Int }";
    assert_changes(
        old,
        new,
        "query Q { n { __typename x } }",
        &["breaking N 1:11: `C` is named `E` now, which types made before do not know"],
    );
    assert_changes(
        old,
        new,
        "query Q { c { x } }",
        &["safe Query.c 1:11: the type `C` became `E`: it has another name"],
    );
}

#[test]
fn the_default_of_a_directive_s_argument_that_is_left_out_counts() {
    let old = "directive @a(b: Int = 1, c: Int) on FIELD | QUERY | FRAGMENT_SPREAD | VARIABLE_DEFINITION type Query { x: Int }";
    let document = "query Q @a { x @a(b: 3) }";
    for (from, to, expected) in [
        (
            "b: Int = 1",
            "b: Int = 2",
            &["dangerous @a(b:) 1:9: the default `1` became `2`"][..],
        ),
        (
            "b: Int = 1",
            "b: Int",
            &["dangerous @a(b:) 1:9: the default `1` is removed"],
        ),
        (
            "b: Int = 1, ",
            "",
            &["breaking @a(b:) 1:19: the argument is removed"],
        ),
        (
            "c: Int",
            "c: Int!",
            &["breaking @a(c:) 1:9, 1:16: the type `Int` became `Int!`"],
        ),
        (
            "c: Int",
            "c: Int, d: Int!",
            &["breaking @a(d:) 1:9, 1:16: a required argument is added"],
        ),
        (
            "b: Int = 1",
            "b: Boolean = true",
            &[
                "breaking @a(b:) 1:19: the type `Int` became `Boolean`",
                "dangerous @a(b:) 1:9: the default `1` became `true`",
            ],
        ),
    ] {
        let (mut found, _) = compared(old, &old.replacen(from, to, 1), document);
        found.retain(|it| !it.starts_with("safe"));
        assert_eq!(found, expected, "{to}");
    }
    // Wherever it stands.
    let old = old.replace("x: Int }", "x(n: Int): Int }");
    assert_changes(
        &old,
        &old.replace("= 1", "= 2"),
        "query Q($v: Int @a) { x(n: $v) ...F @a } fragment F on Query { x(n: $v) @a }",
        &["dangerous @a(b:) 1:17, 1:37, 1:73: the default `1` became `2`"],
    );
}

#[test]
fn a_default_that_is_removed_is_said_to_be_where_a_value_is_required_now() {
    let required = "the default `1` is removed: a value is required now";
    let old = "type Query { a(n: Int! = 1): Int b(in: In): Int } input In { n: Int! = 1 }";
    let argument = old.replacen(" = 1", "", 1);
    assert_changes(
        old,
        &argument,
        "query Q { a }",
        &[&format!("breaking Query.a(n:) 1:11: {required}")],
    );
    assert_changes(
        old,
        &argument,
        "query Q($n: Int) { a(n: $n) }",
        &[&format!("breaking Query.a(n:) 1:22: {required}")],
    );
    for document in ["query Q { a(n: 2) }", "query Q($n: Int!) { a(n: $n) }"] {
        let (found, _) = compared(old, &argument, document);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("safe Query.a(n:) "), "{found:?}");
        assert!(
            found[0].ends_with(": the default `1` is removed"),
            "{found:?}"
        );
    }
    let field = old.replace("In { n: Int! = 1 }", "In { n: Int! }");
    assert_changes(
        old,
        &field,
        "query Q { b(in: {}) }",
        &[&format!("breaking In.n 1:17: {required}")],
    );
    assert_changes(
        old,
        &field,
        "query Q($n: Int) { b(in: { n: $n }) }",
        &[&format!("breaking In.n 1:28: {required}")],
    );
    // The derive's types always have it.
    assert_changes(
        old,
        &field,
        "query Q($in: In) { b(in: $in) }",
        &["safe In.n 1:9: the default `1` is removed"],
    );
    let directive = "directive @a(n: Int! = 1) on FIELD type Query { a: Int }";
    assert_changes(
        directive,
        &directive.replace(" = 1", ""),
        "query Q { a @a }",
        &[&format!("breaking @a(n:) 1:13: {required}")],
    );
}

#[test]
fn a_value_is_compared_wherever_it_stands_in_a_document() {
    let lists = "type Query { a(n: [Int]): Int }";
    let without_null = lists.replace("[Int]", "[Int!]");
    for (document, place) in [
        ("query Q { a(n: [1, null]) }", "1:13"),
        ("query Q($n: Int) { a(n: [1, $n]) }", "1:22"),
        // Valid: its default takes the place of nothing. Not that of null.
        ("query Q($n: Int = 1) { a(n: [1, $n]) }", "1:26"),
    ] {
        let expected = format!("breaking Query.a(n:) {place}: the type `[Int]` became `[Int!]`");
        assert_changes(lists, &without_null, document, &[&expected]);
    }
    let old = "type Query { a(in: In): Int } input In { n: Int = 1, m: Int, c: C } enum C { R S }";
    let document = "query Q($n: Int) { a(in: { n: $n, c: R }) }";
    for (from, to, expected) in [
        (
            "n: Int = 1",
            "n: Int = 2",
            "dangerous In.n 1:28: the default `1` became `2`",
        ),
        (
            "m: Int",
            "m: Int = 3",
            "dangerous In.m 1:26: the default `3` is added",
        ),
        ("m: Int, ", "", "safe In.m 1:26: the field is removed"),
        ("R S", "R @deprecated S", "safe C.R 1:38: deprecated"),
        ("m: Int", "m: Int @deprecated", "safe In.m 1:26: deprecated"),
        (
            "enum C { R S }",
            "scalar C",
            "dangerous C 1:38: it is another kind of type",
        ),
        (
            "enum C { R S }",
            "enum C { S }",
            "breaking C.R 1:38: the value is removed",
        ),
        (
            "input In",
            "input In @oneOf",
            "breaking In 1:26: it takes exactly one field now",
        ),
    ] {
        let old = if to.contains("oneOf") {
            old.replace(" = 1", "")
        } else {
            old.to_owned()
        };
        assert_changes(&old, &old.replacen(from, to, 1), document, &[expected]);
    }
    let null = "breaking In.n 1:28: the type `Int` became `Int!`";
    let added = "dangerous In.n 1:28: the default `1` became `2`";
    assert_changes(
        old,
        &old.replace("Int = 1", "Int! = 2"),
        document,
        &[null, added],
    );
    // Of a scalar of its own a schema says of no value that it takes it.
    assert_changes(
        "type Query { a(d: String): Int } scalar D",
        "type Query { a(d: D): Int } scalar D",
        "query Q { a(d: \"x\") }",
        &["dangerous Query.a(d:) 1:13: the type `String` became `D`: it may take other values"],
    );
}

#[test]
fn a_variable_is_that_of_the_operations_that_use_the_fragment() {
    let old = "type Query { a(n: Int): Int b(s: String): Int }";
    let new = old.replace("n: Int", "n: Int! = 1");
    let fragment = "query B($n: Int!) { ...F } fragment F on Query { a(n: $n) }";
    // The `$n` of `A` has nothing to do with it.
    let other = format!("query A($n: String) {{ b(s: $n) }} {fragment}");
    assert_changes(
        old,
        &new,
        &other,
        &[
            "safe Query.a(n:) 1:85: the default `1` is added",
            "safe Query.a(n:) 1:85: the type `Int` became `Int!`",
        ],
    );
    let both = format!("query A($n: Int) {{ ...F }} {fragment}");
    assert_changes(
        old,
        &new,
        &both,
        &[
            "breaking Query.a(n:) 1:78: the type `Int` became `Int!`",
            "dangerous Query.a(n:) 1:78: the default `1` is added",
        ],
    );
}

#[test]
fn a_default_is_the_same_in_whatever_order_its_fields_are_written() {
    let old = "type Query { a(in: In = { a: 1, b: [2] }): Int } input In { a: Int b: [Int] }";
    let document = "query Q { a }";
    assert_changes(
        old,
        &old.replace("{ a: 1, b: [2] }", "{b: [2] a: 1}"),
        document,
        &[],
    );
    let changed =
        "dangerous Query.a(in:) 1:11: the default `{a: 1, b: [2]}` became `{a: 1, b: [3]}`";
    assert_changes(old, &old.replace("[2]", "[3]"), document, &[changed]);
}

#[test]
fn an_enum_that_has_another_name_is_read_as_before() {
    let old = "type Query { a: C } enum C { R }";
    assert_changes(
        old,
        "type Query { a: D } enum D { R S }",
        "query Q { a }",
        &[
            "dangerous C.S 1:11: a value is added",
            "safe Query.a 1:11: the type `C` became `D`: it has another name",
        ],
    );
    for new in [
        "type Query { a: D } enum C { R } enum D { R }",
        "type Query { a: String } enum C { R }",
    ] {
        let (found, _) = compared(old, new, "query Q { a }");
        assert!(found[0].starts_with("breaking Query.a"), "{found:?}");
    }
}

#[test]
fn another_root_is_another_type_unless_it_is_the_same_by_another_name() {
    let old = "schema { query: A } type A { a: Int } type B { a: Int }";
    assert_changes(
        old,
        &old.replace("query: A", "query: B"),
        "query Q { a }",
        &["dangerous A 1:1: queries are of the type `B` now, which has what is selected"],
    );
    let more = old.replace("type A {", "type A { b: Int");
    assert_changes(
        &more,
        &more.replace("query: A", "query: B"),
        "query Q { a b }",
        &[
            "breaking A.b 1:13: `B` has no field `b`",
            "dangerous A 1:1: queries are of the type `B` now",
        ],
    );
    assert_changes(
        "schema { query: A } type A { a: Int }",
        "schema { query: C } type C { a: Int }",
        "query Q { a }",
        &["safe A 1:1: the type is named `C` now"],
    );
    assert_changes(
        "type Query { a: Int } type Subscription { a: Int }",
        "type Query { a: Int }",
        "subscription Q { a }",
        &["breaking Subscription 1:1: the schema has no subscriptions any more"],
    );
}

#[test]
fn what_the_derive_alone_does_not_take_any_more_is_safe_and_said() {
    let old = "type Query { n: N } interface N { x: Int } type C implements N { x: Int }
        type A implements N { x: Int }";
    let new = "type Query { n: N } interface N { x: Int } type C implements N { x: Int }
        interface A implements N { x: Int } type B implements A & N { x: Int }";
    let document = "query Q { n { __typename ... on A { __typename x } } }";
    assert_changes(
        old,
        new,
        document,
        &[
            "dangerous A 1:33: it is an interface now",
            "dangerous N 1:11: it may be `B`, too",
            "safe N 1:11: it is never `A`",
            "safe query Q 1:26: the derive does not take it any more: What is in `... on A` is not read of \"N\".",
        ],
    );
}

#[test]
fn objects_that_are_not_known_break_what_the_derive_finds_by_their_names() {
    let old = "type Query { a: A n: N! } interface N { x: Int } type A implements N { x: Int } type C { x: Int }";
    let new = "type Query { a: C n: N! } interface N { x: Int } type A { x: Int } type C implements N { x: Int }";
    let unknown = "none of the types that it may be is known to types made before";
    // Types are made of it, though they do not read every response.
    assert_changes(
        old,
        new,
        "query Q($f: Boolean!) { n @include(if: $f) { __typename x } }",
        &[
            &*format!("breaking N 1:25: {unknown}"),
            "dangerous N 1:25: it may be `C`, too",
            "safe N 1:25: it is never `A`",
        ],
    );
    // None are made of these.
    assert_changes(
        old,
        new,
        "query Q { n { x } }",
        &[
            "dangerous N 1:11: it may be `C`, too",
            &*format!("dangerous N 1:11: {unknown}"),
            "safe N 1:11: it is never `A`",
        ],
    );
    let (mut found, _) = compared(old, new, "query Q { a { ...F } } fragment F on N { x }");
    found.retain(|it| it.ends_with(unknown));
    assert_eq!(found, [format!("dangerous Query.a 1:15: {unknown}")]);
}

#[test]
fn what_the_derive_did_not_take_before_hides_nothing_that_it_does_not_take_now() {
    let old = "type Query { a: A! x: Int } type A { x: Int }";
    assert_changes(
        old,
        &old.replace("type A", "type B implements A { x: Int } interface A"),
        "query Q($f: Boolean!) { a @include(if: $f) { x } }",
        &[
            "dangerous A 1:25: it is an interface now: the derive needs `__typename` beside what is selected",
        ],
    );
    assert_changes(
        old,
        &old.replacen("x: Int", "x: Int!", 1),
        "query Q($f: Boolean!) { x @include(if: $f) }",
        &[
            "safe Query.x 1:25: the type `Int` became `Int!`: it is never null",
            "safe query Q 1:25: the derive does not take it any more: \"x\" may be left out, and is never null.",
        ],
    );
}

#[test]
fn what_becomes_a_leaf_or_another_kind_of_one_is_refused_or_not_read() {
    let old = "type Query { a: A s: S } type A { x: Int } scalar S";
    for (from, to, document, coordinate) in [
        (
            "type A { x: Int }",
            "scalar A",
            "query Q { a { x } }",
            "A 1:11",
        ),
        (
            "type A { x: Int }",
            "scalar A",
            "query Q { a { ...F } } fragment F on A { x }",
            "A 1:11, 1:38",
        ),
        ("scalar S", "enum S { R }", "query Q { s }", "S 1:11"),
        // Also where it is another one by its `!`.
        (
            "s: S } type A { x: Int } scalar S",
            "s: S! } type A { x: Int } enum S { R }",
            "query Q { s }",
            "S 1:11",
        ),
    ] {
        let (mut found, _) = compared(old, &old.replace(from, to), document);
        found.retain(|it| !it.starts_with("safe"));
        let expected = format!("breaking {coordinate}: it is another kind of type");
        assert_eq!(found, [expected], "{document}");
    }
}
