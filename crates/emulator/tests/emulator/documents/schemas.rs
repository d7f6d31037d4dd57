//! Type definitions are a schema, or all that is wrong with them is said.

use dinoai_emulator::documents::{Documents, ProblemKind, Schema};

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
fn a_schema_that_is_too_large_is_refused_wherever_it_comes_from() {
    let text = format!("type Query {{ a: Int }}{}", " ".repeat(16 << 20));
    let problems = Schema::parse("s.graphql", text).unwrap_err().to_string();
    assert!(problems.contains("it has more than 16 MiB"), "{problems}");
}

#[test]
fn an_empty_file_that_is_called_a_schema_is_one_with_a_mistake() {
    let documents = Documents::new()
        .with("graphql/a.graphql", "query A { a }")
        .with("graphql/schema.graphql", "# none\n");
    let problem = documents.own_schema().unwrap_err().list()[0].clone();
    assert_eq!(problem.kind, ProblemKind::Syntax);
    assert_eq!(problem.file.as_deref(), Some("graphql/schema.graphql"));
    // By any other name it is a document, which is empty.
    let documents = Documents::new().with("b.graphql", "");
    assert!(documents.own_schema().unwrap().is_none());
}
