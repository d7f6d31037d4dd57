//! A document of this crate with its root field skipped.

use graphql_parser::query::{
    Definition, Directive, Document, OperationDefinition, Selection, Value, parse_query,
};

/// The document with `@skip(if: true)` on each field at the root of its operation. `None` if it cannot
/// be parsed, which a test rules out for those of this crate.
pub(super) fn skipped(document: &str) -> Option<String> {
    let mut document: Document<'static, String> =
        parse_query::<String>(document).ok()?.into_static();
    let mut is_skipped = false;
    for definition in &mut document.definitions {
        let Definition::Operation(operation) = definition else {
            continue;
        };
        let selections = match operation {
            OperationDefinition::Query(query) => &mut query.selection_set.items,
            OperationDefinition::Mutation(mutation) => &mut mutation.selection_set.items,
            OperationDefinition::Subscription(_) | OperationDefinition::SelectionSet(_) => {
                return None;
            }
        };
        for selection in selections {
            let Selection::Field(field) = selection else {
                return None;
            };
            field.directives.push(Directive {
                position: field.position,
                name: "skip".to_owned(),
                arguments: vec![("if".to_owned(), Value::Boolean(true))],
            });
            is_skipped = true;
        }
    }
    is_skipped.then(|| document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_at_the_root_is_skipped_and_none_below() {
        let document = "
            # Of two runs.
            query Two($id: String!) {
                a: dinoaiAgentRun(agentSessionId: $id) { ...Run }
                dinoaiAgentRun(agentSessionId: $id) { ok }
            }
            fragment Run on DinoAiAgentRun { ok messages { ts } }";
        let skipped = skipped(document).unwrap();
        assert_eq!(skipped.matches("@skip(if: true)").count(), 2, "{skipped}");
        let roots = skipped
            .lines()
            .filter(|line| line.contains("@skip(if: true)"));
        assert!(roots.clone().all(|line| line.contains("dinoaiAgentRun(")));
        assert!(
            skipped.contains("fragment Run on DinoAiAgentRun"),
            "{skipped}"
        );
    }

    #[test]
    fn what_cannot_be_skipped_is_not_sent() {
        for document in [
            "",
            "{ a }",
            "query A { ...B } fragment B on Query { a }",
            "subscription A { a }",
            "query A {",
        ] {
            assert_eq!(skipped(document), None, "{document}");
        }
    }
}
