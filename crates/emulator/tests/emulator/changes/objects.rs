//! The objects that an interface or a union may be, and what becomes of those that types know by name.

use super::{assert_changes, compared};

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
    // The objects are renamed: none of them is known.
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
