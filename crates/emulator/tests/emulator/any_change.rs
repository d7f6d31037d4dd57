//! Whatever a schema becomes, it is compared or refused, and what it refuses of a document is breaking.

use dinoai_emulator::changes::changes;
use dinoai_emulator::documents::{Documents, Schema};
use proptest::prelude::*;
use proptest::sample::Index;

const SDL: &str = include_str!("../../backends/current.graphql");
const DOCUMENT: &str = "
    query Run($id: String!, $after: Int) {
      run: dinoaiAgentRun(agentSessionId: $id) {
        ...Run
        steps(after: $after, includeToolIo: true) { index role toolName }
      }
    }
    fragment Run on DinoAiAgentRun { ok status messages { ts role } childSessionIds }
    mutation Start($slack: DinoAiAgentSlackInput) {
      triggerDinoaiAgentRun(agent: \"a\", slack: $slack) { ok agentSessionId warning }
    }
";

/// Words of the text that are gone, doubled, or have another one's place.
fn changed(text: &str, edits: &[(Index, Index, u8)]) -> String {
    let mut words: Vec<&str> = text
        .split_inclusive([' ', '\n', '(', ')', ':', '!', '[', ']'])
        .collect();
    for (one, other, kind) in edits {
        let (one, other) = (one.index(words.len()), other.index(words.len()));
        match kind % 3 {
            0 => drop(words.remove(one)),
            1 => words.insert(one, words[other]),
            _ => words.swap(one, other),
        }
    }
    words.concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_schema_that_changed_in_any_way_is_compared_or_refused(
        edits in prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 1..4)
    ) {
        let old = Schema::parse("old.graphql", SDL).unwrap();
        let documents = Documents::new().with("a.graphql", DOCUMENT);
        let Ok(new) = Schema::parse("new.graphql", changed(SDL, &edits)) else {
            return Ok(());
        };
        let found = changes(&old, &new, &documents).unwrap();
        prop_assert!(documents.check(&new).is_ok() || found.breaks(), "{found:?}");
        // The other way round, as far as the documents are valid then.
        let back = changes(&new, &old, &documents);
        prop_assert_eq!(back.is_ok(), documents.check(&new).is_ok());
        let same = changes(&old, &old, &documents).unwrap();
        prop_assert_eq!((same.list().len(), same.unused()), (0, 0));
    }

    #[test]
    fn a_document_and_an_introspection_of_any_kind_are_read_or_refused(
        edits in prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 1..6)
    ) {
        let schema = Schema::parse("old.graphql", SDL).unwrap();
        let documents = Documents::new().with("a.graphql", changed(DOCUMENT, &edits));
        if let Err(problems) = documents.check(&schema) {
            prop_assert!(!problems.to_string().is_empty());
        }
        let json = r#"{"__schema": {"queryType": {"name": "Query"}, "types": [{"kind": "OBJECT",
            "name": "Query", "fields": [{"name": "a", "args": [{"name": "b", "defaultValue": "[1]",
            "type": {"kind": "LIST", "ofType": {"kind": "SCALAR", "name": "Int"}}}],
            "type": {"kind": "SCALAR", "name": "Int"}, "isDeprecated": true}]}]}}"#;
        Schema::parse("any.json", json).unwrap();
        let _ = Schema::parse("any.json", changed(json, &edits));
    }
}
