//! The documents in `graphql/` are what the API is asked: they are valid against the schema, in full,
//! and agree with the vendor's page.
//!
//! The derive checks that fields exist and little else, so that a document with a wrong argument
//! compiles and fails at the first call.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use graphql_client_codegen::{
    CodegenMode, GraphQLClientCodegenOptions, generate_module_token_stream_from_string,
};

/// The API as the vendor's page "DinoAI Programmable Agents API" documents it. The page does not
/// say whether an operation can answer null; GraphQL servers let it, unless their schema forbids it.
pub(super) const PAGE: &str = "
    type Query {
      dinoaiAgentRun(agentSessionId: String!): DinoAiAgentRun
    }
    type Mutation {
      triggerDinoaiAgentRun(
        agent: String
        message: String
        slack: DinoAiAgentSlackInput
      ): TriggerDinoAiAgentRun
      sendDinoaiAgentMessage(agentSessionId: String!, message: String!): SendDinoAiAgentMessage
    }
    input DinoAiAgentSlackInput {
      channel: String!
      threadTs: String!
    }
    type TriggerDinoAiAgentRun {
      ok: Boolean!
      agentSessionId: String!
      status: String!
    }
    type SendDinoAiAgentMessage {
      ok: Boolean!
      agentSessionId: String!
      status: String!
    }
    type DinoAiAgentRun {
      ok: Boolean!
      agentSessionId: String!
      status: DinoAiAgentRunStatus!
      messages: [DinoAiAgentMessage!]!
      childSessionIds: [String!]!
      workspaceUid: String!
    }
    enum DinoAiAgentRunStatus {
      QUEUED
      RUNNING
      COMPLETED
      FAILED
    }
    type DinoAiAgentMessage {
      ts: Float!
      role: String!
      content: String!
    }
";

/// The documents on the same page, by the name of the file that has to ask for the same.
const DOCUMENTS_OF_THE_PAGE: [(&str, &str); 3] = [
    (
        "trigger_dinoai_agent_run",
        "mutation TriggerDinoaiAgentRun(
          $agent: String
          $message: String
          $slack: DinoAiAgentSlackInput
        ) {
          triggerDinoaiAgentRun(agent: $agent, message: $message, slack: $slack) {
            ok
            agentSessionId
            status
          }
        }",
    ),
    (
        "send_dinoai_agent_message",
        "mutation SendDinoaiAgentMessage(
          $agentSessionId: String!
          $message: String!
        ) {
          sendDinoaiAgentMessage(agentSessionId: $agentSessionId, message: $message) {
            ok
            agentSessionId
            status
          }
        }",
    ),
    (
        "dinoai_agent_run",
        "query DinoaiAgentRun($id: String!) {
          dinoaiAgentRun(agentSessionId: $id) {
            ok
            agentSessionId
            status
            messages {
              ts
              role
              content
            }
            childSessionIds
            workspaceUid
          }
        }",
    ),
];

/// Documents with one flaw each: what is wrong, the document, and what its refusal says.
const FLAWED_DOCUMENTS: [(&str, &str, &str); 5] = [
    (
        "a wrong field",
        "query Flawed($id: String!) { dinoaiAgentRun(agentSessionId: $id) { state } }",
        "type `DinoAiAgentRun` does not have a field `state`",
    ),
    (
        "a wrong argument",
        "query Flawed($id: String!) { dinoaiAgentRun(agentSessionId: $id, id: $id) { ok } }",
        "the argument `id` is not supported by `Query.dinoaiAgentRun`",
    ),
    (
        "a wrong variable type",
        "query Flawed($id: Int!) { dinoaiAgentRun(agentSessionId: $id) { ok } }",
        "variable `$id` of type `Int!` cannot be used for argument `agentSessionId` of type \
         `String!`",
    ),
    (
        "a missing argument",
        "query Flawed { dinoaiAgentRun { ok } }",
        "the required argument `Query.dinoaiAgentRun(agentSessionId:)` is not provided",
    ),
    (
        "an unused variable",
        "query Flawed($id: String!, $more: Int) { dinoaiAgentRun(agentSessionId: $id) { ok } }",
        "unused variable: `$more`",
    ),
];

#[test]
fn there_is_one_document_for_each_operation_of_the_design_and_no_other() {
    let names: Vec<String> = documents().into_keys().collect();
    assert_eq!(
        names,
        [
            "dinoai_agent_run",
            "dinoai_agent_run_digest",
            "dinoai_agent_run_status",
            "dinoai_agent_run_steps",
            "list_workspaces",
            "send_dinoai_agent_message",
            "stop_dinoai_agent_run",
            "trigger_dinoai_agent_run",
            "trigger_dinoai_agent_run_with_options",
        ]
    );
}

#[test]
fn the_documents_that_are_exported_are_those_of_the_folder() {
    let exported: Vec<_> = dinoai::DOCUMENTS
        .iter()
        .map(|(file, text)| {
            (
                file.trim_end_matches(".graphql").to_owned(),
                (*text).to_owned(),
            )
        })
        .collect();
    assert_eq!(exported, documents().into_iter().collect::<Vec<_>>());
}

