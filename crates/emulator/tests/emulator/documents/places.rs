//! Everything that is wrong with a document is listed, each with its place, as `rustc` shows it.

use std::fs;
use std::panic::catch_unwind;

use dinoai_emulator::check_documents;
use dinoai_emulator::documents::Documents;

use super::{SCHEMA, folder, problems, schema};

#[test]
fn one_line_in_a_test_prints_what_is_wrong_as_rustc_does() {
    let folder = folder(&[
        ("schema.graphql", SCHEMA.as_bytes()),
        (
            "a.graphql",
            b"query A {\n  run(id: 1, at: 2) { status }\n}\n",
        ),
    ]);
    let panic = catch_unwind(|| check_documents(folder.path()).unwrap()).unwrap_err();
    let printed = panic.downcast_ref::<String>().unwrap();
    let name = folder.path().join("a.graphql");
    let expected = format!(
        "\nerror: Unknown argument \"at\" on field \"Query.run\".\n --> {}:2:14\n  |\n\
         2 |   run(id: 1, at: 2) {{ status }}\n  |              ^^",
        name.display()
    );
    assert!(printed.ends_with(&expected), "{printed}");
    fs::write(name, "query A { run(id: 1) { status } }").unwrap();
    check_documents(folder.path()).unwrap();
}

#[test]
fn a_variable_is_where_its_sign_is() {
    let text = "query A($a: String) { run(id: $a) { status(a: $  b) } }";
    let places: Vec<_> = problems(text).iter().map(|it| (it.0, it.1)).collect();
    // `$a` as it is defined, the unknown argument, and `$b`.
    assert_eq!(places, [(1, 9), (1, 44), (1, 47)]);
    let documents = Documents::new().with("a.graphql", text);
    let shown = documents.check(&schema()).unwrap_err().to_string();
    assert!(shown.contains("a.graphql:1:31"), "{shown}");
}

#[test]
fn of_many_errors_a_hundred_are_listed_and_then_that_there_are_more() {
    let text = format!("query A {{ {} }}", "no ".repeat(1_000));
    let problems = Documents::new().with("a.graphql", text).check(&schema());
    let problems = problems.unwrap_err();
    assert_eq!(problems.list().len(), 101);
    assert_eq!(problems.list()[99].line, Some(1));
    let last = &problems.list()[100];
    assert!(last.message.contains("error limit reached"), "{last}");
    assert!(
        last.says_more() && !problems.list()[99].says_more(),
        "{last}"
    );
}

#[test]
fn of_many_needs_of_the_derive_a_hundred_are_listed_whatever_they_are() {
    let described = |number| format!("\"a\" query Q{number} {{ numbers }} ");
    let text: String = (0..300).map(described).collect();
    let problems = Documents::new().with("a.graphql", text).check(&schema());
    let problems = problems.unwrap_err();
    assert_eq!(problems.list().len(), 101);
    assert!(problems.list()[100].says_more(), "{problems}");
}

#[test]
fn of_a_document_that_takes_too_long_it_is_said_what_to_do() {
    let text = format!("query A {{ {} }}", "__typename ".repeat(8_000));
    let problems = Documents::new().with("a.graphql", text).check(&schema());
    let shown = problems.unwrap_err().to_string();
    assert!(shown.contains("split the document"), "{shown}");
}

#[test]
fn fragments_that_spread_one_another_many_times_take_no_time() {
    let fragments: String = (0..100)
        .map(|it| {
            format!(
                "fragment F{it} on Named {{ ...F{} ...F{} }} ",
                it + 1,
                it + 1
            )
        })
        .collect();
    let text =
        format!("query A {{ one {{ ...F0 }} }} {fragments} fragment F100 on Named {{ name }}");
    let problems = Documents::new().with("a.graphql", text).check(&schema());
    let problems = problems.unwrap_err();
    assert_eq!(problems.list().len(), 101);
    assert!(problems.list()[100].says_more(), "{problems}");
}

#[test]
fn a_line_that_is_cut_says_so_and_wide_characters_move_the_mark() {
    let wide = "query A { run(id: \"日本語\") { no } }";
    let long = format!("query A {{ run(id: \"{}\") {{ no }} }}", "x".repeat(1_000));
    for (text, before, start) in [
        (wide, "1 | query A { run(id: \"日本語\") { ", 'q'),
        (&*long, "1 | …x", '…'),
    ] {
        let problems = Documents::new().with("a.graphql", text).check(&schema());
        let shown = problems.unwrap_err().to_string();
        let [.., line, marks] = &shown.lines().collect::<Vec<_>>()[..] else {
            panic!("{shown}");
        };
        assert!(
            line.starts_with(before) && line.chars().nth(4) == Some(start),
            "{shown}"
        );
        let columns = |text: &str| {
            text.chars()
                .map(|it| if it.is_ascii() || it == '…' { 1 } else { 2 })
                .sum::<usize>()
        };
        assert_eq!(
            columns(&line[..line.find("no }").unwrap()]),
            columns(&marks[..marks.find('^').unwrap()]),
            "{shown}"
        );
    }
}
