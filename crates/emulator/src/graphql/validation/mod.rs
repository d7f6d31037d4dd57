//! Whether a document may be executed: the rules of the reference implementation, in its words,
//! because clients look for those words. Suggestions ("Did you mean") are left out, as the
//! reference leaves them out if it is set to hide them.
//!
//! The executor's own validation goes by other words, and loses what is wrong with selections
//! that it has left out before.
//!
//! [`validate`] makes a [`Check`] and lets each rule look at the document: the names of all
//! [`executable_definitions`]; [`selections`] and [`values`] of each operation and fragment, or
//! [`type_definitions`]; then what takes all of them: variables, the use of fragments, and
//! [`overlaps`].

mod check;
mod executable_definitions;
mod introspection_depth;
mod overlaps;
mod selections;
mod type_definitions;
mod values;

use apollo_compiler::Schema;
use apollo_compiler::ast::{Definition, Document};
use apollo_compiler::response::GraphQLError;

pub(crate) use check::{ABORTED, TOO_MANY};
use check::{Check, node_address};
use executable_definitions::Spreads;
use values::Usages;

/// Everything that is wrong with a document; nothing if it may be executed.
///
/// The document must have been read without an error.
pub(crate) fn validate(schema: &Schema, document: &Document, text: &str) -> Vec<GraphQLError> {
    checked(schema, document, text).into_errors()
}

/// The check of one document, from its beginning to its end.
fn checked<'a>(schema: &'a Schema, document: &'a Document, text: &'a str) -> Check<'a> {
    let mut check = Check::new(schema, document, text);
    check.names_of_definitions();
    let mut usages = Usages::default();
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                check.operation(operation);
                let used = std::mem::take(&mut check.usages);
                usages.operations.insert(node_address(operation), used);
            }
            Definition::FragmentDefinition(fragment) => {
                check.fragment(fragment);
                let used = std::mem::take(&mut check.usages);
                usages.fragments.insert(node_address(fragment), used);
            }
            other => check.type_system_definition(other),
        }
    }
    let spreads = Spreads::of(&check);
    check.variables(&usages, &spreads);
    check.use_of_fragments(&spreads);
    check.overlaps();
    check
}

#[cfg(test)]
mod tests {
    use apollo_compiler::parser::Parser;

    use super::check::{ABORTED, MOST_ERRORS, MOST_STEPS, TOO_MANY};
    use super::*;

    // How much is looked at in documents that repeat themselves: steps are counted, since time
    // depends on the machine.

    const SCHEMA: &str = "
    type Query { run(id: String, of: [[Int]], in: In): Query, ok: Boolean }
    input In { id: String, in: In }
";

    /// What is reported, and how many steps that took.
    fn validated(text: &str) -> (Vec<String>, usize) {
        let schema = Schema::parse_and_validate(SCHEMA, "schema.graphql").unwrap();
        let parser = Parser::new().token_limit(usize::MAX);
        let document = { parser }.parse_ast(text, "document.graphql").unwrap();
        let check = checked(&schema, &document, text);
        let steps = check.steps.get();
        let errors = check.into_errors().into_iter();
        (errors.map(|it| it.message).collect(), steps)
    }

    fn repeated(count: usize, one: impl Fn(usize) -> String) -> String {
        (0..count).map(one).collect()
    }

    #[test]
    fn a_fragment_is_searched_for_introspection_once_however_often_it_is_spread() {
        let wide = |last: &str| {
            let roots = repeated(400, |it| format!("a{it}:__type(name:\"x\"){{...F}} "));
            let fields = "name ".repeat(4_000);
            format!("{{{roots}}}fragment F on __Type{{{fields}{last}}}")
        };
        let (errors, steps) = validated(&wide(""));
        assert_eq!(
            errors,
            [ABORTED],
            "the fields of one name are too many to compare"
        );
        assert!(steps < 10_000, "{steps}");
        // If the end of the fragment is too deep, so is each of the fields.
        let deep = "fields { type { fields { type { fields { name } } } } }";
        let (errors, steps) = validated(&wide(deep));
        assert_eq!(errors.len(), MOST_ERRORS + 1);
        assert!(steps < 10_000, "{steps}");
    }

