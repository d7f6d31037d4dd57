//! Schemas as a whole: what no document uses, odd ones, and one by introspection.

use dinoai_emulator::changes::changes;
use dinoai_emulator::documents::{Documents, ProblemKind, Problems, Schema};
use serde_json::json;

use super::compared;
use crate::caller::call;

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
    const QUERY: &str = include_str!("../../../../cli/src/commands/schema/introspection.graphql");
    let emulator = dinoai_emulator::Emulator::builder().start().await.unwrap();
    let response = call(&emulator, QUERY, json!({})).await;
    let told = Schema::parse("told.json", response.body.to_string()).unwrap();
    let served = include_str!("../../../backends/current.graphql");
    let served = Schema::parse("current.graphql", served).unwrap();
    let documents = Documents::new().with("a.graphql", "query A { __typename }");
    for (old, new) in [(&told, &served), (&served, &told)] {
        let found = changes(old, new, &documents).unwrap();
        assert_eq!((found.list(), found.unused()), (&[][..], 0));
    }
}
