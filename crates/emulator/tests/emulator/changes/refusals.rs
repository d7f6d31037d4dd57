//! What a server or the derive does not take any more, and did not take before.

use dinoai_emulator::changes::changes;
use dinoai_emulator::documents::{Documents, Schema};

use super::{assert_changes, compared};

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
fn documents_that_are_wrong_already_are_refused() {
    let schema = Schema::parse("a", "type Query { a: Int }").unwrap();
    let documents = Documents::new().with("a.graphql", "query Q { b }");
    let problems = changes(&schema, &schema, &documents).unwrap_err();
    assert_eq!(problems.list()[0].line, Some(1));
}

#[test]
fn documents_that_the_derive_would_not_take_are_compared_all_the_same() {
    let old = "type Query { a: ID! }";
    let (found, _) = compared(old, "type Query { a: ID }", "{ a }");
    assert!(found[0].starts_with("breaking Query.a"), "{found:?}");
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
