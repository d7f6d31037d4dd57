//! What is read of another type, another enum, another root.

use super::{assert_changes, compared};

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
