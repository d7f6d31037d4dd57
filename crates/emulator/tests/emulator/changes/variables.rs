//! What variables may hold, and which of that is not taken any more.

use super::{assert_changes, compared};

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