#[test]
fn every_document_is_valid_against_the_schema_in_full() {
    let schema = schema();
    for (file, text) in documents() {
        if let Err(refusal) = validate(&schema, &text) {
            panic!("{file}: {refusal}");
        }
    }
}

#[test]
fn every_document_holds_one_operation_named_as_its_file() {
    let schema = schema();
    for (file, text) in documents() {
        let document = validate(&schema, &text).unwrap();
        let names: Vec<_> = document
            .operations
            .iter()
            .map(|operation| operation.name.as_ref().map(|name| snake_case(name)))
            .collect();
        assert_eq!(names, [Some(file)]);
    }
}

#[test]
fn a_flawed_document_is_refused_for_its_flaw() {
    let schema = schema();
    for (flaw, text, words) in FLAWED_DOCUMENTS {
        let refusal = validate(&schema, text).unwrap_err();
        assert!(refusal.contains(words), "{flaw}: {refusal}");
    }
}

#[test]
fn the_derive_refuses_a_wrong_field_and_takes_a_right_one() {
    let right = "query Right($id: String!) { dinoaiAgentRun(agentSessionId: $id) { status } }";
    let generated = derive(right).unwrap();
    assert!(
        generated.contains("DinoAiAgentRunStatus"),
        "nothing was generated for the field: {generated}"
    );

    let (_, wrong, _) = FLAWED_DOCUMENTS[0];
    let refusal = derive(wrong).unwrap_err();
    assert!(
        refusal.contains("state") && refusal.contains("DinoAiAgentRun"),
        "{refusal}"
    );
}

#[test]
fn the_derive_misses_the_other_flaws_so_the_full_validation_is_needed() {
    for (flaw, text, _) in &FLAWED_DOCUMENTS[1..] {
        assert!(derive(text).is_ok(), "the derive has learnt to see {flaw}");
    }
}

#[test]
fn calls_that_the_page_documents_send_documents_that_the_page_knows() {
    let page = Schema::parse_and_validate(PAGE, "page").unwrap();
    let (known, unknown): (Vec<_>, Vec<_>) = documents()
        .into_iter()
        .partition(|(_, text)| validate(&page, text).is_ok());

    let names = |documents: &[(String, String)]| -> Vec<String> {
        documents.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(
        names(&known),
        [
            "dinoai_agent_run",
            "dinoai_agent_run_digest",
            "dinoai_agent_run_status",
            "send_dinoai_agent_message",
            "trigger_dinoai_agent_run",
        ]
    );
    assert_eq!(
        names(&unknown),
        [
            "dinoai_agent_run_steps",
            "list_workspaces",
            "stop_dinoai_agent_run",
            "trigger_dinoai_agent_run_with_options",
        ]
    );
}

#[test]
fn calls_that_the_page_documents_take_and_select_what_the_page_does() {
    let page = Schema::parse_and_validate(PAGE, "page").unwrap();
    let documents = documents();
    for (file, on_the_page) in DOCUMENTS_OF_THE_PAGE {
        let ours = validate(&page, &documents[file]).unwrap();
        let theirs = validate(&page, on_the_page).unwrap();
        assert_eq!(without_fragments(&ours), without_fragments(&theirs));
    }
}

/// The documents by the name of their file.
fn documents() -> BTreeMap<String, String> {
    fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap() != "schema.graphql")
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

pub(super) fn schema() -> Valid<Schema> {
    let path = folder().join("schema.graphql");
    Schema::parse_and_validate(fs::read_to_string(path).unwrap(), "schema.graphql").unwrap()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("graphql")
}

fn validate(schema: &Valid<Schema>, text: &str) -> Result<Valid<ExecutableDocument>, String> {
    ExecutableDocument::parse_and_validate(schema, text, "document")
        .map_err(|refused| refused.errors.to_string())
}

fn derive(text: &str) -> Result<String, String> {
    let options = GraphQLClientCodegenOptions::new(CodegenMode::Cli);
    generate_module_token_stream_from_string(text, &folder().join("schema.graphql"), options)
        .map(|generated| generated.to_string())
        .map_err(|refused| refused.to_string())
}

fn snake_case(name: &str) -> String {
    let mut snake_case = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !snake_case.is_empty() {
            snake_case.push('_');
        }
        snake_case.extend(character.to_lowercase());
    }
    snake_case
}

/// A document's operation, the fields of its fragments in the place where the fragment is spread.
fn without_fragments(document: &ExecutableDocument) -> String {
    let mut operation = Operation::clone(document.operations.iter().next().unwrap());
    operation.selection_set = inlined(document, &operation.selection_set);
    operation.to_string()
}

fn inlined(document: &ExecutableDocument, selected: &SelectionSet) -> SelectionSet {
    let mut whole = SelectionSet::new(selected.ty.clone());
    for selection in &selected.selections {
        match selection {
            Selection::Field(field) => {
                let mut field = Field::clone(field);
                field.selection_set = inlined(document, &field.selection_set);
                whole.push(field);
            }
            Selection::FragmentSpread(spread) => {
                let fragment = spread.fragment_def(document).unwrap();
                whole.extend(inlined(document, &fragment.selection_set).selections);
            }
            Selection::InlineFragment(fragment) => {
                whole.extend(inlined(document, &fragment.selection_set).selections);
            }
        }
    }
    whole
}
