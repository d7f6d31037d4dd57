//! Values in a document, and the defaults of what it leaves out.

use super::{assert_changes, compared};

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
    // A schema does not say which values a custom scalar takes.
    assert_changes(
        "type Query { a(d: String): Int } scalar D",
        "type Query { a(d: D): Int } scalar D",
        "query Q { a(d: \"x\") }",
        &["dangerous Query.a(d:) 1:13: the type `String` became `D`: it may take other values"],
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