    #[test]
    fn introspection_is_too_deep_through_any_fragment() {
        let documents = [
            (
                "...A",
                "fields { type { ...B } }",
                "fields { type { ...C } }",
                "fields { name }",
                true,
            ),
            (
                "...A",
                "fields { type { ...B } }",
                "fields { type { ...C } }",
                "name",
                false,
            ),
            (
                "...C ...B ...A",
                "fields { type { ...B } }",
                "interfaces { ...C }",
                "name",
                false,
            ),
            (
                "...C ...B ...A",
                "fields { type { ...B } }",
                "interfaces { ...C }",
                "possibleTypes { name }",
                true,
            ),
            (
                "fields { type { ...A } }",
                "ofType { ...B }",
                "ofType { ...C }",
                "inputFields { type { inputFields { name } } }",
                true,
            ),
            (
                "fields { type { ...A } }",
                "ofType { ...B }",
                "ofType { ...C }",
                "inputFields { type { name } }",
                false,
            ),
            // Within itself, and deeper each time.
            (
                "...A",
                "fields { type { ...A } } ...B",
                "...C",
                "name",
                true,
            ),
        ];
        for (root, a, b, c, is_too_deep) in documents {
            let text = format!(
                "{{ __type(name: \"Query\") {{ {root} }} }} fragment A on __Type {{ {a} }} \
             fragment B on __Type {{ {b} }} fragment C on __Type {{ {c} }}"
            );
            let (errors, _) = validated(&text);
            let said = errors
                .iter()
                .any(|it| it == "Maximum introspection depth exceeded");
            assert_eq!(said, is_too_deep, "{text}: {errors:?}");
        }
    }

    #[test]
    fn operations_times_fragments_end_at_the_most_steps() {
        let operations = repeated(2_000, |it| format!("query Q{it}{{...F0}}"));
        let fragments = repeated(4_000, |it| {
            format!("fragment F{it} on Query{{...F{}}}", it + 1)
        });
        let text = format!("{operations}{fragments}fragment F1200 on Query{{ok}}");
        let (errors, steps) = validated(&text);
        assert!(errors.iter().any(|it| it == ABORTED), "{errors:?}");
        assert!(steps < MOST_STEPS + 10_000, "{steps}");
    }

    #[test]
    fn usages_that_are_alike_are_looked_at_once_for_an_operation() {
        let operations = repeated(1_000, |it| format!("query Q{it}($v:String){{...F}}"));
        let fields = repeated(1_000, |it| format!("a{it}:run(id:$v){{ok}}"));
        let (errors, steps) = validated(&format!("{operations}fragment F on Query{{{fields}}}"));
        assert_eq!(errors, Vec::<String>::new());
        assert!(steps < 5_000, "{steps}");
    }

    #[test]
    fn no_more_is_made_of_errors_than_is_said() {
        let chain = repeated(6_000, |it| {
            format!("fragment F{it} on Query{{...F{}}}", it + 1)
        });
        let cycles = "...F0 ".repeat(1_000);
        let text = format!("{{...F0}}{chain}fragment F600 on Query{{{cycles}}}");
        let (errors, steps) = validated(&text);
        assert_eq!(errors.len(), MOST_ERRORS + 1);
        assert_eq!(errors.last().map(String::as_str), Some(TOO_MANY));
        assert!(steps < 100_000, "{steps}");
    }

    #[test]
    fn arguments_are_compared_as_they_were_before_they_were_written_down() {
        let differ = |one: &str, other: &str| {
            let text = format!("{{ run({one}) {{ ok }} run({other}) {{ ok }} }}");
            let (errors, _) = validated(&text);
            errors
                .iter()
                .any(|it| it.contains("they have differing arguments"))
        };
        assert!(!differ("id: \"a\", of: [[1, 2]]", "of: [[1, 2]] id: \"a\""));
        assert!(!differ(
            "in: { id: \"a\", in: {} }",
            "in: { in: {}, id: \"a\" }"
        ));
        assert!(differ("id: \"a\"", "id: \"b\""));
        assert!(differ("id: \"a\"", "of: 1"));
        assert!(differ("of: [1]", "of: 1"));
        assert!(differ("id: \"a\"", "id: \"\"\"a\"\"\""));
        // Of one that is repeated the last counts.
        assert!(differ("id: \"a\", id: \"b\"", "id: \"b\", id: \"b\""));
        assert!(!differ("id: \"b\", id: \"b\"", "id: \"a\", id: \"b\""));
    }
}
